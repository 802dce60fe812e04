"""Test which calls a run makes, in which order, and that no two are taken for one."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.messages import Message, Role
from harness.core.plan import Plan, Request, Round, expected_tokens, make_plan, output_limit
from harness.core.suite import Target, ToolSpec
from tests.support.records import make_case, make_cases

TARGETS = {name: Target(model=f"anthropic/{name}", params={"max_tokens": 400}) for name in ("one", "two")}


def plan(count: int = 4, samples: int = 3, round_: Round = Round.FIRST) -> Plan:
    return make_plan(make_cases(count), TARGETS, samples=samples, round_=round_, further_to=6)


@given(st.lists(st.sampled_from([None, 1, 2, 6]), max_size=8), st.integers(1, 4))
def test_every_case_is_asked_its_own_number_of_times_of_every_target(
    own: list[int | None], samples: int
) -> None:
    cases = [make_case(f"c{place}", samples=number) for place, number in enumerate(own)]
    requests = make_plan(cases, TARGETS, samples=samples).requests
    asked = [(r.case.id, r.target_name, r.sample) for r in requests]
    assert sorted(asked) == sorted(
        (case.id, name, n) for case in cases for name in TARGETS for n in range(case.samples or samples)
    )


def test_a_small_plan_goes_sample_by_sample_then_case_by_case() -> None:
    order = [(r.sample, r.case.id, r.target_name) for r in plan(2, 2).requests]
    first, second = (case.id for case in make_cases(2))
    assert order == [(n, c, t) for n in (0, 1) for c in (first, second) for t in ("one", "two")]


@pytest.mark.parametrize("count", [20, 600])
def test_samples_of_a_case_do_not_follow_each_other(count: int) -> None:
    requests = [r for r in plan(count, 3).requests if r.target_name == "one"]
    assert all(a.case.id != b.case.id for a, b in pairwise(requests))


def test_no_two_calls_have_one_key() -> None:
    keys = [r.key for round_ in Round for r in plan(round_=round_).requests]
    assert len(set(keys)) == len(keys) == 4 * 2 * (3 + 3 + 3 + 6)


def test_a_key_is_the_same_in_every_run_and_changes_with_what_is_sent() -> None:
    (request,) = make_plan([make_case("a")], {"one": TARGETS["one"]}, samples=1).requests

    def key_of(case: str = "a", target: Target = TARGETS["one"], **fields: object) -> str:
        return make_plan([make_case(case, **fields)], {"one": target}, samples=1).requests[0].key

    assert key_of() == request.key
    assert key_of(why="Asked for another reason.") == request.key
    changed = [
        key_of("b"),
        key_of(messages=(Message(role=Role.USER, content="Other."),)),
        key_of(tools=(ToolSpec(name="f"),)),
        key_of(target=Target(model="anthropic/one", params={"max_tokens": 401})),
    ]
    assert len({request.key, *changed}) == 5


def test_the_digest_of_a_plan_sees_every_call() -> None:
    digests = {plan().digest, plan(5).digest, plan(4, 2).digest, plan(round_=Round.CONFIRM).digest}
    assert len(digests) == 4
    assert plan().digest == plan().digest
    assert make_plan([], TARGETS, samples=3).requests == ()


def test_output_is_estimated_by_the_baseline_or_a_quarter_of_the_limit() -> None:
    (request, *_) = plan().requests
    assert expected_tokens(request, {})[1] == 100
    assert expected_tokens(request, {request.case.id: 37.5})[1] == 37.5


def test_more_to_read_costs_more_tokens() -> None:
    def tokens(**fields: object) -> float:
        case = make_case("a", **fields)
        return expected_tokens(make_plan([case], TARGETS, samples=1).requests[0], {})[0]

    long = tokens(messages=(Message(role=Role.USER, content="x" * 4000),))
    tools = tokens(tools=(ToolSpec(name="f", description="y" * 400),))
    assert 1000 <= long <= 1020
    assert tokens() + 100 <= tools <= tokens() + 110


@pytest.mark.parametrize(
    ("params", "limit"),
    [
        ({}, 4096),
        ({"max_tokens": 7}, 7),
        ({"max_tokens": 7, "max_completion_tokens": 5}, 5),
        ({"max_tokens": None}, 4096),
    ],
)
def test_the_output_limit_is_the_one_that_is_sent(params: dict[str, int | None], limit: int) -> None:
    assert output_limit(Target(model="a/b", params=params)) == limit


def test_a_request_carries_the_tools_of_its_case() -> None:
    request: Request = make_plan([make_case("a", tools=(ToolSpec(name="f"),))], TARGETS, samples=1).requests[
        0
    ]
    assert [tool.name for tool in request.tools] == ["f"]
