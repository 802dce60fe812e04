"""Batches asked for a baseline: one night, some cases, or an evening; and going on with what stopped."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.cli.changed import put_change
from harness.cli.decided import decided_by
from harness.cli.nights import run_of_night
from harness.cli.ordering import RunOptions
from harness.cli.running import PlanOnly, make_run
from harness.cli.session import Session
from harness.cli.together import for_each
from harness.core.batch import Baseline
from harness.core.run import Manifest, RunKind
from harness.core.suite import Case, Target
from harness.errors import MeasurementError, NotAcceptable, OtherRun, SetupError, UnknownName, UsageError
from harness.flows.baseline_change import Change, Decided, Signature, is_burst, is_whole
from harness.flows.check import complaints
from harness.flows.nights import is_quiet, is_quiet_night
from harness.flows.promote import add_batch, burst, promote
from harness.wiring import Workshop

_NOTHING_NEW = "no new night"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """What is to be asked."""

    suite: str
    targets: tuple[str, ...]
    case_ids: tuple[str, ...] | None = None
    """None is the whole suite."""
    batches: int = 1
    """More than one is a burst."""
    samples: int | None = None
    night: str | None = None
    max_cost_usd: float | None = None


def gather(session: Session, workshop: Workshop, wanted: Gathering, signature: Signature) -> int:
    """Ask, and make a baseline of what comes back; refuse before anything is asked what no baseline would take.

    Raises UsageError, and MeasurementError where what came back cannot be used.
    """
    for name in wanted.targets:
        _check_held(workshop, wanted, name)
    night = wanted.night or f"{workshop.clock.now():%Y-%m-%d}"
    asked = wanted.targets
    if wanted.batches == 1:
        asked = tuple(name for name in asked if not _holds_night(workshop, wanted, name, night))
        for name in wanted.targets:
            if name not in asked:
                session.say(f"{name}: its baseline holds the night {night} already; nothing was asked")
                held = workshop.baselines.load(wanted.suite, name)
                _put_nothing(session, name, held)
        if wanted.case_ids is None:
            _check_night_is_free(workshop, wanted.suite, asked, night)
    if not asked:
        return 0
    options = RunOptions(
        suite=wanted.suite,
        targets=asked,
        case_globs=wanted.case_ids or (),
        samples=wanted.samples,
        night=wanted.night,
        max_cost_usd=wanted.max_cost_usd,
        confirm=False,
        kind=RunKind.CALIBRATE,
        # Some cases are no night: the first scheduled run of a date counts for the whole suite.
        scheduled=wanted.batches == 1 and wanted.case_ids is None,
        batches=wanted.batches,
    )
    return _accept_all(session, workshop, wanted, options, signature)


def resume_gathering(
    session: Session,
    workshop: Workshop,
    named: str,
    signature: Signature,
    *,
    only_errors: bool,
    max_cost: float | None,
) -> int:
    """Go on with a calibration that stopped, and make a baseline of it. Raises UsageError, MeasurementError."""
    runs = workshop.runs
    run = _newest_calibration(workshop) if named == "last" else runs.resolve(named)
    manifest = runs.manifest(run)
    if manifest.kind is not RunKind.CALIBRATE:
        raise OtherRun(f"run {run} is no calibration; go on with: {manifest.resumed_by}")
    suite = {case.id: case for case in workshop.suite(manifest.suite.name).cases}
    asked = tuple(case.id for case in manifest.suite.cases)
    wanted = Gathering(
        suite=manifest.suite.name,
        targets=tuple(target.name for target in manifest.targets),
        case_ids=None if manifest.scheduled or set(asked) >= set(suite) else asked,
        batches=_batches(manifest, suite),
    )
    for name in wanted.targets:
        _check_held(workshop, wanted, name)
    options = RunOptions(
        suite=wanted.suite, resume=run, only_errors=only_errors, max_cost_usd=max_cost, confirm=False
    )
    return _accept_all(session, workshop, wanted, options, signature)


def _newest_calibration(workshop: Workshop) -> str:
    runs = workshop.runs
    for run in reversed(runs.names()):
        if runs.manifest(run).kind is RunKind.CALIBRATE:
            return run
    raise UnknownName("no calibration has run here; start one with `drift calibrate SUITE`")


def _batches(manifest: Manifest, suite: dict[str, Case]) -> int:
    """Return how many batches a calibration asks, from how often it asks what a batch asks once."""
    known = [case for case in manifest.suite.cases if case.id in suite]
    times = {
        (case.samples or manifest.samples) / (suite[case.id].samples or manifest.samples) for case in known
    }
    if len(times) != 1 or not (batches := times.pop()).is_integer():
        raise OtherRun(
            f"run {manifest.run} asked other questions: its cases or their samples have changed since; start a new one"
        )
    return int(batches)


def _check_held(workshop: Workshop, wanted: Gathering, name: str) -> None:
    """Refuse what the baseline that is held would not take. Raises UsageError."""
    held = workshop.baselines.load(wanted.suite, name)
    if held is None:
        return
    if wanted.batches > 1 and any(not is_burst(case) for case in held.cases.values()):
        raise NotAcceptable(f"'{name}' has a baseline of real nights; add more with --from-runs")
    touched = [
        case for case_id, case in held.cases.items() if wanted.case_ids is None or case_id in wanted.case_ids
    ]
    if wanted.batches == 1 and any(map(is_burst, touched)):
        raise NotAcceptable(
            f"the baseline of '{name}' is a burst, which several real nights replace together: "
            f"let `drift check {wanted.suite} --scheduled` gather them, then promote them with --from-runs"
        )


def _holds_night(workshop: Workshop, wanted: Gathering, name: str, night: str) -> bool:
    """Say whether every case that would be asked holds the night already, in answer to the same question."""
    held, target = workshop.baselines.load(wanted.suite, name), workshop.project.config.targets[name]
    cases = workshop.suite(wanted.suite).cases
    return all(
        _holds(held, case, target, night)
        for case in cases
        if wanted.case_ids is None or case.id in wanted.case_ids
    )


def _holds(held: Baseline | None, case: Case, target: Target, night: str) -> bool:
    known = held.cases.get(case.id) if held is not None else None
    if known is None:
        return False
    identity = known.identity
    same = (identity.question, identity.treatment) == (case.question, target.treatment(case))
    return same and any(sample.night == night for sample in known.samples)


def _check_night_is_free(workshop: Workshop, suite: str, names: Sequence[str], night: str) -> None:
    for name in names:
        run = run_of_night(workshop.runs, suite, name, night)
        if run is not None:
            raise UsageError(
                f"the night {night} of '{name}' has its run already ({run}), and only the first of a night counts: "
                "promote it with --from-runs last:1, go on with it with --resume, or name another --night"
            )


def _put_nothing(session: Session, name: str, held: Baseline | None) -> None:
    nights = held.night_count() if held is not None else 0
    change = Change(target=name, written=False, nights=nights, cases=())
    put_change(session, change, done="", nothing=_NOTHING_NEW)


def _accept_all(
    session: Session, workshop: Workshop, wanted: Gathering, options: RunOptions, signature: Signature
) -> int:
    """Make a run, and a baseline for every target that can have one of it. Raises the worst of what went wrong."""
    made = make_run(session, workshop, options)
    assert not isinstance(made, PlanOnly)
    ours = workshop.project.config.decision_policy()
    run = decided_by(ours, Decided(record=made.record, verdict=made.verdict))
    turned_away = {target.target for target in run.verdict.targets if target.rejected}
    for_each(
        (target.name for target in made.record.manifest.targets if target.name not in turned_away),
        lambda name: _accept(session, workshop, run, name, wanted, signature),
        failed=[SetupError("\n".join(complaints(made.record)))] if turned_away else (),
    )
    return 0


def _accept(
    session: Session, workshop: Workshop, run: Decided, name: str, wanted: Gathering, signature: Signature
) -> None:
    _check_usable(run, name, wanted)
    store = workshop.baselines
    digests_only = workshop.project.config.store.text == "digest"
    if wanted.batches > 1:
        change = burst(
            run,
            name,
            store,
            signature,
            nights=wanted.batches,
            digests_only=digests_only,
            only_these=wanted.case_ids is not None,
        )
        done = f"{wanted.batches} batches of one evening, for gross changes only until 5 real nights replace them"
    elif wanted.case_ids is None and run.record.manifest.scheduled:
        change = promote([run], name, store, signature, digests_only=digests_only)
        done = "one night added"
    else:
        change = add_batch(run, name, store, signature, digests_only=digests_only)
        done = f"one night added to {', '.join(change.cases)}"
    put_change(session, change, done=done, nothing=_NOTHING_NEW)


def _check_usable(run: Decided, name: str, wanted: Gathering) -> None:
    """Refuse what was asked and paid for, so that this is no mistake of the command line. Raises MeasurementError."""
    if wanted.batches > 1:
        usable = is_whole(run, name)
    elif wanted.case_ids is None:
        usable = is_quiet_night(run, name)
    else:
        usable = is_quiet(run, name)
    if usable:
        return
    number, end = run.record.manifest.run, run.record.end
    if end is None or end.stopped:
        raise MeasurementError(
            f"{name}: stopped early, so nothing was accepted. Go on with: drift calibrate --resume {number}"
        )
    raise MeasurementError(
        f"{name}: not a quiet, fully measured night, so nothing was accepted. {run.verdict.headline}\n"
        f"Look at it with `drift review {number}`; ask again what failed with "
        f"`drift calibrate --resume {number} --only-errors`."
    )
