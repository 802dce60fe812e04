"""How sure a verdict is, in words."""

from collections.abc import Iterator, Sequence

from harness.core.findings import Outcome
from harness.core.policy import Policy
from harness.core.replies import FailureKind
from harness.core.run import RunRecord
from harness.core.verdict import SignalReading, State, TargetVerdict, Verdict, enough_measured
from harness.reporting.counting import many
from harness.reporting.course import Course, course_of, nights_together
from harness.reporting.entries import TargetEntries
from harness.reporting.model import Prose, Status
from harness.reporting.states import denied_night, incident_text, stray_texts
from harness.reporting.wording import chance, night_text, prose, signal_title, strong

_TARGETS = 4


def how_sure(record: RunRecord, verdict: Verdict, targets: Sequence[TargetEntries]) -> Iterator[Prose]:
    """Say it for every target, the worst first: what decided, what strayed and was denied, what is still open."""
    for target in sorted(targets, key=lambda one: one.status.rank)[:_TARGETS]:
        name = "" if len(targets) == 1 else f"{target.name}: "
        for line in _of_one(record, verdict, target):
            yield (*prose(name), *line)


def _of_one(record: RunRecord, verdict: Verdict, target: TargetEntries) -> Iterator[Prose]:
    said = target.verdict
    match target.status:
        case Status.REGRESSED | Status.CHANGED | Status.IMPROVED:
            yield from _drift(record, said)
        case Status.INCONCLUSIVE:
            yield prose(_untold(said, verdict.policy))
        case Status.AWAITING:
            yield prose(strong("Seen once."), " That is not a verdict.")
        case Status.LEARNING | Status.NO_BASELINE:
            yield prose(_learning(said, verdict.policy))
        case Status.STALE:
            yield prose("Nothing was compared.")
        case Status.STABLE | Status.OPEN if said.state is State.PROVISIONAL:
            yield prose(_provisional(target, verdict.policy))
        case _:
            pass
    yield from (prose(line) for line in stray_texts(said))
    denied = denied_night(record, said)
    if denied is not None and said.confirmed is None:
        yield prose(f"The night of {night_text(denied)} strayed; tonight did not confirm it.")
    if open_drift := incident_text(said):
        yield prose(open_drift)


def _drift(record: RunRecord, target: TargetVerdict) -> Iterator[Prose]:
    moved = [
        (course, reading)
        for reading in target.readings
        if reading.outcome not in (Outcome.STABLE, Outcome.INCONCLUSIVE) and reading.p_value is not None
        for course in (course_of(target, reading),)
    ]
    if any(finding.signal == "contract" for finding in target.findings) or not moved:
        yield prose("A contract was broken; that needs no baseline and no statistics.")
    if not moved:
        return
    course, worst = min(moved, key=lambda found: (-found[1].outcome.weight, _deciding(*found)))
    match course:
        case Course.CONFIRMED:
            yield prose(strong("Seen twice."), " In the first batch, and again in a fresh one.")
        case Course.CONFIRMS:
            awaited = record.earlier.awaited.get(target.target)
            before = f"On {night_text(awaited.night)}" if awaited else "On an earlier night"
            yield prose(strong("Seen on two nights."), f" {before}, and again tonight.")
        case Course.LASTING:
            nights = nights_together(target, worst)
            yield prose(
                strong(f"Seen over the last {nights} nights together."), " It is small, and it stays."
            )
        case _:
            yield prose(strong("Seen once."), " This policy asks for no second batch.")
    yield prose(
        f"Had nothing changed, {signal_title(worst.signal).lower()} would stray this far ",
        strong(chance(_deciding(course, worst))),
        ".",
    )


def _deciding(course: Course, reading: SignalReading) -> float:
    """Return the p-value of what decided."""
    p_value = {
        Course.LASTING: reading.window_p_value,
        Course.CONFIRMED: reading.confirm_p_value,
        Course.CONFIRMS: reading.confirm_p_value,
    }.get(course, reading.p_value)
    return reading.p_value or 0.0 if p_value is None else p_value


def _untold(target: TargetVerdict, policy: Policy) -> str:
    match target.rejected:
        case FailureKind.AUTHENTICATION:
            return "Not at all: the provider rejected the key and was asked no more."
        case FailureKind.UNKNOWN_MODEL:
            return "Not at all: the provider does not know this model and was asked no more."
        case _:
            pass
    if enough_measured(target.coverage, policy) and not target.cut_short:
        return "Not at all: what was not measured could hide a change."
    return (
        f"Not at all. {_share(policy.limits.min_coverage)} of the calls and "
        f"{_share(policy.limits.min_cases)} of the cases are needed before anything is said."
    )


def _learning(target: TargetVerdict, policy: Policy) -> str:
    return (
        f"Night {max(target.nights, target.nights_run)} of {policy.armed_from}. A verdict needs {policy.learning_below} "
        f"accepted nights, fine drift {policy.armed_from}. Broken contracts count from the first."
    )


def _provisional(target: TargetEntries, policy: Policy) -> str:
    if target.knows is not None and target.knows.burst:
        return (
            "Provisional: a baseline of one evening hides how much nights differ. Gross changes only; "
            f"finer drift after {policy.learning_below} nights, fully after {policy.armed_from}."
        )
    return (
        f"Provisional: {many(target.verdict.nights, 'baseline night')}. Its noise is known less well; "
        f"fine drift from {policy.armed_from} nights."
    )


def _share(share: float) -> str:
    return {2 / 3: "Two thirds", 3 / 4: "three quarters"}.get(share, f"{100 * share:.0f} %")
