"""From measures to one score per night and prompt: what the floors are made of."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.core.detection.occasions import Asked
from harness.core.measures import Comparison, MeasuredCase, Vectors
from harness.core.signals import Noise, Signal
from harness.core.signals.signal import Floats, Gram, Kernel, Scores, Tokens
from harness.core.stats.logprobs import FEWEST_NIGHTS, distances, row_of
from harness.core.stats.surprise import Nights, spread, surprise

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalScores:
    """A signal's score of every night and prompt; shapes (N, P) for the baseline, (M, P) for what is tested."""

    signal: Signal
    cases: tuple[str, ...]
    baseline: Floats
    tested: Floats
    """NaN where no sample was measured."""
    baseline_counts: Floats
    tested_counts: Floats
    """Samples measured."""
    samples: Floats
    """Shape (P,): samples that a night usually measures."""
    baseline_off: Flags
    tested_off: Flags
    """True where any sample differs from the prompt's most common baseline answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCase:
    """One case as a signal reads it: every sample once, for whatever nights it is then sorted into."""

    case: str
    batches: tuple[str, ...]
    """The batch of every sample, the reference's first."""
    reference: int
    """How many samples are the reference's."""
    order: NDArray[np.intp]
    """The samples of a batch in the order in which they were asked for, its confirmation last."""
    values: Floats
    """A value a sample, NaN where it was not measured; or how alike they are (n, n); or their tokens (n, tokens)."""
    answers: tuple[str | float | None, ...]
    """What has to be equal for a night to count as unmoved: the score, or the text."""
    ruled: bool
    """False for a case without a rule to break."""
    kernels: int
    """How many kernels `values` is the sum of; 0 for scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One case's score of every night, the baseline's first."""

    case: str
    scores: Floats
    counts: Floats
    off: Flags
    samples: int
    ruled: bool


def read_cases(signal: Signal, comparison: Comparison) -> tuple[ReadCase, ...]:
    """Read the cases that `signal` may gate and that it can measure."""
    found = (
        read_case(signal, measured, comparison.vectors, {})
        for measured in comparison.cases
        if signal.may_gate(measured.case)
    )
    return tuple(case for case in found if case is not None)


def score_cases(
    signal: Signal, cases: Sequence[ReadCase], nights: Sequence[str], asked: Sequence[Asked]
) -> SignalScores | None:
    """Score the baseline `nights` and every batch of `asked`.

    Batches with fewer samples than the baseline's nights are compared with as many samples of each of its
    nights, so `asked` must agree in how many samples of a case were planned. None where no case was
    measured in the baseline.
    """
    found = (column_of(signal, case, nights, asked) for case in cases)
    return side_by_side(signal, [column for column in found if column is not None], len(nights))


def side_by_side(signal: Signal, columns: Sequence[Column], nights: int) -> SignalScores | None:
    """Put the columns of the cases together; the first `nights` rows are the baseline's."""
    if not any(column.ruled for column in columns):
        return None
    split = nights
    scores, counts, off = (
        np.stack([getattr(column, name) for column in columns], axis=1)
        for name in ("scores", "counts", "off")
    )
    return SignalScores(
        signal=signal,
        cases=tuple(column.case for column in columns),
        baseline=scores[:split],
        tested=scores[split:],
        baseline_counts=counts[:split],
        tested_counts=counts[split:],
        samples=np.array([column.samples for column in columns], dtype=np.float64),
        baseline_off=off[:split],
        tested_off=off[split:],
    )


def read_case(
    signal: Signal, measured: MeasuredCase, vectors: Vectors, known: dict[Gram, Floats | None]
) -> ReadCase | None:
    """Read one case; None where it has no reference, or a kernel cannot read it.

    `known` keeps the kernels' matrices of this very case for the other signals.
    """
    samples = measured.samples
    if not measured.reference:
        return None
    measures = [sample.measures for sample in samples]
    ruled, kernels = True, 0
    answers: tuple[str | float | None, ...]
    match signal.reads:
        case Scores(score=score):
            scored = [score(one) for one in measures]
            answers = tuple(scored)
            values = signal.sign * np.array([_nan(one) for one in scored])
            if signal.noise is Noise.RARE_RATE and not np.isfinite(values).any():
                # A case without a rule breaks none; leaving it out would make the rate of others look higher.
                ruled, values = False, np.zeros(len(samples))
        case Kernel():
            answers = tuple(one.digest for one in measures)
            matrices = signal.reads.matrices(measures, len(measured.reference), vectors, known)
            if not matrices:
                return None
            values, kernels = np.asarray(sum(matrices)), len(matrices)
        case Tokens(top=top):
            answers = (None,) * len(samples)
            values = _token_rows([top(one) for one in measures])
            if not values.size:
                return None
    return ReadCase(
        case=measured.case.id,
        batches=tuple(sample.batch for sample in samples),
        reference=len(measured.reference),
        order=np.lexsort(([sample.number for sample in samples], [sample.again for sample in samples])),
        values=values,
        answers=answers,
        ruled=ruled,
        kernels=kernels,
    )


def column_of(signal: Signal, case: ReadCase, nights: Sequence[str], asked: Sequence[Asked]) -> Column | None:
    """Score one case over `nights` and `asked`, as `score_cases` says; None where the baseline has no score."""
    rows = {name: row for row, name in enumerate(nights)}
    rows |= {batch.batch: len(nights) + row for row, batch in enumerate(asked)}
    most = max((batch.samples.get(case.case, 0) for batch in asked), default=0)
    kept = _first_of_each_night(case, rows, len(nights), most)
    of_sample = np.array([rows[case.batches[index]] for index in kept], dtype=np.intp)
    sizes = np.bincount(of_sample[of_sample < len(nights)], minlength=1)
    if not sizes.any():
        return None
    usual = int(np.bincount(sizes[sizes > 0]).argmax())
    where = Nights(of_sample=of_sample, baseline=len(nights), tested=len(asked))
    match signal.reads:
        case Scores():
            scores, counts = _means(case.values[kept], where)
        case Kernel():
            every = np.array_equal(kept, np.arange(len(case.values)))
            gram = case.values if every else case.values[np.ix_(kept, kept)]
            of = spread(gram, where, usual) if signal.noise is Noise.SPREAD else surprise(gram, where)
            scores = np.concatenate([of.baseline, of.tested])
            counts = where.sizes
        case Tokens():
            scores, counts = _token_scores(case.values[kept], where)
    if not np.isfinite(scores[: len(nights)]).any():
        return None
    return Column(
        case=case.case,
        scores=scores,
        counts=counts,
        off=_off([case.answers[index] for index in kept], of_sample, where),
        samples=usual,
        ruled=case.ruled,
    )


def _first_of_each_night(
    case: ReadCase, rows: Mapping[str, int], baseline: int, most: int
) -> NDArray[np.intp]:
    """Return which samples count: those of `rows`, of a baseline night at most the first so many."""
    row = np.array([rows.get(case.batches[index], -1) for index in case.order], dtype=np.intp)
    by_night = np.argsort(row, kind="stable")
    sorted_rows = row[by_night]
    place = np.arange(len(row)) - np.searchsorted(sorted_rows, sorted_rows)
    counts = (sorted_rows >= 0) & ((sorted_rows >= baseline) | (place < most))
    return np.asarray(case.order[by_night[counts]])


def _token_rows(tops: Sequence[Sequence[tuple[str, float]] | None]) -> Floats:
    """Return one row a sample and one column a token that any sample lists; NaN where nothing was listed."""
    tokens: dict[str, int] = {}
    for top in tops:
        for token, _ in top or ():
            tokens.setdefault(token, len(tokens))
    rows = np.full((len(tops), len(tokens)), np.nan)
    for index, top in enumerate(tops):
        if top:
            rows[index] = row_of(top, tokens)
    return rows


def _token_scores(rows: Floats, where: Nights) -> tuple[Floats, Floats]:
    valid = np.isfinite(rows).all(axis=1)
    calls = [rows[valid & (where.of_sample == night)] for night in range(where.baseline + where.tested)]
    counts = np.array([float(len(of_night)) for of_night in calls])
    scores = np.full(len(calls), np.nan)
    before = [night for night in range(where.baseline) if counts[night]]
    tested = [night for night in range(where.baseline, len(calls)) if counts[night]]
    if len(before) >= FEWEST_NIGHTS:
        own, found = distances([calls[night] for night in before], [calls[night] for night in tested])
        scores[before], scores[tested] = own, found
    return scores, counts


def _nan(value: float | None) -> float:
    return np.nan if value is None else value


def _means(values: Floats, where: Nights) -> tuple[Floats, Floats]:
    valid = np.isfinite(values)
    known = replace(where, of_sample=where.of_sample[valid])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(known.sums(values[valid]) / known.sizes), known.sizes


def _off(answers: Sequence[str | float | None], of_sample: NDArray[np.intp], where: Nights) -> Flags:
    split = int((of_sample < where.baseline).sum())
    # Sorted by night, so the baseline's come first.
    known = Counter(answer for answer in answers[:split] if answer is not None)
    usual = max(known, key=lambda answer: (known[answer], str(answer)), default=None)
    other = np.array([answer is not None and answer != usual for answer in answers], dtype=np.float64)
    return np.asarray(replace(where, of_sample=of_sample).sums(other) > 0)
