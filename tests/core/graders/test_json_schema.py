"""Test the whole answer against a schema, and that neither schema nor answer can hang, crash or download."""

import contextlib
import json
import socket
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from harness.core.graders import BadRule, Grade, compile_graders, grade
from tests.support.hostile_files import MALFORMED_SCHEMAS
from tests.support.records import make_answer, make_case

INVOICE = {
    "type": "object",
    "required": ["total"],
    "properties": {"total": {"type": "number", "minimum": 0}, "note": {"$ref": "#/$defs/text"}},
    "patternProperties": {"^x-": {"type": "string"}},
    "additionalProperties": False,
    "$defs": {"text": {"type": "string", "pattern": "^[a-z]+$"}},
}
HOSTILE = "^(a+)+$"


def one_grade(schema: dict[str, object], text: str) -> Grade:
    (found,) = grade(make_case("a", expect={"json_schema": schema}), make_answer(text))
    return found


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('{"total": 1}', True),
        (' {"total": 0.5, "note": "abc", "x-more": "y"}\n', True),
        ('{"total": -1}', False),
        ('{"note": "abc"}', False),
        ('{"total": 1, "note": "ABC"}', False),
        ('{"total": 1, "x-more": 2}', False),
        ('{"total": 1, "other": 2}', False),
        ('{"total": "1"}', False),
        ("[]", False),
        ("total: 1", False),
        ('```json\n{"total": 1}\n```', False),
        ('{"total": NaN}', False),
        ('{"total": 1e999}', False),
    ],
)
def test_an_answer_matches_the_whole_schema_or_breaks_it(text: str, holds: bool) -> None:
    assert one_grade(INVOICE, text).holds is holds


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["total", "note", "x-a", "other", ""]),
        st.integers(-1, 1) | st.text("aA", max_size=2) | st.none(),
    )
)
def test_our_keywords_decide_as_the_library_does(value: dict[str, object]) -> None:
    # The library's own pattern keywords are fine here: these patterns are harmless.
    assert one_grade(INVOICE, json.dumps(value)).holds is Draft202012Validator(INVOICE).is_valid(value)


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["a", "ab", "b", "c"]), st.integers(-1, 1)),
    st.sampled_from([True, False, {"minimum": 0}, {}]),
    st.booleans(),
)
def test_additional_properties_are_those_that_neither_name_nor_pattern_takes(
    value: dict[str, int], additional: object, patterns: bool
) -> None:
    schema: dict[str, object] = {"properties": {"b": {}}, "additionalProperties": additional}
    if patterns:
        schema["patternProperties"] = {"^a": {"maximum": 0}}
    assert one_grade(schema, json.dumps(value)).holds is Draft202012Validator(schema).is_valid(value)


def test_what_breaks_the_schema_is_said_with_its_place() -> None:
    assert one_grade(INVOICE, '{"total": -1}').because.startswith("$.total: ")
    assert "other" in one_grade(INVOICE, '{"total": 1, "other": 2}').because
    assert one_grade(INVOICE, "nope").because.startswith("not JSON")


@pytest.mark.parametrize(
    "schema",
    [
        {"pattern": HOSTILE},
        {"patternProperties": {HOSTILE: {"type": "string"}}},
        {"patternProperties": {HOSTILE: {}}, "additionalProperties": False},
        {"patternProperties": {HOSTILE: {}}, "additionalProperties": {"type": "string"}},
        {"properties": {"b": {"items": {"$ref": "#/$defs/x"}}}, "$defs": {"x": {"pattern": HOSTILE}}},
    ],
    ids=str,
)
def test_a_hostile_pattern_cannot_hang_a_run(schema: dict[str, object]) -> None:
    evil = "a" * 40 + "!"
    started = time.process_time()
    for value in (evil, {evil: 1}, {"b": [evil]}):
        one_grade(schema, json.dumps(value))
    assert time.process_time() - started < 2


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", "(a)\\1"])
@pytest.mark.parametrize("where", ["pattern", "patternProperties", "nested"])
def test_a_pattern_that_cannot_be_read_in_linear_time_is_a_bad_rule(pattern: str, where: str) -> None:
    schemas: dict[str, dict[str, object]] = {
        "pattern": {"pattern": pattern},
        "patternProperties": {"patternProperties": {pattern: {}}},
        "nested": {"anyOf": [{"items": {"not": {"pattern": pattern}}}]},
    }
    with pytest.raises(BadRule, match="RE2") as caught:
        compile_graders(make_case("a", expect={"json_schema": schemas[where]}))
    assert (
        caught.value.path
        == {
            "pattern": ("json_schema", "pattern"),
            "patternProperties": ("json_schema", "patternProperties", pattern),
            "nested": ("json_schema", "anyOf", 0, "items", "not", "pattern"),
        }[where]
    )


def test_a_pattern_of_re2_alone_is_taken() -> None:
    schema: dict[str, object] = {
        "patternProperties": {r"^\pL+$": {"pattern": r"^\p{Greek}$"}},
        "additionalProperties": False,
    }
    assert one_grade(schema, '{"é": "λ"}').holds
    assert not one_grade(schema, '{"é": "l"}').holds
    assert not one_grade(schema, '{"1": "λ"}').holds


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "other.json"},
        {"$ref": "#/$defs/missing"},
        {"properties": {"deep": {"items": [{}] and {"$ref": "https://example.com/x"}}}},
        {"$defs": {"never-reached": {"$dynamicRef": "elsewhere#x"}}},
    ],
    ids=str,
)
def test_a_reference_out_of_the_document_is_a_bad_rule_and_no_download(
    schema: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a schema opened a connection")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(BadRule, match="refers to what is not in it"):
        compile_graders(make_case("a", expect={"json_schema": schema}))


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"allOf": [{"$ref": "#"}]},
    ],
    ids=str,
)
def test_a_schema_that_refers_to_itself_without_end_is_a_bad_rule(schema: dict[str, object]) -> None:
    with pytest.raises(BadRule, match="without end"):
        compile_graders(make_case("a", expect={"json_schema": schema}))


def test_references_inside_the_document_are_followed() -> None:
    tree: dict[str, object] = {
        "$id": "https://example.com/tree",
        "type": "object",
        "properties": {"next": {"$ref": "#"}, "leaf": {"$ref": "leaf"}, "name": {"$ref": "#name"}},
        "$defs": {
            "leaf": {"$id": "leaf", "type": "integer"},
            "name": {"$anchor": "name", "type": "string"},
        },
    }
    assert one_grade(tree, '{"next": {"next": {"leaf": 1, "name": "x"}}}').holds
    assert not one_grade(tree, '{"next": {"next": {"leaf": "1"}}}').holds


def test_a_property_may_be_called_like_a_keyword() -> None:
    schema: dict[str, object] = {"properties": {"$ref": {"type": "integer"}}, "const": {"$ref": 1}}
    assert one_grade(schema, '{"$ref": 1}').holds


@pytest.mark.parametrize(
    "schema", [{"type": "wrong"}, {"properties": 1}, {"minimum": "x"}, {"required": "total"}]
)
def test_what_is_no_schema_is_a_bad_rule(schema: dict[str, object]) -> None:
    with pytest.raises(BadRule, match="not a JSON Schema"):
        compile_graders(make_case("a", expect={"json_schema": schema}))


def test_what_other_keywords_have_looked_at_is_evaluated_by_pattern_too() -> None:
    schema = {
        "patternProperties": {"^a": {}},
        "allOf": [{"properties": {"b": {}}}],
        "unevaluatedProperties": False,
    }
    assert one_grade(schema, '{"ab": 1, "b": 2}').holds
    assert not one_grade(schema, '{"c": 1}').holds


def test_a_subschema_that_names_another_dialect_is_no_way_around_our_patterns() -> None:
    other = {"$schema": "http://json-schema.org/draft-07/schema#", "pattern": HOSTILE}
    started = time.process_time()
    assert not one_grade({"properties": {"a": other}}, json.dumps({"a": "a" * 40 + "!"})).holds
    assert time.process_time() - started < 1


def test_numbers_are_multiples_by_their_decimals() -> None:
    assert one_grade({"multipleOf": 0.01}, "19.99").holds
    assert not one_grade({"multipleOf": 0.01}, "19.995").holds
    assert one_grade({"multipleOf": 1e-300}, "1e300").holds


@pytest.mark.parametrize("name", MALFORMED_SCHEMAS)
def test_what_a_parser_lets_through_is_a_bad_rule_or_a_schema_and_nothing_else(name: str) -> None:
    try:
        schema = json.loads(MALFORMED_SCHEMAS[name])
    except (ValueError, RecursionError):
        return
    if isinstance(schema, dict):
        with contextlib.suppress(BadRule):
            one_grade(schema, "{}")


LEAVES = st.none() | st.booleans() | st.sampled_from([0, 1, 1.0, 2.5, -3, 7]) | st.text("ab", max_size=3)
INSTANCES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
TYPES = ["array", "boolean", "integer", "null", "number", "object", "string"]
SIMPLE = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(TYPES)
        | st.lists(st.sampled_from(TYPES), min_size=1, max_size=2, unique=True),
        "const": INSTANCES,
        "enum": st.lists(INSTANCES, min_size=1, max_size=3),
        "minimum": st.integers(-2, 2),
        "exclusiveMaximum": st.integers(-2, 7),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "minLength": st.integers(0, 3),
        "maxItems": st.integers(0, 2),
        "minProperties": st.integers(0, 2),
        "uniqueItems": st.booleans(),
        "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        "dependentRequired": st.dictionaries(st.sampled_from("ab"), st.just(["c"]), max_size=1),
        "pattern": st.sampled_from(["^a", "b$"]),
        "$ref": st.sampled_from(["#/$defs/x", "#y"]),
    },
)


def combined(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    few = st.lists(inner, min_size=1, max_size=2)
    named = st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "allOf": few,
            "anyOf": few,
            "oneOf": few,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "dependentSchemas": named,
            "properties": named,
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "[bc]"]), inner, max_size=1),
            "additionalProperties": inner,
            "propertyNames": inner,
            "prefixItems": few,
            "items": inner,
            "contains": inner,
            "minContains": st.integers(0, 2),
            "maxContains": st.integers(0, 2),
            "unevaluatedItems": inner,
            "unevaluatedProperties": inner,
        },
    )


@settings(max_examples=120, deadline=None)
@given(st.recursive(st.booleans() | SIMPLE, combined, max_leaves=8), SIMPLE, SIMPLE, INSTANCES)
def test_every_keyword_decides_as_the_library_does(
    part: object, one: dict[str, object], other: dict[str, object], value: object
) -> None:
    leaf = {key: inner for key, inner in one.items() if key != "$ref"}
    named = {key: inner for key, inner in other.items() if key != "$ref"}
    schema = {"allOf": [part], "$defs": {"x": leaf, "y": {**named, "$anchor": "y"}}}
    assert one_grade(schema, json.dumps(value)).holds is Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize("depth", [100, 800, 980, 100_000])
def test_an_answer_of_any_depth_is_graded_or_refused_but_never_raises(depth: int) -> None:
    tree: dict[str, object] = {"items": {"$ref": "#"}, "type": "array"}
    text = "[" * depth + "]" * depth
    assert one_grade(tree, text).holds in (True, False)
    assert not one_grade(tree, text[:-1]).holds


@given(st.text(st.characters()))
def test_no_text_is_too_strange_to_be_graded(text: str) -> None:
    for value in (text, json.dumps(text), json.dumps({text: text})):
        assert one_grade(INVOICE, value).holds is False
