"""Fourteen clean nights in a row: what counts, what resets, and what does neither."""

from datetime import date

from harness.core.batch import Acceptance, Baseline
from harness.core.findings import Outcome
from harness.core.history import NightEntry
from harness.core.incidents import Incident
from harness.core.upgrade.protocol import CLEAN_NIGHTS, Promotion, Standing, promotion_of
from harness.core.verdict import State
from harness.reporting.upgrade_promotion import promotion_text

CASES = 20
TODAY = date(2026, 11, 16)


def acceptance(at: str = "2026-11-01T09:00:00+00:00", upgrade_from: str | None = "sonnet") -> Acceptance:
    return Acceptance(
        at=at,
        by="tester",
        reason="It is cheaper and better.",
        cases=("a",),
        runs=("r",),
        verdict="improved",
        shown="0" * 64,
        upgrade_from=upgrade_from,
    )


def baseline(*acceptances: Acceptance) -> Baseline:
    return Baseline(suite="canary", target="next", encoder="e", cases={}, acceptances=acceptances)


def night(day: int, outcome: Outcome = Outcome.STABLE, **fields: object) -> NightEntry:
    date = f"2026-11-{day:02d}"
    known: dict[str, object] = {
        "run": f"{date.replace('-', '')}T030000Z-canary-0001",
        "suite": "canary",
        "target": "next",
        "baseline_of": "next",
        "night": date,
        "scheduled": True,
        "started_at": f"{date}T03:00:00+00:00",
        "outcome": outcome,
        "state": State.PROVISIONAL,
        "measured": outcome is not Outcome.INCONCLUSIVE,
        "drift": outcome is Outcome.REGRESSED,
        "awaiting_confirmation": False,
        "suite_cases": CASES,
        "accepted_at": "2026-11-01T09:00:00+00:00",
    }
    return NightEntry(**{**known, **fields})  # type: ignore[arg-type]


def count(nights: list[NightEntry], *incidents: Incident, held: Baseline | None = None) -> Promotion:
    today = date.fromisoformat(max([one.night for one in nights if one.night < "2030"], default="2026-11-02"))
    found = promotion_of(held or baseline(acceptance()), "next", nights, incidents, cases=CASES, today=today)
    assert found is not None
    return found


def test_fourteen_clean_nights_are_enough_and_thirteen_are_not() -> None:
    thirteen = count([night(day) for day in range(2, 15)])
    assert (thirteen.clean, thirteen.standing) == (13, Standing.WAITING)
    fourteen = count([night(day) for day in range(2, 16)])
    assert (fourteen.clean, fourteen.standing) == (CLEAN_NIGHTS, Standing.READY)


def test_a_night_that_could_not_tell_neither_counts_nor_resets() -> None:
    nights = [night(day) for day in range(2, 16)]
    untold = [night(16, Outcome.INCONCLUSIVE), night(17, measured=False, state=State.LEARNING)]
    found = count([*nights, *untold])
    assert (found.clean, found.untold, found.standing) == (14, 2, Standing.READY)


def test_a_drift_begins_the_count_anew() -> None:
    nights = [night(day) for day in range(2, 15)]
    found = count([*nights, night(15, Outcome.REGRESSED), night(16), night(17)])
    assert (found.clean, found.resets, found.standing) == (2, ("2026-11-15",), Standing.WAITING)


def test_drift_that_the_gates_only_warn_of_resets_too() -> None:
    found = count([night(2), night(3, Outcome.CHANGED, drift=False), night(4)])
    assert found.clean == 1


def test_an_open_incident_goes_before_everything() -> None:
    incident = Incident(
        id="canary-next-20261102",
        suite="canary",
        target="next",
        opened="2026-11-02",
        last_drift="2026-11-02",
        signals=("refusal",),
        cases=(),
        runs=("r",),
        compared_with=None,
    )
    assert count([night(day) for day in range(2, 20)], incident).standing is Standing.DRIFTED
    other = incident.model_copy(update={"target": "sonnet"})
    assert count([night(day) for day in range(2, 20)], other).standing is Standing.READY


def test_part_of_a_suite_is_no_clean_night() -> None:
    found = count([night(2), night(3, suite_cases=CASES - 1)])
    assert (found.clean, found.untold) == (1, 1)


def test_nights_held_against_an_earlier_baseline_are_not_looked_at() -> None:
    before = night(2, accepted_at="2026-10-01T09:00:00+00:00")
    assert count([before, night(3)]).nights == 1
    assert count([night(2, accepted_at=None)]).nights == 0


def test_promoting_nights_into_the_baseline_does_not_begin_anew() -> None:
    grown = baseline(acceptance(), acceptance(at="2026-11-07T09:00:00+00:00", upgrade_from=None))
    nights = [night(day) for day in range(2, 8)]
    nights += [night(day, accepted_at="2026-11-07T09:00:00+00:00") for day in range(8, 16)]
    assert count(nights, held=grown).standing is Standing.READY


def test_a_second_run_of_a_night_counts_nothing() -> None:
    again = night(2, run="20261102T090000Z-canary-0002")
    by_hand = night(3, scheduled=False)
    assert count([night(2), again, by_hand]).nights == 1


def test_a_baseline_that_was_not_compared_has_no_count() -> None:
    assert (
        promotion_of(
            baseline(acceptance(upgrade_from=None)), "next", [night(2)], (), cases=CASES, today=TODAY
        )
        is None
    )


def test_nights_of_long_ago_promote_nothing_today() -> None:
    nights = [night(day) for day in range(2, 16)]
    held = baseline(acceptance())
    for today, standing in ((date(2026, 11, 22), Standing.READY), (date(2026, 11, 23), Standing.WAITING)):
        found = promotion_of(held, "next", nights, (), cases=CASES, today=today)
        assert found is not None
        assert (found.clean, found.standing, found.is_old) == (14, standing, standing is Standing.WAITING)
        said = " ".join(" ".join(promotion_text([found])).split())
        assert ("IT MAY BE PROMOTED" in said) is (standing is Standing.READY)
        assert ("over 7 days ago" in said) is (standing is Standing.WAITING)


def test_it_is_not_said_that_every_night_was_measured_where_one_was_not() -> None:
    said = " ".join(
        promotion_text([count([*(night(day) for day in range(2, 16)), night(16, Outcome.INCONCLUSIVE)])])
    )
    assert "IT MAY BE PROMOTED" in said
    assert "every night was measured" not in said


def test_a_night_that_a_wrong_clock_dated_ahead_is_not_looked_at() -> None:
    ahead = night(3, night="2031-01-01", run="20310101T030000Z-canary-0001")
    assert count([night(2), ahead]).nights == 1


def test_the_target_that_is_replaced_is_not_on_its_way_to_promotion() -> None:
    held = baseline(acceptance(upgrade_from="next"))
    assert promotion_of(held, "next", [night(2)], (), cases=CASES, today=TODAY) is None
    other = promotion_of(
        held, "swapped", [night(2, target="swapped", baseline_of="next")], (), cases=CASES, today=TODAY
    )
    assert other is not None
    assert (other.target, other.replaces, other.clean) == ("swapped", "next", 1)
