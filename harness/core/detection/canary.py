"""The nightly decision: tonight against the accepted baseline, within the suite's own night-to-night noise.

Seven signals, each one number a night held against its own floor (`night`); screened, confirmed by a second
batch, and followed over the last five nights. docs/method.md has the formulas, the figures and their source.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.core.detection.gather import Rows, gather
from harness.core.detection.localise import moved_cases
from harness.core.detection.night import Tail, band, smallest_visible
from harness.core.detection.occasions import Occasion, groups
from harness.core.detection.question import NightDecision, Question
from harness.core.detection.readings import SampleValues, deciding_signals, expects, lost, read_signal
from harness.core.detection.report import case_finding, suite_finding
from harness.core.detection.rule import ONE_NIGHT, SAME_NIGHT, Levels, Ruling, levels_of, rule_on
from harness.core.detection.stray import Stray, strays
from harness.core.findings import Finding, Outcome
from harness.core.measures import Comparison
from harness.core.policy import Policy
from harness.core.signals import Direction, Signal
from harness.core.verdict import SignalFloor


def decide_night(
    signals: Iterable[Signal], comparison: Comparison, question: Question, policy: Policy
) -> NightDecision:
    """Hold every signal of tonight against its floor.

    A signal is screened at `policy.screen` a night; drift is what the batch and its confirmation, pooled,
    put beyond `policy.alpha` a night, or what the mean of the last `policy.window_nights` nights does. Both
    levels are shared by the signals, and by the groups of cases that have their own nights.
    """
    signals = tuple(signals)
    deciding = deciding_signals(signals, comparison)
    tests: dict[str, list[_Test]] = {signal.name: [] for signal in signals}
    found_groups = groups(comparison)
    gathered = gather(signals, comparison, found_groups, question.asked)
    for group, scores in zip(found_groups, gathered.scores, strict=True):
        share = len(group.cases) / len(comparison.cases)
        levels = levels_of(policy, families=len(deciding), share=share)
        for signal in deciding:
            test = _test(signal, group, scores[signal.name], question, levels)
            if test is not None:
                tests[signal.name].append(test)
    readings, findings = [], []
    untold = False
    for signal in signals:
        found = tests[signal.name]
        values = gathered.values[signal.name]
        drifted = [test for test in found if test.ruling.drift]
        unanswered = not drifted and any(test.ruling.unanswered for test in found)
        untold = untold or unanswered
        outcome = max(
            (_outcome(signal, test) for test in drifted), key=lambda o: o.weight, default=Outcome.STABLE
        )
        floorless = not found and expects(values)
        if (
            signal.decides
            and not drifted
            and (unanswered or floorless or lost(values, question.asked, policy))
        ):
            outcome = Outcome.INCONCLUSIVE
        reading = read_signal(values, question.asked, outcome, _floor(found[0], question) if found else None)
        if found:
            strayed = any(test.ruling.screened for test in found)
            reading = reading.model_copy(update={**_p_values(found), "strayed": strayed})
        readings.append(reading)
        for test in drifted:
            nights = policy.window_nights if test.ruling.lasting else 1
            own = values.among({measured.case.id for measured in test.group.cases})
            findings.append(suite_finding(own, question.asked, reading, nights))
            findings.extend(_moved(own, test, _outcome(signal, test), question))
    strayed = any(reading.strayed for reading in readings)
    confirming = bool(question.rows(Occasion.CONFIRM))
    answered = confirming and not untold
    return NightDecision(
        readings=tuple(readings),
        findings=tuple(findings),
        wants_confirmation=strayed and not findings and policy.confirm and not confirming,
        confirmed=bool(findings) or (False if strayed and answered else None),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """One signal over one group of cases."""

    group: Comparison
    scores: Rows
    held: Mapping[int, Stray | None]
    ruling: Ruling


def _test(
    signal: Signal, group: Comparison, scores: Rows, question: Question, levels: Levels
) -> _Test | None:
    hold = {id(of): strays(of) for of, _ in scores.values()}
    held = {row: hold[id(of)](place) for row, (of, place) in scores.items()}
    ruling = rule_on(signal, held, question, levels)
    return None if ruling is None else _Test(group=group, scores=scores, held=held, ruling=ruling)


def _outcome(signal: Signal, test: _Test) -> Outcome:
    """Return what a drift is: a shift for the worse where the signal has such a way, else a change."""
    tail = test.ruling.deciding
    if signal.direction is Direction.NONE or tail is None:
        return Outcome.CHANGED
    # Fewer refusals may be what nobody wanted: no rule here can tell, so it is a change.
    return Outcome.REGRESSED if tail.upwards else Outcome.CHANGED


def _p_values(found: Sequence[_Test]) -> dict[str, float | None]:
    def least(tails: Iterable[Tail | None]) -> float | None:
        known = [tail.p_value for tail in tails if tail is not None]
        return min(known) if known else None

    rulings = [test.ruling for test in found]
    again = [c.pooled for r in rulings for c in (r.confirmed, r.awaited) if c is not None]
    return {
        "p_value": least(ruling.tonight for ruling in rulings),
        "confirm_p_value": least(again),
        "window_p_value": least(ruling.window for ruling in rulings),
    }


def _floor(test: _Test, question: Question) -> SignalFloor | None:
    (tonight,) = question.rows(Occasion.TONIGHT)
    first, signal = test.held[tonight], test.scores[tonight][0].signal
    edges = band(signal, first, question.widened, test.ruling.levels.screen) if first else None
    if first is None or edges is None or first.statistic is None:
        return None
    again = next((test.held.get(row) for row in question.rows(Occasion.CONFIRM)), None)
    visible = smallest_visible(signal, first, SAME_NIGHT, question.widened, test.ruling.levels.drift)
    floor = first.statistic
    return SignalFloor(
        nights=tuple(round(float(y), 6) for y in floor.baseline if y == y),
        tonight=round(float(floor.tested[0]), 6),
        confirmation=round(float(again.statistic.tested[0]), 6) if again and again.statistic else None,
        low=round(edges[0], 6) if edges[0] > float("-inf") else None,
        high=round(edges[1], 6),
        cases=len(first.cases),
        slope=round(floor.slope, 6),
        visible=round(visible / floor.slope, 6) if visible is not None else None,
    )


def _moved(values: SampleValues, test: _Test, outcome: Outcome, question: Question) -> list[Finding]:
    """Name the cases that moved, over the batches that decided."""
    deciding: tuple[Occasion, ...]
    if test.ruling.lasting:
        deciding = (Occasion.TONIGHT, Occasion.AWAITED, Occasion.EARLIER)
    else:
        deciding = (Occasion.TONIGHT, Occasion.CONFIRM)
    (tonight,) = question.rows(Occasion.TONIGHT)
    scores = test.scores[tonight][0]
    rows = [row for row in test.scores if question.asked[row].occasion in deciding]
    places = [test.scores[row][1] for row in sorted(rows) if test.scores[row][0] is scores]
    places = places[: test.ruling.levels.window]
    share = 1.0 / len(places) if test.ruling.lasting else (SAME_NIGHT if len(places) > 1 else ONE_NIGHT)
    alone = {case.measured.case.id: replace(values, cases=(case,)) for case in values.cases}
    return [
        case_finding(alone[case], case, p, outcome, question.asked)
        for case, p in moved_cases(scores, places, share).items()
    ]
