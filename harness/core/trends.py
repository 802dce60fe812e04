"""Many nights of one suite and target: where each signal lay, and when something changed beside the behaviour. Pure.

A signal is placed on its own scale, as every report draws it: 0 is the usual night of the baseline that it was
compared with, 1 the edge of that baseline's noise. So nights before and after an acceptance can stand in one line.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.core.history import NightEntry
from harness.core.night_facts import NightReading, ReadingFloor
from harness.registry import Registry

FAR = 12.0
"""Edges of its noise: where something lies whose noise has no width."""
_SAME = 1e-9

CHANGE_POINTS: Registry[Callable[[Sequence[float]], tuple[int, ...]]] = Registry(
    kind="change-point method",
    group="harness.change_points",
    table={"pelt": "harness.core.stats.change_points:change_points"},
)
"""Each finds in a series of numbers the places at which a new level begins."""


class MarkKind(StrEnum):
    """What can change beside the behaviour, or explain it."""

    MODEL = "model"
    FINGERPRINT = "fingerprint"
    ASKED = "prompt"
    BASELINE = "baseline"
    LIBRARY = "library"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that is another thing from a night on."""

    night: str
    kind: MarkKind
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One signal of one night."""

    night: str
    value: float | None
    """In the reader's unit; None where it was not measured."""
    place: float | None = None
    """In edges of its noise; None where it was not measured, or there was no floor."""
    low: float | None = None
    """Where its noise ends below, in the same; None where it looks upwards only."""
    outside: bool = False
    """Beyond its noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One signal over nights, oldest first."""

    signal: str
    unit: str
    points: tuple[Point, ...]

    @property
    def last(self) -> Point | None:
        """Return the last night that was measured."""
        return next((point for point in reversed(self.points) if point.value is not None), None)


def trends_of(nights: Sequence[NightEntry]) -> tuple[Trend, ...]:
    """Return the trend of every signal that ever had a floor in these nights of one suite and target."""
    units: dict[str, str] = {}
    for night in nights:
        for reading in night.readings:
            if reading.floor is not None:
                units[reading.signal] = reading.unit
    by_night = [(night, {reading.signal: reading for reading in night.readings}) for night in nights]
    return tuple(
        Trend(
            signal=signal,
            unit=unit,
            points=tuple(_point(night, found.get(signal)) for night, found in by_night),
        )
        for signal, unit in units.items()
    )


def marks_of(nights: Iterable[NightEntry]) -> tuple[Mark, ...]:
    """Return what changed between one of these nights and the next that knows it, oldest first."""
    known: dict[MarkKind, str] = {}
    found: list[Mark] = []
    for night in nights:
        for kind, now in _circumstances(night):
            before = known.get(kind)
            if before is not None and before != now:
                found.append(Mark(night=night.night, kind=kind, before=before, after=now))
            known[kind] = now
    return tuple(found)


def levels(trend: Trend, method: Callable[[Sequence[float]], tuple[int, ...]]) -> tuple[str, ...]:
    """Return the nights on which a signal went over to another level; nights without a place are passed over."""
    placed = [(point.night, point.place) for point in trend.points if point.place is not None]
    places = method([place for _, place in placed])
    return tuple(placed[index][0] for index in places)


def in_edges(floor: ReadingFloor, y: float) -> float:
    """Return how far y is from the usual night, in edges of its noise; within -FAR..FAR."""
    away, edge = y - floor.usual, floor.high - floor.usual
    if edge <= _SAME:
        return 0.0 if abs(away) <= _SAME else FAR if away > 0 else -FAR
    return min(max(away / edge, -FAR), FAR)


def _point(night: NightEntry, reading: NightReading | None) -> Point:
    if reading is None or reading.tonight is None:
        return Point(night=night.night, value=None)
    floor = reading.floor
    if floor is None:
        return Point(night=night.night, value=reading.tonight)
    place = in_edges(floor, floor.tonight)
    low = None if floor.low is None else in_edges(floor, floor.low)
    outside = place > 1.0 or (low is not None and place < low)
    return Point(night=night.night, value=reading.tonight, place=place, low=low, outside=outside)


def _circumstances(night: NightEntry) -> Iterator[tuple[MarkKind, str]]:
    """Name what is known of a night; what is not known is no change."""
    if night.served:
        yield MarkKind.MODEL, ", ".join(night.served)
    if night.fingerprints:
        yield MarkKind.FINGERPRINT, ", ".join(night.fingerprints)
    if night.facts.asked is not None:
        yield MarkKind.ASKED, night.facts.asked[:8]
    if night.accepted_at is not None:
        yield MarkKind.BASELINE, night.accepted_at[:10] + _rest(night.accepted_at)
    if night.facts.versions:
        yield MarkKind.LIBRARY, _versions(night.facts.versions)


def _rest(at: str) -> str:
    """Keep the time, so that two acceptances of a day are two."""
    return f" {at[11:19]}" if len(at) > 10 else ""


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
