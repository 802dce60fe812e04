"""The drawings of two models side by side, as numbers: differences on their noise, ratios, the four cells."""

from collections.abc import Sequence

from harness.core.findings import Outcome
from harness.core.upgrade_records import Factorial, UpgradeRatio, UpgradeReading
from harness.reporting.counting import many
from harness.reporting.escape import one_line
from harness.reporting.model import Status
from harness.reporting.upgrade_model import ForestRow, RatioTile, Replay, ReplayCell
from harness.reporting.upgrade_words import points_text, ratio_sentence
from harness.reporting.wording import status_of

_WORDS = {
    Outcome.REGRESSED: "Worse",
    Outcome.IMPROVED: "Better",
    Outcome.STABLE: "Same",
    Outcome.INCONCLUSIVE: "Not tested",
}
_RATIO_NAMES = {
    "tokens": ("Tokens", "out, per reply", "More", "Fewer"),
    "latency": ("Latency", "time to the whole reply", "Slower", "Faster"),
    "cost": ("Cost", "per reply, at these prices", "More", "Less"),
}
_NARROWEST = 5.0
_MOST_POINTS = 100.0
_FURTHEST = 8.0
_DRAWN = 400


def forest_rows(reading: UpgradeReading) -> tuple[ForestRow, ...]:
    """Lay every signal that has an interval on one axis."""
    told = [one for one in reading.signals if one.difference is not None and one.low is not None]
    reach = _reach(
        value
        for one in told
        for value in (one.low or 0.0, one.high or 0.0, one.floor or 0.0, one.difference or 0.0)
    )
    return tuple(
        _forest_row(
            name=one.title,
            what=f"{one.what}, {many(one.cases, 'case')}",
            status=Status.INCONCLUSIVE if one.strays else status_of(one.outcome),
            word="Could not tell" if one.strays else _WORDS[one.outcome],
            numbers=(one.difference or 0.0, one.low or 0.0, one.high or 0.0, one.floor or 0.0),
            reach=reach,
        )
        for one in told
    )


def ratio_tiles(reading: UpgradeReading) -> tuple[RatioTile, ...]:
    """Draw a dot for each case's ratio; what it costs is never better behaviour, so that less is no green."""
    return tuple(_ratio_tile(one) for one in reading.ratios if one.median is not None)


def replay(found: Factorial | None) -> Replay | None:
    """Lay out the replay of two prompts on two models."""
    if found is None:
        return None
    reach = _reach(value for one in found.effects for value in (one.low, one.high, one.effect))
    titles = {
        "model": ("Model", "new over old, mean of both prompts"),
        "prompt": ("Prompt", "new over old, mean of both models"),
        "interaction": ("Interaction", "how much more the model moves with the new prompt"),
    }
    effects = tuple(
        _forest_row(
            name=titles[one.name][0],
            what=titles[one.name][1],
            status=Status.REGRESSED if one.high < 0 else Status.IMPROVED if one.low > 0 else Status.STABLE,
            word="Down" if one.high < 0 else "Up" if one.low > 0 else "Not seen",
            numbers=(one.effect, one.low, one.high, 0.0),
            reach=reach,
        )
        for one in found.effects
    )
    lost = f" {many(found.left_out, 'task')} lack a cell and are left out." if found.left_out else ""
    return Replay(
        sentence=found.sentence,
        note=f"{many(found.tasks, 'golden task')} whose prompt differs, each asked in all four cells.{lost}",
        cells=tuple(
            ReplayCell(
                target=one_line(one.target, 60),
                prompt=one_line(one.prompt, 60),
                passed=f"{one.passed}/{one.runs}",
                rate=f"{100 * one.rate:.0f} %",
            )
            for one in found.cells
        ),
        effects=effects,
    )


def _reach(values: object) -> float:
    assert hasattr(values, "__iter__")
    most = max((abs(100 * value) for value in values), default=0.0)
    return min(_MOST_POINTS, max(_NARROWEST, 1.08 * most))


def _forest_row(
    *,
    name: str,
    what: str,
    status: Status,
    word: str,
    numbers: tuple[float, float, float, float],
    reach: float,
) -> ForestRow:
    difference, low, high, floor = numbers
    interval = f"{points_text(low)} to {points_text(high)}"
    return ForestRow(
        name=name,
        what=what,
        status=status,
        word=word,
        difference=100 * difference,
        low=100 * low,
        high=100 * high,
        floor=100 * floor,
        reach=reach,
        value=f"{points_text(difference)} points",
        interval=interval,
        label=f"{name}: {points_text(difference)} points, 95 % interval {interval}; larger is better",
    )


def _ratio_tile(one: UpgradeRatio) -> RatioTile:
    name, what, more, fewer = _RATIO_NAMES[one.name]
    median = one.median or 1.0
    ratios = [ratio for _, ratio in one.ratios]
    low, high = _ends(ratios, median, one.gate)
    inside = one.floor is not None and one.floor[0] <= median <= one.floor[1]
    word = "Same" if inside or abs(median - 1) < 0.005 else more if median > 1 else fewer
    gate = f"; gate at {one.gate:g}" if one.gate is not None else ""
    return RatioTile(
        name=name,
        what=what,
        status=Status.REGRESSED if one.beyond else Status.LEARNING if word != "Same" else Status.STABLE,
        word="Over the gate" if one.beyond else word,
        ratios=tuple(_thinned(ratios)),
        median=median,
        floor=one.floor,
        gate=one.gate,
        low=low,
        high=high,
        value=f"{median:.2f}×",
        label=f"{name}: median ratio {median:.2f} over {many(len(ratios), 'case')}, {min(ratios):.2f} to "
        f"{max(ratios):.2f}{gate}",
        say=ratio_sentence(one),
    )


def _ends(ratios: Sequence[float], median: float, gate: float | None) -> tuple[float, float]:
    """Return the ends of an axis that shows 1, the gate, and nearly all of the cases."""
    ordered = sorted(ratios)
    edge = ordered[min(len(ordered) - 1, int(0.97 * len(ordered)))]
    high = max(1.25 * (gate or 2.0), 1.05 * edge, 1.1 * median, 1.5)
    low = min(0.5, ordered[int(0.03 * len(ordered))], 0.9 * median)
    return max(0.0, low), min(_FURTHEST, high)


def _thinned(ratios: Sequence[float]) -> list[float]:
    """Return at most so many ratios as a tile has room for, evenly of all."""
    ordered = sorted(ratios)
    step = max(1, -(-len(ordered) // _DRAWN))
    return ordered[::step]
