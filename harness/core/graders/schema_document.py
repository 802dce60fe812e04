"""A JSON Schema read once: what its references mean, its patterns, and what it costs to apply.

Everything that could make an answer's check endless is found here, before the first call: a reference out of
the document, a schema that applies itself to the same value, references that unfold to millions of schemas.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from urllib.parse import unquote, urldefrag, urljoin

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError

from harness.core.expect import MOST_PATTERNS
from harness.core.graders.grade import BadRule, Pattern, compile_pattern
from harness.core.graders.json_answer import count_values, is_deeper

MOST_VALUES = 2_000
MOST_LEVELS = 30
MOST_UNFOLDED = 2_000
"""Schemas that apply to one value, each counted as often as it is reached."""
MOST_LINKS = 40
"""References and combinations that lead from one to the next before a value's parts are looked at."""
_MOST_SAID = 200
_INDEX = re.compile(r"[0-9]{1,6}")

SchemaPart: TypeAlias = Mapping[str, Any] | bool
Place: TypeAlias = tuple[str | int, ...]

_ONE_HERE = ("not", "if", "then", "else")
_LIST_HERE = ("allOf", "anyOf", "oneOf")
_MAP_HERE = ("dependentSchemas",)
_HERE = (*_ONE_HERE, *_LIST_HERE, *_MAP_HERE)
"""These apply their schemas to the same value."""
_ONE_BELOW = (
    "additionalProperties",
    "propertyNames",
    "items",
    "contains",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
)
_LIST_BELOW = ("prefixItems",)
_MAP_BELOW = ("properties", "patternProperties", "$defs", "definitions")


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaDocument:
    """A schema with its references followed. Parts are known by `id`: they live as long as the document."""

    root: SchemaPart
    targets: Mapping[int, SchemaPart]
    """What the reference in a part means."""
    patterns: Mapping[str, Pattern]


def read_schema(schema: Mapping[str, Any]) -> SchemaDocument:
    """Check a schema and follow its references. Raises BadRule with its place in the schema."""
    refuse_malformed(schema)
    reading = _Reading(schema)
    return SchemaDocument(root=schema, targets=reading.targets, patterns=reading.patterns)


def refuse_malformed(schema: Mapping[str, Any], place: Place = ()) -> None:
    """Raise BadRule where a schema is too large to check, or not one of draft 2020-12."""
    count = count_values(schema)
    if count > MOST_VALUES:
        raise BadRule(place, f"a schema of {count:,} values, at most {MOST_VALUES:,} are allowed: check less")
    if is_deeper(schema, MOST_LEVELS):
        raise BadRule(
            place, f"a schema nested more than {MOST_LEVELS} levels deep: write it flatter, with $defs"
        )
    try:
        # Without formats: `regex` would be tried with `re`, and patterns here are RE2.
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(formats=()))
    except SchemaError as error:
        said = error.message if len(error.message) <= _MOST_SAID else f"{error.message[:_MOST_SAID]}…"
        raise BadRule((*place, *error.absolute_path), f"not a JSON Schema: {said}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    schema: Mapping[str, Any]
    place: Place
    base: str
    """What references in it are relative to."""


class _Reading:
    """One pass over the schemas in a schema, then one over their references."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.targets: dict[int, SchemaPart] = {}
        self.patterns: dict[str, Pattern] = {}
        self._parts: dict[int, _Part] = {}
        self._resources: dict[str, Mapping[str, Any]] = {"": root}
        self._anchors: dict[str, list[_Part]] = {}
        for part in self._walk(root):
            self._follow(part)
        unfolded: dict[int, int] = {}
        for part in self._parts.values():
            self._unfold(part.schema, unfolded, ())

    def _walk(self, root: Mapping[str, Any]) -> list[_Part]:
        """Take note of every schema in a schema; return those that hold a reference."""
        with_references, waiting = [], [_Part(schema=root, place=(), base="")]
        while waiting:
            part = waiting.pop()
            if isinstance(name := part.schema.get("$id"), str):
                base = urldefrag(_joined(part.base, name, (*part.place, "$id")))[0]
                part = replace(part, base=base)
                self._resources[base] = part.schema
            self._parts[id(part.schema)] = part
            for keyword in ("$anchor", "$dynamicAnchor"):
                if keyword in part.schema:
                    self._anchors.setdefault(part.schema[keyword], []).append(part)
            self._compile_patterns(part)
            if "$ref" in part.schema or "$dynamicRef" in part.schema:
                with_references.append(part)
            for way, inner in _parts_of(part.schema):
                if not isinstance(inner, bool):
                    waiting.append(_Part(schema=inner, place=(*part.place, *way), base=part.base))
        return with_references

    def _compile_patterns(self, part: _Part) -> None:
        schema, found = part.schema, [((*part.place, "pattern"), part.schema.get("pattern"))]
        found += [
            ((*part.place, "patternProperties", name), name) for name in schema.get("patternProperties", ())
        ]
        for place, pattern in found:
            if pattern is not None and pattern not in self.patterns:
                self.patterns[pattern] = compile_pattern(pattern, place)
            if len(self.patterns) > MOST_PATTERNS:
                raise BadRule(place, f"more than {MOST_PATTERNS} patterns: use fewer")

    def _follow(self, part: _Part) -> None:
        """Find what a reference means."""
        keyword = "$ref" if "$ref" in part.schema else "$dynamicRef"
        place = (*part.place, keyword)
        if keyword == "$ref" and "$dynamicRef" in part.schema:
            raise BadRule(place, "$ref and $dynamicRef in one place: keep one")
        reference: str = part.schema[keyword]
        address, fragment = urldefrag(_joined(part.base, reference, place))
        resource = self._resources.get(address)
        missing = BadRule(place, f"refers to what is not in it: {reference[:_MOST_SAID]}")
        if resource is None:
            raise missing
        if fragment and not fragment.startswith("/"):
            found = self._named(fragment, address, missing, dynamic=keyword == "$dynamicRef")
        else:
            found = _pointed_at(resource, fragment, missing)
        if not isinstance(found, bool) and id(found) not in self._parts:
            raise BadRule(place, f"refers to what is not a schema, or not in $defs: {reference[:_MOST_SAID]}")
        self.targets[id(part.schema)] = found

    def _named(self, fragment: str, address: str, missing: BadRule, *, dynamic: bool) -> SchemaPart:
        everywhere = self._anchors.get(unquote(fragment), [])
        found = [part for part in everywhere if part.base == address]
        if not found:
            raise missing
        # A dynamic reference means what the outermost schema calls so, which only one can where there is one.
        if len(everywhere if dynamic else found) > 1:
            raise BadRule(missing.path, f"there are several '{fragment[:_MOST_SAID]}': name each differently")
        return found[0].schema

    def _unfold(self, schema: SchemaPart, known: dict[int, int], way: tuple[int, ...]) -> int:
        """Count the schemas that apply to one value. Raises BadRule where there is no end, or too many."""
        if isinstance(schema, bool):
            return 1
        if id(schema) in known:
            return known[id(schema)]
        place = self._parts[id(schema)].place
        if id(schema) in way:
            raise BadRule(place, "refers to itself without end")
        if len(way) > MOST_LINKS:
            raise BadRule(
                place, f"more than {MOST_LINKS} references or combinations in a row: write it flatter"
            )
        here = [inner for way, inner in _parts_of(schema) if way[0] in _HERE]
        if id(schema) in self.targets:
            here.append(self.targets[id(schema)])
        count = 1 + sum(self._unfold(inner, known, (*way, id(schema))) for inner in here)
        if count > MOST_UNFOLDED:
            raise BadRule(
                place,
                f"unfolds to more than {MOST_UNFOLDED:,} schemas for one value: refer to fewer, "
                "or write it flatter",
            )
        known[id(schema)] = count
        return count


def _pointed_at(value: Any, pointer: str, missing: BadRule) -> Any:
    for step in pointer.split("/")[1:]:
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list | tuple) and _INDEX.fullmatch(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            raise missing
    return value


def _parts_of(part: Mapping[str, Any]) -> Iterator[tuple[Place, SchemaPart]]:
    """Yield the schemas in a schema, and the way to each."""
    for keyword in (*_ONE_HERE, *_ONE_BELOW):
        if isinstance(part.get(keyword), Mapping | bool):
            yield (keyword,), part[keyword]
    for keyword in (*_LIST_HERE, *_LIST_BELOW):
        for index, inner in enumerate(part.get(keyword, ())):
            yield (keyword, index), inner
    for keyword in (*_MAP_HERE, *_MAP_BELOW):
        inners = part.get(keyword)
        for name, inner in inners.items() if isinstance(inners, Mapping) else ():
            if isinstance(inner, Mapping | bool):
                yield (keyword, name), inner


def _joined(base: str, reference: str, place: Place) -> str:
    try:
        return urljoin(base, reference)
    except ValueError as error:
        raise BadRule(place, f"not an address: {error}") from error
