"""What is particular to the direct provider."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from harness.core.messages import Message, Role
from harness.core.replies import FailureKind
from harness.core.suite import Target
from harness.edges.providers.direct import DirectProvider
from harness.edges.redaction import Redactor
from harness.errors import SetupError
from tests.contract.providers import CASE, ENVIRONMENT, make_request, make_target
from tests.support.model_server import ModelServer, Play


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest_asyncio.fixture
async def provider(server: ModelServer) -> AsyncIterator[DirectProvider]:
    server.play(Play.ANSWER)
    opened = DirectProvider(environment=ENVIRONMENT, redactor=Redactor(ENVIRONMENT))
    yield opened
    await opened.aclose()


async def test_the_request_is_exactly_ours(provider: DirectProvider, server: ModelServer) -> None:
    await provider.complete(make_request(make_target("direct", server)), deadline_s=10)
    received = server.requests[0]
    assert received.path == "/v1/chat/completions"
    assert set(received.headers) == {
        *(
            "host",
            "content-type",
            "accept",
            "accept-encoding",
            "user-agent",
            "authorization",
            "content-length",
        )
    }
    assert received.json == {
        "model": "gpt-test",
        "messages": [{"role": m.role.value, "content": m.content} for m in CASE.messages],
        "temperature": 0,
        "max_tokens": 64,
    }


async def test_no_key_means_no_authorization(provider: DirectProvider, server: ModelServer) -> None:
    await provider.complete(make_request(make_target("direct", server, key_env=None)), deadline_s=10)
    assert "authorization" not in server.requests[0].headers


async def test_headers_of_the_target_are_added(provider: DirectProvider, server: ModelServer) -> None:
    target = make_target("direct", server, options={"headers": {"X-Team": "search"}})
    await provider.complete(make_request(target), deadline_s=10)
    assert server.requests[0].headers["x-team"] == "search"


async def test_another_question_in_the_same_place_is_sent_as_such(
    provider: DirectProvider, server: ModelServer
) -> None:
    target = make_target("direct", server)
    other = CASE.model_copy(update={"messages": (Message(role=Role.USER, content="And of Spain?"),)})
    for case in (CASE, other, CASE):
        await provider.complete(make_request(target, case=case), deadline_s=10)
    first, second, third = (received.body for received in server.requests)
    assert first == third != second
    assert b"Spain" in second


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target(model="direct/x"), "api_base"),
        (Target(model="direct/x", api_base="localhost:8000/v1"), "http://"),
        (Target(model="direct/x", api_base="http://127.0.0.1:9/v1", key_env="ABSENT_KEY"), "ABSENT_KEY"),
        (Target(model="direct/x", api_base="http://127.0.0.1:9/v1", options={"header": {}}), "headers"),
        (Target(model="direct/x", api_base="http://127.0.0.1:9/v1", params={"stream": True}), "stream"),
    ],
)
async def test_a_target_that_cannot_work_is_found_before_the_first_call(target: Target, said: str) -> None:
    provider = DirectProvider(environment=ENVIRONMENT, redactor=Redactor(ENVIRONMENT), targets=(target,))
    with pytest.raises(SetupError, match=said):
        await provider.prepare()


async def test_a_proxy_of_the_environment_is_used_except_where_it_is_exempt(server: ModelServer) -> None:
    server.play(Play.ANSWER)
    target = make_target("direct", server, api_base="http://models.invalid/v1")
    environment = {**ENVIRONMENT, "HTTP_PROXY": server.url}
    provider = DirectProvider(environment=environment, redactor=Redactor(ENVIRONMENT))
    assert (await provider.complete(make_request(target), deadline_s=10)).type == "answer"
    assert server.requests[0].path == "http://models.invalid/v1/chat/completions"
    await provider.aclose()
    exempt = DirectProvider(
        environment={**environment, "NO_PROXY": "example.org,127.0.0.1", "HTTP_PROXY": "http://127.0.0.1:9"},
        redactor=Redactor(ENVIRONMENT),
    )
    assert (
        await exempt.complete(make_request(make_target("direct", server)), deadline_s=10)
    ).type == "answer"
    await exempt.aclose()


@pytest.mark.parametrize("proxy", ["robot:secret-word@127.0.0.1:9", "http://robot:secret-word@127.0.0.1:9"])
async def test_a_proxy_that_is_down_is_named_without_its_credentials(server: ModelServer, proxy: str) -> None:
    target = make_target("direct", server, api_base="http://models.invalid/v1")
    environment = {**ENVIRONMENT, "http_proxy": proxy}
    subject = DirectProvider(environment=environment, redactor=Redactor(ENVIRONMENT))
    reply = await subject.complete(make_request(target), deadline_s=10)
    await subject.aclose()
    assert reply.type == "failure"
    assert reply.kind is FailureKind.TRANSPORT
    assert "secret-word" not in reply.detail
    assert "127.0.0.1:9" in reply.detail
