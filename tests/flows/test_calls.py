import asyncio
import random
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.plan import Request, make_plan
from harness.core.policy import Limits
from harness.core.replies import Answer, Failure, FailureKind
from harness.core.suite import Price, Target
from harness.errors import MeasurementError
from harness.flows.budget import Ledger
from harness.flows.calls import GRACE_S, MOST_ATTEMPTS, CallParts, CallResults, make_calls
from harness.ports import ProviderTraits
from tests.support.fakes import (
    FREE,
    ManualClock,
    MemoryJournal,
    NotedProgress,
    Reply,
    Script,
    ScriptedProvider,
    answered,
    failed,
    later,
    never,
    run_virtually,
)
from tests.support.records import make_cases

RETRYABLE = {
    FailureKind.RATE_LIMITED,
    FailureKind.SERVER_ERROR,
    FailureKind.TIMEOUT,
    FailureKind.TRANSPORT,
}
DEAR = Price(input_usd_per_million=0, output_usd_per_million=1_000_000)
"""A dollar for every output token."""


def plan(
    cases: int = 1, samples: int = 1, targets: Sequence[str] = ("one",), most_tokens: int = 100
) -> tuple[Request, ...]:
    known = {name: Target(model=f"fake/{name}", params={"max_tokens": most_tokens}) for name in targets}
    return make_plan(make_cases(cases), known, samples=samples).requests


class World:
    """What calls are made with, and what became of them."""

    def __init__(
        self,
        script: Script,
        *,
        cap_usd: float = 1000.0,
        price: Price = FREE,
        traits: ProviderTraits | None = None,
        seen: frozenset[str] = frozenset(),
        minutes: float = 60,
        **limits: object,
    ) -> None:
        self.clock = ManualClock()
        self.log: list[str] = []
        self.journal = MemoryJournal(log=self.log)
        self.provider = ScriptedProvider(
            script=script, log=self.log, **({"traits": traits} if traits else {})
        )
        self.ledger = Ledger({"one": price, "two": price}, cap_usd)
        self.progress = NotedProgress()
        self.parts = CallParts(
            scrub=lambda completion: completion,
            providers={"one": self.provider, "two": self.provider},
            journal=self.journal,
            ledger=self.ledger,
            limits=Limits.model_validate(limits),
            clock=self.clock,
            jitter=random.Random(1),
            progress=self.progress,
            seen_response_ids=seen,
        )
        self.minutes = minutes

    def run(self, requests: Sequence[Request], known: Mapping[str, Reply] | None = None) -> CallResults:
        stop_at = self.clock.monotonic() + 60 * self.minutes
        return run_virtually(make_calls(requests, self.parts, known=known or {}, stop_at=stop_at), self.clock)

    def only(self) -> Reply:
        (completion,) = self.run(plan()).completions.values()
        return completion


@pytest.mark.parametrize("kind", FailureKind)
def test_only_what_asking_again_may_mend_is_asked_again_and_three_times_at_most(kind: FailureKind) -> None:
    world = World(lambda request, attempt: failed(kind))
    completion = world.only()
    requests = MOST_ATTEMPTS if kind in RETRYABLE else 1
    assert len(world.provider.asked) == requests == completion.attempts
    assert isinstance(completion, Failure)
    assert completion.kind is kind


@pytest.mark.parametrize("text", ["", "I can't help with that.", "Internal server error", "429"])
def test_content_is_never_asked_again(text: str) -> None:
    world = World(lambda request, attempt: answered(text))
    assert world.only() == answered(text)
    assert len(world.provider.asked) == 1


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_an_answer_says_how_many_requests_it_took(failures: int) -> None:
    world = World(lambda r, attempt: failed(FailureKind.SERVER_ERROR) if attempt <= failures else answered())
    assert world.only().attempts == failures + 1 == len(world.provider.asked)


def test_an_answer_that_is_kept_is_the_one_that_came_and_light() -> None:
    came = answered("Yes.", model_served="m", response_id="r", latency_ms=3.0)
    kept = World(lambda r, a: came).only()
    assert kept == came
    assert kept.model_dump_json() == came.model_dump_json()
    assert kept.model_fields_set == set(), "which fields were given is a tenth of an answer's memory"


def test_a_failure_before_anything_was_sent_counts_no_request() -> None:
    world = World(lambda request, attempt: failed(FailureKind.BAD_REQUEST, attempts=0))
    assert world.only().attempts == 0


def test_retry_after_is_waited_for() -> None:
    world = World(
        lambda r, attempt: failed(FailureKind.RATE_LIMITED, retry_after_s=30) if attempt == 1 else answered(),
        timeout_s=60,
    )
    assert isinstance(world.only(), Answer)
    first, second = world.provider.asked
    assert 30 <= second.at - first.at < 31
    assert second.deadline_s == pytest.approx(60 - (second.at - first.at))


@pytest.mark.parametrize("retry_after_s", [60.0, 86_400.0])
def test_retry_after_beyond_the_deadline_gives_up_at_once(retry_after_s: float) -> None:
    world = World(lambda r, a: failed(FailureKind.RATE_LIMITED, retry_after_s=retry_after_s), timeout_s=60)
    began = world.clock.monotonic()
    assert world.only().attempts == 1
    assert world.clock.monotonic() - began < 1


def test_pauses_grow_and_differ_from_call_to_call() -> None:
    world = World(lambda r, a: failed(FailureKind.SERVER_ERROR), concurrency=20)
    world.run(plan(cases=20))
    times: dict[str, list[float]] = {}
    for asked in world.provider.asked:
        times.setdefault(asked.key, []).append(asked.at)
    first = [found[1] - found[0] for found in times.values()]
    second = [found[2] - found[1] for found in times.values()]
    assert len({round(pause, 6) for pause in first}) == 20, "no two calls come back at the same moment"
    assert all(0.25 <= pause <= 0.75 for pause in first)
    assert all(0.5 <= pause <= 1.5 for pause in second)


def test_the_deadline_holds_where_the_provider_never_returns() -> None:
    world = World(lambda r, a: never(), timeout_s=50, concurrency=5)
    began = world.clock.monotonic()
    results = world.run(plan(cases=5))
    assert [c.kind for c in results.completions.values() if isinstance(c, Failure)] == [
        FailureKind.TIMEOUT
    ] * 5
    assert world.clock.monotonic() - began == pytest.approx(50 + GRACE_S)


@settings(max_examples=40, deadline=None)
@given(
    takes=st.lists(st.floats(0, 30), min_size=3, max_size=3),
    kinds=st.lists(st.sampled_from(sorted(RETRYABLE)), min_size=3, max_size=3),
    retry_after_s=st.none() | st.floats(0, 40),
)
def test_no_schedule_of_failures_outlasts_the_deadline(
    takes: list[float], kinds: list[FailureKind], retry_after_s: float | None
) -> None:
    world = World(
        lambda r, a: later(takes[a - 1], failed(kinds[a - 1], retry_after_s=retry_after_s)), timeout_s=20
    )
    began = world.clock.monotonic()
    world.only()
    assert world.clock.monotonic() - began <= 20 + GRACE_S + 0.01


def test_a_cancellation_that_leaks_out_of_a_client_library_is_a_failed_call() -> None:
    async def leak() -> Reply:
        raise asyncio.CancelledError

    world = World(lambda r, a: leak() if a == 1 and "00" in r.key else answered(), concurrency=1)
    results = world.run(plan(cases=3))
    assert len(results.completions) == 3
    assert {c.attempts for c in results.completions.values()} == {1, 2}


@pytest.mark.parametrize("kind", [k for k in FailureKind if k.ends_target])
def test_a_rejected_key_stops_that_target_and_no_other(kind: FailureKind) -> None:
    world = World(lambda r, a: failed(kind) if r.target_name == "one" else answered(), concurrency=1)
    results = world.run(plan(cases=6, targets=("one", "two")))
    asked = [asked.key.split(":")[0] for asked in world.provider.asked]
    assert asked.count("one") == 1
    assert asked.count("two") == 6
    assert set(results.fatal) == {"one"}
    assert len(results.completions) == 7


def test_after_a_rejected_key_nothing_is_asked_again_and_what_is_in_flight_is_kept() -> None:
    def script(request: Request, attempt: int) -> Reply | Awaitable[Reply]:
        place = int(request.case.id[-2:])
        if place == 0:
            return later(0.1, failed(FailureKind.AUTHENTICATION))
        return later(0.05, failed(FailureKind.SERVER_ERROR)) if place == 1 else later(5, answered())

    world = World(script, concurrency=4)
    results = world.run(plan(cases=12))
    assert max(asked.attempt for asked in world.provider.asked) == 1, "a retry is a request, too"
    assert len(world.provider.asked) == 4
    assert len(results.completions) == len(world.journal.completions) == 4
    assert sum(isinstance(c, Answer) for c in results.completions.values()) == 2


def test_a_call_whose_intent_was_being_written_when_the_key_was_rejected_is_not_made() -> None:
    class FirstIsFast(MemoryJournal):
        async def intend(self, key: str) -> None:
            self.takes_s = 3.0 if self.log else 0.0
            self.log.append("")
            await super().intend(key)

    world = World(lambda r, a: failed(FailureKind.AUTHENTICATION), concurrency=2)
    world.parts = replace(world.parts, journal=FirstIsFast())
    results = world.run(plan(cases=8))
    assert len(world.provider.asked) == 1
    assert sorted(found.attempts for found in results.completions.values()) == [0, 1]
    state = world.parts.journal.state()  # type: ignore[attr-defined]  # the fake's own
    assert state.in_flight == [], "what was never sent cannot be billed"
    assert world.ledger.spent_usd == 0


def test_a_call_that_could_pass_the_cap_is_not_made() -> None:
    world = World(lambda r, a: answered(), price=DEAR, cap_usd=125, concurrency=1)
    results = world.run(plan(cases=10, most_tokens=100))
    # 10 dollars a call in fact, 100 at worst: after three of them a fourth could end at 130.
    assert len(world.provider.asked) == 3
    assert world.ledger.spent_usd == 30
    assert results.stopped is not None
    assert "cost cap" in results.stopped
    assert len(world.journal.intents) == 3, "and leaves no intent"


def test_a_call_waits_while_others_under_way_may_turn_out_cheap() -> None:
    world = World(lambda r, a: later(1, answered()), price=DEAR, cap_usd=250, concurrency=10)
    results = world.run(plan(cases=10, most_tokens=100))
    assert results.stopped is None
    assert len(results.completions) == 10
    assert world.provider.most_running == 2, "never more under way than the cap could bear"


@settings(max_examples=40, deadline=None)
@given(
    outputs=st.lists(st.integers(0, 100), min_size=12, max_size=12),
    faults=st.lists(st.sampled_from([None, *FailureKind]), min_size=12, max_size=12),
    cap=st.integers(0, 1500),
    concurrency=st.integers(1, 6),
)
def test_the_cap_holds_and_cost_recorded_is_never_below_cost_caused(
    outputs: list[int], faults: list[FailureKind | None], cap: int, concurrency: int
) -> None:
    caused = 0.0

    def script(request: Request, attempt: int) -> Reply:
        nonlocal caused
        place = int(request.case.id[-2:])
        kind = faults[place]
        if kind is not None and attempt < 3:
            caused += outputs[place] if kind.may_be_billed else 0
            return failed(kind)
        caused += outputs[place]
        return answered(usage={"input_tokens": 1, "output_tokens": outputs[place]})

    world = World(script, price=DEAR, cap_usd=cap, concurrency=concurrency)
    results = world.run(plan(cases=12, most_tokens=100))
    assert caused <= world.ledger.spent_usd + 1e-6
    assert world.ledger.spent_usd <= cap + 1e-6
    assert results.stopped or results.fatal or len(results.completions) == 12


def test_after_the_time_cap_no_call_starts_and_those_under_way_end() -> None:
    world = World(lambda r, a: later(40, answered()), concurrency=2, minutes=1, timeout_s=50)
    results = world.run(plan(cases=10))
    assert results.stopped is not None
    assert "time cap" in results.stopped
    assert len(results.completions) == len(world.provider.asked) == 4


def test_a_wall_clock_that_jumps_changes_nothing() -> None:
    def script(request: Request, attempt: int) -> Reply | Awaitable[Reply]:
        world.clock.jump(-86_400 if attempt % 2 else 7200)
        return later(1, answered())

    world = World(script, concurrency=1, minutes=1)
    assert world.run(plan(cases=10)).stopped is None


@pytest.mark.parametrize(("replays", "valid"), [(False, False), (True, True)])
def test_an_answer_seen_in_an_earlier_run_is_no_answer(replays: bool, valid: bool) -> None:
    world = World(
        lambda r, a: answered(response_id="resp-1"),
        seen=frozenset({"resp-1"}),
        traits=ProviderTraits(name="p", version="1", replays=replays),
    )
    completion = world.only()
    assert isinstance(completion, Answer) is valid
    assert valid or (isinstance(completion, Failure) and completion.kind is FailureKind.REPLAYED)
    assert world.journal.completions == {plan()[0].key: completion}


def test_an_answer_without_an_id_was_not_seen() -> None:
    world = World(lambda r, a: answered(response_id=None), seen=frozenset({"resp-1"}))
    assert isinstance(world.only(), Answer)


def test_what_is_known_is_never_asked_again() -> None:
    requests = plan(cases=6, samples=2)
    known: dict[str, Reply] = {r.key: answered(f"known {r.key}") for r in requests[:5]}
    known[requests[5].key] = failed(FailureKind.TIMEOUT)
    world = World(lambda r, a: answered("new"))
    results = world.run(requests, known)
    assert {asked.key for asked in world.provider.asked} == {r.key for r in requests[6:]}
    assert {k: results.completions[k] for k in known} == known
    assert len(results.completions) == 12


@settings(max_examples=25, deadline=None)
@given(
    takes=st.lists(st.floats(0, 3), min_size=20, max_size=20),
    concurrency=st.integers(1, 8),
    journal_s=st.sampled_from([0.0, 0.01, 2.0]),
)
def test_an_intent_is_on_disk_before_the_call_and_a_completion_before_it_is_used(
    takes: list[float], concurrency: int, journal_s: float
) -> None:
    world = World(lambda r, a: later(takes[int(r.case.id[-2:])], answered()), concurrency=concurrency)
    world.journal.takes_s = journal_s
    used = world.progress

    class Noting(NotedProgress):
        def finished_call(self, request: Request, completion: Answer | Failure) -> None:
            world.log.append(f"use {request.key}")
            used.finished_call(request, completion)

    world.parts = replace(world.parts, progress=Noting())
    requests = plan(cases=20)
    world.run(requests)
    for request in requests:
        mine = [line.split(" ", 1)[0] for line in world.log if line.endswith(f" {request.key}")]
        assert mine == ["intend", "ask", "record", "use"]
    assert world.provider.most_running <= concurrency


def test_concurrency_never_passes_the_limit_and_halves_on_429() -> None:
    under_way: dict[str, int] = {}

    def script(request: Request, attempt: int) -> Reply | Awaitable[Reply]:
        under_way.setdefault(request.key, world.provider.running)
        if attempt == 1 and len(under_way) <= 8:
            return later(1, failed(FailureKind.RATE_LIMITED, retry_after_s=1))
        return later(1, answered())

    world = World(script, concurrency=8)
    requests = plan(cases=60)
    results = world.run(requests)
    assert all(isinstance(c, Answer) for c in results.completions.values())
    assert world.provider.most_running == 8
    # Eight met the limit at once, which halves it; the answers that come since may have raised it by one.
    assert under_way[requests[8].key] <= 5


def test_auto_starts_at_what_the_provider_bears_and_grows_while_answers_come() -> None:
    world = World(
        lambda r, a: later(1, answered()), traits=ProviderTraits(name="p", version="1", concurrency=3)
    )
    world.run(plan(cases=100))
    at_first = {asked.at for asked in world.provider.asked[:3]}
    assert len(at_first) == 1
    assert world.provider.asked[3].at > world.provider.asked[0].at
    assert 3 < world.provider.most_running <= 15


def test_where_latency_includes_waiting_concurrency_does_not_grow() -> None:
    traits = ProviderTraits(name="p", version="1", concurrency=3, latency_at_transport=False)
    world = World(lambda r, a: later(1, answered()), traits=traits)
    world.run(plan(cases=60))
    assert world.provider.most_running == 3


def test_a_journal_that_cannot_be_written_stops_the_run_and_leaves_no_task() -> None:
    world = World(lambda r, a: later(1, answered()), concurrency=5)
    world.journal.fails_at = 12
    with pytest.raises(ExceptionGroup) as caught:
        world.run(plan(cases=30))
    assert caught.group_contains(MeasurementError)
    assert len(world.provider.asked) <= 12
    assert world.provider.running == 0


def test_cancelled_in_the_middle_every_call_ends_and_what_came_is_recorded() -> None:
    world = World(lambda r, a: later(10, answered()), concurrency=4)

    async def stop_after(seconds: float) -> None:
        work = asyncio.create_task(make_calls(plan(cases=20), world.parts, known={}, stop_at=1e9))
        await asyncio.sleep(seconds)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    run_virtually(stop_after(25), world.clock)
    state = world.journal.state()
    assert len(state.completions) == 8
    assert len(state.in_flight) == 4
    assert world.provider.running == 0
