"""A response that nobody would write is no answer, and never an error of its own."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.replies import Usage
from harness.edges.providers.openai_format import NoAnswer, parse_answer, parse_logprobs, parse_usage

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
FIELDS = (
    *("choices", "message", "content", "text", "tool_calls", "function", "name", "arguments"),
    *("usage", "prompt_tokens", "completion_tokens", "logprobs", "token", "logprob", "top_logprobs"),
    *("refusal", "finish_reason", "model", "id"),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)


def nested(depth: int, *, key: str | None = None) -> object:
    value: object = "x"
    for _ in range(depth):
        value = {key: value} if key else [value]
    return value


def answer_of(message: Mapping[str, object], **fields: object) -> object:
    return parse_answer({"choices": [{"message": message, **fields}]}, latency_ms=None)


@given(message=st.dictionaries(st.sampled_from(FIELDS), json_values), usage=json_values, logprobs=json_values)
def test_whatever_comes_is_an_answer_or_none(
    message: Mapping[str, object], usage: object, logprobs: object
) -> None:
    payload = {"choices": [{"message": message, "logprobs": logprobs}], "usage": usage}
    try:
        assert parse_answer(payload, latency_ms=None).text is not None
    except NoAnswer as error:
        assert str(error)


@pytest.mark.parametrize("depth", [1, 400, 50_000])
def test_a_part_whose_text_is_a_list_is_no_answer(depth: int) -> None:
    with pytest.raises(NoAnswer, match="part"):
        answer_of({"content": [{"text": nested(depth)}]})


@pytest.mark.parametrize("depth", [1_000, 50_000])
@pytest.mark.parametrize("key", [None, "a"])
def test_arguments_of_any_depth_are_kept_or_no_answer(depth: int, key: str | None) -> None:
    call = {"function": {"name": "f", "arguments": nested(depth, key=key)}}
    try:
        answer_of({"content": "", "tool_calls": [call]})
    except NoAnswer as error:
        assert str(error)


def test_parts_are_put_together_and_what_is_no_text_is_left_out() -> None:
    parts = [{"type": "thinking"}, {"type": "text", "text": "one "}, {"text": None}, {"text": "two"}, 3]
    assert answer_of({"content": parts}).text == "one two"  # type: ignore[attr-defined]


@pytest.mark.parametrize("count", [10**13, 10**400, -1, 1.5, True, "7", None])
def test_a_count_of_tokens_that_nobody_can_mean_is_unknown(count: object) -> None:
    assert parse_usage({"prompt_tokens": count, "completion_tokens": 3}) == Usage(output_tokens=3)


def test_a_log_probability_too_large_for_a_float_is_none() -> None:
    assert parse_logprobs({"content": [{"token": "a", "logprob": -(10**400)}]}) == ()
