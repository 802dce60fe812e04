"""Test what a case and a target may say, and which changes make them another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.core.canonical import canonical_record, digest
from harness.core.expect import (
    ArgumentMatch,
    CallMode,
    Check,
    Expect,
    ExpectedCall,
    ExpectedCalls,
    LengthBounds,
)
from harness.core.messages import Message, Role
from harness.core.policy import Limits
from harness.core.ruler import GRADERS_VERSION, KERNELS_VERSION, RULES_VERSION, ruler_versions
from harness.core.suite import Case, Target, ToolSpec, question_of
from tests.support.records import make_case

TARGET = Target(model="anthropic/sonnet", params={"temperature": 0, "max_tokens": 100})
TOOL = ToolSpec(name="get_weather", parameters={"type": "object"})


def message(text: str, role: Role = Role.USER) -> Message:
    return Message(role=role, content=text)


# --- identity: question, treatment, ruler ---------------------------------------------------------

ASKED_OTHERWISE: list[dict[str, object]] = [
    {"messages": (message("Something else."),)},
    {"messages": (message("Be brief.", Role.SYSTEM), *make_case("a").messages)},
    {"messages": (message(make_case("a").messages[0].content, Role.SYSTEM),)},
]
NOT_ASKED: list[dict[str, object]] = [
    {"why": "Another reason to ask the same."},
    {"review_by": "2030-01-01"},
    {"owner": "somebody"},
    {"samples": 9},
    {"signals": ("refusal",)},
    {"expect": Expect(empty="missing")},
    {"tools": (TOOL,)},
]


@pytest.mark.parametrize("change", ASKED_OTHERWISE)
def test_another_message_is_another_question(change: dict[str, object]) -> None:
    assert make_case("a", **change).question != make_case("a").question


@pytest.mark.parametrize("change", NOT_ASKED, ids=lambda c: next(iter(c)))
def test_what_is_not_asked_leaves_the_question_alone(change: dict[str, object]) -> None:
    assert make_case("a", **change).question == make_case("a").question


@given(st.lists(st.text(max_size=5), min_size=1, max_size=3), st.lists(st.text(max_size=5), max_size=3))
def test_questions_are_equal_only_where_every_message_is(one: list[str], other: list[str]) -> None:
    same = question_of([message(t) for t in one]) == question_of([message(t) for t in other])
    assert same is (one == other)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "anthropic/opus"},
        {"params": {"temperature": 1}},
        {"options": {"region": "eu"}},
        {"api_base": "https://eu.example.com/v1"},
        {"params": {}},
    ],
    ids=str,
)
def test_another_model_or_parameter_is_another_treatment(change: dict[str, object]) -> None:
    other = TARGET.model_copy(update=change)
    assert other.treatment(make_case("a")) != TARGET.treatment(make_case("a"))


def test_tools_are_part_of_the_treatment_and_keys_and_prices_are_not() -> None:
    case = make_case("a")
    assert TARGET.treatment(make_case("a", tools=(TOOL,))) != TARGET.treatment(case)
    renamed = TARGET.model_copy(update={"key_env": "OTHER_KEY", "baseline_of": "other"})
    assert renamed.treatment(case) == TARGET.treatment(case)


@pytest.mark.parametrize(
    "expect",
    [
        {"checks": [{"contains": "a"}]},
        {"checks": [{"path": "$.a", "equals": None}]},
        {"checks": [{"path": "$.a", "not_equals": None}]},
        {"checks": [{"path": "$.a", "equals": None, "min": 1}]},
        {"checks": [{"path": "$.a", "min": 1}]},
        {"calls": {}},
        {"calls": {"mode": "ordered"}},
        {"length": {}},
        {"length": {"max": 9}},
        {"json_schema": {}},
        {"empty": "missing"},
        {"refusal": "comply"},
    ],
    ids=str,
)
def test_every_rule_given_makes_a_ruler_of_its_own(expect: dict[str, object]) -> None:
    rulers = [make_case("a", expect=given).ruler for given in ({}, {"checks": [{"contains": "b"}]}, expect)]
    assert len(set(rulers)) == 3


def test_the_same_address_written_otherwise_is_the_same_treatment() -> None:
    plain = TARGET.model_copy(update={"api_base": "https://eu.example.com/v1"})
    slash = TARGET.model_copy(update={"api_base": "https://eu.example.com/v1/"})
    assert plain.treatment(make_case("a")) == slash.treatment(make_case("a"))


def test_the_versions_of_what_measures_are_part_of_every_ruler() -> None:
    versions = {"refusal": RULES_VERSION, "graders": GRADERS_VERSION, "kernels": KERNELS_VERSION}
    assert ruler_versions() == versions
    assert make_case("a").ruler == digest({"expect": {}, "versions": versions})
    for name in versions:
        other = {**versions, name: "another"}
        assert make_case("a").ruler != digest({"expect": {}, "versions": other})


def test_expecting_null_is_not_expecting_nothing() -> None:
    with_null = make_case("a", expect={"checks": [{"path": "$.a", "equals": None, "min": 1}]})
    without = make_case("a", expect={"checks": [{"path": "$.a", "min": 1}]})
    assert with_null.ruler != without.ruler


# --- round trips ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case",
    [
        make_case("a"),
        make_case("a", expect={"checks": [{"path": "$.a", "equals": None}, {"not_contains": "x"}]}),
        make_case("a", expect={"calls": {"items": [{"name": "f", "args": {"x": {"any": True}, "y": None}}]}}),
        make_case("a", tools=(TOOL,), samples=6, signals=(), always=True, expect={"length": {"max": 5}}),
    ],
)
def test_a_case_is_written_and_read_back_equal(case: Case) -> None:
    for text in (canonical_record(case), case.model_dump_json()):
        again = Case.model_validate_json(text)
        assert again == case
        assert again.ruler == case.ruler
        assert [c.model_fields_set for c in again.expect.checks] == [
            c.model_fields_set for c in case.expect.checks
        ]


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("case_id", ["", "A", "-a", ".a", "a b", "a/b", "a" * 65, "a\n", "ä"])
def test_an_id_is_a_plain_file_name(case_id: str) -> None:
    with pytest.raises(ValidationError):
        make_case(case_id)


@pytest.mark.parametrize(
    "day", ["20270221", "2027-W08-7", "2027-2-21", "2027-02-30", "soon", "", " 2027-02-21"]
)
def test_a_date_has_one_spelling(day: str) -> None:
    with pytest.raises(ValidationError, match="expected a date such as 2027-02-21"):
        make_case("a", review_by=day)


@pytest.mark.parametrize(
    "check",
    [
        {},
        {"path": "$.a"},
        {"min": 1},
        {"contains": None},
        {"path": "$.a", "min": None},
        {"path": "$.a", "matches": None},
        {"equals": None},
        {"equals": True},
        {"not_equals": False},
        {"equals": {"a": 1}},
        {"equals": [1]},
    ],
    ids=str,
)
def test_a_check_that_could_not_fail_or_never_hold_is_refused(check: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Check.model_validate(check)


@pytest.mark.parametrize(
    "check",
    [{"equals": "x"}, {"equals": 42}, {"path": "$.a", "equals": None}, {"path": "$.a", "not_equals": None},
     {"path": "$", "equals": {"a": [1, None]}}, {"path": "$.a", "equals": False}],
    ids=str,
)  # fmt: skip
def test_a_check_that_can_be_told_is_taken(check: dict[str, object]) -> None:
    assert Check.model_validate(check).model_fields_set == set(check)


@pytest.mark.parametrize(
    "rule", [{}, {"any": True, "match": "x"}, {"any": False}, {"absent": False}, {"other": 1}]
)
def test_an_argument_has_exactly_one_rule(rule: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ArgumentMatch.model_validate(rule)


def test_bounds_that_no_length_fits_are_refused() -> None:
    with pytest.raises(ValidationError, match="min 9 is over max 5"):
        LengthBounds(min=9, max=5)
    assert LengthBounds(min=5, max=5).max == 5


def test_a_contract_without_a_rule_to_break_is_refused() -> None:
    with pytest.raises(ValidationError, match="always needs a rule"):
        make_case("a", always=True)
    rules: list[dict[str, object]] = [
        {"json_schema": {}},
        {"checks": [{"contains": "a"}]},
        {"calls": {}},
        {"length": {}},
    ]
    for rule in rules:
        assert make_case("a", always=True, expect=rule).expect.has_rules


def test_a_plain_argument_keeps_its_type() -> None:
    call = ExpectedCall.model_validate(
        {"name": "f", "args": {"a": 1, "b": 1.5, "c": True, "d": None, "e": "1"}}
    )
    assert [type(v) for v in call.args.values()] == [int, float, bool, type(None), str]
    assert ExpectedCalls().mode is CallMode.EXACT


@pytest.mark.parametrize(
    "share", ["2/0", "1e400", "1e999999999", "4/3", "-1/3", "nan", "inf", "two thirds", "", 1.2]
)
def test_a_share_that_is_none_is_refused_at_once(share: object) -> None:
    with pytest.raises(ValidationError):
        Limits.model_validate({"min_coverage": share})


@pytest.mark.parametrize(("share", "value"), [("2/3", 2 / 3), ("0.75", 0.75), (1, 1.0), ("0/5", 0.0)])
def test_a_share_is_read_as_a_fraction(share: object, value: float) -> None:
    assert Limits.model_validate({"min_coverage": share}).min_coverage == value


# --- targets and suites ---------------------------------------------------------------------------


def test_every_variable_that_holds_a_secret_is_named() -> None:
    assert Target(model="a/b", key_env="KEY", env=("OTHER",)).secret_names() == ("KEY", "OTHER")
    assert Target(model="a/b").secret_names() == ()


@pytest.mark.parametrize("model", ["gpt", "/x", "A/x", "a/", "a/b c"])
def test_a_model_says_its_provider(model: str) -> None:
    with pytest.raises(ValidationError):
        Target(model=model)
