"""Which prompts moved, once the suite has."""

from collections.abc import Mapping, Sequence

import numpy as np

from harness.core.detection.night import split_level, standardised
from harness.core.detection.scores import SignalScores
from harness.core.signals import Noise
from harness.core.stats.floor import PRIOR
from harness.core.stats.multiplicity import benjamini_hochberg
from harness.core.stats.tails import beta_binomial_tail, student_tail

FALSE_DISCOVERY_RATE = 0.10


def moved_cases(scores: SignalScores, batches: Sequence[int], share: float) -> Mapping[str, float]:
    """Return the prompts that moved over `batches` (rows of `scores.tested`), with their p-values.

    Benjamini and Hochberg at `FALSE_DISCOVERY_RATE`; `share` is A, as for `night.tail_of`. Empty where the
    samples are too few to name one.
    """
    found = case_p_values(scores, batches, share)
    rejected = benjamini_hochberg(list(found.values()), rate=FALSE_DISCOVERY_RATE)
    return {case: p for (case, p), moved in zip(found.items(), rejected, strict=True) if moved}


def case_p_values(scores: SignalScores, batches: Sequence[int], share: float) -> Mapping[str, float]:
    """Return every prompt's own p-value over `batches`, for saying which ones moved."""
    pooled = _mean_variance(scores)
    return {
        case: p
        for column, case in enumerate(scores.cases)
        if (p := _case_p_value(scores, column, batches, share, pooled)) is not None
    }


def _mean_variance(scores: SignalScores) -> float:
    """Return the mean over the prompts of how much a night varies; NaN where no prompt has three nights."""
    variances = [
        np.var(one[np.isfinite(one)], ddof=1) for one in scores.baseline.T if np.isfinite(one).sum() > 2
    ]
    return float(np.mean(variances)) if variances else np.nan


def _case_p_value(
    scores: SignalScores, column: int, batches: Sequence[int], share: float, pooled: float
) -> float | None:
    signal, before = scores.signal, scores.baseline[:, column]
    now = scores.tested[list(batches), column]
    now = now[np.isfinite(now)]
    there = np.isfinite(before)
    if not now.size or there.sum() < 3:
        return None
    if signal.noise in (Noise.RARE_RATE, Noise.EDGE_RATE):
        return _rate_p_value(scores, column, batches)
    spare = there.sum() - 1
    variance = (PRIOR * pooled + spare * np.var(before[there], ddof=1)) / (PRIOR + spare)
    t = standardised(
        now.mean() - before[there].mean(), float(np.sqrt(variance * (share + 1.0 / there.sum())))
    )
    degrees = min(spare + PRIOR, 2 * PRIOR)
    return split_level(signal, student_tail(t, degrees), student_tail(-t, degrees))


def _rate_p_value(scores: SignalScores, column: int, batches: Sequence[int]) -> float:
    rows = list(batches)
    replies = scores.baseline_counts[:, column].sum()
    events = (np.nan_to_num(scores.baseline[:, column]) * scores.baseline_counts[:, column]).sum()
    asked = int(scores.tested_counts[rows, column].sum())
    shown = round(
        float((np.nan_to_num(scores.tested[rows, column]) * scores.tested_counts[rows, column]).sum())
    )
    up = beta_binomial_tail(shown, asked, events + 0.5, replies - events + 0.5)
    down = beta_binomial_tail(asked - shown, asked, replies - events + 0.5, events + 0.5)
    return split_level(scores.signal, up, down)
