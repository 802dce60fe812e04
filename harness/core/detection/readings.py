"""A signal's value for each night: what is drawn beside tonight. Nothing here decides."""

from dataclasses import dataclass

import numpy as np

from harness.core.measures import Comparison, MeasuredCase
from harness.core.signals.signal import Floats, Kernel, Scores, Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class SideValues:
    """A signal over both sides, mean over cases; for a kernel the candidate's mean distance from the reference."""

    reference: float | None
    candidate: float | None
    n_reference: int
    n_candidate: int


def side_values(signal: Signal, comparison: Comparison) -> SideValues:
    """Return the signal of both sides, each case with the same weight."""
    reference, candidate, n_reference, n_candidate = [], [], 0, 0
    for measured in comparison.cases:
        values = _case_values(signal, measured, comparison)
        if values is None:
            continue
        split = len(measured.reference)
        sides = values[:split][np.isfinite(values[:split])], values[split:][np.isfinite(values[split:])]
        n_reference, n_candidate = n_reference + sides[0].size, n_candidate + sides[1].size
        if sides[0].size:
            reference.append(float(sides[0].mean()))
        if sides[1].size:
            candidate.append(float(sides[1].mean()))
    return SideValues(
        reference=float(np.mean(reference)) if reference else None,
        candidate=float(np.mean(candidate)) if candidate else None,
        n_reference=n_reference,
        n_candidate=n_candidate,
    )


def night_values(signal: Signal, comparison: Comparison) -> tuple[float, ...]:
    """Return one value per reference night, oldest first, mean over the cases measured that night."""
    by_night: dict[str, list[float]] = {}
    for measured in comparison.cases:
        values = _case_values(signal, measured, comparison)
        if values is None:
            continue
        nights: dict[str, list[float]] = {}
        for sample, value in zip(measured.reference, values, strict=False):
            if np.isfinite(value):
                nights.setdefault(sample.batch, []).append(float(value))
        for night, found in nights.items():
            by_night.setdefault(night, []).append(sum(found) / len(found))
    return tuple(round(sum(by_night[night]) / len(by_night[night]), 6) for night in sorted(by_night))


def _case_values(signal: Signal, measured: MeasuredCase, comparison: Comparison) -> Floats | None:
    """Return a value per sample, NaN where it was not measured.

    For a kernel: the mean distance, 1 − K, from the reference samples of all other nights.
    """
    samples = [sample.measures for sample in measured.samples]
    match signal.reads:
        case Scores(score=score):
            found = [score(measures) for measures in samples]
            return np.array([np.nan if value is None else value for value in found])
        case Kernel(gram=gram):
            matrix = gram(samples, comparison.vectors)
            if matrix is None:
                return None
            batches = np.array([sample.batch for sample in measured.samples])
            others = batches[:, None] != batches[None, : len(measured.reference)]
            counts = others.sum(axis=1)
            distances = ((1.0 - matrix[:, : len(measured.reference)]) * others).sum(axis=1)
            return np.where(counts > 0, distances / np.maximum(counts, 1), np.nan)
