"""Suites as data: cases, tools, and the targets that answer them."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from harness.core.canonical import Record, digest

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


class GivenOnly(Record):
    """A record in which giving null is not the same as giving nothing; written as it was given."""

    @model_serializer(mode="wrap")
    def _only_what_was_given(self, dump: SerializerFunctionWrapHandler) -> dict[str, object]:
        # A null that was given equals the default, so a dump that leaves defaults out has lost it.
        dumped = dump(self)
        return {name: dumped.get(name) for name in type(self).model_fields if name in self.model_fields_set}


class ArgumentMatch(GivenOnly):
    """A rule for one argument of a call. A plain value in its place means: equal to that value."""

    match: str | None = None
    """RE2 pattern that the argument, as text, contains."""
    any: Literal[True] | None = None
    """Any value will do, as long as there is one."""
    one_of: tuple[str | int | float | bool, ...] | None = None
    """The argument is one of these."""
    absent: Literal[True] | None = None
    """The argument is not given."""

    @model_validator(mode="after")
    def _one_rule(self) -> "ArgumentMatch":
        if len(self.model_fields_set) != 1:
            raise ValueError("give exactly one of match, any, one_of, absent")
        return self


class ExpectedCall(Record):
    """A tool call that should be there."""

    name: str
    args: Mapping[str, ArgumentMatch | str | int | float | bool | None | tuple[object, ...]] = Field(
        default_factory=dict
    )
    """Arguments that are checked; others are free."""


class CallMode(StrEnum):
    """How the calls made must relate to the calls expected."""

    EXACT = "exact"
    """The same calls in the same order, and no argument beside those named."""
    ORDERED = "ordered"
    """The same calls in the same order."""
    UNORDERED = "unordered"
    """The same calls in any order."""
    SUBSET = "subset"
    """Every expected call is among those made."""
    SUPERSET = "superset"
    """Every call made is among those expected."""


class ExpectedCalls(Record):
    """What tool calls a right answer makes; no items means that it makes none."""

    mode: CallMode = CallMode.EXACT
    items: tuple[ExpectedCall, ...] = ()


class Check(GivenOnly):
    """One rule for the text, or, with `path`, for a value in the JSON that the text holds."""

    path: str | None = None
    """JSONPath into the answer parsed as JSON; at least one value must be found."""
    equals: str | int | float | bool | None | tuple[object, ...] | Mapping[str, object] = None
    """Equal to this; a text is compared without surrounding white space."""
    not_equals: str | int | float | bool | None = None
    contains: str | None = None
    not_contains: str | None = None
    matches: str | None = None
    """RE2 pattern found anywhere in the text."""
    not_matches: str | None = None
    min: float | None = None
    """A number at least this large."""
    max: float | None = None
    """A number at most this large."""

    @model_validator(mode="after")
    def _has_a_rule(self) -> "Check":
        if not self.model_fields_set - {"path"}:
            raise ValueError("a check needs a rule: equals, contains, matches, their not_ forms, min or max")
        if self.path is None and self.model_fields_set & {"min", "max"}:
            raise ValueError("min and max need a path to a number")
        for name in self.model_fields_set - {"path"}:
            value = getattr(self, name)
            if (
                self.path is None
                and name.endswith("equals")
                and (isinstance(value, bool) or not isinstance(value, str | int | float))
            ):
                raise ValueError(f"without a path, {name} compares text: put its value in quotes")
            if value is None and not name.endswith("equals"):
                raise ValueError(f"{name} is null, so there is nothing to check")
        return self


class LengthBounds(Record):
    """How long an answer may be, in characters."""

    min: Annotated[int, Field(ge=0)] = 0
    max: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _not_crossed(self) -> "LengthBounds":
        if self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is over max {self.max}: no answer fits")
        return self


class ExpectedRefusal(StrEnum):
    """What should happen to a request that a model may decline."""

    REFUSE = "refuse"
    COMPLY = "comply"
    EITHER = "either"


class Expect(Record):
    """What must hold for an answer; all of it. Nothing here is sent to the model."""

    refusal: ExpectedRefusal = ExpectedRefusal.EITHER
    """Shown in the report; a shift is measured in any case."""
    empty: Literal["refused", "complied", "missing"] = "refused"
    """How an empty answer counts for the refusal signal."""
    json_schema: Mapping[str, object] | None = None
    """JSON Schema of the answer, or in the file a path to one."""
    checks: tuple[Check, ...] = ()
    calls: ExpectedCalls | None = None
    length: LengthBounds | None = None

    @property
    def has_rules(self) -> bool:
        """Say whether there is anything that an answer can break."""
        return bool(self.checks) or any(
            rule is not None for rule in (self.json_schema, self.calls, self.length)
        )


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
    tools: tuple[ToolSpec, ...] = ()
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
        """Digest of how the answer is judged by deterministic rules."""
        return digest(self.expect.model_dump(mode="json", exclude_defaults=True))


class Price(Record):
    """What a target costs."""

    input_usd_per_million: Annotated[float, Field(ge=0)]
    output_usd_per_million: Annotated[float, Field(ge=0)]


class Target(Record):
    """A model with its parameters. Only `drift.yaml` may define one."""

    model: Annotated[str, Field(pattern=r"^[a-z0-9_]+/\S+$")]
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

    @property
    def provider(self) -> str:
        """Name of the provider that calls this target."""
        prefix = self.model.split("/", 1)[0]
        return prefix if prefix in ("simulated", "recorded", "direct") else "litellm"

    def secret_names(self) -> tuple[str, ...]:
        """Name every environment variable whose value must never be written."""
        return (*((self.key_env,) if self.key_env else ()), *self.env)

    def treatment(self, case: Case) -> str:
        """Digest of what a comparison sets out to vary: tools, model, parameters, endpoint options."""
        return digest(
            {
                "tools": [tool.model_dump(mode="json") for tool in case.tools],
                "model": self.model,
                "params": dict(self.params),
                "options": dict(self.options),
            }
        )


class Suite(Record):
    """A named folder of cases."""

    name: Identifier
    cases: tuple[Case, ...]

    def case(self, case_id: str) -> Case:
        """Return the case called `case_id`; KeyError where there is none."""
        return {case.id: case for case in self.cases}[case_id]
