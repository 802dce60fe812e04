"""What a signal is: how it reads samples, how its nights are weighed, and what a change in it means."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.core.measures import Measures, Vectors
from harness.core.suite import Case

Floats: TypeAlias = NDArray[np.float64]


class Direction(StrEnum):
    """What a larger value means."""

    UP_IS_WORSE = "up_is_worse"
    DOWN_IS_WORSE = "down_is_worse"
    NONE = "none"


class Noise(StrEnum):
    """How a signal's nights become one number, and which floor it is held against; see docs/method.md."""

    SURPRISE = "surprise"
    """How unlike all other baseline nights a night's replies are."""
    SPREAD = "spread"
    """How differently a night's replies vary."""
    DIFFERENCE = "difference"
    """Scores on one scale."""
    RARE_RATE = "rare_rate"
    """Shares of an event that hardly happens."""
    TOKENS = "tokens"
    """How far a night's mean log-probabilities are from all other baseline nights'."""
    EDGE_RATE = "edge_rate"
    """Shares of an event, over the cases that show both answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """A signal that gives every sample a number."""

    score: Callable[[Measures], float | None]
    """None where the sample was not measured."""


Gram: TypeAlias = Callable[[Sequence[Measures], int, Vectors], Floats | None]
"""From samples, of which the first so many are the reference's, to a matrix of shape (n, n), symmetric and
positive semidefinite; None where a sample cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A signal that says how alike two samples are, 0..1; with several kernels, their sum."""

    grams: tuple[Gram, ...]

    def gram(
        self,
        measures: Sequence[Measures],
        n_reference: int,
        vectors: Vectors,
        known: dict[Gram, Floats | None] | None = None,
    ) -> Floats | None:
        """Return the sum of the kernels that can be read, or None where none can.

        `known` keeps what was read of these very samples, for other signals that read the same.
        """
        read = self.matrices(measures, n_reference, vectors, known)
        return np.asarray(sum(read)) if read else None

    def matrices(
        self,
        measures: Sequence[Measures],
        n_reference: int,
        vectors: Vectors,
        known: dict[Gram, Floats | None] | None = None,
    ) -> list[Floats]:
        """Return the kernels that can be read."""
        known = {} if known is None else known
        for gram in self.grams:
            if gram not in known:
                known[gram] = gram(measures, n_reference, vectors)
        return [matrix for gram in self.grams if (matrix := known[gram]) is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A signal that reads what a sample might have said: tokens with their log-probabilities, in nats."""

    top: Callable[[Measures], Sequence[tuple[str, float]] | None]
    """None where the sample was not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Pure: reference and candidate measures in, statistic out."""

    name: str
    title: str
    what: str
    """What it measures, in a few words for a reader."""
    unit: str
    """rate, score, log-characters or distance."""
    direction: Direction
    reads: Scores | Kernel | Tokens
    noise: Noise | None
    """None for what is shown and never decides."""
    up: float = 1.0
    """Share of its level that goes to a rise (for a score where down is worse, to a fall); the rest to the other way."""

    @property
    def decides(self) -> bool:
        """Say whether it may decide."""
        return self.noise is not None

    @property
    def optional(self) -> bool:
        """Say whether it takes its share of a night's level only where it is measured."""
        return isinstance(self.reads, Tokens)

    @property
    def sign(self) -> float:
        """Return −1 where a fall is worse, so that a larger statistic always means worse or more drift."""
        return -1.0 if self.direction is Direction.DOWN_IS_WORSE else 1.0

    def may_gate(self, case: Case) -> bool:
        """Say whether `case` lets this signal decide."""
        return case.signals is None or self.name in case.signals
