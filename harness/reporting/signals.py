"""Signals against their own noise: the numbers of the tiles and of the drawing beside the headline."""

from collections.abc import Sequence

from harness.core.verdict import SignalReading, TargetVerdict
from harness.reporting.counting import many
from harness.reporting.course import Course, course_of, course_status, course_word, nights_together
from harness.reporting.escape import one_line
from harness.reporting.floors import band_of, distance_text, floor_scale, in_edges, strays_by
from harness.reporting.model import Scale, SignalProof, SignalRow, Status, Tile
from harness.reporting.natural import floor_of, in_unit, natural_scale
from harness.reporting.tile_words import sentence
from harness.reporting.wording import signal_named, signal_title, unit_text

NIGHTS_DRAWN = 60
_ORDER = ("refusal", "format", "quality", "embedding", "string", "length", "spread")


def tiles(targets: Sequence[TargetVerdict]) -> tuple[Tile, ...]:
    """Make a tile of every deciding signal, a row a target, all on one axis."""
    by_signal: dict[str, list[tuple[TargetVerdict, SignalReading]]] = {}
    for target in targets:
        for reading in target.readings:
            signal = signal_named(reading.signal)
            if signal is None or signal.decides:
                by_signal.setdefault(reading.signal, []).append((target, reading))
    drawn = [name for name in by_signal if any(r.nights or r.tonight is not None for _, r in by_signal[name])]
    return tuple(_tile(name, by_signal[name]) for name in sorted(drawn, key=_place))


def signal_proof(targets: Sequence[TargetVerdict]) -> SignalProof | None:
    """Choose the signal to draw large: the one that decided, or on a quiet night the nearest to its edge."""
    known = [
        (course_of(target, reading), target, reading)
        for target in targets
        for reading in target.readings
        if reading.tonight is not None
        and (reading.nights or reading.floor)
        and ((signal := signal_named(reading.signal)) is None or signal.decides)
    ]
    if not known:
        return None
    course, target, reading = min(
        known, key=lambda found: (-found[2].outcome.weight, found[0].rank, -_strays(found[2]))
    )
    scale = scale_of([reading])
    row = signal_row(target, reading, scale, course_status(course, reading))
    unit = unit_text(reading.unit)
    return SignalProof(
        name=signal_title(reading.signal),
        caption=f", {target.target}: {_caption(course, target, reading)}",
        row=row,
        scale=scale,
        tonight_text=f"tonight {row.value} {unit}".strip(),
        floor_text=many(len(row.nights), "baseline night"),
        confirm_text="confirmation",
    )


def _caption(course: Course, target: TargetVerdict, reading: SignalReading) -> str:
    match course:
        case Course.LASTING:
            nights = nights_together(target, reading)
            return f"the last {nights} nights together are outside its noise; tonight is one of them"
        case Course.CONFIRMS:
            return "tonight, after an earlier night that strayed too"
        case Course.DENIED:
            return "it strayed in the first batch, and a second batch did not confirm it"
        case Course.WITHIN | Course.UNUSUAL:
            return "of all signals the nearest to the edge of its noise"
        case _:
            signal = signal_named(reading.signal)
            return signal.what if signal else "tonight beside its baseline nights"


def signal_row(target: TargetVerdict, reading: SignalReading, scale: Scale, status: Status) -> SignalRow:
    """Make the numbers of one strip, and say the same in words; `scale` says on which of the two axes."""
    value = in_unit(reading.tonight, reading)
    natural = floor_of(reading)
    said = f"{signal_title(reading.signal)}, {target.target}: "
    said += f"tonight {value}" if reading.tonight is not None else "not measured tonight"
    if reading.confirmation is not None:
        said += f", confirmation {in_unit(reading.confirmation, reading)}"
    if natural is not None:
        low, high = (in_unit(end, reading) for end in (natural.low, natural.high))
        said += f"; the {many(len(reading.nights), 'baseline night')} lie between {low} and {high}"
    floor = reading.floor
    if floor is None or scale.reach is None:
        return SignalRow(
            target=target.target,
            status=status,
            nights=reading.nights[-NIGHTS_DRAWN:],
            tonight=reading.tonight,
            confirmation=reading.confirmation,
            floor=natural,
            value=value,
            label=said,
        )
    again = floor.confirmation
    return SignalRow(
        target=target.target,
        status=status,
        nights=tuple(in_edges(floor, y) for y in floor.nights[-NIGHTS_DRAWN:]),
        tonight=in_edges(floor, floor.tonight),
        confirmation=None if again is None else in_edges(floor, again),
        floor=band_of(floor),
        value=value,
        label=f"{said}; tonight is {distance_text(floor)}",
    )


def scale_of(readings: Sequence[SignalReading]) -> Scale:
    """Choose one axis: that of the floors where all have one, else the reader's unit."""
    floors = [reading.floor for reading in readings if reading.floor is not None]
    return floor_scale(floors) if len(floors) == len(readings) else natural_scale(readings)


def _tile(name: str, found: Sequence[tuple[TargetVerdict, SignalReading]]) -> Tile:
    readings = [reading for _, reading in found]
    courses = [course_of(target, reading) for target, reading in found]
    scale = scale_of([reading for reading in readings if reading.nights or reading.floor] or readings)
    rows = tuple(
        signal_row(target, reading, scale, course_status(course, reading))
        for (target, reading), course in zip(found, courses, strict=True)
    )
    status, _, word = min(
        (course_status(course, reading).rank, course.rank, course_word(course, reading))
        for course, reading in zip(courses, readings, strict=True)
    )
    missing = sum(reading.tonight is None for reading in readings)
    if missing and list(Status)[status] in (Status.STABLE, Status.INCONCLUSIVE):
        word = "Not measured" if missing == len(readings) else "Partly measured"
    signal = signal_named(name)
    unit = unit_text(readings[0].unit)
    what = signal.what if signal else ""
    said = [
        sentence(course, target, reading) for course, (target, reading) in zip(courses, found, strict=True)
    ]
    return Tile(
        signal=one_line(name, 40),
        name=signal_title(name),
        what=f"{what}, {unit}" if unit and unit not in what else what + _drawn_over(readings),
        status=list(Status)[status],
        word=word,
        rows=rows,
        scale=scale,
        sentences=tuple(one for one in said if one),
    )


def _drawn_over(readings: Sequence[SignalReading]) -> str:
    """Say over which cases refusals are drawn: where a case always does the same, there is no noise to draw."""
    floors = [r.floor.cases for r in readings if r.floor is not None and r.signal == "refusal"]
    if not floors:
        return ""
    few = f"{min(floors)}" if min(floors) == max(floors) else f"{min(floors)} to {max(floors)}"
    return f"; drawn over the {few} {'case' if max(floors) == 1 else 'cases'} that sometimes {'does' if max(floors) == 1 else 'do'}"


def _strays(reading: SignalReading) -> float:
    if reading.floor is not None:
        return strays_by(reading.floor)
    floor = floor_of(reading)
    if floor is None or floor.low is None or reading.tonight is None:
        return 0.0
    half = max((floor.high - floor.low) / 2, 1e-9 + 0.01 * abs(floor.high))
    return abs(reading.tonight - (floor.low + floor.high) / 2) / half


def _place(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER)), name
