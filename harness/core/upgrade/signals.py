"""What differs over all cases together, signal by signal: the mean of the differences case by case."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev, variance

import numpy as np

from harness.core.detection.comparison import FEWEST_CASES, LEVEL, sign_flip_p_value
from harness.core.findings import Outcome
from harness.core.stats.exact import Counts, stratified_p
from harness.core.stats.multiplicity import holm
from harness.core.stats.tails import student_quantile
from harness.core.upgrade.values import CaseValues, PairValues, ReplyValues
from harness.core.upgrade_records import UpgradeSignal

_NORMAL_95 = 1.959964
_SEEN = 2.8
"""Standard errors that a difference takes to be seen with probability .8 at the level of .05: 1.96 + .84."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    name: str
    title: str
    what: str
    better: str
    worse: str
    values: Callable[[CaseValues], tuple[list[float], list[float]] | None]
    """Both sides' values of a case, larger being better; None where it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shift:
    difference: float
    noise: float
    """Variance of the difference that the reference's own replies would give against themselves."""
    spread: float
    """Variance of the difference by sampling, of both sides as they are."""
    counts: Counts | None
    """How often either side is not at its best, where a value is one of two."""


def weigh_signals(cases: Sequence[CaseValues], *, seed: int) -> tuple[UpgradeSignal, ...]:
    """Test every signal over the cases that both sides answered; deterministic in `seed`.

    Sign-flip permutation over cases, two-sided, Holm over the signals, as two runs are compared by hand
    (`core.detection.comparison`). A handful of cases has too few signs to flip: with fewer than `FEWEST_CASES`,
    what is one of two is tested by permuting replies within cases (`stratified_p`, exact, two-sided). The
    interval is Student's over cases, and never narrower than what sampling alone leaves open.
    """
    shifts = {kind.name: _shifts(kind, cases) for kind in _KINDS}
    rng = np.random.default_rng(seed)
    raw = {
        name: sign_flip_p_value(np.array([one.difference for one in found.values()]), rng, two_sided=True)
        for name, found in shifts.items()
        if len(found) >= FEWEST_CASES
    }
    for name, found in shifts.items():
        if name not in raw and (p_value := _within_cases(found)) is not None:
            raw[name] = p_value
    told = dict(zip(raw, holm(list(raw.values())), strict=True))
    return tuple(
        _signal(kind, shifts[kind.name], told.get(kind.name)) for kind in _KINDS if shifts[kind.name]
    )


def visible_difference(found: Sequence[float], noise: float) -> float | None:
    """Return the mean difference, as a share, that so many cases would have shown with probability .8.

    By the larger of the cases' own spread and the noise of sampling; None where neither is known to be over 0.
    """
    if len(found) < FEWEST_CASES:
        return None
    spread = max(stdev(found) / sqrt(len(found)), noise)
    return _SEEN * spread if spread > 0 else None


def differences(name: str, cases: Sequence[CaseValues]) -> tuple[list[float], float]:
    """Return a signal's differences by case, and the standard deviation that sampling alone gives their mean."""
    kind = next(kind for kind in _KINDS if kind.name == name)
    found = _shifts(kind, cases)
    return [one.difference for one in found.values()], _noise(found)


def _shifts(kind: _Kind, cases: Sequence[CaseValues]) -> Mapping[str, _Shift]:
    found = {}
    for values in cases:
        # What only warns may not fail the run together with others either.
        sides = None if values.warns else kind.values(values)
        if sides is None or not sides[0] or not sides[1]:
            continue
        own = [pair.reference for pair in values.pairs] if kind.name == "quality" else sides[0]
        told = [value for value in own if value is not None]
        spread = variance(told) if len(told) > 1 else 0.0
        found[values.case] = _Shift(
            difference=fmean(sides[1]) - fmean(sides[0]),
            noise=spread * (1 / len(sides[0]) + 1 / len(sides[1])),
            spread=sum(variance(side) / len(side) for side in sides if len(side) > 1),
            counts=_counts(sides) if kind.name != "quality" else None,
        )
    return found


def _within_cases(found: Mapping[str, _Shift]) -> float | None:
    """Return p of the mean difference, replies permuted within cases; None where a value is more than one of two."""
    counts = [one.counts for one in found.values() if one.counts is not None]
    if not counts or len(counts) < len(found):
        return None
    return min(1.0, 2 * min(stratified_p(counts), stratified_p([one.swapped for one in counts])))


def _counts(sides: tuple[list[float], list[float]]) -> Counts | None:
    values = {*sides[0], *sides[1]}
    if not values <= {0.0, 1.0} and not values <= {0.0, -1.0}:
        return None
    best = 0.0 if values <= {0.0, -1.0} else 1.0
    return Counts(
        reference_failed=sum(value < best for value in sides[0]),
        reference_runs=len(sides[0]),
        candidate_failed=sum(value < best for value in sides[1]),
        candidate_runs=len(sides[1]),
    )


def _noise(found: Mapping[str, _Shift]) -> float:
    return sqrt(sum(one.noise for one in found.values())) / len(found) if found else 0.0


def _signal(kind: _Kind, found: Mapping[str, _Shift], p_value: float | None) -> UpgradeSignal:
    shifts = [one.difference for one in found.values()]
    mean = fmean(shifts)
    half = None
    if len(shifts) > 1:
        over_cases = student_quantile(0.975, len(shifts) - 1) * stdev(shifts) / sqrt(len(shifts))
        sampling = _NORMAL_95 * sqrt(sum(one.spread for one in found.values())) / len(shifts)
        half = max(over_cases, sampling)
    if p_value is None:
        outcome = Outcome.INCONCLUSIVE
        because = f"Measured in {len(shifts)} cases; {FEWEST_CASES} or more are tested together."
    elif p_value > LEVEL:
        outcome, because = Outcome.STABLE, f"No difference was shown over {len(shifts)} cases."
    else:
        outcome = Outcome.IMPROVED if mean > 0 else Outcome.REGRESSED
        word = kind.better if mean > 0 else kind.worse
        because = f"It {word}: {100 * mean:+.1f} points, mean over {len(shifts)} cases.".replace("-", "−")
    return UpgradeSignal(
        signal=kind.name,
        title=kind.title,
        what=kind.what,
        outcome=outcome,
        cases=len(shifts),
        difference=mean,
        low=None if half is None else mean - half,
        high=None if half is None else mean + half,
        floor=_NORMAL_95 * _noise(found),
        p_value=p_value,
        because=because,
    )


def _each(replies: Sequence[ReplyValues], read: Callable[[ReplyValues], float | None]) -> list[float]:
    return [value for value in map(read, replies) if value is not None]


def _refusal(values: CaseValues) -> tuple[list[float], list[float]] | None:
    if not values.declining:
        return None

    def read(reply: ReplyValues) -> float | None:
        return None if reply.refused is None else -reply.refused

    return _each(values.reference, read), _each(values.candidate, read)


def _format(values: CaseValues) -> tuple[list[float], list[float]] | None:
    if values.is_task:
        return None

    def read(reply: ReplyValues) -> float | None:
        return None if reply.invalid is None else 1 - reply.invalid

    return _each(values.reference, read), _each(values.candidate, read)


def _quality(values: CaseValues) -> tuple[list[float], list[float]] | None:
    """Return the scores of the pairs that were judged; a pair of equal texts counts as equal, whatever its score."""
    if not values.pairs:
        return None
    known = [pair for pair in values.pairs if _is_scored(pair)]
    return [pair.reference or 0.0 for pair in known], [pair.candidate or 0.0 for pair in known]


def _is_scored(pair: PairValues) -> bool:
    scored = pair.reference is not None and pair.candidate is not None
    return scored or (pair.preferred == 0 and pair.reference is None and pair.candidate is None)


def _golden(values: CaseValues) -> tuple[list[float], list[float]] | None:
    if not (values.is_task and values.ruled):
        return None
    return [float(r.held) for r in values.reference], [float(r.held) for r in values.candidate]


_KINDS = (
    _Kind(
        name="refusal",
        title="Refusal",
        what="share of replies that decline",
        better="declines less often",
        worse="declines more often",
        values=_refusal,
    ),
    _Kind(
        name="format",
        title="Format",
        what="share of replies in the right shape",
        better="keeps more formats",
        worse="breaks more formats",
        values=_format,
    ),
    _Kind(
        name="quality",
        title="Quality",
        what="the judge's score",
        better="is judged better",
        worse="is judged worse",
        values=_quality,
    ),
    _Kind(
        name="golden",
        title="Golden checks",
        what="runs in which every check holds",
        better="keeps more golden checks",
        worse="breaks more golden checks",
        values=_golden,
    ),
)
