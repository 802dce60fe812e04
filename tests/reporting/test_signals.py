"""A tile never shows tonight outside its band without a word why, and never calls a stray noise."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.findings import Finding, Outcome
from harness.core.policy import Policy
from harness.core.signals import SIGNALS
from harness.core.verdict import SignalFloor, SignalReading, TargetVerdict
from harness.reporting.course import Course, course_of, is_outside
from harness.reporting.drawing import StripSize, axis, strip
from harness.reporting.floors import REACH, band_of, distance_text, floor_scale, in_edges
from harness.reporting.model import Status, Tile
from harness.reporting.signals import signal_proof, tiles
from tests.support.floors import floored_readings, make_floor, make_floored
from tests.support.records import make_finding, make_reading, make_record, make_target_verdict

POLICY = Policy()
RECORD = make_record()


def target(*readings: SignalReading, findings: tuple[Finding, ...] = (), **said: object) -> TargetVerdict:
    rest = tuple(r for r in floored_readings() if r.signal not in {reading.signal for reading in readings})
    return make_target_verdict(RECORD, readings=(*readings, *rest), findings=findings, **said)


def tile(of: TargetVerdict, signal: str) -> Tile:
    return next(found for found in tiles([of]) if found.signal == signal)


STRAYED = {"away": 3.1, "p_value": 0.004, "tonight": 0.17}


@pytest.mark.parametrize(
    ("reading", "said", "word", "status", "sentence"),
    [
        (make_floored(), {}, "Within noise", Status.STABLE, ""),
        (
            make_floored(**STRAYED, again=0.4, confirmation=0.1, confirm_p_value=0.03),
            {"confirmed": False},
            "Not confirmed",
            Status.STABLE,
            "sonnet: strayed in the first batch (17 %); a second batch (10 %) did not confirm it: quiet.",
        ),
        (
            make_floored(**STRAYED),
            {"awaiting_confirmation": True, "outcome": Outcome.INCONCLUSIVE},
            "Awaiting confirmation",
            Status.AWAITING,
            "sonnet: strayed (17 %); a second batch has yet to decide.",
        ),
        (
            make_floored(**STRAYED),
            {},
            "Unconfirmed",
            Status.AWAITING,
            "sonnet: strayed (17 %), and nobody asked again: not decided.",
        ),
        (
            make_floored(away=3.1, tonight=0.17, p_value=0.3),
            {},
            "Within noise",
            Status.STABLE,
            ("sonnet: outside its band, and still not rare: unchanged nights come to this 30 times in 100, "
            "all cases weighed."),
        ),
        (
            make_floored("refusal", away=0.3, tonight=0.12, p_value=0.004),
            {"awaiting_confirmation": True, "outcome": Outcome.INCONCLUSIVE},
            "Awaiting confirmation",
            Status.AWAITING,
            ("sonnet: strayed (12.0 %); a second batch has yet to decide. The drawing does not show it: these are "
            "cases that never did so before."),
        ),
        (
            make_floored("refusal", Outcome.INCONCLUSIVE, **STRAYED),
            {"outcome": Outcome.INCONCLUSIVE},
            "Could not tell",
            Status.INCONCLUSIVE,
            "sonnet: strayed (17 %), and too little of the second batch measured it.",
        ),
        (
            make_reading("refusal", Outcome.INCONCLUSIVE, tonight=None, p_value=None),
            {"outcome": Outcome.INCONCLUSIVE},
            "Not measured",
            Status.INCONCLUSIVE,
            "",
        ),
        (
            make_reading("refusal", p_value=None),
            {},
            "Not judged",
            Status.NO_BASELINE,
            "sonnet: not judged; the baseline gives no floor for it.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "",
)  # fmt: skip
def test_a_tile_says_how_the_night_went(
    reading: SignalReading, said: dict[str, object], word: str, status: Status, sentence: str
) -> None:
    found = tile(target(reading, **said), "refusal")
    assert (found.word, found.status, found.sentences) == (word, status, (sentence,) if sentence else ())


@pytest.mark.parametrize(
    ("reading", "nights", "course", "sentence"),
    [
        (
            make_floored("refusal", Outcome.REGRESSED, **STRAYED, again=3.0, confirmation=0.16, confirm_p_value=1e-5),
            1,
            Course.CONFIRMED,
            "sonnet: 17 % tonight, 16 % again; no baseline night was above 11 %.",
        ),
        (
            make_floored("refusal", Outcome.REGRESSED, **STRAYED, confirm_p_value=1e-5),
            1,
            Course.CONFIRMS,
            "sonnet: 17 % tonight; no baseline night was above 11 %, after an earlier night that strayed too.",
        ),
        (
            make_floored("refusal", Outcome.REGRESSED, away=1.9, tonight=0.105, p_value=0.06, window_p_value=1e-4),
            5,
            Course.LASTING,
            "sonnet: 10.5 % tonight, which alone is no reason to ask again; the last 5 nights together are.",
        ),
        (
            make_floored("refusal", Outcome.REGRESSED, **STRAYED),
            1,
            Course.ALONE,
            "sonnet: 17 % tonight; no baseline night was above 11 %.",
        ),
    ],
)  # fmt: skip
def test_a_drift_says_what_decided(
    reading: SignalReading, nights: int, course: Course, sentence: str
) -> None:
    of = target(
        reading, outcome=Outcome.REGRESSED, confirmed=True, findings=(make_finding(None, nights=nights),)
    )
    assert course_of(of, reading) is course
    assert tile(of, "refusal").sentences == (sentence,)


DECIDING = [name for name in SIGNALS.names() if SIGNALS.load(name).decides]


@given(
    signal=st.sampled_from(DECIDING),
    away=st.floats(-12, 12),
    again=st.none() | st.floats(-12, 12),
    p_value=st.none() | st.floats(1e-12, 1),
    outcome=st.sampled_from([Outcome.STABLE, Outcome.INCONCLUSIVE, Outcome.CHANGED, Outcome.REGRESSED]),
    awaiting=st.booleans(),
    upwards=st.booleans(),
)
def test_nothing_is_drawn_outside_its_band_without_a_sentence(
    signal: str,
    away: float,
    again: float | None,
    p_value: float | None,
    outcome: Outcome,
    awaiting: bool,
    upwards: bool,
) -> None:
    low = {"low": None} if upwards else {}
    reading = make_floored(
        signal, outcome, away=away, again=again, p_value=p_value, confirmation=again and 0.2, **low
    )
    found = tile(target(reading, awaiting_confirmation=awaiting), signal)
    row = found.rows[0]
    assert row.floor is not None
    assert row.tonight is not None
    outside = row.tonight > row.floor.high or (row.floor.low is not None and row.tonight < row.floor.low)
    assert outside == is_outside(reading)
    if outside:
        assert found.sentences
    if found.word == "Within noise":
        assert p_value is not None
        assert p_value > POLICY.screen / 7
    svg = str(strip(row, found.scale))
    places = [float(x) for x in re.findall(r"M(-?[\d.]+) [\d.]+", svg)]
    assert all(0 <= x <= StripSize().width for x in places)


def test_a_scale_has_the_usual_night_at_nothing_and_the_edge_at_one() -> None:
    floor = make_floor(tonight=5.0)
    assert sum(in_edges(floor, y) for y in floor.nights) == pytest.approx(0, abs=1e-5)
    assert in_edges(floor, floor.high) == pytest.approx(1)
    assert band_of(floor).low == pytest.approx(-1)
    assert distance_text(floor) == "2.0 times as far as the edge of its noise"
    assert [tick.place for tick in floor_scale([floor]).ticks] == [0, 1]


def test_a_floor_that_looks_upwards_only_has_no_lower_end() -> None:
    assert band_of(make_floor(low=None)).low is None


@pytest.mark.parametrize(("y", "drawn"), [(0.0, 0.0), (0.08, 2 * REACH), (-0.08, -2 * REACH)])
def test_a_floor_without_width_puts_every_stray_far_outside(y: float, drawn: float) -> None:
    floor = SignalFloor(nights=(0.0,) * 14, tonight=y, low=None, high=0.0, cases=20)
    assert in_edges(floor, y) == drawn
    scale = floor_scale([floor])
    assert scale.high <= REACH + 1


def test_all_quiet_tiles_share_an_axis() -> None:
    scales = {found.scale for found in tiles([target()])}
    assert len(scales) == 1
    assert str(axis(scales.pop())).count("<text") == 2


def test_without_a_floor_the_axis_is_in_the_readers_unit() -> None:
    found = tile(target(make_reading("refusal")), "refusal")
    assert found.scale.ticks == ()
    assert found.scale.low_text.endswith("%")


def test_numbers_in_words_stay_in_the_readers_unit() -> None:
    row = tile(target(make_floored("length", away=1.0, tonight=5.62)), "length").rows[0]
    assert row.value == "275"
    assert "tonight 275" in row.label
    assert "% of the way to the edge of its noise" in row.label


def test_refusals_say_over_which_cases_they_are_drawn() -> None:
    assert tile(target(make_floored("refusal", cases=4)), "refusal").what == (
        "share of replies that decline; drawn over the 4 cases that sometimes do"
    )
    assert "over" not in tile(target(), "format").what


def test_the_large_drawing_says_that_several_nights_decided() -> None:
    reading = make_floored("refusal", Outcome.REGRESSED, away=1.9, p_value=0.06, window_p_value=1e-4)
    of = target(reading, outcome=Outcome.REGRESSED, findings=(make_finding(None, nights=5),))
    drawn = signal_proof([of])
    assert drawn is not None
    assert "the last 5 nights together" in drawn.caption


def test_the_large_drawing_of_a_quiet_night_is_the_signal_nearest_to_its_edge() -> None:
    drawn = signal_proof([target(make_floored("string", away=-2.1))])
    assert drawn is not None
    assert drawn.name == "String"


def test_a_stray_is_drawn_before_what_is_only_near_its_edge() -> None:
    strayed = make_floored("length", **{**STRAYED, "tonight": 5.9}, again=0.1, confirmation=5.6)
    drawn = signal_proof([target(strayed, make_floored("string", away=2.4), confirmed=False)])
    assert drawn is not None
    assert drawn.name == "Length"
    assert "did not confirm it" in drawn.caption
