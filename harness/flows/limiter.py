"""How many calls run at once: start modestly, halve when told to slow down, grow slowly."""

import asyncio
from collections import deque


class AdaptiveLimiter:
    """Additive increase, multiplicative decrease, as TCP does it.

    A round of successes as long as the limit raises it by one; a rate limit halves it, at most once for
    the calls that were in flight when it was hit.
    """

    def __init__(self, start: int, most: int) -> None:
        self.limit = start
        self._most = most
        self._running = 0
        self._successes = 0
        self._ignore_slow_downs = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> None:
        """Wait for a place."""
        if self._running < self.limit and not self._waiting:
            self._running += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Give a place back."""
        self._running -= 1
        self._wake()

    def succeeded(self) -> None:
        """Note an answer: after a whole round of them the limit grows by one."""
        self._ignore_slow_downs = max(0, self._ignore_slow_downs - 1)
        self._successes += 1
        if self._successes >= self.limit and self.limit < self._most:
            self.limit += 1
            self._successes = 0
            self._wake()

    def slow_down(self) -> None:
        """Note a rate limit: halve, once for all calls that met the same one."""
        if self._ignore_slow_downs:
            self._ignore_slow_downs -= 1
            return
        self._ignore_slow_downs = max(0, self._running - 1)
        self._successes = 0
        self.limit = max(1, self.limit // 2)

    def _wake(self) -> None:
        while self._waiting and self._running < self.limit:
            place = self._waiting.popleft()
            if not place.done():
                self._running += 1
                place.set_result(None)
