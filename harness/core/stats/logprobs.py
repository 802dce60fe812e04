"""How far the log-probabilities of the first token moved: vectors, distances between nights, a permutation test.

After "Log Probability Tracking of LLM APIs" (arXiv 2512.03816): ask a very short prompt for one token,
average the log-probability of each token over the calls of a side, and take the mean absolute difference
of the two averages. There a permutation test decides; here it is `permutation_p`. It takes the calls of
all nights for exchangeable, and those of one night share replicas and batching, so for nights the distance
is held against the distances between quiet nights: `night_scores`, then `night_statistic`.

Only the first position may be compared: later ones depend on the token that was drawn before them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from harness.core.stats.floor import PRIOR, NightStatistic
from harness.core.stats.permutation import draw_candidates, p_value

Floats: TypeAlias = NDArray[np.float64]
TopTokens: TypeAlias = Sequence[tuple[str, float]]
"""The most likely tokens of one call with their log-probabilities, in nats, all finite."""
Vectors: TypeAlias = Mapping[str, Floats]
"""A night, or a side: by prompt, one row a call and one column a token, all cells finite.

The columns of a prompt are the same tokens on every night. A prompt without a call may be left out.
"""

FEWEST_NIGHTS = 2
"""Baseline nights that a prompt needs: a night is measured against the others."""
RESOLUTION = 1e-3
"""Nats: a distance well below it is none, so that a model without any noise has a floor, too."""
USUAL_SD = 0.3
USUAL_SD_DEGREES = 4.0
"""How far ln(distance) of a quiet night moves, and how many nights that is worth; see `night_statistic`."""
_BLOCK = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptScores:
    """Distances of nights from the baseline's other nights, in nats. Shapes (N, P) and (M, P)."""

    prompts: tuple[str, ...]
    """Those that every tested night and at least `FEWEST_NIGHTS` baseline nights measured, by name."""
    baseline: Floats
    """NaN where a baseline night did not measure a prompt."""
    tested: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class NightScores:
    """Distances as means over prompts, in nats."""

    baseline: Floats
    """Shape (N,); NaN for a night that measured none of the prompts."""
    tested: Floats
    """Shape (M,)."""


def align_nights(nights: Sequence[Mapping[str, Sequence[TopTokens]]]) -> tuple[Vectors, ...]:
    """Put the calls of all nights on common axes: for each prompt, every token that any call lists.

    A token that a call does not list gets the smallest log-probability that the call does list, as in
    arXiv 2512.03816: the true value is unknown and at most that, so this is the least drift that fits. A
    constant for all calls would turn one token's fall out of the list into a leap. Give tonight in the
    same call as the baseline. A token listed twice counts with its larger value; a call that lists nothing
    was not measured, and a prompt without a measured call is left out of that night.
    """
    columns: dict[str, dict[str, int]] = {}
    for night in nights:
        for prompt, calls in night.items():
            known = columns.setdefault(prompt, {})
            for call in calls:
                for token, _ in call:
                    known.setdefault(token, len(known))
    return tuple(
        {
            prompt: np.stack([row_of(call, columns[prompt]) for call in calls if call])
            for prompt, calls in sorted(night.items())
            if any(calls)
        }
        for night in nights
    )


def prompt_scores(baseline_nights: Sequence[Vectors], tested: Sequence[Vectors]) -> PromptScores | None:
    """Measure how far each baseline night is from the others, and each tested one from the baseline, by prompt.

    The distance of a night is the mean over tokens of |its mean vector − the mean of the other nights'|.
    Each baseline night is left out once; a tested night's is the average over the ways to leave one out, so
    that a quiet one has the distribution of a baseline night. A night with another number of calls than
    usual has another sampling error, and its distance is scaled by what that makes of it. None where no
    prompt was measured by all that are tested and in the baseline.
    """
    prompts = tuple(
        sorted(
            prompt
            for prompt in (tested[0] if tested else ())
            if all(_measured(night, prompt) for night in tested)
            and sum(_measured(night, prompt) for night in baseline_nights) >= FEWEST_NIGHTS
        )
    )
    if not prompts:
        return None
    baseline = np.full((len(baseline_nights), len(prompts)), np.nan)
    scores = np.empty((len(tested), len(prompts)))
    for column, prompt in enumerate(prompts):
        present = [row for row, night in enumerate(baseline_nights) if _measured(night, prompt)]
        baseline[present, column], scores[:, column] = distances(
            [baseline_nights[row][prompt] for row in present], [night[prompt] for night in tested]
        )
    return PromptScores(prompts=prompts, baseline=baseline, tested=scores)


def night_scores(baseline_nights: Sequence[Vectors], tested: Sequence[Vectors]) -> NightScores | None:
    """Return `prompt_scores` as one distance a night, the mean over prompts; None where those are None.

    Prompts differ in how far they move, so a baseline night that lacks some is compared with the mean of
    those that it has: Σ distances / Σ usual distances, times the usual mean.
    """
    scores = prompt_scores(baseline_nights, tested)
    if scores is None:
        return None
    return over_prompts(scores.baseline, scores.tested)


def over_prompts(baseline: Floats, tested: Floats) -> NightScores:
    """Return distances of shape (N, P), NaN where not measured, and (M, P) as one a night; see `night_scores`."""
    present = np.isfinite(baseline)
    usual = np.nanmean(baseline, axis=0)
    found = np.where(present, baseline, 0.0).sum(axis=1)
    expected = np.where(present, usual, 0.0).sum(axis=1)
    counted = present.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = found / counted
        scaled = np.where(expected > 0, found / expected * usual.mean(), plain)
    return NightScores(baseline=np.where(counted == len(usual), plain, scaled), tested=tested.mean(axis=1))


def night_statistic(scores: NightScores) -> NightStatistic:
    """Return y = ln(distance + `RESOLUTION`) of every night, its standard deviation and degrees of freedom.

    Distances have a long upper tail, logarithms a shorter one. What is left of it, and a variance learnt
    from a dozen nights, would give several times the false alarms that the level allows. So s_b is the
    variance or, where it is larger, twice the mean square above the median; it is drawn towards
    `USUAL_SD`², as much as `USUAL_SD_DEGREES` nights weigh, and never below what was seen:
    s² = max(s_b, (4 · .3² + ν · s_b)/(4 + ν)), ν = min(N − 1, 13), 4 + ν degrees of freedom. Chosen on
    simulated nights with shared, scaled and one-directional effects; tests/core/stats/test_logprobs.py
    holds the rates.
    """
    baseline, tested = np.log(scores.baseline + RESOLUTION), np.log(scores.tested + RESOLUTION)
    spare = float(np.isfinite(baseline).sum()) - 1.0
    above = np.maximum(baseline - np.nanmedian(baseline), 0.0)
    seen = max(float(np.nanvar(baseline, ddof=1)), 2.0 * float(np.nansum(above**2)) / spare)
    degrees = min(spare, PRIOR)
    drawn = (USUAL_SD_DEGREES * USUAL_SD**2 + degrees * seen) / (USUAL_SD_DEGREES + degrees)
    return NightStatistic(
        baseline=baseline,
        tested=tested,
        sd=float(np.sqrt(max(seen, drawn))),
        degrees=USUAL_SD_DEGREES + degrees,
        slope=1.0 / (float(np.nanmean(scores.baseline)) + RESOLUTION),
    )


def permutation_p(
    reference: Vectors, candidate: Vectors, rng: np.random.Generator, count: int
) -> float | None:
    """Return p of the mean absolute difference, labels permuted within each prompt `count` times.

    The statistic is the mean over prompts of the mean over tokens. For two sides of one evening, such as
    two models side by side; between nights it alarms far too often. None where no prompt is on both sides.
    """
    shared = [
        prompt
        for prompt in sorted(reference)
        if _measured(reference, prompt) and _measured(candidate, prompt)
    ]
    if not shared:
        return None
    distances = np.zeros(1 + count)
    for prompt in shared:
        distances += __permuted_distances(reference[prompt], candidate[prompt], rng, count)
    return p_value(distances / len(shared))


def row_of(call: TopTokens, columns: Mapping[str, int]) -> Floats:
    """Return one call's log-probability of every token; see `align_nights` for those that it does not list."""
    row = np.full(len(columns), min(logprob for _, logprob in call))
    for token, logprob in call:
        row[columns[token]] = max(row[columns[token]], logprob)
    return row


def _measured(night: Vectors, prompt: str) -> bool:
    return prompt in night and night[prompt].size > 0


def distances(nights: Sequence[Floats], tested: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return the distances of one prompt, shape (N,) of the baseline and (M,) of what is tested.

    Every night is an array of calls and tokens with a call at least; N is 2 or more. See `prompt_scores`.
    """
    means = np.stack([night.mean(axis=0) for night in nights])
    others = (means.sum(axis=0) - means) / (len(means) - 1)
    calls = np.array([len(night) for night in (*nights, *tested)], dtype=np.float64)
    scale = _scale(nights, means, calls)
    found = np.array([np.abs(night.mean(axis=0) - others).mean() for night in tested])
    return np.abs(means - others).mean(axis=1) * scale[: len(nights)], found * scale[len(nights) :]


def _scale(nights: Sequence[Floats], means: Floats, calls: Floats) -> Floats:
    """Return what each night's distance is multiplied by for its number of calls; 1 for the usual number.

    A distance grows with the root of its variance ν²(1 + 1/(N − 1)) + σ²/n + σ²/((N − 1)·h), with ν²
    between nights, σ² between calls, n calls and h the harmonic mean of the baseline's.
    """
    if np.all(calls == calls[0]):
        return np.ones(len(calls))
    usual_calls = calls[: len(nights)]
    spare = float(usual_calls.sum()) - len(nights)
    squares = sum(float(np.square(n - m).sum()) for n, m in zip(nights, means, strict=True))
    # With one call on every baseline night nothing tells σ from ν; a night of more calls is then closer.
    between_calls = squares / (spare * means.shape[1]) if spare > 0 else 0.0
    usual = float((1.0 / usual_calls).mean())
    between_nights = max(0.0, float(means.var(axis=0, ddof=1).mean()) - between_calls * usual)
    more = 1.0 / (len(nights) - 1)
    common = between_nights * (1.0 + more) + between_calls * usual * more
    if common + between_calls == 0.0:
        return np.ones(len(calls))
    return cast(Floats, np.sqrt((common + between_calls * usual) / (common + between_calls / calls)))


def __permuted_distances(
    reference: Floats, candidate: Floats, rng: np.random.Generator, count: int
) -> Floats:
    """Return the distance of one prompt under every labelling, shape (1 + count,), the observed one first."""
    pooled = np.concatenate([reference, candidate])
    drawn = draw_candidates(len(reference), len(candidate), count, rng)
    found = np.empty(1 + count)
    for start in range(0, 1 + count, _BLOCK):
        chosen = drawn[start : start + _BLOCK]
        labels = np.zeros((len(chosen), len(pooled)))
        np.put_along_axis(labels, chosen, 1.0, axis=1)
        inside = labels @ pooled
        shifts = inside / len(candidate) - (pooled.sum(axis=0) - inside) / len(reference)
        found[start : start + _BLOCK] = np.abs(shifts).mean(axis=1)
    return found
