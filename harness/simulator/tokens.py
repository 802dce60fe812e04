"""Tokens of a simulated model: pieces of four characters, and how likely each was."""

import math
from collections.abc import Callable, Sequence

from harness.core.canonical import canonical_json
from harness.core.replies import TokenLogprob, ToolCall
from harness.core.suite import Message, ToolSpec

TOKEN_CHARS = 4
END = "<end>"
_STRAY = ("<stray>", 0.002)
"""What a real model has everywhere: a little mass on something else."""


def token_count(text: str) -> int:
    """Return the tokens of a text: four characters each, the common rule of thumb for English."""
    return -(-len(text) // TOKEN_CHARS)


def input_tokens(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> int:
    """Return the tokens of what is sent, with 4 for every message."""
    characters = sum(len(message.content) for message in messages)
    characters += sum(len(tool.name) + len(tool.description) + len(str(tool.parameters)) for tool in tools)
    return -(-characters // TOKEN_CHARS) + 4 * len(messages)


def call_tokens(calls: Sequence[ToolCall]) -> int:
    """Return the tokens of tool calls: name and arguments."""
    return sum(token_count(call.name) + token_count(canonical_json(call.arguments)) for call in calls)


def token_logprobs(
    text: str, pool: Sequence[tuple[str, float]], *, top: int, noise: Callable[[int, str], float]
) -> tuple[TokenLogprob, ...]:
    """Return the log-probability of every token of `text`, which is one of the texts of `pool`.

    The probability of a token is that of the texts in `pool` (with their shares) that go on with it, among
    those that began alike; `noise` is added to the logit of a position and token. `top` alternatives each.
    """
    alive = [(other, share) for other, share in pool if share > 0]
    positions: list[TokenLogprob] = []
    for position, start in enumerate(range(0, len(text), TOKEN_CHARS)):
        token = text[start : start + TOKEN_CHARS]
        masses: dict[str, float] = {token: 1e-9}
        for other, share in alive:
            following = other[start : start + TOKEN_CHARS] or END
            masses[following] = masses.get(following, 0.0) + share
        masses[_STRAY[0]] = _STRAY[1] * sum(masses.values())
        logits = {name: math.log(mass) + noise(position, name) for name, mass in masses.items()}
        total = math.log(sum(math.exp(logit) for logit in logits.values()))
        ranked = sorted(
            ((name, min(0.0, logit - total)) for name, logit in logits.items()),
            key=lambda item: (-item[1], item[0]),
        )
        positions.append(
            TokenLogprob(token=token, logprob=min(0.0, logits[token] - total), top=tuple(ranked[:top]))
        )
        alive = [(other, share) for other, share in alive if other[start : start + TOKEN_CHARS] == token]
    return tuple(positions)
