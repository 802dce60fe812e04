"""Test what is measured of an answer, and what a failure may mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from harness.core.canonical import normalise
from harness.core.messages import ToolCall
from harness.core.replies import (
    MOST_LOGPROB_POSITIONS,
    MOST_LOGPROB_TOKENS,
    Answer,
    Completion,
    Failure,
    FailureKind,
    Reply,
    TokenLogprob,
    Transcript,
    Turn,
    kept_logprobs,
)
from tests.support.records import make_answer, make_failure

CALL = ToolCall(name="get_weather", arguments={"units": "metric", "city": "Oslo"})


@given(st.text(st.characters()))
def test_a_plain_answer_is_measured_by_its_normalised_text(text: str) -> None:
    assert make_answer(text).measured_text == normalise(text)


def test_few_positions_and_tokens_of_the_log_probabilities_are_kept() -> None:
    long = TokenLogprob(
        token="t", logprob=-1 / 3, top=tuple((f"t{n:02}", -n / 7) for n in reversed(range(50)))
    )
    kept = kept_logprobs([long] * 500)
    assert len(kept) == MOST_LOGPROB_POSITIONS
    (position,) = set(kept)
    assert position.logprob == -0.333333
    assert position.top == tuple((f"t{n:02}", round(-n / 7, 6)) for n in range(MOST_LOGPROB_TOKENS))
    assert kept_logprobs(kept) == kept
    assert kept_logprobs([]) == ()


def test_an_answer_of_calls_alone_is_measured() -> None:
    assert (
        make_answer("", tool_calls=(CALL,)).measured_text
        == '[["get_weather",{"city":"Oslo","units":"metric"}]]'
    )
    assert make_answer("Look:", tool_calls=(CALL,)).measured_text.startswith('Look:\n[["get_weather"')
    assert make_answer("").measured_text == ""


@pytest.mark.parametrize(
    "calls",
    [
        (),
        (CALL, CALL),
        (ToolCall(name="other", arguments=CALL.arguments),),
        (ToolCall(name="get_weather", arguments={"city": "Oslo"}),),
        (ToolCall(name="get_weather", raw='{"city": "Oslo"'),),
        (ToolCall(name="get_weather", raw=""),),
    ],
    ids=lambda calls: str(len(calls)),
)
def test_another_call_is_another_measured_text(calls: tuple[ToolCall, ...]) -> None:
    assert (
        make_answer("Look:", tool_calls=calls).measured_text
        != make_answer("Look:", tool_calls=(CALL,)).measured_text
    )


def test_the_order_of_arguments_is_not_behaviour() -> None:
    turned = ToolCall(name="get_weather", arguments={"city": "Oslo", "units": "metric"})
    assert (
        make_answer("", tool_calls=(turned,)).measured_text
        == make_answer("", tool_calls=(CALL,)).measured_text
    )


@pytest.mark.parametrize("value", [float("inf"), float("nan"), {"a": [float("-inf")]}, {1, 2}])
def test_arguments_that_no_file_can_hold_are_refused_where_they_come_in(value: object) -> None:
    with pytest.raises(ValidationError):
        ToolCall(name="f", arguments={"x": value})


@pytest.mark.parametrize(
    "reply", [Transcript(turns=(Turn(answer=make_answer("hi", tool_calls=(CALL,))),)), make_failure()]
)
def test_a_reply_is_written_and_read_back_equal(reply: Transcript | Failure) -> None:
    adapter: TypeAdapter[Transcript | Failure] = TypeAdapter(Reply)
    assert adapter.validate_json(adapter.dump_json(reply, exclude_none=True)) == reply


def test_a_completion_is_told_by_its_type() -> None:
    adapter: TypeAdapter[Answer | Failure] = TypeAdapter(Completion)
    assert isinstance(adapter.validate_python({"type": "failure", "kind": "timeout"}), Failure)
    assert isinstance(adapter.validate_python({"type": "answer", "text": ""}), Answer)
    with pytest.raises(ValidationError):
        adapter.validate_python({"text": ""})


def test_a_transcript_answers_with_its_last_turn_and_is_never_empty() -> None:
    turns = tuple(Turn(answer=make_answer(text)) for text in ("first", "last"))
    assert Transcript(turns=turns).answer.text == "last"
    with pytest.raises(ValidationError):
        Transcript(turns=())


def test_only_what_may_pass_is_asked_again() -> None:
    assert {kind.value for kind in FailureKind if kind.retryable} == {
        "timeout", "rate_limited", "server_error", "transport",
    }  # fmt: skip
    assert {kind.value for kind in FailureKind if kind.ends_target} == {"authentication", "unknown_model"}


@pytest.mark.parametrize("kind", list(FailureKind))
def test_what_never_left_or_was_turned_away_is_not_billed(kind: FailureKind) -> None:
    turned_away = {"rate_limited", "server_error", "quota", "authentication", "unknown_model", "bad_request"}
    never_left = {"budget", "not_recorded"}
    assert kind.may_be_billed is (kind.value not in turned_away | never_left)
