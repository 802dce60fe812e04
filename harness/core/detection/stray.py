"""One signal over the batches tested, each beside the floor of the prompts that it measured."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from harness.core.detection.scores import Flags, SignalScores
from harness.core.signals import Noise
from harness.core.signals.signal import Floats
from harness.core.stats.floor import (
    PRIOR,
    NightStatistic,
    difference_statistic,
    edge_rate_statistic,
    rate_statistic,
    ratio_statistic,
    spread_statistic,
)
from harness.core.stats.logprobs import night_statistic, over_prompts
from harness.core.stats.tails import beta_binomial_tail

_FLOORS_KEPT = 32
"""Of one signal: the batches of a decision that measured the same cases share one."""


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
    measured: tuple[str, ...] = ()
    """The cases that the batch measured."""
    without: Callable[[str], "Stray | None"] | None = None
    """The same batch with one of them left out, of its floor too; worked out when it is asked for."""
    pulls: Floats = field(default_factory=lambda: np.zeros((2, 0)), compare=False)
    """How far each of them moved, shape (2, P): in the score's unit, and over the variance of its nights."""


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


def strays(scores: SignalScores) -> Callable[[int], Stray | None]:
    """Return what holds a tested batch (row of `scores.tested`) against the floor of the prompts that it measured.

    Prompts without a sample in the batch are left out of its floor too; None where none has one.
    """
    places = {case: place for place, case in enumerate(scores.cases)}

    # Few of them: leaving out each case of a large suite makes as many floors of that size.
    @lru_cache(maxsize=_FLOORS_KEPT)
    def floor_for(measured: bytes, fewer: bytes) -> "_Floor | None":
        kept = np.frombuffer(measured, dtype=np.bool_)
        lacking = np.frombuffer(fewer)
        return _floor(scores, kept, lacking if (lacking != 1.0).any() else None)

    def one(batch: int) -> Stray | None:
        measured = np.isfinite(scores.tested[batch]) & np.isfinite(scores.baseline).any(axis=0)
        with np.errstate(divide="ignore"):
            fewer = np.maximum(1.0, scores.samples / scores.tested_counts[batch])

        def stray(kept: Flags) -> Stray | None:
            floor = floor_for(kept.tobytes(), np.where(kept, fewer, 1.0).tobytes())
            return None if floor is None else floor.stray(scores, batch)

        def without(case: str) -> Stray | None:
            kept = measured.copy()
            kept[places[case]] = False
            return stray(kept)

        found = stray(measured)
        cases = tuple(case for case, there in zip(scores.cases, measured, strict=True) if there)
        if found is None:
            return None
        return replace(found, measured=cases, without=without, pulls=_pulls(scores, batch, measured))

    return one


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


def _pulls(scores: SignalScores, batch: int, measured: Flags) -> Floats:
    baseline = scores.baseline[:, measured]
    there = np.isfinite(baseline)
    mean, spare = np.nanmean(baseline, axis=0), there.sum(axis=0) - 1
    seen = np.where(there, (baseline - mean) ** 2, 0.0).sum(axis=0)
    raw = seen / np.maximum(spare, 1)
    variance = np.maximum((PRIOR * raw.mean() + spare * raw) / (PRIOR + spare), 1e-12)
    shift = scores.tested[batch, measured] - mean
    return np.stack([shift, shift / variance])
