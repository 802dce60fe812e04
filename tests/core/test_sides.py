"""Test that two sides are paired where they were asked the same, and graded by one ruler."""

from dataclasses import replace

from harness.core.batch import StoredMeasures
from harness.core.canonical import text_digest
from harness.core.messages import Message, Role
from harness.core.plan import Round
from harness.core.sides import Side, baseline_side, make_comparison, pair_sides, run_side, texts_of
from harness.core.suite import Case, question_of
from tests.support.records import Night, make_answer, make_case, make_cases, make_failure, make_record

USER = Message(role=Role.USER, content="Do it.")
SYSTEM = Message(role=Role.SYSTEM, content="Be brief.")


def side(name: str, *cases: Case, text: str = "hi", answers: int = 3) -> Side:
    return Side(
        name=name,
        answers={case.id: tuple(make_answer(f"{text} {n}") for n in range(answers)) for case in cases},
        cases={case.id: case for case in cases},
    )


def asked(*messages: Message, case_id: str = "a", **fields: object) -> Case:
    return make_case(case_id, messages=messages, **fields)


def shared(reference: Side, candidate: Side) -> list[str]:
    return [case.id for case in pair_sides(reference, candidate).shared]


def test_cases_that_only_one_side_answered_are_named() -> None:
    one, two, three = make_cases(3)
    pairing = pair_sides(side("r", one, two), side("c", two, three))
    assert [case.id for case in pairing.shared] == [two.id]
    assert (pairing.only_reference, pairing.only_candidate) == ((one.id,), (three.id,))


def test_a_case_without_answers_on_a_side_has_no_counterpart() -> None:
    case = make_case("a")
    for reference, candidate in ((0, 3), (3, 0)):
        pairing = pair_sides(side("r", case, answers=reference), side("c", case, answers=candidate))
        assert pairing.shared == ()
        assert pairing.only_reference == pairing.only_candidate == ("a",)


def test_two_questions_under_one_id_are_not_compared() -> None:
    other = asked(Message(role=Role.USER, content="Do that."))
    assert shared(side("r", asked(USER)), side("c", asked(USER))) == ["a"]
    assert shared(side("r", asked(USER)), side("c", other)) == []


def test_the_same_last_message_after_another_system_prompt_is_another_question() -> None:
    assert shared(side("r", asked(SYSTEM, USER)), side("c", asked(USER))) == []
    assert shared(side("r", asked(SYSTEM, USER)), side("c", asked(SYSTEM, USER))) == ["a"]


def test_a_recording_that_holds_the_last_message_alone_is_matched_by_it() -> None:
    recorded = replace(side("r", asked(USER)), cases={}, questions={"a": question_of((USER,))})
    assert shared(recorded, side("c", asked(SYSTEM, USER))) == ["a"]
    assert shared(side("c", asked(SYSTEM, USER)), recorded) == ["a"]
    assert shared(recorded, side("c", asked(SYSTEM))) == []


def test_where_nobody_wrote_down_what_was_asked_answers_are_paired_by_id() -> None:
    bare = replace(side("r", asked(USER)), cases={})
    assert shared(bare, side("c", asked(SYSTEM))) == ["a"]
    (case,) = pair_sides(bare, replace(bare, name="c")).shared
    assert case.id == "a"
    assert not case.expect.has_rules


def test_one_ruler_grades_both_sides() -> None:
    strict = asked(USER, expect={"checks": [{"contains": "hi 0"}]})
    mild = asked(USER, expect={"checks": [{"contains": "hi"}]})
    reference, candidate = side("r", strict), side("c", mild)
    for ruler, invalid in ((None, [0, 0, 0]), ({"a": strict}, [0, 1, 1])):
        pairing = pair_sides(reference, candidate, ruler)
        (measured,) = make_comparison(reference, candidate, pairing, {}).cases
        for samples in (measured.reference, measured.candidate):
            assert [s.measures.invalid for s in samples] == invalid


def test_the_references_rules_serve_where_the_candidate_has_none() -> None:
    ruled = asked(USER, expect={"checks": [{"contains": "hi"}]})
    bare = replace(side("c", ruled), cases={})
    assert pair_sides(side("r", ruled), bare).shared == (ruled,)


def test_a_run_compared_with_itself_keeps_its_sides_apart() -> None:
    one = side("same", *make_cases(2))
    comparison = make_comparison(one, one, pair_sides(one, one), {})
    for measured in comparison.cases:
        batches = {s.batch for s in measured.reference}, {s.batch for s in measured.candidate}
        assert batches[0].isdisjoint(batches[1])
        assert [s.measures for s in measured.reference] == [s.measures for s in measured.candidate]


def test_every_text_of_a_shared_case_is_there_to_be_encoded_and_no_other() -> None:
    one, two = make_cases(2)
    reference, candidate = side("r", one, two, text="old"), side("c", two, text="new")
    texts = texts_of((reference, candidate), pair_sides(reference, candidate))
    assert sorted(texts.values()) == [f"{kind} {n}" for kind in ("new", "old") for n in range(3)]
    assert all(text_digest(text) == name for name, text in texts.items())


def test_a_side_of_a_run_holds_the_answers_of_all_rounds_and_no_failure() -> None:
    record = make_record(
        Night(
            cases=make_cases(2),
            confirm=("sonnet",),
            answers=lambda c, t, n, s: make_failure() if s == 0 else make_answer("hi"),
        )
    )
    found = run_side(record, "sonnet", "tonight")
    assert [len(answers) for answers in found.answers.values()] == [4, 4]
    assert found.encoder == record.manifest.encoder
    assert run_side(record, "nobody", "x").answers == {}
    assert {s.round for samples in record.batches["sonnet"].samples.values() for s in samples} == {
        Round.FIRST,
        Round.CONFIRM,
    }


def test_a_side_of_a_baseline_has_nothing_to_compare_where_only_digests_were_kept() -> None:
    (baseline,) = make_record(Night(cases=make_cases(2), nights=2)).references.values()
    one, two = baseline.cases
    measures = StoredMeasures(refusal="complied", invalid=None, quality=None, length=1.0)
    gone = tuple(
        s.model_copy(update={"answer": None, "measures": measures}) for s in baseline.cases[one].samples
    )
    held = {**baseline.cases, one: baseline.cases[one].model_copy(update={"samples": gone})}
    found = baseline_side(baseline.model_copy(update={"cases": held}), "baseline")
    assert {case: len(answers) for case, answers in found.answers.items()} == {one: 0, two: 6}
    assert found.asked(two) == {make_cases(2)[1].question}
