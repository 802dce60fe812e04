"""LiteLLM as the provider needs it: its connections metered, and closed in the end."""

import asyncio
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from weakref import WeakSet

import httpx

from harness.edges.litellm_import import import_litellm
from harness.edges.providers.metering import MeteredTransport

_transports: WeakSet[MeteredTransport] = WeakSet()


def load_litellm() -> ModuleType:
    """Import LiteLLM with its connections metered; seconds the first time, nothing after that. Raises SetupError."""
    litellm = import_litellm()
    _meter_transports()
    return litellm


async def close_litellm() -> None:
    """Close the connections that LiteLLM opened in this loop, and end its background worker."""
    worker = import_module("litellm.litellm_core_utils.logging_worker").GLOBAL_LOGGING_WORKER
    await worker.flush()
    await worker.stop()
    loop = asyncio.get_running_loop()
    for transport in tuple(_transports):
        if transport.loop is loop:
            await transport.aclose()


def _meter_transports() -> None:
    """Wrap every asynchronous transport that LiteLLM will create.

    The one place where we reach into it: no public setting covers all of its routes, and the version is
    pinned. `test_latency_is_taken_at_the_transport` fails the day this stops working.
    """
    handler = import_module("litellm.llms.custom_httpx.http_handler").AsyncHTTPHandler
    create: Callable[..., httpx.AsyncBaseTransport | None] = handler._create_async_transport
    if getattr(create, "metered", False):
        return

    def create_metered(*args: object, **kwargs: object) -> MeteredTransport:
        transport = MeteredTransport(create(*args, **kwargs) or httpx.AsyncHTTPTransport())
        _transports.add(transport)
        return transport

    create_metered.metered = True  # type: ignore[attr-defined]  # marks the function as ours
    handler._create_async_transport = staticmethod(create_metered)
