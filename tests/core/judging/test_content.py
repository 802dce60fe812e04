"""What says nothing fails before any judge sees it; what says anything reaches the judge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.judging.content import Emptiness, emptiness

FORM_ONLY = [
    ":",
    ".",
    "Thought process:",
    "**Thought process:**",
    "Solution",
    "Let’s solve this problem step by step.",
    "解",
    "```",
    "```json\n{}\n```",
    "~~~\n~~~",
    "{}",
    "[]",
    "[[[]]]",
    '{"answer": ""}',
    '{"answer": null, "steps": []}',
    '{"answer": "Thought process:"}',
    "null",
    '""',
    "---",
    "# Answer:",
    "Dear customer:\n\nAnswer:",
    "<answer></answer>",
    "<think>\n</think>\n",
    "│┌──┐│",
    "_" * 10_000,
]
SAYS_SOMETHING = [
    "42",
    "no",
    "✓",
    "👍",
    "否",
    "Solution: 42",
    "Answer:\n42",
    '{"approved": false}',
    '{"count": 0}',
    '"hi"',
    '[["lookup_order",{}]]',
    "```python\nx = 1\n```",
    "<answer>yes</answer>",
    "The solution",
    "{not json",
]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u200b", "\u2800\u3164", "\ufeff\t"])
def test_an_empty_answer_is_empty(text: str) -> None:
    assert emptiness(text) is Emptiness.EMPTY


@pytest.mark.parametrize("text", FORM_ONLY, ids=range(len(FORM_ONLY)))
def test_nothing_but_form_says_nothing(text: str) -> None:
    assert emptiness(text) is Emptiness.FORMAT_ONLY


@pytest.mark.parametrize("text", SAYS_SOMETHING, ids=range(len(SAYS_SOMETHING)))
def test_what_says_anything_is_let_through(text: str) -> None:
    assert emptiness(text) is None


@given(st.text(alphabet=" \n\t.,:;!?-_*#`~|<>()[]{}\"'/\\+=&^%$@\u200b\u2500\u25a0", max_size=80))
def test_punctuation_never_says_anything(text: str) -> None:
    assert emptiness(text) is not None


@given(st.text(max_size=200))
def test_any_text_can_be_looked_at_and_a_fence_around_it_changes_nothing(text: str) -> None:
    fenced = f"```\n{text}\n```"
    assert (emptiness(text) is None) == (emptiness(fenced) is None)


@given(st.text(max_size=100), st.from_regex(r"\A[0-9]{3,6} apples\Z"))
def test_a_sentence_is_not_lost_in_any_form_around_it(form: str, said: str) -> None:
    assert emptiness(f"{said} are what it comes to\n{form}") is None


def test_a_hostile_size_costs_no_more_than_its_length() -> None:
    assert emptiness("[" * 100_000) is Emptiness.FORMAT_ONLY
    assert emptiness("a: " * 100_000) is None
    assert emptiness(("< a" * 50_000) + ">") is None
