"""Faults as they happen on the wire."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from harness.core.replies import Answer
from harness.simulator.spec import Fault, FaultKind
from harness.simulator.wire import Dialect

OVERSIZED_BYTES = 64 * 1024 * 1024
DRIP_S = 0.05

_ERRORS: dict[FaultKind, tuple[int, str, str]] = {
    FaultKind.RATE_LIMITED: (429, "rate_limit_exceeded", "Rate limit reached, try again later."),
    FaultKind.QUOTA: (429, "insufficient_quota", "You exceeded your current quota."),
    FaultKind.SERVER_ERROR: (500, "server_error", "The server had an error while processing your request."),
    FaultKind.UNAVAILABLE: (503, "service_unavailable", "The service is unavailable."),
    FaultKind.OVERLOADED: (529, "overloaded", "Overloaded"),
    FaultKind.TIMEOUT: (504, "gateway_timeout", "The model took too long."),
    FaultKind.UNAUTHORIZED: (401, "invalid_api_key", "Incorrect API key provided."),
    FaultKind.UNKNOWN_MODEL: (
        404,
        "model_not_found",
        "The model does not exist or you do not have access to it.",
    ),
    FaultKind.CONTENT_FILTER_400: (400, "content_filter", "The response was filtered by the content policy."),
}


def headers_of(fault: Fault) -> Mapping[str, str]:
    """Return the headers by which a fault shows, beside its status and body."""
    headers: dict[str, str] = {}
    if fault.retry_after_s is not None:
        headers["Retry-After"] = f"{fault.retry_after_s:g}"
    if fault.kind is FaultKind.FALLBACK:
        headers["x-litellm-attempted-fallbacks"] = "1"
    return headers


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyExchange:
    """One request that will not be answered as it should."""

    request: web.Request
    dialect: Dialect
    stopping: asyncio.Event
    """Set when the server goes down; nothing hangs longer than that."""
    created: int

    async def response(self, fault: Fault, answer: Answer) -> web.StreamResponse | None:
        """Do what a fault does instead of giving `answer`; None where it gives one all the same."""
        whole = json.dumps(self.dialect.answered(answer, created=self.created)).encode()
        match fault.kind:
            case FaultKind.HANG:
                await self.stopping.wait()
                return web.Response(status=503)
            case FaultKind.DRIP:
                return await self._drip()
            case FaultKind.RESET:
                return self._reset()
            case FaultKind.CUT_OFF:
                return await self._cut_off(whole)
            case FaultKind.OVERSIZED:
                return await self._flood(whole)
            case FaultKind.GARBAGE:
                return web.Response(
                    body=b"\x00\xfe" + whole[: len(whole) // 2], content_type="application/json"
                )
            case FaultKind.HTML:
                return web.Response(
                    text="<!doctype html><title>502</title><h1>Bad gateway</h1>", content_type="text/html"
                )
            case FaultKind.EMPTY_CHOICES:
                return web.json_response(self.dialect.empty(answer, created=self.created))
            case kind if kind in _ERRORS:
                status, code, message = _ERRORS[kind]
                return web.json_response(
                    self.dialect.error(status, code, message), status=status, headers=headers_of(fault)
                )
            case _:
                return None

    async def _drip(self) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(self.request)
        with contextlib.suppress(ConnectionError):
            while not self.stopping.is_set():
                await response.write(b" ")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stopping.wait(), DRIP_S)
        return response

    def _reset(self) -> web.StreamResponse:
        transport = self.request.transport
        if transport is not None:
            wire = transport.get_extra_info("socket")
            if wire is not None:
                # Closing with no time to linger sends RST instead of FIN.
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        return web.Response()

    async def _cut_off(self, whole: bytes) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Content-Length": str(len(whole))}
        )
        await response.prepare(self.request)
        await response.write(whole[: len(whole) // 2])
        if self.request.transport is not None:
            self.request.transport.close()
        return response

    async def _flood(self, whole: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(self.request)
        blank = b" " * (1024 * 1024)
        with contextlib.suppress(ConnectionError):
            for _ in range(OVERSIZED_BYTES // len(blank)):
                await response.write(blank)
            await response.write(whole)
        return response
