"""Conversations as calls: turn after turn, resumed between turns."""

from collections.abc import Mapping, Sequence

import pytest

from harness.core.assembly import assemble
from harness.core.messages import ToolCall, ToolResult
from harness.core.plan import Request, make_plan
from harness.core.replies import Answer, Failure, FailureKind, Transcript
from harness.core.suite import Case, Target
from tests.flows.test_calls import World
from tests.support.fakes import failed, later
from tests.support.golden import TARGET, PullRun, golden_record
from tests.support.tasks import make_task

CALL = ToolCall(name="lookup_order", arguments={"order": "8812"})
TASK = make_task(
    turns=(
        {"user": "I want my money back."},
        {"tool_result": {"lookup_order": {"age_days": 41}}},
        {"user": "Just approve it."},
    )
)
ONE = Target(model="fake/one", params={"max_tokens": 100})


def plan_of(*cases: Case, samples: int = 1) -> tuple[Request, ...]:
    return make_plan(cases, {"one": ONE}, samples=samples).requests


def helpful(request: Request, _attempt: int) -> Answer | Failure:
    """Call the tool first, then say which turn it is."""
    if request.turn == 0:
        return Answer(text="", tool_calls=(CALL,))
    return Answer(text=f"turn {request.turn}")


def replies(
    completions: Mapping[str, Answer | Failure], *cases: Case, samples: int = 1
) -> Sequence[Transcript | Failure]:
    manifest = golden_record(PullRun(cases=cases, first={}, samples=samples)).manifest
    target = TARGET.model_copy(update={"name": "one", "target": ONE})
    record = assemble(manifest.model_copy(update={"targets": (target,)}), completions, None, {}, {}, {})
    batch = record.batches.get("one")
    return [s.reply for found in batch.samples.values() for s in found] if batch else []


def test_a_conversation_is_held_to_its_end_and_measured_as_a_whole() -> None:
    world = World(helpful)
    (reply,) = replies(world.run(plan_of(TASK)).completions, TASK)
    assert isinstance(reply, Transcript)
    assert [turn.answer.text for turn in reply.turns] == ["", "turn 1", "turn 2"]
    assert (reply.answer.text, reply.answer.tool_calls, reply.not_called) == ("turn 2", (CALL,), None)
    assert any(isinstance(said, ToolResult) for said in reply.turns[1].said)


def test_turns_are_in_order_and_conversations_in_parallel() -> None:
    world = World(lambda request, attempt: later(1.0, helpful(request, attempt)))
    world.run(plan_of(TASK, samples=4))
    for sample in range(4):
        asked = [one.key for one in world.provider.asked if f":{sample}:" in one.key]
        assert [key.rpartition(":")[2] for key in asked] == ["0", "1", "2"]
    assert world.provider.most_running > 1


def test_a_turn_is_asked_only_once_the_one_before_it_is_on_disk() -> None:
    world = World(helpful)
    world.run(plan_of(TASK))
    for turn in (1, 2):
        before = next(
            n
            for n, line in enumerate(world.log)
            if line.startswith("record") and line.endswith(f":{turn - 1}")
        )
        after = next(
            n for n, line in enumerate(world.log) if line.startswith("ask") and line.endswith(f":{turn}")
        )
        assert before < after


def test_a_tool_that_was_not_called_ends_the_conversation_and_fails_it() -> None:
    world = World(lambda request, attempt: Answer(text="Approved!"))
    (reply,) = replies(world.run(plan_of(TASK)).completions, TASK)
    assert len(world.provider.asked) == 1
    assert isinstance(reply, Transcript)
    assert reply.answer.not_called == "lookup_order"


def test_a_turn_that_fails_is_no_answer() -> None:
    def breaks(request: Request, attempt: int) -> Answer | Failure:
        return failed(FailureKind.BAD_REQUEST) if request.turn == 1 else helpful(request, attempt)

    (reply,) = replies(World(breaks).run(plan_of(TASK)).completions, TASK)
    assert isinstance(reply, Failure)


@pytest.mark.parametrize("held", [0, 1, 2, 3])
def test_a_conversation_goes_on_where_it_stopped(held: int) -> None:
    whole = World(helpful).run(plan_of(TASK)).completions
    known = dict(list(whole.items())[:held])
    world = World(helpful)
    resumed = world.run(plan_of(TASK), known=known).completions
    assert len(world.provider.asked) == 3 - held
    assert replies(resumed, TASK) == replies(whole, TASK)


def test_a_conversation_that_was_left_is_no_sample() -> None:
    whole = World(helpful).run(plan_of(TASK)).completions
    assert replies(dict(list(whole.items())[:2]), TASK) == []


def test_what_is_not_known_of_one_turn_is_not_known_of_the_whole() -> None:
    def timed(request: Request, attempt: int) -> Answer | Failure:
        answer = helpful(request, attempt)
        assert isinstance(answer, Answer)
        return answer.model_copy(update={"latency_ms": 100.0 if request.turn else None})

    (reply,) = replies(World(timed).run(plan_of(TASK)).completions, TASK)
    assert isinstance(reply, Transcript)
    assert reply.answer.latency_ms is None
