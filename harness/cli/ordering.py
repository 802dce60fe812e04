"""From options to an order: which cases, which targets, how often, under which policy."""

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from harness.core.policy import Policy
from harness.core.run import Manifest, RunKind
from harness.core.suite import Suite, Target
from harness.errors import SetupError, UsageError
from harness.flows.prepare import RunOrder
from harness.ports import Encoder
from harness.registry import did_you_mean
from harness.wiring import Workshop


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the command line may say about a run."""

    suite: str
    targets: tuple[str, ...] = ()
    case_globs: tuple[str, ...] = ()
    samples: int | None = None
    night: str | None = None
    scheduled: bool = False
    kind: RunKind = RunKind.CHECK
    max_cost_usd: float | None = None
    resume: str | None = None
    only_errors: bool = False
    confirm: bool = True
    confirm_after: str | None = None
    policy: Policy | None = None
    plan_only: bool = False
    batches: int = 1
    """Batches one after the other, as a calibration in one evening needs them."""


def make_order(
    workshop: Workshop, options: RunOptions, encoder: Encoder, earlier: Manifest | None
) -> RunOrder:
    """Settle what a run is to do, or what an `earlier` one was to do. Raises InputError."""
    config, now = workshop.project.config, workshop.clock.now()
    suite = _only(workshop.suite(options.suite), options.case_globs)
    spec = config.suites[options.suite]
    policy = options.policy or config.decision_policy()
    if options.max_cost_usd is not None:
        limits = policy.limits.model_copy(update={"max_cost_usd": options.max_cost_usd})
        policy = policy.model_copy(update={"limits": limits})
    if options.confirm_after is not None:
        try:
            policy = Policy.model_validate({**policy.model_dump(), "confirm_after": options.confirm_after})
        except ValueError as error:
            raise UsageError(
                f"--confirm-after '{options.confirm_after}': expected now, next-run, or a time such as 90m or 1h"
            ) from error
    if earlier is not None:
        names = tuple(target.name for target in earlier.targets)
        # A calibration asks a case more often than its file says.
        asked = {case.id: case.samples for case in earlier.suite.cases}
        suite = suite.model_copy(
            update={
                "cases": tuple(
                    case.model_copy(update={"samples": asked[case.id]})
                    for case in suite.cases
                    if case.id in asked
                )
            }
        )
    else:
        names = options.targets or spec.targets
    samples = earlier.samples if earlier else options.samples or spec.samples
    kind = earlier.kind if earlier else options.kind
    if options.batches > 1:
        suite = suite.model_copy(
            update={
                "cases": tuple(
                    case.model_copy(update={"samples": (case.samples or samples) * options.batches})
                    for case in suite.cases
                )
            }
        )
    for name in names:
        if name not in config.targets:
            raise UsageError(f"unknown target '{name}'{did_you_mean(name, tuple(config.targets))}")
    return RunOrder(
        run=earlier.run if earlier else workshop.new_run_id(options.suite),
        kind=kind,
        suite=suite,
        targets={name: config.targets[name] for name in names},
        samples=samples,
        night=earlier.night if earlier else _night(options.night) or f"{now:%Y-%m-%d}",
        scheduled=earlier.scheduled if earlier else options.scheduled,
        started_at=now.isoformat(timespec="seconds"),
        policy=policy,
        encoder=encoder.digest,
        encoder_name=config.encoder.name,
        versions=workshop.versions(),
        commit=workshop.commit(),
        confirm=options.confirm and kind is RunKind.CHECK,
    )


def _night(named: str | None) -> str | None:
    if named is None:
        return None
    try:
        return date.fromisoformat(named).isoformat()
    except ValueError as error:
        raise UsageError(f"--night '{named}' is not a date such as 2026-11-21") from error


def _only(suite: Suite, globs: tuple[str, ...]) -> Suite:
    """Keep the cases that any of `globs` names. Raises UsageError for a glob that names none."""
    if not globs:
        return suite
    ids = tuple(case.id for case in suite.cases)
    for glob in globs:
        if not fnmatch.filter(ids, glob):
            raise UsageError(f"no case of '{suite.name}' matches '{glob}'{did_you_mean(glob, ids)}")
    kept = {case_id for glob in globs for case_id in fnmatch.filter(ids, glob)}
    return suite.model_copy(update={"cases": tuple(case for case in suite.cases if case.id in kept)})


def check_keys(workshop: Workshop, targets: Mapping[str, Target]) -> None:
    """Refuse to start with a key missing. Raises SetupError naming every one."""
    missing = [
        f"target '{name}' needs the environment variable {variable}, which is not set"
        for name, target in targets.items()
        for variable in target.secret_names()
        if not workshop.environment.get(variable)
    ]
    if missing:
        raise SetupError("\n".join(missing))
