"""What must hold for an answer: rules as data, compiled by `harness.core.graders`."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from harness.core.canonical import Record

MOST_RULES = 100
"""Checks, and expected calls, of one case."""
MOST_ARGUMENTS = 50
MOST_PATTERNS = 200
"""Of one case, all rules together: each takes up to 2 ms to compile."""
MOST_PATH_CHARACTERS = 500


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
    args: Annotated[
        Mapping[str, ArgumentMatch | str | int | float | bool | None | tuple[object, ...]],
        Field(max_length=MOST_ARGUMENTS),
    ] = Field(default_factory=dict)
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
    items: Annotated[tuple[ExpectedCall, ...], Field(max_length=MOST_RULES)] = ()


class Check(GivenOnly):
    """One rule for the text, or, with `path`, for a value in the JSON that the text holds."""

    path: Annotated[str, Field(max_length=MOST_PATH_CHARACTERS)] | None = None
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
    checks: Annotated[tuple[Check, ...], Field(max_length=MOST_RULES)] = ()
    calls: ExpectedCalls | None = None
    length: LengthBounds | None = None

    @model_validator(mode="after")
    def _few_patterns(self) -> "Expect":
        count = sum(check.matches is not None for check in self.checks)
        count += sum(check.not_matches is not None for check in self.checks)
        for call in self.calls.items if self.calls else ():
            count += sum(
                isinstance(rule, ArgumentMatch) and rule.match is not None for rule in call.args.values()
            )
        if count > MOST_PATTERNS:
            raise ValueError(f"{count} patterns, at most {MOST_PATTERNS} are allowed: split the case")
        return self

    @property
    def has_rules(self) -> bool:
        """Say whether there is anything that an answer can break."""
        return bool(self.checks) or any(
            rule is not None for rule in (self.json_schema, self.calls, self.length)
        )
