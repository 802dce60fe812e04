"""Test the rules for a text as it stands."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.expect import Check
from harness.core.graders import GRADERS, BadRule, compile_graders, grade
from tests.support.records import make_answer, make_case

ANY_TEXT = st.text(st.characters())  # lone surrogates included
HOSTILE = ("(a+)+$", "(a|a)*$", "(.*a){20}", "^(([a-z])+.)+[A-Z]([a-z])+$")


def holds(text: str, **rules: object) -> list[bool]:
    case = make_case("a", expect={"checks": [rules]})
    return [one.holds for one in grade(case, make_answer(text))]


@pytest.mark.parametrize(
    ("text", "rules", "wanted"),
    [
        ("Blue.", {"equals": "Blue."}, True),
        ("  Blue.\r\n\n", {"equals": "Blue. "}, True),
        ("blue.", {"equals": "Blue."}, False),
        ("42", {"equals": 42}, True),
        ("Blue.", {"not_equals": "Red."}, True),
        ("Red.", {"not_equals": "Red."}, False),
        ("a blue one", {"contains": "blue"}, True),
        ("a Blue one", {"contains": "blue"}, False),
        ("a blue one", {"not_contains": "blue"}, False),
        ("a red one", {"not_contains": "blue"}, True),
        ("a Blue one", {"matches": "(?i)BLUE"}, True),
        ("a Blue one", {"matches": "^Blue"}, False),
        ("a Blue one", {"not_matches": "^Blue"}, True),
        ("one\ntwo", {"matches": "(?m)^two$"}, True),
        ("", {"equals": ""}, True),
        ("", {"contains": "x"}, False),
        ("", {"not_contains": "x"}, True),
    ],
)
def test_each_rule_says_whether_it_holds(text: str, rules: dict[str, object], wanted: bool) -> None:
    assert holds(text, **rules) == [wanted]


@given(ANY_TEXT, st.sampled_from(["equals", "contains", "matches"]), st.sampled_from(["", "a", "\\d", "é"]))
def test_a_rule_and_its_negation_never_agree(text: str, rule: str, value: str) -> None:
    assert holds(text, **{rule: value}) != holds(text, **{f"not_{rule}": value})


@given(st.text("ab \n", max_size=12), st.text("ab", max_size=3))
def test_contains_is_what_contains_means(text: str, value: str) -> None:
    assert holds(text, contains=value) == [value in text]


def test_every_rule_of_a_check_is_graded_and_the_broken_one_says_why() -> None:
    case = make_case("a", expect={"checks": [{"contains": "blue", "not_contains": "red"}, {"matches": "e$"}]})
    grades = grade(case, make_answer("blue and red"))
    assert [one.holds for one in grades] == [True, False, False]
    assert "“blue and red”" in grades[1].because
    assert "not_contains “red”" in grades[1].because
    assert "holds" in grades[0].because


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", "(a)\\1", "[z-a]", "(?<!x)y", "a{2000}", "*"])
def test_a_pattern_that_cannot_be_read_in_linear_time_is_a_bad_rule_with_its_place(pattern: str) -> None:
    case = make_case("a", expect={"checks": [{"contains": "x"}, {"not_matches": pattern}]})
    with pytest.raises(BadRule, match="not an RE2 pattern") as caught:
        compile_graders(case)
    assert caught.value.path == ("checks", 1, "not_matches")


@pytest.mark.parametrize("pattern", HOSTILE)
def test_a_hostile_pattern_cannot_hang_a_run(pattern: str) -> None:
    started = time.process_time()
    holds("a" * 50_000 + "!", matches=pattern)
    assert time.process_time() - started < 2


@given(ANY_TEXT)
def test_no_text_is_too_strange_to_be_graded(text: str) -> None:
    assert len(holds(text, matches="x", contains="y", not_equals="z")) == 3


def test_a_grader_that_a_case_does_not_need_says_nothing() -> None:
    assert grade(make_case("a"), make_answer("hi")) == ()
    checks = [Check(contains="a"), Check(path="$.a", equals=1)]
    by_name = [one.grader for one in grade(make_case("a", expect={"checks": checks}), make_answer("hi"))]
    assert by_name == ["text", "json_path"]


def test_every_grader_of_the_table_can_be_loaded() -> None:
    for name in GRADERS.names():
        assert callable(GRADERS.load(name))


def test_a_long_answer_is_quoted_by_its_beginning() -> None:
    (one,) = grade(make_case("a", expect={"checks": [{"equals": "x"}]}), make_answer("word\n" * 5_000))
    assert len(one.because) < 200
    assert "\n" not in one.because
