"""Recorded answers: one JSON object a line, read so strictly that a damaged file is never an answer."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from harness.core.messages import Message
from harness.core.plan import Round
from harness.core.replies import Answer
from harness.edges.providers.openai_format import (
    NoAnswer,
    parse_answer,
    parse_finish_reason,
    parse_logprobs,
    parse_tool_calls,
    parse_usage,
)
from harness.edges.redaction import Redactor
from harness.edges.stores.safe_paths import open_regular
from harness.edges.stores.untrusted_json import holds_too_much
from harness.errors import BadRecording, MissingBaseline, UsageError, one_line

LONGEST_LINE = 4 * 1024 * 1024
MOST_BYTES = 256_000_000
_MOST_NAMED, _MOST_QUOTED = 5, 80
_TEXT_FIELDS = ("text", "answer", "completion", "output", "response")
_QUESTION_FIELDS = ("messages", "prompt", "query", "input")
_MERGE_MARKERS = (b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAnswer:
    """One line of a recording."""

    place: str
    """``file:line``."""
    case: str
    round: Round
    sample: int
    turn: int
    question: tuple[Message, ...] | str | None
    """What was asked, where the line says: messages, or the text of the last one."""
    model: str | None
    answer: Answer


def read_recording(path: Path, where: Mapping[str, object] | None = None) -> tuple[RecordedAnswer, ...]:
    """Read the records whose fields have the values in `where`, in the order of the file.

    A record without a `sample` number is the next one of its case. Raises MissingBaseline where there is no
    such file, DamagedRecord for anything in it that is not a record, UsageError where `where` matches
    nothing or leaves answers of several models.
    """
    wanted = where or {}
    seen: dict[tuple[str, Round, int], int] = {}
    try:
        with _opened(path) as file:
            found = [
                _read_record(place, fields, seen)
                for place, fields in _read_lines(path, file)
                if all(name in fields and fields[name] == value for name, value in wanted.items())
            ]
    except OSError as error:  # what opens and cannot be read
        raise BadRecording(f"{path}: cannot be read: {error.strerror}") from error
    if not found:
        raise UsageError(
            f"{path}: no record{f' where {_shown(wanted)}' if wanted else ''}; check the file or the filter"
        )
    models = sorted({record.model for record in found if record.model})
    if len(models) > 1:
        named = ", ".join(map(quoted, models[:_MOST_NAMED])) + (", …" if len(models) > _MOST_NAMED else "")
        raise UsageError(
            f"{path}: answers of {len(models)} models ({named}); choose one: 'where: {{model: …}}'"
        )
    return tuple(found)


def quoted(text: str) -> str:
    """Return a text of the file as a message may show it: cut, on one line, and never a key."""
    said = one_line(Redactor({}).redact(text[: 2 * _MOST_QUOTED]))
    return said if len(said) <= _MOST_QUOTED else f"{said[:_MOST_QUOTED]}…"


def no_such_recording(path: Path) -> MissingBaseline:
    """Say that there is no such file."""
    return MissingBaseline(f"{path}: there is no such recording; check the path")


def _opened(path: Path) -> BinaryIO:
    """Open a recording, which may be a link: whoever named it has looked where it leads. Raises HarnessError."""
    try:
        real = path.resolve(strict=True)
        if real.is_dir():
            raise no_such_recording(path)
        file = open_regular(real, real.parent)
        size = os.fstat(file.fileno()).st_size
    except (FileNotFoundError, NotADirectoryError) as error:
        raise no_such_recording(path) from error
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name no system takes
        reason = error.strerror if isinstance(error, OSError) else "its path leads nowhere"
        raise BadRecording(f"{path}: cannot be read: {reason}") from error
    if size > MOST_BYTES:
        file.close()
        raise BadRecording(
            f"{path}: {size:,} bytes, at most {MOST_BYTES:,} are read; split it by model or suite"
        )
    return file


def _read_lines(path: Path, file: BinaryIO) -> Iterator[tuple[str, Mapping[str, object]]]:
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 2), b""), start=1):
        place = f"{path}:{number}"
        if not line.strip():
            continue
        if len(line.rstrip(b"\n")) > LONGEST_LINE:
            raise BadRecording(f"{place}: the line is longer than {LONGEST_LINE} bytes; record it again")
        if holds_too_much(line):
            raise BadRecording(f"{place}: the line holds more values than an answer has; record it again")
        if line.startswith(_MERGE_MARKERS):
            raise BadRecording(f"{place}: a merge conflict was left in the file; resolve it")
        try:
            fields: object = json.loads(
                line.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_refuse_twins
            )
        except (ValueError, RecursionError) as error:
            raise BadRecording(f"{place}: not JSON, cut off or edited ({error}); record it again") from error
        if not isinstance(fields, dict):
            raise BadRecording(f"{place}: a record is a JSON object")
        yield place, fields


def _read_record(
    place: str, fields: Mapping[str, object], seen: dict[tuple[str, Round, int], int]
) -> RecordedAnswer:
    case = fields.get("case", fields.get("id"))
    if not isinstance(case, str) or not case:
        raise BadRecording(f"{place}: no case; give its id as 'case'")
    try:
        round_ = Round(str(fields.get("round", Round.FIRST)))
    except ValueError as error:
        raise BadRecording(f"{place}: 'round' is one of {', '.join(Round)}") from error
    turn = _whole(place, fields, "turn", default=0)
    sample = _whole(place, fields, "sample", default=seen.get((case, round_, turn), 0))
    seen[case, round_, turn] = sample + 1
    return RecordedAnswer(
        place=place,
        case=case,
        round=round_,
        sample=sample,
        turn=turn,
        question=_read_question(place, fields),
        model=_text(place, fields, "model"),
        answer=_read_answer(place, fields),
    )


def _read_answer(place: str, fields: Mapping[str, object]) -> Answer:
    said = next((fields[name] for name in _TEXT_FIELDS if name in fields), None)
    latency_ms = _number(place, fields, "latency_ms", 1.0)
    if latency_ms is None:
        latency_ms = _number(place, fields, "latency", 1000.0)
    try:
        if isinstance(said, Mapping):
            return parse_answer(said, latency_ms=latency_ms)
        if said is None and not fields.get("tool_calls") and not fields.get("refusal"):
            raise BadRecording(f"{place}: no answer; give it as 'text'")
        if said is not None and not isinstance(said, str):
            raise BadRecording(f"{place}: the answer is neither text nor a chat completion")
        reason = fields.get("finish_reason", "tool_calls" if fields.get("tool_calls") else "stop")
        return Answer(
            text=said or "",
            tool_calls=parse_tool_calls(_openai_calls(fields.get("tool_calls"))),
            refusal=_text(place, fields, "refusal"),
            finish_reason=parse_finish_reason(reason),
            usage=parse_usage(fields.get("usage")),
            latency_ms=latency_ms,
            model_served=_text(place, fields, "model_served") or _text(place, fields, "model"),
            system_fingerprint=_text(place, fields, "system_fingerprint"),
            response_id=_text(place, fields, "response_id"),
            logprobs=parse_logprobs(fields.get("logprobs")),
        )
    except (NoAnswer, ValidationError) as error:
        # Pydantic's own text repeats the values.
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise BadRecording(f"{place}: {quoted(said)}") from error


def _openai_calls(calls: object) -> object:
    """Accept ``{name, arguments}`` beside OpenAI's ``{function: {name, arguments}}``."""
    if not isinstance(calls, list):
        return calls
    return [
        {"function": call} if isinstance(call, dict) and "function" not in call else call for call in calls
    ]


def _read_question(place: str, fields: Mapping[str, object]) -> tuple[Message, ...] | str | None:
    asked = next((fields[name] for name in _QUESTION_FIELDS if name in fields), None)
    if isinstance(asked, str):
        return asked
    if not isinstance(asked, list):
        return None  # variables, or nothing: there is no text to compare
    try:
        return tuple(Message.model_validate({key: one[key] for key in ("role", "content")}) for one in asked)
    except (ValidationError, KeyError, TypeError) as error:
        raise BadRecording(f"{place}: 'messages' are objects with a role and a text as content") from error


def _whole(place: str, fields: Mapping[str, object], name: str, *, default: int) -> int:
    value = fields.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**9:
        raise BadRecording(f"{place}: '{name}' is a whole number from 0 on")
    return value


def _number(place: str, fields: Mapping[str, object], name: str, unit: float) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e9:
        raise BadRecording(f"{place}: '{name}' is a number from 0 on")
    return float(value) * unit


def _text(place: str, fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRecording(f"{place}: '{name}' is a text")
    return value or None


def _shown(where: Mapping[str, object]) -> str:
    return ", ".join(quoted(f"{name} is {value!r}") for name, value in where.items())


def _refuse_constant(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def _refuse_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return fields
