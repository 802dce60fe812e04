"""A baseline's own nights held out: how far each strays from the floor that the others make."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.core.detection.night import HARDLY_MOVES, standardised
from harness.core.detection.occasions import FEWEST_NIGHTS, Asked, Occasion
from harness.core.detection.scores import ReadCase, SignalScores, score_cases
from harness.core.detection.stray import Counted, Stray, strays
from harness.core.signals import Noise, Signal
from harness.core.signals.signal import Floats
from harness.core.stats.floor import PRIOR

MOST_T = 1e6
"""A floor of 0 makes t infinite, and a mean of infinities says nothing."""
Score = Callable[[Sequence[str], Sequence[str]], SignalScores | None]
"""From the nights of a floor and the nights held against it to their scores; None where nothing was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """How far one signal's nights stray. t² is in units in which an unchanged night has 1."""

    nights: tuple[Stray | None, ...]
    """Each night alone against the others; None where it was not measured."""
    apart: Floats
    """Shape (N,): t² of each night, held out together with its neighbours. NaN where it has none."""
    lasting: Floats
    """Shape (N − window + 1,), or (0,) where the nights are too few: t² of the mean of nights in a row."""
    by_case: tuple[tuple[str, float], ...]
    """How far each case strays, for as many nights in a row: its mean t², the largest first."""
    floor_nights: int
    """Nights that `apart` and `lasting` were held against."""

    @property
    def alone(self) -> tuple[Stray, ...]:
        """Return the nights that were measured."""
        return tuple(stray for stray in self.nights if stray is not None)


def scorer(signal: Signal, cases: Sequence[ReadCase]) -> Score:
    """Score nights of `cases`, which are read once."""

    def score(floor: Sequence[str], out: Sequence[str]) -> SignalScores | None:
        counts = {case.case: max(case.batches.count(night) for night in out) for case in cases}
        asked = [Asked(batch=night, occasion=Occasion.EARLIER, samples=counts) for night in out]
        return score_cases(signal, cases, floor, asked)

    return score


def hold_out(nights: Sequence[str], window: int, floor_nights: int, score: Score) -> HeldOut | None:
    """Hold out every night, and every `window` nights in a row, against at most `floor_nights` of the others.

    A night is judged far from its neighbours, as a night long after the baseline will be: nights that resemble
    the one before would vouch for each other. None where the signal was never measured.
    """
    singly = [_strayed(score, nights, [night], floor_nights, place) for place, night in enumerate(nights)]
    alone = [strayed for _, strayed in singly]
    if all(strayed == [None] for strayed in alone):
        return None
    apart: list[list[float]] = [[] for _ in nights]
    lasting: list[float] = []
    of_cases: dict[str, list[float]] = {}
    starts = range(len(nights) - window + 1) if len(nights) - window >= FEWEST_NIGHTS else range(0)
    for start in starts:
        scores, strayed = _strayed(score, nights, nights[start : start + window], floor_nights, start)
        for place, stray in enumerate(strayed):
            apart[start + place].extend(_squares(scores, [stray]))
        lasting.append(next(iter(_squares(scores, strayed)), np.nan))
        for case, square in _case_squares(scores):
            of_cases.setdefault(case, []).append(square)
    if not starts:
        apart = [list(_squares(scores, strayed)) for scores, strayed in singly]
    means = sorted(
        ((case, float(np.mean(squares))) for case, squares in of_cases.items()), key=lambda c: -c[1]
    )
    return HeldOut(
        nights=tuple(stray for strayed in alone for stray in strayed),
        apart=np.array([np.mean(squares) if squares else np.nan for squares in apart]),
        lasting=np.array(lasting),
        by_case=tuple(means),
        floor_nights=min(floor_nights, len(nights) - (window if starts else 1)),
    )


def _strayed(
    score: Score, nights: Sequence[str], out: Sequence[str], floor_nights: int, turn: int
) -> tuple[SignalScores | None, list[Stray | None]]:
    scores = score(_floor(nights, out, floor_nights, turn), out)
    if scores is None:
        return None, [None] * len(out)
    hold = strays(scores)
    return scores, [hold(row) for row in range(len(out))]


def _floor(nights: Sequence[str], out: Sequence[str], most: int, turn: int) -> Sequence[str]:
    """Choose the nights to hold against: all others, or so many in a row, which `turn` moves along.

    In a row, because a baseline is: its nights share what lasts for days.
    """
    first, last = nights.index(out[0]), nights.index(out[-1])
    others = [*nights[last + 1 :], *nights[:first]]
    if len(others) <= most:
        return others
    begin = turn * most % len(others)
    return [*others[begin:], *others[:begin]][:most]


def _squares(scores: SignalScores | None, strayed: Sequence[Stray | None]) -> Iterable[float]:
    """Yield t² of the mean of some nights; nothing where one of them has no floor."""
    there = [stray for stray in strayed if stray is not None]
    floors = [stray.statistic for stray in there if stray.statistic is not None]
    if not floors or len(floors) < len(strayed):
        return
    shift = float(np.mean([floor.tested[0] - floor.mean for floor in floors]))
    variance = np.mean([floor.sd**2 * (1.0 / len(floors) + 1.0 / floor.nights) for floor in floors])
    # Of the nights, without the cap that the gate puts on them.
    degrees = max(min(floor.degrees for floor in floors), floors[0].nights - 1.0)
    t = min(abs(standardised(shift, float(np.sqrt(variance)))), MOST_T)
    square = t**2 * max(degrees - 2.0, 1.0) / degrees
    off = [stray.off for stray in there if stray.never is None]
    counts = scores is not None and scores.signal.noise is not Noise.TOKENS
    if counts and off and off[0].baseline < HARDLY_MOVES * off[0].baseline_of:
        square = min(square, _count_square(off))
    yield square


def _count_square(counted: Sequence[Counted]) -> float:
    """Return the squared standardised number of prompts off: what decides where a suite hardly moves."""
    trials = sum(one.tested_of for one in counted)
    a, b = counted[0].baseline + 0.5, counted[0].baseline_of - counted[0].baseline + 0.5
    mean = trials * a / (a + b)
    variance = mean * b * (a + b + trials) / ((a + b) * (a + b + 1.0))
    return float((sum(one.tested for one in counted) - mean) ** 2 / variance)


def _case_squares(scores: SignalScores | None) -> Iterable[tuple[str, float]]:
    if scores is None:
        return
    count = np.isfinite(scores.baseline).sum(axis=0)
    kept = (count > 2) & np.isfinite(scores.tested).all(axis=0)
    before, now = scores.baseline[:, kept], scores.tested[:, kept]
    if not kept.any():
        return
    own = np.nanvar(before, axis=0, ddof=1)
    spare = count[kept] - 1.0
    variance = (PRIOR * own.mean() + spare * own) / (PRIOR + spare)
    shift = now.mean(axis=0) - np.nanmean(before, axis=0)
    squares = shift**2 / np.maximum(variance * (1.0 / len(now) + 1.0 / count[kept]), 1e-12)
    names = [case for case, keep in zip(scores.cases, kept, strict=True) if keep]
    yield from zip(names, squares.tolist(), strict=True)
