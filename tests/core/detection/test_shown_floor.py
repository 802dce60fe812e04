"""A floor says over how many cases it is, and how large its usual surprise is."""

import math

import pytest

from harness.core.decision import decide
from harness.core.replies import Answer, Failure
from harness.core.verdict import SignalFloor
from tests.support.records import Night, make_answer, make_record, usual_answers


def answers(case: str, target: str, night: int, sample: int) -> Answer | Failure:
    """Decline in one case always, and in another now and then."""
    if case == "refusal-01" or (case == "refusal-06" and (night + sample) % 3 == 0):
        return make_answer("I'm sorry, but I can't help with that.")
    return usual_answers(case, target, night, sample)


@pytest.fixture(scope="module")
def floors() -> dict[str, SignalFloor]:
    (target,) = decide(make_record(Night(answers=answers))).targets
    return {reading.signal: reading.floor for reading in target.readings if reading.floor is not None}


def test_refusals_are_over_the_cases_that_both_decline_and_answer(floors: dict[str, SignalFloor]) -> None:
    assert floors["refusal"].cases == 1
    assert floors["length"].cases == 20


def test_a_surprise_has_the_slope_of_its_usual_level(floors: dict[str, SignalFloor]) -> None:
    usual = 1 / (floors["string"].slope * math.sqrt(1.05))
    assert 0 < usual < 10
    assert floors["refusal"].slope == floors["length"].slope == 1
