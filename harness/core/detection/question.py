"""What is asked of a night, and what is answered. Imports no statistics, so that whoever only asks stays light."""

import math
from dataclasses import dataclass

from harness.core.detection.occasions import Asked, Occasion
from harness.core.findings import Finding
from harness.core.verdict import SignalReading


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be decided, and under which conditions."""

    asked: tuple[Asked, ...]
    """Tonight first, then its confirmation where there is one, a batch that still awaits one, earlier nights."""
    widened: float = 1.0
    """What the standard deviations are multiplied by: over 1 for a baseline of one evening."""

    def rows(self, occasion: Occasion) -> tuple[int, ...]:
        """Return which of `asked` are `occasion`."""
        return tuple(row for row, asked in enumerate(self.asked) if asked.occasion is occasion)


@dataclass(frozen=True, slots=True, kw_only=True)
class NightDecision:
    """What the signals say of one target tonight."""

    readings: tuple[SignalReading, ...]
    findings: tuple[Finding, ...]
    wants_confirmation: bool
    """A signal strayed, and no second batch has been seen yet."""
    confirmed: bool | None
    """None where nothing strayed, or nothing could answer."""


def evening_widening(samples: int) -> float:
    """Return by how much the standard deviation of one evening's batches is too low, for so many samples a night.

    An evening shows what samples scatter, and nothing of what nights do: 2.5 for one sample, 4.5 for three, found
    by simulation; between and beyond them it grows with the root of the samples, as their scatter shrinks.
    """
    return 2.5 * math.sqrt(samples) if samples < 3 else 4.5 * math.sqrt(samples / 3)
