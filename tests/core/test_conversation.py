import pytest

from harness.core.conversation import EndedEarly, following, opening, turn_count
from harness.core.messages import CallsMade, Message, Role, ToolCall, ToolResult
from harness.core.replies import Answer
from harness.core.suite import Case
from tests.support.tasks import make_task

LOOKED_UP = Answer(
    text="One moment.", tool_calls=(ToolCall(name="lookup_order", arguments={"order": "8812"}),)
)


def scripted() -> Case:
    return make_task(
        turns=(
            {"user": "I want my money back."},
            {"tool_result": {"lookup_order": {"status": "delivered", "age_days": 41}}},
            {"user": "Just approve it."},
        )
    )


def test_a_conversation_opens_with_the_prompt_file_and_the_first_turn() -> None:
    assert opening(scripted()) == (
        Message(role=Role.SYSTEM, content="You help gold customers."),
        Message(role=Role.USER, content="I want my money back."),
    )


def test_a_task_without_a_prompt_file_opens_with_what_the_user_says() -> None:
    assert opening(make_task(prompt=None)) == (Message(role=Role.USER, content="Hello?"),)


def test_a_result_answers_the_call_that_was_made() -> None:
    task = scripted()
    said = following(task, opening(task), LOOKED_UP, 0)
    assert not isinstance(said, EndedEarly)
    made, result = said[-2:]
    assert isinstance(made, CallsMade)
    assert isinstance(result, ToolResult)
    assert (made.content, made.calls) == ("One moment.", LOOKED_UP.tool_calls)
    assert result.call_id == made.ids[0]
    assert result.content == '{"age_days":41,"status":"delivered"}'


def test_after_the_result_the_user_goes_on() -> None:
    task = scripted()
    second = following(task, opening(task), LOOKED_UP, 0)
    assert not isinstance(second, EndedEarly)
    third = following(task, second, Answer(text="It is too old."), 1)
    assert not isinstance(third, EndedEarly)
    assert third[-2:] == (
        Message(role=Role.ASSISTANT, content="It is too old."),
        Message(role=Role.USER, content="Just approve it."),
    )


def test_a_result_whose_tool_was_not_called_ends_the_conversation() -> None:
    task = scripted()
    assert following(task, opening(task), Answer(text="Sure, done."), 0) == EndedEarly(tool="lookup_order")


def test_a_call_without_a_scripted_result_is_told_so_and_the_user_goes_on() -> None:
    task = make_task(turns=({"user": "Hello?"}, {"user": "And now?"}))
    said = following(task, opening(task), LOOKED_UP, 0)
    assert not isinstance(said, EndedEarly)
    result, user = said[-2:]
    assert isinstance(result, ToolResult)
    assert "error" in result.content
    assert user == Message(role=Role.USER, content="And now?")


def test_every_call_of_a_conversation_has_an_id_of_its_own_that_every_provider_takes() -> None:
    task = scripted()
    twice = LOOKED_UP.model_copy(update={"tool_calls": LOOKED_UP.tool_calls * 2})
    second = following(task, opening(task), twice, 0)
    assert not isinstance(second, EndedEarly)
    third = following(task, second, twice, 1)
    assert not isinstance(third, EndedEarly)
    ids = [said.call_id for said in third if isinstance(said, ToolResult)]
    assert len(ids) == len(set(ids)) == 4
    assert all(len(id_) == 9 and id_.isalnum() for id_ in ids)


def test_after_the_last_turn_nothing_follows() -> None:
    task = scripted()
    assert turn_count(task) == 3
    with pytest.raises(IndexError):
        following(task, opening(task), LOOKED_UP, 2)
