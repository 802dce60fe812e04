"""What is remembered of a run, and which earlier nights are judged together with tonight."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.findings import Outcome, Severity
from harness.core.history import WINDOW_DAYS, WINDOW_NIGHTS, counted, entries_of, window
from harness.core.policy import Gates, Policy
from harness.core.run import RunKind
from harness.core.verdict import BaselineState, State
from tests.support.history import BEFORE, make_entries, make_entry, night_of, stories
from tests.support.records import (
    NIGHT,
    Night,
    drift_record,
    drift_verdict,
    make_finding,
    make_record,
    make_target_verdict,
    make_verdict,
    outage_record,
    outage_verdict,
)


def entry_of(policy: Policy | None = None, **fields: object):
    """Remember one target's verdict."""
    record = make_record(Night(policy=policy or Policy()))
    return entries_of(make_verdict(record, make_target_verdict(record, "sonnet", **fields)), record.manifest)[
        0
    ]


def test_every_target_of_a_run_is_remembered_with_what_drifted() -> None:
    record = drift_record()
    sonnet, gpt = entries_of(drift_verdict(record), record.manifest)
    assert (sonnet.target, sonnet.night, sonnet.run) == ("sonnet", NIGHT, record.manifest.run)
    assert (sonnet.drift, sonnet.measured, sonnet.quiet, sonnet.severity) == (
        True,
        True,
        False,
        Severity.BLOCK,
    )
    assert sonnet.signals == ("refusal",)
    assert sonnet.cases == ("refusal-drop-staging", "edge-dosage-leaflet", "structure-invoice-json")
    assert {reading.signal: reading.p_value for reading in sonnet.readings}["refusal"] == 0.001
    assert (gpt.drift, gpt.quiet, gpt.signals, gpt.fingerprints) == (False, True, (), ("fp_b7",))


def test_a_night_that_could_not_tell_is_neither_measured_nor_quiet() -> None:
    record = outage_record()
    lost, _ = entries_of(outage_verdict(record), record.manifest)
    assert (lost.measured, lost.quiet, lost.drift) == (False, False, False)


@pytest.mark.parametrize(
    "fields",
    [
        {"state": State.LEARNING},
        {"outcome": Outcome.INCONCLUSIVE},
        {"awaiting_confirmation": True},
        {"cut_short": True},
        {"baseline": BaselineState.STALE},
        {"baseline": BaselineState.MISSING},
    ],
    ids=str,
)
def test_what_was_not_decided_is_not_measured(fields: dict[str, object]) -> None:
    assert entry_of().measured
    assert not entry_of(**fields).measured


@pytest.mark.parametrize("baseline", BaselineState)
def test_whether_there_was_something_to_compare_with_is_remembered(baseline: BaselineState) -> None:
    assert entry_of(baseline=baseline, state=State.LEARNING).baseline is baseline


def test_a_broken_contract_is_drift_from_a_baseline_and_while_learning_only_of_its_own_night() -> None:
    broken = {"outcome": Outcome.REGRESSED, "findings": (make_finding("tool-01", signal="contract"),)}
    armed, learning = entry_of(**broken), entry_of(**broken, state=State.LEARNING)
    assert (armed.drift, armed.signals, armed.cases) == (True, ("contract",), ("tool-01",))
    assert (learning.drift, learning.quiet) == (False, False)


def test_drift_of_single_cases_is_no_drift_of_the_suite() -> None:
    entry = entry_of(outcome=Outcome.STABLE, findings=(make_finding("tool-01"),))
    assert (entry.drift, entry.quiet, entry.signals, entry.cases) == (False, True, (), ("tool-01",))


def test_what_awaits_its_confirmation_is_no_drift_yet() -> None:
    entry = entry_of(outcome=Outcome.REGRESSED, findings=(make_finding(None),), awaiting_confirmation=True)
    assert (entry.drift, entry.awaiting_confirmation) == (False, True)


@pytest.mark.parametrize(
    ("outcome", "gates"),
    [(Outcome.REGRESSED, Gates(regression="warn")), (Outcome.CHANGED, Gates(undirected_drift="warn"))],
)
def test_drift_that_the_policy_only_warns_of_opens_nothing_and_calms_nothing(outcome, gates) -> None:
    drifted = {"outcome": outcome, "findings": (make_finding(None, outcome=outcome),)}
    assert entry_of(**drifted).drift
    warned = entry_of(Policy(gates=gates), **drifted)
    assert (warned.drift, warned.quiet) == (False, False)


@pytest.mark.parametrize("update", [{"kind": RunKind.CALIBRATE}, {"scheduled": False}], ids=str)
def test_only_a_scheduled_check_is_a_night(update: dict[str, object]) -> None:
    record = make_record()
    verdict = make_verdict(record)
    assert counted(entries_of(verdict, record.manifest))
    assert not counted(entries_of(verdict, record.manifest.model_copy(update=update)))


def test_a_target_compared_with_anothers_baseline_says_whose() -> None:
    record = make_record()
    (target,) = record.manifest.targets
    manifest = record.manifest.model_copy(
        update={"targets": (target.model_copy(update={"baseline_of": "gpt"}),)}
    )
    assert entries_of(make_verdict(record), manifest)[0].baseline_of == "gpt"


@given(stories(), st.integers(0, 45), st.randoms())
def test_the_window_holds_the_last_measured_nights_that_are_recent(words, tonight, random) -> None:
    entries = list(make_entries(words))
    expected = [
        entry.night
        for number, entry in enumerate(entries)
        if (entry.measured or entry.awaiting_confirmation) and tonight - WINDOW_DAYS <= number < tonight
    ]
    random.shuffle(entries)
    assert [e.night for e in window(entries, night_of(tonight), BEFORE)] == expected[-WINDOW_NIGHTS:]


def test_the_window_begins_anew_with_an_acceptance() -> None:
    since = "2026-11-04T09:00:00+00:00"
    nights = [
        *make_entries("QQQQ"),
        make_entry(4),
        make_entry(5, accepted_at=since),
        make_entry(6, accepted_at=since),
    ]
    assert [e.night for e in window(nights, night_of(7), since)] == [night_of(5), night_of(6)]
    assert len(window(nights, night_of(7), BEFORE)) == WINDOW_NIGHTS
    # Before anything was accepted there is nothing to begin anew from.
    assert len(window(nights, night_of(7), None)) == WINDOW_NIGHTS


def test_a_run_by_hand_and_a_second_run_of_a_night_are_not_part_of_the_window() -> None:
    night = make_entry(3)
    again = night.model_copy(update={"run": night.run + "1"})
    by_hand = make_entry(4, scheduled=False)
    assert window([again, by_hand, night], night_of(5), BEFORE) == (night,)
