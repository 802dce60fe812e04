"""Test that every headline says what happened, and that it leads with what the exit code is about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.findings import Outcome
from harness.core.run import RunRecord
from harness.core.signals import SIGNALS
from harness.core.verdict import BaselineState, Coverage, OpenIncident, State, TargetVerdict
from harness.core.wording import headline, target_headline
from tests.support.records import make_finding, make_reading, make_record, make_target_verdict, quiet_readings

RECORD: RunRecord = make_record()
LOST = Outcome.INCONCLUSIVE


def coverage(answered: int = 60, cases: int = 20) -> Coverage:
    return Coverage(
        planned=60, answered=answered, measured=answered, compared=answered,
        cases_planned=20, cases_answered=cases, cases_compared=cases,
    )  # fmt: skip


def incident(quiet: int, *, recovered: bool = False) -> OpenIncident:
    return OpenIncident(
        id="canary-sonnet-20261104",
        opened="2026-11-04",
        signals=("refusal",),
        quiet_nights=quiet,
        recovered=recovered,
    )


def target(outcome: Outcome = Outcome.STABLE, name: str = "sonnet", **fields: object) -> TargetVerdict:
    found = (make_finding(None, outcome=outcome),) if outcome in (Outcome.REGRESSED, Outcome.CHANGED) else ()
    known: dict[str, object] = {"outcome": outcome, "findings": found, "coverage": coverage()}
    return make_target_verdict(RECORD, name, **{**known, **fields})


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (target(), "sonnet behaves as it did in its baseline."),
        (target(LOST, awaiting_confirmation=True), "sonnet strayed from its baseline; a second batch has yet to confirm it."),
        (target(LOST, coverage=coverage(0, 0)), "sonnet could not be measured: none of 60 replies came back."),
        (target(LOST, baseline=BaselineState.STALE), "sonnet could not be compared: its baseline belongs to other cases, parameters or rules."),
        (target(LOST, coverage=coverage(30)), "sonnet could not be told: 30 of 60 replies came back."),
        (target(LOST, coverage=coverage(42, 14), readings=()), "sonnet could not be told: 42 of 60 replies came back, in 14 of 20 cases."),
        (target(LOST, cut_short=True, coverage=coverage(50), readings=()), "sonnet could not be told: the run stopped early, with 50 of 60 replies."),
        (target(LOST, state=State.LEARNING, nights=3, readings=()), "sonnet is still learning, no verdict yet: 3 nights accepted."),
        (target(LOST, state=State.LEARNING, nights=1, readings=()), "sonnet is still learning, no verdict yet: 1 night accepted."),
        (target(incident=incident(2)), "sonnet behaves as it did in its baseline tonight; the drift of 4 November is still open, 2 quiet nights since."),
        (target(incident=incident(7, recovered=True)), "sonnet behaves as it did in its baseline again; the drift of 4 November is over."),
        (target(LOST, failures=(("authentication", 1),), coverage=coverage(3, 1)), "sonnet was not asked to the end: its key was rejected (3 of 60 replies)."),
        (target(LOST, state=State.LEARNING, nights=3, readings=(), coverage=coverage(30)), "sonnet could not be told: 30 of 60 replies came back."),
        (target(LOST, readings=(make_reading("embedding", LOST),)), "sonnet could not be told: embedding was not measured."),
        (target(LOST, readings=(make_reading("embedding", LOST), make_reading("string", LOST))), "sonnet could not be told: embedding and string were not measured."),
        (target(LOST), "sonnet could not be told: it strayed from its baseline, and too little of the confirmation came back."),
    ],
)  # fmt: skip
def test_each_state_has_its_sentence(said: TargetVerdict, sentence: str) -> None:
    assert target_headline(said) == sentence


def test_one_case_is_called_a_case() -> None:
    alone = coverage(3).model_copy(update={"planned": 3, "cases_planned": 1})
    said = target(Outcome.REGRESSED, findings=(make_finding(None), make_finding("a")), coverage=alone)
    assert target_headline(said) == "sonnet declines more often in 1 of 1 case."


def test_drift_that_took_several_nights_to_see_says_so() -> None:
    lasting = make_finding(None, nights=5)
    said = target_headline(target(Outcome.REGRESSED, findings=(lasting,)))
    assert said == "sonnet declines more often, seen over the last 5 nights together."
    besides = make_finding(None, signal="length", outcome=Outcome.CHANGED)
    assert "nights together" not in target_headline(target(Outcome.REGRESSED, findings=(lasting, besides)))
    contract = make_finding("a", signal="contract")
    assert "nights together" not in target_headline(target(Outcome.REGRESSED, findings=(lasting, contract)))


def test_a_quiet_target_whose_drift_is_still_open_is_named_beside_another() -> None:
    said = headline((target(incident=incident(1)), target(Outcome.REGRESSED, "b")))
    assert said == "b declines more often. Drift still open: sonnet."


def test_drift_names_what_moved_and_in_how_many_cases() -> None:
    findings = (
        make_finding(None),
        make_finding("a"),
        make_finding("b"),
        make_finding("c", outcome=Outcome.IMPROVED),
        make_finding("d", signal="length", outcome=Outcome.CHANGED),
    )
    said = target_headline(target(Outcome.REGRESSED, findings=findings))
    assert said == "sonnet declines more often in 2 of 20 cases."


def test_drift_of_the_suite_that_no_case_shows_alone_names_no_case() -> None:
    assert target_headline(target(Outcome.REGRESSED)) == "sonnet declines more often."


def test_the_worst_is_named_first_and_two_are_enough() -> None:
    findings = tuple(
        make_finding(None, signal=signal, outcome=outcome)
        for signal, outcome in (
            ("length", Outcome.CHANGED),
            ("quality", Outcome.IMPROVED),
            ("format", Outcome.REGRESSED),
        )
    )
    said = target_headline(target(Outcome.REGRESSED, findings=findings))
    assert said == "sonnet breaks more rules and writes replies of another length."


def test_a_broken_contract_needs_no_finding_of_the_suite() -> None:
    broken = make_finding("a", signal="contract")
    assert (
        target_headline(target(Outcome.REGRESSED, findings=(broken,)))
        == "sonnet breaks a contract in 1 of 20 cases."
    )


@pytest.mark.parametrize("signal", [name for name in SIGNALS.names() if SIGNALS.load(name).decides])
def test_every_signal_that_decides_has_words_of_its_own(signal: str) -> None:
    found = SIGNALS.load(signal)
    # Only what spends a part of its level downwards can move for the better, which is called a change.
    outcomes = [Outcome.CHANGED] if found.direction == "none" or found.up < 1 else []
    outcomes += [Outcome.REGRESSED] if found.direction != "none" else []
    for outcome in outcomes:
        said = target_headline(
            target(outcome, findings=(make_finding(None, signal=signal, outcome=outcome),))
        )
        assert "moved" not in said


def test_what_moved_without_a_finding_is_still_a_sentence() -> None:
    assert target_headline(target(Outcome.CHANGED, findings=())) == "sonnet moved."


def test_drift_goes_before_what_could_not_be_told() -> None:
    lost = target(LOST, "gpt", coverage=coverage(0, 0))
    for drift in (Outcome.CHANGED, Outcome.REGRESSED):
        assert headline((lost, target(drift))) == target_headline(target(drift))
    assert headline((target(name="quiet"), lost)).startswith("gpt could not be measured")


def test_the_others_that_drifted_are_named_and_no_one_else() -> None:
    awaiting = target(LOST, "c", awaiting_confirmation=True)
    said = headline(
        (target(Outcome.CHANGED, "a"), target(Outcome.REGRESSED, "b"), awaiting, target(name="d"))
    )
    assert said.startswith("b declines more often.")
    assert said.endswith(" Also moved: a.")


@given(
    st.lists(
        st.builds(
            target,
            st.sampled_from(Outcome),
            state=st.sampled_from(State),
            baseline=st.sampled_from(BaselineState),
            coverage=st.builds(coverage, st.integers(0, 60), st.integers(0, 20)),
            readings=st.sampled_from([(), quiet_readings()]),
        ),
        max_size=3,
    )
)
def test_only_a_stable_target_is_said_to_behave(targets: list[TargetVerdict]) -> None:
    said = headline(targets)
    assert said.endswith(".")
    if "behaves as it did" in said:
        assert {t.outcome for t in targets} <= {Outcome.STABLE}


def test_what_is_the_same_of_all_targets_is_said_of_all() -> None:
    learning = {"state": State.LEARNING, "readings": ()}
    three = [target(name=name) for name in ("sonnet", "gpt", "local")]
    assert headline(three[:2]) == "sonnet and gpt behave as they did in their baselines."
    assert headline(three) == "sonnet, gpt and local behave as they did in their baselines."
    assert headline([*three, target(name="more")]).startswith("All 4 targets behave")
    assert headline([target(LOST, name, **learning, nights=0, nights_run=3) for name in ("a", "b")]) == (
        "a and b are still learning, no verdict yet: 3 nights ran, and none is accepted."
    )
    mixed = [target(LOST, "a", **learning, nights=0, nights_run=3), target(name="b")]
    assert headline(mixed) == "a is still learning, no verdict yet: 3 nights ran, and none is accepted."
