"""The chat-completions format: a request's body, and the answer in a response. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import TypeAlias, assert_never

from pydantic import ValidationError

from harness.core.canonical import canonical_json
from harness.core.messages import CallsMade, Message, Said, ToolCall, ToolResult
from harness.core.plan import Request
from harness.core.replies import (
    MOST_LOGPROB_POSITIONS,
    Answer,
    FinishReason,
    TokenLogprob,
    Usage,
    kept_logprobs,
)

JsonObject: TypeAlias = Mapping[str, object]
MOST_CALLS = 10_000
"""Of tools, in one answer."""
MOST_TOKENS_COUNTED = 10**12
"""A larger count is none: prices are multiplied by it."""
EMPTY: JsonObject = {}


class NoAnswer(ValueError):  # not an error of ours: a response that does not hold an answer
    """A response that does not hold an answer; the text says what it holds."""


class NoChoices(NoAnswer):
    """A response without a single choice."""


def request_body(request: Request, model: str) -> dict[str, object]:
    """Return the body of a chat-completions request: model, messages, tools, then parameters as they stand."""
    body: dict[str, object] = {
        "model": model,
        "messages": [_message(said) for said in request.messages],
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters or {"type": "object", "properties": {}},
                },
            }
            for tool in request.tools
        ]
    return body | {name: value for name, value in request.target.params.items() if value is not None}


def _message(said: Said) -> dict[str, object]:
    match said:
        case Message():
            return {"role": said.role.value, "content": said.content}
        case ToolResult():
            return {"role": "tool", "tool_call_id": said.call_id, "name": said.name, "content": said.content}
        case CallsMade():
            # Arguments that were no JSON object would be refused, and with them the conversation.
            calls = [
                {
                    "id": id_,
                    "type": "function",
                    "function": {"name": call.name, "arguments": canonical_json(call.arguments or {})},
                }
                for call, id_ in zip(said.calls, said.ids, strict=True)
            ]
            return {"role": "assistant", "content": said.content or None, "tool_calls": calls}
        case _:
            assert_never(said)


def strict_json(text: str | bytes) -> object:
    """Parse JSON; NaN, infinity, bad UTF-8 and bottomless nesting are errors. Raises ValueError."""
    try:
        # `json` would guess at UTF-16 and UTF-32.
        decoded = text if isinstance(text, str) else text.decode("utf-8-sig")
        return json.loads(decoded, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def parse_answer(payload: object, *, latency_ms: float | None, sent: bytes = b"") -> Answer:
    """Read an answer out of a chat-completions response to the request body `sent`.

    Raises NoChoices where there is no choice, NoAnswer where the shape is not that of an answer.
    """
    if not isinstance(payload, Mapping):
        raise NoAnswer(f"the response is a JSON {type(payload).__name__}, not an object")
    choices = payload.get("choices")
    if choices is None or not isinstance(choices, Sequence):
        raise NoAnswer("the response has no 'choices'")
    if not choices:
        raise NoChoices("the response has an empty list of choices")
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(message, Mapping):
        raise NoAnswer("the first choice has no message")
    try:
        return Answer(
            text=_text(message.get("content")),
            tool_calls=parse_tool_calls(message.get("tool_calls")),
            refusal=_optional_text(message.get("refusal")) or _relayed_refusal(message),
            finish_reason=parse_finish_reason(choice.get("finish_reason")),
            usage=parse_usage(payload.get("usage")),
            latency_ms=latency_ms,
            model_served=_optional_text(payload.get("model")),
            system_fingerprint=_optional_text(payload.get("system_fingerprint")),
            response_id=_optional_text(payload.get("id")),
            request_digest=hashlib.sha256(sent).hexdigest()[:16] if sent else None,
            logprobs=parse_logprobs(choice.get("logprobs")),
        )
    except ValidationError as error:
        raise NoAnswer(f"the response has a field of the wrong type: {error.errors()[0]['loc']}") from error


def parse_finish_reason(reason: object) -> FinishReason:
    """Return the closed reason for a provider's word."""
    return _FINISH_REASONS.get(reason, FinishReason.OTHER) if isinstance(reason, str) else FinishReason.OTHER


def parse_tool_calls(calls: object) -> tuple[ToolCall, ...]:
    """Return the tool calls; arguments that are no JSON object are kept as they came. Raises NoAnswer."""
    if not calls:
        return ()
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        raise NoAnswer("tool_calls is not a list")
    if len(calls) > MOST_CALLS:
        raise NoAnswer(f"{len(calls):,} tool calls in one answer")
    return tuple(map(_tool_call, calls))


def parse_arguments(name: str, arguments: object) -> ToolCall:
    """Return a call of `name`, its arguments parsed where they are a JSON object. Raises NoAnswer."""
    if isinstance(arguments, Mapping):
        return ToolCall(name=name, arguments=arguments)
    try:
        raw = "" if arguments is None else arguments if isinstance(arguments, str) else json.dumps(arguments)
    except RecursionError as error:
        raise NoAnswer("the arguments of a tool call are nested too deeply") from error
    try:
        parsed = strict_json(raw or "{}")
        # Also what parses and cannot be written again, such as 1e400, is kept as it came.
        return (
            ToolCall(name=name, arguments=parsed)
            if isinstance(parsed, Mapping)
            else ToolCall(name=name, raw=raw)
        )
    except ValueError:
        return ToolCall(name=name, raw=raw)


def parse_usage(usage: object) -> Usage:
    """Return the token counts; what is missing or no count stays unknown."""
    if not isinstance(usage, Mapping):
        return Usage()
    return Usage(
        input_tokens=_count(usage.get("prompt_tokens", usage.get("input_tokens"))),
        output_tokens=_count(usage.get("completion_tokens", usage.get("output_tokens"))),
    )


def parse_logprobs(logprobs: object) -> tuple[TokenLogprob, ...]:
    """Return the log-probabilities of the first positions, up to one without: a gap would shift the rest."""
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    if not isinstance(content, Sequence) or isinstance(content, str):
        return ()
    positions = (_position(entry) for entry in content[:MOST_LOGPROB_POSITIONS])
    return kept_logprobs(p for p in takewhile(lambda p: p is not None, positions) if p is not None)


# OpenAI and vLLM write -9999 for minus infinity, which would outweigh every other token of a mean.
_LEAST_LOGPROB = -1000.0
_ROUNDED_ABOVE_ZERO = 0.01

_FINISH_REASONS: Mapping[str, FinishReason] = {
    "stop": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "tool_use": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
    "refusal": FinishReason.CONTENT_FILTER,
}


def _text(content: object) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return "".join(map(_part_text, content))
    raise NoAnswer("the message's content is neither text nor a list of parts")


def _part_text(part: object) -> str:
    said = part.get("text") if isinstance(part, Mapping) else None
    if said is None or isinstance(said, str):
        return said or ""
    raise NoAnswer("a part of the message's content holds a text that is none")


def _optional_text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _relayed_refusal(message: JsonObject) -> str | None:
    """Return the refusal as a LiteLLM gateway hands it on: moved out of the message's own fields."""
    fields = message.get("provider_specific_fields")
    return _optional_text(fields.get("refusal")) if isinstance(fields, Mapping) else None


def _count(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= MOST_TOKENS_COUNTED else None


def _tool_call(call: object) -> ToolCall:
    function = call.get("function") if isinstance(call, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(name, str):
        raise NoAnswer("a tool call has no function name")
    return parse_arguments(name, function.get("arguments"))


def _position(entry: object) -> TokenLogprob | None:
    token, logprob = _token(entry)
    if token is None or logprob is None or not isinstance(entry, Mapping):
        return None
    listed = entry.get("top_logprobs")
    pairs = map(_token, listed) if isinstance(listed, Sequence) else ()
    return TokenLogprob(
        token=token, logprob=logprob, top=tuple((t, p) for t, p in pairs if t is not None and p is not None)
    )


def _token(entry: object) -> tuple[str | None, float | None]:
    if not isinstance(entry, Mapping):
        return None, None
    token, logprob = entry.get("token"), entry.get("logprob")
    if not isinstance(token, str) or not isinstance(logprob, int | float) or isinstance(logprob, bool):
        return None, None
    if not _LEAST_LOGPROB < logprob < _ROUNDED_ABOVE_ZERO:
        return None, None
    return token, min(0.0, float(logprob))


def _refuse_constant(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
