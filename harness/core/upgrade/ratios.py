"""What the new model costs in tokens, time and money beside the old one. It is never better behaviour."""

from collections.abc import Callable, Sequence
from math import comb, exp, log, pi, sqrt
from statistics import fmean, median, variance

from harness.core.policy import Gates
from harness.core.upgrade.values import CaseValues, ReplyValues
from harness.core.upgrade_records import UpgradeRatio

FEWEST = 6
"""Cases from which the median has a 95 % interval at all."""
_NORMAL_95 = 1.959964
_PER = {"tokens": 1.0, "latency": 1.0, "cost": 1000.0}


def weigh_ratios(cases: Sequence[CaseValues], gates: Gates) -> tuple[UpgradeRatio, ...]:
    """Compare the medians of both sides case by case; a ratio that nobody can know is left out."""
    found = (
        _ratio("tokens", cases, lambda reply: reply.tokens, gates.tokens_ratio),
        _ratio("latency", cases, lambda reply: reply.latency_ms, gates.latency_ratio),
        _ratio("cost", cases, lambda reply: reply.cost_usd, None),
    )
    return tuple(one for one in found if one is not None)


def median_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return a 95 % interval of the median by order statistics (binomial, exact); None with fewer than `FEWEST`."""
    ordered, size = sorted(values), len(values)
    below, rank = 0.0, 0
    while below + comb(size, rank) / 2**size <= 0.025:
        below += comb(size, rank) / 2**size
        rank += 1
    return (ordered[rank - 1], ordered[size - rank]) if rank else None


def _ratio(
    name: str, cases: Sequence[CaseValues], read: Callable[[ReplyValues], float | None], gate: float | None
) -> UpgradeRatio | None:
    ratios: list[tuple[str, float]] = []
    noise: list[float] = []
    sides: tuple[list[float], list[float]] = ([], [])
    for values in cases:
        known = [
            [value for value in map(read, side) if value is not None and value > 0]
            for side in (values.reference, values.candidate)
        ]
        if not all(known):
            continue
        ratios.append((values.case, median(known[1]) / median(known[0])))
        for side, found in zip(sides, known, strict=True):
            side.extend(found)
        if len(known[0]) > 1:
            # The standard error of a median is about √(π/2) of a mean's.
            noise.append(variance(map(log, known[0])) * (1 / len(known[0]) + 1 / len(known[1])) * pi / 2)
    if not ratios:
        return None
    interval = median_interval([ratio for _, ratio in ratios])
    middle = median([ratio for _, ratio in ratios])
    reach = _NORMAL_95 * sqrt(fmean(noise)) if noise else None
    return UpgradeRatio(
        name=name,
        ratios=tuple(ratios),
        median=middle,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        floor=None if reach is None else (exp(-min(reach, 50.0)), exp(min(reach, 50.0))),
        gate=gate,
        beyond=gate is not None and middle > gate and interval is not None and interval[0] > 1,
        reference=fmean(sides[0]) * _PER[name],
        candidate=fmean(sides[1]) * _PER[name],
    )
