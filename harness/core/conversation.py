"""The turns of a case: what is said first, and what follows an answer. Pure."""

from dataclasses import dataclass

from harness.core.canonical import canonical_json
from harness.core.messages import CallsMade, Message, Role, Said, ToolResult
from harness.core.replies import Answer
from harness.core.suite import Case, ToolTurn

_NO_RESULT = canonical_json({"error": "this tool gives no result here"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedEarly:
    """A scripted result had no call to answer, so the conversation cannot go on as written."""

    tool: str
    """The tool that was not called."""


def turn_count(case: Case) -> int:
    """Return how many answers the case asks for, where every scripted result finds its call."""
    return len(case.input.turns) if case.input is not None else 1


def opening(case: Case) -> tuple[Said, ...]:
    """Return what is sent for the first answer: the rendered prompt file and the first turn, or the case's messages."""
    if case.input is None:
        return case.messages
    prompt = case.prompt
    system = () if prompt is None else (Message(role=Role.SYSTEM, content=prompt.rendered),)
    return (*system, *_scripted(case, 0))


def following(case: Case, said: tuple[Said, ...], answer: Answer, turn: int) -> tuple[Said, ...] | EndedEarly:
    """Return what is sent after `answer`, the one to `said` at `turn`, with all that was sent before it.

    A provider wants a result for every call. A call that the case scripts none for is told so.
    Raises IndexError after the last turn.
    """
    assert case.input is not None
    script = case.input.turns[turn + 1]
    results = script.tool_result if isinstance(script, ToolTurn) else {}
    called = {call.name for call in answer.tool_calls}
    missed = next((name for name in results if name not in called), None)
    if missed is not None:
        return EndedEarly(tool=missed)
    given = {name: canonical_json(result) for name, result in results.items()}
    return (*said, *_heard(answer, turn, given), *_scripted(case, turn + 1))


def _scripted(case: Case, turn: int) -> tuple[Said, ...]:
    assert case.input is not None
    script = case.input.turns[turn]
    return () if isinstance(script, ToolTurn) else (Message(role=Role.USER, content=script.user),)


def _heard(answer: Answer, turn: int, results: dict[str, str]) -> tuple[Said, ...]:
    """Return an answer as the model is reminded of it, with a result for every call."""
    if not answer.tool_calls:
        return (Message(role=Role.ASSISTANT, content=answer.text),)
    ids = tuple(_call_id(turn, place) for place in range(len(answer.tool_calls)))
    return (
        CallsMade(content=answer.text, calls=answer.tool_calls, ids=ids),
        *(
            ToolResult(name=call.name, call_id=id_, content=results.get(call.name, _NO_RESULT))
            for call, id_ in zip(answer.tool_calls, ids, strict=True)
        ),
    )


def _call_id(turn: int, place: int) -> str:
    """Name a call. Nine letters and digits: the strictest of the providers takes no other form."""
    return f"t{turn:03d}c{place:04d}"
