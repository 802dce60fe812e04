"""A signal on its own scale: 0 is the usual night, 1 the edge beyond which a second batch is asked for."""

from collections.abc import Iterable, Sequence

from harness.core.verdict import SignalFloor
from harness.reporting.model import Range, Scale, Tick

REACH = 6.0
"""Edges of its noise; what lies further out is drawn here, with an arrow."""
_ROOM = 0.8
_LEAST = (-1.7, 2.2)
_SAME = 1e-9


def in_edges(floor: SignalFloor, y: float) -> float:
    """Return how far y is from the usual night, in edges of its noise; far beyond `REACH` where it has none."""
    away, edge = y - _usual(floor), floor.high - _usual(floor)
    if edge > _SAME:
        return away / edge
    return 0.0 if abs(away) <= _SAME else 2 * REACH * (1 if away > 0 else -1)


def band_of(floor: SignalFloor) -> Range:
    """Return the band within which no second batch is asked for, in edges of its noise."""
    low = None if floor.low is None else min(in_edges(floor, floor.low), 0.0)
    return Range(low=low, high=1.0)


def floor_scale(floors: Sequence[SignalFloor]) -> Scale:
    """Choose one axis for the floors of several targets; quiet ones all have the same."""
    values = [value for floor in floors for value in _values(floor)]
    low, high = min([*values, _LEAST[0] + 0.3]) - 0.3, max([*values, _LEAST[1] - 0.3]) + 0.3
    return Scale(
        low=max(low, -REACH - _ROOM),
        high=min(high, REACH + _ROOM),
        ticks=(Tick(place=0.0, text="usual"), Tick(place=1.0, text="edge")),
        reach=REACH,
    )


def distance_text(floor: SignalFloor) -> str:
    """Say in words where tonight lies on its own scale."""
    away = in_edges(floor, floor.tonight)
    edge = 1.0 if away >= 0 or floor.low is None else -in_edges(floor, floor.low)
    if edge <= _SAME or abs(away) / edge >= 100:
        return "far beyond the edge of its noise"
    share = abs(away) / edge
    if share <= 1:
        return f"{100 * share:.0f} % of the way to the edge of its noise"
    return f"{share:.1f} times as far as the edge of its noise"


def strays_by(floor: SignalFloor) -> float:
    """Return how near tonight is to the edge on its side; 1 is on it."""
    away = in_edges(floor, floor.tonight)
    if away >= 0:
        return away
    return away / in_edges(floor, floor.low) if floor.low is not None and floor.low < _usual(floor) else 0.0


def _values(floor: SignalFloor) -> Iterable[float]:
    yield from (in_edges(floor, y) for y in floor.nights)
    yield in_edges(floor, floor.tonight)
    if floor.confirmation is not None:
        yield in_edges(floor, floor.confirmation)
    if floor.low is not None:
        yield in_edges(floor, floor.low)


def _usual(floor: SignalFloor) -> float:
    return sum(floor.nights) / len(floor.nights)
