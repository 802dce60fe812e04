"""What could have been seen: the smallest changes that a night would have caught with probability .8."""

import math
from collections.abc import Iterator

from harness.core.stats.floor import RATIO_SHIFT
from harness.core.verdict import SignalFloor, SignalReading, State, TargetVerdict, Verdict
from harness.reporting.counting import listed, many

_MOST = 100.0


def could_have_seen(target: TargetVerdict) -> tuple[str, ...]:
    """Say it for every signal that has a floor, in the reader's units; empty where nothing was judged.

    A change that no night could hold, such as more refusals than there are replies, is left out.
    """
    if target.state is State.LEARNING:
        return ()
    return tuple(_said(target))


def seen_lines(verdict: Verdict) -> tuple[str, ...]:
    """Say it for a whole run, a line a target."""
    several = len(verdict.targets) > 1
    found = [(target.target, could_have_seen(target)) for target in verdict.targets]
    return tuple(f"{f'{name}: ' if several else ''}{', '.join(said)}" for name, said in found if said)


def _said(target: TargetVerdict) -> Iterator[str]:
    floors = {r.signal: (r, r.floor, r.floor.visible) for r in target.readings if r.floor and r.floor.visible}
    for name in ("refusal", "format", "quality", "length"):
        if name in floors and (said := _of_score(name, *floors[name])):
            yield said
    surprises = [
        f"{what} {_digits(times)}"
        for name, what in (("string", "wording"), ("embedding", "meaning"))
        if name in floors and (times := _surprise(floors[name][1], floors[name][2])) <= _MOST
    ]
    if surprises:
        yield f"{listed(surprises)} times as surprising as usual"
    if "spread" in floors and (times := math.exp(min(floors["spread"][2], 10.0))) <= _MOST:
        yield f"replies {_digits(times)} times as varied"


def _of_score(name: str, reading: SignalReading, floor: SignalFloor, visible: float) -> str | None:
    usual = sum(reading.nights) / len(reading.nights) if reading.nights else 0.0
    match name:
        case "refusal":
            # Its y is the rate itself, over fewer cases than the reader's number.
            if sum(floor.nights) / len(floor.nights) + visible > 1:
                return None
            decline = "declines" if floor.cases == 1 else "decline"
            return (
                f"refusals +{_points(visible)} over the {many(floor.cases, 'case')} that sometimes {decline}"
            )
        case "format":
            return None if usual + visible > 1 else f"format +{_points(visible)}"
        case "quality":
            return None if usual < visible else f"quality −{_points(visible)}"
        case _:
            return f"length ±{_digits(100 * math.expm1(min(visible, 5.0)))} %"


def _surprise(floor: SignalFloor, visible: float) -> float:
    """Return by how much a surprise of so many nats more is larger than the usual one."""
    return 1.0 + visible * floor.slope * math.sqrt(1.0 + RATIO_SHIFT)


def _points(share: float) -> str:
    return many(math.ceil(100 * share - 1e-9), "point")


def _digits(number: float) -> str:
    """Write a number rounded up, so that no more is claimed than is true."""
    return f"{math.ceil(number if number >= 10 else 10 * number - 1e-9) / (1 if number >= 10 else 10):g}"
