"""Rules in use today, from their published descriptions, named by what they do. All read the same streams."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.detection.ours import StreamBatches
from bench.detection.scoring import embedded, hamming, kernel_width, score_batches
from bench.detection.streams import MISSING, Batches, joined
from bench.detection.suites import Flags, Floats, Suite
from harness.core.stats.tails import student_tail

HASH_SHARE, SCORE_DROP, BAND, PERMUTATIONS, PERMUTATION_LEVEL = 0.30, 0.20, 3.0, 199, 0.01
MMD_SCREEN, MMD_DRIFT, SAME_NIGHT = 0.15, 0.0075, 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """What a rule says every night; arrays of shape (nights,)."""

    alarm: Flags
    asked_again: Flags


Rule = Callable[[Suite, StreamBatches, np.random.Generator], Alarms]


def _once(alarm: NDArray[np.bool_]) -> Alarms:
    return Alarms(alarm=alarm, asked_again=np.zeros(len(alarm), dtype=np.bool_))


def hash_against_baseline(_suite: Suite, tested: StreamBatches, _rng: np.random.Generator) -> Alarms:
    """Alarm where over 30 % of the replies differ from the baseline's last ones, one sample a prompt."""
    tonight = tested.first.answer[:, :, 0]
    return _once(_differing(tonight, tested.baseline.answer[-1:, :, 0]) > HASH_SHARE)


def hash_against_last_week(_suite: Suite, tested: StreamBatches, _rng: np.random.Generator) -> Alarms:
    """Alarm where over 30 % of the replies differ from those 7 nights ago, one sample a prompt."""
    every = np.concatenate([tested.baseline.answer[-7:, :, 0], tested.first.answer[:, :, 0]])
    return _once(_differing(every[7:], every[:-7]) > HASH_SHARE)


def _differing(tonight: NDArray[np.intp], before: NDArray[np.intp]) -> Floats:
    both = (tonight != MISSING) & (before != MISSING)
    return np.asarray(((tonight != before) & both).sum(axis=1) / np.maximum(both.sum(axis=1), 1))


def any_pass_to_fail(suite: Suite, tested: StreamBatches, _rng: np.random.Generator) -> Alarms:
    """Alarm where any prompt that passed on the baseline's last run fails tonight's, one sample a prompt."""
    base, tonight = (_values(suite, part) for part in (tested.baseline, tested.first))

    def failed(values: Mapping[str, Floats], rows: slice) -> Flags:
        worse = [values[name][rows, :, 0] for name in ("invalid", "refused")]
        return np.asarray((np.nan_to_num(worse) > 0).any(axis=0) | (values["score"][rows, :, 0] < 0.5))

    return _once((failed(tonight, slice(None)) & ~failed(base, slice(-1, None))).any(axis=1))


def fixed_bands(suite: Suite, tested: StreamBatches, _rng: np.random.Generator) -> Alarms:
    """Alarm where any prompt's rate, score or length leaves its mean ± 3 sd."""
    base, tonight = (_values(suite, part) for part in (tested.baseline, tested.first))
    outside = np.zeros(len(tested.first), dtype=np.bool_)
    for name in base:
        before, now = _night_means(base[name]), _night_means(tonight[name])
        with np.errstate(invalid="ignore"):
            mean, sd = _mean(before, 0), np.sqrt(_mean((before - _mean(before, 0)) ** 2, 0))
            outside |= (np.abs(now - mean) > BAND * sd + 1e-9).any(axis=1)
    return _once(outside)


def mean_score_drop(suite: Suite, tested: StreamBatches, _rng: np.random.Generator) -> Alarms:
    """Alarm where the judge's mean score over the suite has fallen by over 20 points."""
    base, tonight = (_night_means(_values(suite, part)["score"]) for part in (tested.baseline, tested.first))
    with np.errstate(invalid="ignore"):
        return _once(np.nan_to_num(_mean(base.ravel(), 0) - _mean(tonight, 1)) > SCORE_DROP)


def mmd_with_floor(suite: Suite, tested: StreamBatches, _rng: np.random.Generator) -> Alarms:
    """Alarm on the mean MMD² of strings and embeddings, against its own nights with a t tail; confirmed as ours is."""
    (first,) = score_batches(suite, tested.baseline, tested.first, ("spread",))
    (again,) = score_batches(suite, tested.baseline, tested.confirm, ("spread",))
    floor, now, later = (np.nanmean(part, axis=1) for part in (first.baseline, first.tested, again.tested))
    nights, sd = len(floor), max(float(np.std(floor, ddof=1)), 1e-9)

    def tails(values: Floats, share: float) -> Floats:
        t = (values - floor.mean()) / (sd * np.sqrt(share + 1.0 / nights))
        return np.array([student_tail(float(one), nights - 1.0) for one in t])

    screened = tails(now, 1.0) <= MMD_SCREEN
    return Alarms(alarm=screened & (tails((now + later) / 2, SAME_NIGHT) <= MMD_DRIFT), asked_again=screened)


def permutation(suite: Suite, tested: StreamBatches, rng: np.random.Generator) -> Alarms:
    """Alarm on a permutation test within prompts, the largest standardised of six statistics, at .01."""
    both, nights = joined([tested.baseline, tested.first]), len(tested.baseline)
    values = _values(suite, both)
    prompts = [_Permuted(suite, both, values, n, nights, rng) for n in range(len(suite.prompts))]
    alarm = []
    for night in range(len(tested.first)):
        found = np.nansum([prompt.statistics(night) for prompt in prompts], axis=0)
        middle, sd = found.mean(axis=1, keepdims=True), found.std(axis=1, keepdims=True)
        z = np.where(sd > 1e-12, (found - middle) / np.maximum(sd, 1e-12), 0.0)
        z[_LENGTH] = np.abs(z[_LENGTH])
        largest = z.max(axis=0)
        alarm.append((largest[1:] >= largest[0] - 1e-9).sum() + 1 <= PERMUTATION_LEVEL * (PERMUTATIONS + 1))
    return _once(np.array(alarm))


_LENGTH = 3


class _Permuted:
    """One prompt's statistics as it was observed and under permutations: shape (6, 1 + PERMUTATIONS)."""

    def __init__(
        self,
        suite: Suite,
        both: Batches,
        values: Mapping[str, Floats],
        number: int,
        nights: int,
        rng: np.random.Generator,
    ) -> None:
        prompt = suite.prompts[number]
        self._answer, self._rng, self._nights = both.answer[:, number], rng, nights
        there = self._answer != MISSING
        distinct, which = np.unique(self._answer[there], return_inverse=True)
        self._which = np.full(self._answer.shape, MISSING)
        self._which[there] = which
        width = kernel_width(prompt, both.part(slice(nights)), number)
        self._kernels = (hamming(prompt.symbols[distinct]), embedded(prompt.vectors[distinct], width))
        signs = {"refused": 1.0, "invalid": 1.0, "score": -1.0, "length": 1.0}
        self._scalars = [sign * values[name][:, number] for name, sign in signs.items()]
        self._chosen: dict[tuple[int, int], NDArray[np.intp]] = {}

    def statistics(self, night: int) -> Floats:
        """Return the four mean shifts, and the MMD² of strings and of embeddings."""
        rows = [*range(self._nights), self._nights + night]
        there = self._which[rows] != MISSING
        tonight = int(there[-1].sum())
        which = self._which[rows][there]
        if tonight == 0:
            return np.zeros((6, 1 + PERMUTATIONS))
        chosen = self._permutations(which.size, tonight)
        shifts = [_shift(scalar[rows][there], chosen) for scalar in self._scalars]
        return np.array([*shifts, *(_mmd(kernel[np.ix_(which, which)], chosen) for kernel in self._kernels)])

    def _permutations(self, total: int, tonight: int) -> NDArray[np.intp]:
        """Return which samples stand for tonight's: those that are, in the first row; the same ones every night."""
        if (total, tonight) not in self._chosen:
            drawn = np.argsort(self._rng.random((PERMUTATIONS, total)), axis=1)[:, :tonight]
            real = np.arange(total - tonight, total)[None, :]
            self._chosen[total, tonight] = np.concatenate([real, drawn])
        return self._chosen[total, tonight]


def _shift(values: Floats, chosen: NDArray[np.intp]) -> Floats:
    if not np.isfinite(values).all():
        return np.zeros(len(chosen))
    rest = values.size - chosen.shape[1]
    mine = values[chosen].sum(axis=1)
    return np.asarray(mine / chosen.shape[1] - (values.sum() - mine) / rest)


def _mmd(kernel: Floats, chosen: NDArray[np.intp]) -> Floats:
    mine, rest = chosen.shape[1], len(kernel) - chosen.shape[1]
    within = kernel[chosen[:, :, None], chosen[:, None, :]].sum(axis=(1, 2))
    rows = kernel.sum(axis=1)[chosen].sum(axis=1)
    other = kernel.sum() - 2.0 * rows + within
    return np.asarray(within / mine**2 - 2.0 * (rows - within) / (mine * rest) + other / rest**2)


def _values(suite: Suite, batches: Batches) -> dict[str, Floats]:
    """Return every sample's measures, (batches, prompts, samples); NaN where there is none."""
    there = batches.answer != MISSING
    found = {"score": batches.score}
    for name in ("refused", "invalid", "length"):
        known = [getattr(p, name)[batches.answer[:, n]] for n, p in enumerate(suite.prompts)]
        found[name] = np.where(there, np.stack(known, axis=1).astype(np.float64), np.nan)
    found["length"] = found["length"] + batches.longer[:, :, None]
    return found


def _night_means(values: Floats) -> Floats:
    return _mean(values, 2)


def _mean(values: Floats, axis: int) -> Floats:
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=axis) / known.sum(axis=axis))


RULES: Mapping[str, tuple[str, Rule]] = {
    "hash-baseline": ("hashes: 30 % differ from the baseline", hash_against_baseline),
    "hash-last-week": ("hashes: 30 % differ from last week", hash_against_last_week),
    "pass-fail": ("any pass -> fail, one run", any_pass_to_fail),
    "bands": ("bands per prompt, mean +- 3 sd", fixed_bands),
    "score-drop": ("mean score drop over 20 points", mean_score_drop),
    "permutation": ("permutation test, max T at .01", permutation),
    "mmd": ("MMD with a night floor and t tail", mmd_with_floor),
}
