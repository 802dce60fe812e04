"""The trends of a page: each signal's line, its floor, the incidents behind it, and what changed meanwhile."""

import statistics
from collections.abc import Sequence

from harness.core.findings import Outcome
from harness.core.history import NightEntry
from harness.core.incidents import Incident
from harness.core.trends import Mark, MarkKind, Trend, marks_of, trends_of
from harness.reporting.counting import many
from harness.reporting.dashboard_days import dates_text
from harness.reporting.dashboard_model import Band, MarkGroup, Span, TrendColumn, TrendRow
from harness.reporting.escape import one_line
from harness.reporting.wording import night_text, signal_title, value_text

MEDIAN_OF = 11
MOST_MARKS = 200
MOST_SIGNALS = 20
ORDER = ("refusal", "format", "quality", "embedding", "string", "length", "spread")
NAMES = {
    MarkKind.MODEL: "model served",
    MarkKind.FINGERPRINT: "fingerprint",
    MarkKind.ASKED: "prompt, cases or parameters",
    MarkKind.BASELINE: "baseline accepted",
    MarkKind.LIBRARY: "library",
}
_SPANS = {"rate": 0.1, "score": 0.1, "distance": 0.1}


def column_of(
    name: str, nights: Sequence[NightEntry], incidents: Sequence[Incident], days: Sequence[str]
) -> TrendColumn:
    """Lay out the signals of one suite and target over `days`."""
    place = {day: number for number, day in enumerate(days)}
    shown = [night for night in nights if night.night in place]
    marks = marks_of(nights)
    drawn = [(place[mark.night], mark.kind) for mark in marks if mark.night in place]
    trends = sorted(trends_of(shown), key=lambda trend: order_of(trend.signal))[:MOST_SIGNALS]
    return TrendColumn(
        name=name,
        rows=tuple(_row(name, trend, shown, incidents, days) for trend in trends),
        marks=tuple(drawn[:MOST_MARKS]),
        groups=_groups([mark for mark in marks if mark.night in place]),
        days=len(days),
    )


def order_of(signal: str) -> tuple[int, str]:
    """Return the place of a signal in every list."""
    return (ORDER.index(signal) if signal in ORDER else len(ORDER)), signal


def last_value(trend: Trend) -> str:
    """Write the last night's value in the reader's unit."""
    point = trend.last
    if point is None:
        return "none"
    return one_line(value_text(point.value, trend.unit, _SPANS.get(trend.unit, 1.0)), 12)


def smoothed(
    places: Sequence[float | None], raw: Sequence[bool], most: int = MEDIAN_OF
) -> tuple[float | None, ...]:
    """Replace every number by the median of `most` neighbours, but where `raw` says to keep it, and keep gaps."""
    reach = most // 2
    found: list[float | None] = []
    for day, place in enumerate(places):
        if place is None or raw[day]:
            found.append(place)
            continue
        near = range(max(0, day - reach), min(len(places), day + reach + 1))
        around = [value for n in near if not raw[n] and (value := places[n]) is not None]
        found.append(statistics.median(around))
    return tuple(found)


def is_directed(incident: Incident, nights: Sequence[NightEntry]) -> bool:
    """Say whether an incident was for the worse on any of its nights, as far as they are known."""
    outcomes = {night.outcome for night in nights if night.run in incident.runs}
    return Outcome.REGRESSED in outcomes or not outcomes


def _row(
    name: str,
    trend: Trend,
    nights: Sequence[NightEntry],
    incidents: Sequence[Incident],
    days: Sequence[str],
) -> TrendRow:
    place = {day: number for number, day in enumerate(days)}
    points = {place[point.night]: point for point in trend.points}
    raw_places = [points[day].place if day in points else None for day in range(len(days))]
    held = [one for one in incidents if trend.signal in one.signals]
    spans = [(one, span) for one in held if (span := _span(one, nights, days)) is not None]
    inside = [any(span.first - 1 <= day <= span.last + 1 for _, span in spans) for day in range(len(days))]
    title = signal_title(trend.signal)
    open_ = [span for one, span in spans if one.closed is None]
    outside = sum(point.outside for point in trend.points)
    return TrendRow(
        name=title,
        places=smoothed(raw_places, inside),
        bands=_bands(nights, trend, days),
        spans=tuple(span for _, span in spans),
        value=last_value(trend),
        css="" if not open_ else "bad" if open_[-1].directed else "chg",
        label=(
            f"{title}, {name}: {many(len(trend.points), 'night')}, {outside:,} outside its noise, "
            f"{many(len(spans), 'incident')}; last {last_value(trend)}"
        ),
    )


def _span(incident: Incident, nights: Sequence[NightEntry], days: Sequence[str]) -> Span | None:
    """Return the days from the first to the last night that drifted, as far as they are drawn."""
    last = incident.last_drift
    if not days or last < days[0] or incident.opened > days[-1]:
        return None
    place = {day: number for number, day in enumerate(days)}
    return Span(
        first=place.get(incident.opened, 0),
        last=place.get(last, len(days) - 1),
        directed=is_directed(incident, nights),
    )


def _bands(nights: Sequence[NightEntry], trend: Trend, days: Sequence[str]) -> tuple[Band, ...]:
    """Return the floor of each baseline over the nights that were compared with it."""
    place = {day: number for number, day in enumerate(days)}
    found: list[tuple[str | None, Band]] = []
    for night, point in zip(nights, trend.points, strict=True):
        if point.place is None:
            continue
        day = place[night.night]
        if found and found[-1][0] == night.accepted_at:
            before = found[-1][1]
            found[-1] = night.accepted_at, Band(first=before.first, last=day, low=before.low)
        else:
            found.append((night.accepted_at, Band(first=day, last=day, low=point.low)))
    return tuple(band for _, band in found)


def _groups(marks: Sequence[Mark]) -> tuple[MarkGroup, ...]:
    """Say all marks in words, a group a kind; a single one with what it was and what it is."""
    found = []
    for kind in MarkKind:
        mine = [mark for mark in marks if mark.kind is kind]
        if len(mine) == 1 and kind in (MarkKind.MODEL, MarkKind.FINGERPRINT):
            (mark,) = mine
            what = f"{NAMES[kind]}: {one_line(mark.before, 60)} → {one_line(mark.after, 60)}"
            found.append(MarkGroup(kind=kind, when=night_text(mark.night, year=False), what=what))
        elif mine:
            when = ", ".join(dates_text([mark.night for mark in mine]))
            what = NAMES[kind] if kind is MarkKind.BASELINE else f"{NAMES[kind]} changed"
            found.append(MarkGroup(kind=kind, when=when, what=what))
    return tuple(found)
