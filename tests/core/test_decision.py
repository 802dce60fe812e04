"""Test the decision of whole runs: what is missing is never stable, and what is stable is never drift."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.baseline_state import comparable, state_of
from harness.core.batch import Baseline, CaseBaseline, StoredMeasures
from harness.core.canonical import text_digest
from harness.core.decision import decide
from harness.core.findings import Outcome
from harness.core.messages import Message, Role
from harness.core.plan import Round
from harness.core.policy import Gates, Limits, Policy
from harness.core.replies import Answer, Failure
from harness.core.run import Earlier, RunRecord
from harness.core.suite import Case, Target
from harness.core.verdict import BaselineState, OpenIncident, State
from tests.support.cases import Noise, decided, encoded
from tests.support.records import (
    Answers,
    Night,
    make_answer,
    make_case,
    make_cases,
    make_failure,
    make_record,
)

CASES = make_cases(8)
OTHER_MODEL, DECLINES = Noise(other=1.0), Noise(refuses=0.9)


def run(answers: Answers = Noise(), **fields: object) -> RunRecord:  # noqa: B008  # frozen
    known: dict[str, object] = {"cases": CASES, "nights": 6, "answers": answers, "confirm": ("sonnet",)}
    return encoded(make_record(Night(**{**known, **fields})))  # type: ignore[arg-type]


def code(record: RunRecord, policy: Policy | None = None) -> int:
    return decide(record, policy).exit_code


def with_baseline(record: RunRecord, change: Callable[[dict[str, CaseBaseline]], object]) -> RunRecord:
    """Change the accepted cases of a run."""
    baseline = record.references["sonnet"]
    held = dict(baseline.cases)
    change(held)
    return replace(record, references={"sonnet": baseline.model_copy(update={"cases": held})})


def keep_nights(held: dict[str, CaseBaseline], cases: int, nights: int) -> None:
    for case_id in list(held)[:cases]:
        kept = held[case_id].nights()[:nights]
        samples = tuple(s for s in held[case_id].samples if s.night in kept)
        held[case_id] = held[case_id].model_copy(update={"samples": samples})


# --- quiet, drifted, confirmed ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_the_same_model_is_stable(seed: int) -> None:
    record = run(Noise(seed=seed))
    target = decided(record)
    assert (target.outcome, target.confirmed, target.findings) == (Outcome.STABLE, None, ())
    assert (code(record), target.state) == (0, State.PROVISIONAL)


def test_a_swap_is_a_change_and_refusing_is_a_regression() -> None:
    swap, declines = decided(run(OTHER_MODEL)), decided(run(DECLINES))
    assert (swap.outcome, swap.confirmed) == (Outcome.CHANGED, True)
    assert {f.signal for f in swap.findings} <= {"embedding", "string", "length", "spread"}
    assert declines.outcome is Outcome.REGRESSED
    assert "refusal" in {f.signal for f in declines.findings if f.case is None}
    assert code(run(OTHER_MODEL)) == code(run(DECLINES)) == 1


def test_gates_set_to_warn_show_the_drift_and_let_it_pass() -> None:
    for answers, gates in (
        (OTHER_MODEL, Gates(undirected_drift="warn")),
        (DECLINES, Gates(regression="warn")),
    ):
        verdict = decide(run(answers), Policy(gates=gates))
        assert (verdict.exit_code, bool(verdict.targets[0].findings)) == (0, True)


def test_without_a_second_batch_drift_awaits_its_confirmation() -> None:
    target = decided(run(OTHER_MODEL, confirm=()))
    assert (target.outcome, target.awaiting_confirmation, target.confirmed) == (
        Outcome.INCONCLUSIVE,
        True,
        None,
    )
    assert target.findings == ()
    assert code(run(OTHER_MODEL, confirm=())) == 0


def test_a_confirmation_that_does_not_hold_is_stable_and_said() -> None:
    record = run(Noise(other=1.0, only_first=True))
    target = decided(record)
    assert (target.outcome, target.confirmed, target.findings) == (Outcome.STABLE, False, ())
    assert code(record) == 0


def test_a_policy_that_asks_for_no_confirmation_takes_the_first_batch() -> None:
    assert code(run(OTHER_MODEL, confirm=()), Policy(confirm=False)) == 1


def test_the_same_record_is_decided_the_same_way() -> None:
    assert decide(run(DECLINES)) == decide(run(DECLINES))


def test_what_is_shown_changes_with_a_reply_or_the_policy() -> None:
    shown = {
        decide(run()).shown,
        decide(run(Noise(seed=2))).shown,
        decide(run(), Policy(alpha=0.02)).shown,
    }
    assert len(shown) == 3


@settings(max_examples=8, deadline=None)
@given(st.permutations(CASES))
def test_the_order_of_cases_decides_nothing(cases: list[Case]) -> None:
    for answers in (Noise(), DECLINES):
        assert decided(run(answers, cases=cases)).outcome is decided(run(answers)).outcome


def test_more_drift_is_never_less_of_a_finding() -> None:
    found = [decided(run(Noise(refuses=share))) for share in (0.0, 0.3, 0.6, 1.0)]
    tonight = [next(r.tonight for r in t.readings if r.signal == "refusal") for t in found]
    assert tonight == sorted(tonight, key=lambda value: value or 0.0)
    weights = [t.outcome.weight for t in found]
    assert weights == sorted(weights)
    assert (found[0].outcome, found[-1].outcome) == (Outcome.STABLE, Outcome.REGRESSED)


# --- losing samples never looks stable ---------------------------------------------------------------

LOSSES: dict[str, Callable[[str, int, int], bool]] = {
    "all": lambda case, night, sample: True,
    "over a third": lambda case, night, sample: sample == 0 or case == CASES[0].id,
    "over a quarter of the cases": lambda case, night, sample: case in {c.id for c in CASES[:3]},
}


@pytest.mark.parametrize("lost", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize(("refuses", "other"), [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize("nights", [0, 2, 6])
def test_losing_samples_never_looks_stable(
    lost: Callable[[str, int, int], bool], refuses: float, other: float, nights: int
) -> None:
    record = run(Noise(refuses=refuses, other=other, lost=lost), nights=nights)
    target = decided(record)
    assert (target.outcome, target.findings) == (Outcome.INCONCLUSIVE, ())
    assert not target.awaiting_confirmation
    assert code(record) == 3


def test_exactly_a_third_lost_is_still_decided() -> None:
    lost = Noise(lost=lambda case, night, sample: sample == 0)
    assert decided(run(lost)).outcome is Outcome.STABLE
    assert decided(run(replace(OTHER_MODEL, lost=lost.lost))).outcome is Outcome.CHANGED


def test_a_missing_encoder_is_no_pass() -> None:
    record = replace(run(), vectors={})
    assert decided(record).outcome is Outcome.INCONCLUSIVE
    assert code(record) == 3


def test_an_encoder_that_gives_no_numbers_is_no_drift() -> None:
    record = run()
    broken = {name: vector * float("nan") for name, vector in record.vectors.items()}
    target = decided(replace(record, vectors=broken))
    assert (target.outcome, target.findings) == (Outcome.INCONCLUSIVE, ())


@pytest.mark.parametrize(
    ("encoded_cases", "outcome"), [(1, "inconclusive"), (5, "inconclusive"), (6, "stable")]
)
def test_an_encoder_that_fails_on_over_a_quarter_of_the_cases_is_no_pass(
    encoded_cases: int, outcome: str
) -> None:
    record = run()
    known = [case.id for case in CASES[:encoded_cases]]
    kept = {
        text_digest(s.answer.measured_text)
        for case in known
        for s in (*record.references["sonnet"].cases[case].samples, *record.batches["sonnet"].samples[case])
        if s.answer is not None
    }
    vectors = {name: vector for name, vector in record.vectors.items() if name in kept}
    assert decided(replace(record, vectors=vectors)).outcome.value == outcome


def test_a_target_whose_calls_were_never_made_could_not_be_told() -> None:
    record = replace(run(), batches={})
    target = decided(record)
    assert (target.outcome, target.coverage.planned, target.coverage.measured) == (
        Outcome.INCONCLUSIVE,
        24,
        0,
    )
    assert code(record) == 3


def test_a_run_that_was_cut_short_is_no_pass_and_no_drift() -> None:
    for answers in (Noise(), OTHER_MODEL):
        record = run(answers, stopped="the time cap")
        target = decided(record)
        assert (target.outcome, target.cut_short) == (Outcome.INCONCLUSIVE, True)
        assert code(record) == 3
        assert any("the time cap" in said for said in target.confounders)


def confirmation(kept: int, made: int = 3) -> RunRecord:
    """Swap the model, answer `kept` of `made` samples of each confirmation, and never call the others."""
    record = run(replace(OTHER_MODEL, lost=lambda case, night, sample: night == -2 and sample >= kept))
    batch = record.batches["sonnet"]
    samples = {
        case: tuple(s for s in found if s.round is Round.FIRST or s.number < made)
        for case, found in batch.samples.items()
    }
    return replace(record, batches={"sonnet": batch.model_copy(update={"samples": samples})})


def test_a_confirmation_that_was_lost_could_not_tell() -> None:
    for kept in (0, 1):
        target = decided(confirmation(kept))
        assert (target.outcome, target.awaiting_confirmation, target.findings) == (
            Outcome.INCONCLUSIVE,
            False,
            (),
        )
        assert code(confirmation(kept)) == 3
    assert code(confirmation(2)) == 1


def test_a_confirmation_that_was_interrupted_is_still_awaited() -> None:
    target = decided(confirmation(kept=1, made=1))
    assert (target.awaiting_confirmation, target.outcome) == (True, Outcome.INCONCLUSIVE)


def test_refusals_that_cannot_be_read_tonight_are_no_pass() -> None:
    def unclear(case: str, target: str, night: int, sample: int) -> Answer | Failure:
        if night < 0:
            return make_answer("What exactly do you mean?")
        return Noise()(case, target, night, sample)

    # The embedding and the wording may not gate, so that only the refusal is left to tell.
    cases = tuple(case.model_copy(update={"signals": ("refusal",)}) for case in CASES)
    record = run(unclear, cases=cases)
    refusal = next(r for r in decided(record).readings if r.signal == "refusal")
    assert (refusal.tonight, refusal.outcome) == (None, Outcome.INCONCLUSIVE)
    assert code(record) == 3


def test_a_suite_that_lets_few_signals_gate_is_not_short_of_the_others() -> None:
    cases = tuple(case.model_copy(update={"signals": ("refusal",)}) for case in CASES)
    assert decided(run(cases=cases)).outcome is Outcome.STABLE
    assert decided(run(OTHER_MODEL, cases=cases)).outcome is Outcome.STABLE
    assert decided(run(DECLINES, cases=cases)).outcome is Outcome.REGRESSED


def test_a_baseline_of_digests_is_not_short_of_the_texts_it_never_kept() -> None:
    measures = StoredMeasures(refusal="complied", invalid=None, quality=None, length=3.8)

    def forget(held: dict[str, CaseBaseline]) -> None:
        for case_id, case in held.items():
            samples = tuple(s.model_copy(update={"answer": None, "measures": measures}) for s in case.samples)
            held[case_id] = case.model_copy(update={"samples": samples})

    target = decided(with_baseline(replace(run(), vectors={}), forget))
    found = {r.signal: r for r in target.readings}
    assert (found["embedding"].p_value, found["string"].p_value) == (None, None)
    assert found["refusal"].p_value is not None
    assert Outcome.INCONCLUSIVE not in {r.outcome for r in target.readings}
    assert code(with_baseline(run(DECLINES), forget)) == 1


# --- edge cases --------------------------------------------------------------------------------------


def test_a_constant_prompt_breaks_nothing() -> None:
    def constant(case: str, target: str, night: int, sample: int) -> Answer | Failure:
        return make_answer("42")

    record = run(constant)
    assert decided(record).outcome is Outcome.STABLE
    assert {r.p_value for r in decided(record).readings if r.p_value is not None} == {1.0}
    mixed = run(lambda c, t, n, s: make_answer("42") if c == CASES[0].id else OTHER_MODEL(c, t, n, s))
    assert decided(mixed).outcome is Outcome.CHANGED


def test_empty_answers_are_values() -> None:
    always = run(lambda c, t, n, s: make_answer(""))
    assert decided(always).outcome is Outcome.STABLE
    assert decided(always).coverage.measured == 24
    now = decided(run(lambda c, t, n, s: make_answer("") if n < 0 else Noise()(c, t, n, s)))
    assert now.outcome is Outcome.REGRESSED


def test_the_hash_never_decides_alone() -> None:
    def renumbered(case: str, target: str, night: int, sample: int) -> Answer | Failure:
        reply = Noise()(case, target, night, sample)
        return reply if night >= 0 or isinstance(reply, Failure) else make_answer(f"{reply.text[:-1]}!")

    cases = tuple(
        case.model_copy(update={"signals": ("hash", "refusal", "format", "quality")}) for case in CASES
    )
    target = decided(run(renumbered, cases=cases))
    hashed = next(r for r in target.readings if r.signal == "hash")
    assert (hashed.tonight or 0.0) > max(hashed.nights)
    assert hashed.p_value is None
    assert (target.outcome, hashed.outcome, target.findings) == (Outcome.STABLE, Outcome.STABLE, ())


# --- the state of the baseline -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nights", "state"),
    [
        (0, State.LEARNING),
        (4, State.LEARNING),
        (5, State.PROVISIONAL),
        (13, State.PROVISIONAL),
        (14, State.ARMED),
        (99, State.ARMED),
    ],
)
def test_the_number_of_nights_says_how_much_is_known(nights: int, state: State) -> None:
    assert state_of(nights, Policy()) is state


@pytest.mark.parametrize(
    ("nights", "state"), [(0, State.LEARNING), (4, State.LEARNING), (5, State.PROVISIONAL), (14, State.ARMED)]
)
def test_a_night_that_learns_gives_no_verdict_and_passes(nights: int, state: State) -> None:
    target = decided(run(OTHER_MODEL, nights=nights))
    assert (target.state, target.nights) == (state, nights)
    assert (target.outcome is Outcome.CHANGED) is (state is not State.LEARNING)
    assert target.baseline is (BaselineState.PRESENT if nights else BaselineState.MISSING)
    assert code(run(nights=nights)) == 0


def test_a_few_cases_accepted_anew_do_not_blind_the_rest() -> None:
    for cases in (1, 2):
        record = with_baseline(run(OTHER_MODEL), lambda held, n=cases: keep_nights(held, n, 1))  # type: ignore[misc]
        target = decided(record)
        assert (target.state, target.nights, target.outcome) == (State.PROVISIONAL, 6, Outcome.CHANGED)
        assert target.coverage.cases_compared == len(CASES) - cases
        assert not {f.case for f in target.findings} & {case.id for case in CASES[:cases]}
        assert any("still learning" in said for said in target.confounders)


def test_a_case_that_is_still_learning_cannot_raise_an_alarm() -> None:
    def only_first_case(case: str, target: str, night: int, sample: int) -> Answer | Failure:
        return (OTHER_MODEL if case == CASES[0].id else Noise())(case, target, night, sample)

    record = with_baseline(run(only_first_case), lambda held: keep_nights(held, 1, 4))
    assert decided(record).outcome is Outcome.STABLE


def test_over_a_third_of_the_cases_learning_is_a_suite_that_learns() -> None:
    record = with_baseline(run(OTHER_MODEL), lambda held: keep_nights(held, 3, 2))
    target = decided(record)
    assert (target.state, target.nights, target.outcome) == (State.LEARNING, 2, Outcome.INCONCLUSIVE)


def test_a_baseline_of_a_few_of_the_cases_does_not_speak_for_all() -> None:
    def drop(held: dict[str, CaseBaseline]) -> None:
        for case_id in list(held)[2:]:
            del held[case_id]

    target = decided(with_baseline(run(), drop))
    assert (target.state, target.outcome) == (State.LEARNING, Outcome.INCONCLUSIVE)
    assert any("not in the baseline yet" in said for said in target.confounders)


def test_a_case_without_a_single_accepted_sample_is_unknown() -> None:
    record = with_baseline(run(), lambda held: keep_nights(held, 1, 0))
    target = decided(record)
    assert (target.outcome, target.state) == (Outcome.STABLE, State.PROVISIONAL)
    assert f"{CASES[0].id} is not in the baseline yet." in target.confounders


def test_a_burst_arms_provisionally_whatever_its_size() -> None:
    def burst(held: dict[str, CaseBaseline]) -> None:
        for case_id, case in held.items():
            samples = tuple(
                s.model_copy(update={"burst": True, "run": s.night, "night": "2026-10-18"})
                for s in case.samples
            )
            held[case_id] = case.model_copy(update={"samples": samples})

    target = decided(with_baseline(run(OTHER_MODEL, nights=14), burst))
    assert (target.state, target.nights, target.outcome) == (State.PROVISIONAL, 1, Outcome.CHANGED)


# --- stale -------------------------------------------------------------------------------------------


def asked_otherwise(count: int) -> RunRecord:
    """Change the question of some cases after the baseline was accepted."""
    record = run()
    other = (Message(role=Role.USER, content="Something else."),)
    cases = tuple(c.model_copy(update={"messages": other}) if n < count else c for n, c in enumerate(CASES))
    suite = record.manifest.suite.model_copy(update={"cases": cases})
    return replace(record, manifest=record.manifest.model_copy(update={"suite": suite}))


@pytest.mark.parametrize(("changed", "stale"), [(0, False), (1, False), (2, False), (3, True), (8, True)])
def test_over_a_quarter_of_the_questions_changed_is_a_stale_baseline(changed: int, stale: bool) -> None:
    record = asked_otherwise(changed)
    target = decided(record)
    assert (target.baseline is BaselineState.STALE) is stale
    assert target.coverage.cases_compared == 8 - changed
    assert target.outcome is (Outcome.INCONCLUSIVE if stale else Outcome.STABLE)
    assert code(record) == (4 if stale else 0)
    assert code(record, Policy(gates=Gates(stale_baseline="warn"))) == 0


def test_a_share_of_cases_that_rounding_cannot_hold_is_still_the_share() -> None:
    policy = Policy(limits=Limits(min_cases=0.9))
    cases = make_cases(10)
    record = run(cases=cases)
    other = (Message(role=Role.USER, content="Something else."),)
    suite = record.manifest.suite.model_copy(
        update={"cases": (cases[0].model_copy(update={"messages": other}), *cases[1:])}
    )
    record = replace(record, manifest=record.manifest.model_copy(update={"suite": suite, "policy": policy}))
    assert decided(record).baseline is BaselineState.PRESENT


def test_a_baseline_that_the_store_called_stale_is_4_and_says_why() -> None:
    record = replace(run(), stale={"sonnet": "It was measured by another encoder."})
    assert "It was measured by another encoder." in decided(record).confounders
    assert code(record) == 4


def baseline_and_target() -> tuple[Baseline, RunRecord]:
    record = run()
    return record.references["sonnet"], record


def test_another_model_is_stale_unless_the_baseline_is_anothers() -> None:
    baseline, record = baseline_and_target()
    (target,) = record.manifest.targets
    other = target.model_copy(update={"target": Target(model="anthropic/other")})
    assert len(comparable(CASES, other, baseline, Policy()).changed) == 8
    borrowed = other.model_copy(update={"baseline_of": "elsewhere"})
    assert comparable(CASES, borrowed, baseline, Policy()).changed == ()


def test_a_changed_ruler_is_measured_again_where_the_text_was_kept() -> None:
    baseline, record = baseline_and_target()
    (target,) = record.manifest.targets
    graded = [c.model_copy(update={"expect": make_case("x", expect={"length": {}}).expect}) for c in CASES]
    assert comparable(graded, target, baseline, Policy()).changed == ()
    (first, *_) = baseline.cases
    held = dict(baseline.cases)
    measures = StoredMeasures(refusal="complied", invalid=None, quality=None, length=1.0)
    one = held[first].samples[0].model_copy(update={"answer": None, "measures": measures})
    held[first] = held[first].model_copy(update={"samples": (one, *held[first].samples[1:])})
    kept = baseline.model_copy(update={"cases": held})
    assert comparable(graded, target, kept, Policy()).changed == (first,)
    assert comparable(CASES, target, kept, Policy()).changed == ()


@settings(max_examples=25)
@given(st.sets(st.integers(0, 7)), st.sets(st.integers(0, 7)), st.sets(st.integers(0, 7)))
def test_every_case_is_sorted_once(changed: set[int], unknown: set[int], few: set[int]) -> None:
    baseline, record = baseline_and_target()
    (target,) = record.manifest.targets
    held = {k: v for n, (k, v) in enumerate(baseline.cases.items()) if n not in unknown}
    for n, (case_id, case) in enumerate(baseline.cases.items()):
        if n in few and case_id in held:
            held[case_id] = case.model_copy(update={"samples": case.samples[:3]})
    other = (Message(role=Role.USER, content="Something else."),)
    cases = [c.model_copy(update={"messages": other}) if n in changed else c for n, c in enumerate(CASES)]
    found = comparable(cases, target, baseline.model_copy(update={"cases": held}), Policy())
    assert sorted([*found.cases, *found.changed, *found.unknown]) == sorted(c.id for c in CASES)
    assert set(found.few_nights) <= set(found.cases)
    assert set(found.unknown) == {CASES[n].id for n in unknown}


# --- contracts ---------------------------------------------------------------------------------------

CONTRACT = make_case("contract", always=True, expect={"checks": [{"not_contains": "broken"}]})


def contract_run(replies: str, *, again: str = "", before: str = "ggg", nights: int = 0) -> RunRecord:
    """Answer the contract with one letter a sample: b broken, g good, x lost."""

    def answers(case: str, target: str, night: int, sample: int) -> Answer | Failure:
        said = {-1: replies, -2: again or replies}.get(night, before)[sample]
        if case != CONTRACT.id:
            return Noise()(case, target, night, sample)
        return make_failure() if said == "x" else make_answer("broken" if said == "b" else "fine")

    cases = (CONTRACT, *CASES)
    return run(answers, cases=cases, nights=nights, confirm=("sonnet",) if again else ())


@pytest.mark.parametrize(
    ("replies", "again", "found"),
    [("bbb", "", 1), ("bbg", "", 1), ("bgg", "", 0), ("ggg", "", 0), ("bbx", "", 1), ("bxx", "", 0), ("xxx", "", 0),
     ("bbb", "bbb", 1), ("bbb", "bgg", 0), ("bgg", "bbb", 0), ("bbb", "xxx", 1)],
)  # fmt: skip
def test_a_contract_broken_in_most_replies_is_a_regression_while_learning(
    replies: str, again: str, found: int
) -> None:
    record = contract_run(replies, again=again)
    assert code(record) == found
    assert [f.case for f in decided(record).findings] == [CONTRACT.id] * found


def test_a_contract_that_any_accepted_reply_breaks_is_none_that_held() -> None:
    for before, broken in (("ggg", True), ("bbb", False), ("ggb", False)):
        target = decided(contract_run("bbb", again="bbb", before=before, nights=6))
        assert ("contract" in {f.signal for f in target.findings}) is broken


def test_one_reply_out_of_an_outage_breaks_no_contract() -> None:
    record = contract_run("bxx")
    batch = record.batches["sonnet"]
    lost = {
        case: tuple(s.model_copy(update={"reply": make_failure()}) for s in samples)
        for case, samples in batch.samples.items()
        if case != CONTRACT.id
    }
    samples = {**batch.samples, **lost}
    record = replace(record, batches={"sonnet": batch.model_copy(update={"samples": samples})})
    assert decided(record).findings == ()
    assert code(record) == 3


def test_drift_beside_a_broken_contract_does_not_hide_it() -> None:
    assert code(contract_run("bbb", again="bbb", nights=6)) == 1
    swapped = run(
        lambda c, t, n, s: (
            make_answer("broken" if n < 0 else "fine") if c == CONTRACT.id else OTHER_MODEL(c, t, n, s)
        ),
        cases=(CONTRACT, *CASES),
        confirm=(),
    )
    awaited = replace(swapped, manifest=swapped.manifest.model_copy(update={"confirm": False}))
    assert decided(swapped).awaiting_confirmation
    assert code(awaited) == 1


# --- what else changed -------------------------------------------------------------------------------


def served_by(model: str | None, print_: str | None, before: str | None = "m-1") -> tuple[str, ...]:
    def answers(case: str, target: str, night: int, sample: int) -> Answer | Failure:
        more = {"model_served": model, "system_fingerprint": print_}
        usual = {"model_served": before, "system_fingerprint": "fp-1" if before else None}
        return make_answer("hi", **(more if night < 0 else usual))

    return decided(run(answers, cases=CASES[:2], confirm=())).confounders


def test_a_new_model_name_or_fingerprint_is_named_and_the_old_ones_are_not() -> None:
    assert served_by("m-1", "fp-1") == ()
    assert served_by("m-2", "fp-1") == ("The model served is new: m-2 (baseline: m-1).",)
    assert served_by("m-1", "fp-2") == ("The provider's fingerprint is new: fp-2 (baseline: fp-1).",)
    assert served_by(None, None) == ()
    assert served_by("m-2", "fp-2", before=None) == ()


def test_confounders_are_whole_sentences_for_one_and_for_many() -> None:
    one, two = CASES[0].id, CASES[1].id
    assert (
        f"{one} changed since the baseline was accepted, so no comparison was made there."
        in decided(asked_otherwise(1)).confounders
    )
    assert (
        f"{one}, {two} changed since the baseline was accepted, so no comparison was made there."
        in decided(asked_otherwise(2)).confounders
    )
    many = decided(asked_otherwise(8)).confounders
    assert any(f"{one}, {two}, {CASES[2].id} and 5 more changed" in said for said in many)
    for count, verb in ((1, "is"), (2, "are")):
        lost = with_baseline(run(), lambda held, n=count: keep_nights(held, n, 0))  # type: ignore[misc]
        listed = ", ".join(case.id for case in CASES[:count])
        assert f"{listed} {verb} not in the baseline yet." in decided(lost).confounders


def test_another_encoder_is_named() -> None:
    record = run()
    manifest = record.manifest.model_copy(update={"encoder": "ffff"})
    said = decided(replace(record, manifest=manifest)).confounders
    assert any("from 1110a243fdf4 to ffff" in one for one in said)


# --- a drift that is open -----------------------------------------------------------------------------


def test_a_night_that_could_not_tell_neither_calms_a_drift_nor_stirs_it() -> None:
    held = OpenIncident(id="canary-sonnet-20261101", opened="2026-11-01", signals=("string",), quiet_nights=3)
    counts = {}
    for name, record in (
        ("quiet", run()),
        (
            "lost",
            run(lambda case, target, night, sample: make_failure() if night < 0 else make_answer("fine")),
        ),
        ("drifted", run(OTHER_MODEL)),
    ):
        scheduled = record.manifest.model_copy(update={"scheduled": True})
        known = replace(record, manifest=scheduled, earlier=Earlier(incidents={"sonnet": held}))
        incident = decided(known).incident
        assert incident is not None
        counts[name] = incident.quiet_nights
    assert counts == {"quiet": 4, "lost": 3, "drifted": 0}


def test_a_broken_contract_that_failed_its_night_does_not_wait_under_another_policy() -> None:
    record = contract_run("bbb", nights=6)
    later = record.manifest.policy.model_copy(update={"confirm_after": "next-run"})
    record = replace(record, manifest=record.manifest.model_copy(update={"policy": later}))
    assert decide(record).exit_code == decide(record, Policy()).exit_code == 1
