"""OpenAI's chat completions, as far as text, tools and log-probabilities go."""

from pydantic import Field

from harness.core.canonical import canonical_json
from harness.core.messages import ToolCall
from harness.core.replies import Answer, TokenLogprob
from harness.simulator.wire import (
    Asked,
    Body,
    BodyError,
    ChatMessage,
    Function,
    Lenient,
    call_id,
    message_of,
    plain_text,
    read_body,
    tool_specs,
)


class _Tool(Lenient):
    function: Function


class _ChatBody(Lenient):
    model: str
    messages: tuple[ChatMessage, ...] = Field(min_length=1)
    tools: tuple[_Tool, ...] | None = None
    stream: bool | None = None
    n: int | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)


class OpenAI:
    """`/v1/chat/completions`."""

    def asked(self, body: bytes, model: str) -> Asked:
        """Read a chat completion request. Raises BodyError."""
        parsed = read_body(_ChatBody, body)
        if parsed.stream:
            raise BodyError('the simulator does not stream: send "stream": false, or leave it out')
        if parsed.n not in (None, 1):
            raise BodyError("the simulator gives one choice a call: leave n out, or ask again")
        if parsed.top_logprobs is not None and not parsed.logprobs:
            raise BodyError('top_logprobs: wants "logprobs": true beside it')
        return Asked(
            model=model or parsed.model,
            messages=tuple(message_of(one.role, plain_text(one.content)) for one in parsed.messages),
            tools=tool_specs([tool.function for tool in parsed.tools or ()]),
            max_tokens=parsed.max_completion_tokens or parsed.max_tokens,
            top_logprobs=(parsed.top_logprobs or 0) if parsed.logprobs else None,
        )

    def answered(self, answer: Answer, *, created: int) -> Body:
        """Write a chat completion."""
        message: dict[str, object] = {"role": "assistant", "content": answer.text, "refusal": None}
        if answer.tool_calls:
            message["content"] = answer.text or None
            message["tool_calls"] = [
                {
                    "id": call_id(answer, place),
                    "type": "function",
                    "function": {"name": call.name, "arguments": _arguments(call)},
                }
                for place, call in enumerate(answer.tool_calls)
            ]
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": answer.finish_reason.value,
            "logprobs": {"content": [_openai_logprob(one) for one in answer.logprobs]}
            if answer.logprobs
            else None,
        }
        return {**self.empty(answer, created=created), "choices": [choice]}

    def empty(self, answer: Answer, *, created: int) -> Body:
        """Write a chat completion without choices."""
        spent, given = answer.usage.input_tokens or 0, answer.usage.output_tokens or 0
        return {
            "id": answer.response_id,
            "object": "chat.completion",
            "created": created,
            "model": answer.model_served,
            "system_fingerprint": answer.system_fingerprint,
            "choices": [],
            "usage": {"prompt_tokens": spent, "completion_tokens": given, "total_tokens": spent + given},
        }

    def error(self, status: int, code: str, message: str) -> Body:
        """Write OpenAI's error object."""
        kind = code if status == 429 else "invalid_request_error" if status < 500 else "server_error"
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _openai_logprob(one: TokenLogprob) -> Body:
    def entry(token: str, logprob: float) -> Body:
        return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "surrogatepass"))}

    return {**entry(one.token, one.logprob), "top_logprobs": [entry(*alternative) for alternative in one.top]}


def _arguments(call: ToolCall) -> str:
    return canonical_json(call.arguments) if call.arguments is not None else call.raw or ""
