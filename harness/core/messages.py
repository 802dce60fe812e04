"""What is said to a model and by it: messages, the calls it makes, and their results."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, TypeAlias

from pydantic import field_validator

from harness.core.canonical import Record, canonical_json


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Message(Record):
    """One message of plain text."""

    role: Role
    content: str


class ToolCall(Record):
    """One call that the model asked for."""

    name: str
    arguments: Mapping[str, object] | None = None
    """The arguments, or None where they were not a JSON object."""
    raw: str | None = None
    """The arguments as they came, kept only where they could not be parsed."""

    @field_validator("arguments")
    @classmethod
    def _can_be_written(cls, arguments: Mapping[str, object] | None) -> Mapping[str, object] | None:
        # 1e999 parses as infinity, which no JSON file of ours can hold.
        try:
            canonical_json(arguments)
        except (RecursionError, TypeError) as error:
            raise ValueError("the arguments are not JSON, or nested too deeply") from error
        return arguments


class CallsMade(Record):
    """What the model said earlier in a conversation, with the calls it made there."""

    type: Literal["calls_made"] = "calls_made"
    content: str
    calls: tuple[ToolCall, ...]
    ids: tuple[str, ...]
    """By call; the results name them."""


class ToolResult(Record):
    """What a call gave, as the case scripts it."""

    type: Literal["tool_result"] = "tool_result"
    name: str
    call_id: str
    content: str
    """Canonical JSON."""


Said: TypeAlias = Message | CallsMade | ToolResult
"""One entry of what is sent to a model."""


def plain_messages(said: tuple[Said, ...]) -> tuple[Message, ...]:
    """Return the messages of plain text among `said`."""
    return tuple(one for one in said if isinstance(one, Message))
