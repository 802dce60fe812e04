"""Gemini's content generation, as far as text, tools and log-probabilities go."""

from pydantic import ConfigDict, Field

from harness.core.replies import Answer, FinishReason, TokenLogprob
from harness.simulator.wire import (
    Asked,
    Body,
    BodyError,
    Function,
    Lenient,
    message_of,
    read_body,
    tool_specs,
)


class _GeminiPart(Lenient):
    text: str = ""


class _GeminiContent(Lenient):
    role: str = "user"
    parts: tuple[_GeminiPart, ...] = ()


class _GeminiTool(Lenient):
    functionDeclarations: tuple[Function, ...] = Field(  # noqa: N815 - theirs
        default=(), alias="function_declarations"
    )
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class _GeminiConfig(Lenient):
    maxOutputTokens: int | None = Field(default=None, ge=1, alias="max_output_tokens")  # noqa: N815
    responseLogprobs: bool | None = Field(default=None, alias="response_logprobs")  # noqa: N815
    logprobs: int | None = Field(default=None, ge=0, le=20)
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class _GeminiBody(Lenient):
    contents: tuple[_GeminiContent, ...] = Field(min_length=1)
    systemInstruction: _GeminiContent | None = Field(  # noqa: N815
        default=None, alias="system_instruction"
    )
    tools: tuple[_GeminiTool, ...] | None = None
    generationConfig: _GeminiConfig = Field(  # noqa: N815
        default_factory=_GeminiConfig, alias="generation_config"
    )
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Gemini:
    """`/v1beta/models/NAME:generateContent`."""

    def asked(self, body: bytes, model: str) -> Asked:
        """Read a content request. Raises BodyError."""
        parsed = read_body(_GeminiBody, body)
        system, config = parsed.systemInstruction, parsed.generationConfig
        if config.logprobs is not None and not config.responseLogprobs:
            raise BodyError('generationConfig.logprobs: wants "responseLogprobs": true beside it')
        said = [(one.role, "\n".join(part.text for part in one.parts)) for one in parsed.contents]
        if system is not None:
            said.insert(0, ("system", "\n".join(part.text for part in system.parts)))
        return Asked(
            model=model,
            messages=tuple(message_of(role, text) for role, text in said),
            tools=tool_specs([one for tool in parsed.tools or () for one in tool.functionDeclarations]),
            max_tokens=config.maxOutputTokens,
            top_logprobs=(config.logprobs or 0) if config.responseLogprobs else None,
        )

    def answered(self, answer: Answer, *, created: int) -> Body:
        """Write a content response."""
        if answer.finish_reason is FinishReason.CONTENT_FILTER:
            return {
                **self.empty(answer, created=created),
                "candidates": [{"index": 0, "finishReason": "SAFETY"}],
            }
        parts: list[Body] = [{"text": answer.text}] if answer.text or not answer.tool_calls else []
        parts += [{"functionCall": {"name": c.name, "args": c.arguments or {}}} for c in answer.tool_calls]
        candidate: dict[str, object] = {
            "index": 0,
            "content": {"role": "model", "parts": parts},
            "finishReason": "MAX_TOKENS" if answer.finish_reason is FinishReason.LENGTH else "STOP",
        }
        if answer.logprobs:
            candidate["avgLogprobs"] = sum(one.logprob for one in answer.logprobs) / len(answer.logprobs)
            candidate["logprobsResult"] = _logprobs_result(answer.logprobs)
        return {**self.empty(answer, created=created), "candidates": [candidate]}

    def empty(self, answer: Answer, *, created: int) -> Body:  # noqa: ARG002 - the interface has no such field
        """Write a content response without candidates."""
        spent, given = answer.usage.input_tokens or 0, answer.usage.output_tokens or 0
        return {
            "candidates": [],
            "modelVersion": answer.model_served,
            "responseId": answer.response_id,
            "usageMetadata": {
                "promptTokenCount": spent,
                "candidatesTokenCount": given,
                "totalTokenCount": spent + given,
            },
        }

    def error(self, status: int, code: str, message: str) -> Body:
        """Write Google's error object."""
        return {"error": {"code": status, "message": message, "status": code.upper()}}


def _logprobs_result(positions: tuple[TokenLogprob, ...]) -> Body:
    def entry(token: str, logprob: float) -> Body:
        return {"token": token, "logProbability": logprob}

    result: dict[str, object] = {"chosenCandidates": [entry(one.token, one.logprob) for one in positions]}
    if any(one.top for one in positions):
        result["topCandidates"] = [{"candidates": [entry(*other) for other in one.top]} for one in positions]
    return result
