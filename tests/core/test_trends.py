"""Trends over nights: where signals lay on their own scale, and what changed beside the behaviour."""

import random
from importlib.util import find_spec

import pytest

from harness.core.history import NightReading
from harness.core.night_facts import Facts, ReadingFloor
from harness.core.trends import CHANGE_POINTS, FAR, MarkKind, in_edges, levels, marks_of, trends_of
from tests.support.history import make_entry, night_of
from tests.support.year import UPGRADE, entries


def test_a_place_is_counted_in_edges_of_the_noise() -> None:
    floor = ReadingFloor(tonight=3.0, usual=1.0, low=None, high=2.0)
    assert [in_edges(floor, y) for y in (1.0, 2.0, 3.0, 0.0)] == [0.0, 1.0, 2.0, -1.0]
    flat = ReadingFloor(tonight=0.0, usual=1.0, high=1.0)
    assert [in_edges(flat, y) for y in (1.0, 1.1, 0.9)] == [0.0, FAR, -FAR]


def test_a_night_that_was_not_measured_is_a_gap() -> None:
    floor = ReadingFloor(tonight=0.5, usual=0.0, low=-1.0, high=1.0)
    measured = make_entry(0, readings=(NightReading(signal="length", tonight=6.0, p_value=1.0, floor=floor),))
    (trend,) = trends_of([measured, make_entry(1, "?", readings=())])
    assert [(point.value, point.place, point.low, point.outside) for point in trend.points] == [
        (6.0, 0.5, -1.0, False),
        (None, None, None, False),
    ]


@pytest.mark.parametrize(("y", "outside"), [(0.9, False), (1.1, True), (-0.9, False), (-1.1, True)])
def test_outside_is_beyond_either_edge(y: float, outside: bool) -> None:
    floor = ReadingFloor(tonight=y, usual=0.0, low=-1.0, high=1.0)
    night = make_entry(0, readings=(NightReading(signal="length", tonight=6.0, p_value=None, floor=floor),))
    assert trends_of([night])[0].points[0].outside is outside


def test_a_change_is_marked_on_the_first_night_that_has_it_and_what_is_not_known_is_none() -> None:
    nights = [
        make_entry(0, served=("a",), fingerprints=("f",)),
        make_entry(1, served=("a",)),
        make_entry(2, "?", served=()),
        make_entry(3, served=("b",), fingerprints=("f",)),
        make_entry(4, served=("b",), fingerprints=("g",), facts=Facts(asked="1" * 64)),
        make_entry(5, served=("b",), facts=Facts(asked="2" * 64, versions={"drift": "1"})),
        make_entry(6, accepted_at="2026-11-06T00:00:00+00:00", facts=Facts(versions={"drift": "2"})),
    ]
    assert [(mark.night, mark.kind) for mark in marks_of(nights)] == [
        (night_of(3), MarkKind.MODEL),
        (night_of(4), MarkKind.FINGERPRINT),
        (night_of(5), MarkKind.ASKED),
        (night_of(6), MarkKind.BASELINE),
        (night_of(6), MarkKind.LIBRARY),
    ]


@pytest.mark.skipif(find_spec("ruptures") is None, reason="ruptures is not installed")
class TestChangePoints:
    """PELT finds when a level changed."""

    def test_a_new_level_is_found_where_it_began(self) -> None:
        find = CHANGE_POINTS.load("pelt")
        rng = random.Random(7)
        series = [rng.gauss(0, 1) for _ in range(60)]
        assert find(series) == ()
        (place,) = find([value + (4 if at >= 40 else 0) for at, value in enumerate(series)])
        assert abs(place - 40) <= 1

    @pytest.mark.parametrize("series", [[], [1.0] * 50, [0.0, 1.0] * 4])
    def test_what_holds_no_level_gives_none(self, series: list[float]) -> None:
        assert CHANGE_POINTS.load("pelt")(series) == ()

    def test_white_noise_seldom_gives_one(self) -> None:
        find = CHANGE_POINTS.load("pelt")
        rng = random.Random(1)
        false = sum(bool(find([rng.gauss(0, 1) for _ in range(60)])) for _ in range(100))
        assert false <= 5

    def test_it_is_said_by_night_past_gaps(self) -> None:
        nights = [night for night in entries(UPGRADE + 20) if night.target == "gpt"]
        (length,) = (trend for trend in trends_of(nights) if trend.signal == "length")
        found = levels(length, CHANGE_POINTS.load("pelt"))
        assert found[0] == nights[UPGRADE].night
