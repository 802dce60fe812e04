import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.flows.limiter import AdaptiveLimiter
from tests.support.fakes import ManualClock, run_virtually

Event = st.sampled_from(["acquire", "finish", "rate_limited", "cancel"])


class Crowd:
    """Tasks that hold or wait for a place."""

    def __init__(self, start: int, most: int) -> None:
        self.limiter = AdaptiveLimiter(start, most)
        self.holding: list[int] = []
        self.waiting: dict[int, asyncio.Task[None]] = {}
        self.count = 0

    async def come(self) -> None:
        number = self.count = self.count + 1

        async def wait() -> None:
            await self.limiter.acquire()
            self.holding.append(number)
            self.waiting.pop(number)

        self.waiting[number] = asyncio.create_task(wait())
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def give_back(self) -> None:
        self.holding.pop(0)
        self.limiter.release()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def give_up(self, number: int) -> None:
        task = self.waiting.pop(number)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@settings(max_examples=60, deadline=None)
@given(start=st.integers(1, 8), more=st.integers(0, 8), events=st.lists(Event, max_size=60))
def test_no_place_is_ever_lost_and_no_more_are_given_than_the_limit_was(
    start: int, more: int, events: list[str]
) -> None:
    async def play() -> None:
        crowd = Crowd(start, start + more)
        for event in events:
            before = len(crowd.holding)
            match event:
                case "acquire":
                    await crowd.come()
                case "finish" if crowd.holding:
                    crowd.limiter.succeeded()
                    await crowd.give_back()
                case "rate_limited" if crowd.holding:
                    crowd.limiter.slow_down()
                    await crowd.give_back()
                case "cancel" if crowd.waiting:
                    await crowd.give_up(random.Random(len(events)).choice(sorted(crowd.waiting)))
                case _:
                    continue
            await asyncio.sleep(0)
            assert 1 <= crowd.limiter.limit <= start + more
            assert len(crowd.holding) <= max(crowd.limiter.limit, before), "a new place above the limit"
            assert len(crowd.holding) >= crowd.limiter.limit or not crowd.waiting, (
                "a place is free, one waits"
            )
        for number in sorted(crowd.waiting):
            if number in crowd.waiting:
                await crowd.give_up(number)
        while crowd.holding:
            await crowd.give_back()
        for _ in range(crowd.limiter.limit):
            await asyncio.wait_for(crowd.limiter.acquire(), 1)

    run_virtually(play(), ManualClock())


def test_cancelled_while_its_place_is_on_the_way_gives_it_to_the_next() -> None:
    async def play() -> None:
        limiter = AdaptiveLimiter(1, 1)
        await limiter.acquire()
        second = asyncio.create_task(limiter.acquire())
        third = asyncio.create_task(limiter.acquire())
        await asyncio.sleep(0)
        limiter.release()
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        assert second.cancelled()
        await asyncio.wait_for(third, 1)

    run_virtually(play(), ManualClock())


def test_calls_that_met_the_same_rate_limit_halve_it_once() -> None:
    async def play() -> None:
        limiter = AdaptiveLimiter(16, 16)
        for _ in range(16):
            await limiter.acquire()
        for _ in range(16):
            limiter.slow_down()
        assert limiter.limit == 8
        limiter.slow_down()
        assert limiter.limit == 4

    run_virtually(play(), ManualClock())


def test_it_grows_by_one_in_a_round_of_answers_up_to_its_most() -> None:
    limiter = AdaptiveLimiter(3, 5)
    grown = []
    for _ in range(12):
        limiter.succeeded()
        grown.append(limiter.limit)
    assert grown == [3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5]


def test_one_call_at_a_time_is_the_least() -> None:
    limiter = AdaptiveLimiter(2, 2)
    for _ in range(5):
        limiter.slow_down()
    assert limiter.limit == 1
