"""Every error of a model at its line and column, in words that say how to mend it."""

from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Annotated, Literal

import pytest
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from harness.edges.files.strict_yaml import parse_yaml
from harness.edges.files.validation import build
from harness.errors import DocumentError

KEY = "ghp_" + "a1" * 18


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Exact(Strict):
    mode: Literal["exact"]
    items: tuple[str, ...]


class Loose(Strict):
    mode: Literal["loose"]
    exact: Annotated[float, Field(ge=0, le=1)] = 0.5


class Limit(Strict):
    cost: float


Calls = Annotated[Exact | Loose, Field(discriminator="mode")]


class Case(Strict):
    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$", description="small letters, digits and hyphens")]
    why: str = Field(description="what this case is for")
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    samples: Annotated[int, Field(ge=1)] = 3
    few: Annotated[int, Field(le=9)] = 3
    concurrency: Literal["auto"] | int = "auto"
    policy: str | Limit = "standard"
    either: Exact | Limit | None = None
    colour: Colour = Colour.RED
    kind: Literal["tool", "refusal", "edge"] = "tool"
    calls: Calls | None = None
    all_calls: tuple[Calls, ...] = Field(default=(), alias="all-calls")
    targets: Annotated[tuple[str, ...], Field(max_length=2)] = ()
    tags: frozenset[str] = frozenset()
    params: Mapping[Annotated[str, Field(min_length=2)], Limit] = {}
    pair: tuple[int, str] | None = None
    flag: bool = False
    review_by: date | None = None
    key_env: str | None = None
    reason: Annotated[str, Field(min_length=10, max_length=20)] | None = None
    fraction: Annotated[float, BeforeValidator(lambda value: value), Field(ge=0, le=1)] = 0.5
    nested: "Case | None" = None

    @field_validator("why")
    @classmethod
    def _says_something(cls, why: str, info: ValidationInfo) -> str:
        if why in ("todo", (info.context or {}).get("banned"), f"x {KEY}"):
            raise ValueError(f"'{why}' says nothing: write a sentence")
        return why

    @model_validator(mode="after")
    def _fits(self) -> "Case":
        if self.samples > 100 and self.kind == "edge":
            raise ValueError("an edge case takes at most 100 samples: lower 'samples'")
        return self


HEAD = "id: a\nwhy: b\n"


def problems(text: str, *, forbid_secrets: bool = False) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        build(parse_yaml(text, file="a.yaml"), Case, forbid_secrets=forbid_secrets)
    return [str(problem).removeprefix("a.yaml:") for problem in caught.value.problems]


def test_a_good_document_becomes_a_frozen_model() -> None:
    text = (
        HEAD
        + "threshold: 1\nsamples: 5\nconcurrency: 4\npolicy: {cost: 2}\ncolour: blue\nreview_by: '2027-02-21'\n"
        + "tags: [x, z]\ntargets: [a, b]\ncalls: {mode: loose}\nall-calls: [{mode: exact, items: [q]}]\npair: [1, u]\n"
    )
    case = build(parse_yaml(text, file="a.yaml"), Case)
    assert case == Case(
        id="a",
        why="b",
        threshold=1.0,
        samples=5,
        concurrency=4,
        policy=Limit(cost=2.0),
        colour=Colour.BLUE,
        review_by=date(2027, 2, 21),
        tags=frozenset({"x", "z"}),
        targets=("a", "b"),
        calls=Loose(mode="loose"),
        pair=(1, "u"),
        **{"all-calls": (Exact(mode="exact", items=("q",)),)},  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "treshold: 0.3",
            "3:1: unknown key 'treshold', did you mean 'threshold'? Rename it or delete the line.",
        ),
        (
            "all_calls: []",
            "3:1: unknown key 'all_calls', did you mean 'all-calls'? Rename it or delete the line.",
        ),
        ("threshold: 30", "3:12: 30 is out of range 0 to 1; did you mean 0.3?"),
        ("threshold: 100", "3:12: 100 is out of range 0 to 1; did you mean 1?"),
        ("threshold: 1.5", "3:12: 1.5 is out of range 0 to 1; did you mean 0.015?"),
        ("threshold: 101", "3:12: 101 is out of range 0 to 1: write a number in that range"),
        ("threshold: -1", "3:12: -1 is out of range 0 to 1: write a number in that range"),
        ("share: 30", "3:8: 30 is out of range above 0 and below 1; did you mean 0.3?"),
        ("share: 100", "3:8: 100 is out of range above 0 and below 1: write a number in that range"),
        ("fraction: 66", "3:11: 66 is out of range 0 to 1; did you mean 0.66?"),
        ("samples: 0", "3:10: 0 is out of range at least 1: write a number in that range"),
        ("few: 10", "3:6: 10 is out of range at most 9: write a number in that range"),
        ("reason: 1.1", "3:9: expected text, found the number 1.1: quote it"),
        ("reason: true", "3:9: expected text, found true: quote it"),
        ("reason: [x]", "3:9: expected text, found a list: change it"),
        ("why2:", "3:1: unknown key 'why2', did you mean 'why'? Rename it or delete the line."),
        ("samples: '5'", "3:10: expected a whole number, found the text '5': take the quotes off"),
        ("samples: 2.0", "3:10: expected a whole number, found the number 2.0: write 2"),
        ("samples: 2.5", "3:10: expected a whole number, found the number 2.5: change it"),
        ("samples:", "3:9: expected a whole number, found nothing: write it after the ':'"),
        ("threshold: abc", "3:12: expected a number, found the text 'abc': change it"),
        ("flag: 1", "3:7: expected true or false, found the number 1: change it"),
        ("targets: sonnet", "3:10: expected a list, found the text 'sonnet': put it in brackets, [ ]"),
        ("targets: [a, 1]", "3:14: expected text, found the number 1: quote it"),
        ("targets: [a, b, c]", "3:10: has 3 items, at most 2 are allowed: shorten it"),
        ("reason: short", "3:9: has 5 characters, at least 10 are needed: add to it"),
        ("reason: much too long for a reason", "3:9: has 26 characters, at most 20 are allowed: shorten it"),
        ("params: []", "3:9: expected a mapping, found a list: change it"),
        ("params: {ab: {cost: a}}", "3:21: expected a number, found the text 'a': change it"),
        ("params: {a: {cost: 1}}", "3:10: has 1 characters, at least 2 are needed: add to it"),
        ("params: {ab: {}}", "3:14: missing key 'cost': add it"),
        (
            "kind: refusl",
            "3:7: expected 'tool' or 'refusal' or 'edge', found the text 'refusl', did you mean 'refusal'?",
        ),
        (
            "kind: Tool",
            "3:7: expected 'tool' or 'refusal' or 'edge', found the text 'Tool', did you mean 'tool'?",
        ),
        ("kind: 5", "3:7: expected 'tool' or 'refusal' or 'edge', found the number 5: change it"),
        ("colour: rde", "3:9: expected 'red' or 'blue', found the text 'rde', did you mean 'red'?"),
        ("concurrency: 1.5", "3:14: expected 'auto' or a whole number, found the number 1.5: change it"),
        (
            "concurrency: atuo",
            "3:14: expected 'auto' or a whole number, found the text 'atuo', did you mean 'auto'?",
        ),
        (
            "policy: {cots: 1, cost: 1}",
            "3:10: unknown key 'cots', did you mean 'cost'? Rename it or delete the line.",
        ),
        ("policy: 5", "3:9: expected text or a mapping, found the number 5: quote it"),
        ("either: {mode: exact}", "3:9: missing key 'items': add it"),
        ("calls: {mode: exakt, items: []}", "3:15: unknown mode 'exakt', did you mean 'exact'?"),
        ("calls: {items: []}", "3:8: missing key 'mode': write one of exact, loose"),
        ("calls: {mode: exact, itmes: []}", "3:8: missing key 'items': add it"),
        # The tag `loose` is part of pydantic's path and `exact` is both a tag and a key.
        ("calls: {mode: loose, exact: 50}", "3:29: 50 is out of range 0 to 1; did you mean 0.5?"),
        ("calls: 5", "3:8: expected a mapping, found the number 5: change it"),
        (
            "all-calls: [{mode: loose}, {mode: exact, items: [a, 2]}]",
            "3:53: expected text, found the number 2: quote it",
        ),
        ("pair: [1]", "3:7: an item is missing at the end of the list: add it"),
        ("pair: [1, 2]", "3:11: expected text, found the number 2: quote it"),
        (
            "review_by: soon",
            "3:12: expected a date in quotes such as \"2027-02-21\", found the text 'soon': change it",
        ),
        ("nested: {id: a, why: b, nested: {id: a}}", "3:33: missing key 'why': what this case is for"),
        ("nested: {id: A, why: b}", "3:14: 'A' does not fit ^[a-z0-9-]+$: small letters, digits and hyphens"),
        ("kind: edge\nsamples: 101", "1:1: an edge case takes at most 100 samples: lower 'samples'"),
        ("nested: {id: a, why: todo}", "3:22: 'todo' says nothing: write a sentence"),
    ],
)
def test_an_error_stands_at_its_place_and_says_how_to_mend_it(line: str, expected: str) -> None:
    assert expected in problems(f"{HEAD}{line}\n")


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("policy: {cots: 1}", 2),
        ("concurrency: []", 1),
        ("calls: {mode: exact, itmes: []}", 2),
        ("either: {mode: exact}", 1),
    ],
)
def test_members_of_a_union_that_were_not_meant_stay_silent(line: str, count: int) -> None:
    assert len(problems(f"{HEAD}{line}\n")) == count


def test_of_unions_in_unions_the_outermost_decides_who_speaks() -> None:
    class Wrap(Strict):
        inner: int | Limit

    class Outer(Strict):
        u: Wrap | Exact

    with pytest.raises(DocumentError) as caught:
        build(parse_yaml("u: {inner: x}\n", file="a.yaml"), Outer)
    assert (
        str(caught.value)
        == "a.yaml:1:12: expected a whole number or a mapping, found the text 'x': change it"
    )


def test_all_errors_of_a_file_come_at_once_in_order() -> None:
    text = "id: A\ntreshold: 1\nsamples: 0\ncalls:\n  mode: exact\n  items:\n    - 1\n    - b\nkind: tol\n"
    assert problems(text) == [
        "1:1: missing key 'why': what this case is for",
        "1:5: 'A' does not fit ^[a-z0-9-]+$: small letters, digits and hyphens",
        "2:1: unknown key 'treshold', did you mean 'threshold'? Rename it or delete the line.",
        "3:10: 0 is out of range at least 1: write a number in that range",
        "7:7: expected text, found the number 1: quote it",
        "9:7: expected 'tool' or 'refusal' or 'edge', found the text 'tol', did you mean 'tool'?",
    ]


@pytest.mark.parametrize("text", ["[]", "text", "5"])
def test_a_document_that_is_no_mapping_is_refused(text: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith("1:1: expected a mapping, found ")


def test_context_reaches_the_validators() -> None:
    document = parse_yaml("id: a\nwhy: hm\n", file="a.yaml")
    assert build(document, Case).why == "hm"
    with pytest.raises(DocumentError, match="'hm' says nothing"):
        build(document, Case, context={"banned": "hm"})


def test_a_value_that_looks_like_a_key_is_refused_without_being_echoed() -> None:
    found = problems(f"{HEAD}key_env: {KEY}\ntargets: [x, '{KEY}']\n", forbid_secrets=True)
    advice = "looks like a key; name the environment variable that holds it instead (key_env)"
    assert found == [f"3:10: the value of 'key_env' {advice}", f"4:14: the value of 'targets' {advice}"]


def test_keys_are_let_through_where_they_may_stand() -> None:
    assert build(parse_yaml(f"{HEAD}key_env: {KEY}\n", file="a.yaml"), Case).key_env == KEY


@pytest.mark.parametrize("forbid_secrets", [True, False])
@pytest.mark.parametrize(
    "line",
    [
        f"{KEY}: 1",
        f"kind: {KEY}",
        f"samples: {KEY}",
        f"calls: {{mode: {KEY}}}",
        f"calls: {{mode: loose, {KEY}: 1}}",
        f"nested: {{id: {KEY}, why: b}}",
        f"nested: {{id: a, why: x {KEY}}}",
        f"colour: [{KEY}]",
    ],
)
def test_no_message_echoes_a_key(line: str, forbid_secrets: bool) -> None:
    with pytest.raises(DocumentError) as caught:
        build(parse_yaml(f"{HEAD}{line}\n", file="a.yaml"), Case, forbid_secrets=forbid_secrets)
    assert "a1a1" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_key_in_the_wrong_place_is_one_problem_not_two() -> None:
    assert len(problems(f"{HEAD}kind: {KEY}\n", forbid_secrets=True)) == 1


def test_a_key_does_not_hide_the_other_errors() -> None:
    found = problems(f"{HEAD}key_env: {KEY}\nsamples: 0\n{KEY}: 1\n", forbid_secrets=True)
    assert [problem.split(": ")[0] for problem in found] == ["3:10", "4:10", "5:1", "5:1"]


def test_messages_show_values_short_and_tame() -> None:
    found = problems(f'{HEAD}kind: {"x" * 200}\ncolour: "\\u202Ea"\n"b\\u200b": 1\n')
    assert "x" * 61 not in found[0]
    assert "'\\u202ea'" in found[1]
    assert "'b\\u200b'" in found[2]


def test_a_model_without_a_schema_still_places_its_errors() -> None:
    class Opaque:
        pass

    class Odd(BaseModel):
        model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
        inner: Limit
        choice: int | Limit = 1
        opaque: Opaque | None = None

    with pytest.raises(DocumentError) as caught:
        build(parse_yaml("inner:\n  cost: a\nchoice: {cost: b}\n", file="a.yaml"), Odd)
    assert [(problem.line, problem.column) for problem in caught.value.problems] == [(2, 9), (3, 9), (3, 16)]
