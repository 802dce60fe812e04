"""A JSON value under a JSON Schema, draft 2020-12, every step counted.

Written for answers that may be hostile: jsonschema compares all items with all others for `uniqueItems`,
matches patterns with `re`, writes a message that holds the value for every branch that fails, and hands a
subschema with a `$schema` of its own to another class. Its results are the oracle in the tests.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from harness.core.canonical import canonical_json
from harness.core.graders.effort import Effort, TooLarge
from harness.core.graders.grade import quote
from harness.core.graders.schema_document import Place, SchemaDocument, SchemaPart

MOST_DEPTH = 200
"""Schemas inside one another while a value is checked, each some three calls."""
ITEM_STEPS = 50
_PART_STEPS, _KEYWORD_STEPS, _VALUE_STEPS = 500, 250, 200


@dataclass(frozen=True, slots=True)
class Broken:
    """The first thing that is wrong."""

    place: Place
    value: object
    said: str
    about: object = None

    def __str__(self) -> str:
        way = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.place)
        about = "" if self.about is None else f" {quote(canonical_json(self.about))}"
        return quote(f"${way}: {quote(canonical_json(self.value))} {self.said}{about}", 260)[1:-1]


@dataclass(slots=True)
class Seen:
    """What the keywords of a schema, and of those applied to the same value, have looked at."""

    keys: set[str] = field(default_factory=set)
    items: set[int] = field(default_factory=set)

    def add(self, other: "Seen", effort: Effort) -> None:
        effort.spend(ITEM_STEPS * (len(other.keys) + len(other.items)))
        self.keys |= other.keys
        self.items |= other.items


@dataclass(frozen=True, slots=True)
class Here:
    """A value under a schema."""

    schema: Mapping[str, Any]
    value: Any
    place: Place
    depth: int
    seen: Seen

    def broken(self, said: str, about: object = None) -> Broken:
        return Broken(self.place, self.value, said, about)


Keyword: TypeAlias = Callable[["SchemaCheck", Any, Here], Broken | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keywords:
    """What each keyword means; `last` are those that look at what all the others have left."""

    usual: Mapping[str, Keyword]
    last: Mapping[str, Keyword]


class SchemaCheck:
    """One value to check against one document."""

    def __init__(self, document: SchemaDocument, keywords: Keywords, effort: Effort) -> None:
        self.document = document
        self.keywords = keywords
        self.effort = effort
        self._keys: dict[int, frozenset[str]] = {}

    def first_broken(self, value: object) -> Broken | None:
        """Return what is wrong, or None. Raises TooLarge."""
        found = self.apply(self.document.root, value, (), 0)
        return found if isinstance(found, Broken) else None

    def apply(self, schema: SchemaPart, value: object, place: Place, depth: int) -> "Broken | Seen":
        """Apply a schema to a value: what is wrong, or what was looked at."""
        self.effort.spend(_PART_STEPS)
        if depth > MOST_DEPTH:
            raise TooLarge("nested too deeply to check")
        if isinstance(schema, bool):
            return Seen() if schema else Broken(place, value, "should not be there")
        here = Here(schema, value, place, depth + 1, Seen())
        for table in (self.keywords.usual, self.keywords.last):
            for keyword in schema:
                check = table.get(keyword)
                if check is None:
                    continue
                self.effort.spend(_KEYWORD_STEPS)
                broken = check(self, schema[keyword], here)
                if broken is not None:
                    return broken
        return here.seen

    def here(self, schema: SchemaPart, here: Here) -> Broken | None:
        """Apply another schema to the same value."""
        found = self.apply(schema, here.value, here.place, here.depth)
        if isinstance(found, Broken):
            return found
        here.seen.add(found, self.effort)
        return None

    def below(self, schema: SchemaPart, here: Here, part: str | int) -> Broken | None:
        """Apply a schema to a part of the value."""
        found = self.apply(schema, here.value[part], (*here.place, part), here.depth)
        return found if isinstance(found, Broken) else None

    def key(self, value: object) -> str:
        """Return a text that is equal for equal JSON values: 1 and 1.0 are, 1 and true are not."""
        match value:
            case Mapping():
                parts = sorted(f"{json.dumps(name)}:{self.key(inner)}" for name, inner in value.items())
                text = "{" + ",".join(parts) + "}"
            case list() | tuple():
                text = "[" + ",".join(map(self.key, value)) + "]"
            case float() if value.is_integer():
                text = json.dumps(int(value))
            case _:
                text = json.dumps(value)
        self.effort.spend(_VALUE_STEPS + 2 * len(text))
        return text

    def keys(self, values: Sequence[object]) -> frozenset[str]:
        """Return the keys of values that the schema lists; asked again for the same list, they cost nothing."""
        found = self._keys.get(id(values))
        if found is None:
            found = self._keys[id(values)] = frozenset(map(self.key, values))
        return found
