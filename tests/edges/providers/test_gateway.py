"""What a LiteLLM gateway says in headers and fields of its own, as version 1.105.3 writes them over HTTP."""

import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import pytest_asyncio

from harness.core.replies import Answer, Failure, FailureKind, FinishReason
from harness.core.suite import Target
from harness.edges.providers.direct import DirectProvider
from harness.edges.providers.litellm import LiteLLMProvider
from harness.edges.redaction import Redactor
from harness.ports import Provider
from tests.contract.providers import make_request

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What stands in every response of a gateway, also where nothing is the matter.
USUAL = {
    "x-litellm-version": "1.105.3",
    "x-litellm-model-name": "openai/steady",
    "x-litellm-response-cost": "0.0",
    "x-litellm-response-cost-original": "0.0",
    "x-litellm-key-spend": "nan",
    "x-litellm-attempted-retries": "0",
    "x-litellm-attempted-fallbacks": "0",
}
CACHE_KEY = "54d7a7f5be8cc3a30731b75639586cfa8531108186b4df6ce91a2ae2f0d364ee"


class Gateway(ThreadingHTTPServer):
    """Answers as it was told to."""

    status = 200
    more: Mapping[str, str] = {}
    message: Mapping[str, object] = {}
    error: Mapping[str, object] | None = None

    def body(self) -> bytes:
        if self.error is not None:
            return json.dumps({"error": self.error}).encode()
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **self.message}}
        usage = {"prompt_tokens": 9, "completion_tokens": 16, "total_tokens": 25}
        answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "alias"}
        return json.dumps({**answer, "choices": [choice], "usage": usage}).encode()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        gateway = self.server
        assert isinstance(gateway, Gateway)
        self.rfile.read(int(self.headers["content-length"]))
        body = gateway.body()
        self.send_response(gateway.status)
        for name, value in {**USUAL, **gateway.more}.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return "Wed, 21 Oct 2026 07:28:00 GMT"

    def log_message(self, *said: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with Gateway(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def providers() -> AsyncIterator[Mapping[str, Provider]]:
    redactor = Redactor({})
    litellm = LiteLLMProvider(environment={}, redactor=redactor)
    direct = DirectProvider(environment={}, redactor=redactor)
    await litellm.prepare()
    yield {"direct": direct, "openai": litellm, "litellm_proxy": litellm}
    await litellm.aclose()
    await direct.aclose()


every_route = pytest.mark.parametrize("route", ["direct", "openai", "litellm_proxy"])


async def ask(
    gateway: Gateway,
    providers: Mapping[str, Provider],
    route: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    message: Mapping[str, object] | None = None,
    error: Mapping[str, object] | None = None,
) -> Answer | Failure:
    gateway.status, gateway.more, gateway.error = status, headers or {}, error
    gateway.message = message or {"content": "Paris."}
    base = f"http://127.0.0.1:{gateway.server_address[1]}/v1"
    target = Target(model=f"{route}/alias", api_base=base, params={"temperature": 0})
    return await providers[route].complete(make_request(target), deadline_s=10)


@every_route
async def test_costs_and_spend_in_headers_do_no_harm(
    gateway: Gateway, providers: Mapping[str, Provider], route: str
) -> None:
    reply = await ask(gateway, providers, route)
    assert isinstance(reply, Answer), reply
    assert (reply.text, reply.usage.output_tokens) == ("Paris.", 16)


@every_route
@pytest.mark.parametrize(
    "headers", [{"x-litellm-cache-key": CACHE_KEY}, {"x-litellm-cache-hit": "True"}], ids=["key", "hit"]
)
async def test_what_the_gateway_had_in_its_cache_is_no_sample(
    gateway: Gateway, providers: Mapping[str, Provider], route: str, headers: Mapping[str, str]
) -> None:
    """Within one run, too: there every sample of a case has the first one's id."""
    reply = await ask(gateway, providers, route, headers=headers)
    assert isinstance(reply, Failure), reply
    assert (reply.kind, reply.status) == (FailureKind.REPLAYED, 200)
    assert "cache" in reply.detail


@every_route
@pytest.mark.parametrize(
    "headers",
    [{"x-litellm-cache-key": ""}, {"x-litellm-cache-key": "None"}, {"x-litellm-cache-hit": "False"}],
)
async def test_a_cache_that_did_not_answer_is_no_trouble(
    gateway: Gateway, providers: Mapping[str, Provider], route: str, headers: Mapping[str, str]
) -> None:
    assert isinstance(await ask(gateway, providers, route, headers=headers), Answer)


@every_route
async def test_another_models_answer_is_a_fallback_whoever_cached_it(
    gateway: Gateway, providers: Mapping[str, Provider], route: str
) -> None:
    headers = {"x-litellm-attempted-fallbacks": "1", "x-litellm-cache-key": CACHE_KEY}
    reply = await ask(gateway, providers, route, headers=headers)
    assert isinstance(reply, Failure)
    assert reply.kind is FailureKind.FALLBACK


@every_route
async def test_a_refusal_is_read_where_a_gateway_puts_it(
    gateway: Gateway, providers: Mapping[str, Provider], route: str
) -> None:
    message = {"content": None, "provider_specific_fields": {"refusal": "I can't help with that."}}
    reply = await ask(gateway, providers, route, message=message)
    assert isinstance(reply, Answer), reply
    assert (reply.text, reply.refusal) == ("", "I can't help with that.")


@every_route
@pytest.mark.parametrize("fields", [None, {}, [], {"refusal": None}, {"refusal": {"a": 1}}])
async def test_no_refusal_is_made_out_of_odd_fields(
    gateway: Gateway, providers: Mapping[str, Provider], route: str, fields: object
) -> None:
    reply = await ask(
        gateway, providers, route, message={"content": "Paris.", "provider_specific_fields": fields}
    )
    assert isinstance(reply, Answer), reply
    assert (reply.text, reply.refusal) == ("Paris.", None)


@every_route
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"llm_provider-retry-after": "7"}, 7.0),
        ({"llm_provider-retry-after-ms": "250"}, 0.25),
        ({"retry-after": "3", "llm_provider-retry-after": "7"}, 3.0),
        ({"llm_provider-retry-after": "Wed, 21 Oct 2026 07:28:09 GMT"}, 9.0),
    ],
    ids=["seconds", "milliseconds", "its-own-first", "date"],
)
async def test_the_wait_that_the_provider_behind_it_asks_for_is_waited(
    gateway: Gateway, providers: Mapping[str, Provider], route: str, headers: dict[str, str], seconds: float
) -> None:
    error = {"message": "litellm.RateLimitError: m", "type": "throttling_error", "code": "429"}
    reply = await ask(gateway, providers, route, status=429, headers=headers, error=error)
    assert isinstance(reply, Failure), reply
    assert (reply.kind, reply.retry_after_s) == (FailureKind.RATE_LIMITED, seconds)


@every_route
async def test_a_filter_behind_it_is_an_answer_by_the_gateways_own_word_for_it(
    gateway: Gateway, providers: Mapping[str, Provider], route: str
) -> None:
    said = "litellm.BadRequestError: litellm.ContentPolicyViolationError: OpenAIException - Blocked."
    error = {"message": said, "type": "invalid_request_error", "param": None, "code": "400"}
    reply = await ask(gateway, providers, route, status=400, error=error)
    assert isinstance(reply, Answer), reply
    assert (reply.text, reply.finish_reason) == ("", FinishReason.CONTENT_FILTER)
    quoted = {**error, "message": "the prompt says ContentPolicyViolationError"}
    assert isinstance(await ask(gateway, providers, route, status=400, error=quoted), Failure)


@every_route
async def test_a_key_that_a_gateway_without_database_does_not_know_ends_the_target(
    gateway: Gateway, providers: Mapping[str, Provider], route: str
) -> None:
    error = {"message": "No connected db.", "type": "no_db_connection", "param": None, "code": "400"}
    reply = await ask(gateway, providers, route, status=400, error=error)
    assert isinstance(reply, Failure), reply
    assert reply.kind is FailureKind.AUTHENTICATION
