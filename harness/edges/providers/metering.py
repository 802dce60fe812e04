"""A transport that times, counts and caps what passes between LiteLLM and a provider.

LiteLLM builds its HTTP clients itself and reports little of what they saw: its exceptions hide the
status, its latency includes its own work, nothing bounds a body, and some routes repeat a request. So
every transport that it creates is wrapped in `MeteredTransport`, which writes what passed into the
`Exchange` of the running call.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

import httpx

CANNED: Mapping[str, Mapping[str, object]] = {
    "/messages": {
        "id": "warm-up",
        "type": "message",
        "role": "assistant",
        "model": "warm-up",
        "content": [{"type": "text", "text": "ok"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    ":generateContent": {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "ok"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
    },
    "": {
        "id": "warm-up",
        "object": "chat.completion",
        "created": 1,
        "model": "warm-up",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    },
}
"""Answers for a warm-up, by the end of the path: the whole route runs, and nothing leaves the process."""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """What passed over the wire for one call; filled in while it runs."""

    most_bytes: int
    warm_up: bool = False
    requests: int = 0
    address: str = ""
    sent: bytes = b""
    started: float = 0.0
    finished: float | None = None
    """When the last byte of the body was there, in the seconds of `time.perf_counter`."""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    too_large: bool = False
    error: Exception | None = None

    @property
    def latency_ms(self) -> float | None:
        """Milliseconds from the request to the last byte, None where the body did not end."""
        return None if self.finished is None else (self.finished - self.started) * 1000


EXCHANGE: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


class MeteredTransport(httpx.AsyncBaseTransport):
    """Passes requests on to `inner`, one for each exchange."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.loop: asyncio.AbstractEventLoop | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and record it. Raises httpx.TransportError."""
        self.loop = asyncio.get_running_loop()
        exchange = EXCHANGE.get()
        if exchange is None:  # a call that is not a provider's, such as an encoder's
            return await self._inner.handle_async_request(request)
        if exchange.warm_up:
            return _answer_warm_up(request)
        if exchange.requests:
            raise httpx.RequestError("one call is one HTTP request; retries belong to drift", request=request)
        exchange.requests = 1
        exchange.address = str(request.url)
        exchange.sent = request.content
        request.headers["accept-encoding"] = "identity"
        exchange.started = time.perf_counter()
        try:
            response = await self._inner.handle_async_request(request)
        except httpx.HTTPError as error:
            exchange.error = error
            raise
        exchange.status = response.status_code
        exchange.headers = {name.lower(): value for name, value in response.headers.items()}
        body = response.stream
        if not isinstance(body, httpx.AsyncByteStream):
            raise TypeError("the transport answered with a body that cannot be awaited")
        if 300 <= response.status_code < 400:  # to follow it would send the key to another address
            await body.aclose()
            raise httpx.TooManyRedirects("redirected", request=request)
        response.stream = MeteredBody(body, exchange)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class MeteredBody(httpx.AsyncByteStream):
    """A body that is recorded in its exchange while it is read, and ends in an error where it is too large."""

    def __init__(self, inner: httpx.AsyncByteStream, exchange: Exchange) -> None:
        self._inner = inner
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Read the body. Raises httpx.ReadError."""
        exchange = self._exchange
        encoding = exchange.headers.get("content-encoding", "identity").lower()
        unpack = None if encoding in ("identity", "") else _Unpacker(encoding)
        try:
            async for chunk in self._inner:
                room = exchange.most_bytes - len(exchange.body)
                exchange.body += chunk if unpack is None else unpack.read(chunk, room + 1)
                if len(exchange.body) > exchange.most_bytes:
                    exchange.too_large = True
                    await self._inner.aclose()
                    raise httpx.ReadError("the response is too large")
                yield chunk
        except (httpx.HTTPError, zlib.error) as error:
            exchange.error = error
            raise
        exchange.finished = time.perf_counter()

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._inner.aclose()


class _Unpacker:
    """Unpacks a body that was compressed although we asked that it be not, never past the cap."""

    def __init__(self, encoding: str) -> None:
        if encoding not in ("gzip", "deflate"):
            raise httpx.ReadError(f"the body is packed with '{encoding}', although identity was asked for")
        self._zlib = zlib.decompressobj(47 if encoding == "gzip" else zlib.MAX_WBITS)

    def read(self, chunk: bytes, most: int) -> bytes:
        return self._zlib.decompress(chunk, max(1, most))


def _answer_warm_up(request: httpx.Request) -> httpx.Response:
    path = request.url.path
    answer = next(answer for end, answer in CANNED.items() if path.endswith(end))
    return httpx.Response(200, json=answer, request=request)
