"""What comes after the answers is loaded while they are on their way."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

HEAD_START_S = 0.05
"""How long the calls have the interpreter to themselves: one that imports in a thread holds them up."""


class Preparation:
    """Does in a thread what takes a while: what a decision needs, and after that what its reports need."""

    def __init__(self, needed: Callable[[], None], further: Callable[[], None]) -> None:
        self._answered = asyncio.Event()
        self._needed = asyncio.create_task(self._begin(needed))
        self._further = asyncio.create_task(self._go_on(further))

    async def ready(self) -> None:
        """Wait for what is needed, and raise what it raised: the answers are there."""
        self._answered.set()
        await self._needed

    async def end(self) -> None:
        """Begin nothing more. The run's own error, if there is one, is the one to hear of."""
        tasks = (self._further, self._needed)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.exception()

    async def _begin(self, needed: Callable[[], None]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(HEAD_START_S):
                await self._answered.wait()
        await asyncio.to_thread(needed)

    async def _go_on(self, further: Callable[[], None]) -> None:
        await asyncio.wait([self._needed])
        # What fails here fails again where it is used, after the verdict is on disk.
        await asyncio.to_thread(further)
