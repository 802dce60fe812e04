"""Answer data: reading, finding, and saying what is wrong with it."""

import json

import pytest

from harness.errors import DocumentError
from harness.simulator.answers import AnswerBook, builtin_answers, make_book, read_answers


def file(*cases: dict[str, object], rules: tuple[dict[str, object], ...] = ()) -> str:
    return json.dumps({"version": 1, "cases": cases, "rules": rules})


def case(name: str, ask: str) -> dict[str, object]:
    return {"id": name, "ask": ask, "answers": [{"text": "yes"}]}


def test_a_question_is_found_by_what_a_reader_sees_of_it(book: AnswerBook) -> None:
    for question in ("It\r\n", "What is the capital of France?  ", "\nWhat is the capital of\u200b France?"):
        found = book.case_for(question)
        assert (found.id if found else None) == (None if question.startswith("It") else "capital")


def test_refusals_fall_back_on_general_ones(book: AnswerBook) -> None:
    found = book.case_for("What is the capital of France?")
    assert found is not None
    assert not found.refusals and len(found.wordings("refusals")) > 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Invalid JSON"),
        ('{"version": 2}', "version"),
        (file({**case("a", "b"), "answer": 1}), "cases.0.answer: Extra inputs"),
        (file({**case("a", "b"), "answers": []}), "at least 1 item"),
        (file({**case("a", "b"), "answers": [{"weight": 0, "text": "x"}]}), "greater than 0"),
    ],
)
def test_bad_data_says_where_and_what(text: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        read_answers(text, "mine.json")


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (file(case("a", "other question")), "same id as 'a'"),
        (file(case("b", " question ")), "same ask as 'a'"),
        (
            file(rules=({"case": "a", "requires": "x", "otherwise": "wrong"},)),
            "names 'wrong', which has no answers",
        ),
        (file(rules=({"case": "z", "requires": "x", "otherwise": "answers"},)), "a rule for 'z'"),
    ],
)
def test_what_cannot_be_told_apart_or_found_is_an_error(second: str, message: str) -> None:
    files = {
        "a.json": read_answers(file(case("a", "question")), "a.json"),
        "b.json": read_answers(second, "b.json"),
    }
    with pytest.raises(DocumentError, match=message):
        make_book(files)


def test_the_answers_that_ship_with_the_package_are_sound() -> None:
    for found in builtin_answers().by_question.values():
        texts = [wording.model_dump_json(exclude={"weight"}) for wording in found.answers]
        assert len(texts) == len(set(texts)), f"{found.id} repeats an answer"
        weights = [wording.weight for wording in found.answers]
        assert weights == sorted(weights, reverse=True), f"{found.id}: the heaviest comes first"
