"""Test the exit-code table of DESIGN.md: 0, 1, 3 and 4, in the order 1, 4, 3, 0."""

import itertools
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.findings import Outcome, Severity
from harness.core.policy import Gates, Limits, Policy
from harness.core.run import RunRecord
from harness.core.verdict import (
    BaselineState,
    Coverage,
    State,
    TargetVerdict,
    Verdict,
    enough_measured,
    exit_code_of,
)
from tests.support.records import make_finding, make_record, make_target_verdict, make_verdict

RECORD: RunRecord = make_record()
POLICY = Policy()
DRIFTED = (Outcome.REGRESSED, Outcome.CHANGED)
Gate = Literal["fail", "warn"]


def coverage(measured: int = 60, cases: int = 20, planned: int = 60) -> Coverage:
    return Coverage(
        planned=planned,
        answered=measured,
        measured=measured,
        compared=measured,
        cases_planned=20 if planned else 0,
        cases_answered=cases,
        cases_compared=cases,
    )


def target(outcome: Outcome = Outcome.STABLE, **fields: object) -> TargetVerdict:
    findings = (make_finding(None, outcome=outcome),) if outcome in DRIFTED else ()
    known: dict[str, object] = {"coverage": coverage(), "findings": findings, "outcome": outcome}
    return make_target_verdict(RECORD, **{**known, **fields})


def gates(**to: Gate) -> Policy:
    return Policy(gates=Gates.model_validate(to))


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (target(), 0),
        (target(Outcome.IMPROVED), 0),
        (target(Outcome.REGRESSED), 1),
        (target(Outcome.CHANGED), 1),
        (target(Outcome.INCONCLUSIVE), 3),
        (target(Outcome.INCONCLUSIVE, coverage=coverage(0, 0)), 3),
        (target(Outcome.INCONCLUSIVE, coverage=coverage(39)), 3),
        (target(Outcome.INCONCLUSIVE, cut_short=True), 3),
        (target(Outcome.INCONCLUSIVE, baseline=BaselineState.STALE), 4),
        (target(Outcome.INCONCLUSIVE, state=State.LEARNING), 0),
        (target(Outcome.INCONCLUSIVE, state=State.LEARNING, baseline=BaselineState.MISSING), 0),
        (target(Outcome.INCONCLUSIVE, state=State.LEARNING, coverage=coverage(39)), 3),
        (target(Outcome.INCONCLUSIVE, state=State.LEARNING, coverage=coverage(60, 14)), 3),
        (target(Outcome.INCONCLUSIVE, state=State.LEARNING, cut_short=True), 3),
        (target(Outcome.REGRESSED, state=State.LEARNING), 1),
        (target(Outcome.INCONCLUSIVE, awaiting_confirmation=True), 0),
        (target(Outcome.REGRESSED, coverage=coverage(10)), 1),
        (target(Outcome.REGRESSED, baseline=BaselineState.STALE), 1),
        (target(Outcome.INCONCLUSIVE, coverage=coverage(0, 0, 0)), 3),
    ],
)  # fmt: skip
def test_each_state_ends_in_its_code(said: TargetVerdict, code: int) -> None:
    assert exit_code_of(said, POLICY) == code


@pytest.mark.parametrize(
    ("said", "gate", "code"),
    [
        (target(Outcome.REGRESSED), "regression", 0),
        (target(Outcome.CHANGED), "undirected_drift", 0),
        (target(Outcome.INCONCLUSIVE), "inconclusive", 0),
        (target(Outcome.INCONCLUSIVE, cut_short=True), "inconclusive", 0),
        (target(Outcome.INCONCLUSIVE, baseline=BaselineState.STALE), "stale_baseline", 0),
        (target(Outcome.REGRESSED), "undirected_drift", 1),
        (target(Outcome.CHANGED), "regression", 1),
        (target(Outcome.INCONCLUSIVE), "stale_baseline", 3),
        (target(Outcome.INCONCLUSIVE, baseline=BaselineState.STALE), "inconclusive", 4),
        (target(Outcome.REGRESSED, coverage=coverage(10)), "regression", 3),
        (target(Outcome.INCONCLUSIVE, baseline=BaselineState.STALE, coverage=coverage(10)), "stale_baseline", 3),
        (target(Outcome.INCONCLUSIVE, coverage=coverage(0, 0)), "inconclusive", 3),
    ],
)  # fmt: skip
def test_a_gate_that_warns_lets_its_own_finding_pass_and_no_other(
    said: TargetVerdict, gate: str, code: int
) -> None:
    assert exit_code_of(said, gates(**{gate: "warn"})) == code


def test_a_regression_that_only_warns_does_not_fail() -> None:
    mild = make_finding(None, outcome=Outcome.REGRESSED, severity=Severity.WARN)
    assert exit_code_of(target(Outcome.REGRESSED, findings=(mild,)), POLICY) == 0
    assert exit_code_of(target(Outcome.REGRESSED, findings=(mild, make_finding("a"))), POLICY) == 1
    assert exit_code_of(target(Outcome.REGRESSED, findings=(mild,), coverage=coverage(10)), POLICY) == 3


ANY_TARGET = st.builds(
    target,
    st.sampled_from(Outcome),
    state=st.sampled_from(State),
    baseline=st.sampled_from(BaselineState),
    coverage=st.builds(coverage, st.integers(0, 60), st.integers(0, 20)),
    cut_short=st.booleans(),
)
ANY_GATES = st.builds(
    lambda *to: Policy(
        gates=Gates.model_validate(
            dict(zip(("regression", "inconclusive", "stale_baseline", "undirected_drift"), to, strict=True))
        )
    ),
    *(st.sampled_from(["fail", "warn"]) for _ in range(4)),
)


@given(ANY_TARGET, ANY_GATES)
def test_nothing_measured_is_never_0(said: TargetVerdict, policy: Policy) -> None:
    nothing = said.model_copy(update={"coverage": coverage(0, 0)})
    assert exit_code_of(nothing, policy) != 0


@given(ANY_TARGET)
def test_too_little_measured_is_never_0_under_the_standard_gates(said: TargetVerdict) -> None:
    if said.cut_short or not enough_measured(said.coverage, POLICY):
        assert exit_code_of(said, POLICY) != 0


@given(ANY_TARGET, ANY_GATES)
def test_one_means_drift_and_nothing_else(said: TargetVerdict, policy: Policy) -> None:
    if exit_code_of(said, policy) == 1:
        assert said.outcome in DRIFTED
    if said.outcome in DRIFTED:
        assert exit_code_of(said, POLICY) == 1


@given(ANY_TARGET, st.sampled_from(["regression", "inconclusive", "stale_baseline", "undirected_drift"]))
def test_a_gate_that_warns_never_makes_the_code_of_a_sound_run_worse(said: TargetVerdict, gate: str) -> None:
    code = exit_code_of(said, gates(**{gate: "warn"}))
    assert code in (exit_code_of(said, POLICY), 0, 3, 4)
    if exit_code_of(said, POLICY) == 0:
        assert code == 0


def test_of_several_targets_the_order_is_1_4_3_0() -> None:
    by_code = {
        0: target(),
        1: target(Outcome.REGRESSED),
        3: target(Outcome.INCONCLUSIVE),
        4: target(Outcome.INCONCLUSIVE, baseline=BaselineState.STALE),
    }
    for codes in itertools.product(by_code, repeat=2):
        verdict = make_verdict(RECORD, *(by_code[code] for code in codes))
        assert verdict.exit_code == next(code for code in (1, 4, 3, 0) if code in codes)


def test_a_verdict_over_no_target_could_not_tell() -> None:
    verdict = make_verdict(RECORD).model_copy(update={"targets": ()})
    assert (verdict.exit_code, verdict.outcome) == (3, Outcome.INCONCLUSIVE)


def test_a_verdict_is_judged_under_its_own_policy_and_survives_being_written() -> None:
    verdict = make_verdict(RECORD, target(Outcome.REGRESSED), policy=gates(regression="warn"))
    assert verdict.exit_code == 0
    again = Verdict.model_validate_json(verdict.model_dump_json())
    assert again == verdict
    assert again.exit_code == 0


@pytest.mark.parametrize(
    ("measured", "cases", "enough"),
    [(60, 20, True), (40, 20, True), (39, 20, False), (60, 15, True), (60, 14, False), (0, 0, False)],
)
def test_two_thirds_of_calls_and_three_quarters_of_cases_are_enough(
    measured: int, cases: int, enough: bool
) -> None:
    assert enough_measured(coverage(measured, cases), POLICY) is enough


@pytest.mark.parametrize(
    ("share", "planned", "exactly"), [(0.55, 20, 11), (0.07, 100, 7), (2 / 3, 60, 40), (0.14, 50, 7)]
)
def test_exactly_the_share_asked_for_is_enough_whatever_the_product_rounds_to(
    share: float, planned: int, exactly: int
) -> None:
    policy = Policy(limits=Limits(min_coverage=share, min_cases=0))
    assert enough_measured(coverage(exactly, 20, planned), policy)
    assert not enough_measured(coverage(exactly - 1, 20, planned), policy)
    by_case = Policy(limits=Limits(min_coverage=0, min_cases=share))
    for cases, enough in ((exactly, True), (exactly - 1, False)):
        said = coverage().model_copy(update={"cases_planned": planned, "cases_answered": cases})
        assert enough_measured(said, by_case) is enough


def test_nothing_planned_is_not_enough() -> None:
    assert not enough_measured(coverage(0, 0, 0), POLICY)
