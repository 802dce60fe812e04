"""What a run takes over of the nights before it so that a trend can be drawn. Nothing here decides."""

from harness.core.canonical import Record
from harness.core.findings import Outcome
from harness.core.suite import IsoDate

PAST_DAYS = 29
"""Days before tonight that a trend reaches back."""


class NightReading(Record):
    """One signal of one night: a point of its trend."""

    signal: str
    tonight: float | None
    p_value: float | None


class PastNight(Record):
    """One earlier night of one target, as it was decided at the time."""

    night: IsoDate
    outcome: Outcome
    whole: bool = True
    """Enough came back to learn from, whatever was decided."""
    readings: tuple[NightReading, ...] = ()
    served: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    accepted_at: str | None = None
    """Which acceptance the baseline had that it was compared with."""
