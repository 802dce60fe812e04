"""Small lines over nights as SVG: a signal on its floor, and a lane of marks above. Geometry in, markup out."""

from collections.abc import Sequence

from markupsafe import Markup

from harness.reporting.drawing import TONES
from harness.reporting.model import Happening, HappeningKind, Range, Trend

WIDTH = 300.0
HEIGHT = 30.0
_LANE = 12.0


def spark(trend: Trend, untold: Sequence[int], marked: Sequence[int]) -> Markup:
    """Draw a signal over nights: a gap where one is missing, dots only outside its floor and on the last night."""
    count = len(trend.values)
    parts = []
    if trend.floor is not None:
        top, below = _y(trend, trend.floor.high), _y(trend, _low(trend.floor))
        least = 3.0
        if below - top < least:
            top, below = (top + below - least) / 2, (top + below + least) / 2
        parts.append(
            f'<rect class="bandr" x="0" y="{_n(top)}" width="{_n(WIDTH)}" height="{_n(below - top)}" rx="2"/>'
        )
    parts += [f'<path class="mkl" d="M{_n(_x(place, count))} 0V{_n(HEIGHT)}"/>' for place in marked]
    for place in untold:
        x = _x(place, count)
        parts.append(f'<path class="cl" d="M{_n(x - 2)} 28l4-4M{_n(x - 2)} 24l4-4M{_n(x - 2)} 20l4-4"/>')
    parts.append(f'<path class="sl" d="{_line(trend)}"/>')
    parts += _dots(trend)
    return Markup('<svg viewBox="0 0 {w} {h}" role="img"><title>{t}</title>{b}</svg>').format(
        w=_n(WIDTH), h=_n(HEIGHT), t=trend.label, b=_trusted("".join(parts))
    )


def lane(happenings: Sequence[Happening], nights: int, label: str) -> Markup:
    """Draw the marks of what happened, above the lines."""
    body = "".join(_glyph(one.kind, _x(one.place, nights), 6) for one in happenings)
    return Markup('<svg viewBox="0 0 {w} {h}" role="img"><title>{t}</title>{b}</svg>').format(
        w=_n(WIDTH), h=_n(_LANE), t=label, b=_trusted(body)
    )


def mark(kind: str) -> Markup:
    """Draw the sample that a legend shows for something that happened."""
    return _trusted(
        f'<svg width="12" height="14" viewBox="0 0 12 14" aria-hidden="true">{_glyph(HappeningKind(kind), 6, 7)}</svg>'
    )


def _line(trend: Trend) -> str:
    path, pen = [], False
    for place, value in enumerate(trend.values):
        if value is None:
            pen = False
            continue
        x, y = _x(place, len(trend.values)), _y(trend, value)
        lonely = not pen and (place + 1 == len(trend.values) or trend.values[place + 1] is None)
        path.append(f"{'L' if pen else 'M'}{_n(x)} {_n(y)}{'h0' if lonely else ''}")
        pen = True
    return "".join(path)


def _dots(trend: Trend) -> list[str]:
    found, last = [], len(trend.values) - 1
    tone = TONES[trend.status]
    for place, value in enumerate(trend.values):
        if value is None:
            continue
        out = trend.floor is not None and not _low(trend.floor) <= value <= trend.floor.high
        if place == last or out:
            css = (
                f"sd {tone}"
                if place == last and tone in ("bad", "chg", "good")
                else "sd out"
                if out
                else "sd"
            )
            at = f"M{_n(_x(place, last + 1))} {_n(_y(trend, value))}h0"
            found.append(f'<path class="{css}" stroke-width="{6 if place == last else 4}" d="{at}"/>')
    return found


def _glyph(kind: HappeningKind, x: float, y: float) -> str:
    shapes = {
        HappeningKind.MODEL: f"M{_n(x)} {_n(y - 4.5)}l4.5 4.5-4.5 4.5-4.5-4.5z",
        HappeningKind.FINGERPRINT: f"M{_n(x - 3.6)} {_n(y)}a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0-7.2 0",
        HappeningKind.PROMPT: f"M{_n(x - 3.4)} {_n(y - 3.4)}h6.8v6.8h-6.8z",
        HappeningKind.BASELINE: f"M{_n(x - 4.4)} {_n(y + 3.6)}h8.8l-4.4-8z",
        HappeningKind.LIBRARY: f"M{_n(x - 4)} {_n(y)}h8M{_n(x)} {_n(y - 4)}v8",
    }
    return f'<path class="mkg" d="{shapes[kind]}"/>'


def _x(place: int, count: int) -> float:
    return 5 + (WIDTH - 10) * place / max(1, count - 1)


def _y(trend: Trend, value: float) -> float:
    room = max(trend.high - trend.low, 1e-9)
    return 3 + (HEIGHT - 6) * (1 - (min(max(value, trend.low), trend.high) - trend.low) / room)


def _low(floor: Range) -> float:
    return float("-inf") if floor.low is None else floor.low


def _trusted(markup: str) -> Markup:
    return Markup(markup)  # noqa: S704  only numbers and class names of our own


def _n(number: float) -> str:
    text = f"{number:.1f}"
    return "0" if text in ("-0.0", "0.0") else text.removesuffix(".0")
