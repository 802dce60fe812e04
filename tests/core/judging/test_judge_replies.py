"""A reply is a verdict only if it is exactly what was asked for: garbage is never a score."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.judging.prompts import Letter
from harness.core.judging.replies import (
    MOST_RATIONALE_CHARACTERS,
    JudgeError,
    JudgeErrorKind,
    Preferred,
    Scored,
    read_preference,
    read_score,
)
from harness.core.messages import ToolCall
from harness.core.replies import Answer, Failure, FailureKind, FinishReason

GOOD = '{"rationale": "1: met.", "score": 80}'


def test_a_proper_reply_is_a_score() -> None:
    assert read_score(Answer(text=GOOD)) == Scored(score=80, rationale="1: met.")
    assert read_score(Answer(text=f"\n {GOOD}\n")) == Scored(score=80, rationale="1: met.")


@pytest.mark.parametrize(("said", "better"), [("A", Letter.A), ("B", Letter.B), ("neither", None)])
def test_a_proper_reply_is_a_preference(said: str, better: Letter | None) -> None:
    reply = read_preference(Answer(text=json.dumps({"better": said, "rationale": "why"})))
    assert reply == Preferred(better=better, rationale="why")


MALFORMED = [
    "",
    "80",
    '"80"',
    "null",
    "Score: 80",
    f"Here you are: {GOOD}",
    f"{GOOD} Done.",
    f"{GOOD}\n{GOOD}",
    f"[{GOOD}]",
    f"```json\n{GOOD}\n```",
    GOOD[:-1],
    GOOD.replace("80", "80.0"),
    GOOD.replace("80", "8e1"),
    GOOD.replace("80", '"80"'),
    GOOD.replace("80", "true"),
    GOOD.replace("80", "null"),
    GOOD.replace("80", "NaN"),
    GOOD.replace("80", "Infinity"),
    GOOD.replace("80", "-1"),
    GOOD.replace("80", "101"),
    GOOD.replace("80", "9" * 5000),
    GOOD.replace("80", "080"),
    GOOD.replace("80", '{"score": 80}'),
    GOOD.replace("rationale", "Rationale"),
    GOOD.replace('"1: met."', '""'),
    GOOD.replace('"1: met."', '"  "'),
    GOOD.replace('"1: met."', "[]"),
    GOOD.replace("1: met.", "x" * (MOST_RATIONALE_CHARACTERS + 1)),
    '{"score": 80}',
    '{"rationale": "1: met."}',
    '{"rationale": "1: met.", "score": 80, "confidence": 1}',
    '{"rationale": "1: met.", "score": 10, "score": 80}',
    '{"rationale": "a", "rationale": "b", "score": 80}',
    '{"rationale": "1: met.", "better": "A"}',
    "[" * 7000,
    "{" * 900,
    " " * 9000 + GOOD,
    "\ufeff" + GOOD,
]


@pytest.mark.parametrize("text", MALFORMED, ids=range(len(MALFORMED)))
def test_any_other_reply_is_an_error_and_no_score(text: str) -> None:
    reply = read_score(Answer(text=text))
    assert isinstance(reply, JudgeError) and reply.kind is JudgeErrorKind.MALFORMED
    assert isinstance(read_preference(Answer(text=text)), JudgeError | Preferred)


@pytest.mark.parametrize("better", ["a", "C", "AB", "", None, 1, ["A"], {"A": 1}, True, "Neither", "tie"])
def test_any_other_preference_is_an_error(better: object) -> None:
    reply = read_preference(Answer(text=json.dumps({"better": better, "rationale": "why"})))
    assert isinstance(reply, JudgeError) and reply.kind is JudgeErrorKind.MALFORMED


def test_a_reply_that_is_no_reply_says_why() -> None:
    assert kind_of(Answer(text=GOOD, finish_reason=FinishReason.LENGTH)) is JudgeErrorKind.CUT_OFF
    assert kind_of(Answer(text=GOOD, finish_reason=FinishReason.CONTENT_FILTER)) is JudgeErrorKind.DECLINED
    assert kind_of(Answer(text=GOOD, refusal="No.")) is JudgeErrorKind.DECLINED
    assert (
        kind_of(Answer(text=GOOD, tool_calls=(ToolCall(name="x", arguments={}),))) is JudgeErrorKind.MALFORMED
    )
    assert kind_of(Failure(kind=FailureKind.TIMEOUT)) is JudgeErrorKind.NO_ANSWER
    assert kind_of(None) is JudgeErrorKind.NOT_ASKED


def test_what_was_answered_badly_may_be_asked_again_and_what_failed_was_retried_already() -> None:
    may = {
        reply.kind: reply.may_be_asked_again
        for reply in (
            read_score(Answer(text="no")),
            read_score(Answer(text="", refusal="No.")),
            read_score(Answer(text=GOOD, finish_reason=FinishReason.LENGTH)),
            read_score(Failure(kind=FailureKind.TIMEOUT)),
            read_score(None),
        )
        if isinstance(reply, JudgeError)
    }
    assert [kind for kind, again in may.items() if again] == [
        JudgeErrorKind.MALFORMED,
        JudgeErrorKind.DECLINED,
    ]


def kind_of(completion: Answer | Failure | None) -> JudgeErrorKind | None:
    """Return why a completion is no score."""
    reply = read_score(completion)
    return reply.kind if isinstance(reply, JudgeError) else None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-200, 200) | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["score", "rationale", "better", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)
mutations = st.tuples(st.integers(0, len(GOOD)), st.integers(0, 4), st.text(max_size=4))


@given(
    st.one_of(
        st.text(max_size=200),
        json_values.map(json.dumps),
        mutations.map(lambda m: GOOD[: m[0]] + m[2] + GOOD[m[0] + m[1] :]),
    )
)
def test_a_score_never_comes_out_of_garbage(text: str) -> None:
    reply = read_score(Answer(text=text))
    if isinstance(reply, Scored):
        value = json.loads(text)
        assert set(value) == {"score", "rationale"}
        assert type(value["score"]) is int and value["score"] == reply.score and 0 <= reply.score <= 100
        assert value["rationale"].strip() == reply.rationale != ""
    preference = read_preference(Answer(text=text))
    if isinstance(preference, Preferred):
        assert json.loads(text)["better"] == (preference.better or "neither")
