"""Two sides by hand: which signals differ between any two runs.

Sign-flip permutation over the means of cases (every flip up to 13 cases, else B = 9,999): under "no
difference" each case's shift is as likely one way as the other. Holm over the signals. It says "differs", never "drift": nothing here knows
what a quiet night looks like.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.core.canonical import Record
from harness.core.detection.readings import SideValues, side_values
from harness.core.detection.report import shown
from harness.core.findings import Outcome
from harness.core.measures import Comparison, MeasuredCase
from harness.core.signals import Direction, Noise, Signal
from harness.core.signals.signal import Floats, Kernel, Scores, Tokens
from harness.core.stats.multiplicity import holm
from harness.core.stats.permutation import TIE

FLIPS = 9_999
LEVEL = 0.05
FEWEST_CASES = 8
"""With fewer, cases that all move one way still have a two-sided p-value over .05 after Holm over six signals."""
_BLOCK = 500
_MOST_ENUMERATED = 13


class Difference(Record):
    """One signal of two sides."""

    signal: str
    title: str
    unit: str
    outcome: Outcome
    """REGRESSED or IMPROVED where the signal has a direction, CHANGED where not, STABLE, INCONCLUSIVE."""
    reference: float | None
    candidate: float | None
    n_reference: int
    n_candidate: int
    cases: int
    """Cases measured on both sides."""
    p_value: float | None
    """After Holm; None where it was not measured."""
    because: str
    worst: tuple[str, ...] = ()
    """Cases that moved most."""


class ComparisonResult(Record):
    """What differs between two sides."""

    schema_version: int = 1
    reference: str
    candidate: str
    cases: int
    only_reference: tuple[str, ...]
    only_candidate: tuple[str, ...]
    differences: tuple[Difference, ...]
    headline: str

    @property
    def exit_code(self) -> int:
        """1 on a directed loss, 3 where nothing could be told, else 0."""
        if any(difference.outcome is Outcome.REGRESSED for difference in self.differences):
            return 1
        decided = [d for d in self.differences if d.outcome is not Outcome.INCONCLUSIVE]
        return 0 if decided else 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Names for a reader."""

    reference: str
    candidate: str
    only_reference: tuple[str, ...] = ()
    only_candidate: tuple[str, ...] = ()


def compare_sides(
    signals: Iterable[Signal], comparison: Comparison, sides: Sides, *, seed: int
) -> ComparisonResult:
    """Test every signal that decides over the cases that both sides answered. Deterministic in `seed`.

    Not the spread: it reads nights, and of two sides it would only say again what wording and meaning say.
    """
    tested = tuple(
        signal for signal in signals if signal.decides and signal.noise not in (Noise.SPREAD, Noise.TOKENS)
    )
    shifts = {signal.name: _case_shifts(signal, comparison) for signal in tested}
    rng = np.random.default_rng(seed)
    raw = {
        name: sign_flip_p_value(np.array(list(found.values())), rng, two_sided=_is_scored(tested, name))
        for name, found in shifts.items()
        if len(found) >= FEWEST_CASES
    }
    adjusted = dict(zip(raw, holm(list(raw.values())), strict=True))
    differences = tuple(
        _difference(signal, comparison, shifts[signal.name], adjusted.get(signal.name)) for signal in tested
    )
    return ComparisonResult(
        reference=sides.reference,
        candidate=sides.candidate,
        cases=len(comparison.cases),
        only_reference=sides.only_reference,
        only_candidate=sides.only_candidate,
        differences=differences,
        headline=_headline(differences, sides, len(comparison.cases)),
    )


def sign_flip_p_value(shifts: Floats, rng: np.random.Generator, *, two_sided: bool) -> float:
    """Return p of the mean shift of cases under random signs; ties count. Exact with few cases.

    `shifts` has shape (cases,). One-sided: a large positive mean is what counts.
    """
    observed = abs(float(shifts.mean())) if two_sided else float(shifts.mean())

    def at_least(bits: NDArray[np.int8]) -> int:
        means = (bits * 2 - 1) @ shifts / shifts.size
        return int(np.count_nonzero((np.abs(means) if two_sided else means) >= observed - TIE))

    if shifts.size <= _MOST_ENUMERATED:
        every = np.arange(2**shifts.size)[:, None] >> np.arange(shifts.size) & 1
        return at_least(every.astype(np.int8)) / len(every)
    reached = sum(
        at_least(rng.integers(0, 2, size=(min(_BLOCK, FLIPS - start), shifts.size), dtype=np.int8))
        for start in range(0, FLIPS, _BLOCK)
    )
    return (1 + reached) / (1 + FLIPS)


def _is_scored(signals: Sequence[Signal], name: str) -> bool:
    return any(signal.name == name and isinstance(signal.reads, Scores) for signal in signals)


def _case_shifts(signal: Signal, comparison: Comparison) -> dict[str, float]:
    """Return the candidate's mean minus the reference's for every case where both were measured.

    For a kernel: how much less alike a pair across the sides is than a pair within a side; with one
    sample a side that signal's noise cannot be known, and the case does not count.
    """
    found = {}
    for measured in comparison.cases:
        if not signal.may_gate(measured.case):
            continue
        match signal.reads:
            case Scores():
                shift = _score_shift(signal.reads, measured)
            case Kernel():
                shift = _kernel_shift(signal.reads, measured, comparison)
            case Tokens():
                shift = None
        if shift is not None:
            found[measured.case.id] = shift
    return found


def _score_shift(reads: Scores, measured: MeasuredCase) -> float | None:
    sides = []
    for samples in (measured.reference, measured.candidate):
        scores = [
            value for value in (reads.score(sample.measures) for sample in samples) if value is not None
        ]
        if not scores:
            return None
        sides.append(sum(scores) / len(scores))
    return sides[1] - sides[0]


def _kernel_shift(reads: Kernel, measured: MeasuredCase, comparison: Comparison) -> float | None:
    split, total = len(measured.reference), len(measured.samples)
    if split < 2 or total - split < 2:
        return None
    # No side is the baseline here, so the kernel's width is taken over both.
    gram = reads.gram([sample.measures for sample in measured.samples], total, comparison.vectors)
    if gram is None:
        return None
    across = float(gram[:split, split:].mean())
    within = [_off_diagonal_mean(gram[:split, :split]), _off_diagonal_mean(gram[split:, split:])]
    return sum(within) / 2 - across


def _off_diagonal_mean(block: Floats) -> float:
    size = block.shape[0]
    return float((block.sum() - np.trace(block)) / (size * (size - 1)))


def _difference(
    signal: Signal, comparison: Comparison, shifts: dict[str, float], p_value: float | None
) -> Difference:
    values = side_values(signal, comparison)
    reference = None if isinstance(signal.reads, Kernel) else values.reference
    mean = sum(shifts.values()) / len(shifts) if shifts else 0.0
    outcome = Outcome.INCONCLUSIVE
    if p_value is not None:
        outcome = _outcome(signal, mean) if p_value <= LEVEL else Outcome.STABLE
    ranked = sorted(shifts, key=lambda case_id: (-abs(shifts[case_id]), case_id))
    return Difference(
        signal=signal.name,
        title=signal.title,
        unit=signal.unit,
        outcome=outcome,
        reference=reference,
        candidate=values.candidate,
        n_reference=values.n_reference,
        n_candidate=values.n_candidate,
        cases=len(shifts),
        p_value=p_value,
        because=_because(signal, reference, values, len(shifts), outcome),
        worst=tuple(ranked[:5]) if outcome not in (Outcome.STABLE, Outcome.INCONCLUSIVE) else (),
    )


def _outcome(signal: Signal, shift: float) -> Outcome:
    worse = {Direction.UP_IS_WORSE: shift > 0, Direction.DOWN_IS_WORSE: shift < 0}.get(signal.direction)
    if worse is None:
        return Outcome.CHANGED
    return Outcome.REGRESSED if worse else Outcome.IMPROVED


def _because(
    signal: Signal, reference: float | None, values: SideValues, cases: int, outcome: Outcome
) -> str:
    candidate = values.candidate
    if outcome is Outcome.INCONCLUSIVE:
        if isinstance(signal.reads, Kernel) and values.n_candidate:
            return f"needs two samples a side in {FEWEST_CASES} cases or more; {cases} have them"
        return f"measured in {cases} cases; {FEWEST_CASES} or more are needed"
    if isinstance(signal.reads, Kernel):
        return f"{signal.what} {shown(candidate, signal.unit)}, over {cases} cases"
    return (
        f"{signal.what} {shown(reference, signal.unit)} → {shown(candidate, signal.unit)}, over {cases} cases"
    )


def _headline(differences: Sequence[Difference], sides: Sides, cases: int) -> str:
    by_outcome = {outcome: [d for d in differences if d.outcome is outcome] for outcome in Outcome}
    parts = []
    for outcome, word in (
        (Outcome.REGRESSED, "is worse in"),
        (Outcome.IMPROVED, "is better in"),
        (Outcome.CHANGED, "differs in"),
    ):
        if by_outcome[outcome]:
            parts.append(f"{word} {' and '.join(d.title.lower() for d in by_outcome[outcome])}")
    if parts:
        return f"{sides.candidate} {', '.join(parts)}, over {cases} cases."
    if by_outcome[Outcome.STABLE]:
        return f"{sides.candidate} and {sides.reference} do not differ measurably over {cases} cases."
    return (
        f"{cases} cases answered by both sides are too few to tell {sides.candidate} from {sides.reference}."
    )
