"""A model server on loopback that answers like OpenAI, Anthropic and Gemini, and fails in every way.

It runs on an event loop of its own in a thread of its own, so that whatever hangs, drips or blocks on
the caller's side does not hang the server. What it does next is set by `play`; what came in is in
`requests`.
"""

import asyncio
import gzip
import json
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType


class Play(StrEnum):
    """What the server does with a request."""

    ANSWER = "answer"
    EMPTY_TEXT = "empty_text"
    LENGTH = "length"
    REFUSAL = "refusal"
    FILTERED = "filtered"
    """The content filter, as a finish reason."""
    FILTERED_400 = "filtered_400"
    """The content filter, as an HTTP error."""
    TOOL_CALL = "tool_call"
    BAD_TOOL_CALL = "bad_tool_call"
    FALLBACK = "fallback"
    NO_USAGE = "no_usage"
    PACKED = "packed"
    """An answer that was asked to be plain and comes as gzip."""
    RATE_LIMITED = "rate_limited"
    RATE_LIMITED_DATE = "rate_limited_date"
    RATE_LIMITED_MS = "rate_limited_ms"
    QUOTA = "quota"
    ERROR_500 = "error_500"
    ERROR_503 = "error_503"
    ERROR_529 = "error_529"
    UNAUTHORISED = "unauthorised"
    """With an error text that quotes the key."""
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    BAD_REQUEST = "bad_request"
    REDIRECT = "redirect"
    HANG = "hang"
    DRIP = "drip"
    RESET = "reset"
    CUT_OFF = "cut_off"
    """The connection ends before the body does."""
    CUT_OFF_JSON = "cut_off_json"
    """A whole body that is half of a JSON document."""
    GARBAGE = "garbage"
    HTML = "html"
    EMPTY_BODY = "empty_body"
    EMPTY_CHOICES = "empty_choices"
    ERROR_IN_200 = "error_in_200"
    GIANT = "giant"
    GIANT_PACKED = "giant_packed"
    NAN = "nan"


class Wire(StrEnum):
    """Whose format a path speaks."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it came in. Header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def wire(self) -> Wire:
        """Return the format that the path asks for."""
        if self.path.split("?")[0].endswith("/messages"):
            return Wire.ANTHROPIC
        return Wire.GEMINI if "generateContent" in self.path else Wire.OPENAI

    @property
    def json(self) -> dict[str, object]:
        """Return the body as JSON."""
        parsed: dict[str, object] = json.loads(self.body)
        return parsed

    @property
    def key(self) -> str:
        """Return the key that came with it."""
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        return (
            bearer
            or self.headers.get("x-api-key")
            or self.headers.get("x-goog-api-key")
            or self.headers.get("api-key", "")
        )


@dataclass(slots=True)
class ModelServer:
    """Use as a context manager; `url` has no path."""

    requests: list[Received] = field(default_factory=list)
    text: str = "Paris."
    served: str = "served-model-1"
    thinks_s: float = 0.0
    """Seconds before each answer."""
    url: str = ""
    _play: Play = Play.ANSWER
    _count: int = 0
    _closed_by_client: threading.Event = field(default_factory=threading.Event)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None

    def play(self, play: Play) -> None:
        """Do this with every request from now on; forget those that came."""
        self._play = play
        self.requests.clear()
        self._closed_by_client.clear()

    def wait_for_hang_up(self, timeout_s: float) -> bool:
        """Say whether the client closed a connection that hung or dripped."""
        return self._closed_by_client.wait(timeout_s)

    def __enter__(self) -> "ModelServer":
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True, name="model-server")
        self._thread.start()
        started.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join(10)

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            self._closed_by_client.set()
        finally:
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except asyncio.IncompleteReadError:
            return False
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        received = Received(path=head[0].split(" ")[1], headers=headers, body=body)
        self.requests.append(received)
        self._count += 1
        return await self._act(received, reader, writer)

    async def _act(
        self, received: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        play = self._play
        if play is Play.HANG:
            await reader.read()
            self._closed_by_client.set()
            return False
        if play is Play.DRIP:
            await self._drip(writer)
            return False
        if play is Play.RESET:
            sock: socket.socket = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if self.thinks_s:
            await asyncio.sleep(self.thinks_s)
        response = self._response(play, received)
        writer.write(response.head())
        if play is Play.CUT_OFF:
            writer.write(response.body[: len(response.body) // 2])
            await writer.drain()
            return False
        writer.write(response.body)
        await writer.drain()
        return True

    async def _drip(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    def _response(self, play: Play, received: Received) -> "_Response":
        if play in _ERRORS:
            status, code, message, headers = _ERRORS[play]
            said = message.format(key=received.key)
            return _Response(status, _error_body(received.wire, status, code, said), dict(headers))
        if play in _ODD:
            kind, raw = _ODD[play]
            return _Response(200, raw, {"content-type": kind})
        answer = _answer_body(received.wire, play, self.text, self.served, self._count)
        body = json.dumps(answer).encode()
        if play is Play.NAN:
            body = body.replace(b'"created": 1', b'"created": NaN').replace(b'"index": 0', b'"index": NaN')
        if play is Play.CUT_OFF_JSON:
            body = body[: len(body) // 2]
        if play is Play.GIANT:
            body = body[:-1] + b', "padding": "' + b"x" * 5_000_000 + b'"}'
        if play in (Play.PACKED, Play.GIANT_PACKED):
            padding = b"x" * 5_000_000 if play is Play.GIANT_PACKED else b""
            packed = gzip.compress(body[:-1] + b', "padding": "' + padding + b'"}')
            return _Response(200, packed, {"content-type": "application/json", "content-encoding": "gzip"})
        headers = {"content-type": "application/json"}
        if play is Play.FALLBACK:
            headers["x-litellm-attempted-fallbacks"] = "1"
        return _Response(200, body, headers)


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    body: bytes
    headers: Mapping[str, str]

    def head(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Status", f"content-length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


_DATE = {"date": "Wed, 21 Oct 2026 07:28:00 GMT", "retry-after": "Wed, 21 Oct 2026 07:28:07 GMT"}
_ERRORS: Mapping[Play, tuple[int, str, str, Mapping[str, str]]] = {
    Play.RATE_LIMITED: (429, "rate_limit_exceeded", "Slow down.", {"retry-after": "7"}),
    Play.RATE_LIMITED_DATE: (429, "rate_limit_exceeded", "Slow down.", _DATE),
    Play.RATE_LIMITED_MS: (429, "rate_limit_exceeded", "Slow down.", {"retry-after-ms": "250"}),
    Play.QUOTA: (429, "insufficient_quota", "You exceeded your current quota.", {}),
    Play.ERROR_500: (500, "server_error", "The server had an error.", {}),
    Play.ERROR_503: (503, "overloaded", "Overloaded.", {"retry-after": "3"}),
    Play.ERROR_529: (529, "overloaded_error", "Overloaded.", {}),
    Play.UNAUTHORISED: (
        401,
        "invalid_api_key",
        "Incorrect API key provided: {key}. Find yours at /keys.",
        {},
    ),
    Play.FORBIDDEN: (403, "permission_denied", "The key {key} may not do that.", {}),
    Play.NOT_FOUND: (404, "model_not_found", "There is no such model.", {}),
    Play.BAD_REQUEST: (400, "invalid_request_error", "'temperature' must be at most 2.", {}),
    Play.FILTERED_400: (
        400,
        "content_filter",
        "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        {},
    ),
    Play.REDIRECT: (307, "moved", "Moved.", {"location": "http://127.0.0.1:9/elsewhere"}),
}
_ODD: Mapping[Play, tuple[str, bytes]] = {
    Play.GARBAGE: ("application/json", b"\x00\xff\xfe garbage \x80"),
    Play.HTML: ("text/html", b"<!doctype html><html><body>Log in to the hotel's WiFi</body></html>"),
    Play.EMPTY_BODY: ("application/json", b""),
    Play.ERROR_IN_200: ("application/json", b'{"error": {"code": 429, "message": "Slow down."}}'),
}


def _error_body(wire: Wire, status: int, code: str, message: str) -> bytes:
    if wire is Wire.ANTHROPIC:
        body: dict[str, object] = {"type": "error", "error": {"type": code, "message": message}}
    elif wire is Wire.GEMINI:
        body = {
            "error": {
                "code": status,
                "message": message,
                "status": code.upper(),
                "details": [{"reason": code}],
            }
        }
    else:
        body = {"error": {"message": message, "type": code, "param": None, "code": code}}
    return json.dumps(body).encode()


def _answer_body(wire: Wire, play: Play, text: str, served: str, count: int) -> dict[str, object]:
    said = "" if play in (Play.EMPTY_TEXT, Play.FILTERED, Play.REFUSAL) else text
    if wire is Wire.ANTHROPIC:
        return _anthropic(play, said, served, count)
    return _gemini(play, said, served, count) if wire is Wire.GEMINI else _openai(play, said, served, count)


def _openai(play: Play, text: str, served: str, count: int) -> dict[str, object]:
    message: dict[str, object] = {"role": "assistant", "content": text, "refusal": None}
    reason = {Play.LENGTH: "length", Play.FILTERED: "content_filter"}.get(play, "stop")
    if play is Play.REFUSAL:
        message |= {"content": None, "refusal": "I can't help with that."}
    if play in (Play.TOOL_CALL, Play.BAD_TOOL_CALL):
        arguments = '{"city": "Paris"}' if play is Play.TOOL_CALL else '{"city": "Par'
        call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": arguments}}
        message |= {"content": None, "tool_calls": [call]}
        reason = "tool_calls"
    choice: dict[str, object] = {"index": 0, "message": message, "finish_reason": reason}
    choice["logprobs"] = {
        "content": [
            {
                "token": "Paris",
                "logprob": -0.25,
                "bytes": None,
                "top_logprobs": [{"token": "Paris", "logprob": -0.25}],
            }
        ]
    }
    body: dict[str, object] = {
        "id": f"chatcmpl-{count}",
        "object": "chat.completion",
        "created": 1,
        "model": served,
        "system_fingerprint": "fp_1",
        "choices": [] if play is Play.EMPTY_CHOICES else [choice],
        "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
    }
    return {name: value for name, value in body.items() if name != "usage" or play is not Play.NO_USAGE}


def _anthropic(play: Play, text: str, served: str, count: int) -> dict[str, object]:
    content: list[dict[str, object]] = [{"type": "text", "text": text}] if text else []
    reason = {Play.LENGTH: "max_tokens", Play.FILTERED: "refusal", Play.REFUSAL: "refusal"}.get(
        play, "end_turn"
    )
    if play is Play.TOOL_CALL:
        content = [{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Paris"}}]
        reason = "tool_use"
    return {
        "id": f"msg_{count}",
        "type": "message",
        "role": "assistant",
        "model": served,
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 3},
    }


def _gemini(play: Play, text: str, served: str, count: int) -> dict[str, object]:
    parts: list[dict[str, object]] = [{"text": text}]
    if play is Play.TOOL_CALL:
        parts = [{"functionCall": {"name": "weather", "args": {"city": "Paris"}}}]
    reason = {Play.LENGTH: "MAX_TOKENS", Play.FILTERED: "SAFETY", Play.REFUSAL: "SAFETY"}.get(play, "STOP")
    candidate: dict[str, object] = {
        "content": {"role": "model", "parts": parts},
        "finishReason": reason,
        "index": 0,
    }
    if reason == "SAFETY":
        del candidate["content"]
    return {
        "candidates": [] if play is Play.EMPTY_CHOICES else [candidate],
        "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 3, "totalTokenCount": 14},
        "modelVersion": served,
        "responseId": f"gem-{count}",
    }
