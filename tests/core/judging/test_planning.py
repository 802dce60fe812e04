"""Which questions are asked: none about equal texts, none without content, the same ones after a kill."""

from hypothesis import given
from hypothesis import strategies as st

from harness.core.judging.anchors import GateAnchor, builtin_anchors
from harness.core.judging.keys import QuestionKind, is_judge_key
from harness.core.judging.planning import JudgePlan, asked_key, judge_requests, most_questions, plan_judging
from tests.support.judges import BAD, GOOD, HALF, make_item, make_options


def texts_of(plan: JudgePlan) -> str:
    """Return all that a judge would see."""
    return "\n".join(message.content for question in plan.questions for message in question.messages)


def own_questions(plan: JudgePlan) -> int:
    """Count the questions that are not of anchors."""
    alone = plan_judging([make_item(reference=None, candidates=("something of its own",))], plan.options)
    return len(plan.questions) - len(alone.questions) + 1


def test_a_candidate_is_scored_and_compared_both_ways_and_the_reference_is_scored_beside_it() -> None:
    plan = plan_judging([make_item()], make_options())
    assert own_questions(plan) == 4
    kinds = [question.kind for question in plan.questions if HALF in question.messages[-1].content]
    assert sorted(kinds) == [QuestionKind.PAIR, QuestionKind.SCORE]


def test_equal_texts_are_never_judged_and_nothing_to_judge_asks_nothing() -> None:
    same = make_item(candidates=(GOOD, f"{GOOD}\u200b", f"{GOOD} \r\n"))
    assert plan_judging([same], make_options()).questions == ()
    assert plan_judging([make_item(candidates=())], make_options()).questions == ()
    assert plan_judging([], make_options()).anchors == ()


def test_an_answer_without_content_never_reaches_the_judge() -> None:
    plan = plan_judging([make_item(candidates=(":", "Thought process:", "", "{}"))], make_options())
    assert plan.questions == ()
    beside = plan_judging([make_item(candidates=(":", HALF))], make_options())
    assert own_questions(beside) == 4
    assert not any(line == ":" for line in texts_of(beside).splitlines())


def test_without_a_reference_nothing_is_compared() -> None:
    plan = plan_judging([make_item(reference=None)], make_options())
    assert own_questions(plan) == 1
    empty = plan_judging([make_item(reference="```\n```")], make_options())
    assert own_questions(empty) == 1


def test_the_same_question_of_two_cases_is_asked_once() -> None:
    one = plan_judging([make_item("a")], make_options())
    two = plan_judging([make_item("a"), make_item("b")], make_options())
    assert [question.key for question in two.questions] == [question.key for question in one.questions]
    assert two.reused == one.reused + 4


def test_one_order_is_drawn_where_both_are_not_wanted() -> None:
    items = [make_item(str(n), candidates=(f"{HALF} {n}",)) for n in range(40)]
    plan = plan_judging(items, make_options(both_orders=False))
    assert own_questions(plan) == 1 + 40 * 2
    first = [
        q.messages[3].content
        for q in plan.questions
        if q.kind is QuestionKind.PAIR and HALF in q.messages[3].content
    ]
    assert 5 < len(first) < 35, "sometimes the candidate comes first, sometimes the reference"


def test_a_resumed_run_asks_the_same_questions_in_the_same_order() -> None:
    items = [make_item(), make_item("b", candidates=(BAD,))]
    assert plan_judging(items, make_options()) == plan_judging(items, make_options())


def test_another_run_asks_the_same_under_other_marks_in_another_order() -> None:
    one, other = (
        plan_judging([make_item()], make_options()),
        plan_judging([make_item()], make_options(run="r2")),
    )
    assert {q.key for q in one.questions} == {q.key for q in other.questions}
    assert [q.key for q in one.questions] != [q.key for q in other.questions]
    assert {q.messages for q in one.questions}.isdisjoint(q.messages for q in other.questions)


def test_another_judge_has_other_keys() -> None:
    one = plan_judging([make_item()], make_options())
    other = plan_judging([make_item()], make_options("judge-noisy"))
    assert {q.key for q in one.questions}.isdisjoint(q.key for q in other.questions)


def test_the_order_of_questions_does_not_tell_references_from_candidates() -> None:
    items = [make_item(str(n), reference=f"{GOOD} {n}", candidates=(f"{HALF} {n}",)) for n in range(30)]
    plan = plan_judging(items, make_options())
    scores = [q.messages[-1].content for q in plan.questions if q.kind is QuestionKind.SCORE]
    places = [place for place, content in enumerate(scores) if "supervisor. " in content]
    assert 0.35 < sum(places) / len(places) / len(scores) < 0.65


def test_keys_say_that_a_judge_is_asked_even_where_a_target_is_called_judge() -> None:
    plan = plan_judging([make_item()], make_options())
    requests = judge_requests(plan)
    assert all(request.key.startswith("judge:") and is_judge_key(request.key) for request in requests)
    assert is_judge_key(asked_key(plan.questions[0].key, 1))
    assert not is_judge_key("judge:first:edge-near-empty:0123:4567:0:0")
    assert len({request.key for request in requests}) == len(requests)


@given(st.lists(st.lists(st.text(max_size=8), max_size=4), max_size=4), st.booleans())
def test_no_run_asks_more_than_was_said_beforehand(answers: list[list[str]], both_orders: bool) -> None:
    options = make_options(both_orders=both_orders)
    items = [make_item(str(n), candidates=tuple(dict.fromkeys(found))) for n, found in enumerate(answers)]
    most = most_questions(len(items), max((len(item.candidates) for item in items), default=0), options)
    assert len(plan_judging(items, options).questions) <= most


def test_fewer_anchors_are_the_first_of_them_and_the_gate_costs_no_call() -> None:
    options = make_options(anchors=5)
    plan = plan_judging([make_item()], options)
    assert plan.anchors == builtin_anchors().anchors[:5]
    full = plan_judging([make_item()], make_options())
    assert sum(isinstance(anchor, GateAnchor) for anchor in full.anchors) == 1
    assert len(full.questions) == 4 + 11
