"""How unusual a night's replies are, and how differently they vary, from similarities between samples.

All functions are about one prompt. Samples have a night number: 0 to N−1 the baseline's, from N on the
nights tested. A night without a valid sample scores NaN.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nights:
    """Which night each sample is from."""

    of_sample: Indices
    """Shape (n,), sorted in no particular way."""
    baseline: int
    """N, the number of baseline nights."""
    tested: int
    """M, the number of nights tested."""

    @property
    def membership(self) -> Floats:
        """Return 1 where a sample is from a night, else 0; shape (n, N + M)."""
        return np.asarray(self.of_sample[:, None] == np.arange(self.baseline + self.tested), dtype=np.float64)

    @property
    def sizes(self) -> Floats:
        """Return the samples of every night; shape (N + M,)."""
        return np.bincount(self.of_sample, minlength=self.baseline + self.tested).astype(np.float64)

    def sums(self, values: Floats) -> Floats:
        """Return the sums over each night's samples along the last axis; shape (…, n) to (…, N + M).

        Sorted and added rather than multiplied with `membership`: that product is cut among all cores, and
        waiting for them costs more than it does.
        """
        night = self.of_sample
        if (night[1:] < night[:-1]).any():
            order = np.argsort(night, kind="stable")
            night, values = night[order], values[..., order]
        found = np.zeros((*values.shape[:-1], self.baseline + self.tested))
        if night.size:
            starts = np.flatnonzero(np.diff(night, prepend=-1))
            found[..., night[starts]] = np.add.reduceat(values, starts, axis=-1)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptScores:
    """One prompt's score a night."""

    baseline: Floats
    """Shape (N,)."""
    tested: Floats
    """Shape (M,)."""


def surprise(similarity: Floats, nights: Nights) -> PromptScores:
    """Return each night's mean surprise, u(x) = −ln(mean of K(x, j) over j in R + 0.5/|R|).

    `similarity` has shape (n, n), K in 0..1. R are the samples of all baseline nights but one: a baseline
    night is scored against the others; a tested night's score is the average over the N ways to leave one
    out, so that the sizes match and its distribution is a baseline night's.
    """
    per_night = nights.sums(similarity)[:, : nights.baseline]
    sizes = nights.sizes[: nights.baseline]
    left = sizes.sum() - sizes
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (per_night.sum(axis=1, keepdims=True) - per_night) / left
        scores = -np.log(np.maximum(share, 0.0) + 0.5 / left)
    scores[:, (left == 0) | (sizes == 0)] = np.nan
    own = np.minimum(nights.of_sample, nights.baseline - 1)
    is_baseline = nights.of_sample < nights.baseline
    score = np.where(is_baseline, scores[np.arange(len(own)), own], _mean(scores, axis=1))
    return _by_night(score, nights)


def spread(similarity: Floats, nights: Nights, usual_samples: int) -> PromptScores:
    """Return each night's V = G_nn − 2 mean of G_nj + mean of G_ij over i, j in R: a squared MMD between nights.

    G is the mean of `similarity` (n, n) between two nights' samples, pairs of a sample with itself
    included. R are all baseline nights but one, as for `surprise`. A night with another number of samples
    than `usual_samples` has its own pairs weighed as if it had that many; with one where more are usual it
    cannot be told (NaN).
    """
    sizes = nights.sizes
    pairs = nights.sums(nights.sums(similarity).T)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = pairs / np.outer(sizes, sizes)
    own = _own_pairs(np.diag(pairs), nights.sums(np.diag(similarity)), sizes, usual_samples)
    there = np.flatnonzero(sizes[: nights.baseline] > 0)
    n = there.size
    result = np.full(nights.baseline + nights.tested, np.nan)
    if n < 2:
        return PromptScores(baseline=result[: nights.baseline], tested=result[nights.baseline :])
    inner = between[np.ix_(there, there)]
    rows, diagonal = inner.sum(axis=1), np.diag(inner)
    among = (inner.sum() - 2.0 * rows + diagonal) / (n - 1) ** 2
    result[there] = own[there] - 2.0 * (rows - diagonal) / (n - 1) + among
    tested = slice(nights.baseline, None)
    result[tested] = own[tested] - 2.0 * between[tested][:, there].mean(axis=1) + among.mean()
    return PromptScores(baseline=result[: nights.baseline], tested=result[nights.baseline :])


def _own_pairs(every: Floats, itself: Floats, sizes: Floats, usual_samples: int) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        others = (every - itself) / (sizes * (sizes - 1.0))
        alone = itself / sizes
    if usual_samples == 1:
        return alone
    return np.asarray(alone / usual_samples + others * (1.0 - 1.0 / usual_samples), dtype=np.float64)


def _by_night(score: Floats, nights: Nights) -> PromptScores:
    valid = np.isfinite(score)
    known = Nights(of_sample=nights.of_sample[valid], baseline=nights.baseline, tested=nights.tested)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = known.sums(score[valid]) / known.sizes
    return PromptScores(baseline=means[: nights.baseline], tested=means[nights.baseline :])


def _mean(values: Floats, axis: int) -> Floats:
    found = np.isfinite(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(found, values, 0.0).sum(axis=axis) / found.sum(axis=axis))
