"""The simulator over real HTTP on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import aiohttp
import pytest

from harness.core.messages import Message, Role
from harness.errors import SetupError, UsageError
from harness.simulator.answers import AnswerBook
from harness.simulator.model import SimulatedModel
from harness.simulator.server import MOST_BODY_BYTES, ServerSettings, running_server, serve
from harness.simulator.spec import model_spec

NIGHT = date(2027, 2, 21)
CAPITAL = {"role": "user", "content": "What is the capital of France?"}
OSLO = {"role": "user", "content": "What is the weather in Oslo?"}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Client:
    """Asks a simulator over HTTP."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def post(
        self, path: str, body: object, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        async with self.session.post(path, json=body, headers=headers) as response:
            return response.status, await response.json(), response.headers

    async def ask(
        self, model: str = "steady", headers: Mapping[str, str] | None = None, **more: object
    ) -> tuple[int, Any, Mapping[str, str]]:
        return await self.post(
            "/v1/chat/completions", {"model": model, "messages": [CAPITAL], **more}, headers
        )


@asynccontextmanager
async def serving(book: AnswerBook, **options: object) -> AsyncIterator[Client]:
    settings = ServerSettings(
        today=lambda: NIGHT, run="test", answers=book, options={"latency_ms": 0, **options}
    )
    async with running_server(settings) as address, aiohttp.ClientSession(address) as session:
        yield Client(session)


def text_of(body: Any) -> str:
    return str(body["choices"][0]["message"]["content"])


async def test_an_openai_call_is_answered_from_the_data(book: AnswerBook) -> None:
    async with serving(book) as client:
        status, body, _ = await client.ask(logprobs=True, top_logprobs=2)
        assert status == 200
        assert "Paris" in text_of(body)
        assert body["object"] == "chat.completion" and body["model"] == "simulated-steady"
        assert body["choices"][0]["finish_reason"] == "stop"
        assert (
            body["usage"]["total_tokens"]
            == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
        )
        tokens = body["choices"][0]["logprobs"]["content"]
        assert "".join(one["token"] for one in tokens) == text_of(body)
        assert all(len(one["top_logprobs"]) == 2 for one in tokens)


async def test_the_server_says_what_the_model_in_process_says(book: AnswerBook) -> None:
    settings = {"latency_ms": 0}
    async with serving(book) as client:
        over_http = [text_of((await client.ask("typical", {"x-drift-call": f"{n}"}))[1]) for n in range(20)]
    model = SimulatedModel(model_spec("typical", settings), book)
    message = Message(role=Role.USER, content=CAPITAL["content"])
    in_process = {model.answer((message,), night=NIGHT, call=f"{n}").text for n in range(400)}
    assert set(over_http) <= in_process and len(set(over_http)) > 1


async def test_a_named_call_has_the_answer_and_log_probabilities_of_that_key_in_process(
    book: AnswerBook,
) -> None:
    asked = {"logprobs": True, "top_logprobs": 20, "max_tokens": 1}
    async with serving(book) as client:
        _, body, _ = await client.ask("typical", {"x-drift-call": "canary:1"}, **asked)
        again = await client.ask("typical", {"x-drift-call": "canary:1"}, **asked)
    model = SimulatedModel(model_spec("typical"), book)
    message = Message(role=Role.USER, content=CAPITAL["content"])
    wanted = model.answer((message,), night=NIGHT, call="canary:1", max_tokens=1, top_logprobs=20)
    (position,) = body["choices"][0]["logprobs"]["content"]
    assert (position["token"], position["logprob"]) == (
        wanted.logprobs[0].token,
        wanted.logprobs[0].logprob,
    )
    assert [(one["token"], one["logprob"]) for one in position["top_logprobs"]] == list(
        wanted.logprobs[0].top
    )
    assert all(bytes(one["bytes"]).decode() == one["token"] for one in position["top_logprobs"])
    assert again[1]["choices"] == body["choices"]


async def test_log_probabilities_are_refused_where_openai_refuses_them(book: AnswerBook) -> None:
    async with serving(book) as client:
        for asked in ({"top_logprobs": 5}, {"logprobs": True, "top_logprobs": 21}):
            status, body, _ = await client.ask(**asked)
            assert status == 400 and "top_logprobs" in body["error"]["message"]
        status, body, _ = await client.ask(logprobs=True)
        assert status == 200
        assert all(one["top_logprobs"] == [] for one in body["choices"][0]["logprobs"]["content"])


async def test_gemini_gives_the_same_log_probabilities(book: AnswerBook) -> None:
    path, parts = "/v1beta/models/steady:generateContent", [{"text": CAPITAL["content"]}]
    config = {"maxOutputTokens": 1, "responseLogprobs": True, "logprobs": 20}
    named = {"x-drift-call": "a"}
    async with serving(book) as client:
        _, openai, _ = await client.ask(headers=named, logprobs=True, top_logprobs=20, max_tokens=1)
        body = {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}
        _, gemini, _ = await client.post(path, body, named)
        body["generationConfig"] = {"logprobs": 3}
        status, refused, _ = await client.post(path, body)
    (position,) = openai["choices"][0]["logprobs"]["content"]
    (candidate,) = gemini["candidates"]
    assert candidate["avgLogprobs"] == position["logprob"]
    (chosen,) = candidate["logprobsResult"]["chosenCandidates"]
    assert chosen == {"token": position["token"], "logProbability": position["logprob"]}
    (top,) = candidate["logprobsResult"]["topCandidates"]
    assert [(one["token"], one["logProbability"]) for one in top["candidates"]] == [
        (one["token"], one["logprob"]) for one in position["top_logprobs"]
    ]
    assert status == 400 and "responseLogprobs" in refused["error"]["message"]


async def test_repeated_calls_are_samples_and_the_same_on_every_server(book: AnswerBook) -> None:
    async def twelve() -> list[str]:
        async with serving(book) as client:
            return [text_of((await client.ask("creative"))[1]) for _ in range(12)]

    first = await twelve()
    assert len(set(first)) > 1
    assert first == await twelve()


async def test_a_named_call_has_one_answer_and_never_the_same_id(book: AnswerBook) -> None:
    async with serving(book) as client:
        bodies = [(await client.ask("creative", {"x-drift-call": "a"}))[1] for _ in range(6)]
        assert len({text_of(body) for body in bodies}) == 1
        assert len({body["id"] for body in bodies}) == 6


async def test_concurrent_calls_do_not_disturb_each_other(book: AnswerBook) -> None:
    async def all_of(client: Client, order: list[int]) -> dict[int, str]:
        calls = [client.ask("creative", {"x-drift-call": f"{n}"}) for n in order]
        return dict(zip(order, [text_of(body) for _, body, _ in await asyncio.gather(*calls)], strict=True))

    async with serving(book) as client:
        assert await all_of(client, list(range(40))) == await all_of(client, list(reversed(range(40))))


async def test_the_night_comes_from_the_header(book: AnswerBook) -> None:
    async with serving(book, drift={"kind": "swap", "start": "2027-03-01"}) as client:
        before = await client.ask(headers={"x-drift-night": "2027-02-28"})
        after = await client.ask(headers={"x-drift-night": "2027-03-01"})
        assert "!" not in text_of(before[1]) and "!" in text_of(after[1])
        status, body, _ = await client.ask(headers={"x-drift-night": "yesterday"})
        assert status == 400 and "x-drift-night" in body["error"]["message"]


async def test_tool_calls_travel_as_openai_sends_them(book: AnswerBook) -> None:
    async with serving(book) as client:
        _, body, _ = await client.ask(messages=[OSLO], tools=[WEATHER])
        choice = body["choices"][0]
        assert choice["finish_reason"] == "tool_calls"
        function = choice["message"]["tool_calls"][0]["function"]
        assert function["name"] == "get_weather" and json.loads(function["arguments"]) == {"city": "Oslo"}


async def test_anthropic_and_gemini_calls_are_answered(book: AnswerBook) -> None:
    async with serving(book) as client:
        _, body, _ = await client.post(
            "/v1/messages",
            {
                "model": "steady",
                "max_tokens": 100,
                "system": "Be kind.",
                "messages": [{"role": "user", "content": [{"type": "text", "text": CAPITAL["content"]}]}],
            },
        )
        assert "Paris" in body["content"][0]["text"] and body["stop_reason"] == "end_turn"
        _, body, _ = await client.post(
            "/v1/messages",
            {
                "model": "steady",
                "max_tokens": 100,
                "messages": [OSLO],
                "tools": [{"name": "get_weather", "input_schema": {"type": "object"}}],
            },
        )
        assert body["content"][-1]["input"] == {"city": "Oslo"} and body["stop_reason"] == "tool_use"
        status, body, _ = await client.post("/v1/messages", {"model": "steady", "messages": [CAPITAL]})
        assert (status, body["type"]) == (400, "error")
        _, body, _ = await client.post(
            "/v1beta/models/steady:generateContent",
            {
                "contents": [{"role": "user", "parts": [{"text": CAPITAL["content"]}]}],
                "systemInstruction": {"parts": [{"text": "Be kind."}]},
                "generationConfig": {"maxOutputTokens": 1},
            },
        )
        candidate = body["candidates"][0]
        assert (
            len(candidate["content"]["parts"][0]["text"]) == 4 and candidate["finishReason"] == "MAX_TOKENS"
        )


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"model": "steady", "messages": [CAPITAL], "stream": True}, 400, "does not stream"),
        ({"model": "steady", "messages": [CAPITAL], "n": 2}, 400, "one choice"),
        ({"model": "steady", "messages": []}, 400, "messages"),
        ({"model": "steady"}, 400, "messages"),
        ({"model": "steady", "messages": [{"role": "wizard", "content": "x"}]}, 400, "wizard"),
        ({"model": "stedy", "messages": [CAPITAL]}, 404, "did you mean 'steady'"),
        ([1], 400, "body"),
        ({"model": "steady", "messages": [CAPITAL], "pad": "x" * MOST_BODY_BYTES}, 413, "larger than"),
    ],
)
async def test_what_cannot_be_answered_is_an_openai_error(
    book: AnswerBook, body: object, status: int, message: str
) -> None:
    async with serving(book) as client:
        found, answer, _ = await client.post("/v1/chat/completions", body)
        assert found == status
        assert set(answer["error"]) == {"message", "type", "param", "code"}
        assert message in answer["error"]["message"]


async def test_models_are_listed_and_health_is_told(book: AnswerBook) -> None:
    async with serving(book) as client:
        async with client.session.get("/v1/models") as response:
            assert "swapped" in {one["id"] for one in (await response.json())["data"]}
        async with client.session.get("/healthz") as response:
            assert await response.text() == "ok"


async def test_drift_is_switched_on_and_off_while_the_server_runs(book: AnswerBook) -> None:
    async def texts(client: Client) -> set[str]:
        return {text_of((await client.ask())[1]) for _ in range(10)}

    async with serving(book) as client:
        before = await texts(client)
        status, shown, _ = await client.post("/drift", {"model": "steady", "drift": {"kind": "swap"}})
        assert status == 200 and shown == {"steady": {"drift": {"kind": "swap"}}}
        assert (await texts(client)).isdisjoint(before)
        await client.session.delete("/drift")
        async with client.session.get("/drift") as response:
            assert await response.json() == {}
        assert all("!" not in text for text in await texts(client))
        await client.post("/drift", {"faults": {"kind": 500}})
        assert (await client.ask("typical"))[0] == 500


@pytest.mark.parametrize(
    "body",
    [
        {"drift": {"kind": "swop"}},
        {"model": "stedy"},
        {"model": 3},
        {"sped": 1},
        [1],
        "x",
        {"drift": {"kind": "swap", "cases": ["nowhere"]}},
    ],
)
async def test_a_wrong_switch_changes_nothing(book: AnswerBook, body: object) -> None:
    async with serving(book) as client:
        status, answer, _ = await client.post("/drift", body)
        assert status == 400 and answer["error"]["message"]
        async with client.session.get("/drift") as response:
            assert await response.json() == {}


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("429", 429, "rate_limit_exceeded"),
        ("quota", 429, "insufficient_quota"),
        ("500", 500, "server_error"),
        ("503", 503, "service_unavailable"),
        ("529", 529, "overloaded"),
        ("timeout", 504, "gateway_timeout"),
        ("401", 401, "invalid_api_key"),
        ("unknown_model", 404, "model_not_found"),
        ("content_filter_400", 400, "content_filter"),
    ],
)
async def test_error_statuses_come_as_openai_sends_them(
    book: AnswerBook, kind: str, status: int, code: str
) -> None:
    async with serving(book, faults={"kind": kind, "retry_after_s": 2}) as client:
        found, body, headers = await client.ask()
        assert (found, body["error"]["code"], headers["Retry-After"]) == (status, code, "2")


async def test_bodies_that_are_no_answer(book: AnswerBook) -> None:
    async with (
        serving(book, faults={"kind": "html"}) as client,
        client.session.post("/v1/chat/completions", json={"model": "steady", "messages": [CAPITAL]}) as got,
    ):
        assert got.status == 200 and got.content_type == "text/html"
    async with (
        serving(book, faults={"kind": "garbage"}) as client,
        client.session.post("/v1/chat/completions", json={"model": "steady", "messages": [CAPITAL]}) as got,
    ):
        with pytest.raises(ValueError):
            json.loads(await got.read())
    async with serving(book, faults={"kind": "empty_choices"}) as client:
        assert (await client.ask())[1]["choices"] == []


async def test_behaviour_that_only_looks_like_a_fault(book: AnswerBook) -> None:
    async with serving(book, faults={"kind": "empty_text"}) as client:
        status, body, _ = await client.ask()
        assert (status, text_of(body)) == (200, "")
    async with serving(book, faults={"kind": "content_filter"}) as client:
        assert (await client.ask())[1]["choices"][0]["finish_reason"] == "content_filter"
    async with serving(book, faults={"kind": "replayed"}) as client:
        assert (await client.ask())[1]["id"] == (await client.ask())[1]["id"]
    async with serving(book, faults={"kind": "fallback"}) as client:
        assert (await client.ask())[2]["x-litellm-attempted-fallbacks"] == "1"


@pytest.mark.parametrize(
    ("kind", "error"), [("reset", aiohttp.ClientConnectionError), ("cut_off", aiohttp.ClientPayloadError)]
)
async def test_broken_connections(book: AnswerBook, kind: str, error: type[Exception]) -> None:
    async with serving(book, faults={"kind": kind}) as client:
        with pytest.raises(error):
            await client.ask()


@pytest.mark.parametrize("kind", ["hang", "drip"])
async def test_what_never_ends_ends_with_the_callers_patience_or_the_server(
    book: AnswerBook, kind: str
) -> None:
    async with serving(book, faults={"kind": kind}) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.ask(), 0.2)
        waiting = asyncio.create_task(client.ask())
    with pytest.raises((aiohttp.ClientError, RuntimeError, asyncio.CancelledError)):
        await waiting


async def test_an_oversized_body_comes_in_pieces(book: AnswerBook) -> None:
    async with (
        serving(book, faults={"kind": "oversized"}) as client,
        client.session.post("/v1/chat/completions", json={"model": "steady", "messages": [CAPITAL]}) as got,
    ):
        assert len(await got.content.readexactly(8 * 1024 * 1024)) == 8 * 1024 * 1024


async def test_a_retry_cures_a_fault_of_the_first_attempt_and_keeps_the_answer(book: AnswerBook) -> None:
    async with serving(book) as client:
        clean = text_of((await client.ask("creative"))[1])
    async with serving(book, faults={"kind": 503, "attempts": 1}) as client:
        assert (await client.ask("creative"))[0] == 503
        status, body, _ = await client.ask("creative")
        assert (status, text_of(body)) == (200, clean)


async def test_addresses_that_others_reach_and_taken_ports_are_refused(book: AnswerBook) -> None:
    with pytest.raises(UsageError, match="other machines"):
        async with running_server(ServerSettings(today=lambda: NIGHT, run="x", host="0.0.0.0")):
            pass
    with pytest.raises(UsageError, match="did you mean 'seed'"):
        async with running_server(ServerSettings(today=lambda: NIGHT, run="x", options={"sed": 1})):
            pass
    async with running_server(ServerSettings(today=lambda: NIGHT, run="x", answers=book)) as address:
        port = int(address.rsplit(":", 1)[1])
        with pytest.raises(SetupError, match="cannot listen"):
            async with running_server(ServerSettings(today=lambda: NIGHT, run="x", port=port)):
                pass


async def test_serve_tells_its_address_and_runs_until_cancelled(book: AnswerBook) -> None:
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    settings = ServerSettings(today=lambda: NIGHT, run="x", answers=book)
    task = asyncio.create_task(serve(settings, ready=address.set_result))
    async with aiohttp.ClientSession(await address) as session, session.get("/healthz") as response:
        assert response.status == 200
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
