"""From options to an order: which cases, which targets, how often, under which policy."""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.core.config import Config, SuiteSpec
from harness.core.policy import Policy
from harness.core.run import JudgeSetup, Manifest, PullRequest, RunKind
from harness.core.shard import Shard
from harness.core.suite import MOST_SAMPLES, Case, Suite, Target
from harness.errors import MissingKey, UnknownName, UsageError
from harness.flows.prepare import RunOrder
from harness.ports import BaselineStore, Encoder
from harness.registry import did_you_mean
from harness.wiring import Workshop


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSides:
    """A pull request, as far as a suite is concerned."""

    suite: Suite
    """The head's tasks that have to be asked."""
    base_cases: tuple[Case, ...]
    record: PullRequest
    references: BaselineStore
    """The merge base's baselines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the command line may say about a run."""

    suite: str
    targets: tuple[str, ...] = ()
    case_globs: tuple[str, ...] = ()
    samples: int | None = None
    night: str | None = None
    """UTC date; None is today's."""
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
    case_samples: Mapping[str, int] = field(default_factory=dict)
    """How often these cases are asked, and no other, whatever else is said."""
    pull: PullSides | None = None
    """The two sides of a pull request, where the run is about one."""
    order: "RunOrder | None" = None
    """What is to be done, where the command has settled it by itself."""
    not_asked: str | None = None
    """Why nothing is asked, so that the run only says what can be said without."""
    shard: Shard | None = None
    """The part of the cases that is asked."""


def make_order(
    workshop: Workshop, options: RunOptions, encoder: Encoder, earlier: Manifest | None
) -> RunOrder:
    """Settle what a run is to do, or what an `earlier` one was to do. Raises InputError."""
    if options.order is not None:
        return options.order
    config, now = workshop.project.config, workshop.clock.now()
    suite = workshop.suite(options.suite) if options.pull is None else _sampled_as_before(options.pull)
    suite = _only(suite, options.case_globs)
    if options.case_samples:
        suite = _asked_so_often(suite, options.case_samples)
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
    shard = _shard(options, earlier)
    kind = earlier.kind if earlier else options.kind
    if options.batches > 1:
        suite = _repeated(suite, samples, options.batches)
    for name in names:
        if name not in config.targets:
            raise UnknownName(f"unknown target '{name}'{did_you_mean(name, tuple(config.targets))}")
    return RunOrder(
        run=earlier.run if earlier else workshop.new_run_id(options.suite),
        kind=kind,
        suite=suite,
        targets={name: config.targets[name] for name in names},
        samples=samples,
        night=earlier.night if earlier else options.night or f"{now:%Y-%m-%d}",
        # A shard is no night; what all of them are merged into may be.
        scheduled=earlier.scheduled if earlier else options.scheduled and shard is None,
        started_at=now.isoformat(timespec="seconds"),
        policy=policy,
        encoder=encoder.digest,
        encoder_name=config.encoder.name,
        versions=workshop.versions(),
        commit=workshop.commit(),
        confirm=options.confirm and kind is RunKind.CHECK,
        escalate_to=_escalate_to(spec, samples) if suite.golden and kind is RunKind.CHECK else None,
        base_cases=options.pull.base_cases if options.pull is not None else (),
        pull=options.pull.record if options.pull is not None else None,
        # Nights that are gathered for a baseline are judged as every night is; golden runs when they are compared.
        judge=judge_of(config, (*suite.cases, *(options.pull.base_cases if options.pull is not None else ())))
        if kind is RunKind.CHECK or not suite.golden
        else None,
        shard=shard,
    )


def _shard(options: RunOptions, earlier: Manifest | None) -> Shard | None:
    began, named = earlier.shard if earlier is not None else None, options.shard
    if earlier is not None and (named is None or (began is not None and named.name == began.name)):
        return began
    return named.model_copy(update={"scheduled": options.scheduled}) if named is not None else None


def _sampled_as_before(pull: PullSides) -> Suite:
    """Return the tasks of a pull request, each asked as often as the merge base says: the head does not choose."""
    if pull.record.trust_head:
        return pull.suite
    base = {case.id: case.samples for case in pull.base_cases}
    cases = tuple(case.model_copy(update={"samples": base.get(case.id)}) for case in pull.suite.cases)
    return pull.suite.model_copy(update={"cases": cases})


def judge_of(config: Config, cases: Sequence[Case]) -> JudgeSetup | None:
    """Return who judges; nobody where no case has a rubric."""
    spec = config.judge
    if spec is None or not any(case.rubric is not None for case in cases):
        return None
    return JudgeSetup(
        name=spec.target,
        target=config.targets[spec.target],
        both_orders=spec.both_orders,
        anchors=spec.anchors,
    )


def _escalate_to(spec: SuiteSpec, samples: int) -> int:
    return max(samples, spec.escalate_to)


def _asked_so_often(suite: Suite, samples: Mapping[str, int]) -> Suite:
    cases = tuple(
        case.model_copy(update={"samples": samples[case.id]}) for case in suite.cases if case.id in samples
    )
    return suite.model_copy(update={"cases": cases})


def _repeated(suite: Suite, samples: int, batches: int) -> Suite:
    """Ask every case as often as so many batches do. Raises UsageError where that is more than one run can hold."""
    cases = []
    for case in suite.cases:
        once = case.samples or samples
        if once * batches > MOST_SAMPLES:
            fewer = f"--nights {MOST_SAMPLES // once}, or " if MOST_SAMPLES // once > 1 else ""
            raise UsageError(
                f"--nights {batches} asks '{case.id}' {once * batches:,} times, and one run asks a case "
                f"{MOST_SAMPLES:,} times at most: {fewer}fewer samples a batch"
            )
        cases.append(case.model_copy(update={"samples": once * batches}))
    return suite.model_copy(update={"cases": tuple(cases)})


def _only(suite: Suite, globs: tuple[str, ...]) -> Suite:
    """Keep the cases that any of `globs` names. Raises UsageError for a glob that names none."""
    if not globs:
        return suite
    ids = tuple(case.id for case in suite.cases)
    for glob in globs:
        if not fnmatch.filter(ids, glob):
            raise UnknownName(f"no case of '{suite.name}' matches '{glob}'{did_you_mean(glob, ids)}")
    kept = {case_id for glob in globs for case_id in fnmatch.filter(ids, glob)}
    return suite.model_copy(update={"cases": tuple(case for case in suite.cases if case.id in kept)})


def check_keys(workshop: Workshop, targets: Mapping[str, Target]) -> None:
    """Refuse to start with a key missing. Raises SetupError naming every one."""
    missing = [
        f"target '{name}' needs the environment variable {variable}, which is not set"
        for name, target in targets.items()
        for variable in _unset(workshop, target)
    ]
    if missing:
        raise MissingKey("\n".join(missing))


def missing_keys(workshop: Workshop, names: Sequence[str]) -> tuple[str, ...]:
    """Return the variables that targets need and that are not set; a target that is not configured needs none."""
    targets = workshop.project.config.targets
    return tuple(
        dict.fromkeys(
            variable for name in names if name in targets for variable in _unset(workshop, targets[name])
        )
    )


def _unset(workshop: Workshop, target: Target) -> list[str]:
    return [variable for variable in target.secret_names() if not workshop.environment.get(variable)]
