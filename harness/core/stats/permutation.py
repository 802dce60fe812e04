"""Permutation of the labels "reference" and "candidate" within each case."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

# Statistics that differ by rounding only are ties, and ties count.
TIE = 1e-12


def draw_candidates(n_reference: int, n_candidate: int, count: int, rng: np.random.Generator) -> Indices:
    """Draw which samples are called the candidate's, shape (1 + count, n_candidate).

    Samples are numbered 0 to n_reference + n_candidate - 1, the reference's first. Row 0 is the labelling
    observed; the others are uniform over all ways to pick n_candidate samples.
    """
    size = n_reference + n_candidate
    chosen = np.empty((1 + count, n_candidate), dtype=np.intp)
    chosen[0] = np.arange(n_reference, size)
    keys = rng.random((count, size), dtype=np.float32)
    chosen[1:] = np.argpartition(keys, n_candidate - 1, axis=1)[:, :n_candidate]
    return chosen


def mean_differences(scores: Floats, candidates: Indices) -> Floats:
    """Return candidate mean minus reference mean for every labelling, shape (1 + count,).

    `scores` has shape (n,), with NaN for a sample that was not measured; a labelling that leaves a side
    without a measured sample gives 0.
    """
    measured = np.isfinite(scores)
    values = np.where(measured, scores, 0.0)
    on_candidate = measured[candidates].sum(axis=1)
    on_reference = measured.sum() - on_candidate
    sum_candidate = values[candidates].sum(axis=1)
    sum_reference = values.sum() - sum_candidate
    both = (on_candidate > 0) & (on_reference > 0)
    means = sum_candidate / np.maximum(on_candidate, 1) - sum_reference / np.maximum(on_reference, 1)
    return np.where(both, means, 0.0)


def kernel_differences(gram: Floats, candidates: Indices) -> Floats:
    """Return the squared maximum mean discrepancy for every labelling, shape (1 + count,).

    `gram` is the kernel matrix over all samples, shape (n, n). MMD² = mean K within the candidate + mean K
    within the reference − 2 mean K across (Gretton et al., "A Kernel Two-Sample Test", JMLR 13, 2012,
    eq. 5, the biased estimate). The sums of the other two blocks follow from the candidate's own block.
    """
    k = candidates.shape[1]
    m = gram.shape[0] - k
    within = gram[candidates[:, :, None], candidates[:, None, :]].sum(axis=(1, 2))
    rows = gram.sum(axis=1)[candidates].sum(axis=1)
    across = rows - within
    rest = gram.sum() - 2 * across - within
    return np.asarray(within / k**2 + rest / m**2 - 2 * across / (k * m))


def p_value(statistics: Floats) -> float:
    """Return p = (1 + #{permuted ≥ observed}) / (1 + count) from statistics whose first is the observed one.

    Larger means more drift; ties count. Valid at any count (Phipson and Smyth, "Permutation P-values
    Should Never Be Zero", 2010).
    """
    observed, permuted = statistics[0], statistics[1:]
    return float((1 + np.count_nonzero(permuted >= observed - TIE)) / (1 + permuted.size))
