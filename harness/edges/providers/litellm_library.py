"""LiteLLM, imported late and set up so that it does what it is told and nothing else."""

import asyncio
import os
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from weakref import WeakSet

import httpx

from harness.edges.providers.metering import MeteredTransport
from harness.errors import SetupError

# Read while LiteLLM is imported. Without them it fetches a price map and headers from the network, and
# loads `.env` from the working directory: on a stranger's branch that file is a stranger's.
# Only drift.yaml names endpoints; these would send a target's calls, and its key, somewhere else in silence.
_REROUTES = (
    "USE_LITELLM_PROXY",
    "LITELLM_PROXY_API_BASE",
    "OPENAI_BASE_URL",
    "OPENAI_API_BASE",
    "OPENAI_ORGANIZATION",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_API_BASE",
    "GEMINI_API_BASE",
)
_BEFORE_IMPORT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
}
_AFTER_IMPORT = {
    "suppress_debug_info": True,
    "drop_params": False,  # a parameter that a model does not take is an error, not silence
    "modify_params": False,
    "num_retries": None,
    "cache": None,
    "model_fallbacks": None,
    "disable_hf_tokenizer_download": True,
}

_transports: WeakSet[MeteredTransport] = WeakSet()


def load_litellm() -> ModuleType:
    """Import LiteLLM and set it up; seconds the first time, nothing after that. Raises SetupError."""
    os.environ.update(_BEFORE_IMPORT)
    for name in _REROUTES:
        os.environ.pop(name, None)
    try:
        litellm = import_module("litellm")
    except ImportError as error:
        raise SetupError(
            f"LiteLLM cannot be imported: {error}; OpenAI-compatible targets work as 'direct/…'"
        ) from error
    for name, value in _AFTER_IMPORT.items():
        setattr(litellm, name, value)
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
