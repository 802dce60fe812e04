"""A signal in the reader's unit: its nights, their range, and an axis that holds them."""

from collections.abc import Sequence

from harness.core.verdict import SignalReading
from harness.reporting.model import Range, Scale
from harness.reporting.wording import value_text


def floor_of(reading: SignalReading) -> Range | None:
    """Return the band from the lowest to the highest baseline night."""
    return Range(low=min(reading.nights), high=max(reading.nights)) if reading.nights else None


def span_of(readings: Sequence[SignalReading]) -> float:
    """Return the distance between the smallest and the largest value of all readings."""
    values = _values(readings)
    return max(values) - min(values) if values else 0.0


def natural_scale(readings: Sequence[SignalReading]) -> Scale:
    """Choose an axis that holds every night, tonight and the confirmation, with room at both ends."""
    values = _values(readings) or [0.0]
    unit = readings[0].unit
    smallest = 0.02 if unit in ("rate", "score", "distance") else 0.1
    span = max(max(values) - min(values), smallest)
    low, high = min(values) - 0.25 * span, max(values) + 0.25 * span
    if unit in ("rate", "score"):
        low, high = max(low, 0.0 if min(values) >= 0 else low), min(high, 1.0 if max(values) <= 1 else high)
    elif min(values) >= 0:
        low = max(low, 0.0)
    high = max(high, low + smallest)
    width = high - low
    return Scale(
        low=low, high=high, low_text=value_text(low, unit, width), high_text=value_text(high, unit, width)
    )


def in_unit(value: float | None, reading: SignalReading) -> str:
    """Write a value of `reading` with the digits that its nights need."""
    scale = natural_scale([reading])
    return value_text(value, reading.unit, scale.high - scale.low)


def _values(readings: Sequence[SignalReading]) -> list[float]:
    return [
        value
        for reading in readings
        for value in (*reading.nights, reading.tonight, reading.confirmation)
        if value is not None
    ]
