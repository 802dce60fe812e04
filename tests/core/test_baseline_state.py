from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.baseline_state import Knowledge, knowledge, state_of
from harness.core.decision import decide
from harness.core.policy import Policy
from harness.core.run import RunRecord
from harness.core.verdict import BaselineState, State
from tests.support.records import Night, make_cases, make_record

CASES = make_cases(9)
POLICY = Policy()
WHOLE = make_record(Night(cases=CASES, nights=14))


def record_of(nights: Sequence[int], *, burst: bool = False, changed: int = 0) -> RunRecord:
    """Keep so many nights of each case (0: the baseline does not hold it); ask `changed` cases otherwise."""
    (baseline,) = WHOLE.references.values()
    held = {}
    for case, kept in zip(CASES, nights, strict=True):
        known = baseline.cases[case.id]
        dates = known.nights()[:kept]
        samples = tuple(
            sample.model_copy(update={"burst": burst}) for sample in known.samples if sample.night in dates
        )
        if samples:
            held[case.id] = known.model_copy(update={"samples": samples})
    for case in CASES[:changed]:
        if case.id in held:
            identity = held[case.id].identity.model_copy(update={"question": "another one"})
            held[case.id] = held[case.id].model_copy(update={"identity": identity})
    return replace(WHOLE, references={"sonnet": baseline.model_copy(update={"cases": held})})


def known_of(record: RunRecord) -> Knowledge:
    (target,) = record.manifest.targets
    return knowledge(CASES, target, record.references["sonnet"], POLICY)


@pytest.mark.parametrize(
    ("nights", "state"),
    [(4, State.LEARNING), (5, State.PROVISIONAL), (13, State.PROVISIONAL), (14, State.ARMED)],
)
def test_a_baseline_is_armed_by_its_nights(nights: int, state: State) -> None:
    found = known_of(record_of([nights] * 9))
    assert (found.state, found.nights, found.baseline) == (state, nights, BaselineState.PRESENT)
    assert state_of(nights, POLICY) is state


def test_a_burst_is_never_more_than_provisional() -> None:
    assert known_of(record_of([14] * 9, burst=True)).state is State.PROVISIONAL
    assert known_of(record_of([1] * 9, burst=True)).state is State.PROVISIONAL


def test_a_baseline_that_is_not_there_is_missing_and_learning() -> None:
    found = known_of(record_of([0] * 9))
    assert (found.state, found.baseline, found.nights) == (State.LEARNING, BaselineState.MISSING, 0)


def test_a_few_new_cases_do_not_disarm_the_others() -> None:
    found = known_of(record_of([14] * 6 + [0, 2, 4]))
    assert (found.state, len(found.judged)) == (State.ARMED, 6)


def test_with_over_a_third_of_new_cases_a_suite_that_had_learnt_is_stale() -> None:
    found = known_of(record_of([14] * 5 + [0, 0, 2, 4]))
    assert (found.state, found.baseline, found.judged) == (State.LEARNING, BaselineState.STALE, {})


def test_over_a_quarter_of_changed_cases_make_a_baseline_stale() -> None:
    assert known_of(record_of([14] * 9, changed=2)).baseline is BaselineState.PRESENT
    assert known_of(record_of([14] * 9, changed=3)).baseline is BaselineState.STALE


@given(
    nights=st.lists(st.integers(0, 14), min_size=9, max_size=9),
    changed=st.integers(0, 9),
    burst=st.booleans(),
)
def test_it_is_what_the_verdict_says(nights: list[int], changed: int, burst: bool) -> None:
    record = record_of(nights, burst=burst, changed=changed)
    (told,) = decide(make_silent(record)).targets
    found = known_of(record)
    assert (found.state, found.baseline, found.nights) == (told.state, told.baseline, told.nights)


def make_silent(record: RunRecord) -> RunRecord:
    """Take the night's replies away: how the baseline stands does not depend on them, and it is quicker."""
    return replace(record, batches={})
