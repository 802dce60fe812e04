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


def p_value(statistics: Floats) -> float:
    """Return p = (1 + #{permuted ≥ observed}) / (1 + count) from statistics whose first is the observed one.

    Larger means more drift; ties count. Valid at any count (Phipson and Smyth, "Permutation P-values
    Should Never Be Zero", 2010).
    """
    observed, permuted = statistics[0], statistics[1:]
    return float((1 + np.count_nonzero(permuted >= observed - TIE)) / (1 + permuted.size))
