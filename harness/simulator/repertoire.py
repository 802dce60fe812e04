"""What may be said to a question tonight, and how likely each wording is."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from harness.core.canonical import canonical_json
from harness.core.messages import ToolCall
from harness.core.replies import FinishReason
from harness.simulator.answers import Wording
from harness.simulator.chance import flattened
from harness.simulator.tokens import TOKEN_CHARS, call_tokens, token_count
from harness.simulator.wording import lengthen, shorten

_NO_TOOLS = "I would need a tool for that, and none is available here."


class Form(NamedTuple):
    """Sizes of the drifts that change every answer a little."""

    length: float
    brevity: float
    quantisation: float


class Said(NamedTuple):
    """A wording as it came out."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: FinishReason
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The wordings of one list, ready to be drawn from."""

    wordings: tuple[Wording, ...]
    cumulative: tuple[float, ...]
    """Shares of tonight, summed up."""
    tokens: tuple[int, ...]
    usual: tuple[tuple[str, float], ...]
    """Texts with their shares over all nights."""

    def said(self, pick: float, limit: int | None) -> Said:
        """Return the wording at `pick`, within (0, 1), cut at a limit of tokens."""
        place = min(bisect_right(self.cumulative, pick), len(self.wordings) - 1)
        return _cut(self.wordings[place], self.tokens[place], limit)


def make_table(
    wordings: Sequence[Wording],
    *,
    usual: Sequence[float],
    tonight: Sequence[float],
    form: Form,
    has_tools: bool,
) -> Table:
    """Make the table of a list from its shares over all nights and tonight; without tools none is called."""
    shaped = tuple(
        shorten(lengthen(wording if has_tools else _without_tools(wording), form.length), form.brevity)
        for wording in wordings
    )
    return Table(
        wordings=shaped,
        cumulative=tuple(accumulate(flattened(tonight, form.quantisation))),
        tokens=tuple(token_count(w.text) + call_tokens(w.tool_calls) for w in shaped),
        usual=tuple(zip((w.text for w in shaped), flattened(usual, form.quantisation), strict=True)),
    )


def _cut(wording: Wording, tokens: int, limit: int | None) -> Said:
    """Say a wording within a limit of tokens; the text comes first, then the calls."""
    if limit is None or tokens <= limit:
        done = FinishReason.TOOL_CALLS if wording.tool_calls else FinishReason.STOP
        return Said(wording.text, wording.tool_calls, done, tokens)
    text = wording.text[: limit * TOKEN_CHARS]
    left = limit - token_count(text)
    calls: list[ToolCall] = []
    for call in wording.tool_calls:
        left -= token_count(call.name)
        if left <= 0:
            break
        arguments = canonical_json(call.arguments)
        if token_count(arguments) > left:
            calls.append(ToolCall(name=call.name, raw=arguments[: left * TOKEN_CHARS]))
            break
        calls.append(call)
        left -= token_count(arguments)
    return Said(text, tuple(calls), FinishReason.LENGTH, limit)


def _without_tools(wording: Wording) -> Wording:
    if not wording.tool_calls:
        return wording
    return Wording(weight=wording.weight, text=wording.text or _NO_TOOLS)
