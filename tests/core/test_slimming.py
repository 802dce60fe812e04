"""Test that a slimmed reply is the reply that it was."""

import tracemalloc
from collections.abc import Callable

import pytest

from harness.core.batch import StoredSample, stored
from harness.core.canonical import canonical_record
from harness.core.messages import ToolCall
from harness.core.replies import Answer, Failure, FailureKind, TokenLogprob, Usage
from harness.core.slimming import slim_completion, slim_stored


def an_answer(number: int = 0) -> Answer:
    return Answer.model_validate(
        {
            "type": "answer",
            "text": f"Answer {number}.",
            "tool_calls": [{"name": "f", "arguments": {"a": 1}}],
            "usage": {"input_tokens": 12, "output_tokens": 9},
            "latency_ms": 900.5,
            "model_served": "-".join(("model", "served")),
            "response_id": f"id-{number}",
            "request_digest": "0123456789abcdef",
            "attempts": 2,
        }
    )


def a_line(number: int = 0) -> StoredSample:
    line = stored(
        an_answer(number),
        night="2026-11-21",
        run="a-run",
        sample=number,
        burst=True,
        made_by="litellm 1.105.3",
    )
    return StoredSample.model_validate(line.model_dump(mode="json"))


def test_a_slimmed_reply_is_equal_and_written_as_before() -> None:
    for one, slim in ((an_answer(), slim_completion), (a_line(), slim_stored)):
        before = one.model_copy(deep=True)
        slim(one)  # type: ignore[operator]  # each with its own
        assert one == before
        assert canonical_record(one) == canonical_record(before)
        assert one.model_dump_json() == before.model_dump_json()
        assert one.model_dump_json(exclude_none=True) == before.model_dump_json(exclude_none=True)


def test_a_failure_can_be_slimmed_too() -> None:
    failure = Failure(kind=FailureKind.TIMEOUT, detail="no byte for 60 s")
    slim_completion(failure)
    assert failure == Failure(kind=FailureKind.TIMEOUT, detail="no byte for 60 s")


def test_a_changed_copy_does_not_change_what_others_share() -> None:
    one, other = an_answer(1), an_answer(2)
    slim_completion(one)
    slim_completion(other)
    changed = one.model_copy(update={"attempts": 3, "logprobs": (TokenLogprob(token="a", logprob=-0.1),)})
    assert changed.model_fields_set == {"attempts", "logprobs"}
    assert not one.model_fields_set
    assert not other.model_fields_set
    assert not other.usage.model_fields_set


def test_what_many_say_is_kept_once() -> None:
    one, other = a_line(1), a_line(2)
    slim_stored(one)
    slim_stored(other)
    assert one.night is other.night
    assert one.run is other.run
    assert one.made_by is other.made_by
    assert one.answer is not None
    assert other.answer is not None
    assert one.answer.model_served is other.answer.model_served


@pytest.mark.parametrize(("make", "most_bytes"), [(a_line, 2_700), (an_answer, 2_000)])
def test_thousands_of_replies_take_little_memory(
    make: Callable[[int], StoredSample | Answer], most_bytes: int
) -> None:
    def memory_each(*, slimmed: bool) -> float:
        tracemalloc.start()
        try:
            kept = []
            for number in range(500):
                one = make(number)
                if slimmed and isinstance(one, StoredSample):
                    slim_stored(one)
                elif slimmed and isinstance(one, Answer):
                    slim_completion(one)
                kept.append(one)
            return tracemalloc.get_traced_memory()[0] / len(kept)
        finally:
            tracemalloc.stop()

    make(0)
    assert memory_each(slimmed=True) < most_bytes < memory_each(slimmed=False)


def test_what_a_reader_asks_for_is_still_there() -> None:
    answer = an_answer()
    slim_completion(answer)
    assert answer.usage == Usage(input_tokens=12, output_tokens=9)
    assert answer.tool_calls == (ToolCall(name="f", arguments={"a": 1}),)
