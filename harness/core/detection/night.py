"""One signal over the batches tested: how far it strayed from its floor, and how likely that is by chance."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from harness.core.detection.scores import Flags, SignalScores
from harness.core.signals import Noise, Signal
from harness.core.signals.signal import Floats
from harness.core.stats.floor import (
    NightStatistic,
    difference_statistic,
    edge_rate_statistic,
    rate_statistic,
    ratio_statistic,
    spread_statistic,
)
from harness.core.stats.logprobs import night_statistic, over_prompts
from harness.core.stats.tails import beta_binomial_tail, student_quantile, student_tail

HARDLY_MOVES = 0.2
"""A suite of which fewer prompts than this share are off on a baseline night has no floor to speak of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """How one batch lies beside the floor that its prompts have."""

    cases: tuple[str, ...]
    statistic: NightStatistic | None
    """Its tested part has the one batch; None where no prompt can show a shift."""
    never: "Counted | None"
    """Prompts that never showed the event in the baseline; None for a signal without an event."""
    off: "Counted"
    """Prompts off their usual answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Prompt-nights of the baseline and of what is tested, and how many of them show something."""

    baseline: int
    baseline_of: int
    tested: int
    tested_of: int

    def __add__(self, other: "Counted") -> "Counted":
        """Add what was tested; the baseline is the same one."""
        return Counted(
            baseline=self.baseline,
            baseline_of=self.baseline_of,
            tested=self.tested + other.tested,
            tested_of=self.tested_of + other.tested_of,
        )

    def tail(self, widened: float = 1.0) -> float:
        """Return the probability of so many or more, beta-binomial with Jeffreys' prior.

        Nights of one evening know as much of an event as 1/`widened` of them would, were they real nights.
        """
        shown, others = self.baseline / widened, (self.baseline_of - self.baseline) / widened
        return beta_binomial_tail(self.tested, self.tested_of, shown + 0.5, others + 0.5)


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


def strays(scores: SignalScores) -> Callable[[int], Stray | None]:
    """Return what holds a tested batch (row of `scores.tested`) against the floor of the prompts that it measured.

    Prompts without a sample in the batch are left out of its floor too; None where none has one.
    """

    @cache
    def floor_for(measured: tuple[bool, ...], fewer: tuple[float, ...]) -> "_Floor | None":
        kept = np.array(measured)
        lacking = np.array(fewer)
        return _floor(scores, kept, lacking if (lacking != 1.0).any() else None)

    def one(batch: int) -> Stray | None:
        measured = np.isfinite(scores.tested[batch]) & np.isfinite(scores.baseline).any(axis=0)
        with np.errstate(divide="ignore"):
            fewer = np.maximum(1.0, scores.samples / scores.tested_counts[batch])
        floor = floor_for(tuple(measured.tolist()), tuple(np.where(measured, fewer, 1.0).tolist()))
        return None if floor is None else floor.stray(scores, batch)

    return one


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Floor:
    kept: Flags
    cases: tuple[str, ...]
    statistic: Callable[[Floats], NightStatistic] | None
    """From scores of shape (M, P') to the floor with them tested."""
    columns: Flags
    """The prompts that the statistic is over."""
    never: Flags | None

    def stray(self, scores: SignalScores, batch: int) -> Stray:
        tested = scores.tested[batch : batch + 1]
        never = None
        if self.never is not None:
            shown = int((tested[0, self.never] > 0).sum())
            never = Counted(
                baseline=0,
                baseline_of=int(np.isfinite(scores.baseline[:, self.never]).sum()),
                tested=shown,
                tested_of=int(self.never.sum()),
            )
        known = np.isfinite(scores.baseline[:, self.kept])
        return Stray(
            cases=self.cases,
            statistic=self.statistic(tested[:, self.columns]) if self.statistic else None,
            never=never,
            off=Counted(
                baseline=int((scores.baseline_off[:, self.kept] & known).sum()),
                baseline_of=int(known.sum()),
                tested=int(scores.tested_off[batch, self.kept].sum()),
                tested_of=int(self.kept.sum()),
            ),
        )


def _floor(scores: SignalScores, kept: Flags, fewer: Floats | None) -> _Floor | None:
    if not kept.any():
        return None
    signal = scores.signal
    events = np.nan_to_num(scores.baseline) * scores.baseline_counts
    never = None
    columns = kept
    if signal.noise in (Noise.RARE_RATE, Noise.EDGE_RATE):
        never = kept & (events.sum(axis=0) == 0)
    if signal.noise is Noise.EDGE_RATE:
        columns = kept & (events.sum(axis=0) > 0) & (events.sum(axis=0) < scores.baseline_counts.sum(axis=0))
    statistic = _statistic(scores, columns, fewer) if columns.any() else None
    if statistic is None and never is None:
        return None
    return _Floor(
        kept=kept,
        cases=tuple(case for case, there in zip(scores.cases, columns, strict=True) if there),
        statistic=statistic,
        columns=columns,
        never=never,
    )


def _statistic(
    scores: SignalScores, columns: Flags, fewer: Floats | None
) -> Callable[[Floats], NightStatistic] | None:
    baseline = scores.baseline[:, columns]
    rows = np.isfinite(baseline).any(axis=1)
    baseline, counts = baseline[rows], scores.baseline_counts[rows][:, columns]
    if len(baseline) < 3:
        return None
    samples = scores.samples[columns]
    lacking = None if fewer is None else fewer[columns]
    noise = scores.signal.noise

    def statistic(tested: Floats) -> NightStatistic:
        match noise:
            case Noise.SURPRISE:
                return ratio_statistic(baseline, tested, float(np.median(samples)), lacking)
            case Noise.DIFFERENCE:
                return difference_statistic(baseline, tested, lacking)
            case Noise.RARE_RATE:
                return rate_statistic(baseline, tested, counts, samples, lacking)
            case Noise.EDGE_RATE:
                return edge_rate_statistic(baseline, tested, counts, samples, lacking)
            case Noise.SPREAD:
                return spread_statistic(baseline, tested)
            case Noise.TOKENS:
                return night_statistic(over_prompts(baseline, tested))
            case None:
                raise ValueError("a signal that is only shown has no floor")

    return statistic


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
