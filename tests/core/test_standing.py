"""How things stand: ages, what could be told, what holds a promotion."""

from datetime import UTC, datetime

from harness.core.findings import Outcome
from harness.core.incidents import follow
from harness.core.standing import tracks_of, trend_of
from harness.core.verdict import BaselineState
from harness.reporting.standing import status_lines
from tests.support.history import make_entries, make_entry

NOW = datetime(2026, 11, 6, 3, 17, tzinfo=UTC)
TRACK = ("canary", "sonnet")


def track(words: str, now: datetime = NOW):
    entries = make_entries(words)
    return tracks_of([TRACK], entries, follow(entries), [], now)[0]


def test_the_trend_has_a_letter_for_every_night() -> None:
    assert trend_of(make_entries("DQ?LWU")) == "D.?-W~"


def test_a_suite_that_never_ran_is_late_and_untold() -> None:
    empty = track("")
    assert (empty.age_h, empty.is_late(1e9), empty.is_untold(1e9), empty.last) == (None, True, True, None)


def test_age_is_of_the_last_run_and_an_outage_says_nothing() -> None:
    found = track("QQQQ?")
    assert (found.age_h, found.told_age_h) == (24, 48)
    assert (found.is_late(24), found.is_late(23.9)) == (False, True)
    assert (found.is_untold(24), found.is_untold(48)) == (True, False)


def test_a_night_that_learns_or_waits_has_said_something() -> None:
    assert track("L").told_age_h == track("U").told_age_h == 120


def test_a_stale_baseline_or_a_contract_broken_while_learning_is_no_pass() -> None:
    stale = make_entry(0, "L", baseline=BaselineState.STALE)
    broken = make_entry(0, "L", outcome=Outcome.REGRESSED, signals=("contract",))
    for night, letter in ((stale, "?"), (broken, "D")):
        found = tracks_of([TRACK], [night], [], [], NOW)[0]
        assert (found.age_h, found.told_age_h) == (120, None)
        assert trend_of([night]) == letter
    after = tracks_of([TRACK], [make_entry(0), make_entry(1, "L", signals=("contract",))], [], [], NOW)[0]
    assert after.is_untold(1e9), "though the night before was quiet"


def test_an_outage_while_learning_has_said_nothing() -> None:
    outage = make_entry(0, "L", whole=False)
    found = tracks_of([TRACK], [outage], [], [], NOW)[0]
    assert (found.told_age_h, found.is_untold(1e9)) == (None, True)
    assert trend_of([outage]) == "?"
    assert "could not tell" in next(status_lines([found], 1e9, 30))


def test_clocks_that_differ_make_no_negative_age() -> None:
    assert track("Q", datetime(2026, 11, 1, 2, tzinfo=UTC)).age_h == 0


def test_a_run_that_a_wrong_clock_dated_ahead_vouches_for_nothing() -> None:
    ahead = track("Q", datetime(2026, 10, 1, tzinfo=UTC))
    assert (ahead.age_h, ahead.told_age_h) == (None, None)
    assert ahead.is_late(1e9)
    assert ahead.is_untold(1e9)
    both = [make_entry(0), make_entry(1, started_at="2031-01-01T03:17:00+00:00")]
    assert tracks_of([TRACK], both, [], [], NOW)[0].told_age_h == 120


def test_a_time_that_cannot_be_read_is_late() -> None:
    night = make_entry(0, started_at="yesterday")
    assert tracks_of([TRACK], [night], [], [], NOW)[0].is_late(1e9)


def test_only_what_is_as_urgent_and_open_holds() -> None:
    found = track("QD")
    assert [one.id for one in found.held_by("P1")] == ["canary-sonnet-20261102"]
    assert found.held_by("P0") == ()
    assert track("QD" + "Q" * 7).held_by("P3") == ()
