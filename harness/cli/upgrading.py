"""From two targets and some suites to one order: what a comparison of two models asks."""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.cli.ordering import judge_of
from harness.core.batch import Baseline
from harness.core.config import Config
from harness.core.run import Manifest, RunKind
from harness.core.suite import Case, Suite, Target
from harness.core.upgrade_records import PromptRefs, UpgradeSides
from harness.errors import OtherRun, UnknownName, UsageError
from harness.flows.prepare import RunOrder, usual_output_tokens
from harness.ports import BaselineStore
from harness.registry import did_you_mean
from harness.wiring import Workshop
from harness.wiring.prompt_refs import resolve_refs, with_prompts

COMBINED = "upgrade"
"""What the suites of a comparison are called together."""
SAMPLES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeOptions:
    """What the command line says of a comparison."""

    reference: str
    candidate: str
    suites: tuple[str, ...] = ()
    """None is all of them."""
    case_globs: tuple[str, ...] = ()
    samples: int = SAMPLES
    prompts: tuple[str, str] | None = None
    max_cost_usd: float | None = None


def order_upgrade(workshop: Workshop, options: UpgradeOptions) -> RunOrder:
    """Settle what a comparison is to do. Raises InputError."""
    config = workshop.project.config
    for name in (options.reference, options.candidate):
        if name not in config.targets:
            raise UnknownName(f"unknown target '{name}'{did_you_mean(name, tuple(config.targets))}")
    if options.reference == options.candidate:
        raise UsageError(
            f"--from and --to both name '{options.reference}': give the same model a second name in drift.yaml to "
            "see what it gives against itself"
        )
    suites = options.suites or tuple(config.suites)
    found = _only(_cases(workshop, suites), options.case_globs)
    refs = None
    if options.prompts is not None:
        refs = resolve_refs(workshop.project.root, *options.prompts)
    names = (options.reference, options.candidate)
    run = workshop.new_run_id(COMBINED)
    return _order(workshop, run, names, found, options.samples, refs, options.max_cost_usd)


def order_again(workshop: Workshop, earlier: Manifest, max_cost_usd: float | None) -> RunOrder:
    """Settle again what a comparison that stopped was to do. Raises InputError."""
    sides, config = earlier.upgrade, workshop.project.config
    if sides is None:
        raise OtherRun(f"run {earlier.run} compares no two targets; go on with: {earlier.resumed_by}")
    missing = [
        name
        for name, known in (
            *((name, config.targets) for name in (sides.reference, sides.candidate)),
            *((name, config.suites) for name in dict.fromkeys(sides.suites.values())),
        )
        if name not in known
    ]
    if missing:
        raise OtherRun(
            f"run {earlier.run} asked {', '.join(missing)}, which drift.yaml does not name now; start a new run"
        )
    asked = {case.id for case in earlier.suite.cases}
    cases = _cases(workshop, tuple(dict.fromkeys(sides.suites.values())))
    found = {case_id: one for case_id, one in cases.items() if case_id in asked}
    names = (sides.reference, sides.candidate)
    return _order(workshop, earlier.run, names, found, earlier.samples, sides.prompts, max_cost_usd)


def usual_tokens(order: RunOrder, baselines: BaselineStore) -> dict[str, dict[str, float]]:
    """Return the mean output tokens of every case, from whichever side's baselines know it. Raises DamagedRecord."""
    assert order.upgrade is not None
    found: dict[str, dict[str, float]] = {}
    for suite in dict.fromkeys(order.upgrade.suites.values()):
        held: dict[str, Baseline] = {}
        for name, target in order.targets.items():
            baseline = baselines.load(suite, target.baseline_of or name)
            if baseline is not None:
                held[name] = baseline
        for name, known in usual_output_tokens(held).items():
            found.setdefault(name, {}).update(known)
    every: dict[str, float] = {}
    for known in found.values():
        every |= known
    # The other side's length is a better guess than none.
    return {name: {**every, **found.get(name, {})} for name in order.targets}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    case: Case
    suite: str


def _cases(workshop: Workshop, suites: Sequence[str]) -> Mapping[str, _Found]:
    """Load the cases of some suites. Raises UsageError for an id that two of them have."""
    found: dict[str, _Found] = {}
    for name in dict.fromkeys(suites):
        for case in workshop.suite(name).cases:
            other = found.setdefault(case.id, _Found(case=case, suite=name))
            if other.suite != name:
                raise UsageError(
                    f"'{case.id}' is a case of '{other.suite}' and of '{name}', and a report could not tell them "
                    f"apart: compare one of the suites with --suite NAME, or rename one of the cases"
                )
    return found


def _only(cases: Mapping[str, _Found], globs: Sequence[str]) -> Mapping[str, _Found]:
    if not globs:
        return cases
    for glob in globs:
        if not fnmatch.filter(cases, glob):
            raise UnknownName(f"no case matches '{glob}'{did_you_mean(glob, tuple(cases))}")
    kept = {case_id for glob in globs for case_id in fnmatch.filter(cases, glob)}
    return {case_id: one for case_id, one in cases.items() if case_id in kept}


def _order(
    workshop: Workshop,
    run: str,
    names: tuple[str, str],
    found: Mapping[str, _Found],
    samples: int,
    refs: PromptRefs | None,
    max_cost_usd: float | None,
) -> RunOrder:
    config, now = workshop.project.config, workshop.clock.now()
    # Both sides as often, whatever a case says of its nights.
    cases = tuple(one.case.model_copy(update={"samples": None}) for one in found.values())
    base: tuple[Case, ...] = ()
    if refs is not None:
        cases, base = with_prompts(workshop.project.root, cases, refs)
    policy = config.decision_policy()
    if max_cost_usd is not None:
        limits = policy.limits.model_copy(update={"max_cost_usd": max_cost_usd})
        policy = policy.model_copy(update={"limits": limits})
    return RunOrder(
        run=run,
        kind=RunKind.UPGRADE,
        suite=Suite(name=COMBINED, cases=cases, combined=True),
        targets=_targets(config, names),
        samples=samples,
        night=f"{now:%Y-%m-%d}",
        scheduled=False,
        started_at=now.isoformat(timespec="seconds"),
        policy=policy,
        encoder=workshop.encoder().digest,
        encoder_name=config.encoder.name,
        versions=workshop.versions(),
        commit=workshop.commit(),
        confirm=False,
        base_cases=base,
        judge=judge_of(config, cases),
        upgrade=UpgradeSides(
            reference=names[0],
            candidate=names[1],
            suites={case_id: one.suite for case_id, one in found.items()},
            task_encoder=workshop.builtin_encoder().digest,
            prices={},
            prompts=refs,
        ),
    )


def _targets(config: Config, names: tuple[str, str]) -> dict[str, Target]:
    return {name: config.targets[name] for name in names}
