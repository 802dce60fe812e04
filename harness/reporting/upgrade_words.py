"""Two models side by side in the reader's words: how many cases, how sure, what it costs."""

from collections.abc import Iterator, Sequence

from harness.core.findings import Outcome
from harness.core.run import RunRecord
from harness.core.upgrade_records import Unclear, UpgradeCase, UpgradeRatio, UpgradeReading, UpgradeSignal
from harness.core.verdict import TargetVerdict, Verdict
from harness.reporting.counting import listed, many
from harness.reporting.escape import one_line
from harness.reporting.golden_words import p_text
from harness.reporting.model import Prose, Status
from harness.reporting.upgrade_model import Tally
from harness.reporting.wording import chance, prose, status_of, strong, target_status

CASE_WORDS = {
    Status.REGRESSED: "Worse",
    Status.WARNED: "Worse, only warns",
    Status.CHANGED: "Changed",
    Status.INCONCLUSIVE: "Could not tell",
    Status.IMPROVED: "Better",
    Status.STABLE: "The same",
}
_TALLIES = (
    (Status.REGRESSED, "worse"),
    (Status.WARNED, "worse, only warn"),
    (Status.CHANGED, "changed"),
    (Status.IMPROVED, "better"),
    (Status.STABLE, "the same"),
    (Status.INCONCLUSIVE, "could not tell"),
)
_ALWAYS_COUNTED = (Status.REGRESSED, Status.IMPROVED, Status.STABLE)
NAMED = 3


def case_status(case: UpgradeCase) -> Status:
    """Return what is shown for a case."""
    if case.outcome is Outcome.REGRESSED and case.warns:
        return Status.WARNED
    return status_of(case.outcome)


def shown_status(target: TargetVerdict, verdict: Verdict) -> Status:
    """Return what is shown for the whole; quiet only where the exit code is 0."""
    if target.outcome is Outcome.REGRESSED and verdict.exit_code == 0:
        return Status.WARNED
    return target_status(target, verdict)


def tallies(reading: UpgradeReading) -> tuple[Tally, ...]:
    """Count the cases, worst first; what there is none of is left out, but for better, worse and the same."""
    statuses = [case_status(case) for case in reading.cases]
    return tuple(
        Tally(count=statuses.count(status), status=status, word=word)
        for status, word in _TALLIES
        if statuses.count(status) or status in _ALWAYS_COUNTED
    )


def qualifier(target: TargetVerdict, reading: UpgradeReading, missing: Sequence[str], status: Status) -> str:
    """Say beside the word how far it goes."""
    of = many(len(reading.cases), "case")
    match status:
        case Status.REGRESSED | Status.CHANGED | Status.IMPROVED:
            count = len(reading.of(target.outcome))
            return "" if count else f"over {of}"
        case Status.STABLE:
            return missing[0] if missing else ""
        case _:
            return ""


def lead(reading: UpgradeReading) -> Prose:
    """Say which cases moved, worst first."""
    parts: list[Prose] = []
    for one in reading.signals:
        if one.outcome in (Outcome.REGRESSED, Outcome.IMPROVED) and one.difference is not None:
            word = "worse" if one.difference < 0 else "better"
            much = points_text(abs(one.difference)).removeprefix("+")
            parts.append(
                prose(
                    strong(f"{one.title} {word}"),
                    f" by {much} points over {many(one.cases, 'case')} together. ",
                )
            )
    parts += (untold_signal(one) for one in reading.signals if one.strays)
    for outcome, singular, plural in (
        (Outcome.REGRESSED, "is worse", "are worse"),
        (Outcome.CHANGED, "declines otherwise", "decline otherwise"),
        (Outcome.IMPROVED, "is better", "are better"),
        (Outcome.INCONCLUSIVE, "could not be told", "could not be told"),
    ):
        found = [one_line(case.case, 60) for case in reading.of(outcome)]
        if found:
            more = [f"{len(found) - NAMED} more"] if len(found) > NAMED else []
            verb = singular if len(found) == 1 else plural
            parts.append(prose(strong(listed([*found[:NAMED], *more])), f" {verb}. "))
    same = len(reading.of(Outcome.STABLE))
    if same and parts:
        rest = f"The other {same} are" if same > 1 else "The other one is"
        parts.append(prose(f"{rest} the same within noise."))
    elif same:
        parts.append(
            prose(
                f"{many(same, 'case')} asked of both, {one_line(reading.reference, 60)} and "
                f"{one_line(reading.candidate, 60)}, and none is better or worse beyond noise."
            )
        )
    return tuple(phrase for part in parts for phrase in part)


def untold_signal(one: UpgradeSignal) -> Prose:
    """Say of a signal beyond its noise that no test shows that it moved, and that it is not the same either."""
    much, over = points_text(one.difference or 0.0), many(one.cases, "case")
    return prose(
        strong(f"{one.title} could not be told"),
        f": {much} points over {over} together is more than its noise, and too little to be sure. ",
    )


def how_sure(record: RunRecord) -> Iterator[Prose]:
    """Say how it was asked, and what a difference has to be to count."""
    samples = record.manifest.samples
    yield prose(
        f"{many(samples, 'reply', 'replies')} to each case on each side, ",
        strong("paired and interleaved"),
        ", so load and time of day weigh on both alike.",
    )
    yield prose(
        "A model compared with itself is called worse in at most 5 of 100 runs, over all cases and signals together."
    )


def sure_of(case: UpgradeCase) -> Iterator[Prose]:
    """Say how rare a case's difference is."""
    if case.p_value is not None and case.outcome is not Outcome.STABLE:
        held = f"{case.reference_held} of {case.reference_runs} against {case.candidate_held} of {case.candidate_runs}"
        said = f"{held} replies keep every check. Had nothing changed, it would come to this "
        corrected = case.adjusted_p_value
        tail = f"; {p_text(corrected)} over all cases" if corrected is not None else ""
        yield prose(said, strong(chance(case.p_value)), f" ({p_text(case.p_value)} by itself{tail}).")
    if case.visible is not None and case.outcome in (Outcome.STABLE, Outcome.INCONCLUSIVE):
        yield prose(
            f"{case.visible} of {case.candidate_runs} replies that keep every check, or fewer, would have been a fall."
        )
    if case.judge is not None:
        yield prose(judge_text(case))
    if case.unclear is not None and case.unclear is not Unclear.FEW_REPLIES:
        yield prose("Ask for more of this case alone: more replies tell what these could not.")


def judge_text(case: UpgradeCase) -> str:
    """Say how often a judge preferred which answer."""
    found = case.judge
    assert found is not None
    said = (
        f"Of {many(found.candidate + found.reference + found.ties + found.missing, 'pair')} the judge preferred the "
        f"new answer in {found.candidate}, the old one in {found.reference}, and neither in {found.ties}"
    )
    return f"{said}; {found.missing} without a verdict." if found.missing else f"{said}."


def counts_text(case: UpgradeCase) -> tuple[str, str, str]:
    """Return both sides as n/N, and what is counted."""
    if not case.checked and case.reference_declined is not None:
        return (
            f"{case.reference_declined}/{case.reference_runs}",
            f"{case.candidate_declined}/{case.candidate_runs}",
            "declined",
        )
    return (
        f"{case.reference_held}/{case.reference_runs}",
        f"{case.candidate_held}/{case.candidate_runs}",
        "keep every check" if case.checked else "came back",
    )


def ratio_sentence(one: UpgradeRatio) -> str:
    """Say both sides of a ratio in their own unit."""
    if one.reference is None or one.candidate is None:
        return ""
    match one.name:
        case "latency":
            said = f"{_seconds(one.reference)} → {_seconds(one.candidate)}, mean of all replies."
        case "cost":
            said = f"${one.reference:,.2f} → ${one.candidate:,.2f} for 1,000 replies, at these prices."
        case _:
            said = f"{one.reference:,.0f} → {one.candidate:,.0f} tokens out, mean of all replies."
    if one.beyond:
        return f"{said} Over the gate of {one.gate:g}×."
    if one.gate is not None and one.median is not None and one.median > one.gate:
        return f"{said} Over the gate, and too few cases to be sure."
    return said


def points_text(share: float) -> str:
    """Write a difference of shares in points."""
    text = f"{100 * share:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"
