"""From what LiteLLM returns or raises to answers and failures."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol, runtime_checkable

from harness.core.replies import Answer, Failure, FailureKind, FinishReason
from harness.edges.providers.failures import HttpError, failure, read_http_error
from harness.edges.providers.metering import Exchange
from harness.edges.providers.openai_format import NoAnswer, NoChoices, parse_answer, strict_json
from harness.edges.redaction import Redactor


def read_response(exchange: Exchange, response: object) -> Answer:
    """Return the answer of a call that LiteLLM takes for a success.

    Where the wire carries chat completions, it is read as it stands; else LiteLLM's translation is, with
    what it makes up or leaves out (ids, the served model, usage) taken from the wire.
    Raises NoChoices, NoAnswer, or ValueError where the body is not JSON.
    """
    if exchange.status is None:  # a route that does not use LiteLLM's HTTP clients
        return parse_answer(_translation(response), latency_ms=None)
    raw = strict_json(bytes(exchange.body))
    if not isinstance(raw, Mapping):
        raise NoAnswer("the response is not a JSON object")
    if raw.get("error"):
        raise NoAnswer("the response holds an error")
    if "choices" in raw:
        return parse_answer(raw, latency_ms=exchange.latency_ms, sent=exchange.sent)
    if raw.get("candidates") == [] and not raw.get("promptFeedback"):
        raise NoChoices("the response has an empty list of candidates")
    payload = {
        **_translation(response),
        "id": raw.get("id") or raw.get("responseId"),
        "model": raw.get("model") or raw.get("modelVersion"),
    }
    if "usage" not in raw and "usageMetadata" not in raw:
        payload["usage"] = None
    return parse_answer(payload, latency_ms=exchange.latency_ms, sent=exchange.sent)


def read_before_sending(error: Exception, redactor: Redactor, *, now: datetime) -> Answer | Failure:
    """Say what an exception means that came without an HTTP exchange that we saw."""
    said = str(error)
    lower = said.lower()
    chain = tuple(_chain(error))
    if any(isinstance(one, OSError) for one in chain):
        return failure(FailureKind.TRANSPORT, said, redactor)
    if any(sign in lower for sign in _NO_KEY):
        return failure(FailureKind.AUTHENTICATION, said, redactor, attempts=0)
    if "llm provider not provided" in lower:
        return failure(FailureKind.UNKNOWN_MODEL, said, redactor, attempts=0)
    name = type(error).__name__
    if name == "ContentPolicyViolationError":
        return Answer(text="", finish_reason=FinishReason.CONTENT_FILTER)
    if name == "Timeout":
        return failure(FailureKind.TIMEOUT, said, redactor)
    if name == "APIConnectionError":
        return failure(FailureKind.TRANSPORT, said, redactor)
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and 400 <= status < 600 and name != "UnsupportedParamsError":
        headers = getattr(error, "litellm_response_headers", None)
        named = {str(k).lower(): str(v) for k, v in headers.items()} if isinstance(headers, Mapping) else {}
        return read_http_error(HttpError(status=status, body=said, headers=named), redactor, now=now)
    return failure(FailureKind.BAD_REQUEST, f"{name}: {said}", redactor, attempts=0)


_NO_KEY = (
    "api_key client option must be set",
    "missing credentials",
    "api key - a call is being made",
    "no api key",
)


@runtime_checkable
class _Dumps(Protocol):
    def model_dump(self) -> dict[str, object]: ...


def _translation(response: object) -> dict[str, object]:
    """Return LiteLLM's response as chat completions, with the refusal where OpenAI has it."""
    if not isinstance(response, _Dumps):
        raise NoAnswer(f"LiteLLM returned a {type(response).__name__}")
    payload = response.model_dump()
    choices = payload.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        message = choice.get("message") or {}
        extras = message.get("provider_specific_fields") or {}
        message.setdefault("refusal", extras.get("refusal"))
    return payload


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
