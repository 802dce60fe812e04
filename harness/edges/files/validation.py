"""From a document to a frozen model, with every error at its line and column and in our own words.

Pydantic finds the errors. Where each one stands is found by walking its `loc` through the model's JSON
Schema and the document side by side, because `loc` also holds the labels of union members.
"""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from harness.edges.files.document import Document, ValuePath
from harness.edges.files.model_schema import Schema, schema_of
from harness.edges.files.secrets import escaped, looks_like_secret, paths_of_secrets, retold, shown
from harness.errors import DocumentError, Problem, ProblemCode
from harness.registry import did_you_mean

M = TypeVar("M", bound=BaseModel)

_EXPECTED = {
    "a whole number": "int_type int_from_float int_parsing",
    "a number": "float_type float_parsing decimal_type decimal_parsing",
    "text": "string_type string_sub_type path_type url_type",
    "true or false": "bool_type bool_parsing",
    "a list": "list_type tuple_type set_type frozen_set_type iterable_type",
    "a mapping": "dict_type mapping_type model_type model_attributes_type dataclass_type",
    'a date in quotes such as "2027-02-21"': "date_type date_parsing date_from_datetime_parsing",
}
_NOUNS = {kind: noun for noun, kinds in _EXPECTED.items() for kind in kinds.split()}
_CODES = {"extra_forbidden": ProblemCode.UNKNOWN_KEY, "missing": ProblemCode.MISSING_FIELD}
_LABELS = {"int": "integer", "float": "number", "str": "string", "bool": "boolean", "dict": "object"}
_LIMITS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def build(
    document: Document,
    model: type[M],
    *,
    forbid_secrets: bool = False,
    context: Mapping[str, object] | None = None,
) -> M:
    """Return `document` as a `model`; `context` is handed to the model's validators.

    Values are read as strict JSON: a quoted number is no number, but a list becomes a tuple and a text an
    enum or a date. With `forbid_secrets` no text may look like a key. Raises DocumentError with every problem.
    """
    paths = paths_of_secrets(document.value) if forbid_secrets else ()
    secrets = {path: _secret(document, path) for path in paths}
    try:
        built = model.model_validate_json(json.dumps(document.value), strict=True, context=context)
    except ValidationError as error:
        found = _found(error, model=model, value=document.value)
        others = _problems(
            (item for item in found if item.target.at_key or item.target.path not in secrets), document
        )
        raise DocumentError((*secrets.values(), *others)) from None  # pydantic's own text echoes values
    if secrets:
        raise DocumentError(tuple(secrets.values()))
    return built


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """What one `loc` points at: the outermost `union` on the way, its complaining member, an `absent` last part."""

    path: ValuePath
    at_key: bool
    union: ValuePath | None
    label: str
    value: JsonValue
    schema: Schema
    parent: Schema
    absent: str | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """One error: `expected` (and `choices`) for a value of the wrong kind, `message` for everything else."""

    target: _Target
    expected: str | None
    choices: tuple[JsonValue, ...]
    message: str
    code: ProblemCode


def _secret(document: Document, path: ValuePath) -> Problem:
    advice = "looks like a key; name the environment variable that holds it instead (key_env)"
    name = next((part for part in reversed(path) if isinstance(part, str)), "")
    at_key = looks_like_secret(name)
    what = "this name" if at_key else f"the value of {shown(name)}" if name else "this"
    return document.problem(path, f"{what} {advice}", at_key=at_key, code=ProblemCode.KEY)


def _found(error: ValidationError, *, model: type[BaseModel], value: JsonValue) -> Iterator[_Found]:
    schema = schema_of(model)
    details = error.errors(include_url=False, include_input=False)
    targets = (_target(detail["loc"], schema=schema, value=value) for detail in details)
    described = map(_describe, details, targets)
    return _without_unlikely_members(item for item in described if item.expected or item.message)


def _target(loc: ValuePath, *, schema: Schema, value: JsonValue) -> _Target:
    root, parent, schema = schema, schema, _resolved(schema, schema)
    path: ValuePath = ()
    union: ValuePath | None = None
    absent: str | int | None = None
    at_key, label = False, ""
    for part in loc:
        absent = None  # what was not there may have been the label of a union that the schema hides
        if part == "[key]" and path:
            at_key, value, schema = True, str(path[-1]), parent.get("propertyNames", {})
        elif "oneOf" in schema or "anyOf" in schema:
            union, label = (path, str(part)) if union is None else (union, label)
            schema = _resolved(_member(schema, str(part), root), root)
        elif isinstance(value, dict) and isinstance(part, str) and part in value:  # noqa: SIM114  or mypy loses the types
            path, value, parent = (*path, part), value[part], schema
            schema = _resolved(_child(schema, part), root)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            path, value, parent = (*path, part), value[part], schema
            schema = _resolved(_child(schema, part), root)
        else:
            absent = part
    return _Target(
        path=path,
        at_key=at_key,
        union=union,
        label=label,
        value=value,
        schema=schema,
        parent=parent,
        absent=absent,
    )


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Follow references, and look through unions with null, which pydantic does not label."""
    if "$ref" in schema:
        definition = root["$defs"][schema["$ref"].split("/")[-1]]
        return _resolved({**definition, **{key: schema[key] for key in schema if key != "$ref"}}, root)
    if "anyOf" in schema:
        members = [member for member in schema["anyOf"] if member != {"type": "null"}]
        if len(members) == 1:
            return _resolved({**{key: schema[key] for key in schema if key != "anyOf"}, **members[0]}, root)
    return schema


def _member(schema: Schema, label: str, root: Schema) -> Schema:
    reference = schema.get("discriminator", {}).get("mapping", {}).get(label)
    if reference is not None:
        return {"$ref": reference}
    kind = label.partition("[")[0]
    for member in schema.get("anyOf", schema.get("oneOf", ())):
        full = _resolved(member, root)
        is_choice = kind == "literal" and ("enum" in full or "const" in full)
        if is_choice or full.get("title") == label or full.get("type") == _LABELS.get(kind, "array"):
            return full
    return {}


def _child(schema: Schema, part: str | int) -> Schema:
    if isinstance(part, int):
        fixed = schema.get("prefixItems", ())
        child = fixed[part] if part < len(fixed) else schema.get("items")
    else:
        others = [schema.get("additionalProperties"), *schema.get("patternProperties", {}).values()]
        child = schema.get("properties", {}).get(part) or next((other for other in others if other), None)
    return child if isinstance(child, dict) else {}


def _describe(error: ErrorDetails, target: _Target) -> _Found:
    kind, context, value, schema = error["type"], error.get("ctx", {}), target.value, target.schema
    choices: tuple[JsonValue, ...] = ()
    expected, message = _NOUNS.get(kind), ""
    if kind in ("literal_error", "enum"):
        choices = tuple(schema.get("enum", [schema["const"]] if "const" in schema else []))
        expected = " or ".join(map(shown, choices)) or context.get("expected", "another value")
    elif kind == "extra_forbidden":
        target = replace(target, at_key=True)
        message = _unknown_key(str(target.path[-1]), tuple(target.parent.get("properties", ())))
    elif kind == "missing":
        message = _missing(target.absent, schema)
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        name = context["discriminator"].strip("'")
        tag = value.get(name) if isinstance(value, dict) else None
        target = target if tag is None else replace(target, path=(*target.path, name))
        message = _unknown_tag(name, tag, tuple(schema.get("discriminator", {}).get("mapping", {})))
    elif kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        message = _out_of_range(
            value, {**{_LIMITS.get(key, key): bound for key, bound in context.items()}, **schema}
        )
    elif kind in ("string_too_short", "string_too_long", "too_short", "too_long"):
        message = _wrong_length(value, context)
    elif kind == "string_pattern_mismatch":
        about = schema.get("description", "change it")
        message = f"{shown(value)} does not fit {escaped(context['pattern'], most=120)}: {about}"
    elif expected is None:
        message = retold(str(context.get("error", error["msg"])), value)
    code = _CODES.get(kind, ProblemCode.INVALID_VALUE)
    return _Found(target=target, expected=expected, choices=choices, message=message, code=code)


def _without_unlikely_members(found: Iterable[_Found]) -> Iterator[_Found]:
    """Keep, for every union, the members that fit the kind of value; of several the one with fewest errors."""
    unions: dict[ValuePath, dict[str, list[_Found]]] = {}
    for item in found:
        if item.target.union is None:
            yield item
        else:
            unions.setdefault(item.target.union, {}).setdefault(item.target.label, []).append(item)
    for path, members in unions.items():
        fits = [
            all(not item.expected or item.target.path != path for item in items) for items in members.values()
        ]
        likely = list(compress(members.values(), fits))
        yield from min(likely, key=len) if likely else (item for items in members.values() for item in items)


def _problems(found: Iterable[_Found], document: Document) -> Iterator[Problem]:
    """Yield one problem per place where the value is of the wrong kind, and one per error of another sort."""
    mismatches: dict[tuple[ValuePath, bool], list[_Found]] = {}
    for item in found:
        target = item.target
        if item.expected is None:
            yield document.problem(target.path, item.message, at_key=target.at_key, code=item.code)
        else:
            mismatches.setdefault((target.path, target.at_key), []).append(item)
    for (path, at_key), items in mismatches.items():
        yield document.problem(path, _mismatch(items), at_key=at_key)


def _mismatch(found: list[_Found]) -> str:
    value = found[0].target.value
    expected = tuple(dict.fromkeys(item.expected for item in found if item.expected))
    choices = [str(choice) for item in found for choice in item.choices]
    kind = {str: "the text ", int: "the number ", float: "the number "}.get(type(value), "")
    said = f"expected {' or '.join(expected)}, found {kind}{shown(value)}"
    wants_number = any("number" in noun for noun in expected)
    match value:
        case str() if close := difflib.get_close_matches(value.lower(), choices, n=1):
            return f"{said}, did you mean {shown(close[0])}?"
        case str() if wants_number and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
            return f"{said}: take the quotes off"
        case bool() | int() | float() if "text" in expected or str(value) in choices:
            return f"{said}: quote it"
        case float() if wants_number and value.is_integer():
            return f"{said}: write {int(value)}"
        case None:
            return f"{said}: write it after the ':'"
        case str() | bool() | int() | float() if "a list" in expected:
            return f"{said}: put it in brackets, [ ]"
        case _:
            return f"{said}: change it"


def _unknown_key(name: str, known: tuple[str, ...]) -> str:
    tail = did_you_mean(name, known)
    return f"unknown key {shown(name)}{tail}{'' if tail.endswith('?') else '.'} Rename it or delete the line."


def _missing(name: str | int | None, schema: Schema) -> str:
    if not isinstance(name, str):
        return "an item is missing at the end of the list: add it"
    return f"missing key {shown(name)}: {_child(schema, name).get('description', 'add it')}"


def _unknown_tag(name: str, tag: JsonValue, tags: tuple[str, ...]) -> str:
    if tag is None:
        return f"missing key {shown(name)}: write one of {', '.join(tags)}"
    return f"unknown {name} {shown(tag)}{did_you_mean(str(tag), tags)}"


def _out_of_range(value: JsonValue, bounds: Schema) -> str:
    least, above, most, below = map(bounds.get, _LIMITS.values())
    sides = {"at least": least, "above": above, "at most": most, "below": below}
    inside = " and ".join(f"{word} {bound}" for word, bound in sides.items() if bound is not None)
    if least is not None and most is not None:
        inside = f"{least} to {most}"
    said = f"{shown(value)} is out of range {inside}"
    # Behind a validator the schema has no bounds, and the error names only the one that was broken.
    is_share = 1 in (most, below) and (least or above or 0) == 0
    if is_share and least is None and above is None:
        said = f"{shown(value)} is out of range 0 to 1"
    if is_share and isinstance(value, int | float) and (1 < value < 100 or value == 100 == 100 * (most or 0)):
        return f"{said}; did you mean {value / 100:g}?"
    return f"{said}: write a number in that range"


def _wrong_length(value: JsonValue, context: Mapping[str, Any]) -> str:
    length = len(value) if isinstance(value, str | list | dict) else 0
    has = f"has {length} {'characters' if isinstance(value, str) else 'items'}"
    if (least := context.get("min_length")) is not None:  # pydantic counts the valid items alone
        return "" if length >= least else f"{has}, at least {least} are needed: add to it"
    return f"{has}, at most {context['max_length']} are allowed: shorten it"
