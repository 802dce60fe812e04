"""The noise floor: one number y a night over all prompts of a suite, and its standard deviation s.

Scores are arrays of shape (nights, prompts), baseline (N, P) and tested (M, P); NaN is "not measured" and
may stand in the baseline only. A larger y always means more of what the score counts. Method and figures:
docs/method.md; the moderated variance is after Smyth, "Linear models and empirical Bayes methods for
assessing differential expression in microarray experiments" (2004).
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PRIOR = 13.0
"""Degrees of freedom of the pooled variance, as much as 14 nights give."""
RATIO_SHIFT = 0.05
"""Added to a ratio before its root, so that the smallest ratios do not weigh most."""
SMALLEST_LEVEL = 1e-3
"""Smallest usual surprise that a night is held against: of prompts that never vary it is 0 or below."""
SAMPLE_CORRELATION = 0.15
"""How far the samples of one night agree with each other more than chance, in a rate's variance."""
FEW_SAMPLES = 3.0
"""Up to so many a night, moderation covers how far they agree; with more, it is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NightStatistic:
    """A signal's y of every night, and how far y moves on unchanged nights."""

    baseline: Floats
    """Shape (N,); NaN for a night that measured no prompt."""
    tested: Floats
    """Shape (M,)."""
    sd: float
    """Standard deviation of one unchanged night's y."""
    degrees: float
    """Degrees of freedom of the t that it gives."""
    slope: float = 1.0
    """Change of y for a unit change of the score's mean over the prompts, at the baseline."""

    @property
    def nights(self) -> int:
        """N: baseline nights that count."""
        return int(np.isfinite(self.baseline).sum())

    @property
    def mean(self) -> float:
        """The baseline's mean y."""
        return float(np.nanmean(self.baseline))


def ratio_statistic(
    baseline: Floats, tested: Floats, samples: float, fewer: Floats | None = None
) -> NightStatistic:
    """Return y = 2·sqrt(Σ w·x / Σ w·mean + .05) for positive scores whose scale differs by prompt.

    Weights w are 1/ṽ where a prompt has 3 samples or more a night, else 1/√ṽ; `fewer` (P,) is usual
    over valid samples of the nights tested, 1 where none is missing.
    """
    fits = _CrossFit(baseline)
    variance = fits.variances()
    weights = _normalised(1.0 / variance if samples >= 3 else 1.0 / np.sqrt(variance), fits.present)
    usual = np.nanmean(baseline, axis=0)
    y = _root_ratio(_dot(weights, fits.held_out), _dot(weights, fits.means))
    average = weights.mean(axis=0)
    average = average / average.sum()
    level = max(float(average @ usual), SMALLEST_LEVEL)
    tonight = _root_ratio(tested @ average, np.full(len(tested), level))
    scale = 1.0 / ((1.0 + RATIO_SHIFT) * level**2)
    theory = scale * fits.theory(weights, variance)
    sd = _moderated(theory, y, fits, _inflation(fits, weights, variance, fewer))
    slope = float(1.0 / (np.sqrt(1.0 + RATIO_SHIFT) * level))
    return NightStatistic(baseline=y, tested=tonight, sd=sd, degrees=fits.degrees, slope=slope)


def difference_statistic(baseline: Floats, tested: Floats, fewer: Floats | None = None) -> NightStatistic:
    """Return y = Σ w·(x − mean) with w ∝ 1/ṽ, for scores on one scale (quality, length)."""
    fits = _CrossFit(baseline)
    variance = fits.variances()
    weights = _normalised(1.0 / variance, fits.present)
    return _difference(baseline, tested, fits, weights, variance, fewer)


def rate_statistic(
    baseline: Floats, tested: Floats, counts: Floats, samples: Floats, fewer: Floats | None = None
) -> NightStatistic:
    """Return y = Σ w·(x − mean) for shares of replies with an event that is rare (a broken format).

    `counts` (N, P) are the replies behind each share, `samples` (P,) the usual number a night. The
    variance of a prompt is at least that of a rate of (events + .5)/(replies + 1): w ∝ 1/√ṽ.
    """
    fits = _CrossFit(baseline)
    events = np.nan_to_num(baseline) * counts
    rate = (fits.left_out(events) + 0.5) / (fits.left_out(counts) + 1.0)
    binomial = rate * (1.0 - rate) / samples * _repeated(baseline, counts, samples)
    observed = fits.raw_variances
    with np.errstate(divide="ignore", invalid="ignore"):
        prior = observed.mean(axis=1, keepdims=True) * binomial / binomial.mean(axis=1, keepdims=True)
    freedom = np.maximum(fits.left - 1.0, 0.0)
    variance = np.maximum(binomial, (PRIOR * prior + freedom * observed) / (PRIOR + freedom))
    weights = _normalised(1.0 / np.sqrt(variance), fits.present)
    return _difference(baseline, tested, fits, weights, variance, fewer)


def edge_rate_statistic(
    baseline: Floats, tested: Floats, counts: Floats, samples: Floats, fewer: Floats | None = None
) -> NightStatistic:
    """Return the mean share over prompts that showed both answers in the baseline (refusals).

    Equal weights and no cross-fit; the theoretical variance is binomial, with the samples of a night
    correlated by `SAMPLE_CORRELATION`, or, with more than `FEW_SAMPLES`, by as much as the baseline shows.
    Arguments as for `rate_statistic`; P ≥ 1.
    """
    nights, prompts = baseline.shape
    events, replies = (np.nan_to_num(baseline) * counts).sum(axis=0), counts.sum(axis=0)
    rate = (events + 0.5) / (replies + 1.0)
    real = samples / (fewer if fewer is not None else 1.0)
    measured = _agreement(baseline, counts, samples)
    agreement = np.where(samples > FEW_SAMPLES, measured, SAMPLE_CORRELATION)
    theory = float(((1.0 + agreement * (real - 1.0)) * rate * (1.0 - rate) / real).sum() / prompts**2)
    y = np.nanmean(baseline, axis=1) if np.isfinite(baseline).all() else _filled(baseline).mean(axis=1)
    spare = nights - 1
    seen = float(np.var(y, ddof=1)) if spare else 0.0
    variance = (PRIOR * theory + spare * seen) / (PRIOR + spare)
    return NightStatistic(
        baseline=y,
        tested=tested.mean(axis=1),
        sd=float(np.sqrt(variance)),
        degrees=min(spare + PRIOR, 2 * PRIOR),
    )


SMALLEST_SPREAD_SD = 1e-3


def spread_statistic(baseline: Floats, tested: Floats) -> NightStatistic:
    """Return y = ln(mean over prompts of max(V, 1e-6) + 1e-4), for V of `surprise.spread`."""
    y = _log_spread(baseline)
    nights = int(np.isfinite(y).sum())
    variance = float(np.nanvar(y, ddof=1)) / (1.0 + 1.0 / (nights - 1))
    return NightStatistic(
        baseline=y,
        tested=_log_spread(tested),
        sd=max(float(np.sqrt(variance)), SMALLEST_SPREAD_SD),
        degrees=min(nights - 1, PRIOR),
    )


def _repeated(baseline: Floats, counts: Floats, samples: Floats) -> Floats:
    """Return how much larger than binomial the variance of a night's rate is, shape (P,).

    1 + ρ(k − 1) for k samples, ρ their agreement within a night; 1 up to `FEW_SAMPLES`.
    """
    agreement = _agreement(baseline, counts, samples)
    return np.where(samples > FEW_SAMPLES, 1.0 + agreement * (samples - 1.0), 1.0)


def _agreement(baseline: Floats, counts: Floats, samples: Floats) -> float:
    """Return ρ, how far samples of one night agree beyond what two nights do, 0..1.

    From X²/df of the events over the baseline nights, pooled over prompts and drawn towards
    `SAMPLE_CORRELATION` as much as `PRIOR` degrees of freedom weigh; X²/df is 1 + ρ(k − 1) on average.
    """
    usual = float(np.median(samples))
    expected = 1.0 + SAMPLE_CORRELATION * (usual - 1.0)
    events = np.nan_to_num(baseline) * counts
    replies = np.maximum(counts.sum(axis=0), 1.0)
    rate = events.sum(axis=0) / replies
    both = (rate > 0) & (rate < 1)
    if usual <= 1.0 or not both.any():
        return SAMPLE_CORRELATION
    spread = counts[:, both] * rate[both] * (1.0 - rate[both])
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = np.where(spread > 0, (events[:, both] - counts[:, both] * rate[both]) ** 2 / spread, 0.0)
    freedom = float(((counts[:, both] > 0).sum(axis=0) - 1).sum())
    dispersion = (PRIOR * expected + float(squares.sum())) / (PRIOR + freedom)
    return float(np.clip((dispersion - 1.0) / (usual - 1.0), 0.0, 1.0))


def _log_spread(scores: Floats) -> Floats:
    return np.asarray(np.log(np.nanmean(np.maximum(scores, 1e-6), axis=1) + 1e-4))


def _difference(
    baseline: Floats,
    tested: Floats,
    fits: "_CrossFit",
    weights: Floats,
    variance: Floats,
    fewer: Floats | None,
) -> NightStatistic:
    y = _dot(weights, fits.held_out) - _dot(weights, fits.means)
    average = weights.mean(axis=0)
    average = average / average.sum()
    tonight = tested @ average - float(average @ np.nanmean(baseline, axis=0))
    theory = fits.theory(weights, variance)
    sd = _moderated(theory, y, fits, _inflation(fits, weights, variance, fewer))
    return NightStatistic(baseline=y, tested=tonight, sd=sd, degrees=fits.degrees)


class _CrossFit:
    """Means and variances of every prompt with one baseline night left out; arrays of shape (N, P)."""

    def __init__(self, baseline: Floats) -> None:
        self.present = np.isfinite(baseline)
        self.nights = len(baseline)
        self.degrees = min(self.nights - 1.0, PRIOR)
        center = np.nanmean(baseline, axis=0)
        shifted = np.where(self.present, baseline - center, 0.0)
        self.held_out = np.where(self.present, baseline, 0.0)
        self.left = self.left_out(self.present.astype(np.float64))
        around = self.left_out(shifted) / self.left
        self.means = np.where(self.present, around + center, 0.0)
        squares = self.left_out(shifted**2) - self.left * around**2
        # Differences of rounding only are no variance.
        rounding = 1e-14 * (center**2 + 1e-12)
        self.raw_variances = np.where(
            squares > rounding * self.left, squares / np.maximum(self.left - 1.0, 1.0), 0.0
        )

    def left_out(self, values: Floats) -> Floats:
        """Return the sum over all other nights."""
        return np.asarray(values.sum(axis=0) - values)

    def variances(self) -> Floats:
        """Return every prompt's variance, drawn towards the mean over prompts; never 0."""
        freedom = np.maximum(self.left - 1.0, 0.0)
        pooled = self.raw_variances.mean(axis=1, keepdims=True)
        shrunk = (PRIOR * pooled + freedom * self.raw_variances) / (PRIOR + freedom)
        return np.asarray(np.maximum(shrunk, 1e-12))

    @staticmethod
    def theory(weights: Floats, variance: Floats) -> float:
        """Return the variance of a night's Σ w·x if prompts moved independently."""
        return float((weights**2 * variance).sum(axis=1).mean())


def _inflation(fits: _CrossFit, weights: Floats, variance: Floats, fewer: Floats | None) -> float:
    """Return how much larger a tested night's variance is for the samples it misses; 1 for none."""
    if fewer is None:
        return 1.0
    return fits.theory(weights, variance * fewer) / fits.theory(weights, variance)


def _moderated(theory: float, y: Floats, fits: _CrossFit, inflation: float) -> float:
    spare = fits.nights - 1
    seen = float(np.nanvar(y, ddof=1)) / (1.0 + 1.0 / spare)
    variance = max(seen, (PRIOR * theory + spare * seen) / (PRIOR + spare))
    return float(np.sqrt(variance * inflation))


def _normalised(weights: Floats, present: NDArray[np.bool_]) -> Floats:
    kept = np.where(present, weights, 0.0)
    return cast(Floats, kept / np.maximum(kept.sum(axis=1, keepdims=True), 1e-300))


def _dot(weights: Floats, values: Floats) -> Floats:
    return cast(Floats, (weights * values).sum(axis=1))


def _root_ratio(numerator: Floats, denominator: Floats) -> Floats:
    ratio = np.maximum(numerator, 0.0) / np.maximum(denominator, SMALLEST_LEVEL)
    return np.asarray(2.0 * np.sqrt(ratio + RATIO_SHIFT))


def _filled(baseline: Floats) -> Floats:
    """Fill what is missing with the prompt's mean, so that a night's mean is not about which prompts it lacks."""
    return np.where(np.isfinite(baseline), baseline, np.nanmean(baseline, axis=0))
