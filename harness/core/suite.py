"""Suites as data: cases, tools, and the targets that answer them."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, model_validator

from harness.core.canonical import Record, digest, text_digest
from harness.core.expect import Expect, ExpectedRefusal
from harness.core.messages import Message
from harness.core.ruler import ruler_versions

MOST_SAMPLES = 1000
"""Replies to a case in one run."""
ID_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"
_LONGEST_SHARE = 20
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _iso_date(text: str) -> str:
    try:
        written = date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ValueError("expected a date such as 2027-02-21") from error
    # Nights are compared and sorted as text, so 20270221 must not be another spelling of the same day.
    if written != text:
        raise ValueError(f"expected a date such as 2027-02-21; write {written}")
    return text


def _share(value: object) -> object:
    """Read text such as 2/3; anything longer is no share, and could be a number too large to hold."""
    if not isinstance(value, str):
        return value
    try:
        if len(value) > _LONGEST_SHARE or "e" in value.lower():
            raise ValueError
        return float(Fraction(value))
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError("expected a share such as 2/3 or 0.75") from error


def _variable_name(text: str) -> str:
    """Refuse what is no name of a variable without saying it again: it may be the key itself."""
    if not _VARIABLE.fullmatch(text):
        raise ValueError("expected the name of an environment variable: write the name, never the key itself")
    return text


VariableName = Annotated[str, AfterValidator(_variable_name)]
Identifier = Annotated[str, Field(pattern=ID_PATTERN)]
IsoDate = Annotated[str, AfterValidator(_iso_date)]
Share = Annotated[float, BeforeValidator(_share), Field(ge=0, le=1)]


class CaseKind(StrEnum):
    """What a case probes."""

    STRUCTURE = "structure"
    REFUSAL = "refusal"
    REASONING = "reasoning"
    TOOL = "tool"
    EDGE = "edge"
    TASK = "task"
    """No canary: a golden task, which probes a prompt file."""


class ToolSpec(Record):
    """A function that the model may call."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    description: str = ""
    parameters: Mapping[str, object] = Field(default_factory=dict)
    """JSON Schema of the arguments."""


_CANARY_KINDS = tuple(kind.value for kind in CaseKind if kind is not CaseKind.TASK)


def question_of(messages: Sequence[Message]) -> str:
    """Return the digest of what is asked."""
    return digest([message.model_dump(mode="json") for message in messages])


class Prompt(Record):
    """The prompt file that a task is about."""

    path: str
    """Below the project's root."""
    text: str
    """The file: a template."""
    rendered: str
    """With the task's variables: what is sent as the system message."""

    @property
    def digest(self) -> str:
        """Digest of the file."""
        return text_digest(self.text)


class UserTurn(Record):
    """What the user says next."""

    user: Annotated[str, Field(min_length=1)]


class ToolTurn(Record):
    """What the tools give that the model just called, by name."""

    tool_result: Annotated[Mapping[str, JsonValue], Field(min_length=1, max_length=32)]


MOST_TURNS = 40


class TaskInput(Record):
    """What a task puts into the prompt, and what is said then; nothing here is a template."""

    vars: Mapping[Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,63}$")], JsonValue] = Field(
        default_factory=dict
    )
    turns: Annotated[tuple[UserTurn | ToolTurn, ...], Field(min_length=1, max_length=MOST_TURNS)]
    """Every one is followed by an answer of the model."""

    @model_validator(mode="after")
    def _somebody_speaks_first(self) -> "TaskInput":
        if isinstance(self.turns[0], ToolTurn):
            raise ValueError("the first turn is a tool_result: begin with what the user says")
        return self


class TaskSeverity(StrEnum):
    """Whether a broken task fails the check or only warns."""

    BLOCK = "block"
    WARN = "warn"


class Case(Record):
    """One canary prompt (messages, kind, why) or golden task (prompt, input, task).

    The file name is the id, and an id is never reused.
    """

    id: Identifier
    kind: CaseKind = CaseKind.TASK
    """What a canary probes; left out for a golden task."""
    why: Annotated[str, Field(min_length=10)] | None = None
    """Why this canary is worth its price: what a failure would tell."""
    task: Annotated[str, Field(min_length=10)] | None = None
    """What a golden task asks for, in a sentence."""
    review_by: IsoDate
    """When somebody should ask whether the case still earns its place."""
    owner: str | None = None
    messages: tuple[Message, ...] = ()
    """What a canary asks."""
    prompt: Prompt | None = None
    """The file under test, in the task a path below the project's root; a change of it triggers the task."""
    input: TaskInput | None = None
    """What is put into the prompt, and the turns of the conversation."""
    tools: Annotated[tuple[ToolSpec, ...], Field(max_length=128)] = ()
    expect: Expect = Expect()
    rubric: Annotated[str, Field(min_length=10, max_length=8000)] | None = None
    """What a judge scores by: a task's new answers that keep the rules; a canary's quality, in the place of its rules."""
    severity: TaskSeverity = TaskSeverity.BLOCK
    """Whether a task that regressed fails the check, or only warns."""
    samples: Annotated[int, Field(ge=1, le=MOST_SAMPLES)] | None = None
    """Replies per batch, where it differs from the suite's number."""
    signals: tuple[str, ...] | None = None
    """Signals that may gate this case; all, where nothing is said."""
    replaces: Identifier | None = None
    """The canary that this one runs beside, and takes the place of once it has nights enough of its own."""
    always: bool = False
    """A contract: broken in most replies, also while the suite is still learning, it is a regression."""

    @model_validator(mode="after")
    def _whole(self) -> "Case":
        foreign: tuple[str, ...]
        if self.is_task:
            lacks = [name for name in ("task", "input") if getattr(self, name) is None]
            if lacks and self.messages:
                raise ValueError(f"a canary needs its kind: one of {', '.join(_CANARY_KINDS)}")
            if lacks:
                raise ValueError(f"a golden task needs {' and '.join(lacks)}; a canary needs its kind")
            foreign, whose = ("messages", "why", "signals", "replaces"), "a canary"
        else:
            if not self.messages or self.why is None:
                raise ValueError("a canary needs messages and why")
            foreign, whose = ("prompt", "input", "task"), "a golden task, which has no kind"
        given = [name for name in foreign if getattr(self, name)]
        if given:
            raise ValueError(f"{' and '.join(given)}: only for {whose}")
        return self

    @model_validator(mode="after")
    def _contract_has_rules(self) -> "Case":
        graded = self.is_task and self.expect.refusal is not ExpectedRefusal.EITHER
        if self.always and not (self.expect.has_rules or graded):
            raise ValueError("always needs a rule that can break: json_schema, checks, calls or length")
        return self

    @property
    def is_task(self) -> bool:
        """Say whether this is a golden task."""
        return self.kind is CaseKind.TASK

    @property
    def purpose(self) -> str:
        """What the case is for, in the words of whoever wrote it."""
        return self.task or self.why or ""

    @property
    def question(self) -> str:
        """Digest of what is asked, before prompt file, tools, model and parameters."""
        if self.input is not None:
            return digest(self.input.model_dump(mode="json", exclude_defaults=True))
        return question_of(self.messages)

    @property
    def ruler(self) -> str:
        """Digest of how the answer is judged: the case's rules, and the versions of what applies them."""
        rules: dict[str, object] = {
            "expect": self.expect.model_dump(mode="json", exclude_defaults=True),
            "versions": ruler_versions(),
        }
        return digest(rules if self.rubric is None else rules | {"rubric": self.rubric})


class Price(Record):
    """What a target costs."""

    input_usd_per_million: Annotated[float, Field(ge=0)]
    output_usd_per_million: Annotated[float, Field(ge=0)]


class Target(Record):
    """A model with its parameters. Only `drift.yaml` may define one."""

    model: Annotated[str, Field(pattern=r"^[a-z0-9_][a-z0-9_-]*/\S+$")]
    """Provider and model, such as anthropic/claude-sonnet-4-6 or simulated/steady."""
    params: Mapping[str, str | int | float | bool | tuple[str, ...] | None] = Field(default_factory=dict)
    """Sampling parameters, sent as they stand. State them: a library's default can change overnight."""
    key_env: VariableName | None = None
    """Name of the environment variable that holds the key."""
    env: tuple[VariableName, ...] = ()
    """Further variables that the provider reads; all of them are redacted."""
    options: Mapping[
        str, str | int | float | bool | None | Mapping[str, object] | tuple[Mapping[str, object], ...]
    ] = Field(default_factory=dict)
    """What the provider needs beside the model, such as api_version or region; for the simulator, its drift and faults."""
    price: Price | None = None
    """Needed where the price map does not know the model."""
    api_base: str | None = None
    baseline_of: Identifier | None = None
    """Compare with another target's baseline."""

    def secret_names(self) -> tuple[str, ...]:
        """Name every environment variable whose value must never be written."""
        return (*((self.key_env,) if self.key_env else ()), *self.env)

    def treatment(self, case: Case) -> str:
        """Digest of what a comparison sets out to vary: prompt file, tools, model, parameters, and which endpoint answers."""
        return self.treatment_with(case.tools, case.prompt.digest if case.prompt is not None else None)

    def treatment_with(self, tools: Sequence[ToolSpec], prompt: str | None) -> str:
        """Digest of the same with other tools, or another prompt file, by its digest."""
        varied = {
            "tools": [tool.model_dump(mode="json") for tool in tools],
            "model": self.model,
            "params": dict(self.params),
            "options": dict(self.options),
            "api_base": self.api_base and self.api_base.rstrip("/"),
        }
        return digest(varied if prompt is None else varied | {"prompt": prompt})


class Suite(Record):
    """A named folder of cases."""

    name: Identifier
    cases: tuple[Case, ...]
    combined: bool = False  # several suites together, as a comparison of two targets asks them

    @model_validator(mode="after")
    def _of_one_kind(self) -> "Suite":
        if not self.combined and len({case.is_task for case in self.cases}) > 1:
            raise ValueError("canaries and golden tasks do not mix: give each a folder of its own")
        return self

    @property
    def golden(self) -> bool:
        """Say whether its cases are golden tasks."""
        return not self.combined and any(case.is_task for case in self.cases)
