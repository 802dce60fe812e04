"""Outages: of any kind, from any call on, for as long as it takes. None is ever read as drift, or as a pass."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.simulator.spec import FaultKind
from tests.faults.invariants import night_of, turned_away, violations
from tests.faults.schedules import DRIFTS, QUIET_NIGHTS
from tests.faults.stages import play_night
from tests.support.faults import Played, Schedule, Strike

AT_ONCE = 10
CHECKED, SOAKED = 50, 500
KINDS = (
    FaultKind.UNAVAILABLE,
    FaultKind.RATE_LIMITED,
    FaultKind.HANG,
    FaultKind.DRIP,
    FaultKind.GARBAGE,
    FaultKind.HTML,
    FaultKind.RESET,
    FaultKind.CUT_OFF,
    FaultKind.EMPTY_CHOICES,
    FaultKind.QUOTA,
    FaultKind.FALLBACK,
)
STAGES = ("canary", "canary", "two", "judged", "canary", "golden", "canary")
FEW = 3
"""Calls that may be lost without an excuse not to see a drift."""
SEEN_AT_LEAST = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What is out, and on which night."""

    number: int
    stage: str
    night: str
    schedule: Schedule


def draw(number: int) -> Outage:
    """Draw an outage; every other night the model has changed, too."""
    rng = random.Random(number)
    stage = STAGES[number % len(STAGES)]
    first = rng.choice((1, rng.randint(1, 30)))
    whole = Strike(
        kind=KINDS[number % len(KINDS)],
        targets=("judge",)
        if stage in ("judged", "golden") and rng.random() < 0.5
        else rng.choice(((), ("tonight",))),
        first=first,
        last=rng.choice((None, None, first + rng.randint(1, 30))),
        rate=rng.choice((1.0, 1.0, 0.8, 0.5)),
        retry_after_s=rng.choice((None, 0.0, 5.0, 600.0)),
    )
    drift = ({"kind": rng.choice(DRIFTS).value, "size": 0.7},) if number % 2 else ()
    return Outage(
        number=number,
        stage=stage,
        night=rng.choice(QUIET_NIGHTS),
        schedule=Schedule(seed=number, strikes=(whole,), drift=drift, encoder_down=rng.random() < 0.1),
    )


def misread(root: Path, outage: Outage) -> Iterator[str]:
    """Yield what an outage was taken for and is not."""
    played = play_night(root, outage.stage, outage.night, outage.schedule)
    yield from violations(night_of(root, played))
    if outage.schedule.drift:
        return
    if played.code == 1:
        yield "an outage read as drift"
    if played.code == 0 and outage.schedule.encoder_down and outage.stage != "golden":
        yield "a dead encoder read as a pass"


def what_is_misread(root: Path, first: int) -> list[str]:
    outages = [draw(number) for number in range(first, first + AT_ONCE)]
    return [f"outage {one.number}: {wrong} {one}" for one in outages for wrong in misread(root, one)]


@pytest.mark.parametrize("first", range(0, CHECKED, AT_ONCE))
def test_of_fifty_outages_none_is_read_as_drift_or_as_a_pass(root: Path, first: int) -> None:
    assert not what_is_misread(root, first)


@pytest.mark.soak
@pytest.mark.parametrize("first", range(SOAKED, 2 * SOAKED, AT_ONCE))
def test_of_five_hundred_outages_none_is_read_as_drift_or_as_a_pass(root: Path, first: int) -> None:
    assert not what_is_misread(root, first)


def drifted_with_few_calls_lost(root: Path, number: int) -> Played:
    """Play a night of a real change, on which a few calls are lost."""
    first = random.Random(number).randint(1, 12)
    kind = KINDS[number % len(KINDS)]
    lost = Strike(kind=kind, first=first, last=first + FEW - 1, retry_after_s=600.0)
    drift = ({"kind": DRIFTS[number % len(DRIFTS)].value, "size": 0.7},)
    night = QUIET_NIGHTS[number % len(QUIET_NIGHTS)]
    return play_night(root, "canary", night, Schedule(seed=number, strikes=(lost,), drift=drift))


@pytest.mark.parametrize("nights", [6, pytest.param(100, marks=pytest.mark.soak)], ids=["six", "a-hundred"])
def test_a_drift_is_not_hidden_by_an_outage_of_a_few_calls(root: Path, nights: int) -> None:
    codes = [drifted_with_few_calls_lost(root, number).code for number in range(nights)]
    assert codes.count(1) >= SEEN_AT_LEAST * nights, codes


@pytest.mark.parametrize("encoder_down", [False, True])
def test_a_dead_encoder_is_no_pass_and_no_drift(root: Path, encoder_down: bool) -> None:
    played = play_night(root, "canary", QUIET_NIGHTS[0], Schedule(encoder_down=encoder_down))
    assert played.code == (3 if encoder_down else 0)


@pytest.mark.parametrize("kind", [FaultKind.UNAVAILABLE, FaultKind.UNAUTHORIZED])
def test_a_dead_judge_of_canaries_is_no_pass(root: Path, kind: FaultKind) -> None:
    down = Schedule(strikes=(Strike(kind=kind, targets=("judge",)),))
    assert play_night(root, "judged", QUIET_NIGHTS[0], down).code == 3


def test_a_dead_judge_of_tasks_is_no_pass_and_no_drift(root: Path) -> None:
    down = Schedule(strikes=(Strike(kind=FaultKind.UNAVAILABLE, targets=("judge",)),))
    assert play_night(root, "golden", QUIET_NIGHTS[0], down).code == 3


@pytest.mark.parametrize("stage", ["judged", "golden"])
def test_a_judge_that_turns_us_away_is_asked_no_more_in_any_round(root: Path, stage: str) -> None:
    away = Strike(kind=FaultKind.UNAUTHORIZED, targets=("judge",))
    changed = ({"kind": "quality", "size": 0.7},)
    played = play_night(root, stage, QUIET_NIGHTS[0], Schedule(strikes=(away,), drift=changed))
    assert {told.asked.round for told in played.stage.told} > {"first"}
    assert list(turned_away(night_of(root, played))) == []
