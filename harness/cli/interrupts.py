"""Work that SIGINT and SIGTERM stop in good order."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from harness.errors import Interrupted

T = TypeVar("T")


def run_interruptibly(work: Coroutine[Any, Any, T], interrupted: Callable[[int], Interrupted]) -> T:
    """Run to the end, or stop in good order at SIGINT or SIGTERM and raise what `interrupted` makes of its number."""
    caught: list[int] = []

    async def guarded() -> T:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()

        def stop(number: int) -> None:
            caught.append(number)
            task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            # Neither Windows nor a thread has loop signal handlers; there Ctrl-C arrives as KeyboardInterrupt.
            with suppress(NotImplementedError, RuntimeError):
                loop.add_signal_handler(number, stop, number)
        return await task

    try:
        return asyncio.run(guarded())
    except asyncio.CancelledError as error:
        raise interrupted(caught[0] if caught else signal.SIGINT) from error
    except KeyboardInterrupt as error:
        raise interrupted(signal.SIGINT) from error
    except ExceptionGroup as group:
        # A task group wraps the first error of a call; everyone above speaks of errors, not of groups.
        first = group.exceptions[0]
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        raise first from group
