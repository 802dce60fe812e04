"""What a signal is: how it reads samples, and what a change in it means."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """A signal that gives every sample a number."""

    score: Callable[[Measures], float | None]
    """None where the sample was not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A signal that says how alike two samples are, 0..1."""

    gram: Callable[[Sequence[Measures], Vectors], Floats | None]
    """Matrix of shape (n, n), symmetric and positive semidefinite; None where a sample cannot be read."""


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
    reads: Scores | Kernel
    decides: bool = True
    """False for what is shown and never decides."""

    def may_gate(self, case: Case) -> bool:
        """Say whether `case` lets this signal decide."""
        return case.signals is None or self.name in case.signals
