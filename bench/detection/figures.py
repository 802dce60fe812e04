"""From records to figures: a rate with its limits, a power with its standard error."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

OURS, BOUND = "ours", "bound"
REPEATS = 4000

Records = Sequence[Mapping[str, Any]]


def false_incidents(records: Records, rule: str) -> tuple[float, float, float]:
    """Return false incidents per 100 nights and a 95 % interval, by a bootstrap over suites."""
    records = [r for r in records if rule in r["quiet"]]
    counts = np.array([r["quiet"][rule]["incidents"] for r in records], dtype=np.float64)
    nights = np.array([r["nights"] for r in records], dtype=np.float64)
    if not counts.any():
        # Where nothing was seen a bootstrap sees nothing either; this is the exact limit for a count of 0.
        return 0.0, 0.0, float(-np.log(0.025) * 100 / nights.sum())
    rows = np.random.default_rng(0).integers(len(counts), size=(REPEATS, len(counts)))
    rates = 100 * counts[rows].sum(axis=1) / nights[rows].sum(axis=1)
    low, high = np.quantile(rates, (0.025, 0.975))
    return float(100 * counts.sum() / nights.sum()), float(low), float(high)


def power(records: Records, drift: str, rule: str, within: int) -> tuple[float, float] | None:
    """Return the share of runs in which `rule` saw `drift` within so many nights, and its standard error."""
    seen = [r["drifts"][drift][rule] for r in records if rule in r["drifts"].get(drift, {})]
    if not seen:
        return None
    share = float(np.mean([night is not None and night <= within for night in seen]))
    return share, float(np.sqrt(share * (1.0 - share) / len(seen)))
