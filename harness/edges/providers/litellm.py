"""Every hosted model, through LiteLLM.

LiteLLM costs seconds to import, so `prepare` imports it in a thread. What a call met is read from the
wire (`metering`) rather than from LiteLLM's exceptions, which name one and the same error for a missing
key, a refused connection and half a body.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version

from harness.core.plan import Request
from harness.core.replies import Answer, Failure, FailureKind
from harness.core.suite import Price, Target
from harness.edges.providers import Surroundings
from harness.edges.providers.failures import (
    HttpError,
    failure,
    read_gateway,
    read_http_error,
    transport_failure,
)
from harness.edges.providers.litellm_arguments import find_arguments
from harness.edges.providers.litellm_library import close_litellm, load_litellm
from harness.edges.providers.litellm_reading import read_before_sending, read_response
from harness.edges.providers.metering import EXCHANGE, Exchange
from harness.edges.providers.openai_format import NoAnswer, NoChoices, request_body, strict_json
from harness.edges.providers.prepared import PerCase
from harness.edges.providers.prices import find_price
from harness.edges.providers.targets import MissingKeyError, inner_status
from harness.edges.redaction import Redactor
from harness.errors import BadTarget, SetupError
from harness.ports import ProviderTraits

MOST_RESPONSE_BYTES = 8 * 1024 * 1024
# Routes whose only credential is a key, so that a warm-up asks nobody for a token.
_WARMED = frozenset(
    [
        "openai",
        "anthropic",
        "gemini",
        "azure",
        "litellm_proxy",
        "hosted_vllm",
        "mistral",
        "groq",
        "deepseek",
        "openrouter",
        "xai",
        "together_ai",
        "fireworks_ai",
        "perplexity",
        "cohere_chat",
        "ollama_chat",
    ]
)


class LiteLLMProvider:
    """Calls every target whose model LiteLLM knows.

    `environment` holds the keys. `targets` are checked and warmed up in `prepare`. A response over
    `max_response_bytes` is a failure.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        redactor: Redactor,
        targets: Sequence[Target] = (),
        max_response_bytes: int = MOST_RESPONSE_BYTES,
    ) -> None:
        self._environment = environment
        self._redactor = redactor
        self._targets = targets
        self._max_response_bytes = max_response_bytes
        self._calls = PerCase(self._make_call)
        self._acompletion: Callable[..., Awaitable[object]] | None = None

    @classmethod
    def build(cls, targets: Sequence[Target], surroundings: Surroundings) -> "LiteLLMProvider":
        """Make the provider of `targets`."""
        return cls(
            environment=surroundings.environment,
            redactor=surroundings.redactor,
            targets=targets,
            max_response_bytes=surroundings.max_response_bytes,
        )

    @cached_property
    def traits(self) -> ProviderTraits:
        """Describe the provider."""
        return ProviderTraits(name="litellm", version=f"litellm {version('litellm')}", concurrency=20)

    def check(self) -> None:
        """Check settings and keys. Raises SetupError."""
        for target in self._targets:
            find_arguments(target, self._environment)

    async def prepare(self) -> None:
        """Import LiteLLM, and run each target's route once without the network. Raises SetupError."""
        arguments = [find_arguments(target, self._environment) for target in self._targets]
        litellm = await asyncio.to_thread(load_litellm)
        self._acompletion = litellm.acompletion
        for target, known in zip(self._targets, arguments, strict=True):
            await self._warm_up(target, known)

    async def complete(self, request: Request, *, deadline_s: float) -> Answer | Failure:
        """Ask once, with one HTTP request, and return within `deadline_s` seconds."""
        try:
            if self._acompletion is None:
                self._acompletion = (await asyncio.to_thread(load_litellm)).acompletion
            call = self._calls.of(request)
        except SetupError as error:
            kind = (
                FailureKind.AUTHENTICATION if isinstance(error, MissingKeyError) else FailureKind.BAD_REQUEST
            )
            return failure(kind, str(error), self._redactor, attempts=0)
        exchange = Exchange(most_bytes=self._max_response_bytes)
        token = EXCHANGE.set(exchange)
        timer = asyncio.timeout(deadline_s)
        try:
            async with timer:
                response = await self._send(call)
        except Exception as error:  # noqa: BLE001  # LiteLLM raises whatever its parsers raise; a failed call is a value
            if timer.expired():
                return failure(
                    FailureKind.TIMEOUT, f"no whole answer within {deadline_s:g} s", self._redactor
                )
            return self._read_failure(exchange, error)
        finally:
            EXCHANGE.reset(token)
        return self._read_answer(exchange, response)

    def price(self, target: Target) -> Price | None:
        """Return the target's own price, or the one in LiteLLM's map; unknown is None."""
        return target.price or find_price(target.model)

    async def aclose(self) -> None:
        """Close LiteLLM's connections in this loop."""
        if self._acompletion is not None:
            await close_litellm()

    async def _send(self, call: "_Call") -> object:
        if self._acompletion is None:
            raise BadTarget("LiteLLM is not prepared")
        # LiteLLM's transformations write into what they are given, so each call has its own.
        return await self._acompletion(**call.arguments, **json.loads(call.question))

    async def _warm_up(self, target: Target, arguments: Mapping[str, object]) -> None:
        question: dict[str, object] = {"messages": [{"role": "user", "content": "ok"}]}
        if target.model.partition("/")[0] not in _WARMED:
            question["mock_response"] = "ok"
        token = EXCHANGE.set(Exchange(most_bytes=self._max_response_bytes, warm_up=True))
        try:
            await self._send(_Call(arguments=arguments, question=json.dumps(question)))
        except Exception as error:  # noqa: BLE001  # a warm-up that fails for another reason shows in the first call
            if type(error).__name__ in ("UnsupportedParamsError", "BadRequestError"):
                said = failure(FailureKind.BAD_REQUEST, str(error), self._redactor).detail
                raise BadTarget(f"{target.model}: LiteLLM refuses this target: {said}") from None
        finally:
            EXCHANGE.reset(token)

    def _read_answer(self, exchange: Exchange, response: object) -> Answer | Failure:
        status = exchange.status
        no_sample = read_gateway(exchange.headers, self._redactor, status=status)
        if no_sample is not None:
            return no_sample
        try:
            return read_response(exchange, response)
        except NoChoices as error:
            return failure(FailureKind.EMPTY_CHOICES, str(error), self._redactor, status=status)
        except NoAnswer as error:
            return self._read_odd_body(exchange, str(error))
        except ValueError as error:
            return failure(
                FailureKind.MALFORMED, f"the response is not JSON ({error})", self._redactor, status=status
            )

    def _read_failure(self, exchange: Exchange, error: Exception) -> Answer | Failure:
        status = exchange.status
        if exchange.too_large and (status or 0) < 400:
            detail = f"the response is larger than {exchange.most_bytes} bytes"
            return failure(FailureKind.TOO_LARGE, detail, self._redactor, status=status)
        if status is not None and status >= 300:
            return self._read_http_error(exchange, status)
        if exchange.finished is not None:
            return self._read_odd_body(exchange, f"LiteLLM could not read the response: {error}")
        if exchange.requests:
            met = exchange.error or error
            return transport_failure(met, exchange.address, self._redactor, status=status)
        return read_before_sending(error, self._redactor, now=datetime.now(UTC))

    def _read_odd_body(self, exchange: Exchange, detail: str) -> Answer | Failure:
        try:
            payload = strict_json(bytes(exchange.body))
        except ValueError as error:
            begins = exchange.body[:200].decode("utf-8", "replace")
            detail = f"the response is not JSON ({error}): {begins}"
            return failure(FailureKind.MALFORMED, detail, self._redactor, status=exchange.status)
        if isinstance(payload, dict) and payload.get("error"):
            return self._read_http_error(exchange, inner_status(payload["error"]) or exchange.status or 200)
        if isinstance(payload, dict) and payload.get("choices", payload.get("candidates")) == []:
            detail = "the response has an empty list of choices"
            return failure(FailureKind.EMPTY_CHOICES, detail, self._redactor, status=exchange.status)
        return failure(FailureKind.MALFORMED, detail, self._redactor, status=exchange.status)

    def _read_http_error(self, exchange: Exchange, status: int) -> Answer | Failure:
        text = exchange.body.decode("utf-8", "replace")
        if 300 <= status < 400:
            text = (
                f"redirected to {exchange.headers.get('location')}; set api_base to the address that answers"
            )
        error = HttpError(status=status, body=text, headers=exchange.headers)
        return read_http_error(error, self._redactor, now=datetime.now(UTC))

    def _make_call(self, request: Request) -> "_Call":
        body = request_body(request, request.target.model)
        question = {name: body[name] for name in ("messages", "tools") if name in body}
        return _Call(
            arguments=find_arguments(request.target, self._environment), question=json.dumps(question)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """Everything that goes out for a case, the same for each of its samples."""

    arguments: Mapping[str, object]
    question: str
    """JSON of the messages and tools."""
