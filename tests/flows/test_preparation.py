"""What comes after the answers is loaded while they are on their way, and never in the calls' way."""

import asyncio
from collections.abc import Callable

import pytest

from harness.errors import SetupError
from harness.flows.preparation import Preparation


def telling(told: list[str], what: str) -> Callable[[], None]:
    return lambda: told.append(what)


def failing(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


async def test_what_is_needed_is_there_when_the_answers_are() -> None:
    told: list[str] = []
    preparation = Preparation(telling(told, "needed"), telling(told, "further"))
    await preparation.ready()
    assert told[0] == "needed"
    await preparation.end()


async def test_the_calls_have_a_head_start() -> None:
    told: list[str] = []
    preparation = Preparation(telling(told, "needed"), telling(told, "further"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert told == []
    await preparation.ready()
    assert told != []
    await preparation.end()


async def test_where_answers_take_long_both_are_loaded_meanwhile_one_after_the_other() -> None:
    told: list[str] = []
    loaded, loop = asyncio.Event(), asyncio.get_running_loop()

    def last() -> None:
        told.append("further")
        loop.call_soon_threadsafe(loaded.set)

    preparation = Preparation(telling(told, "needed"), last)
    await loaded.wait()
    assert told == ["needed", "further"]
    await preparation.ready()
    await preparation.end()


async def test_what_is_needed_and_cannot_be_loaded_is_the_runs_error() -> None:
    preparation = Preparation(failing(SetupError("no encoder")), telling([], "further"))
    with pytest.raises(SetupError, match="no encoder"):
        await preparation.ready()
    await preparation.end()


async def test_what_only_a_report_needs_ends_no_run() -> None:
    asked, loop = asyncio.Event(), asyncio.get_running_loop()

    def fail() -> None:
        loop.call_soon_threadsafe(asked.set)
        raise ImportError("no templates")

    preparation = Preparation(telling([], "needed"), fail)
    await preparation.ready()
    await asked.wait()
    await preparation.end()


async def test_a_run_that_ends_early_loads_nothing() -> None:
    told: list[str] = []
    preparation = Preparation(telling(told, "needed"), telling(told, "further"))
    await preparation.end()
    assert told == []
