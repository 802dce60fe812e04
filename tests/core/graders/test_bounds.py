"""No rule and no answer of up to 4 MB takes a second: what is too large does not hold, and says so."""

import json
import time
import tracemalloc
from collections.abc import Mapping

import pytest

from harness.core.graders import BadRule, Grade, compile_graders
from harness.core.graders.effort import Effort, TooLarge
from harness.core.graders.grade import MOST_PATTERN_STEPS, compile_pattern
from harness.core.messages import ToolCall
from tests.support.hostile_files import (
    DEEP_AND_WIDE,
    ENDLESS_SCHEMAS,
    HIDDEN_MARKS,
    KEYS,
    MARKS,
    OBJECTS,
    RANDOM_AB,
    WIDE,
)
from tests.support.records import make_answer, make_case

MOST_SECONDS = 1.0
MOST_BYTES = 50_000_000
"""For a quarter of the largest answer that is read as JSON."""


def grades_in_time(
    expect: Mapping[str, object], text: str = "", calls: tuple[ToolCall, ...] = ()
) -> tuple[Grade, ...]:
    """Grade within the limit of CPU time, which does not depend on what else the machine does."""
    started = time.process_time()
    grading = compile_graders(make_case("a", expect=expect))
    answer = make_answer(text, tool_calls=calls)
    found = grading(answer)
    assert time.process_time() - started < MOST_SECONDS
    return found


SLOW_PATHS = (
    "$..*..*..*",
    "$..*..*..*..*",
    "$..* where $..*",
    "$..`parent`..`parent`..*",
    "$[::-1]",
    "$..a|$..*..b",
)


@pytest.mark.filterwarnings("ignore:The `.` .* operator is deprecated")
@pytest.mark.parametrize(
    ("path", "text"),
    [*((path, OBJECTS) for path in SLOW_PATHS), (SLOW_PATHS[0], WIDE), (SLOW_PATHS[0], DEEP_AND_WIDE)],
    ids=lambda value: value[:30],
)
def test_no_path_makes_an_answer_slow(path: str, text: str) -> None:
    (found,) = grades_in_time({"checks": [{"path": path, "equals": "nowhere"}]}, text)
    assert not found.holds


SLOW_SCHEMAS: Mapping[str, tuple[dict[str, object], str]] = {
    "unique objects": ({"uniqueItems": True}, OBJECTS),
    "unique at every level": ({"uniqueItems": True, "items": {"$ref": "#"}}, DEEP_AND_WIDE),
    "a long enum": ({"items": {"enum": [{"a": number} for number in range(600)]}}, OBJECTS),
    "numbers of one hash": ({"uniqueItems": True}, json.dumps([(2**61 - 1) * n for n in range(1, 40_000)])),
    "many branches": ({"items": {"anyOf": [{"type": "string"}, {"const": 2}, {"type": "object"}]}}, WIDE),
    "many patterns": ({"patternProperties": {f"a{{{n},{n + 20}}}b": {} for n in range(150)}}, KEYS),
    "unevaluated": ({"allOf": [{"contains": {"const": 1}}] * 20, "unevaluatedItems": False}, WIDE),
    "a long text in many branches": ({"anyOf": [{"type": "number"}] * 500}, json.dumps("x" * 900_000)),
    "large patterns": ({"allOf": [{"pattern": f"a[ab]{{{300 + n}}}c"} for n in range(100)]}, f'"{RANDOM_AB[:900_000]}"'),
    "multiples": ({"items": {"multipleOf": 1e-300}}, json.dumps([1e300] * 100_000)),
    "multiples of long numbers": ({"items": {"multipleOf": 0.1}}, json.dumps([10**4000] * 200)),
    "names": ({"propertyNames": {"not": {"enum": ["a", "b"]}}}, KEYS),
    "doubling at every level": (
        {"items": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}},
        "[" * 99 + "]" * 99,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SLOW_SCHEMAS)
def test_no_schema_makes_an_answer_slow(name: str) -> None:
    schema, text = SLOW_SCHEMAS[name]
    assert len(grades_in_time({"json_schema": schema}, text)) == 1


@pytest.mark.parametrize("name", ENDLESS_SCHEMAS)
def test_a_schema_that_has_no_end_or_is_too_large_is_a_bad_rule_at_once(name: str) -> None:
    started = time.process_time()
    with pytest.raises(BadRule) as caught:
        compile_graders(make_case("a", expect={"json_schema": ENDLESS_SCHEMAS[name]}))
    assert time.process_time() - started < MOST_SECONDS
    assert caught.value.path[0] == "json_schema"


@pytest.mark.parametrize(
    ("expect", "text"),
    [
        ({"checks": [{"matches": "a[ab]{900}c"}]}, RANDOM_AB),
        ({"checks": [{"not_matches": f"a[ab]{{{n}}}c"} for n in range(5, 100)]}, RANDOM_AB[:1_000_000]),
        ({"checks": [{"contains": "a" * 1000 + "b" + "a" * 1000 + str(n)} for n in range(100)]}, "a" * 4_000_000),
        ({"checks": [{"contains": f"q{n}"} for n in range(100)]}, "a\n" * 2_000_000),
        ({"checks": [{"matches": f"\\pL{{1,4}}x{n}"} for n in range(100)]}, "é" * 2_000_000),
        ({"checks": [{"contains": "q"}], "length": {"max": 5}}, MARKS),
        ({"checks": [{"contains": "q"}], "length": {"max": 5}}, HIDDEN_MARKS),
        ({"checks": [{"contains": "q"}], "length": {"max": 5}}, "日本𠀀" * 330_000),
    ],
    ids=["pattern", "patterns", "contains", "lines", "classes", "marks", "hidden marks", "scripts"],
)  # fmt: skip
def test_no_text_makes_a_rule_slow(expect: dict[str, object], text: str) -> None:
    grades_in_time(expect, text)


def test_a_rule_that_is_too_large_does_not_hold_and_takes_nothing_from_the_others() -> None:
    checks = [{"not_matches": "a[ab]{900}c"}, {"contains": "ab"}, {"matches": "^[ab]"}]
    found = grades_in_time({"checks": checks}, RANDOM_AB)
    assert [grade.holds for grade in found] == [False, True, True]
    assert "too large to check" in found[0].because


def test_the_same_pattern_checks_an_answer_of_a_usual_size() -> None:
    found = grades_in_time({"checks": [{"not_matches": "a[ab]{900}c"}]}, RANDOM_AB[:50_000])
    assert found[0].holds


CALLS: Mapping[str, tuple[str, dict[str, object], int]] = {
    "many calls": ("superset", {"x": {"any": True}}, 50_000),
    "many pairs": ("subset", {"x": {"one_of": list(range(99))}}, 1000),
    "patterns": ("subset", {"y": {"match": "a[ab]{100}c"}}, 1000),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_number_of_calls_makes_an_answer_slow(name: str) -> None:
    mode, args, count = CALLS[name]
    made = tuple(
        ToolCall(name="f", arguments={"x": n, "y": RANDOM_AB[:3000]}) for n in range(min(count, 1001))
    )
    made = made * (count // len(made)) if count > len(made) else made
    items = [{"name": "f", "args": args}] * 100
    (found,) = grades_in_time({"calls": {"mode": mode, "items": items}}, calls=made)
    assert not found.holds


def test_as_many_calls_as_may_be_expected_are_told_apart_at_once() -> None:
    items = [{"name": "f", "args": {"x": {"one_of": [n, n + 1]}}} for n in range(100)]
    made = tuple(ToolCall(name="f", arguments={"x": n}) for n in reversed(range(1, 101)))
    (found,) = grades_in_time({"calls": {"mode": "unordered", "items": items}}, calls=made)
    assert found.holds


def test_a_hostile_answer_does_not_fill_the_memory() -> None:
    expect = {
        "json_schema": {"anyOf": [{"items": {"uniqueItems": True}}, {"items": {"type": "null"}}]},
        "checks": [{"path": "$..*", "equals": 1}, {"path": "$..*..*", "equals": 1}],
    }
    grading = compile_graders(make_case("a", expect=expect))
    answer = make_answer(json.dumps([{"a": number} for number in range(15_000)]))
    tracemalloc.start()
    try:
        grading(answer)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


def test_what_cannot_be_spent_is_left_for_what_costs_less() -> None:
    effort = Effort(10)
    with pytest.raises(TooLarge, match="too large to check"):
        effort.spend(11)
    effort.spend(10)
    with pytest.raises(TooLarge):
        effort.spend(1)


def test_a_pattern_is_only_as_large_as_an_answer_can_be_checked_with() -> None:
    assert compile_pattern("a{900}", ()).steps <= MOST_PATTERN_STEPS
    with pytest.raises(BadRule, match="steps") as caught:
        compile_pattern(r"\pL{1,10}", ("checks", 0, "matches"))
    assert caught.value.path == ("checks", 0, "matches")
