"""Schedules of faults, drawn at random: every kind the simulator knows comes in turn, with others mixed in."""

import random
from dataclasses import dataclass

from harness.simulator.spec import DriftKind, FaultKind
from tests.faults.stages import CANARIES, JUDGED, NIGHTS, TASKS
from tests.support.faults import Schedule, Strike

KINDS = tuple(FaultKind)
DRIFTS = (DriftKind.SWAP, DriftKind.FORMAT, DriftKind.QUALITY, DriftKind.REFUSAL)
TARGETS = {"two": ("tonight", "twin"), "fresh": ("fresh",)}
CASES = {"judged": JUDGED, "golden": TASKS}
MOST_CALLS = 40
TURNS = ("canary", "fresh", "judged", "canary", "two", "fresh", "canary", "golden", "judged")
"""Stages in turn. Their number and that of the kinds of fault have no common factor, so that all pairs come."""
QUIET_NIGHTS = NIGHTS[:2]
"""Nights that are quiet on every stage as long as nothing fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A night, and what goes wrong on it."""

    number: int
    stage: str
    night: str
    schedule: Schedule
    more: tuple[str, ...] = ()
    """Further options of the command."""


def draw(number: int) -> Drawn:
    """Draw a schedule; the same number always gives the same one, and numbers in a row every kind of fault."""
    rng = random.Random(number)
    stage = TURNS[number % len(TURNS)]
    main = KINDS[number % len(KINDS)]
    kinds = [main, *rng.choices(KINDS, k=rng.choice((0, 0, 1, 2)))]
    drift = ({"kind": rng.choice(DRIFTS).value, "size": 0.7},) if rng.random() < 0.3 else ()
    return Drawn(
        number=number,
        stage=stage,
        night=rng.choice(QUIET_NIGHTS),
        schedule=Schedule(
            seed=number, strikes=tuple(_strike(kind, stage, rng) for kind in kinds), drift=drift
        ),
        more=("--scheduled",) if rng.random() < 0.3 else (),
    )


def _strike(kind: FaultKind, stage: str, rng: random.Random) -> Strike:
    first = rng.choice((1, 1, 1, rng.randint(1, MOST_CALLS)))
    targets = (*TARGETS.get(stage, ("tonight",)), "judge")
    cases = CASES.get(stage, CANARIES)
    return Strike(
        kind=kind,
        targets=() if rng.random() < 0.6 else (rng.choice(targets),),
        cases=() if rng.random() < 0.7 else tuple(rng.sample(cases, rng.randint(1, 3))),
        rounds=() if rng.random() < 0.7 else (rng.choice(("first", "confirm", "confirm", "escalate")),),
        attempts=rng.choice((None, None, 1, 2)),
        first=first,
        last=rng.choice((None, first + rng.randint(0, MOST_CALLS))),
        rate=rng.choice((1.0, 1.0, 0.7, 0.35, 0.1)),
        retry_after_s=rng.choice((None, 0.0, 0.5, 25.0, 1000.0)),
    )
