"""Tokens of a simulated model: pieces of four characters."""

from collections.abc import Sequence

from harness.core.canonical import canonical_json
from harness.core.messages import Said, ToolCall
from harness.core.suite import ToolSpec

TOKEN_CHARS = 4


def token_count(text: str) -> int:
    """Return the tokens of a text: four characters each, the common rule of thumb for English."""
    return -(-len(text) // TOKEN_CHARS)


def input_tokens(messages: Sequence[Said], tools: Sequence[ToolSpec]) -> int:
    """Return the tokens of what is sent, with 4 for every message."""
    characters = sum(len(message.content) for message in messages)
    characters += sum(len(tool.name) + len(tool.description) + len(str(tool.parameters)) for tool in tools)
    return -(-characters // TOKEN_CHARS) + 4 * len(messages)


def call_tokens(calls: Sequence[ToolCall]) -> int:
    """Return the tokens of tool calls: name and arguments."""
    return sum(token_count(call.name) + token_count(canonical_json(call.arguments)) for call in calls)
