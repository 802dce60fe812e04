"""Every provider, ready to be asked: the table that the contract tests run over."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from harness.core.messages import Message, Role
from harness.core.plan import Request, Round
from harness.core.replies import FailureKind
from harness.core.suite import Case, CaseKind, Target, ToolSpec
from harness.edges.providers.direct import DirectProvider
from harness.edges.providers.recorded import RecordedProvider
from harness.edges.redaction import Redactor
from harness.ports import Provider
from harness.registry import Registry
from tests.support.model_server import ModelServer, Play

KEY = "test-key/abc+def=123456"
ENVIRONMENT = {"TEST_KEY": KEY}
MOST_BYTES = 1_000_000
ROUTES = {
    "direct": ("direct/gpt-test", "/v1"),
    "openai": ("openai/gpt-4o-mini", "/v1"),
    "anthropic": ("anthropic/claude-sonnet-4-5", ""),
    "gemini": ("gemini/gemini-2.0-flash", "/v1beta"),
}
"""One target for each wire format; the last three go through LiteLLM."""

WEATHER = ToolSpec(
    name="weather",
    description="Weather in a city.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
CASE = Case(
    id="capital",
    kind=CaseKind.REASONING,
    why="A fact that no model gets wrong.",
    review_by="2027-01-01",
    messages=(
        Message(role=Role.SYSTEM, content="Answer in one word."),
        Message(role=Role.USER, content="What is the capital of France?"),
    ),
)


def make_target(route: str, server: ModelServer, **fields: object) -> Target:
    """Return a target that asks `server` by one of the `ROUTES`."""
    model, path = ROUTES[route]
    given: dict[str, object] = {
        "model": model,
        "key_env": "TEST_KEY",
        "api_base": server.url + path,
        "params": {"temperature": 0, "max_tokens": 64},
    }
    return Target.model_validate(given | fields)


def make_request(target: Target, *, sample: int = 0, case: Case = CASE) -> Request:
    """Return a request for one sample of a case."""
    return Request(
        case=case,
        target_name=target.model.replace("/", "-"),
        target=target,
        round=Round.FIRST,
        sample=sample,
        turn=0,
        messages=case.messages,
        key=f"{target.model}:{case.id}:{sample}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A provider with a request that it answers, one that it cannot answer, and why not."""

    provider: Provider
    good: Request
    bad: Request
    bad_kind: FailureKind
    hanging: Request | None
    """A request that is never answered; None where nothing can hang."""


Factory = Callable[
    [Registry[Callable[..., Provider]], ModelServer, Path], AbstractAsyncContextManager[Subject]
]


@asynccontextmanager
async def _litellm(
    _: Registry[Callable[..., Provider]], server: ModelServer, __: Path
) -> AsyncIterator[Subject]:
    from harness.edges.providers.litellm import LiteLLMProvider

    target = make_target("openai", server)
    provider = LiteLLMProvider(environment=ENVIRONMENT, redactor=Redactor(ENVIRONMENT), targets=(target,))
    yield _over_http(provider, target)


@asynccontextmanager
async def _direct(
    _: Registry[Callable[..., Provider]], server: ModelServer, __: Path
) -> AsyncIterator[Subject]:
    target = make_target("direct", server)
    provider = DirectProvider(environment=ENVIRONMENT, redactor=Redactor(ENVIRONMENT), targets=(target,))
    yield _over_http(provider, target)


@asynccontextmanager
async def _recorded(
    _: Registry[Callable[..., Provider]], __: ModelServer, folder: Path
) -> AsyncIterator[Subject]:
    line = {"case": CASE.id, "text": "Paris.", "prompt": CASE.messages[-1].content, "response_id": "rec-1"}
    (folder / "answers.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    target = Target(model="recorded/answers.jsonl")
    yield Subject(
        provider=RecordedProvider(root=folder, targets=(target,)),
        good=make_request(target),
        bad=make_request(target, sample=1),
        bad_kind=FailureKind.NOT_RECORDED,
        hanging=None,
    )


@asynccontextmanager
async def _simulated(
    registry: Registry[Callable[..., Provider]], _: ModelServer, __: Path
) -> AsyncIterator[Subject]:
    provider = registry.load("simulated")(night=date(2026, 10, 1), run="contract")
    yield Subject(
        provider=provider,
        good=make_request(Target(model="simulated/steady")),
        bad=make_request(Target(model="simulated/nobody")),
        bad_kind=FailureKind.UNKNOWN_MODEL,
        hanging=make_request(Target(model="simulated/steady", options={"faults": {"kind": "hang"}})),
    )


FACTORIES: dict[str, Factory] = {
    "litellm": _litellm,
    "direct": _direct,
    "simulated": _simulated,
    "recorded": _recorded,
}


def _over_http(provider: Provider, target: Target) -> Subject:
    good = make_request(target)
    closed = target.model_copy(update={"key_env": "ABSENT_KEY"})
    return Subject(
        provider=provider,
        good=good,
        bad=replace(good, target=closed, target_name="closed"),
        bad_kind=FailureKind.AUTHENTICATION,
        hanging=good,
    )


def hang(server: ModelServer) -> None:
    """Let every request to `server` wait for ever."""
    server.play(Play.HANG)
