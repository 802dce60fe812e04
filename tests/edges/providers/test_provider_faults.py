"""Every fault over real HTTP, by every route: what it ends in, and that it ends."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from harness.core.messages import ToolCall
from harness.core.replies import Answer, Failure, FailureKind, FinishReason
from harness.core.suite import Target
from harness.edges.providers.direct import DirectProvider
from harness.edges.providers.litellm import LiteLLMProvider
from harness.edges.redaction import Redactor
from harness.ports import Provider
from tests.contract.providers import (
    CASE,
    ENVIRONMENT,
    KEY,
    MOST_BYTES,
    ROUTES,
    WEATHER,
    make_request,
    make_target,
)
from tests.support.model_server import ModelServer, Play

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, slots=True)
class Caller:
    providers: dict[str, Provider]
    targets: dict[str, Target]
    server: ModelServer

    async def ask(self, route: str, play: Play, *, deadline_s: float = 10) -> Answer | Failure:
        self.server.play(play)
        return await self.providers[route].complete(make_request(self.targets[route]), deadline_s=deadline_s)


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def caller(server: ModelServer) -> AsyncIterator[Caller]:
    redactor = Redactor(ENVIRONMENT)
    targets = {route: make_target(route, server) for route in ROUTES}
    through_litellm = tuple(target for route, target in targets.items() if route != "direct")
    litellm = LiteLLMProvider(
        environment=ENVIRONMENT, redactor=redactor, targets=through_litellm, max_response_bytes=MOST_BYTES
    )
    direct = DirectProvider(environment=ENVIRONMENT, redactor=redactor, max_response_bytes=MOST_BYTES)
    await litellm.prepare()
    yield Caller({route: direct if route == "direct" else litellm for route in ROUTES}, targets, server)
    await litellm.aclose()
    await direct.aclose()


every_route = pytest.mark.parametrize("route", ROUTES)

FAILS = {
    Play.RATE_LIMITED: (FailureKind.RATE_LIMITED, 429, 7.0),
    Play.RATE_LIMITED_DATE: (FailureKind.RATE_LIMITED, 429, 7.0),
    Play.RATE_LIMITED_MS: (FailureKind.RATE_LIMITED, 429, 0.25),
    Play.QUOTA: (FailureKind.QUOTA, 429, None),
    Play.ERROR_500: (FailureKind.SERVER_ERROR, 500, None),
    Play.ERROR_503: (FailureKind.SERVER_ERROR, 503, 3.0),
    Play.ERROR_529: (FailureKind.SERVER_ERROR, 529, None),
    Play.UNAUTHORISED: (FailureKind.AUTHENTICATION, 401, None),
    Play.FORBIDDEN: (FailureKind.AUTHENTICATION, 403, None),
    Play.NOT_FOUND: (FailureKind.UNKNOWN_MODEL, 404, None),
    Play.BAD_REQUEST: (FailureKind.BAD_REQUEST, 400, None),
    Play.REDIRECT: (FailureKind.BAD_REQUEST, 307, None),
    Play.CUT_OFF_JSON: (FailureKind.MALFORMED, 200, None),
    Play.GARBAGE: (FailureKind.MALFORMED, 200, None),
    Play.HTML: (FailureKind.MALFORMED, 200, None),
    Play.EMPTY_BODY: (FailureKind.MALFORMED, 200, None),
    Play.ERROR_IN_200: (FailureKind.RATE_LIMITED, 429, None),
    Play.GIANT: (FailureKind.TOO_LARGE, 200, None),
    Play.GIANT_PACKED: (FailureKind.TOO_LARGE, 200, None),
    Play.FALLBACK: (FailureKind.FALLBACK, 200, None),
}


@every_route
@pytest.mark.parametrize("play", FAILS)
async def test_a_fault_is_a_failure_of_its_own_kind_after_one_request(
    caller: Caller, route: str, play: Play
) -> None:
    reply = await caller.ask(route, play)
    assert isinstance(reply, Failure), reply
    assert (reply.kind, reply.status, reply.retry_after_s) == FAILS[play]
    assert reply.attempts == len(caller.server.requests) == 1
    assert reply.detail
    assert len(reply.detail) <= 300
    assert reply.detail.isprintable()


@every_route
@pytest.mark.parametrize("play", [Play.RESET, Play.CUT_OFF])
async def test_a_broken_connection_is_a_transport_failure(caller: Caller, route: str, play: Play) -> None:
    reply = await caller.ask(route, play)
    assert isinstance(reply, Failure), reply
    assert reply.kind is FailureKind.TRANSPORT
    assert len(caller.server.requests) == 1


@every_route
@pytest.mark.parametrize("play", [Play.HANG, Play.DRIP])
async def test_the_deadline_holds_and_the_connection_is_closed(
    caller: Caller, route: str, play: Play
) -> None:
    started = time.monotonic()
    reply = await caller.ask(route, play, deadline_s=0.3)
    assert time.monotonic() - started < 3
    assert isinstance(reply, Failure)
    assert reply.kind is FailureKind.TIMEOUT
    assert await asyncio.to_thread(caller.server.wait_for_hang_up, 10)


@every_route
@pytest.mark.parametrize("play", [Play.EMPTY_CHOICES])
async def test_an_empty_list_of_choices_is_no_answer(caller: Caller, route: str, play: Play) -> None:
    if route == "anthropic":
        pytest.skip("has no list of choices")
    reply = await caller.ask(route, play)
    assert isinstance(reply, Failure)
    assert reply.kind is FailureKind.EMPTY_CHOICES


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # LiteLLM takes the NaN for an answer
@pytest.mark.parametrize("route", ["direct", "openai", "gemini"])
async def test_a_body_with_nan_is_malformed(caller: Caller, route: str) -> None:
    reply = await caller.ask(route, Play.NAN)
    assert isinstance(reply, Failure)
    assert reply.kind is FailureKind.MALFORMED


@every_route
async def test_a_refused_connection_is_a_transport_failure(caller: Caller, route: str) -> None:
    target = caller.targets[route].model_copy(update={"api_base": "http://127.0.0.1:9/v1"})
    reply = await caller.providers[route].complete(make_request(target), deadline_s=10)
    assert isinstance(reply, Failure), reply
    assert reply.kind is FailureKind.TRANSPORT


@every_route
@pytest.mark.parametrize("play", [Play.UNAUTHORISED, Play.FORBIDDEN])
async def test_an_error_text_that_quotes_the_key_is_redacted(caller: Caller, route: str, play: Play) -> None:
    reply = await caller.ask(route, play)
    assert caller.server.requests[0].key == KEY, "the server must have had the key to quote"
    assert isinstance(reply, Failure)
    assert KEY not in reply.detail
    assert "[TEST_KEY]" in reply.detail


@every_route
async def test_a_missing_key_is_found_without_a_request(caller: Caller, route: str) -> None:
    caller.server.play(Play.ANSWER)
    target = caller.targets[route].model_copy(update={"key_env": "ABSENT_KEY"})
    reply = await caller.providers[route].complete(make_request(target), deadline_s=10)
    assert isinstance(reply, Failure)
    assert (reply.kind, reply.attempts) == (FailureKind.AUTHENTICATION, 0)
    assert "ABSENT_KEY" in reply.detail
    assert not caller.server.requests


@every_route
async def test_an_answer_carries_what_the_provider_says_of_it(caller: Caller, route: str) -> None:
    reply = await caller.ask(route, Play.ANSWER)
    assert isinstance(reply, Answer), reply
    assert reply.text == "Paris."
    assert reply.finish_reason is FinishReason.STOP
    assert reply.usage.input_tokens == 11
    assert reply.usage.output_tokens == 3
    assert reply.model_served == "served-model-1"
    assert reply.response_id is not None
    assert reply.response_id.startswith(("chatcmpl-", "msg_", "gem-"))
    assert reply.request_digest is not None


@every_route
async def test_latency_is_taken_at_the_transport(caller: Caller, route: str) -> None:
    started = time.perf_counter()
    reply = await caller.ask(route, Play.ANSWER)
    around_ms = (time.perf_counter() - started) * 1000
    assert isinstance(reply, Answer)
    assert reply.latency_ms is not None
    assert 0 < reply.latency_ms < around_ms
    assert caller.providers[route].traits.latency_at_transport


@pytest.mark.parametrize("route", ["direct", "openai"])
async def test_openai_says_more(caller: Caller, route: str) -> None:
    reply = await caller.ask(route, Play.ANSWER)
    assert isinstance(reply, Answer)
    assert reply.system_fingerprint == "fp_1"
    assert [(p.token, p.logprob, p.top) for p in reply.logprobs] == [("Paris", -0.25, (("Paris", -0.25),))]


@every_route
@pytest.mark.parametrize("play", [Play.FILTERED, Play.FILTERED_400])
async def test_a_content_filter_is_an_answer(caller: Caller, route: str, play: Play) -> None:
    reply = await caller.ask(route, play)
    assert isinstance(reply, Answer), reply
    assert reply.finish_reason is FinishReason.CONTENT_FILTER
    assert reply.text == ""


@every_route
async def test_a_refusal_reaches_us_in_the_providers_own_way(caller: Caller, route: str) -> None:
    reply = await caller.ask(route, Play.REFUSAL)
    assert isinstance(reply, Answer), reply
    if route in ("direct", "openai"):
        assert reply.refusal == "I can't help with that."
    else:
        assert reply.finish_reason is FinishReason.CONTENT_FILTER


@every_route
@pytest.mark.parametrize(
    ("play", "text", "reason"),
    [
        (Play.EMPTY_TEXT, "", FinishReason.STOP),
        (Play.LENGTH, "Paris.", FinishReason.LENGTH),
        (Play.PACKED, "Paris.", FinishReason.STOP),
    ],
)
async def test_behaviour_is_measured_and_not_failed(
    caller: Caller, route: str, play: Play, text: str, reason: FinishReason
) -> None:
    reply = await caller.ask(route, play)
    assert isinstance(reply, Answer), reply
    assert (reply.text, reply.finish_reason) == (text, reason)


@pytest.mark.parametrize("route", ["direct", "openai"])
async def test_tokens_that_the_provider_did_not_count_are_unknown(caller: Caller, route: str) -> None:
    reply = await caller.ask(route, Play.NO_USAGE)
    assert isinstance(reply, Answer)
    assert reply.usage.input_tokens is None
    assert reply.usage.output_tokens is None


@every_route
async def test_a_tool_call_is_parsed(caller: Caller, route: str) -> None:
    caller.server.play(Play.TOOL_CALL)
    case = CASE.model_copy(update={"id": "weather", "tools": (WEATHER,)})
    request = make_request(caller.targets[route], case=case)
    for _ in range(2):  # LiteLLM writes into the tools that it is given
        reply = await caller.providers[route].complete(request, deadline_s=10)
        assert isinstance(reply, Answer), reply
        assert reply.tool_calls == (ToolCall(name="weather", arguments={"city": "Paris"}),)
        assert reply.finish_reason is FinishReason.TOOL_CALLS
    first, second = (received.json for received in caller.server.requests)
    assert first == second
    assert "weather" in str(first)


@pytest.mark.parametrize("route", ["direct", "openai"])
async def test_arguments_that_are_not_json_are_kept_as_they_came(caller: Caller, route: str) -> None:
    reply = await caller.ask(route, Play.BAD_TOOL_CALL)
    assert isinstance(reply, Answer)
    assert reply.tool_calls == (ToolCall(name="weather", raw='{"city": "Par'),)


@every_route
async def test_parameters_go_out_as_they_stand_and_nothing_is_retried(caller: Caller, route: str) -> None:
    await caller.ask(route, Play.ANSWER)
    received = caller.server.requests[0]
    assert received.headers["accept-encoding"] == "identity"
    sent = received.json
    settings = sent.get("generationConfig", sent)
    assert isinstance(settings, dict)
    assert settings["temperature"] == 0
    assert (
        settings.get("max_tokens", settings.get("max_output_tokens", settings.get("maxOutputTokens"))) == 64
    )
    assert "disable_fallbacks" not in sent


@pytest.mark.parametrize("route", ["direct", "openai"])
async def test_a_gateway_is_told_not_to_fall_back_and_not_to_cache(caller: Caller, route: str) -> None:
    caller.server.play(Play.ANSWER)
    target = caller.targets[route].model_copy(
        update={"options": {"gateway": True, "extra_body": {"top_k": 5}}}
    )
    assert isinstance(await caller.providers[route].complete(make_request(target), deadline_s=10), Answer)
    sent = caller.server.requests[0].json
    assert sent["disable_fallbacks"] is True
    assert sent["num_retries"] == 0
    assert sent["cache"] == {"no-cache": True, "no-store": True}
    assert sent["top_k"] == 5


async def test_the_gateway_route_of_litellm_is_a_gateway_without_saying_so(caller: Caller) -> None:
    caller.server.play(Play.ANSWER)
    base = caller.targets["openai"]
    target = base.model_copy(update={"model": "litellm_proxy/alias"})
    reply = await caller.providers["openai"].complete(make_request(target), deadline_s=10)
    assert isinstance(reply, Answer), reply
    sent = caller.server.requests[0].json
    assert (sent["model"], sent["disable_fallbacks"]) == ("alias", True)


@pytest.mark.parametrize("route", ["direct", "openai"])
async def test_a_refused_connection_names_its_host_and_port(caller: Caller, route: str) -> None:
    target = caller.targets[route].model_copy(update={"api_base": "http://127.0.0.1:9/v1"})
    reply = await caller.providers[route].complete(make_request(target), deadline_s=10)
    assert isinstance(reply, Failure)
    assert reply.kind is FailureKind.TRANSPORT
    assert "127.0.0.1:9" in reply.detail
