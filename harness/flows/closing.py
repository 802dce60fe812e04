"""Let go of what a run held open, without losing what it found."""

import asyncio
from collections.abc import Iterable

from harness.ports import Provider

PATIENCE_S = 5.0
_LAST_WORDS_S = 0.5


async def close_providers(providers: Iterable[Provider]) -> tuple[str, ...]:
    """Close every provider once; return what went wrong, a sentence each.

    Raises nothing, and waits `PATIENCE_S` seconds at most: by then the verdict is on disk, and whoever hangs
    must not keep it from being told.
    """
    closing = [asyncio.ensure_future(one.aclose()) for one in {id(one): one for one in providers}.values()]
    if not closing:
        return ()
    closed, hanging = await asyncio.wait(closing, timeout=PATIENCE_S)
    for task in hanging:
        task.cancel()
    if hanging:
        await asyncio.wait(hanging, timeout=_LAST_WORDS_S)
    errors = [error for task in closed if not task.cancelled() and (error := task.exception()) is not None]
    return (
        *(f"a connection was not closed in good order: {type(error).__name__}" for error in errors),
        *(f"a connection was still open after {PATIENCE_S:g} s and was left" for _ in hanging),
    )
