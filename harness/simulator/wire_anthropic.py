"""Anthropic's messages, as far as text and tools go."""

from collections.abc import Mapping

from pydantic import Field

from harness.core.replies import Answer, FinishReason
from harness.simulator.wire import (
    Asked,
    Body,
    BodyError,
    ChatMessage,
    Content,
    Lenient,
    call_id,
    message_of,
    plain_text,
    read_body,
    tool_spec,
)


class _AnthropicTool(Lenient):
    name: str
    description: str = ""
    input_schema: Mapping[str, object] = Field(default_factory=dict)


class _AnthropicBody(Lenient):
    model: str
    messages: tuple[ChatMessage, ...] = Field(min_length=1)
    max_tokens: int = Field(ge=1)
    system: Content = None
    tools: tuple[_AnthropicTool, ...] | None = None
    stream: bool | None = None


class Anthropic:
    """`/v1/messages`."""

    def asked(self, body: bytes, model: str) -> Asked:
        """Read a message request. Raises BodyError."""
        parsed = read_body(_AnthropicBody, body)
        if parsed.stream:
            raise BodyError('the simulator does not stream: send "stream": false, or leave it out')
        system = (message_of("system", plain_text(parsed.system)),) if parsed.system else ()
        return Asked(
            model=model or parsed.model,
            messages=(*system, *(message_of(one.role, plain_text(one.content)) for one in parsed.messages)),
            tools=tuple(
                tool_spec(tool.name, tool.description, tool.input_schema) for tool in parsed.tools or ()
            ),
            max_tokens=parsed.max_tokens,
        )

    def answered(self, answer: Answer, *, created: int) -> Body:
        """Write a message."""
        reasons = {
            FinishReason.LENGTH: "max_tokens",
            FinishReason.TOOL_CALLS: "tool_use",
            FinishReason.CONTENT_FILTER: "refusal",
        }
        blocks: list[Body] = [{"type": "text", "text": answer.text}] if answer.text else []
        blocks += [
            {
                "type": "tool_use",
                "id": call_id(answer, place),
                "name": call.name,
                "input": call.arguments or {},
            }
            for place, call in enumerate(answer.tool_calls)
        ]
        return {
            **self.empty(answer, created=created),
            "content": blocks,
            "stop_reason": reasons.get(answer.finish_reason, "end_turn"),
        }

    def empty(self, answer: Answer, *, created: int) -> Body:  # noqa: ARG002 - the interface has no such field
        """Write a message without content."""
        return {
            "id": answer.response_id,
            "type": "message",
            "role": "assistant",
            "model": answer.model_served,
            "content": [],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": answer.usage.input_tokens or 0,
                "output_tokens": answer.usage.output_tokens or 0,
            },
        }

    def error(self, status: int, code: str, message: str) -> Body:  # noqa: ARG002
        """Write Anthropic's error object."""
        kinds = {
            400: "invalid_request_error",
            401: "authentication_error",
            404: "not_found_error",
            413: "request_too_large",
            429: "rate_limit_error",
            504: "timeout_error",
            529: "overloaded_error",
        }
        return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": message}}
