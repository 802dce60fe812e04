"""One signal over the batches tested: how likely it is to stray so far from its floor by chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.core.detection.stray import Counted, Stray
from harness.core.signals import Noise, Signal
from harness.core.stats.tails import student_quantile, student_tail

HARDLY_MOVES = 0.2
"""A suite of which fewer prompts than this share are off on a baseline night has no floor to speak of."""
MOST_LEFT_OUT = 50
"""Cases of a suite that are left out one by one. Of a larger suite those that pulled most: every floor without one
takes as long as the suite is large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """How likely a signal is to stray so far on unchanged nights."""

    p_value: float
    """Both ways, the signal's own split of its level applied; a smaller one is drift at a given level."""
    shift: float
    """Mean y of what was tested minus the baseline's; positive is worse or more."""
    first_seen: bool
    """True where it is prompts that never showed the event before, more than the others, that say so."""

    @property
    def upwards(self) -> bool:
        """Say which way it leans; a first event is a rise, whatever the other prompts do meanwhile."""
        return self.first_seen or self.shift > 0


def tail_of(signal: Signal, found: Sequence[Stray], share: float, widened: float) -> Tail:
    """Return how likely the batches `found` are, taken together.

    `share` is A, the variance of their mean in units of one night's: 1 for one night, .75 for a batch and
    its confirmation on the same night, 1/5 for five nights. `widened` multiplies the standard deviation, and
    makes counts over baseline nights worth as much less.
    """
    measured = [stray.statistic for stray in found if stray.statistic is not None]
    p, shift = 1.0, 0.0
    if measured and len(measured) == len(found):
        shift = float(np.mean([s.tested[0] - s.mean for s in measured]))
        variance = float(np.mean([s.sd**2 * (share + 1.0 / s.nights) for s in measured]))
        t = standardised(shift, widened * float(np.sqrt(variance)))
        degrees = min(s.degrees for s in measured)
        p = split_level(signal, student_tail(t, degrees), student_tail(-t, degrees))
    first_seen = False
    counted = [stray.never for stray in found if stray.never is not None]
    if counted:
        never = _sum(counted).tail(widened)
        first_seen = never < p
        p = min(1.0, 2.0 * min(p, never))
    elif _hardly_moves(signal, found):
        p = max(p, _sum([stray.off for stray in found]).tail(widened))
    return Tail(p_value=p, shift=shift, first_seen=first_seen)


def weakest_without_one(signal: Signal, found: Sequence[Stray], share: float, widened: float) -> Tail | None:
    """Return the batches' tail without the case that they hang on most: the largest p-value of all.

    Over `MOST_LEFT_OUT` cases it is looked for among those that moved most, and those that moved most for what
    their nights do. None where no two cases can show the signal. Arguments as for `tail_of`.
    """
    measured = [frozenset(stray.measured) for stray in found]
    tails = []
    for case in _most_pulling(found):
        rest = [
            stray.without(case) if stray.without is not None and case in known else stray
            for stray, known in zip(found, measured, strict=True)
        ]
        left = [stray for stray in rest if stray is not None]
        if len(left) == len(rest):
            tails.append(tail_of(signal, left, share, widened))
    return max(tails, key=lambda tail: tail.p_value, default=None)


def _most_pulling(found: Sequence[Stray]) -> tuple[str, ...]:
    cases = tuple(dict.fromkeys(case for stray in found for case in stray.measured))
    if len(cases) <= MOST_LEFT_OUT:
        return cases
    place = {case: number for number, case in enumerate(cases)}
    pulls = np.zeros((2, len(cases)))
    for stray in found:
        pulls[:, [place[case] for case in stray.measured]] += stray.pulls
    most = np.argsort(-np.abs(pulls), axis=1, kind="stable")[:, : MOST_LEFT_OUT // 2]
    return tuple(cases[number] for number in dict.fromkeys(most.ravel().tolist()))


def smallest_visible(
    signal: Signal, stray: Stray, share: float, widened: float, level: float
) -> float | None:
    """Return the smallest shift of y, towards worse, that has power .8 at `level`; None without a floor to speak of."""
    floor = stray.statistic
    if floor is None or (stray.never is None and _hardly_moves(signal, [stray])):
        return None
    doubled = 2.0 if stray.never is not None else 1.0
    t = student_quantile(1.0 - level * signal.up / doubled, floor.degrees)
    reach = t + student_quantile(0.8, floor.degrees)
    return float(reach * widened * floor.sd * np.sqrt(share + 1.0 / floor.nights))


def band(signal: Signal, stray: Stray, widened: float, level: float) -> tuple[float, float] | None:
    """Return the lowest and highest y of one night that is not screened at `level`."""
    floor = stray.statistic
    if floor is None:
        return None
    doubled = 2.0 if stray.never is not None else 1.0
    wide = widened * floor.sd * np.sqrt(1.0 + 1.0 / floor.nights)
    upper = student_quantile(1.0 - level * signal.up / doubled, floor.degrees)
    down = level * (1.0 - signal.up) / doubled
    lower = student_quantile(1.0 - down, floor.degrees) if down > 0 else np.inf
    return floor.mean - float(lower * wide), floor.mean + float(upper * wide)


def split_level(signal: Signal, up: float, down: float) -> float:
    """Return one p-value of both one-sided ones, `signal.up` of a level spent upwards and the rest downwards."""
    either = [up / signal.up] if signal.up > 0 else []
    either += [down / (1.0 - signal.up)] if signal.up < 1 else []
    return min(1.0, *either)


def standardised(shift: float, sd: float) -> float:
    """Return shift/sd; infinite where any shift is more than a floor of 0 allows."""
    if sd > 0:
        return shift / sd
    return 0.0 if shift == 0 else float(np.copysign(np.inf, shift))


def _sum(counted: Sequence[Counted]) -> Counted:
    total = counted[0]
    for one in counted[1:]:
        total = total + one
    return total


def _hardly_moves(signal: Signal, found: Sequence[Stray]) -> bool:
    off = found[0].off
    if signal.noise is Noise.TOKENS:
        return False  # numbers that are never the same twice, with a floor of their own
    return off.baseline < HARDLY_MOVES * off.baseline_of
