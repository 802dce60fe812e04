"""Drawings of two models side by side: a difference with its interval, and ratios of cases."""

from markupsafe import Markup

from harness.reporting.drawing import TONES, swarm
from harness.reporting.upgrade_model import ForestRow, RatioTile

_WIDTH, _HEIGHT = 320.0, 26.0
_STRIP, _TALL, _INSET = 200.0, 34.0, 4.0


def forest(row: ForestRow) -> Markup:
    """Draw one difference with its 95 % interval, around nothing, on its noise floor."""

    def x(points: float) -> float:
        held = min(max(points, -row.reach), row.reach)
        return _WIDTH / 2 + (_WIDTH / 2 - 6) * held / row.reach

    left, right = x(-row.floor), x(row.floor)
    band = ""
    if right - left > 0.5:
        band = (
            f'<rect class="bandr" x="{_n(left)}" y="2" width="{_n(right - left)}" height="{_n(_HEIGHT - 4)}" rx="3"/>'
            f'<path class="edge" d="M{_n(left)} 4V{_n(_HEIGHT - 4)}M{_n(right)} 4V{_n(_HEIGHT - 4)}"/>'
        )
    middle = _HEIGHT / 2
    body = (
        f'{band}<path class="ax" d="M{_n(_WIDTH / 2)} 0V{_n(_HEIGHT)}"/>'
        f'<path class="iv" d="M{_n(x(row.low))} {_n(middle)}H{_n(x(row.high))}"/>'
        f'<circle class="ivd" cx="{_n(x(row.difference))}" cy="{_n(middle)}" r="4.6"/>'
    )
    return _svg(body, _WIDTH, _HEIGHT, row.label, f"g-{TONES[row.status]}")


def ratio_strip(tile: RatioTile) -> Markup:
    """Draw a dot for each case's ratio, the median as a diamond, the noise floor as a band, the gate dotted."""

    def x(ratio: float) -> float:
        held = min(max(ratio, tile.low), tile.high)
        return _INSET + (_STRIP - 2 * _INSET) * (held - tile.low) / max(tile.high - tile.low, 1e-9)

    middle = _TALL / 2
    parts = []
    if tile.floor is not None and x(tile.floor[1]) - x(tile.floor[0]) > 0.5:
        left, right = x(tile.floor[0]), x(tile.floor[1])
        parts.append(
            f'<rect class="bandr" x="{_n(left)}" y="3" width="{_n(right - left)}" height="{_n(_TALL - 6)}" rx="3"/>'
            f'<path class="edge" d="M{_n(left)} 5V{_n(_TALL - 5)}M{_n(right)} 5V{_n(_TALL - 5)}"/>'
        )
    parts.append(f'<path class="ax" d="M0 {_n(middle)}H{_n(_STRIP)}"/>')
    placed = swarm([x(ratio) for ratio in tile.ratios], 2.2, middle, middle - 4)
    dots = "".join(f"M{_n(place)} {_n(height)}h0" for place, height in placed)
    parts.append(f'<path class="nd" stroke-width="4.4" d="{dots}"/>')
    if tile.gate is not None and tile.low <= tile.gate <= tile.high:
        parts.append(f'<path class="gate" d="M{_n(x(tile.gate))} 1V{_n(_TALL - 1)}"/>')
    at = x(tile.median)
    parts.append(f'<path class="ndl" d="M{_n(at)} 1V{_n(_TALL - 1)}"/>')
    parts.append(f'<path class="mk" d="M{_n(at)} {_n(middle - 6.5)}l6.5 6.5-6.5 6.5-6.5-6.5z"/>')
    return _svg("".join(parts), _STRIP, _TALL, tile.label, f"g-{TONES[tile.status]}")


def upgrade_key(name: str) -> Markup:
    """Draw the sample that a legend shows for a mark of these drawings."""
    width, body = _KEYS[name]
    return Markup('<svg width="{w}" height="14" viewBox="0 0 {w} 14" aria-hidden="true">{b}</svg>').format(
        w=width, b=_trusted(body)
    )


_KEYS = {
    "difference": (26, '<path class="iv" d="M1 7h24"/><circle class="ivd" cx="13" cy="7" r="4"/>'),
    "gate": (6, '<path class="gate" d="M3 0v14"/>'),
}


def _svg(body: str, width: float, height: float, label: str, css: str) -> Markup:
    return Markup('<svg class="{c}" viewBox="0 0 {w} {h}" role="img"><title>{t}</title>{b}</svg>').format(
        c=css, w=_n(width), h=_n(height), t=label, b=_trusted(body)
    )


def _trusted(markup: str) -> Markup:
    return Markup(markup)  # noqa: S704  only numbers and class names of our own


def _n(number: float) -> str:
    text = f"{number:.1f}"
    return "0" if text in ("-0.0", "0.0") else text.removesuffix(".0")
