"""Many tests at once."""

from collections.abc import Sequence

import numpy as np


def benjamini_hochberg(p_values: Sequence[float], *, rate: float) -> tuple[bool, ...]:
    """Say which hypotheses are rejected at false discovery rate `rate` (Benjamini and Hochberg, 1995)."""
    if not p_values:
        return ()
    p = np.asarray(p_values)
    order = np.argsort(p, kind="stable")
    passing = np.nonzero(p[order] <= rate * np.arange(1, p.size + 1) / p.size)[0]
    rejected = np.zeros(p.size, dtype=bool)
    if passing.size:
        rejected[order[: passing[-1] + 1]] = True
    return tuple(bool(r) for r in rejected)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted for the family-wise error rate (Holm, 1979)."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)
