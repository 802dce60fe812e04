"""Recordings: read whole or not at all, and never for another suite."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.messages import ToolCall
from harness.core.plan import Round
from harness.core.replies import Answer, Failure, FailureKind, FinishReason
from harness.core.suite import Target
from harness.edges.providers.recorded import RecordedProvider
from harness.edges.providers.recording import LONGEST_LINE, read_recording
from harness.errors import DamagedRecord, HarnessError, MissingBaseline, SetupError, UsageError
from tests.contract.providers import CASE, make_request

QUESTION = CASE.messages[-1].content


def write(folder: Path, *lines: object) -> Path:
    path = folder / "answers.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def ask(folder: Path, **options: object) -> tuple[RecordedProvider, Target]:
    target = Target.model_validate({"model": "recorded/answers.jsonl", "options": options})
    return RecordedProvider(root=folder, targets=(target,)), target


@pytest.mark.parametrize("field", ["text", "answer", "completion", "output", "response"])
@pytest.mark.parametrize("case", ["case", "id"])
def test_the_usual_names_of_an_answer_are_read(tmp_path: Path, field: str, case: str) -> None:
    (record,) = read_recording(write(tmp_path, {case: "capital", field: "Paris."}))
    assert (record.case, record.sample, record.answer.text) == ("capital", 0, "Paris.")


def test_all_that_a_record_can_say_is_kept(tmp_path: Path) -> None:
    line = {
        "case": "capital",
        "sample": 3,
        "text": None,
        "tool_calls": [{"name": "weather", "arguments": {"city": "Paris"}}],
        "refusal": "no",
        "finish_reason": "length",
        "usage": {"prompt_tokens": 5, "completion_tokens": 2},
        "latency": 1.5,
        "response_id": "r1",
        "model": "gpt-x",
        "note": "unknown fields are someone else's",
    }
    (record,) = read_recording(write(tmp_path, line))
    answer = record.answer
    assert record.sample == 3
    assert answer.tool_calls == (ToolCall(name="weather", arguments={"city": "Paris"}),)
    assert (answer.refusal, answer.finish_reason) == ("no", FinishReason.LENGTH)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (5, 2)
    assert (answer.latency_ms, answer.response_id, answer.model_served) == (1500.0, "r1", "gpt-x")


def test_a_whole_chat_completion_is_read(tmp_path: Path) -> None:
    completion = {"id": "c1", "choices": [{"message": {"content": "Paris."}, "finish_reason": "stop"}]}
    (record,) = read_recording(write(tmp_path, {"case": "capital", "response": completion, "latency_ms": 20}))
    assert (record.answer.text, record.answer.response_id, record.answer.latency_ms) == ("Paris.", "c1", 20)


def test_records_without_a_number_are_samples_in_the_order_of_the_file(tmp_path: Path) -> None:
    lines = [{"case": case, "text": text} for case, text in [("a", "1"), ("b", "2"), ("a", "3")]]
    assert [(r.case, r.sample) for r in read_recording(write(tmp_path, *lines))] == [
        ("a", 0),
        ("b", 0),
        ("a", 1),
    ]


def test_where_chooses_records(tmp_path: Path) -> None:
    path = write(tmp_path, *({"case": "a", "text": m, "model": m, "n": 1} for m in ("one", "two")))
    (record,) = read_recording(path, {"model": "two", "n": 1})
    assert (record.answer.text, record.sample) == ("two", 0)
    with pytest.raises(UsageError, match="where model is 'three'"):
        read_recording(path, {"model": "three"})
    with pytest.raises(UsageError, match="2 models"):
        read_recording(path)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (b'{"case": "a", "text": "x"', "cut off"),
        (b'{"case": "a", "text": "x"} trailing', "edited"),
        (b"<<<<<<< HEAD", "merge conflict"),
        (b"=======", "merge conflict"),
        (b">>>>>>> theirs", "merge conflict"),
        (b'{"case": "a", "text": "x", "latency_ms": NaN}', "NaN"),
        (b'{"case": "a", "text": "x", "latency_ms": -1}', "latency_ms"),
        (b'{"case": "a", "text": "x", "latency_ms": 1e999}', "latency_ms"),
        (b'{"case": "a", "case": "b", "text": "x"}', "twice"),
        (b'{"case": "a", "text": "\xff"}', "not JSON"),
        (b'["a", "x"]', "object"),
        (b'{"text": "x"}', "case"),
        (b'{"case": "a"}', "text"),
        (b'{"case": "a", "text": 3}', "neither text"),
        (b'{"case": "a", "text": "x", "sample": "1"}', "sample"),
        (b'{"case": "a", "text": "x", "round": "again"}', "round"),
        (b'{"case": "a", "text": "x", "messages": [{"role": "user"}]}', "messages"),
        (b"[" * 100_000, "not JSON"),
        (b'{"case": "a", "text": "' + b"x" * LONGEST_LINE + b'"}', "longer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_damage_is_named_with_its_line_and_nothing_is_read(tmp_path: Path, damage: bytes, said: str) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_bytes(b'{"case": "a", "text": "fine"}\n' + damage + b"\n")
    with pytest.raises(DamagedRecord, match=said) as raised:
        read_recording(path)
    assert f"{path}:2" in str(raised.value)


def test_every_cut_of_the_last_line_is_found(tmp_path: Path) -> None:
    whole = b'{"case": "a", "text": "x"}\n{"case": "b", "text": "y"}'
    path = tmp_path / "answers.jsonl"
    first = whole.index(b"\n") + 1
    for end in range(first + 1, len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(DamagedRecord):
            read_recording(path)


async def test_a_sample_is_answered_by_its_record_and_the_rest_is_not_recorded(tmp_path: Path) -> None:
    write(tmp_path, {"case": "capital", "text": "Paris."}, {"case": "capital", "text": "It is Paris."})
    provider, target = ask(tmp_path)
    await provider.prepare()
    replies = [await provider.complete(make_request(target, sample=n), deadline_s=1) for n in range(3)]
    assert [reply.text if isinstance(reply, Answer) else reply.kind for reply in replies] == [
        "Paris.",
        "It is Paris.",
        FailureKind.NOT_RECORDED,
    ]


async def test_a_confirmation_is_never_answered_from_the_first_round(tmp_path: Path) -> None:
    write(tmp_path, {"case": "capital", "text": "1"}, {"case": "capital", "text": "2", "round": "escalate"})
    provider, target = ask(tmp_path)
    request = make_request(target)
    confirm = await provider.complete(replace(request, round=Round.CONFIRM), deadline_s=1)
    assert isinstance(confirm, Failure)
    assert confirm.kind is FailureKind.NOT_RECORDED
    escalate = await provider.complete(replace(request, round=Round.ESCALATE), deadline_s=1)
    assert isinstance(escalate, Answer)
    assert escalate.text == "2"


@pytest.mark.parametrize(
    "asked",
    [
        {"prompt": QUESTION},
        {"query": f"  {QUESTION}\r\n".strip()},
        {"messages": [{"role": m.role.value, "content": m.content} for m in CASE.messages]},
        {"input": {"city": "Paris"}},
        {},
    ],
)
async def test_a_record_of_the_same_question_answers(tmp_path: Path, asked: dict[str, object]) -> None:
    write(tmp_path, {"case": "capital", "text": "Paris.", **asked})
    provider, target = ask(tmp_path)
    assert isinstance(await provider.complete(make_request(target), deadline_s=1), Answer)


@pytest.mark.parametrize(
    "asked",
    [{"prompt": "What is the capital of Spain?"}, {"messages": [{"role": "user", "content": QUESTION}]}],
)
async def test_a_record_of_another_question_belongs_to_another_suite(
    tmp_path: Path, asked: dict[str, object]
) -> None:
    write(tmp_path, {"case": "capital", "text": "Paris.", **asked})
    provider, target = ask(tmp_path)
    with pytest.raises(DamagedRecord, match="recorded for another suite"):
        await provider.complete(make_request(target), deadline_s=1)


async def test_one_place_is_not_recorded_twice(tmp_path: Path) -> None:
    write(tmp_path, *[{"case": "capital", "sample": 0, "text": text} for text in "ab"])
    provider, _ = ask(tmp_path)
    with pytest.raises(DamagedRecord, match=r"answers\.jsonl:2.*answers\.jsonl:1"):
        await provider.prepare()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"path": "nowhere.jsonl"}, MissingBaseline),
        ({"path": "../outside.jsonl"}, SetupError),
        ({"wheer": {"a": 1}}, SetupError),
    ],
)
async def test_a_file_that_cannot_be_used_is_said_so(
    tmp_path: Path, options: dict[str, object], error: type[HarnessError]
) -> None:
    write(tmp_path, {"case": "capital", "text": "Paris."})
    provider, _ = ask(tmp_path, **options)
    with pytest.raises(error):
        await provider.prepare()
