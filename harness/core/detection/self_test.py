"""The suite against itself: how often this gate would cry wolf, by holding out the user's own nights.

Fourteen nights hold no false alarm that could be counted, so its rate is reached in two steps. How often the
gate errs on the benchmark's quiet nights is known, for every kind of signal. How much further these nights
stray than those do is measured: each night, and each run of nights as long as the window, is held out against
the floor that others make (`held_out`). The rate grows with the tail: a Student tail at the level of drift,
divided by how far nights stray. Checked on simulated streams by tests/core/detection/test_self_test.py;
docs/calibrate.md has the figures.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.core.detection.held_out import HeldOut, hold_out, scorer
from harness.core.detection.night import smallest_visible, tail_of
from harness.core.detection.occasions import FEWEST_NIGHTS, groups
from harness.core.detection.readings import deciding_signals
from harness.core.detection.rule import FAMILIES, ONE_NIGHT, SAME_NIGHT, Levels, levels_of
from harness.core.detection.scores import read_cases
from harness.core.measures import Comparison
from harness.core.policy import Policy
from harness.core.self_test import Interval, SelfTest, SignalSelfTest, rules_of
from harness.core.signals import Noise, Signal
from harness.core.signals.signal import Floats
from harness.core.stats.floor import PRIOR, RATIO_SHIFT
from harness.core.stats.tails import student_quantile, student_tails

NIGHTS_A_YEAR = 365
FEWEST_TO_HOLD_OUT = FEWEST_NIGHTS + 1
RESAMPLES = 2_000
_QUIET = 0.39
"""Incidents on the benchmark's quiet nights, over those that the level of drift would allow."""
_BY_WINDOW = 0.5
"""Share of them that the window makes; confirmed nights make the rest."""
_SUITES_DIFFER = 0.85
"""Standard deviation over suites of their rate, over its mean, where nights stray alike."""
_SHARED = 0.8
"""How far a signal is expected to stray as the others do, before its own nights are seen."""
_SPAN = 10.0
"""Nights that an incident takes until another one can open: 7 quiet ones, and those that drift."""
_MOST_UNSTEADY, _UNSTEADY = 3, 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Usual:
    """What the benchmark's quiet nights show of one kind of signal, over three profiles."""

    few: float
    """Mean t² of nights held against `_FEW` others."""
    many: float
    """The same for `_MANY`."""
    share: float
    """Of all false incidents."""
    least: float = 0.0
    """Of nights' t²: where events are rare it is small, and no calmer nights follow from that."""

    def times(self, squares: Floats, floor_nights: int) -> Floats:
        """Return t² over what is usual for a floor of so many nights: a line in their inverse."""
        slope = (self.few - self.many) / (1 / _FEW - 1 / _MANY)
        return np.maximum(squares, self.least) / (
            self.many + slope * (1 / max(floor_nights, _FEW) - 1 / _MANY)
        )


_FEW, _MANY = 9, 35
_USUAL: Mapping[Noise, _Usual] = {
    Noise.SURPRISE: _Usual(few=0.84, many=0.93, share=0.07),
    Noise.DIFFERENCE: _Usual(few=0.70, many=0.93, share=0.18),
    Noise.RARE_RATE: _Usual(few=1.0, many=1.0, share=0.14, least=1.0),
    Noise.EDGE_RATE: _Usual(few=1.04, many=0.97, share=0.14),
    Noise.SPREAD: _Usual(few=1.03, many=1.00, share=0.22),
    # Not in the benchmark: taken to stray as its floor says.
    Noise.TOKENS: _Usual(few=1.0, many=1.0, share=0.1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a self-test is about."""

    samples: str
    """Digest of the accepted samples."""
    floor_nights: int
    """Nights of the baseline whose gate is tested."""
    policy: Policy
    families: int = FAMILIES
    """Signals that share a night's level."""


def self_test(
    signals: Iterable[Signal], comparison: Comparison, about: About, rng: np.random.Generator
) -> SelfTest | None:
    """Hold the nights of the reference against each other; `comparison` needs no candidate.

    The cases are those of the largest group that shares its nights. None where the nights are too few to hold
    any out (`FEWEST_TO_HOLD_OUT`), or nothing was measured.
    """
    group = groups(comparison)[0] if comparison.cases else None
    nights = sorted({s.batch for measured in group.cases for s in measured.reference}) if group else []
    if group is None or len(nights) < FEWEST_TO_HOLD_OUT:
        return None
    held: dict[Signal, HeldOut] = {}
    deciding = deciding_signals(signals, comparison)
    for signal in deciding:
        cases = read_cases(signal, group)
        score = scorer(signal, cases)
        found = hold_out(nights, about.policy.window_nights, about.floor_nights, score) if cases else None
        if found is not None:
            held[signal] = found
    if not held:
        return None
    return estimate(held, replace(about, families=len(deciding)), len(nights), len(group.cases), rng)


def estimate(
    held: Mapping[Signal, HeldOut], about: About, nights: int, cases: int, rng: np.random.Generator
) -> SelfTest:
    """Return what held-out nights, of so many cases, say of the gate.

    The limits are a bootstrap over nights and over runs of nights, the same ones for every signal, with the
    uncertainty of what is assumed before any night was seen, `RESAMPLES` times.
    """
    policy = about.policy
    levels = levels_of(policy, families=about.families, share=1.0)
    chosen = _Choice(nights, policy.window_nights, rng)
    rates = _rates(held, chosen, levels)
    part = policy.alpha * NIGHTS_A_YEAR * FAMILIES / about.families
    differ = rng.gamma(_SUITES_DIFFER**-2, _SUITES_DIFFER**2, RESAMPLES)
    total = _incidents(part * np.sum([rate.false for rate in rates.values()], axis=0))
    spread = _incidents(part * np.sum([rate.false[1:] for rate in rates.values()], axis=0) * differ)
    budget = policy.alpha * NIGHTS_A_YEAR
    screened = _screened(held, levels)
    return SelfTest(
        samples=about.samples,
        rules=rules_of(policy),
        nights=nights,
        floor_nights=min(about.floor_nights, nights - 1),
        cases=cases,
        screened=len(set().union(*screened.values())),
        budget_a_year=round(budget, 4),
        over_budget=round(float((spread > budget).mean()), 4),
        false_a_year=_interval(float(total[0]), spread),
        signals=tuple(
            SignalSelfTest(
                signal=signal.name,
                nights=len(held[signal].alone),
                screened=len(screened[signal]),
                dispersion=_interval(float(np.sqrt(rate.apart[0])), np.sqrt(rate.apart[1:])),
                lasting=_interval(float(np.sqrt(rate.lasting[0])), np.sqrt(rate.lasting[1:])),
                false_a_year=_interval(
                    float(_incidents(part * rate.false)[0]), _incidents(part * rate.false[1:] * differ)
                ),
                visible=_visible(signal, held[signal], levels),
                unit=_unit(signal),
                unsteady=tuple(case for case, square in held[signal].by_case if square >= _UNSTEADY)[
                    :_MOST_UNSTEADY
                ],
            )
            for signal, rate in rates.items()
        ),
    )


class _Choice:
    """Which nights, and which runs of nights, every resample is made of."""

    def __init__(self, nights: int, window: int, rng: np.random.Generator) -> None:
        self.nights, self._rng = nights, rng
        self._apart = rng.integers(0, nights, size=(RESAMPLES, nights))
        runs = max(nights - window + 1, 1)
        self._lasting = rng.integers(0, runs, size=(RESAMPLES, max(2, round(nights / window))))

    def apart(self, squares: Sequence[Floats]) -> Floats:
        """Return how far nights stray, squared, from every signal's; shape (signals, 1 + RESAMPLES)."""
        return self._drawn(squares, self._apart)

    def lasting(self, squares: Sequence[Floats]) -> Floats:
        """Return the same for runs of nights."""
        return self._drawn(squares, self._lasting)

    def _drawn(self, squares: Sequence[Floats], chosen: NDArray[np.intp]) -> Floats:
        before = np.concatenate([[1.0], self._rng.chisquare(PRIOR, RESAMPLES) / PRIOR])
        own = [_means(found, chosen) for found in squares]
        known = [drawn for drawn in own if drawn is not None]
        if not known:
            return np.tile(before, (len(own), 1))
        # What lasts for days moves many signals, and one signal's nights alone are too few to tell.
        usual = (1.0 - _SHARED) * before + _SHARED * np.mean(known, axis=0)
        weight = 2.0 * PRIOR / (2.0 * PRIOR + self.nights)
        return np.stack(
            [usual if drawn is None else weight * usual + (1.0 - weight) * drawn for drawn in own]
        )


def _means(squares: Floats, chosen: NDArray[np.intp]) -> Floats | None:
    known = np.isfinite(squares)
    if not known.any():
        return None
    mean = float(squares[known].mean())
    return np.concatenate([[mean], np.where(known, squares, mean)[chosen].mean(axis=1)])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rates:
    """Of one signal; shape (1 + RESAMPLES,), the estimate first."""

    apart: Floats
    lasting: Floats
    false: Floats
    """False alarms over those that the whole level of drift would allow."""


def _rates(held: Mapping[Signal, HeldOut], chosen: _Choice, levels: Levels) -> Mapping[Signal, _Rates]:
    usual = {signal: _usual(signal) for signal in held}
    apart = chosen.apart([usual[one].times(found.apart, found.floor_nights) for one, found in held.items()])
    lasting = chosen.lasting(
        [usual[one].times(found.lasting, found.floor_nights) for one, found in held.items()]
    )
    # A batch that decides alone spends all of its level; one that is confirmed errs less often.
    night = (1.0 - _BY_WINDOW) * _QUIET if levels.confirm else 1.0
    rates = {}
    for (signal, found), alone, row in zip(held.items(), apart, lasting, strict=True):
        times = _tail_ratio(found, levels.drift)
        false = night * times(alone) + _BY_WINDOW * _QUIET * times(row)
        rates[signal] = _Rates(apart=alone, lasting=row, false=usual[signal].share * false)
    return rates


def _usual(signal: Signal) -> _Usual:
    assert signal.noise is not None
    return _USUAL[signal.noise]


def _tail_ratio(held: HeldOut, level: float) -> Callable[[Floats], Floats]:
    """Return from how far nights stray, squared, to how often they pass `level`, over that level."""
    floors = [stray.statistic for stray in held.alone if stray.statistic is not None]
    degrees = min((floor.degrees for floor in floors), default=PRIOR)
    # The gate counts few of them, lest more nights raise its alarms; the nights themselves have them all.
    real = max([degrees, *(floor.nights - 1.0 for floor in floors[:1])])
    critical = student_quantile(1.0 - level, degrees)
    return lambda squares: student_tails(critical / np.sqrt(squares), real) / level


def _incidents(a_year: Floats) -> Floats:
    """Return the incidents of a year with so many if each were over at once."""
    return a_year / (1.0 + a_year * _SPAN / NIGHTS_A_YEAR)


def _screened(held: Mapping[Signal, HeldOut], levels: Levels) -> dict[Signal, set[int]]:
    return {
        signal: {
            place
            for place, stray in enumerate(found.nights)
            if stray is not None and tail_of(signal, [stray], ONE_NIGHT, 1.0).p_value <= levels.screen
        }
        for signal, found in held.items()
    }


def _visible(signal: Signal, held: HeldOut, levels: Levels) -> float | None:
    """Return the smallest visible change in the reader's unit, the middle one over the nights held out."""
    found = []
    for stray in held.alone:
        shift = smallest_visible(signal, stray, SAME_NIGHT, 1.0, levels.drift)
        if shift is not None and stray.statistic is not None:
            found.append((shift, shift / stray.statistic.slope))
    if not found:
        return None
    shift, mean = (float(np.median(values)) for values in zip(*found, strict=True))
    match signal.noise:
        case Noise.SURPRISE:
            return round(1.0 + shift * float(np.sqrt(1.0 + RATIO_SHIFT)), 4)
        case Noise.SPREAD:
            return round(float(np.exp(min(shift, 20.0))), 4)
        case _:
            return round(mean, 4)


def _unit(signal: Signal) -> str:
    return "times" if signal.noise in (Noise.SURPRISE, Noise.SPREAD) else signal.unit


def _interval(value: float, drawn: Floats) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(
        value=round(value, 4), low=round(min(value, float(low)), 4), high=round(max(value, float(high)), 4)
    )
