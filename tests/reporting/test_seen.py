"""What could have been seen, in units that a reader knows, and never more than is true."""

import json
import math

import pytest

from harness.core.verdict import SignalReading, State, TargetVerdict
from harness.reporting import FORMATS
from harness.reporting.seen import could_have_seen
from tests.support.floors import floored_readings, make_floored
from tests.support.records import make_record, make_target_verdict, make_verdict

RECORD = make_record()
USUAL = 0.4
"""Nats of a usual surprise."""
SLOPE = 1 / (math.sqrt(1.05) * USUAL)
SEEING = (
    make_floored("refusal", visible=0.331, cases=4),
    make_floored("format", visible=0.03),
    make_floored("quality", visible=0.058),
    make_floored("length", visible=math.log(1.08)),
    make_floored("string", visible=0.12, slope=SLOPE),
    make_floored("embedding", visible=0.2, slope=SLOPE),
    make_floored("spread", visible=math.log(2)),
)


def target(*readings: SignalReading, **said: object) -> TargetVerdict:
    return make_target_verdict(RECORD, readings=readings, **said)


def test_every_signal_is_said_in_its_own_unit() -> None:
    assert could_have_seen(target(*SEEING)) == (
        "refusals +34 points over the 4 cases that sometimes decline",
        "format +3 points",
        "quality −6 points",
        "length ±8 %",
        "wording 1.3 and meaning 1.5 times as surprising as usual",
        "replies 2 times as varied",
    )


@pytest.mark.parametrize(
    "reading",
    [
        make_floored("quality", visible=None),
        make_floored("quality", visible=0.95),
        make_floored("format", visible=0.98),
        make_floored("refusal", visible=1.2),
        make_floored("string", visible=90.0, slope=SLOPE),
        make_floored("spread", visible=20.0),
    ],
    ids=[
        "no floor",
        "more than there is",
        "more than all",
        "more refusals than replies",
        "any",
        "any spread",
    ],
)
def test_what_no_night_could_show_is_not_said(reading: SignalReading) -> None:
    assert could_have_seen(target(reading)) == ()


def test_a_suite_that_is_learning_could_see_nothing() -> None:
    assert could_have_seen(target(*SEEING, state=State.LEARNING)) == ()


@pytest.mark.parametrize("name", FORMATS.names())
def test_every_format_says_it(name: str) -> None:
    said = FORMATS.load(name)(RECORD, make_verdict(RECORD, target(*SEEING)))
    if name == "sarif":
        said = json.loads(said)["runs"][0]["properties"]["report"]
    plain = " ".join(said.replace("\\+", "+").lower().split())
    assert "+34 points over the 4 cases that sometimes decline" in plain
    assert "length ±8 %" in plain


def test_a_terminal_has_it_on_lines_of_its_own() -> None:
    text = FORMATS.load("text")(RECORD, make_verdict(RECORD, target(*floored_readings())))
    assert "\ncould have seen: refusals" in text
