"""The simulator over HTTP: OpenAI's interface on loopback, Anthropic's and Gemini's beside it, and drift to switch on.

========================================  ==========================================================
POST /v1/chat/completions                 OpenAI; no streaming
POST /v1/messages                         Anthropic
POST /v1beta/models/NAME:generateContent  Gemini; also without /v1beta
GET  /v1/models                           the models there are
GET  /healthz                             `ok`
GET, POST, DELETE /drift                  what is switched on; switch it; switch everything off
========================================  ==========================================================
"""

import asyncio
import ipaddress
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from aiohttp import web

from harness.core.canonical import digest
from harness.core.replies import Answer
from harness.errors import InputError, SetupError, UsageError
from harness.simulator.answers import AnswerBook, builtin_answers
from harness.simulator.faults import spoilt
from harness.simulator.model import SimulatedModel
from harness.simulator.spec import MODELS, OPTIONS, Fault, model_spec
from harness.simulator.wire import Asked, BodyError, Dialect
from harness.simulator.wire_anthropic import Anthropic
from harness.simulator.wire_faults import FaultyExchange, headers_of
from harness.simulator.wire_gemini import Gemini
from harness.simulator.wire_openai import OpenAI

MOST_BODY_BYTES = 4 * 1024 * 1024
MOST_CALLS_REMEMBERED = 100_000
NIGHT_HEADER = "x-drift-night"
CALL_HEADER = "x-drift-call"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One attempt of a call, as the server saw it."""

    model: str
    question: str
    """The last message."""
    sample: int
    """How many answers the same call had before."""
    attempt: int
    """Of this answer, from 1."""
    number: int
    """Of all attempts that the server saw, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where to listen, and as what."""

    today: Callable[[], date]
    """The night of a call that names none in its header."""
    run: str
    """Goes into response ids. Unique for every start of a server, or its ids come back."""
    host: str = "127.0.0.1"
    port: int = 0
    """0: any that is free."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Options of every model, as a target would give them."""
    answers: AnswerBook | None = None
    exposed: bool = False
    """Listen on an address that other machines reach."""
    strike: Callable[[Call], Fault | None] | None = None
    """Says which fault strikes a call, in the place of the models' own `faults`."""
    spoken: Callable[[Call, Answer, Fault | None], None] | None = None
    """Told of every answer that a model gave, also where a fault kept it from arriving: what a provider charges."""


@asynccontextmanager
async def running_server(settings: ServerSettings) -> AsyncIterator[str]:
    """Serve while the block runs, and hand it the server's root address, such as http://127.0.0.1:40123.

    OpenAI clients want `/v1` after it. Raises UsageError for options that do not exist or an address that
    is not loopback, SetupError where the port is taken.
    """
    if not settings.exposed and not _is_loopback(settings.host):
        raise UsageError(
            f"{settings.host} can be reached from other machines, and the simulator asks for no key: "
            "use 127.0.0.1, or say that it may be exposed"
        )
    for name in MODELS:
        model_spec(name, settings.options)
    server = _Server(settings)
    runner = web.AppRunner(server.app(), access_log=None, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as error:
            raise SetupError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error
        host, port = runner.addresses[0][:2]
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        server.stopping.set()
        await runner.cleanup()


async def serve(settings: ServerSettings, *, ready: Callable[[str], None]) -> None:
    """Serve until cancelled; `ready` is told the root address as soon as calls are taken."""
    async with running_server(settings) as address:
        ready(address)
        await asyncio.Event().wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    """How often the same call has come: answers given, and attempts since the last of them."""

    answered: int = 0
    attempts: int = 0


class _Server:
    def __init__(self, settings: ServerSettings) -> None:
        self.stopping = asyncio.Event()
        self._settings = settings
        self._answers = builtin_answers() if settings.answers is None else settings.answers
        self._switched: dict[str, Mapping[str, object]] = {}
        self._models: dict[str, SimulatedModel] = {}
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self._requests = 0

    def app(self) -> web.Application:
        app = web.Application(client_max_size=MOST_BODY_BYTES)
        app.router.add_post("/v1/chat/completions", self._openai)
        app.router.add_post("/v1/messages", self._anthropic)
        for root in ("", "/v1beta"):
            app.router.add_post(root + "/models/{model}:generateContent", self._gemini)
        app.router.add_get("/v1/models", self._list_models)
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/drift", self._show_switched)
        app.router.add_post("/drift", self._switch)
        app.router.add_delete("/drift", self._switch_off)
        return app

    async def _openai(self, request: web.Request) -> web.StreamResponse:
        return await self._complete(request, OpenAI())

    async def _anthropic(self, request: web.Request) -> web.StreamResponse:
        return await self._complete(request, Anthropic())

    async def _gemini(self, request: web.Request) -> web.StreamResponse:
        return await self._complete(request, Gemini())

    async def _complete(self, request: web.Request, dialect: Dialect) -> web.StreamResponse:
        try:
            asked = dialect.asked(await request.read(), request.match_info.get("model", ""))
            night = self._night(request)
            model = self._model(asked.model.removeprefix("simulated/"))
        except web.HTTPRequestEntityTooLarge:
            return _error(
                dialect, 413, "request_too_large", f"the body is larger than {MOST_BODY_BYTES} bytes"
            )
        except UsageError as error:
            return _error(dialect, 404, "model_not_found", str(error))
        except InputError as error:
            return _error(dialect, 400, "invalid_request", str(error))
        key = _call_key(asked, request.headers.get(CALL_HEADER))
        count = self._counts.get(key, _Count())
        named = request.headers.get(CALL_HEADER)
        place = key if named is not None else f"{key}:{count.answered}"
        # A named call is answered as the same key is in process; faults strike questions apart all the same.
        call = place if named is None else named
        self._requests += 1
        seen = Call(
            model=asked.model.removeprefix("simulated/"),
            question=asked.messages[-1].content if asked.messages else "",
            sample=count.answered,
            attempt=count.attempts + 1,
            number=self._requests,
        )
        strike = self._settings.strike
        fault = strike(seen) if strike else model.fault(night=night, call=place, attempt=seen.attempt)
        self._remember(key, count, struck=fault is not None)
        answer = model.answer(
            asked.messages,
            asked.tools,
            night=night,
            call=call,
            run=f"{self._settings.run}:{self._requests}",
            max_tokens=asked.max_tokens,
            top_logprobs=asked.top_logprobs,
        )
        if self._settings.spoken is not None:
            self._settings.spoken(seen, answer, fault)
        created = int(datetime(night.year, night.month, night.day, tzinfo=UTC).timestamp())
        if fault is not None:
            exchange = FaultyExchange(
                request=request, dialect=dialect, stopping=self.stopping, created=created
            )
            if (response := await exchange.response(fault, answer)) is not None:
                return response
            answer = spoilt(answer, fault)
        await asyncio.sleep((answer.latency_ms or 0) / 1000)
        return web.json_response(
            dialect.answered(answer, created=created), headers=None if fault is None else headers_of(fault)
        )

    def _night(self, request: web.Request) -> date:
        said = request.headers.get(NIGHT_HEADER)
        if said is None:
            return self._settings.today()
        try:
            return date.fromisoformat(said)
        except ValueError as error:
            raise BodyError(f"the header {NIGHT_HEADER} wants a date such as 2027-02-21") from error

    def _model(self, name: str) -> SimulatedModel:
        switched = {**self._switched.get("", {}), **self._switched.get(name, {})}
        spec = model_spec(name, {**self._settings.options, **switched})
        key = spec.model_dump_json()
        if key not in self._models:
            self._models[key] = SimulatedModel(spec, self._answers)
        return self._models[key]

    def _remember(self, key: str, count: _Count, *, struck: bool) -> None:
        self._counts[key] = (
            replace(count, attempts=count.attempts + 1) if struck else _Count(answered=count.answered + 1)
        )
        self._counts.move_to_end(key)
        if len(self._counts) > MOST_CALLS_REMEMBERED:
            self._counts.popitem(last=False)

    async def _list_models(self, _request: web.Request) -> web.Response:
        models = [{"id": name, "object": "model", "created": 0, "owned_by": "drift"} for name in MODELS]
        return web.json_response({"object": "list", "data": models})

    async def _health(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _show_switched(self, _request: web.Request) -> web.Response:
        return web.json_response({name or "*": options for name, options in self._switched.items()})

    async def _switch(self, request: web.Request) -> web.Response:
        try:
            name, options = _switching(await request.read())
            for one in [name] if name else MODELS:
                SimulatedModel(model_spec(one, {**self._settings.options, **options}), self._answers)
        except InputError as error:
            return _error(OpenAI(), 400, "invalid_request", str(error))
        self._switched[name] = options
        return await self._show_switched(request)

    async def _switch_off(self, request: web.Request) -> web.Response:
        self._switched.clear()
        return await self._show_switched(request)


def _switching(body: bytes) -> tuple[str, Mapping[str, object]]:
    """Read the body of POST /drift: the model's name, "" for all, and its options."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BodyError("the body of /drift is not JSON") from error
    if not isinstance(parsed, dict):
        raise BodyError(f"the body of /drift is an object with model and any of: {', '.join(OPTIONS)}")
    name = parsed.pop("model", None) or ""
    if not isinstance(name, str):
        raise BodyError("model is the name of a simulated model, or absent for all of them")
    return name.removeprefix("simulated/"), parsed


def _call_key(asked: Asked, header: str | None) -> str:
    """Name a call by what it asks, and by the caller's own name for it."""
    content = [
        asked.model,
        [message.model_dump(mode="json") for message in asked.messages],
        [tool.model_dump(mode="json") for tool in asked.tools],
    ]
    return f"{digest(content)}:{header or ''}"


def _error(dialect: Dialect, status: int, code: str, message: str) -> web.Response:
    return web.json_response(dialect.error(status, code, message), status=status)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
