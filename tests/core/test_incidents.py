"""One incident per drift, open until somebody accepts or it recovers."""

from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.batch import Acceptance, Baseline
from harness.core.findings import Outcome
from harness.core.incidents import Accepted, Closing, accepted_of, follow, open_incidents
from harness.errors import DamagedRecord
from tests.support.history import (
    ALL_CASES,
    BEFORE,
    DRIFT,
    QUIET,
    accepted,
    make_entries,
    make_entry,
    night_of,
    stories,
)

SINCE = "2026-11-03T08:00:00+00:00"
"""After the night number 1 and before number 3."""


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[object], list[object]]:
    """Draw nights of two targets, each accepted a few times: (entries, acceptances)."""
    entries, acceptances = [], []
    for target in ("sonnet", "gpt"):
        times = sorted(draw(st.sets(st.integers(0, 40), max_size=3)))
        at = [f"{night_of(day)}T09:00:00+00:00" for day in times]
        for one in at:
            size = draw(st.sampled_from([1, 6, 7, 20]))
            replaces = draw(st.booleans())
            acceptances.append(accepted(one, ALL_CASES[:size], target=target, replaces=replaces))
        for number, word in enumerate(draw(stories())):
            merged = [one for one in at if one[:10] < night_of(number)]
            entries.append(make_entry(number, word, target=target, accepted_at=max(merged, default=BEFORE)))
    return entries, acceptances


@given(histories(), st.randoms())
def test_the_order_in_which_nights_are_read_changes_nothing(history, random) -> None:
    entries, acceptances = history
    expected = follow(entries, acceptances)
    random.shuffle(entries)
    random.shuffle(acceptances)
    assert follow(entries, acceptances) == expected


@given(histories())
def test_every_drift_belongs_to_exactly_one_incident(history) -> None:
    entries, acceptances = history
    evidence = [(i.target, run) for i in follow(entries, acceptances) for run in i.runs]
    assert sorted(evidence) == sorted((e.target, e.run) for e in entries if e.drift)


@given(histories())
def test_a_target_has_one_incident_at_a_time(history) -> None:
    for _, found in groupby(follow(*history), key=lambda incident: incident.target):
        incidents = list(found)
        assert len(open_incidents(incidents)) <= 1
        assert all(incident.closed for incident in incidents[:-1])
        assert all(a.last_drift < b.opened for a, b in pairwise(incidents))
        assert len({incident.id for incident in incidents}) == len(incidents)


@given(histories())
def test_a_night_that_was_not_measured_changes_no_incident(history) -> None:
    entries, acceptances = history
    measured = [entry for entry in entries if entry.measured]
    assert follow(entries, acceptances) == follow(measured, acceptances)


@given(stories())
def test_without_an_acceptance_an_incident_closes_after_seven_quiet_nights_and_no_sooner(words: str) -> None:
    expected, current = [], None
    for number, word in enumerate(words):
        if word == DRIFT:
            current = (current or (number, 0))[0], 0
        elif word == QUIET and current is not None:
            current = current[0], current[1] + 1
            if current[1] == 7:
                expected.append((night_of(current[0]), night_of(number)))
                current = None
    if current is not None:
        expected.append((night_of(current[0]), None))
    assert [(i.opened, i.closed) for i in follow(make_entries(words))] == expected


@given(stories(), st.integers(0, 40))
def test_only_the_first_scheduled_run_of_a_night_counts(words: str, number: int) -> None:
    entries = make_entries(words)
    by_hand = [make_entry(number, DRIFT, run="20261101T000000Z-canary-0000", scheduled=False)]
    again = [entry.model_copy(update={"run": entry.run + "1", "drift": not entry.drift}) for entry in entries]
    assert follow([*again, *by_hand, *entries]) == follow(entries)


@given(stories())
def test_suites_and_targets_do_not_meet(words: str) -> None:
    alone = follow(make_entries(words))
    both = follow(
        [*make_entries(words), *make_entries(DRIFT, target="gpt"), *make_entries("QD", suite="golden")]
    )
    assert [i for i in both if (i.suite, i.target) == ("canary", "sonnet")] == list(alone)


def test_an_incident_is_named_so_that_a_person_can_type_it() -> None:
    assert [incident.id for incident in follow(make_entries("QQQQD"))] == ["canary-sonnet-20261105"]


def test_further_drift_updates_the_incident_with_its_signals_cases_and_runs() -> None:
    first = make_entry(0, DRIFT, signals=("refusal",), cases=("a", "b"))
    later = make_entry(2, DRIFT, signals=("length", "refusal"), cases=("c", "a"))
    (incident,) = follow([first, make_entry(1), later])
    assert incident.signals == ("refusal", "length")
    assert incident.cases == ("a", "b", "c")
    assert incident.runs == (first.run, later.run)
    assert (incident.opened, incident.last_drift, incident.quiet_nights) == (first.night, later.night, 0)


def test_the_whole_suite_accepted_closes_an_incident_at_once() -> None:
    (incident,) = follow(make_entries("QDD"), [accepted(SINCE)])
    assert (incident.because, incident.closed) == (Closing.ACCEPTED, "2026-11-03")


def test_it_stays_closed_while_the_new_baseline_is_learning() -> None:
    learning = make_entry(3, "L", accepted_at=SINCE)
    assert open_incidents(follow([*make_entries("QDD"), learning], [accepted(SINCE)])) == ()


def test_drift_from_what_was_accepted_is_another_incident() -> None:
    nights = [*make_entries("QDD"), make_entry(3, DRIFT, accepted_at=SINCE)]
    first, second = follow(nights, [accepted(SINCE)])
    assert (first.because, second.opened, second.closed) == (Closing.ACCEPTED, night_of(3), None)


def test_a_few_cases_accepted_have_to_prove_themselves_on_the_next_quiet_night() -> None:
    few = [accepted(SINCE, ALL_CASES[:6])]
    nights = make_entries("QDD")
    assert open_incidents(follow(nights, few))
    lost, quiet = make_entry(3, "?", accepted_at=SINCE), make_entry(4, QUIET, accepted_at=SINCE)
    assert open_incidents(follow([*nights, lost], few))
    (incident,) = follow([*nights, lost, quiet], few)
    assert (incident.because, incident.closed) == (Closing.ACCEPTED, quiet.night)


def test_a_few_cases_accepted_in_vain_leave_the_incident_open() -> None:
    again = make_entry(3, DRIFT, accepted_at=SINCE)
    quiet = make_entry(4, QUIET, accepted_at=SINCE)
    (incident,) = follow([*make_entries("QDD"), again, quiet], [accepted(SINCE, ALL_CASES[:6])])
    assert (incident.closed, incident.quiet_nights, len(incident.runs)) == (None, 1, 3)


def test_a_quiet_night_compared_with_the_old_baseline_proves_nothing() -> None:
    unmerged = make_entry(3, QUIET)
    assert open_incidents(follow([*make_entries("QDD"), unmerged], [accepted(SINCE, ALL_CASES[:6])]))


def test_quiet_nights_added_to_a_baseline_accept_no_drift() -> None:
    promoted = [accepted(SINCE, replaces=False)]
    quiet = make_entry(3, QUIET, accepted_at=SINCE)
    (incident,) = follow([*make_entries("QDD"), quiet], promoted)
    assert (incident.closed, incident.quiet_nights) == (None, 1)


def test_what_was_accepted_before_the_drift_closes_nothing() -> None:
    assert open_incidents(follow(make_entries("QDD"), [accepted(BEFORE)]))


def test_times_of_acceptances_are_compared_as_times() -> None:
    # Half past nine in Kolkata is four in the morning in UTC, before five.
    night = make_entry(0, DRIFT, accepted_at="2026-11-01T05:00:00+00:00")
    assert open_incidents(follow([night], [accepted("2026-11-01T09:30:00+05:30")]))
    assert not open_incidents(follow([night], [accepted("2026-11-01T09:30:00+00:00")]))


def test_an_acceptance_whose_time_cannot_be_read_is_named() -> None:
    with pytest.raises(DamagedRecord, match=r"acceptance's date is no ISO 8601 time; .*git checkout"):
        follow(make_entries("D"), [accepted("yesterday")])


@pytest.mark.parametrize(
    ("verdict", "replaces"), [*((o.value, True) for o in Outcome), ("quiet", False), ("burst of 14", False)]
)
def test_an_acceptance_of_a_runs_behaviour_is_told_from_one_of_quiet_nights(verdict, replaces) -> None:
    acceptance = Acceptance(
        at=SINCE,
        by="someone",
        reason="It was looked at.",
        cases=("a",),
        runs=("r",),
        verdict=verdict,
        shown="5f1c",
    )
    baseline = Baseline(suite="canary", target="steady", encoder="e", cases={}, acceptances=(acceptance,))
    assert accepted_of(baseline, "swapped") == (
        Accepted(suite="canary", target="swapped", at=SINCE, cases=("a",), replaces=replaces),
    )
    assert accepted_of(None, "swapped") == ()
