"""Drawings as SVG: geometry in, markup out. No colour, no style attribute; everything by class."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from harness.reporting.model import Mark, SampleGrid, Scale, SignalRow, Status

ICONS = {
    "bad": '<path class="f" d="M2 3.2h12L8 13.6z"/>',
    "good": '<path class="f" d="M2 12.8h12L8 2.4z"/>',
    "chg": '<path class="f" d="M8 1.6 14.4 8 8 14.4 1.6 8z"/>',
    "unk": '<circle cx="8" cy="8" r="6.4" stroke-dasharray="2.6 2.2"/>'
    '<path d="M6.2 6.4c0-1.1.8-1.8 1.8-1.8s1.8.7 1.8 1.7c0 1.3-1.8 1.3-1.8 2.7M8 11.4v.1"/>',
    "ok": '<circle cx="8" cy="8" r="6.4"/><path d="m5.2 8.2 2 2 3.7-4.2"/>',
    "same": '<circle cx="8" cy="8" r="6.4"/><path d="M5.6 6.6h4.8M5.6 9.4h4.8"/>',
    "note": '<circle cx="8" cy="8" r="6.4"/><path d="M8 7.4v3.6M8 4.9v.1"/>',
    "wait": '<circle cx="8" cy="8" r="6.4"/><path d="M8 4.6V8l2.4 1.8"/>',
    "open": '<path d="M13.6 5A6.4 6.4 0 1 0 13.6 11"/><circle class="f" cx="8" cy="8" r="2.2"/>',
    "base": '<rect x="2" y="2" width="12" height="12" rx="2.5" stroke-dasharray="2.6 2.2"/>'
    '<path d="M8 5.4v5.2M5.4 8h5.2"/>',
    "acc": '<rect x="2" y="2" width="12" height="12" rx="2.5"/><path d="m5.2 8.2 2 2 3.7-4.2"/>',
    "stop": '<circle cx="8" cy="8" r="6.4"/><path d="M3.5 3.5l9 9"/>',
    "warn": '<path d="M2 3.2h12L8 13.6z"/>',
}
"""Shape differs as well as colour, so that an outcome survives greyscale."""

TONES = {
    Status.REGRESSED: "bad",
    Status.PLAIN: "bad",
    Status.CHANGED: "chg",
    Status.REFUSED: "stop",
    Status.NOT_ACCEPTED: "base",
    Status.MOVED: "chg",
    Status.NOT_EVALUATED: "unk",
    Status.OPEN: "open",
    Status.STALE: "unk",
    Status.INCONCLUSIVE: "unk",
    Status.AWAITING: "wait",
    Status.NO_BASELINE: "base",
    Status.LEARNING: "note",
    Status.WARNED: "warn",
    Status.ACCEPTED: "acc",
    Status.IMPROVED: "good",
    Status.STABLE: "same",
}
"""The icon of each status, which is also its class."""

_MARK_CLASSES = {
    (Mark.HELD, False): "mp",
    (Mark.HELD, True): "mpc",
    (Mark.OTHER, False): "mo",
    (Mark.OTHER, True): "moc",
}
_LABELS_NEAR_EDGE = 60
_TALLEST = 6
"""Samples above each other in a strip; a night with more takes several columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripSize:
    """How large a strip is drawn, in user units."""

    width: float = 200
    height: float = 34
    dot: float = 2.5
    inset: float = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRow:
    """Samples drawn large, in a row of their own under a name."""

    name: str
    marks: Sequence[Mark]
    candidate: bool


def sprite() -> Markup:
    """Draw the icons and the hatching once, to be used by reference."""
    symbols = "".join(
        f'<symbol id="i-{name}" viewBox="0 0 16 16">{body}</symbol>' for name, body in ICONS.items()
    )
    return _trusted(
        '<svg width="0" height="0" class="sr" aria-hidden="true" focusable="false">'
        f'{symbols}<pattern id="hx" width="5" height="5" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><path class="hatch" d="M0 0v5"/></pattern></svg>'
    )


def icon(name: str) -> Markup:
    """Refer to one icon of the sprite."""
    return Markup('<svg class="i" aria-hidden="true"><use href="#i-{}"/></svg>').format(name)


def logo() -> Markup:
    """Draw three quiet nights on their floor, and one outside it."""
    return Markup(
        '<svg viewBox="0 0 36 16" aria-hidden="true"><rect class="bandr" width="22" height="16" rx="4"/>'
        '<path class="nd" stroke-width="4.4" d="M5.5 8h0M11 8h0M16.5 8h0"/>'
        '<path class="mk" d="M29.5 1.5 36 8l-6.5 6.5L23 8z"/></svg>'
    )


def key(name: str) -> Markup:
    """Draw the sample that a legend shows for a mark."""
    width, body = _KEYS[name]
    return _trusted(
        f'<svg width="{width}" height="14" viewBox="0 0 {width} 14" aria-hidden="true">{body}</svg>'
    )


_KEYS = {
    "night": (8, '<path class="nd" stroke-width="5.2" d="M4 7h0"/>'),
    "tonight": (14, '<path class="mk" d="M7 .5l6.5 6.5L7 13.5.5 7z"/>'),
    "again": (12, '<path class="mk2" d="M6 2l5 5-5 5-5-5z"/>'),
    "band": (
        22,
        '<rect class="bandr" y="1" width="22" height="12" rx="3"/><path class="edge" d="M.5 3v8M21.5 3v8"/>',
    ),
    "hatch": (
        22,
        (
            '<rect class="hatchbg" y="1" width="22" height="12" rx="3"/>'
            '<rect fill="url(#hx)" y="1" width="22" height="12" rx="3"/>'
        ),
    ),
    "held": (8, '<path class="mp" stroke-width="5.8" d="M4 7h0"/>'),
    "held-c": (8, '<path class="mpc" stroke-width="5.8" d="M4 7h0"/>'),
    "other": (9, '<path class="mo" d="M1.8 7a2.7 2.7 0 1 0 5.4 0a2.7 2.7 0 1 0-5.4 0"/>'),
    "failed": (9, '<path class="mf" d="M4.5 3l4 4-4 4-4-4z"/>'),
    "missing": (8, '<path class="mm" d="M1 7h6"/>'),
}


def strip(row: SignalRow, scale: Scale, size: StripSize = StripSize()) -> Markup:
    """Draw one signal of one target: its floor as a band, baseline nights as dots, tonight as a diamond."""
    x = _placer(scale, size.width, size.inset)
    middle = size.height / 2
    parts = [*_band(row, x, 3, size.height - 6), f'<path class="ax" d="M0 {_n(middle)}H{_n(size.width)}"/>']
    parts.append(_dots([x(night) for night in row.nights], size.dot, middle, middle - 6))
    if row.tonight is None:
        box = f'x="0" y="3" width="{_n(size.width)}" height="{_n(size.height - 6)}" rx="3"'
        parts.append(f'<rect class="hatchbg" {box} opacity=".55"/><rect fill="url(#hx)" {box} opacity=".6"/>')
    parts += _tonight(row, x, middle, (5, 6.5), (1, size.height - 1))
    return _svg(parts, size.width, size.height, row.label, f"g-{TONES[row.status]}")


def proof(row: SignalRow, scale: Scale, tonight_text: str, floor_text: str, confirm_text: str) -> Markup:
    """Draw the deciding signal large. Labels never meet: tonight above, baseline and confirmation below."""
    width, height, middle = 380.0, 128.0, 62.0
    x = _placer(scale, width, 8)
    parts = [*_band(row, x, 28, 68, radius=6), f'<path class="ax" d="M0 {_n(middle)}H{_n(width)}"/>']
    parts.append(_dots([x(night) for night in row.nights], 4.2, middle, 26))
    parts += _tonight(row, x, middle, (9, 11.5), (22, 102))
    if row.tonight is not None:
        parts.append(_label("labt", x(row.tonight), 14, tonight_text, width))
    if row.floor is not None:
        nights_ = [x(night) for night in row.nights] or [x(row.floor.high)]
        below = (min(nights_) + max(nights_)) / 2
        parts.append(_label("lab", below, 117, floor_text, width))
        if row.confirmation is not None and abs(x(row.confirmation) - below) > 110:
            parts.append(_label("lab", x(row.confirmation), 117, confirm_text, width))
    return _svg(parts, width, height, row.label, f"g-{TONES[row.status]} big")


def axis(scale: Scale) -> Markup:
    """Draw the names of an axis's places under a strip; the first two lean away from each other."""
    size = StripSize()
    x = _placer(scale, size.width, size.inset)
    anchors = ("end", "start")
    parts = [
        str(
            Markup(
                '<path class="edge" d="M{} 0v3"/><text class="tick" x="{}" y="11" text-anchor="{}">{}</text>'
            ).format(_n(x(tick.place)), _n(x(tick.place) + (4 if anchor == "end" else -4)), anchor, tick.text)
        )
        for tick, anchor in zip(scale.ticks, anchors, strict=False)
    ]
    return Markup('<svg viewBox="0 0 {w} 12" aria-hidden="true">{b}</svg>').format(
        w=_n(size.width), b=_trusted("".join(parts))
    )


def matrix(grid: SampleGrid, label: str) -> Markup:
    """Draw every sample: a column a night; grey for the reference, a rule, blue for the candidate."""
    pitch = 9
    left = 0
    parts = []
    most = max((len(column.marks) for column in (*grid.reference, *grid.candidate)), default=1)
    rows = -(-most // -(-most // _TALLEST)) if most else 1
    for columns, candidate in ((grid.reference, False), (grid.candidate, True)):
        if candidate and grid.reference:
            parts.append(f'<path class="div" d="M{left + 7} 0V{rows * pitch}"/>')
            left += 14
        placed = []
        for column in columns:
            for place, mark in enumerate(column.marks):
                cell = left + (place // rows) * pitch, (place % rows) * pitch
                placed.append((cell[0] + pitch / 2, cell[1] + pitch / 2, mark))
            left += max(1, -(-len(column.marks) // rows)) * pitch
        parts.append(_marks(placed, candidate=candidate, radius=2.9))
    return Markup(
        '<svg width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img"><title>{t}</title>{b}</svg>'
    ).format(w=max(left, 1), h=rows * pitch, t=label, b=_trusted("".join(parts)))


def nights(grid: SampleGrid, label: str) -> Markup:
    """Draw a case over its nights, with a date under every seventh and under the last."""
    pitch, step, top = 20, 10, 6
    columns = (
        *((column, False) for column in grid.reference),
        *((column, True) for column in grid.candidate),
    )
    tall = max((len(column.marks) for column, _ in columns), default=1)
    parts = []
    last = len(grid.reference)
    for place, (column, candidate) in enumerate(columns):
        middle = place * pitch + pitch / 2
        placed = [(middle, top + row * step, mark) for row, mark in enumerate(column.marks)]
        parts.append(_marks(placed, candidate=candidate, radius=3))
        if place == last or (place < last - 2 and place % 7 == 0):
            parts.append(
                str(
                    Markup('<text class="lab" x="{}" y="{}" text-anchor="middle">{}</text>').format(
                        _n(middle), tall * step + 18, column.name
                    )
                )
            )
    width, height = len(columns) * pitch, tall * step + 24
    return Markup(
        '<svg width="{w}" height="{h}" viewBox="-14 -2 {w} {h}" role="img"><title>{t}</title>{b}</svg>'
    ).format(w=width + 40, h=height, t=label, b=_trusted("".join(parts)))


def mark_rows(rows: Sequence[MarkRow], label: str, per: int = 15) -> Markup:
    """Draw every sample of one or two sides large, so that they can be counted."""
    pitch, below = 22, 0
    parts = []
    for row in rows:
        css = "labt" if row.candidate else "lab"
        parts.append(str(Markup('<text class="{}" x="0" y="{}">{}</text>').format(css, below + 14, row.name)))
        below += 24
        placed = [
            ((place % per) * pitch + 9.0, below + (place // per) * pitch + 10.0, mark)
            for place, mark in enumerate(row.marks)
        ]
        parts.append(_marks(placed, candidate=row.candidate, radius=7))
        below += -(-len(row.marks) // per) * pitch + 16
    width, height = per * pitch, max(below - 14, 1)
    return Markup(
        '<svg class="big" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img"><title>{t}</title>{b}</svg>'
    ).format(w=width, h=height, t=label, b=_trusted("".join(parts)))


def swarm(
    places: Iterable[float], radius: float, middle: float, reach: float
) -> tuple[tuple[float, float], ...]:
    """Lay dots along a line so that they do not hide each other: each takes the free place nearest the middle."""
    laid: list[tuple[float, float]] = []
    offsets = [0.0, *(sign * step * radius * 1.75 for step in range(1, 7) for sign in (1, -1))]
    heights = [middle + offset for offset in offsets if abs(offset) <= reach]
    near = (1.9 * radius) ** 2
    for x in sorted(places):
        close = [(a, b) for a, b in laid[-24:] if (x - a) ** 2 < near]
        free = (y for y in heights if all((x - a) ** 2 + (y - b) ** 2 >= near for a, b in close))
        laid.append((x, next(free, middle)))
    return tuple(laid)


class _Placer:
    def __init__(self, scale: Scale, width: float, inset: float) -> None:
        self._scale, self._inset, self._room = scale, inset, width - 2 * inset

    def __call__(self, value: float) -> float:
        low, high, reach = self._scale.low, self._scale.high, self._scale.reach
        if reach is not None:
            value = min(max(value, -reach), reach)
        return self._inset + self._room * (min(max(value, low), high) - low) / (high - low)

    def beyond(self, value: float) -> int:
        """Return the way in which a value lies further out than the axis reaches, else 0."""
        reach = self._scale.reach
        return 0 if reach is None or abs(value) <= reach else 1 if value > 0 else -1


def _placer(scale: Scale, width: float, inset: float) -> _Placer:
    return _Placer(scale, width, inset)


def _band(row: SignalRow, x: _Placer, top: float, height: float, radius: int = 3) -> list[str]:
    if row.floor is None:
        return []
    left, right = 0.0 if row.floor.low is None else x(row.floor.low), x(row.floor.high)
    least = 0.3 * height
    if right - left < least:
        left, right = (left + right - least) / 2, (left + right + least) / 2
    ends = [right] if row.floor.low is None else [left, right]
    edges = "".join(f"M{_n(end)} {_n(top + 2)}v{_n(height - 4)}" for end in ends)
    box = f'x="{_n(left)}" y="{_n(top)}" width="{_n(right - left)}" height="{_n(height)}"'
    return [f'<rect class="bandr" {box} rx="{radius}"/><path class="edge" d="{edges}"/>']


def _dots(places: Iterable[float], radius: float, middle: float, reach: float) -> str:
    path = "".join(f"M{_n(x)} {_n(y)}h0" for x, y in swarm(places, radius, middle, reach))
    return f'<path class="nd" stroke-width="{_n(2 * radius)}" d="{path}"/>' if path else ""


def _tonight(
    row: SignalRow, x: _Placer, middle: float, sizes: tuple[float, float], needle: tuple[float, float]
) -> list[str]:
    parts = []
    if row.confirmation is not None:
        again = x(row.confirmation)
        if row.tonight is not None and (way := x.beyond(row.tonight)) and way == x.beyond(row.confirmation):
            again -= way * 2 * sizes[1]
        parts.append(f'<path class="mk2" d="{_diamond(again, middle, sizes[0])}"/>')
    if row.tonight is not None:
        place = x(row.tonight)
        if way := x.beyond(row.tonight):
            tip = place + way * (sizes[1] + 5)
            parts.append(
                f'<path class="ndl arrow" d="M{_n(tip - way * 4)} {_n(middle - 4)}L{_n(tip)} {_n(middle)}L{_n(tip - way * 4)} {_n(middle + 4)}"/>'
            )
        parts.append(f'<path class="ndl" d="M{_n(place)} {_n(needle[0])}V{_n(needle[1])}"/>')
        parts.append(f'<path class="mk" d="{_diamond(place, middle, sizes[1])}"/>')
    return parts


def _marks(placed: Sequence[tuple[float, float, Mark]], *, candidate: bool, radius: float) -> str:
    """Draw marks of one side, one path for each kind: a dot costs a dozen bytes."""
    paths: dict[str, list[str]] = {}
    for x, y, mark in placed:
        if mark is Mark.FAILED:
            name, shape = "mf", _diamond(x, y, radius * 1.35)
        elif mark is Mark.MISSING:
            name, shape = "mm", f"M{_n(x - radius)} {_n(y)}h{_n(2 * radius)}"
        elif mark is Mark.OTHER:
            ring = radius - 0.4
            arc = f"a{_n(ring)} {_n(ring)} 0 1 0"
            name = _MARK_CLASSES[mark, candidate]
            shape = f"M{_n(x - ring)} {_n(y)}{arc} {_n(2 * ring)} 0{arc} {_n(-2 * ring)} 0"
        else:
            name, shape = _MARK_CLASSES[mark, candidate], f"M{_n(x)} {_n(y)}h0"
        paths.setdefault(name, []).append(shape)
    width = {"mp": 2 * radius, "mpc": 2 * radius}
    return "".join(
        f'<path class="{name}"{_stroke(width.get(name))} d="{"".join(shapes)}"/>'
        for name, shapes in paths.items()
    )


def _stroke(width: float | None) -> str:
    return "" if width is None else f' stroke-width="{_n(width)}"'


def _diamond(x: float, y: float, size: float) -> str:
    s = _n(size)
    return f"M{_n(x)} {_n(y - size)}l{s} {s}-{s} {s}-{s}-{s}z"


def _label(css: str, x: float, y: float, text: str, width: float) -> str:
    anchor, place = "middle", x
    if x > width - _LABELS_NEAR_EDGE:
        anchor, place = "end", min(width, x + _LABELS_NEAR_EDGE)
    elif x < _LABELS_NEAR_EDGE:
        anchor, place = "start", max(0.0, x - _LABELS_NEAR_EDGE)
    return f'<text class="{css}" x="{_n(place)}" y="{_n(y)}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(parts: Sequence[str], width: float, height: float, label: str, css: str) -> Markup:
    return Markup('<svg class="{c}" viewBox="0 0 {w} {h}" role="img"><title>{t}</title>{b}</svg>').format(
        c=css, w=_n(width), h=_n(height), t=label, b=_trusted("".join(parts))
    )


def _trusted(markup: str) -> Markup:
    return Markup(markup)  # noqa: S704  only numbers, class names of our own, and texts escaped before


def _n(number: float) -> str:
    text = f"{number:.1f}"
    return "0" if text in ("-0.0", "0.0") else text.removesuffix(".0")
