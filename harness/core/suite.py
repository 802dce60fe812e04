"""Suites as data: cases, tools, and the targets that answer them."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from harness.core.canonical import Record, digest
from harness.core.expect import Expect
from harness.core.ruler import ruler_versions

ID_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"
_LONGEST_SHARE = 20


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


Identifier = Annotated[str, Field(pattern=ID_PATTERN)]
IsoDate = Annotated[str, AfterValidator(_iso_date)]
Share = Annotated[float, BeforeValidator(_share), Field(ge=0, le=1)]


class CaseKind(StrEnum):
    """What a canary probes."""

    STRUCTURE = "structure"
    REFUSAL = "refusal"
    REASONING = "reasoning"
    TOOL = "tool"
    EDGE = "edge"


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Message(Record):
    """One message sent to the model."""

    role: Role
    content: str


class ToolSpec(Record):
    """A function that the model may call."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    description: str = ""
    parameters: Mapping[str, object] = Field(default_factory=dict)
    """JSON Schema of the arguments."""


def question_of(messages: Sequence[Message]) -> str:
    """Return the digest of what is asked."""
    return digest([message.model_dump(mode="json") for message in messages])


class Case(Record):
    """One canary prompt or golden task. The file name is the id, and an id is never reused."""

    id: Identifier
    kind: CaseKind
    why: Annotated[str, Field(min_length=10)]
    """Why this case is worth its price: what a failure would tell."""
    review_by: IsoDate
    """When somebody should ask whether the case still earns its place."""
    owner: str | None = None
    messages: Annotated[tuple[Message, ...], Field(min_length=1)]
    tools: Annotated[tuple[ToolSpec, ...], Field(max_length=128)] = ()
    expect: Expect = Expect()
    samples: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Replies per batch, where it differs from the suite's number."""
    signals: tuple[str, ...] | None = None
    """Signals that may gate this case; all, where nothing is said."""
    always: bool = False
    """A contract: broken in most replies, also while the suite is still learning, it is a regression."""

    @model_validator(mode="after")
    def _contract_has_rules(self) -> "Case":
        if self.always and not self.expect.has_rules:
            raise ValueError("always needs a rule that can break: json_schema, checks, calls or length")
        return self

    @property
    def question(self) -> str:
        """Digest of what is asked, before tools, model and parameters."""
        return question_of(self.messages)

    @property
    def ruler(self) -> str:
        """Digest of how the answer is judged: the case's rules, and the versions of what applies them."""
        return digest(
            {
                "expect": self.expect.model_dump(mode="json", exclude_defaults=True),
                "versions": ruler_versions(),
            }
        )


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
    key_env: str | None = None
    """Name of the environment variable that holds the key."""
    env: tuple[str, ...] = ()
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
        """Digest of what a comparison sets out to vary: tools, model, parameters, and which endpoint answers."""
        return digest(
            {
                "tools": [tool.model_dump(mode="json") for tool in case.tools],
                "model": self.model,
                "params": dict(self.params),
                "options": dict(self.options),
                "api_base": self.api_base and self.api_base.rstrip("/"),
            }
        )


class Suite(Record):
    """A named folder of cases."""

    name: Identifier
    cases: tuple[Case, ...]

    def case(self, case_id: str) -> Case:
        """Return the case called `case_id`; KeyError where there is none."""
        return {case.id: case for case in self.cases}[case_id]
