"""Log-probabilities through every provider: one server, one key for a call, one vector."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from harness.core.plan import Request
from harness.core.replies import MOST_LOGPROB_POSITIONS, MOST_LOGPROB_TOKENS, Answer, TokenLogprob
from harness.core.suite import Target
from harness.edges.providers.direct import DirectProvider
from harness.edges.providers.litellm import LiteLLMProvider
from harness.edges.providers.recorded import RecordedProvider
from harness.edges.providers.simulated import SimulatedProvider
from harness.edges.redaction import Redactor
from harness.ports import Provider
from harness.simulator.server import ServerSettings, running_server
from tests.contract.providers import CASE, ENVIRONMENT, make_request

pytestmark = pytest.mark.asyncio(loop_scope="module")

NIGHT = date(2027, 2, 21)
CALL = "canary:capital:0"
TINY = {"max_tokens": 1, "logprobs": True, "top_logprobs": 20}
ROUTES = {
    "direct": ("direct/typical", "/v1"),
    "litellm": ("openai/typical", "/v1"),
    "simulated": ("simulated/typical", None),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def address() -> AsyncIterator[str]:
    settings = ServerSettings(today=lambda: NIGHT, run="contract", options={"latency_ms": 0})
    async with running_server(settings) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def providers() -> AsyncIterator[dict[str, Provider]]:
    built: dict[str, Provider] = {
        "direct": DirectProvider(environment=ENVIRONMENT, redactor=Redactor(ENVIRONMENT)),
        "litellm": LiteLLMProvider(environment=ENVIRONMENT, redactor=Redactor(ENVIRONMENT)),
        "simulated": SimulatedProvider(night=NIGHT, run="contract"),
    }
    yield built
    for provider in built.values():
        await provider.aclose()


def request(route: str, address: str, params: dict[str, object]) -> Request:
    model, path = ROUTES[route]
    fields: dict[str, object] = {"model": model, "params": params}
    if path is not None:
        options = {"headers": {"x-drift-call": CALL}}
        fields |= {"api_base": address + path, "key_env": "TEST_KEY", "options": options}
    return replace(make_request(Target.model_validate(fields)), key=CALL)


async def vectors(
    provider: Provider, route: str, address: str, params: dict[str, object]
) -> tuple[TokenLogprob, ...]:
    reply = await provider.complete(request(route, address, params), deadline_s=30)
    assert isinstance(reply, Answer), reply
    assert Answer.model_validate_json(reply.model_dump_json()) == reply
    return reply.logprobs


async def recorded(address: str, folder: Path, params: dict[str, object]) -> tuple[TokenLogprob, ...]:
    """Record what the server says, and read it back through the provider for recordings."""
    messages = [{"role": one.role.value, "content": one.content} for one in CASE.messages]
    body = {"model": "typical", "messages": messages, **params}
    async with (
        aiohttp.ClientSession(address) as session,
        session.post("/v1/chat/completions", json=body, headers={"x-drift-call": CALL}) as response,
    ):
        choice = (await response.json())["choices"][0]
    line = {"case": CASE.id, "text": choice["message"]["content"], "logprobs": choice["logprobs"]}
    (folder / "answers.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    target = Target(model="recorded/answers.jsonl")
    reply = await RecordedProvider(root=folder, targets=(target,)).complete(
        make_request(target), deadline_s=30
    )
    assert isinstance(reply, Answer), reply
    return reply.logprobs


async def test_every_provider_gives_the_same_vectors(
    address: str, providers: dict[str, Provider], tmp_path: Path
) -> None:
    found = {route: await vectors(of, route, address, TINY) for route, of in providers.items()}
    found["recorded"] = await recorded(address, tmp_path, TINY)
    assert set(found.values()) == {found["simulated"]}
    (position,) = found["simulated"]
    assert len(position.top) == 20 and len(dict(position.top)) == 20


async def test_a_long_answer_keeps_its_first_positions(
    address: str, providers: dict[str, Provider], tmp_path: Path
) -> None:
    long = TINY | {"max_tokens": 64}
    found = {route: await vectors(of, route, address, long) for route, of in providers.items()}
    found["recorded"] = await recorded(address, tmp_path, long)
    assert set(found.values()) == {found["simulated"]}
    assert len(found["simulated"]) == MOST_LOGPROB_POSITIONS
    assert all(len(position.top) == MOST_LOGPROB_TOKENS for position in found["simulated"])


async def test_nothing_is_kept_where_nothing_was_asked(
    address: str, providers: dict[str, Provider], tmp_path: Path
) -> None:
    for route, of in providers.items():
        assert await vectors(of, route, address, {"max_tokens": 1}) == ()
    assert await recorded(address, tmp_path, {"max_tokens": 1}) == ()


async def test_too_many_alternatives_fail_in_the_same_way(
    address: str, providers: dict[str, Provider]
) -> None:
    kinds = set()
    for route, of in providers.items():
        reply = await of.complete(request(route, address, TINY | {"top_logprobs": 21}), deadline_s=30)
        kinds.add("answer" if isinstance(reply, Answer) else reply.kind)
    assert kinds == {"bad_request"}


async def test_gemini_gives_them_through_litellm(address: str, providers: dict[str, Provider]) -> None:
    # LiteLLM knows the parameter for Gemini and does not list it: it must be allowed by name.
    params = TINY | {"allowed_openai_params": ["top_logprobs"]}
    asked = request("litellm", address, params)
    gemini = {"model": "gemini/typical", "api_base": f"{address}/v1beta"}
    reply = await providers["litellm"].complete(
        replace(asked, target=asked.target.model_copy(update=gemini)), deadline_s=30
    )
    assert isinstance(reply, Answer), reply
    (position,) = reply.logprobs
    assert len(position.top) == 20 and dict(position.top)[position.token] == position.logprob
