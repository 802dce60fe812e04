"""What every provider promises, held against each of them."""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from harness.core.replies import Answer, Failure, FailureKind
from harness.core.suite import Price
from harness.edges.providers import PROVIDERS
from harness.ports import Provider
from tests.contract.providers import FACTORIES, KEY, Subject
from tests.support.model_server import ModelServer, Play

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=sorted(FACTORIES))
async def subject(
    request: pytest.FixtureRequest, server: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Subject]:
    folder: Path = tmp_path_factory.mktemp(str(request.param))
    async with FACTORIES[request.param](PROVIDERS, server, folder) as opened:
        await opened.provider.prepare()
        yield opened
        await opened.provider.aclose()


@pytest.fixture(autouse=True)
def answering(server: ModelServer) -> None:
    server.play(Play.ANSWER)


async def test_every_registered_provider_is_held_to_the_contract() -> None:
    assert set(FACTORIES) == set(PROVIDERS.names())


async def test_it_has_the_shape_of_the_port(subject: Subject) -> None:
    assert isinstance(subject.provider, Provider)
    assert list(inspect.signature(subject.provider.complete).parameters) == ["request", "deadline_s"]
    assert subject.provider.traits.name in PROVIDERS.names()
    assert subject.provider.traits.version


async def test_a_good_request_is_answered(subject: Subject) -> None:
    reply = await subject.provider.complete(subject.good, deadline_s=10)
    assert isinstance(reply, Answer), reply
    assert reply.text
    assert reply.attempts == 1
    assert reply.response_id


async def test_a_call_that_fails_is_a_value(subject: Subject) -> None:
    reply = await subject.provider.complete(subject.bad, deadline_s=10)
    assert isinstance(reply, Failure), reply
    assert reply.kind is subject.bad_kind
    assert reply.detail
    assert KEY not in reply.model_dump_json()


async def test_an_unknown_option_is_a_failed_call_or_an_error_of_ours(subject: Subject) -> None:
    target = subject.good.target.model_copy(update={"options": {"no_such_option": 1}})
    odd = replace(subject.good, target=target, target_name="odd")
    if subject.provider.traits.replays:
        with pytest.raises(Exception, match="no_such_option"):
            await subject.provider.complete(odd, deadline_s=10)
        return
    reply = await subject.provider.complete(odd, deadline_s=10)
    assert isinstance(reply, Failure)
    assert reply.kind is FailureKind.BAD_REQUEST
    assert "no_such_option" in reply.detail


async def test_the_deadline_holds_where_nothing_comes(subject: Subject, server: ModelServer) -> None:
    if subject.hanging is None:
        pytest.skip("nothing can hang")
    server.play(Play.HANG)
    started = time.monotonic()
    reply = await subject.provider.complete(subject.hanging, deadline_s=0.3)
    assert time.monotonic() - started < 3
    assert isinstance(reply, Failure)
    assert reply.kind is FailureKind.TIMEOUT


async def test_samples_asked_for_at_once_all_come_back(subject: Subject) -> None:
    if subject.provider.traits.replays:
        pytest.skip("holds as many answers as were recorded")
    asked = [replace(subject.good, sample=n, key=f"{subject.good.key}:{n}") for n in range(8)]
    replies = await asyncio.gather(*(subject.provider.complete(one, deadline_s=30) for one in asked))
    answers = [reply for reply in replies if isinstance(reply, Answer)]
    assert len(answers) == len(asked)
    assert len({answer.response_id for answer in answers}) == len(asked)


async def test_a_price_of_the_target_wins(subject: Subject) -> None:
    price = Price(input_usd_per_million=1.5, output_usd_per_million=2.5)
    assert subject.provider.price(subject.good.target.model_copy(update={"price": price})) == price


async def test_it_can_be_closed_twice_and_used_again(subject: Subject) -> None:
    await subject.provider.aclose()
    await subject.provider.aclose()
    assert isinstance(await subject.provider.complete(subject.good, deadline_s=10), Answer)
