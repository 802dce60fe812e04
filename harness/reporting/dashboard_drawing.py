"""Drawings over many nights as SVG: a year of dots and squares, a line on its floor, countable squares."""

from collections.abc import Sequence

from markupsafe import Markup

from harness.core.trends import MarkKind
from harness.reporting.dashboard_model import Calendar, DayState, Golden, TrendColumn, TrendRow
from harness.reporting.drawing import key as mark_key

_PITCH = 19
_WEEKS = 54
_TOP = 20
_LINE_WIDTH, _LINE_HEIGHT = 350.0, 44.0
_LOW, _HIGH = -2.2, 3.2
"""Edges of noise that a line's drawing reaches; what lies further out is drawn at its end."""
_HATCH = "M{a} {b}l10-10M{c} {d}l5.5-5.5M{e} {f}l5.5-5.5"


def calendar(drawn: Calendar, months: Sequence[tuple[int, str]], first_weekday: int) -> Markup:
    """Draw a column a week. A quiet night is a small dot, so that only what matters has weight."""
    paths: dict[str, list[str]] = {}
    for place, day in enumerate(drawn.days):
        if day.state is not None:
            week, weekday = divmod(place + first_weekday, 7)
            x, y = week * _PITCH + _PITCH / 2, _TOP + weekday * _PITCH + _PITCH / 2
            for name, shape in _day(day.state, x, y):
                paths.setdefault(name, []).append(shape)
    body = "".join(f'<path class="{name}" d="{"".join(shapes)}"/>' for name, shapes in sorted(paths.items()))
    return _svg(
        _width(len(drawn.days), first_weekday), _TOP + 7 * _PITCH, drawn.label, _months(months, 12) + body
    )


def squares(golden: Golden, months: Sequence[tuple[int, str]]) -> Markup:
    """Draw one square for each task that regressed, a column a week: countable, no bar to be estimated."""
    step = 17
    base = max((week.stopped + week.accepted for week in golden.weeks), default=0) * step + 2
    width = max(_WEEKS, len(golden.weeks)) * _PITCH - 8
    filled, open_ = [], []
    for place, week in enumerate(golden.weeks):
        for height in range(week.stopped + week.accepted):
            x, y = place * _PITCH + 2.5, base - step * (height + 1) + 1
            if height < week.stopped:
                filled.append(f"M{_n(x)} {_n(y)}h14v14h-14z")
            else:
                open_.append(f"M{_n(x + 0.7)} {_n(y + 0.7)}h12.6v12.6h-12.6z")
    body = f'<path class="ax" d="M0 {_n(base + 1)}H{_n(width)}"/>' + _months(months, base + 18)
    if filled:
        body += f'<path class="ub" d="{"".join(filled)}"/>'
    if open_:
        body += f'<path class="ua" d="{"".join(open_)}"/>'
    return _svg(width, base + 24, golden.label, body)


def line(row: TrendRow, marks: Sequence[tuple[int, MarkKind]]) -> Markup:
    """Draw one signal over its floor, incidents behind it, a dotted rule where a baseline was accepted."""
    days = len(row.places)
    parts = []
    for band in row.bands:
        left, right = _x(band.first, days), _x(min(band.last + 1, days - 1), days)
        top, bottom = _y(1.0), _y(_LOW if band.low is None else band.low)
        parts.append(
            f'<rect class="bandr" x="{_n(left)}" y="{_n(top)}" width="{_n(max(right - left, 1))}" '
            f'height="{_n(bottom - top)}"/>'
        )
    for span in row.spans:
        css = "" if span.directed else " c"
        left = min(_x(span.first, days), _LINE_WIDTH - 3)
        width = max(3.0, _x(span.last, days) - left)
        parts.append(
            f'<rect class="inc{css}" x="{_n(left)}" y="0" width="{_n(width)}" height="{_n(_LINE_HEIGHT)}"/>'
            f'<rect class="incb{css}" x="{_n(left)}" y="{_n(_LINE_HEIGHT - 2.5)}" width="{_n(width)}" height="2.5"/>'
        )
    rules = "".join(
        f"M{_n(_x(day, days))} 0V{_n(_LINE_HEIGHT)}" for day, kind in marks if kind is MarkKind.BASELINE
    )
    if rules:
        parts.append(f'<path class="mkl" d="{rules}"/>')
    parts.append(f'<path class="sl" d="{_course(row.places)}"/>')
    return _svg(_LINE_WIDTH, _LINE_HEIGHT, row.label, "".join(parts))


def lane(column: TrendColumn) -> Markup:
    """Draw the marks of a column above its lines; what they are is listed in words below them."""
    body = "".join(_mark(kind, _x(day, column.days), 6.0) for day, kind in column.marks)
    return _trusted(f'<svg viewBox="0 0 {_n(_LINE_WIDTH)} 12" aria-hidden="true">{body}</svg>')


def key(name: str) -> Markup:
    """Draw the sample that a legend shows: a mark's kind, a night's state, `incident`, `stopped`, `accepted`, `band`."""
    if name == "band":
        return mark_key(name)
    if name in set(MarkKind):
        return _sample(12, _mark(MarkKind(name), 6, 7))
    if name in set(DayState):
        parts = "".join(f'<path class="{css}" d="{shape}"/>' for css, shape in _day(DayState(name), 8, 7))
        return _sample(16, parts)
    return _sample(22 if name == "incident" else 14, _KEYS[name])


_KEYS = {
    "incident": '<rect class="inc" width="22" height="14"/><rect class="incb" y="11.5" width="22" height="2.5"/>',
    "stopped": '<path class="ub" d="M1 1h12v12h-12z"/>',
    "accepted": '<path class="ua" d="M1.7 1.7h10.6v10.6h-10.6z"/>',
}


def _day(state: DayState, x: float, y: float) -> list[tuple[str, str]]:
    box = f"M{_n(x - 6.5)} {_n(y - 6.5)}h13v13h-13z"
    match state:
        case DayState.QUIET:
            return [("cq", f"M{_n(x)} {_n(y)}h0")]
        case DayState.REGRESSED:
            return [("cb", f"M{_n(x - 7)} {_n(y - 7)}h14v14h-14z")]
        case DayState.CHANGED:
            return [("cc", f"M{_n(x)} {_n(y - 7.6)}l7.6 7.6-7.6 7.6-7.6-7.6z")]
        case DayState.UNTOLD:
            hatch = _HATCH.format(a=_n(x - 5), b=_n(y + 5), c=_n(x - 5.5), d=_n(y), e=_n(x), f=_n(y + 5.5))
            return [("cu", box), ("cw", hatch)]
        case DayState.LEARNING:
            return [("cr", f"M{_n(x - 2.6)} {_n(y)}a2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0-5.2 0")]
        case DayState.MISSED:
            return [("cn", box)]


def _mark(kind: MarkKind, x: float, y: float) -> str:
    shapes = {
        MarkKind.MODEL: f"M{_n(x)} {_n(y - 4.5)}l4.5 4.5-4.5 4.5-4.5-4.5z",
        MarkKind.FINGERPRINT: f"M{_n(x - 3.6)} {_n(y)}a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0-7.2 0",
        MarkKind.ASKED: f"M{_n(x - 3.4)} {_n(y - 3.4)}h6.8v6.8h-6.8z",
        MarkKind.BASELINE: f"M{_n(x - 4.4)} {_n(y + 3.6)}h8.8l-4.4-8z",
        MarkKind.LIBRARY: f"M{_n(x - 4)} {_n(y)}h8M{_n(x)} {_n(y - 4)}v8",
    }
    return f'<path class="mkg" d="{shapes[kind]}"/>'


def _course(places: Sequence[float | None]) -> str:
    """Draw through the nights that were measured; a missing one leaves a gap, a lone one is a dot."""
    parts, pen = [], False
    for day, place in enumerate(places):
        if place is None:
            pen = False
            continue
        at = f"{_n(_x(day, len(places)))} {_n(_y(place))}"
        parts.append(f"L{at}" if pen else f"M{at}h0")
        pen = True
    return "".join(parts)


def _x(day: int, days: int) -> float:
    return _LINE_WIDTH * day / max(days - 1, 1)


def _y(place: float) -> float:
    inside = min(max(place, _LOW), _HIGH)
    return 2 + (_LINE_HEIGHT - 8) * (_HIGH - inside) / (_HIGH - _LOW)


def _months(months: Sequence[tuple[int, str]], y: float) -> str:
    return "".join(
        f'<text class="lab" x="{_n(column * _PITCH + 4)}" y="{_n(y)}">{name}</text>'
        for column, name in months
    )


def _width(days: int, first_weekday: int) -> float:
    return float(max(_WEEKS, -(-(days + first_weekday) // 7)) * _PITCH - 8)


def _svg(width: float, height: float, label: str, body: str) -> Markup:
    return Markup('<svg viewBox="0 0 {w} {h}" role="img"><title>{t}</title>{b}</svg>').format(
        w=_n(width), h=_n(height), t=label, b=_trusted(body)
    )


def _sample(width: int, body: str) -> Markup:
    return _trusted(
        f'<svg width="{width}" height="14" viewBox="0 0 {width} 14" aria-hidden="true">{body}</svg>'
    )


def _trusted(markup: str) -> Markup:
    return Markup(markup)  # noqa: S704  only numbers, class names and month names of our own


def _n(number: float) -> str:
    text = f"{number:.1f}"
    return "0" if text in ("-0.0", "0.0") else text.removesuffix(".0")
