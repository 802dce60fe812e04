"""A signal's value for each night: what is drawn beside tonight. Nothing here decides."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.core.detection.occasions import Asked, Occasion
from harness.core.detection.scores import ReadCase, read_case
from harness.core.findings import Outcome
from harness.core.measures import Comparison, MeasuredCase
from harness.core.policy import Policy
from harness.core.signals.signal import Floats, Kernel, Scores, Signal, Tokens
from harness.core.stats.surprise import Nights
from harness.core.verdict import SignalFloor, SignalReading


@dataclass(frozen=True, slots=True, kw_only=True)
class SideValues:
    """A signal over both sides, mean over cases; for a kernel the candidate's mean distance from the reference."""

    reference: float | None
    candidate: float | None
    n_reference: int
    n_candidate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseValues:
    """One case as a signal shows it."""

    measured: MeasuredCase
    values: Floats | None
    """A value a sample, the reference's first, NaN where it was not measured; None where none could be read."""

    def of(self, batches: Collection[str] | None) -> tuple[Floats, Floats]:
        """Return the reference's measured values, and the candidate's of some batches (None: of all)."""
        if self.values is None:
            return np.empty(0), np.empty(0)
        split = len(self.measured.reference)
        wanted = [batches is None or sample.batch in batches for sample in self.measured.candidate]
        reference, candidate = self.values[:split], self.values[split:][np.array(wanted, dtype=np.bool_)]
        return reference[np.isfinite(reference)], candidate[np.isfinite(candidate)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleValues:
    """What a signal shows of every sample of a comparison, each read once."""

    signal: Signal
    target: str
    cases: tuple[CaseValues, ...]

    def among(self, ids: Collection[str]) -> "SampleValues":
        """Keep some cases."""
        return replace(self, cases=tuple(case for case in self.cases if case.measured.case.id in ids))

    def sides(self, batches: Collection[str] | None = None) -> SideValues:
        """Return both sides, each case with the same weight; of the candidate some batches (None: all)."""
        found = [case.of(batches) for case in self.cases]
        before = [float(reference.mean()) for reference, _ in found if reference.size]
        after = [float(candidate.mean()) for _, candidate in found if candidate.size]
        return SideValues(
            reference=float(np.mean(before)) if before else None,
            candidate=float(np.mean(after)) if after else None,
            n_reference=sum(reference.size for reference, _ in found),
            n_candidate=sum(candidate.size for _, candidate in found),
        )

    def nights(self) -> tuple[float, ...]:
        """Return one value per reference night, oldest first, mean over the cases measured that night."""
        return tuple(value for _, value in self.by_batch())

    def by_batch(self) -> tuple[tuple[str, float], ...]:
        """Return the same, each beside the name of its batch."""
        names = sorted({s.batch for case in self.cases for s in case.measured.reference})
        rows = {name: row for row, name in enumerate(names)}
        total, count = np.zeros(len(names)), np.zeros(len(names))
        for case in self.cases:
            if case.values is None:
                continue
            values = case.values[: len(case.measured.reference)]
            known = np.isfinite(values)
            night = np.array([rows[s.batch] for s in case.measured.reference], dtype=np.intp)[known]
            size = np.bincount(night, minlength=len(names))
            mean = np.bincount(night, weights=values[known], minlength=len(names)) / np.maximum(size, 1)
            total, count = total + mean, count + (size > 0)
        return tuple(
            (name, round(float(t / n), 6)) for name, t, n in zip(names, total, count, strict=True) if n
        )


def sample_values(signal: Signal, comparison: Comparison) -> SampleValues:
    """Read every sample of `comparison` once."""
    return SampleValues(
        signal=signal,
        target=comparison.target,
        cases=tuple(
            case_values(signal, measured, read_case(signal, measured, comparison.vectors, {}))
            for measured in comparison.cases
        ),
    )


def case_values(signal: Signal, measured: MeasuredCase, read: ReadCase | None) -> CaseValues:
    """Return what `signal` shows of a case that it has read.

    For a kernel: the mean distance, 1 − K, from the reference samples of all other nights.
    """
    if read is None or not read.ruled:
        values = None
    elif isinstance(signal.reads, Tokens):
        values = _token_distances(read)
    elif read.kernels:
        values = _distances(read)
    else:
        values = signal.sign * read.values
    return CaseValues(measured=measured, values=values)


def named(asked: Sequence[Asked], *occasions: Occasion) -> frozenset[str]:
    """Return the batches of some occasions."""
    return frozenset(batch.batch for batch in asked if batch.occasion in occasions)


def read_signal(
    values: SampleValues, asked: Sequence[Asked], outcome: Outcome, floor: SignalFloor | None
) -> SignalReading:
    """Return a signal beside its own nights, in the reader's unit."""
    tonight = values.sides(named(asked, Occasion.TONIGHT))
    again = named(asked, Occasion.CONFIRM)
    nights = values.by_batch()
    burst = any("#" in batch for batch, _ in nights)
    return SignalReading(
        signal=values.signal.name,
        outcome=outcome,
        nights=tuple(value for _, value in nights),
        dates=() if burst else tuple(batch for batch, _ in nights),
        tonight=tonight.candidate,
        confirmation=values.sides(again).candidate if again else None,
        unit=values.signal.unit,
        floor=floor,
        n_reference=tonight.n_reference,
        n_candidate=tonight.n_candidate,
    )


def lost(values: SampleValues, asked: Sequence[Asked], policy: Policy) -> bool:
    """Say whether too few of the cases that the baseline measures were measured tonight.

    An encoder that failed loses the embedding, replies that cannot be read lose the refusal; a suite
    without rules has no format to lose.
    """
    tonight = named(asked, Occasion.TONIGHT)
    expected = [case for case in values.cases if _is_expected(values.signal, case.measured)]
    known = sum(case.of(tonight)[1].size > 0 for case in expected)
    return known < policy.limits.min_cases * len(expected) - 1e-9


def expects(values: SampleValues) -> bool:
    """Say whether the baseline measures the signal in any case that it may gate."""
    return any(_is_expected(values.signal, case.measured) for case in values.cases)


def deciding_signals(signals: Iterable[Signal], comparison: Comparison) -> tuple[Signal, ...]:
    """Return the signals that share a night's level: those that may gate a case, optional ones where measured."""
    return tuple(
        signal
        for signal in signals
        if signal.decides
        and any(
            _is_expected(signal, measured) if signal.optional else signal.may_gate(measured.case)
            for measured in comparison.cases
        )
    )


def _is_expected(signal: Signal, measured: MeasuredCase) -> bool:
    if not signal.may_gate(measured.case):
        return False
    match signal.reads:
        case Scores(score=score):
            known = sum(score(sample.measures) is not None for sample in measured.reference)
            return 2 * known > len(measured.reference)
        case Tokens(top=top):
            known = sum(bool(top(sample.measures)) for sample in measured.reference)
            return 2 * known > len(measured.reference)
        case Kernel():
            return all(sample.measures.text is not None for sample in measured.reference)


def side_values(signal: Signal, comparison: Comparison) -> SideValues:
    """Return the signal of both sides, each case with the same weight."""
    return sample_values(signal, comparison).sides()


def _distances(read: ReadCase) -> Floats:
    alike, split = read.values[:, : read.reference] / read.kernels, read.reference
    _, night = np.unique(read.batches, return_inverse=True)
    before = Nights(of_sample=night[:split], baseline=int(night.max()) + 1, tested=0)
    per_night = before.sums(alike)
    counts = split - before.sizes[night]
    elsewhere = per_night.sum(axis=1) - per_night[np.arange(len(night)), night]
    return np.where(counts > 0, 1.0 - elsewhere / np.maximum(counts, 1.0), np.nan)


def _token_distances(read: ReadCase) -> Floats:
    """Return how far each sample's tokens are from the mean over the reference's samples of other nights."""
    known = np.isfinite(read.values).all(axis=1)
    before = known & (np.arange(len(read.values)) < read.reference)
    _, night = np.unique(read.batches, return_inverse=True)
    found = np.full(len(read.values), np.nan)
    for one in np.unique(night[known]):
        others = read.values[before & (night != one)]
        if len(others):
            own = known & (night == one)
            found[own] = np.abs(read.values[own] - others.mean(axis=0)).mean(axis=1)
    return found
