"""Test the rules for values inside a JSON answer."""

import contextlib
import json

import jsonpath_ng
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.graders import BadRule, Grade, compile_graders, grade
from harness.core.graders.effort import Effort
from harness.core.graders.json_answer import MOST_CHARACTERS, NotJson, read_json, same_json
from harness.core.graders.json_path_search import compile_path, find_values
from harness.core.slimming import slim_case
from tests.support.records import make_answer, make_case

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)
PATHS = (
    "$.a",
    "$.a[0]",
    "$.a[*].b",
    "$..a",
    "$.a[-1]",
    "$[0:2]",
    "$",
    "$.*",
    "$.a.b.c",
    "$.a.`parent`",
    "$.a[0:2:0]",
)


def one_grade(text: str, **check: object) -> Grade:
    (found,) = grade(make_case("a", expect={"checks": [{"path": "$.a", **check}]}), make_answer(text))
    return found


@pytest.mark.parametrize(
    ("value", "check", "holds"),
    [
        (500, {"equals": 500}, True),
        (500.0, {"equals": 500}, True),
        ("500", {"equals": 500}, False),
        (True, {"equals": 1}, False),
        (1, {"equals": True}, False),
        (True, {"equals": True}, True),
        (None, {"equals": None}, True),
        (0, {"equals": None}, False),
        (None, {"not_equals": None}, False),
        ([1, {"x": 2}], {"equals": [1, {"x": 2.0}]}, True),
        ([1, 2], {"equals": [2, 1]}, False),
        ({"x": 1, "y": 2}, {"equals": {"y": 2, "x": 1}}, True),
        ({"x": 1}, {"equals": {"x": 1, "y": 2}}, False),
        ("red", {"not_equals": "blue"}, True),
        ("red", {"not_equals": "red"}, False),
        (5, {"min": 5, "max": 5}, True),
        (4.9, {"min": 5}, False),
        (5.1, {"max": 5}, False),
        ("5", {"min": 1}, False),
        (True, {"min": 0}, False),
        (None, {"max": 9}, False),
        ("a blue one", {"contains": "blue"}, True),
        ("a red one", {"not_contains": "red"}, False),
        ("2027-02-21", {"matches": r"^\d{4}-"}, True),
        (2027, {"matches": "^2027$"}, True),
        ({"x": 1}, {"contains": '"x":1'}, True),
    ],
)
def test_each_rule_says_whether_it_holds(value: object, check: dict[str, object], holds: bool) -> None:
    assert one_grade(json.dumps({"a": value}), **check).holds is holds


@pytest.mark.parametrize(
    "text", ['{"a": 1} and more', "```json\n{}\n```", "", "{", "NaN", '{"a": Infinity}', "{'a': 1}"]
)
def test_what_is_not_json_holds_nothing_also_where_a_value_is_unwanted(text: str) -> None:
    for check in ({"equals": 1}, {"not_equals": 1}, {"not_contains": "x"}):
        found = one_grade(text, **check)
        assert not found.holds
        assert found.because.startswith("not JSON")


def test_a_value_that_is_not_there_breaks_the_rule_also_where_it_is_unwanted() -> None:
    for check in ({"equals": 1}, {"not_equals": 1}, {"not_contains": "x"}, {"max": 9}):
        assert one_grade('{"b": 1}', **check).because == "$.a: nothing is there"


def test_every_value_found_must_keep_the_rule() -> None:
    items = [{"path": "$.lines[*].amount", "min": 1}]
    for amounts, holds in (([1, 2], True), ([1, 0], False), ([], False)):
        text = json.dumps({"lines": [{"amount": amount} for amount in amounts]})
        assert grade(make_case("a", expect={"checks": items}), make_answer(text))[0].holds is holds


@pytest.mark.parametrize(
    "path", ["", "$.", "$[", "a b", "$..", "$.a[?(@.x>1)]", "'", "$.a & $.b", "$.`len`", "\x00"]
)
def test_a_path_that_cannot_be_applied_is_a_bad_rule_with_its_place(path: str) -> None:
    case = make_case("a", expect={"checks": [{"contains": "x"}, {"path": path, "equals": 1}]})
    with pytest.raises(BadRule, match=r"not a JSONPath: .") as caught:
        compile_graders(case)
    assert caught.value.path == ("checks", 1, "path")


def test_a_bad_pattern_under_a_path_is_a_bad_rule() -> None:
    with pytest.raises(BadRule) as caught:
        compile_graders(make_case("a", expect={"checks": [{"path": "$.a", "matches": "("}]}))
    assert caught.value.path == ("checks", 0, "matches")


@settings(max_examples=60, deadline=None)
@given(VALUES, st.sampled_from(PATHS))
def test_no_answer_is_too_strange_for_a_path(value: object, path: str) -> None:
    checks = [{"path": path, "equals": 1}, {"path": path, "not_contains": "x", "max": 3}]
    assert len(grade(make_case("a", expect={"checks": checks}), make_answer(json.dumps(value)))) == 2


LIBRARY_PATHS = (
    *PATHS[:-2],
    "$..*", "$..*..*", "$.a..b", "$..a[0]", "$.*.*", "$[*]", "$[::2]", "$[-2:]", "$[0,1]", "$.a,b", "$['a','c']",
    "$.a where $.b", "$..* where a", "$..* wherenot a", "$..a.`parent`", "a", "@.a", "$.a|$.b", "$.($.a)", "*",
    "$.a.`this`", "$..a..`parent`.b",
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:The `.` .* operator is deprecated")
@settings(max_examples=200, deadline=None)
@given(VALUES, st.sampled_from(LIBRARY_PATHS))
def test_a_search_finds_what_the_librarys_own_finds(value: object, path: str) -> None:
    found = find_values(compile_path(path), value, Effort())
    assert found == [match.value for match in jsonpath_ng.parse(path).find(value)]


@pytest.mark.parametrize(
    "path", ["$" + ".a" * 249, "$" + "[0]" * 100, "(" * 200 + "$" + ")" * 200, "$" + "..*" * 100, "$[" + "9" * 400 + "]"]
)  # fmt: skip
def test_a_path_of_any_shape_is_searched_or_refused(path: str) -> None:
    with contextlib.suppress(ValueError):
        find_values(compile_path(path), {"a": [1]}, Effort())


@pytest.mark.parametrize("text", ['{"a": 1e999}', '{"a": [-1e999]}', '{"a": "\\ud800"}', "[" * 100_000])
def test_an_answer_made_to_break_the_grader_breaks_the_rule_alone(text: str) -> None:
    assert not one_grade(text, equals=1).holds


def test_a_path_that_climbs_out_of_the_answer_breaks_the_rule_and_no_more() -> None:
    found = one_grade('{"a": 1}', path="$.a.`parent`.`parent`.`parent`", equals=1)
    assert not found.holds
    assert "nothing is there" in found.because


@pytest.mark.parametrize("depth", [100, 400, 800, 900, 940, 960, 980])
@pytest.mark.parametrize("path", ["$.a", "$..b"])
def test_any_depth_is_graded_or_refused_but_never_raises(depth: int, path: str) -> None:
    text = '{"a": ' + "[" * depth + "]" * depth + "}"
    assert not one_grade(text, path=path, equals=1).holds


def test_an_answer_over_a_million_characters_is_not_read() -> None:
    found = read_json(f'"{"x" * MOST_CHARACTERS}"')
    assert isinstance(found, NotJson)
    assert "1,000,000" in found.reason


@settings(deadline=None)
@given(VALUES)
def test_json_is_the_same_as_itself_and_as_what_is_read_back(value: object) -> None:
    assert same_json(value, value)
    assert same_json(read_json(json.dumps(value)), value)


@given(VALUES, VALUES)
def test_sameness_does_not_depend_on_the_order(one: object, other: object) -> None:
    assert same_json(one, other) is same_json(other, one)


def test_rules_that_read_alike_are_told_apart() -> None:
    """What is compiled is kept by its text: a rule that was given and one that was not must not share it."""
    null, none = {"path": "$.a", "equals": None, "min": 0}, {"path": "$.a", "min": 0}
    for check, wanted in ((none, True), (null, False), (none, True), ({**null, "equals": 1.0}, True)):
        case = make_case("a", expect={"checks": [check]})
        assert [one.holds for one in grade(case, make_answer('{"a": 1}'))] == [wanted]


def test_rules_of_cases_that_were_slimmed_are_told_apart() -> None:
    for wanted in ("blue", "red", "blue"):
        case = make_case("a", expect={"checks": [{"contains": wanted}]})
        slim_case(case)
        assert [one.holds for one in grade(case, make_answer("a blue one"))] == [wanted == "blue"]
