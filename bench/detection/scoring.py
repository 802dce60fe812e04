"""From samples to what the product's detector reads: every signal's score of every batch and prompt.

The similarities, rates and flags that `harness.core.detection.scores` makes from measured texts, made here
from arrays by the product's own functions; tests/bench holds both to the same numbers.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.detection.streams import MISSING, Batches, joined
from bench.detection.suites import Flags, Floats, Prompt, Suite
from harness.core.detection.scores import SignalScores
from harness.core.signals import SIGNALS, Noise, Signal
from harness.core.signals.embedding import SMALLEST_WIDTH
from harness.core.stats.surprise import Nights, PromptScores, spread, surprise

FAMILIES = ("refusal", "format", "quality", "embedding", "string", "length", "spread")


_AT_ONCE = 30
"""Batches tested whose similarities are worked out together; the cost grows with their square."""


def score_batches(
    suite: Suite, baseline: Batches, tested: Batches, families: Sequence[str] = FAMILIES
) -> tuple[SignalScores, ...]:
    """Score `tested` against `baseline` in the families that were measured.

    Where `tested` has fewer samples it is compared with as many of each of the baseline's nights; the width
    of the embedding kernel is that of the whole baseline.
    """
    widths = [kernel_width(prompt, baseline, n) for n, prompt in enumerate(suite.prompts)]
    baseline = baseline.first_answered(int(tested.samples.max()))
    blocks = [
        _score(suite, baseline, tested.part(slice(start, start + _AT_ONCE)), families, widths)
        for start in range(0, len(tested), _AT_ONCE)
    ]
    return tuple(_stacked(block) for block in zip(*blocks, strict=True))


def _stacked(blocks: Sequence[SignalScores]) -> SignalScores:
    def stack(name: str) -> Floats:
        return np.concatenate([getattr(block, name) for block in blocks])

    return replace(
        blocks[0],
        tested=stack("tested"),
        tested_counts=stack("tested_counts"),
        tested_off=np.concatenate([block.tested_off for block in blocks]),
    )


def hamming(symbols: NDArray[np.int8]) -> Floats:
    """Return the share of equal symbols of all pairs of answers (answers, 64)."""
    return np.asarray((symbols[:, None, :] == symbols[None, :, :]).mean(axis=2))


def kernel_width(prompt: Prompt, baseline: Batches, number: int) -> float:
    """Return the median of the positive squared distances between the baseline's samples of a prompt."""
    answer = baseline.answer[:, number]
    vectors = prompt.vectors[answer[answer != MISSING]]
    squared = np.maximum(2.0 - 2.0 * (vectors @ vectors.T), 0.0)
    positive = squared[squared > 1e-6]
    return max(float(np.median(positive)), SMALLEST_WIDTH) if positive.size else 1.0


def embedded(vectors: Floats, width: float) -> Floats:
    """Return the embedding kernel of all pairs of unit vectors."""
    return np.asarray(np.exp(-np.maximum(2.0 - 2.0 * (vectors @ vectors.T), 0.0) / width))


def _score(
    suite: Suite, baseline: Batches, tested: Batches, families: Sequence[str], widths: Sequence[float]
) -> tuple[SignalScores, ...]:
    both, nights = joined([baseline, tested]), len(baseline)
    columns = [_Column(prompt, both, n, nights, widths[n]) for n, prompt in enumerate(suite.prompts)]
    found = [_family(SIGNALS.load(name), columns, both, nights) for name in families]
    return tuple(scores for scores in found if scores is not None)


def _family(signal: Signal, columns: "Sequence[_Column]", both: Batches, nights: int) -> SignalScores | None:
    kept = [column for column in columns if column.measures(signal)]
    if not kept:
        return None
    parts = [column.scored(signal) for column in kept]
    scores, counts = (np.stack([part[n] for part in parts], axis=1) for n in (0, 1))
    off = np.stack([column.off(signal) for column in kept], axis=1)
    return SignalScores(
        signal=signal,
        cases=tuple(f"p{column.number:02}" for column in kept),
        baseline=scores[:nights],
        tested=scores[nights:],
        baseline_counts=counts[:nights],
        tested_counts=counts[nights:],
        samples=np.array([both.samples[column.number] for column in kept], dtype=np.float64),
        baseline_off=off[:nights],
        tested_off=off[nights:],
    )


class _Column:
    """One prompt's samples of all batches."""

    def __init__(self, prompt: Prompt, both: Batches, number: int, nights: int, width: float) -> None:
        self.number, self._prompt, self._width = number, prompt, width
        self._planned = int(both.samples[number])
        answer = both.answer[:, number, : self._planned]
        self._there = answer != MISSING
        rows = np.nonzero(self._there)[0]
        self._answer = answer[self._there]
        self._score = both.score[:, number, : self._planned][self._there]
        self._length = prompt.length[self._answer] + both.longer[rows, number]
        self._where = Nights(of_sample=rows, baseline=nights, tested=len(answer) - nights)
        self._of_baseline = rows < nights
        self._members = self._where.membership
        self._distinct, self._which = np.unique(self._answer, return_inverse=True)
        self._grams: dict[str, Floats] = {}

    def measures(self, signal: Signal) -> bool:
        """Say whether the prompt has this measure at all."""
        return signal.name != "quality" or bool(np.isfinite(self._score[self._of_baseline]).any())

    def scored(self, signal: Signal) -> tuple[Floats, Floats]:
        """Return the score and the samples measured of every batch."""
        counts = self._members.sum(axis=0)
        match signal.noise:
            case Noise.SURPRISE:
                return _every(surprise(self._gram(signal.name), self._where)), counts
            case Noise.SPREAD:
                gram = self._gram("string") + self._gram("embedding")
                return _every(spread(gram, self._where, self._planned)), counts
            case _:
                with np.errstate(divide="ignore", invalid="ignore"):
                    return (self._members.T @ (signal.sign * self._values(signal))) / counts, counts

    def off(self, signal: Signal) -> Flags:
        """Say in which batches any sample differs from the most common one of the baseline."""
        values = self._values(signal) if signal.noise in _SCORED else self._answer.astype(np.float64)
        known, counts = np.unique(values[self._of_baseline], return_counts=True)
        if not known.size:
            return np.zeros(self._members.shape[1], dtype=np.bool_)
        return np.asarray(self._members.T @ (values != known[np.argmax(counts)]) > 0)

    def _values(self, signal: Signal) -> Floats:
        prompt = self._prompt
        match signal.name:
            case "refusal":
                return prompt.refused[self._answer].astype(np.float64)
            case "format":
                return prompt.invalid[self._answer].astype(np.float64)
            case "quality":
                return self._score
            case _:
                return self._length

    def _gram(self, name: str) -> Floats:
        if name not in self._grams:
            prompt = self._prompt
            if name == "string":
                distinct = hamming(prompt.symbols[self._distinct])
            else:
                distinct = embedded(prompt.vectors[self._distinct], self._width)
            self._grams[name] = distinct[np.ix_(self._which, self._which)]
        return self._grams[name]


_SCORED = (Noise.DIFFERENCE, Noise.RARE_RATE, Noise.EDGE_RATE)


def _every(scores: PromptScores) -> NDArray[np.float64]:
    return np.concatenate([scores.baseline, scores.tested])
