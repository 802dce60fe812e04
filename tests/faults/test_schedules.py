"""Random schedules of faults, and what holds of every one of them: see `invariants`."""

import shutil
from pathlib import Path

import pytest

from harness.simulator.spec import FaultKind
from tests.faults.invariants import night_of, violations
from tests.faults.reference import References, differences
from tests.faults.schedules import QUIET_NIGHTS, draw
from tests.faults.stages import STAGES, play_night
from tests.support.faults import Schedule

AT_ONCE = 10
CHECKED, SOAKED = 100, 1000
RESUMED_EVERY = 20
RESUMED_IN_SOAK = 5


@pytest.fixture(scope="module")
def references(template: Path, tmp_path_factory: pytest.TempPathFactory) -> References:
    """Nights without a fault."""
    folder = tmp_path_factory.mktemp("references") / "project"
    return References(root=Path(shutil.copytree(template, folder)))


def what_does_not_hold(root: Path, references: References, number: int, *, resume: bool) -> list[str]:
    drawn = draw(number)
    played = play_night(root, drawn.stage, drawn.night, drawn.schedule, *drawn.more)
    wrong = violations(night_of(root, played))
    if resume and not wrong:
        wrong = differences(root, drawn, played, references.of(drawn))
    return [f"schedule {number} ({drawn.stage}, {drawn.night}, {drawn.schedule}): {one}" for one in wrong]


@pytest.mark.parametrize("stage", STAGES)
def test_the_nights_are_quiet_as_long_as_nothing_fails(root: Path, stage: str) -> None:
    codes = {night: play_night(root, stage, night, Schedule()).code for night in QUIET_NIGHTS}
    assert codes == dict.fromkeys(QUIET_NIGHTS, 0)


def test_every_kind_of_fault_is_drawn() -> None:
    drawn = [draw(number) for number in range(CHECKED)]
    assert {kind for one in drawn for kind in one.schedule.kinds} == set(FaultKind)
    assert {one.stage for one in drawn} == set(STAGES)


@pytest.mark.parametrize("first", range(0, CHECKED, AT_ONCE))
def test_a_hundred_schedules_keep_every_promise(root: Path, references: References, first: int) -> None:
    wrong: list[str] = []
    for number in range(first, first + AT_ONCE):
        wrong += what_does_not_hold(root, references, number, resume=number % RESUMED_EVERY == 0)
    assert not wrong


@pytest.mark.soak
@pytest.mark.parametrize("first", range(SOAKED, 2 * SOAKED, AT_ONCE))
def test_a_thousand_schedules_keep_every_promise(root: Path, references: References, first: int) -> None:
    wrong: list[str] = []
    for number in range(first, first + AT_ONCE):
        wrong += what_does_not_hold(root, references, number, resume=number % RESUMED_IN_SOAK == 0)
    assert not wrong
