"""The simulator as a provider, in process."""

import asyncio
import subprocess
import sys
from datetime import date

import pytest

from harness.core.messages import Message, Role
from harness.core.plan import Request, Round, make_plan
from harness.core.replies import Answer, Failure, FailureKind, FinishReason
from harness.core.suite import Case, CaseKind, Price, Target
from harness.edges.providers.simulated import SimulatedProvider
from harness.errors import UsageError
from harness.ports import Provider
from harness.simulator.faults import failure
from harness.simulator.spec import Fault, FaultKind

NIGHT = date(2027, 2, 21)


def case(name: str) -> Case:
    return Case(
        id=name,
        kind=CaseKind.EDGE,
        why="shows that it is answered",
        review_by="2027-12-31",
        messages=(Message(role=Role.USER, content=f"Tell me about {name}, in two sentences."),),
    )


def requests(target: Target, *, cases: int = 4, samples: int = 3) -> tuple[Request, ...]:
    return make_plan([case(f"case-{n}") for n in range(cases)], {"main": target}, samples=samples).requests


def one(**options: object) -> Request:
    return requests(Target(model="simulated/steady", options=options), cases=1, samples=1)[0]


def provider(run: str = "test", night: date = NIGHT) -> SimulatedProvider:
    return SimulatedProvider(night=night, run=run)


async def ask(of: SimulatedProvider, request: Request, deadline_s: float = 5) -> Answer | Failure:
    return await of.complete(request, deadline_s=deadline_s)


async def answers(of: SimulatedProvider, plan: tuple[Request, ...]) -> list[Answer]:
    found = [await ask(of, request) for request in plan]
    assert all(isinstance(answer, Answer) for answer in found)
    return [answer for answer in found if isinstance(answer, Answer)]


def test_it_is_a_provider_that_costs_nothing() -> None:
    found = provider()
    assert isinstance(found, Provider)
    assert not found.traits.costs and not found.traits.replays


async def test_two_runs_of_a_night_get_the_same_answers_under_other_ids() -> None:
    plan = requests(Target(model="simulated/typical"))
    first, second = await answers(provider("one"), plan), await answers(provider("two"), plan)
    assert [a.measured_text for a in first] == [a.measured_text for a in second]
    assert {a.response_id for a in first}.isdisjoint({a.response_id for a in second})
    assert len({a.response_id for a in first}) == len(plan)


async def test_a_confirmation_is_not_answered_from_the_first_round() -> None:
    cases, targets = [case("case")], {"main": Target(model="simulated/creative")}
    first = make_plan(cases, targets, samples=40).requests
    confirm = make_plan(cases, targets, samples=40, round_=Round.CONFIRM).requests
    said = await answers(provider(), first), await answers(provider(), confirm)
    assert [a.text for a in said[0]] != [a.text for a in said[1]]


async def test_concurrent_calls_get_what_they_get_one_by_one() -> None:
    plan = requests(Target(model="simulated/creative"), cases=10)
    together = await asyncio.gather(*(ask(provider(), request) for request in reversed(plan)))
    assert list(reversed(together)) == await answers(provider(), plan)


async def test_two_thousand_calls_are_answered() -> None:
    plan = requests(Target(model="simulated/steady"), cases=20, samples=100)
    assert len(await answers(provider(), plan)) == 2000


async def test_parameters_limit_tokens_and_ask_for_log_probabilities() -> None:
    target = Target(model="simulated/steady", params={"max_tokens": 1, "logprobs": True, "top_logprobs": 4})
    answer = (await answers(provider(), requests(target)))[0]
    assert answer.finish_reason is FinishReason.LENGTH
    assert len(answer.logprobs) == 1 and 2 <= len(answer.logprobs[0].top) <= 4


async def test_an_unknown_model_and_option_is_said_before_the_first_call_and_never_raised_by_one() -> None:
    for model, options, kind, message in (
        ("simulated/stedy", {}, FailureKind.UNKNOWN_MODEL, "did you mean 'steady'"),
        ("simulated/steady", {"sed": 1}, FailureKind.BAD_REQUEST, "did you mean 'seed'"),
    ):
        target = Target(model=model, options=options)
        with pytest.raises(UsageError, match=message):
            SimulatedProvider(night=NIGHT, run="r", targets=(target,)).check()
        failed = await ask(provider(), requests(target)[0])
        assert isinstance(failed, Failure) and failed.kind is kind and message in failed.detail


def test_a_target_may_name_a_price() -> None:
    price = Price(input_usd_per_million=1, output_usd_per_million=2)
    assert provider().price(Target(model="simulated/steady", price=price)) == price
    free = provider().price(Target(model="simulated/steady"))
    assert free is not None and free.output_usd_per_million == 0


@pytest.mark.parametrize("kind", list(FaultKind))
async def test_every_fault_ends_in_a_failure_or_in_behaviour(kind: FaultKind) -> None:
    found = await ask(provider(), one(faults={"kind": kind.value}), deadline_s=0.01)
    expected = failure(Fault(kind=kind))
    if expected is not None:
        assert found == expected
    else:
        assert isinstance(found, Answer)
        assert found.text == "" or kind is FaultKind.REPLAYED


async def test_the_kinds_of_failure_are_those_the_flow_acts_on() -> None:
    for kind, expected in (
        (FaultKind.RATE_LIMITED, FailureKind.RATE_LIMITED),
        (FaultKind.OVERLOADED, FailureKind.SERVER_ERROR),
        (FaultKind.HANG, FailureKind.TIMEOUT),
        (FaultKind.DRIP, FailureKind.TIMEOUT),
        (FaultKind.RESET, FailureKind.TRANSPORT),
        (FaultKind.HTML, FailureKind.MALFORMED),
        (FaultKind.UNAUTHORIZED, FailureKind.AUTHENTICATION),
        (FaultKind.QUOTA, FailureKind.QUOTA),
    ):
        found = failure(Fault(kind=kind, retry_after_s=2))
        assert found is not None and found.kind is expected and found.retry_after_s == 2


async def test_attempts_are_counted_so_that_a_retry_cures() -> None:
    of, request = provider(), one(faults={"kind": "500", "attempts": 2})
    found = [type(await ask(of, request)) for _ in range(4)]
    assert found == [Failure, Failure, Answer, Answer]


async def test_a_replayed_id_comes_back() -> None:
    request = one(faults={"kind": "replayed"})
    first, second = await ask(provider("one"), request), await ask(provider("two"), request)
    assert isinstance(first, Answer) and isinstance(second, Answer)
    assert first.response_id == second.response_id


async def test_latency_is_waited_for_only_where_asked_and_never_longer_than_the_deadline() -> None:
    reported = await ask(provider(), one(latency_ms=1e9), deadline_s=0.01)
    assert isinstance(reported, Answer) and (reported.latency_ms or 0) > 1e7
    waited = await ask(provider(), one(latency_ms=1e9, sleep=True), deadline_s=0.01)
    assert isinstance(waited, Failure) and waited.kind is FailureKind.TIMEOUT
    assert isinstance(await ask(provider(), one(latency_ms=1, sleep=True)), Answer)
    waiting = asyncio.create_task(ask(provider(), one(latency_ms=1e9, sleep=True), deadline_s=60))
    done, _ = await asyncio.wait({waiting}, timeout=0.02)
    assert not done
    waiting.cancel()


def test_importing_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, harness.edges.providers.simulated;"
        "print(*[m for m in ('aiohttp', 'litellm', 'scipy', 'torch', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
