"""Trends on a terminal: a line of blocks for each signal against its floor, at most 80 columns wide."""

from collections.abc import Iterator, Mapping, Sequence

from harness.core.history import NightEntry
from harness.core.incidents import Incident
from harness.core.trends import Mark, MarkKind, Point, Trend, marks_of, trends_of
from harness.reporting.counting import many
from harness.reporting.dashboard_trends import NAMES, last_value, order_of
from harness.reporting.escape import columns, log_safe, one_line, wrap
from harness.reporting.wording import night_text, signal_title

WIDTH = 80
NAME_WIDTH = 12
CELLS = 44
_WITHIN, _BEYOND = "▁▂▃▄", "▅▆▇█"
_GAP, _BELOW = "·", "↓"
_LETTERS = {
    MarkKind.MODEL: "M",
    MarkKind.FINGERPRINT: "F",
    MarkKind.ASKED: "P",
    MarkKind.BASELINE: "B",
    MarkKind.LIBRARY: "L",
}
_SEVERAL = "*"
_FAREST = 4.0
"""Edges of its noise that the tallest block stands for, and all beyond."""
_MOST_MARKS = 12
_RED, _PLAIN = "\x1b[31m", "\x1b[0m"


def trend_table(
    suite: str,
    target: str,
    nights: Sequence[NightEntry],
    levels: Mapping[str, Sequence[str]] | None = None,
    incidents: Sequence[Incident] = (),
    *,
    colored: bool = False,
) -> str:
    """Lay out the signals of one suite and target over `nights`, oldest first.

    `levels` names by signal the nights on which it went over to another level; None where nobody looked.
    """
    trends = sorted(trends_of(nights), key=lambda trend: order_of(trend.signal))
    if not trends:
        return ""
    bins = _bins(len(nights))
    marks = marks_of(nights)
    first, last = nights[0].night, nights[-1].night
    head = f"{suite}/{target}  trends of {many(len(nights), 'night')}, {first} to {last}"
    lines = [*wrap(log_safe(one_line(head)), WIDTH, indent="  ")]
    lines += [line for line in (_lane(marks, nights, bins),) if line]
    lines += [_row(trend, bins, colored=colored) for trend in trends]
    lines += [log_safe(line) for line in _legend(marks)]
    over = [one for one in incidents if one.closed is not None and one.closed >= first]
    lines += [log_safe(line) for one in over[-_MOST_MARKS:] for line in _ended(one)]
    for trend in trends:
        for night in (levels or {}).get(trend.signal, ()):
            said = f"{signal_title(trend.signal)} went over to another level about {night_text(night)}."
            lines += [log_safe(line) for line in wrap(said, WIDTH, indent="  ")]
    return "\n".join(lines)


def _row(trend: Trend, bins: Sequence[range], *, colored: bool) -> str:
    name = one_line(signal_title(trend.signal), NAME_WIDTH - 2)
    cells = [_cell([trend.points[place] for place in found]) for found in bins]
    said = "".join(
        f"{_RED}{cell}{_PLAIN}" if colored and cell in _BEYOND + _BELOW else cell for cell in cells
    )
    value = last_value(trend)
    return f"{log_safe(_padded(name, NAME_WIDTH))}{said}{' ' * (CELLS - len(cells))}  {_padded(value, 8)}  {_where(trend)}".rstrip()


def _where(trend: Trend) -> str:
    """Say where the last night lay."""
    point = trend.last
    if point is None or point.place is None:
        return ""
    if not point.outside:
        return "within"
    return f"{abs(point.place):.1f}x edge" if abs(point.place) < 10 else "far out"


def _cell(points: Sequence[Point]) -> str:
    """Draw one night, or of several the one that lay furthest out: a spike is never lost."""
    placed = [point for point in points if point.place is not None]
    if not placed:
        return _GAP
    worst = max(placed, key=lambda point: (point.outside, abs(point.place or 0.0)))
    place = worst.place or 0.0
    if worst.outside and place < 0:
        return _BELOW
    if not worst.outside:
        return _WITHIN[min(int(max(place, 0.0) * len(_WITHIN)), len(_WITHIN) - 1)]
    share = (min(place, _FAREST) - 1.0) / (_FAREST - 1.0)
    return _BEYOND[min(int(share * len(_BEYOND)), len(_BEYOND) - 1)]


def _lane(marks: Sequence[Mark], nights: Sequence[NightEntry], bins: Sequence[range]) -> str:
    """Set a letter over every night from which on something was another thing."""
    places = {night.night: place for place, night in enumerate(nights)}
    said = []
    for found in bins:
        kinds = {mark.kind for mark in marks if places[mark.night] in found}
        said.append(" " if not kinds else _LETTERS[next(iter(kinds))] if len(kinds) == 1 else _SEVERAL)
    lane = "".join(said).rstrip()
    return f"{'':{NAME_WIDTH}}{lane}" if lane else ""


def _legend(marks: Sequence[Mark]) -> Iterator[str]:
    yield from wrap(
        f"{_WITHIN} within its noise, {_BEYOND} beyond, {_BELOW} below, {_GAP} not measured; more is worse.",
        WIDTH,
        start="  ",
        indent="  ",
    )
    for mark in marks[-_MOST_MARKS:]:
        told = mark.kind in (MarkKind.MODEL, MarkKind.FINGERPRINT, MarkKind.LIBRARY)
        more = f": {one_line(mark.before, 80)} -> {one_line(mark.after, 80)}" if told else ""
        verb = "" if mark.kind is MarkKind.BASELINE else " changed"
        said = f"{_LETTERS[mark.kind]} {mark.night} {NAMES[mark.kind]}{verb}{more}"
        yield from wrap(said, WIDTH, start="  ", indent="    ")
    if len(marks) > _MOST_MARKS:
        yield f"  and {many(len(marks) - _MOST_MARKS, 'earlier change')}"


def _ended(incident: Incident) -> Iterator[str]:
    signals = ", ".join(one_line(signal, 40) for signal in incident.signals)
    said = f"{incident.opened} to {incident.closed} {signals}: {incident.because.value if incident.because else 'over'}"
    yield from wrap(said, WIDTH, start="  ", indent="    ")


def _bins(count: int) -> list[range]:
    """Share the nights among so many cells as there is room for, oldest first."""
    cells = min(count, CELLS)
    edges = [place * count // cells for place in range(cells + 1)]
    return [range(edges[place], edges[place + 1]) for place in range(cells)]


def _padded(text: str, width: int) -> str:
    return text + " " * max(0, width - columns(text))
