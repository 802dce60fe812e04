from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.messages import Message, Role, ToolCall
from harness.core.plan import FurtherRounds, Request, make_plan
from harness.core.replies import FailureKind, Usage
from harness.core.run import JournalState
from harness.core.suite import Price, Target
from harness.errors import BudgetError
from harness.flows.budget import Ledger, cost, most_input_tokens
from tests.support.fakes import answered, failed
from tests.support.records import make_case, make_cases

PRICE = Price(input_usd_per_million=1_000_000, output_usd_per_million=2_000_000)
"""One dollar a token in, two a token out."""
AGAIN = FurtherRounds(most=1, expected=1)


def requests(count: int = 1, **params: int) -> tuple[Request, ...]:
    target = Target(model="fake/one", params=params or {"max_tokens": 100})
    return make_plan(make_cases(count), {"one": target}, samples=1).requests


def worst(request: Request) -> float:
    return most_input_tokens(request) + 2 * 100


def test_an_unknown_price_is_an_error_that_names_the_field_to_set() -> None:
    with pytest.raises(BudgetError, match=r"targets\.one\.price.*input_usd_per_million"):
        Ledger({"one": None}, 10).estimate(requests(), {}, further=AGAIN)
    with pytest.raises(BudgetError, match="fake/one"):
        Ledger({}, 10).reserve(requests()[0])


def test_an_estimate_over_the_cap_spends_nothing_and_says_what_to_do() -> None:
    ledger = Ledger({"one": PRICE}, 10)
    with pytest.raises(BudgetError, match="--max-cost"):
        ledger.check(ledger.estimate(requests(3), {}, further=AGAIN))
    assert ledger.spent_usd == 0


def test_the_estimate_knows_the_baseline_and_includes_the_confirmation() -> None:
    ledger = Ledger({"one": PRICE}, 1e9)
    (request,) = requests()
    usual = ledger.estimate((request,), {"one": {request.case.id: 3.0}}, further=AGAIN)
    blind = ledger.estimate((request,), {}, further=AGAIN)
    assert usual.expected_usd < blind.expected_usd <= blind.worst_usd
    assert usual.worst_usd == blind.worst_usd >= 2 * 2 * 100
    assert (usual.guessed_calls, blind.guessed_calls) == (0, 1)


def test_where_nothing_is_confirmed_nothing_is_estimated_twice() -> None:
    once = Ledger({"one": PRICE}, 1e9).estimate(requests(3), {}, further=FurtherRounds(most=0, expected=0))
    twice = Ledger({"one": PRICE}, 1e9).estimate(requests(3), {}, further=AGAIN)
    assert (once.confirm_calls, twice.confirm_calls) == (0, 3)
    assert once.expected_usd == once.first_usd == twice.first_usd == twice.expected_usd / 2
    assert once.worst_usd == twice.worst_usd / 2
    cap = once.expected_usd * 1.5
    Ledger({"one": PRICE}, cap).check(once)
    with pytest.raises(BudgetError, match="with the confirmation"):
        Ledger({"one": PRICE}, cap).check(twice)


@given(
    tokens_in=st.none() | st.integers(0, 40),
    tokens_out=st.none() | st.integers(0, 100),
    kind=st.none() | st.sampled_from(list(FailureKind)),
)
def test_what_is_settled_is_never_below_what_may_be_charged_nor_above_what_was_set_aside(
    tokens_in: int | None, tokens_out: int | None, kind: FailureKind | None
) -> None:
    (request,) = requests()
    ledger = Ledger({"one": PRICE}, 1e9)
    assert ledger.reserve(request)
    if kind is not None:
        ledger.settle(request, failed(kind))
        assert ledger.spent_usd == (worst(request) if kind.may_be_billed else 0)
        return
    ledger.settle(request, answered(usage=Usage(input_tokens=tokens_in, output_tokens=tokens_out)))
    # No tokens for a text that was said is a count that nobody can believe.
    charged = (tokens_in or most_input_tokens(request)) + 2 * (tokens_out or 100)
    assert ledger.spent_usd == pytest.approx(charged)
    assert ledger.spent_usd <= worst(request) + 1e-9


@pytest.mark.parametrize(
    ("said", "tokens"),
    [
        ({"text": ""}, 0),
        ({"text": "Yes."}, 100),
        ({"text": "", "refusal": "No."}, 100),
        ({"text": "", "tool_calls": (ToolCall(name="f", arguments={}),)}, 100),
    ],
)
def test_an_answer_of_no_tokens_costs_nothing_only_where_it_says_nothing(
    said: dict[str, Any], tokens: int
) -> None:
    (request,) = requests()
    answer = answered(**{"usage": Usage(input_tokens=10, output_tokens=0), **said})
    assert Ledger({"one": PRICE}, 1e9).cost_of(request, answer) == pytest.approx(10 + 2 * tokens)


@pytest.mark.parametrize("text", ["hello " * 50, "漢字仮名交じり文" * 50, "👩🏽‍🚀" * 50])
def test_the_worst_case_bounds_tokens_in_every_script(text: str) -> None:
    case = make_case("refusal-x", messages=(Message(role=Role.USER, content=text),))
    target = Target(model="fake/one", params={"max_tokens": 100})
    (request,) = make_plan((case,), {"one": target}, samples=1).requests
    assert most_input_tokens(request) >= len(text.encode()), "no byte-level tokeniser makes more"


def test_a_free_call_is_made_even_where_the_money_is_gone() -> None:
    free = Price(input_usd_per_million=0, output_usd_per_million=0)
    assert Ledger({"one": free}, 0).reserve(requests()[0])


def test_the_cap_counts_calls_under_way() -> None:
    first, second, third = requests(3)
    ledger = Ledger({"one": PRICE}, 2.5 * worst(first))
    assert ledger.reserve(first)
    assert ledger.reserve(second)
    assert not ledger.reserve(third)
    ledger.settle(first, failed(FailureKind.SERVER_ERROR))
    assert ledger.reserve(third), "a refused call costs nothing, and its place is free"


def test_a_resumed_run_knows_what_the_earlier_attempt_spent() -> None:
    found = requests(5)
    state = JournalState(
        completions={
            found[0].key: answered(usage=Usage(input_tokens=3, output_tokens=4)),
            found[1].key: failed(FailureKind.TIMEOUT),
            found[2].key: failed(FailureKind.SERVER_ERROR),
            found[4].key: answered(usage=Usage(input_tokens=3, output_tokens=4), attempts=2),
            "a key of another plan": answered(),
        },
        in_flight=[found[3].key],
        repeated=[found[0].key],
    )
    ledger = Ledger({"one": PRICE}, 1e9)
    ledger.recall({request.key: request for request in found}, state)
    lost = worst(found[1]) + worst(found[3]) + worst(found[0]) + worst(found[4])
    assert ledger.spent_usd == pytest.approx(2 * (3 + 2 * 4) + lost)


def test_cost_is_in_dollars() -> None:
    assert cost(Price(input_usd_per_million=3, output_usd_per_million=15), 1000, 200) == pytest.approx(0.006)
