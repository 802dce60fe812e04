"""The nightly decision: tonight against the accepted baseline.

For now a permutation test per signal, of tonight against the baseline's samples within each case
(B = 999, ties count), Bonferroni over the signals at `policy.alpha` a night, confirmed by a second batch
that must reject alone and in the same direction. It treats nights as exchangeable, which they are not;
docs/decisions/0002 says what that costs.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from harness.core.detection.readings import night_values, side_values
from harness.core.findings import Effect, Finding, Outcome
from harness.core.measures import Comparison, MeasuredCase
from harness.core.policy import Policy
from harness.core.signals import Direction, Signal
from harness.core.signals.signal import Floats, Kernel, Scores
from harness.core.stats.multiplicity import benjamini_hochberg
from harness.core.stats.permutation import (
    Indices,
    draw_candidates,
    kernel_differences,
    mean_differences,
    p_value,
)
from harness.core.verdict import SignalReading

CASE_FALSE_DISCOVERY_RATE = 0.10
MOST_PERMUTATIONS = 99_999


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalTest:
    """One signal of one batch, tested."""

    p_value: float | None
    """None where the signal was not measured in any case."""
    shift: float
    """Candidate minus reference, mean over cases; always positive for a kernel."""
    case_p_values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NightDecision:
    """What the signals say of one target tonight."""

    readings: tuple[SignalReading, ...]
    findings: tuple[Finding, ...]
    wants_confirmation: bool
    """A signal strayed, and no second batch has been seen yet."""
    confirmed: bool | None
    """None where nothing strayed."""


def decide_night(
    signals: Iterable[Signal],
    first: Comparison,
    confirm: Comparison | None,
    policy: Policy,
    seed: int,
) -> NightDecision:
    """Test every signal on the first batch and, where there is one, on the confirmation.

    Drift is what strays in both, in one direction. The seed decides the permutations, so the same
    evidence gives the same decision.
    """
    signals = tuple(signals)
    level = policy.alpha / max(1, sum(signal.decides for signal in signals))
    policy = policy.model_copy(update={"permutations": _enough_permutations(policy, level)})
    first_tests = test_signals(signals, first, policy, seed)
    again = test_signals(signals, confirm, policy, seed + 1) if confirm is not None else {}
    readings, findings = [], []
    strayed_any = confirmed_any = untold_any = False
    for signal in signals:
        test, second = first_tests[signal.name], again.get(signal.name)
        strayed = signal.decides and test.p_value is not None and test.p_value <= level
        held = strayed and (not policy.confirm or (second is not None and _again(test, second, level)))
        outcome = _outcome(signal, test.shift) if held else Outcome.STABLE
        untold = strayed and not held and second is not None and _lost(signal, confirm, second, policy)
        if untold or (signal.decides and not held and _lost(signal, first, test, policy)):
            outcome = Outcome.INCONCLUSIVE
        strayed_any, confirmed_any = strayed_any or strayed, confirmed_any or held
        untold_any = untold_any or untold
        reading = _reading(signal, first, confirm, test, second, outcome)
        readings.append(reading)
        if held:
            findings.append(_suite_finding(signal, first.target, reading))
            findings.extend(_case_findings(signal, first, confirm, policy, seed + 2))
    unanswered = untold_any or (policy.confirm and confirm is None)
    return NightDecision(
        readings=tuple(readings),
        findings=tuple(findings),
        wants_confirmation=strayed_any and policy.confirm and confirm is None,
        confirmed=confirmed_any or (False if strayed_any and not unanswered else None),
    )


def _enough_permutations(policy: Policy, level: float) -> int:
    """Return how many are drawn: the policy's number, or more where no p-value could reach `level` with it."""
    return max(policy.permutations, min(math.ceil(1 / level), MOST_PERMUTATIONS))


def test_signals(
    signals: Iterable[Signal], comparison: Comparison, policy: Policy, seed: int
) -> dict[str, SignalTest]:
    """Test every signal over all cases with one set of permutations a case. Deterministic in `seed`."""
    signals = tuple(signals)
    rng = np.random.default_rng(seed)
    sums: dict[str, Floats] = {}
    case_p: dict[str, list[float | None]] = {signal.name: [] for signal in signals}
    counted = dict.fromkeys(case_p, 0)
    for measured in comparison.cases:
        drawn = draw_candidates(len(measured.reference), len(measured.candidate), policy.permutations, rng)
        for signal in signals:
            shifts = _shifts(signal, measured, comparison, drawn)
            if shifts is None:
                case_p[signal.name].append(None)
                continue
            counted[signal.name] += 1
            sums[signal.name] = sums.get(signal.name, np.zeros(1)) + shifts
            case_p[signal.name].append(p_value(np.abs(shifts)))
    return {
        signal.name: SignalTest(
            p_value=p_value(np.abs(sums[signal.name])) if counted[signal.name] else None,
            shift=float(sums[signal.name][0]) / counted[signal.name] if counted[signal.name] else 0.0,
            case_p_values=tuple(case_p[signal.name]),
        )
        for signal in signals
    }


def _shifts(signal: Signal, measured: MeasuredCase, comparison: Comparison, drawn: Indices) -> Floats | None:
    """Return the signal's shift in one case under every labelling, or None where it was not measured."""
    if not signal.may_gate(measured.case):
        return None
    samples = [sample.measures for sample in measured.samples]
    if isinstance(signal.reads, Scores):
        scores = np.array([_nan(signal.reads.score(measures)) for measures in samples])
        sides = np.split(np.isfinite(scores), [len(measured.reference)])
        return mean_differences(scores, drawn) if all(side.any() for side in sides) else None
    gram = signal.reads.gram(samples, comparison.vectors)
    return None if gram is None else kernel_differences(gram, drawn)


def _nan(value: float | None) -> float:
    return np.nan if value is None else value


def _again(first: SignalTest, second: SignalTest, level: float) -> bool:
    same_direction = np.sign(first.shift) == np.sign(second.shift)
    return second.p_value is not None and second.p_value <= level and bool(same_direction)


def _outcome(signal: Signal, shift: float) -> Outcome:
    match signal.direction:
        case Direction.NONE:
            return Outcome.CHANGED
        case Direction.UP_IS_WORSE:
            return Outcome.REGRESSED if shift > 0 else Outcome.IMPROVED
        case Direction.DOWN_IS_WORSE:
            return Outcome.REGRESSED if shift < 0 else Outcome.IMPROVED


def _lost(signal: Signal, comparison: Comparison | None, test: SignalTest, policy: Policy) -> bool:
    """Say whether too few of the cases that the baseline measures were measured tonight.

    An encoder that failed loses the embedding, replies that cannot be read lose the refusal; a suite
    without rules has no format to lose.
    """
    if comparison is None:
        return False
    expected = sum(_is_expected(signal, measured) for measured in comparison.cases)
    measured = sum(p is not None for p in test.case_p_values)
    return measured < policy.limits.min_cases * expected - 1e-9


def _is_expected(signal: Signal, measured: MeasuredCase) -> bool:
    if not signal.may_gate(measured.case):
        return False
    match signal.reads:
        case Scores(score=score):
            known = sum(score(sample.measures) is not None for sample in measured.reference)
            return 2 * known > len(measured.reference)
        case Kernel():
            return all(sample.measures.text is not None for sample in measured.reference)


def _reading(
    signal: Signal,
    first: Comparison,
    confirm: Comparison | None,
    test: SignalTest,
    second: SignalTest | None,
    outcome: Outcome,
) -> SignalReading:
    tonight = side_values(signal, first)
    return SignalReading(
        signal=signal.name,
        outcome=outcome,
        nights=night_values(signal, first),
        tonight=tonight.candidate,
        confirmation=side_values(signal, confirm).candidate if confirm is not None else None,
        unit=signal.unit,
        p_value=test.p_value,
        confirm_p_value=second.p_value if second else None,
        n_reference=tonight.n_reference,
        n_candidate=tonight.n_candidate,
    )


def _suite_finding(signal: Signal, target: str, reading: SignalReading) -> Finding:
    reference = sum(reading.nights) / len(reading.nights) if reading.nights else None
    return Finding(
        signal=signal.name,
        target=target,
        outcome=reading.outcome,
        p_value=reading.p_value,
        confirm_p_value=reading.confirm_p_value,
        n_reference=reading.n_reference,
        n_candidate=reading.n_candidate,
        effect=Effect(reference=reference, candidate=reading.tonight, unit=signal.unit),
        because=f"{signal.title}: {signal.what} went from {shown(reference, signal.unit)} to {shown(reading.tonight, signal.unit)}.",
    )


def _case_findings(
    signal: Signal, first: Comparison, confirm: Comparison | None, policy: Policy, seed: int
) -> list[Finding]:
    """Name the cases that moved, both batches pooled, at a false discovery rate of `CASE_FALSE_DISCOVERY_RATE`."""
    pooled = pool(first, confirm)
    tested = test_signals((signal,), pooled, policy, seed)[signal.name].case_p_values
    known = [(case, p) for case, p in zip(pooled.cases, tested, strict=True) if p is not None]
    rejected = benjamini_hochberg([p for _, p in known], rate=CASE_FALSE_DISCOVERY_RATE)
    found = []
    for (measured, p), moved in zip(known, rejected, strict=True):
        if not moved:
            continue
        sides = side_values(signal, Comparison(target=first.target, cases=(measured,), vectors=first.vectors))
        shift = (sides.candidate or 0.0) - (sides.reference or 0.0)
        found.append(
            Finding(
                signal=signal.name,
                target=first.target,
                case=measured.case.id,
                outcome=_outcome(signal, shift),
                p_value=p,
                n_reference=sides.n_reference,
                n_candidate=sides.n_candidate,
                effect=Effect(reference=sides.reference, candidate=sides.candidate, unit=signal.unit),
                because=f"{signal.title}: {signal.what} {shown(sides.reference, signal.unit)} → {shown(sides.candidate, signal.unit)}.",
            )
        )
    return found


def pool(first: Comparison, confirm: Comparison | None) -> Comparison:
    """Put the candidate samples of both batches together."""
    if confirm is None:
        return first
    again = {measured.case.id: measured.candidate for measured in confirm.cases}
    cases = tuple(
        MeasuredCase(case=m.case, reference=m.reference, candidate=(*m.candidate, *again.get(m.case.id, ())))
        for m in first.cases
    )
    return Comparison(target=first.target, cases=cases, vectors={**first.vectors, **confirm.vectors})


def shown(value: float | None, unit: str) -> str:
    """Write a signal's value for a reader."""
    if value is None:
        return "not measured"
    match unit:
        case "rate":
            return f"{100 * value:.0f} %"
        case "score":
            return f"{100 * value:.0f} of 100"
        case "log-characters":
            return f"{np.expm1(value):.0f} characters"
        case _:
            return f"{value:.2f}"
