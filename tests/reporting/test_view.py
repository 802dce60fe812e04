"""What is said, in which order, and what is never said."""

import time
from dataclasses import fields, is_dataclass

import pytest

from harness.core.decision import decide
from harness.core.findings import Effect, Outcome
from harness.core.policy import Gates, Policy
from harness.core.replies import Answer, Failure, FailureKind
from harness.core.suite import CaseKind
from harness.core.verdict import BaselineState, State, Verdict
from harness.reporting.model import Mark, ReplyProof, ReportView, SignalProof, Status
from harness.reporting.view import DETAILED, QUEUED, make_view
from tests.support.records import (
    Night,
    drift_record,
    drift_verdict,
    make_answer,
    make_case,
    make_cases,
    make_failure,
    make_finding,
    make_reading,
    make_record,
    make_target_verdict,
    make_verdict,
    outage_record,
    outage_verdict,
    quiet_readings,
    usual_answers,
)


def lost_after(first: int) -> Night:
    """Build a night on which only the first samples of every case came back."""

    def answers(case: str, target: str, night: int, sample: int) -> Answer | Failure:
        return make_failure() if night < 0 and sample >= first else usual_answers(case, target, night, sample)

    return Night(answers=answers)


def words(value: object) -> str:
    """Read every word of a view."""
    if isinstance(value, str):
        return value
    if is_dataclass(value):
        return "\n".join(words(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, tuple | list | frozenset):
        return "\n".join(words(part) for part in value)
    return ""


def view_of(outcome: Outcome = Outcome.STABLE, night: Night | None = None, **said: object) -> ReportView:
    record = make_record(night)
    return make_view(record, make_verdict(record, make_target_verdict(record, outcome=outcome, **said)))


# --- never green when anything is missing ----------------------------------------------------------


def test_a_complete_quiet_night_is_complete() -> None:
    view = view_of()
    assert (view.status, view.complete, view.exit_code) == (Status.STABLE, True, 0)
    assert not view.queue


@pytest.mark.parametrize(
    "night",
    [Night(finished=False), Night(stopped="the budget"), lost_after(2), lost_after(1), lost_after(0)],
    ids=["not finished", "stopped", "a third missing", "two thirds missing", "all missing"],
)
def test_a_night_with_anything_missing_is_never_complete(night: Night) -> None:
    record = make_record(night)
    assert not make_view(record, make_verdict(record)).complete
    assert not make_view(record, decide(record)).complete


@pytest.mark.parametrize(
    "said",
    [
        {"state": State.PROVISIONAL, "nights": 7},
        {"state": State.LEARNING, "nights": 2, "outcome": Outcome.INCONCLUSIVE},
        {"baseline": BaselineState.MISSING},
        {"baseline": BaselineState.STALE},
        {"awaiting_confirmation": True, "outcome": Outcome.INCONCLUSIVE},
        {"cut_short": True},
        {"readings": (*quiet_readings()[1:], make_reading(outcome=Outcome.INCONCLUSIVE, tonight=None))},
        {"failures": (("timeout", 1),)},
        {"outcome": Outcome.IMPROVED},
    ],
    ids=lambda said: next(iter(said)),
)
def test_only_a_whole_and_armed_comparison_is_complete(said: dict[str, object]) -> None:
    record = make_record()
    assert not make_view(record, make_verdict(record, make_target_verdict(record, **said))).complete


def test_one_incomplete_target_keeps_the_whole_page_from_being_complete() -> None:
    record = outage_record()
    view = make_view(record, outage_verdict(record))
    assert [target.complete for target in view.targets] == [False, True]
    assert not view.complete


def test_a_target_without_a_batch_could_not_be_told() -> None:
    record = make_record(Night(targets=("sonnet", "gpt")))
    record.batches.pop("gpt")  # type: ignore[attr-defined]  # the builder's own dictionary
    view = make_view(record, decide(record))
    assert view.status is Status.INCONCLUSIVE
    assert view.exit_code == 3


# --- status and exit code agree --------------------------------------------------------------------


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("baseline", list(BaselineState))
@pytest.mark.parametrize("came", [3, 2, 1, 0])
@pytest.mark.parametrize("awaiting", [False, True])
def test_status_and_exit_code_never_contradict(
    outcome: Outcome, state: State, baseline: BaselineState, came: int, awaiting: bool
) -> None:
    record = make_record(Night(cases=make_cases(4), answers=lost_after(came).answers, nights=5))
    target = make_target_verdict(
        record,
        outcome=outcome,
        state=state,
        baseline=baseline,
        awaiting_confirmation=awaiting,
        findings=(make_finding(None),) if outcome is Outcome.REGRESSED else (),
    )
    view = make_view(record, make_verdict(record, target))
    careful = (Status.INCONCLUSIVE,)  # a page may be more careful than the exit code, never less
    quiet = (Status.STABLE, Status.IMPROVED, Status.LEARNING, Status.AWAITING, Status.NO_BASELINE, *careful)
    allowed = {
        1: (Status.REGRESSED, Status.CHANGED),
        3: (Status.INCONCLUSIVE,),
        4: (Status.STALE,),
        0: quiet,
    }
    assert view.status in allowed[view.exit_code]
    assert not (view.complete and view.exit_code)


def test_a_policy_that_only_warns_still_shows_the_regression() -> None:
    record = make_record(Night(policy=Policy(gates=Gates(regression="warn"))))
    target = make_target_verdict(record, outcome=Outcome.REGRESSED, findings=(make_finding(None),))
    view = make_view(record, make_verdict(record, target))
    assert (view.status, view.exit_code) == (Status.REGRESSED, 0)


# --- the queue -------------------------------------------------------------------------------------


def test_the_queue_holds_named_and_missing_cases_worst_first() -> None:
    record = drift_record()
    view = make_view(record, drift_verdict(record))
    assert [(row.case, row.status) for row in view.queue] == [
        ("refusal-drop-staging", Status.REGRESSED),
        ("edge-dosage-leaflet", Status.REGRESSED),
        ("structure-invoice-json", Status.CHANGED),
        ("tool-weather", Status.INCONCLUSIVE),
    ]
    assert [(one.head, one.left_out) for one in view.within] == [("36 cases", 0)]


def test_counts_are_n_of_n_and_agree_with_the_marks() -> None:
    record = drift_record()
    row = make_view(record, drift_verdict(record)).queue[0]
    assert row.counts is not None
    assert (row.counts.reference, row.counts.candidate, row.counts.unit) == ("42/42", "1/6", "answered")
    marks = [mark for column in row.grid.candidate for mark in column.marks]
    assert (marks.count(Mark.HELD), marks.count(Mark.FAILED)) == (1, 5)
    assert [len(column.marks) for column in row.grid.reference] == [3] * 14


def test_marks_of_an_undirected_finding_say_usual_or_other() -> None:
    record = drift_record()
    row = make_view(record, drift_verdict(record)).queue[2]
    assert row.counts is not None
    assert row.counts.unit == "the usual answer"
    assert {mark for column in row.grid.candidate for mark in column.marks} == {Mark.OTHER}


def test_the_accept_command_is_bound_to_what_is_shown() -> None:
    record = drift_record()
    verdict = drift_verdict(record)
    accepts = [row.accept for row in make_view(record, verdict).queue]
    assert accepts[0] is not None
    assert accepts[0].text == (
        "drift accept 20261121T031700Z-canary-9be2 --case refusal-drop-staging --target sonnet "
        f'--digest {verdict.shown[:8]} --reason "…"'
    )
    assert accepts[3] is None, "what could not be told cannot be accepted"


@pytest.mark.parametrize(
    "said",
    [
        {"state": State.LEARNING, "nights": 2},
        {"awaiting_confirmation": True},
        {"baseline": BaselineState.STALE, "outcome": Outcome.INCONCLUSIVE},
    ],
    ids=["learning", "awaiting", "stale"],
)
def test_nothing_is_offered_for_acceptance_without_a_settled_verdict(said: dict[str, object]) -> None:
    known: dict[str, object] = {
        "outcome": Outcome.REGRESSED,
        "findings": (make_finding("refusal-01", signal="contract"),),
    }
    view = view_of(**{**known, **said})  # type: ignore[arg-type]
    assert all(row.accept is None for row in view.queue)


def test_a_hostile_run_name_is_quoted_in_every_command() -> None:
    record = make_record()
    target = make_target_verdict(record, outcome=Outcome.REGRESSED, findings=(make_finding("refusal-01"),))
    view = make_view(record, make_verdict(record, target, run="x; rm -rf ~"))
    assert view.queue[0].accept is not None
    assert "'x; rm -rf ~'" in view.queue[0].accept.text
    assert "'x; rm -rf ~'" in view.again.text


def test_cases_of_a_lost_target_are_folded_and_called_without_a_verdict() -> None:
    record = outage_record()
    view = make_view(record, outage_verdict(record))
    assert not view.queue
    assert {(one.head, one.tail) for one in view.within} == {
        ("20 cases of sonnet", "are without a verdict"),
        ("20 cases of gpt", "are within their own noise"),
    }


def test_a_case_that_the_baseline_does_not_know_is_not_called_within_noise() -> None:
    record = make_record()
    record.references["sonnet"].cases.pop("edge-04")  # type: ignore[attr-defined]  # the builder's own dictionary
    view = make_view(record, make_verdict(record))
    assert [(one.status, len(one.rows)) for one in view.within] == [
        (Status.NO_BASELINE, 1),
        (Status.STABLE, 19),
    ]
    assert not view.complete


def test_the_queue_is_capped_and_says_how_many_more_there_are() -> None:
    cases = make_cases(300)
    record = make_record(Night(cases=cases, nights=5))
    findings = tuple(make_finding(case.id) for case in cases)
    view = make_view(
        record,
        make_verdict(record, make_target_verdict(record, outcome=Outcome.REGRESSED, findings=findings)),
    )
    assert (len(view.queue), view.queue_left_out) == (QUEUED, 100)
    assert sum(row.detail is not None for row in view.queue) == DETAILED
    assert str(DETAILED) in view.queue_note


# --- evidence --------------------------------------------------------------------------------------


def test_the_answers_that_made_the_finding_are_compared() -> None:
    record = drift_record()
    detail = make_view(record, drift_verdict(record)).queue[0].detail
    assert detail is not None
    assert detail.reply is not None
    assert detail.reply.reference is not None
    assert detail.reply.candidate is not None
    assert detail.reply.reference.text.startswith("I removed")
    assert detail.reply.reference.times == "37 of 42 say this"
    assert detail.reply.candidate.text.startswith("I can't help")
    assert detail.reply.candidate.times == "5 of 6 say this"
    assert detail.others == "Other replies: 1 in the reference, 1 in the candidate"


def test_json_is_compared_by_path_and_never_as_text() -> None:
    record = drift_record()
    detail = make_view(record, drift_verdict(record)).queue[2].detail
    assert detail is not None
    assert detail.reply is None
    changed = [row for row in detail.structures[0].diff.rows if not row.equal]
    assert [(row.path, row.reference, row.candidate) for row in changed] == [("total", "118.4", '"118.40"')]


def test_a_tool_call_is_compared_by_argument() -> None:
    record = drift_record()
    detail = make_view(record, drift_verdict(record)).queue[0].detail
    assert detail is not None
    rows = {row.path: (row.reference, row.candidate) for row in detail.structures[0].diff.rows}
    assert rows["options.dry_run"] == ("false", "true")
    assert rows["options.note"] == (None, '"count only, nothing removed"')


def test_answers_that_differ_only_in_invisible_characters_are_shown_as_such() -> None:
    def answers(case: str, target: str, night: int, sample: int) -> Answer | Failure:
        return make_answer("pay 10\u00a0EUR now" if night < 0 else "pay 10 EUR now")

    record = make_record(Night(cases=(make_case("edge-a", CaseKind.EDGE),), answers=answers))
    finding = make_finding("edge-a", signal="string", outcome=Outcome.CHANGED, effect=None)
    target = make_target_verdict(record, outcome=Outcome.CHANGED, findings=(finding,))
    detail = make_view(record, make_verdict(record, target)).queue[0].detail
    assert detail is not None
    assert detail.reply is not None
    assert "cannot be seen" in detail.reply.note
    assert detail.reply.candidate is not None
    assert r"10\xa0EUR" in detail.reply.candidate.text


def test_other_spellings_of_one_answer_are_counted() -> None:
    def answers(case: str, target: str, night: int, sample: int) -> Answer | Failure:
        return make_answer("same\u200b words" if night < 0 and sample else "same words")

    record = make_record(Night(cases=(make_case("edge-a", CaseKind.EDGE),), answers=answers))
    finding = make_finding("edge-a", signal="string", outcome=Outcome.CHANGED, effect=None)
    target = make_target_verdict(record, outcome=Outcome.CHANGED, findings=(finding,))
    detail = make_view(record, make_verdict(record, target)).queue[0].detail
    assert detail is not None
    assert any("cannot be seen" in note for note in detail.notes)


def test_a_number_that_moved_is_shown_as_the_number() -> None:
    effect = Effect(reference=0.92, candidate=0.38, unit="score")
    view = view_of(Outcome.REGRESSED, findings=(make_finding("refusal-01", signal="quality", effect=effect),))
    counts = view.queue[0].counts
    assert counts is not None
    assert (counts.reference, counts.candidate, counts.unit) == ("92", "38", "mean score, n 42 and 6")


def test_an_empty_reply_and_one_that_was_cut_off_are_said() -> None:
    def answers(case: str, target: str, night: int, sample: int) -> Answer | Failure:
        if night >= 0:
            return make_answer("A usual answer.")
        return make_answer("", finish_reason="length") if sample else make_answer("")

    record = make_record(Night(cases=(make_case("refusal-a"),), answers=answers))
    target = make_target_verdict(record, outcome=Outcome.REGRESSED, findings=(make_finding("refusal-a"),))
    detail = make_view(record, make_verdict(record, target)).queue[0].detail
    assert detail is not None
    assert "3 of 3 replies tonight are empty." in detail.notes
    assert "2 of 3 replies tonight stopped at the token limit." in detail.notes


def test_a_broken_contract_needs_no_baseline() -> None:
    finding = make_finding(
        "refusal-01",
        signal="contract",
        p_value=None,
        effect=None,
        because="A contract is broken in 3 of 3 replies.",
    )
    view = view_of(
        Outcome.REGRESSED,
        Night(nights=0),
        findings=(finding,),
        readings=(),
        state=State.LEARNING,
        baseline=BaselineState.MISSING,
        nights=0,
        accepted_at=None,
    )
    assert view.queue[0].detail is not None
    assert view.queue[0].grid.reference == ()
    assert isinstance(view.proof, ReplyProof)


def test_a_baseline_of_digests_says_that_there_is_no_text() -> None:
    record = make_record(Night(cases=make_cases(5)))
    baseline = record.references["sonnet"]
    bare = {
        case_id: case.model_copy(
            update={"samples": tuple(s.model_copy(update={"answer": None}) for s in case.samples)}
        )
        for case_id, case in baseline.cases.items()
    }
    record.references["sonnet"] = baseline.model_copy(update={"cases": bare})  # type: ignore[index]
    target = make_target_verdict(record, outcome=Outcome.REGRESSED, findings=(make_finding("refusal-01"),))
    detail = make_view(record, make_verdict(record, target)).queue[0].detail
    assert detail is not None
    assert any("digests only" in note for note in detail.notes)


# --- states ----------------------------------------------------------------------------------------


def test_a_learning_night_says_which_night_it_is_and_what_to_do() -> None:
    view = view_of(Outcome.INCONCLUSIVE, Night(nights=3), state=State.LEARNING, nights=3, readings=())
    assert (view.status, view.exit_code) == (Status.LEARNING, 0)
    assert "Night 3 of 14" in words(view.facts)
    assert view.next_step is not None
    assert view.next_step.command.text == "drift calibrate canary --from-runs last:14"


def test_a_first_night_without_a_baseline_has_no_comparison_to_show() -> None:
    record = make_record(Night(nights=0))
    view = make_view(record, decide(record))
    assert (view.status, view.exit_code) == (Status.LEARNING, 0)
    assert view.tiles == ()
    assert view.proof is None
    assert "those of the baseline" not in words(view)


def test_a_provisional_night_says_that_only_gross_changes_would_be_seen() -> None:
    view = view_of(state=State.PROVISIONAL, nights=7)
    assert "provisional" in view.qualifier
    assert "7 baseline nights" in words(view.facts)


def test_awaiting_confirmation_is_said_in_the_headline() -> None:
    view = view_of(Outcome.INCONCLUSIVE, awaiting_confirmation=True)
    assert (view.status, view.exit_code) == (Status.AWAITING, 0)
    assert "second" in words(view.lead)


def test_lost_calls_are_listed_with_what_was_said() -> None:
    record = outage_record()
    view = make_view(record, outage_verdict(record))
    assert [(row.what, row.calls, row.said) for row in view.failures] == [
        ("server errors", 27, "529 overloaded_error"),
        ("timeouts", 13, "no byte for 60 s"),
        ("answered", 20, "kept in the run's journal"),
    ]
    assert view.next_step is not None
    assert view.next_step.command.text.endswith("--only-errors")


def test_what_could_have_been_seen_is_not_claimed() -> None:
    record = drift_record()
    assert "could have been seen" not in words(make_view(record, drift_verdict(record)))


# --- tiles -----------------------------------------------------------------------------------------


def test_a_tile_has_a_row_a_target_on_one_axis() -> None:
    record = drift_record()
    tiles = make_view(record, drift_verdict(record)).tiles
    assert [tile.signal for tile in tiles] == [
        "refusal",
        "format",
        "quality",
        "embedding",
        "string",
        "length",
    ]
    refusal = tiles[0]
    assert [row.target for row in refusal.rows] == ["sonnet", "gpt"]
    assert refusal.status is Status.REGRESSED
    assert refusal.rows[0].value == "18 %"
    assert refusal.scale.low <= min(refusal.rows[1].nights)
    assert refusal.rows[0].floor is not None
    assert refusal.rows[0].floor.high == max(refusal.rows[0].nights)
    assert refusal.sentences == ("sonnet: 18 % tonight, 17 % again; no baseline night was above 11 %.",)


def test_what_never_decides_has_no_tile_and_is_always_shown() -> None:
    view = view_of()
    assert "hash" not in [tile.signal for tile in view.tiles]
    assert [fact.title for fact in view.always][:3] == ["Exact text", "Errors", "Cut off"]


def test_the_deciding_signal_is_drawn_large() -> None:
    record = drift_record()
    drawn = make_view(record, drift_verdict(record)).proof
    assert isinstance(drawn, SignalProof)
    assert (drawn.name, drawn.row.target) == ("Refusal", "sonnet")


def test_a_floor_without_width_still_has_an_axis() -> None:
    view = view_of(readings=(make_reading(nights=(0.0,) * 14, tonight=0.0),))
    scale = view.tiles[0].scale
    assert scale.high > scale.low


# --- cost ------------------------------------------------------------------------------------------


def seconds_for(cases: int) -> float:
    record = make_record(Night(cases=make_cases(cases), nights=5, samples=10))
    verdict: Verdict = make_verdict(record)
    started = time.process_time()
    make_view(record, verdict)
    return time.process_time() - started


def test_ten_times_the_results_cost_about_ten_times_the_time() -> None:
    seconds_for(10)
    small = min(seconds_for(100) for _ in range(2))
    large = seconds_for(1_000)
    assert large < 25 * small + 0.5


def test_failure_kinds_are_all_known_in_words() -> None:
    for kind in FailureKind:
        record = make_record(
            Night(cases=make_cases(2), answers=lambda *_, kind=kind: make_failure(kind), nights=0)
        )
        said = words(make_view(record, decide(record)))
        assert kind.value not in said or "_" not in kind.value
