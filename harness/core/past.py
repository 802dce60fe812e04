"""What a run takes over of the nights before it so that a trend can be drawn. Nothing here decides."""

from harness.core.canonical import Record
from harness.core.findings import Outcome
from harness.core.suite import IsoDate

PAST_DAYS = 29
"""Days before tonight that a trend reaches back."""


class PastReading(Record):
    """One signal of one night."""

    signal: str
    tonight: float | None
    """In the reader's unit."""


class PastNight(Record):
    """One earlier night of one target, as it was decided at the time."""

    night: IsoDate
    outcome: Outcome
    whole: bool = True
    """Enough came back to learn from, whatever was decided."""
    readings: tuple[PastReading, ...] = ()
    served: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    asked: str | None = None
    """Digest of what was asked and how: cases, prompt files, tools, model and parameters."""
    accepted_at: str | None = None
    """Which acceptance the baseline had that it was compared with."""
