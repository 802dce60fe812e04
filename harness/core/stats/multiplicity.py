"""Many tests at once."""

from collections.abc import Sequence


def benjamini_hochberg(p_values: Sequence[float], *, rate: float) -> tuple[bool, ...]:
    """Say which hypotheses are rejected at false discovery rate `rate` (Benjamini and Hochberg, 1995)."""
    return tuple(bool(adjusted <= rate) for adjusted in benjamini_hochberg_adjusted(p_values))


def benjamini_hochberg_adjusted(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted for the false discovery rate: the lowest rate at which each is rejected, at most 1."""
    adjusted = [1.0] * len(p_values)
    lowest = 1.0
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank, index in reversed(tuple(enumerate(order, start=1))):
        lowest = min(lowest, p_values[index] * len(p_values) / rank)
        adjusted[index] = lowest
    return tuple(adjusted)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted for the family-wise error rate (Holm, 1979)."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)
