"""Whether two sides answer alike: fields, calls, refusals and texts, and what cannot be told."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.alike import AgreementResult, Alike, Said, say_alike
from harness.core.measures import MeasuredCase, MeasuredSample, measurer
from harness.core.messages import ToolCall
from harness.core.replies import Answer
from tests.support.records import make_answer, make_case

CASE = make_case("one")


def said(reference: list[Answer], candidate: list[Answer]) -> Said:
    measure = measurer(CASE)
    sides = [
        tuple(
            MeasuredSample(batch=name, number=n, measures=measure(answer)) for n, answer in enumerate(answers)
        )
        for name, answers in (("a", reference), ("b", candidate))
    ]
    return Said(
        measured=MeasuredCase(case=CASE, reference=sides[0], candidate=sides[1]),
        reference=reference,
        candidate=candidate,
    )


def compare(reference: list[Answer], candidate: list[Answer]):
    return say_alike(said(reference, candidate), {}, ("a", "b"), seed=1)


def saying(*values: object) -> list[Answer]:
    return [make_answer(value if isinstance(value, str) else json.dumps(value)) for value in values]


def calling(*amounts: object) -> list[Answer]:
    calls = [(ToolCall(name="pay", arguments={"amount": amount, "to": "x"}),) for amount in amounts]
    return [make_answer("", tool_calls=call) for call in calls]


def test_json_is_compared_field_by_field_and_numbers_by_value() -> None:
    one = saying(*[{"total": 500, "lines": [1, 2]}] * 5)
    other = saying(*[{"lines": [1, 2.0], "total": 500.0}] * 5)
    assert compare(one, other).says is Alike.AGREE
    changed = saying(*[{"total": 501, "lines": [1, 2]}] * 5)
    found = compare(one, changed)
    assert found.says is Alike.DISAGREE
    assert "$.total: a 500.0, b 501.0" in found.aspects[-1].because


def test_a_field_in_which_a_side_differs_from_itself_tells_nothing() -> None:
    fixed = saying(*[{"id": 1, "note": "x", "sum": 2}] * 4)
    varies = saying(*({"id": 1, "note": note, "sum": 2} for note in "abcd"))
    assert compare(fixed, varies).says is Alike.AGREE
    wild = saying(*({"id": place, "note": note, "sum": 2} for place, note in enumerate("abcd")))
    assert compare(fixed, wild).says is Alike.COULD_NOT_TELL


def test_json_against_prose_disagrees() -> None:
    assert compare(saying(*[{"a": 1}] * 3), saying(*["It is one."] * 3)).says is Alike.DISAGREE


def test_tool_calls_are_compared_by_name_and_argument() -> None:
    assert compare(calling(5, 5, 5), calling(5, 5.0, 5)).says is Alike.AGREE
    assert compare(calling(5, 5, 5), calling(6, 6, 6)).says is Alike.DISAGREE
    assert compare(calling(5, 5, 5), saying(*["I paid."] * 3)).says is Alike.DISAGREE


def test_two_that_decline_agree_in_whatever_words_and_one_that_answers_does_not() -> None:
    no = ["I can't help with that.", "Sorry, but I cannot help with this request.", "I'm unable to do that."]
    other = ["I won't be able to assist with that."] * 3
    assert compare(saying(*no), saying(*other)).says is Alike.AGREE
    yes = ["Sure, here is the leaflet: take one tablet twice a day with water."] * 3
    assert compare(saying(*no), saying(*yes)).says is Alike.DISAGREE


@pytest.mark.parametrize(
    ("size", "expected"), [(2, Alike.COULD_NOT_TELL), (3, Alike.COULD_NOT_TELL), (5, Alike.DISAGREE)]
)
def test_texts_that_differ_need_enough_replies_to_be_sure(size: int, expected: Alike) -> None:
    one, other = ["The answer is twelve."] * size, ["Seventeen, since each of them counts double."] * size
    assert compare(saying(*one), saying(*other)).says is expected


@pytest.mark.parametrize(("size", "expected"), [(3, Alike.COULD_NOT_TELL), (4, Alike.AGREE)])
def test_texts_that_are_alike_need_enough_replies_to_be_sure(size: int, expected: Alike) -> None:
    same = ["The answer is twelve."] * size
    assert compare(saying(*same), saying(*same)).says is expected


def test_texts_that_are_far_apart_by_chance_alone_are_not_said_to_agree() -> None:
    one = ["Twelve.", "Seventeen, since each counts double.", "It cannot be said.", "Roughly a dozen."]
    other = ["Seventeen.", "Take the train at noon.", "Roughly a dozen, I think.", "XYZ"]
    (text,) = compare(saying(*one[:1] * 3, one[1]), saying(*other[:1] * 2, *other[1:3])).aspects
    assert text.p_value is not None
    assert text.p_value > 0.05
    assert text.says is Alike.COULD_NOT_TELL


def test_two_that_answer_are_compared_though_one_reply_declines() -> None:
    no = "I can't help with that."
    one = saying(*["The dose is one tablet, twice a day, with water."] * 4, no)
    other = saying(*["Seventeen, since each of them counts double."] * 5)
    found = compare(one, other)
    assert [aspect.what for aspect in found.aspects] == ["refusal", "text"]
    assert found.says is Alike.DISAGREE


def test_two_replies_or_fewer_tell_nothing() -> None:
    for few in ([], saying("a"), saying("a", "a"), calling(1, 1)):
        found = compare(saying("a", "a", "a", "a"), few)
        assert (found.says, found.aspects) == (Alike.COULD_NOT_TELL, ())


texts = st.lists(
    st.sampled_from(["yes", "no", '{"a": 1}', '{"a": 2}', "[]", "{", "I cannot help.", ""]),
    min_size=2,
    max_size=5,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(texts, texts)
def test_which_side_is_called_the_reference_changes_nothing(one: list[str], other: list[str]) -> None:
    assert compare(saying(*one), saying(*other)).says is compare(saying(*other), saying(*one)).says


@settings(max_examples=40, deadline=None, derandomize=True)
@given(texts)
def test_a_side_never_disagrees_with_itself(one: list[str]) -> None:
    assert compare(saying(*one), saying(*one)).says is not Alike.DISAGREE


def test_what_nests_without_end_is_cut_off() -> None:
    deep: object = 1
    for _ in range(90):
        deep = {"a": deep, "b": list(range(9))}
    assert compare(saying(*[deep] * 3), saying(*[deep] * 3)).says is Alike.AGREE
    assert compare(saying(*["[" * 100_000] * 4), saying(*["[" * 100_000] * 4)).says is Alike.AGREE


@pytest.mark.parametrize(
    ("words", "code"),
    [("AA", 0), ("AD", 1), ("AC", 3), ("CD", 1), ("", 3)],
)
def test_the_exit_code_is_of_the_worst_case(words: str, code: int) -> None:
    named = {"A": Alike.AGREE, "C": Alike.COULD_NOT_TELL, "D": Alike.DISAGREE}
    whole = compare(saying("a", "a"), saying("a", "a"))
    cases = tuple(whole.model_copy(update={"says": named[word]}) for word in words)
    assert AgreementResult(reference="a", candidate="b", cases=cases).exit_code == code
