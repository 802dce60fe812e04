"""Log-probabilities as servers write them: what makes sense is kept, what does not is dropped, nothing raises."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.core.replies import MOST_LOGPROB_POSITIONS, MOST_LOGPROB_TOKENS, Answer
from harness.edges.providers.openai_format import parse_answer, parse_logprobs, strict_json


def entry(token: object, logprob: object, *top: tuple[object, object]) -> dict[str, object]:
    listed = [{"token": t, "logprob": p, "bytes": None} for t, p in top]
    return {"token": token, "logprob": logprob, "bytes": None, "top_logprobs": listed}


def parsed(*content: object) -> list[tuple[str, float, tuple[tuple[str, float], ...]]]:
    return [(p.token, p.logprob, p.top) for p in parse_logprobs({"content": list(content)})]


@pytest.mark.parametrize(
    "nonsense",
    [
        -9999.0,
        -9999,
        float("-inf"),
        float("inf"),
        float("nan"),
        -(10**400),
        10**400,
        3.5,
        None,
        "-1",
        True,
        False,
        [],
    ],
)
def test_what_is_no_log_probability_is_dropped_alone(nonsense: object) -> None:
    assert parsed(entry("a", -0.5, ("a", -0.5), ("b", nonsense), ("c", -2.0))) == [
        ("a", -0.5, (("a", -0.5), ("c", -2.0)))
    ]


@pytest.mark.parametrize("nonsense", [-9999.0, float("nan"), 10**400, None])
def test_a_position_without_one_ends_what_is_kept_so_that_none_shifts(nonsense: object) -> None:
    assert [one[0] for one in parsed(entry("a", -0.5), entry("b", nonsense), entry("c", -0.5))] == ["a"]
    assert parsed(entry("a", nonsense), entry("b", -0.5)) == []


def test_a_probability_that_rounding_put_over_1_is_1() -> None:
    assert parsed(entry("a", 1e-7, ("a", 1e-7))) == [("a", 0.0, (("a", 0.0),))]


def test_the_most_likely_tokens_of_the_first_positions_are_kept_in_order() -> None:
    top = [(f"t{n:02}", -float(n)) for n in range(40)]
    found = parsed(*(entry("t00", 0, *reversed(top)) for _ in range(50)))
    assert len(found) == MOST_LOGPROB_POSITIONS
    assert all(position[2] == tuple(top[:MOST_LOGPROB_TOKENS]) for position in found)


def test_values_are_kept_to_a_millionth() -> None:
    assert parsed(entry("a", -0.31326168751822286, ("a", -0.31326168751822286))) == [
        ("a", -0.313262, (("a", -0.313262),))
    ]


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["content", "token", "logprob", "top_logprobs"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(ANYTHING)
@example({"content": "text"})
@example({"content": [{"token": "a", "logprob": -1.0, "top_logprobs": "text"}]})
@example({"content": [{"token": "\ud83d", "logprob": -1.0, "top_logprobs": None}]})
def test_nothing_a_server_writes_there_costs_the_answer(logprobs: object) -> None:
    payload = {"choices": [{"message": {"content": "Paris."}, "logprobs": logprobs}]}
    answer = parse_answer(payload, latency_ms=None)
    assert answer.text == "Paris."
    assert len(answer.logprobs) <= MOST_LOGPROB_POSITIONS
    for position in answer.logprobs:
        assert -1000 < position.logprob <= 0 and len(position.top) <= MOST_LOGPROB_TOKENS
        assert all(-1000 < logprob <= 0 for _, logprob in position.top)


def test_they_survive_being_written_and_read() -> None:
    payload = {
        "choices": [
            {
                "message": {"content": "Paris."},
                "logprobs": {"content": [entry("Paris", -0.25, (" “é", -1.5))]},
            }
        ]
    }
    answer = parse_answer(strict_json(json.dumps(payload)), latency_ms=None)
    assert answer.logprobs and Answer.model_validate_json(answer.model_dump_json()) == answer
