"""Test the tool calls made against those expected, in five modes."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.expect import CallMode
from harness.core.graders import BadRule, compile_graders, grade
from harness.core.messages import ToolCall
from tests.support.records import make_answer, make_case

MODES = tuple(mode.value for mode in CallMode)
NAMES = st.lists(st.sampled_from("abc"), max_size=4)


def call(name: str, **arguments: object) -> ToolCall:
    return ToolCall(name=name, arguments=arguments)


def holds(mode: str, expected: Sequence[object], made: Sequence[ToolCall]) -> bool:
    case = make_case("a", expect={"calls": {"mode": mode, "items": list(expected)}})
    (found,) = grade(case, make_answer("", tool_calls=tuple(made)))
    return found.holds


def by_name(mode: str, expected: str, made: str) -> bool:
    return holds(mode, [{"name": name} for name in expected], [call(name) for name in made])


@pytest.mark.parametrize(
    ("expected", "made", "right"),
    [
        ("", "", "exact ordered unordered subset superset"),
        ("", "a", "subset"),
        ("a", "", "superset"),
        ("ab", "ab", "exact ordered unordered subset superset"),
        ("ab", "ba", "unordered subset superset"),
        ("ab", "abc", "subset"),
        ("abc", "ab", "superset"),
        ("aa", "a", "superset"),
        ("a", "aa", "subset superset"),
        ("a", "b", ""),
        ("ab", "ac", ""),
    ],
)
def test_each_mode_takes_what_it_says(expected: str, made: str, right: str) -> None:
    assert [mode for mode in MODES if by_name(mode, expected, made)] == right.split()


@given(NAMES, NAMES)
def test_the_modes_go_from_strict_to_lenient(expected: list[str], made: list[str]) -> None:
    found = {mode: by_name(mode, "".join(expected), "".join(made)) for mode in MODES}
    for strict, lenient in itertools.pairwise(("exact", "ordered", "unordered")):
        assert not found[strict] or found[lenient]
    assert not found["unordered"] or (found["subset"] and found["superset"])
    assert found["ordered"] is (expected == made)
    assert found["unordered"] is (sorted(expected) == sorted(made))


@given(NAMES, st.randoms(use_true_random=False))
def test_without_an_order_the_order_does_not_matter(names: list[str], random: object) -> None:
    turned = sorted(names, key=lambda _: random.random())  # type: ignore[attr-defined]
    for mode in ("unordered", "subset", "superset"):
        assert by_name(mode, "".join(names), "".join(turned))


def test_calls_are_given_to_the_rules_so_that_all_fit_where_they_can() -> None:
    broad = {"name": "f", "args": {"x": {"any": True}}}
    narrow = {"name": "f", "args": {"x": 1}}
    made = [call("f", x=1), call("f", x=2)]
    for rules in ([broad, narrow], [narrow, broad]):
        assert holds("unordered", rules, made)
        assert holds("subset", rules, made)
    assert not holds("unordered", [narrow, narrow], made)
    assert not holds("subset", [broad, narrow], made[:1])


@given(
    st.permutations([{"one_of": [1]}, {"one_of": [1, 2]}, {"one_of": [1, 2, 3]}]), st.permutations([1, 2, 3])
)
def test_a_full_assignment_is_found_in_any_order(rules: list[object], values: list[int]) -> None:
    expected = [{"name": "f", "args": {"x": rule}} for rule in rules]
    assert holds("unordered", expected, [call("f", x=value) for value in values])


@pytest.mark.parametrize(
    ("rule", "right", "wrong"),
    [
        (5, [5, 5.0], ["5", True, None, 6]),
        (1, [1], [True]),
        (True, [True], [1, "true"]),
        (None, [None], [0, "", False]),
        ("metric", ["metric"], ["Metric", "metric "]),
        ([1, 2], [[1, 2]], [[2, 1], [1], "1,2"]),
        ({"match": "(?i)^oslo"}, ["Oslo", "OSLO, Norway"], ["in Oslo", None, 5]),
        ({"match": "^5$"}, [5, "5"], [55]),
        ({"any": True}, [None, 0, "", [], {}], []),
        ({"one_of": ["a", 2]}, ["a", 2, 2.0], ["2", "b", None]),
    ],
    ids=str,
)
def test_each_argument_rule_takes_what_it_says(
    rule: object, right: list[object], wrong: list[object]
) -> None:
    for mode in MODES:
        for value in right:
            assert holds(mode, [{"name": "f", "args": {"x": rule}}], [call("f", x=value)]), (mode, value)
        for value in wrong:
            assert not holds(mode, [{"name": "f", "args": {"x": rule}}], [call("f", x=value)]), (mode, value)
        assert not holds(mode, [{"name": "f", "args": {"x": rule}}], [call("f")]), mode


def test_an_argument_may_have_to_be_absent() -> None:
    rule = [{"name": "f", "args": {"force": {"absent": True}}}]
    for mode in MODES:
        assert holds(mode, rule, [call("f")])
        assert not holds(mode, rule, [call("f", force=None)])


def test_only_the_exact_mode_minds_arguments_that_nobody_named() -> None:
    rule = [{"name": "f", "args": {"x": 1}}]
    taken = [mode for mode in MODES if holds(mode, rule, [call("f", x=1, y=2)])]
    assert taken == [mode for mode in MODES if mode != "exact"]


@pytest.mark.parametrize("mode", MODES)
def test_arguments_that_are_no_json_object_are_never_right(mode: str) -> None:
    broken = ToolCall(name="f", raw='{"x": 1')
    assert not holds(mode, [{"name": "f"}], [broken])
    assert not holds(mode, [{"name": "f"}], [call("f"), broken])
    assert not holds(mode, [], [broken])


def test_what_was_called_is_said() -> None:
    case = make_case("a", expect={"calls": {"items": [{"name": "f"}]}})
    grading = compile_graders(case)
    assert grading(make_answer(""))[0].because == "“no call”"
    assert grading(make_answer("", tool_calls=(call("g", x=1),)))[0].because == '“g({"x":1})”'
    assert grading(make_answer("", tool_calls=(ToolCall(name="g", raw="{"),)))[0].because == "“g({)”"


def test_a_bad_pattern_is_a_bad_rule_with_its_place() -> None:
    items = [{"name": "f"}, {"name": "f", "args": {"x": {"match": "a(?=b)"}}}]
    with pytest.raises(BadRule, match="RE2") as caught:
        compile_graders(make_case("a", expect={"calls": {"items": items}}))
    assert caught.value.path == ("calls", "items", 1, "args", "x", "match")


@given(st.text(st.characters()))
def test_no_argument_is_too_strange_to_be_matched(text: str) -> None:
    rule = [{"name": "f", "args": {"x": {"match": "^x$"}}}]
    assert holds("ordered", rule, [call("f", x=text)]) is (text == "x")
