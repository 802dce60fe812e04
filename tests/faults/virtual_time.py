"""Event loops on a clock that jumps, for commands that bring threads of their own: a journal, an encoder."""

import asyncio
import contextlib
import selectors
from collections.abc import Iterator
from typing import Any

from tests.support.fakes import ManualClock

STUCK_AFTER_S = 20.0
_THREADS_TAKE_S = 0.005


class _PatientSelector(selectors.DefaultSelector):  # type: ignore[misc,valid-type]  # a class chosen by the platform
    """Lets the clock jump to the next timer, once no thread of ours has anything to say."""

    clock: ManualClock

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            if not (ready := super().select(STUCK_AFTER_S)):
                raise RuntimeError("every task waits, and nothing can ever wake one: a deadlock")
            return ready
        ready = super().select(min(timeout, _THREADS_TAKE_S))
        if not ready:
            self.clock.advance(timeout)
        return ready


class _JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        selector = _PatientSelector()
        selector.clock = clock
        super().__init__(selector)

    def time(self) -> float:
        return self._clock.monotonic()


class _JumpingPolicy(asyncio.DefaultEventLoopPolicy):  # type: ignore[misc,valid-type,name-defined]  # another class on each platform
    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._jumping = clock

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return _JumpingLoop(self._jumping)


@contextlib.contextmanager
def loops_on(clock: ManualClock | None) -> Iterator[None]:
    """Have every event loop of this block live on `clock`; on the machine's where that is None."""
    before = asyncio.get_event_loop_policy()
    if clock is not None:
        asyncio.set_event_loop_policy(_JumpingPolicy(clock))
    try:
        yield
    finally:
        asyncio.set_event_loop_policy(before)
