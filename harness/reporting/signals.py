"""Signals against their own noise: the numbers of the tiles and of the drawing beside the headline."""

from collections.abc import Sequence

from harness.core.findings import Outcome
from harness.core.verdict import SignalReading, TargetVerdict
from harness.reporting.escape import one_line
from harness.reporting.model import Range, Scale, SignalProof, SignalRow, Status, Tile
from harness.reporting.wording import (
    WORDS,
    many,
    signal_named,
    signal_title,
    status_of,
    unit_text,
    value_text,
)

NIGHTS_DRAWN = 60
_ORDER = ("refusal", "format", "quality", "embedding", "string", "length")


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
        (target, reading)
        for target in targets
        for reading in target.readings
        if reading.tonight is not None
        and reading.nights
        and ((signal := signal_named(reading.signal)) is None or signal.decides)
    ]
    if not known:
        return None
    moved = [(t, r) for t, r in known if r.outcome not in (Outcome.STABLE, Outcome.INCONCLUSIVE)]
    target, reading = max(moved or known, key=lambda found: (found[1].outcome.weight, _strays(found[1])))
    scale = scale_of([reading])
    row = signal_row(target, reading, scale)
    title = signal_title(reading.signal)
    what = signal.what if (signal := signal_named(reading.signal)) else ""
    quiet = "of all signals the nearest to the edge of its noise"
    unit = unit_text(reading.unit)
    return SignalProof(
        name=title,
        caption=f", {target.target}: {what if moved else quiet}",
        row=row,
        scale=scale,
        tonight_text=f"tonight {row.value} {unit}".strip(),
        floor_text=many(len(reading.nights), "baseline night"),
        confirm_text="confirmation",
    )


def signal_row(target: TargetVerdict, reading: SignalReading, scale: Scale) -> SignalRow:
    """Make the numbers of one strip, and say the same in words."""
    span = scale.high - scale.low
    value = value_text(reading.tonight, reading.unit, span)
    floor = floor_of(reading)
    said = f"{signal_title(reading.signal)}, {target.target}: "
    said += f"tonight {value}" if reading.tonight is not None else "not measured tonight"
    if reading.confirmation is not None:
        said += f", confirmation {value_text(reading.confirmation, reading.unit, span)}"
    if floor is not None:
        low, high = (value_text(end, reading.unit, span) for end in (floor.low, floor.high))
        said += f"; the {many(len(reading.nights), 'baseline night')} lie between {low} and {high}"
    return SignalRow(
        target=target.target,
        status=status_of(reading.outcome),
        nights=reading.nights[-NIGHTS_DRAWN:],
        tonight=reading.tonight,
        confirmation=reading.confirmation,
        floor=floor,
        value=value,
        label=said,
    )


def floor_of(reading: SignalReading) -> Range | None:
    """Return the band from the lowest to the highest baseline night."""
    return Range(low=min(reading.nights), high=max(reading.nights)) if reading.nights else None


def span_of(readings: Sequence[SignalReading]) -> float:
    """Return the distance between the smallest and the largest value of all readings."""
    values = _values(readings)
    return max(values) - min(values) if values else 0.0


def scale_of(readings: Sequence[SignalReading]) -> Scale:
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


def _tile(name: str, found: Sequence[tuple[TargetVerdict, SignalReading]]) -> Tile:
    readings = [reading for _, reading in found]
    scale = scale_of(readings)
    rows = tuple(signal_row(target, reading, scale) for target, reading in found)
    status = min((row.status for row in rows), key=lambda one: one.rank)
    signal = signal_named(name)
    word = "Within noise" if status is Status.STABLE else WORDS[status]
    missing = any(row.tonight is None for row in rows)
    if missing and status in (Status.STABLE, Status.INCONCLUSIVE):
        status = Status.INCONCLUSIVE
        word = "Not measured" if all(row.tonight is None for row in rows) else "Partly measured"
    unit = unit_text(readings[0].unit)
    return Tile(
        signal=one_line(name, 40),
        name=signal_title(name),
        what=f"{signal.what}, {unit}"
        if signal and unit and unit not in signal.what
        else signal.what
        if signal
        else "",
        status=status,
        word=word,
        rows=rows,
        scale=scale,
        sentences=tuple(
            _sentence(target, reading, scale)
            for target, reading in found
            if reading.outcome not in (Outcome.STABLE, Outcome.INCONCLUSIVE)
        ),
    )


def _sentence(target: TargetVerdict, reading: SignalReading, scale: Scale) -> str:
    span = scale.high - scale.low
    tonight = value_text(reading.tonight, reading.unit, span)
    again = value_text(reading.confirmation, reading.unit, span)
    said = f"{target.target}: {tonight} tonight" + (
        f", {again} again" if reading.confirmation is not None else ""
    )
    floor = floor_of(reading)
    if floor is None or reading.tonight is None:
        return f"{said}."
    past = "above" if reading.tonight > floor.high else "below" if reading.tonight < floor.low else ""
    edge = floor.high if past == "above" else floor.low
    return (
        f"{said}; no baseline night was {past} {value_text(edge, reading.unit, span)}."
        if past
        else f"{said}, among the baseline nights; case by case it differs."
    )


def _strays(reading: SignalReading) -> float:
    floor = floor_of(reading)
    if floor is None or reading.tonight is None:
        return 0.0
    half = max((floor.high - floor.low) / 2, 1e-9 + 0.01 * abs(floor.high))
    return abs(reading.tonight - (floor.low + floor.high) / 2) / half


def _values(readings: Sequence[SignalReading]) -> list[float]:
    return [
        value
        for reading in readings
        for value in (*reading.nights, reading.tonight, reading.confirmation)
        if value is not None
    ]


def _place(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER)), name
