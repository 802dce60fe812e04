"""What a JSONPath finds in a JSON value, every step of the search counted.

The library parses the path. Its own search is not used: `$..*..*..*` makes it visit a small answer millions
of times, and some operators parse and then raise what nobody expects.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from jsonpath_ng import jsonpath as parsed
from jsonpath_ng import parse
from jsonpath_ng.exceptions import JSONPathError

from harness.core.graders.effort import Effort

MOST_PARTS = 60
_PLACE_STEPS = 300


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A value, and where it was found."""

    value: object
    within: "Found | None"


Search: TypeAlias = Callable[[Found, Effort], Iterator[Found]]


def compile_path(path: str) -> Search:
    """Return the search for a path, which raises TooLarge. Raises ValueError where it is none, or is too long."""
    try:
        root = parse(path)
    except (JSONPathError, NotImplementedError) as error:
        raise ValueError(str(error) or "it does not parse") from error
    if _count_parts(root) > MOST_PARTS:
        raise ValueError(f"it has more than {MOST_PARTS} parts")
    return _search(root)


def find_values(search: Search, value: object, effort: Effort) -> list[object]:
    """Return every value that a search finds, in the order of the document. Raises TooLarge."""
    return [found.value for found in search(Found(value, None), effort)]


def _count_parts(root: object) -> int:
    waiting, count = [root], 0
    while waiting:
        part = waiting.pop()
        count += 1
        waiting.extend(getattr(part, side) for side in ("left", "right") if hasattr(part, side))
    return count


def _search(part: Any) -> Search:
    match part:
        case parsed.Root():
            return _root
        case parsed.This():
            return lambda place, _effort: iter((place,))
        case parsed.Parent():
            return lambda place, _effort: iter(() if place.within is None else (place.within,))
        case parsed.Fields():
            return _fields(part.fields)
        case parsed.Wildcard():
            return _children
        case parsed.Index():
            return _indices(part.indices)
        case parsed.Slice():
            return _slice(slice(part.start, part.end, part.step))
        case parsed.Child():
            return _child(_search(part.left), _search(part.right))
        case parsed.Descendants():
            return _descendants(_search(part.left), _search(part.right))
        case parsed.WhereNot():
            return _where(_search(part.left), _search(part.right), wanted=False)
        case parsed.Where():
            return _where(_search(part.left), _search(part.right), wanted=True)
        case _ if type(part).__name__.lstrip("_") == "Union":  # private, and about to go
            return _union(_search(part.left), _search(part.right))
        case _:
            raise ValueError("an operator in it is not supported")


def _visit(value: object, within: Found, effort: Effort) -> Found:
    effort.spend(_PLACE_STEPS)
    return Found(value, within)


def _root(place: Found, effort: Effort) -> Iterator[Found]:
    while place.within is not None:
        effort.spend(_PLACE_STEPS)
        place = place.within
    yield place


def _fields(names: tuple[str, ...]) -> Search:
    def search(place: Found, effort: Effort) -> Iterator[Found]:
        effort.spend(_PLACE_STEPS * len(names))
        if isinstance(place.value, Mapping):
            for name in names:
                if name in place.value:
                    yield _visit(place.value[name], place, effort)

    return search


def _indices(indices: tuple[int, ...]) -> Search:
    def search(place: Found, effort: Effort) -> Iterator[Found]:
        effort.spend(_PLACE_STEPS * len(indices))
        if isinstance(place.value, list):
            for index in indices:
                if -len(place.value) <= index < len(place.value):
                    yield _visit(place.value[index], place, effort)

    return search


def _slice(wanted: slice) -> Search:
    def search(place: Found, effort: Effort) -> Iterator[Found]:
        effort.spend(_PLACE_STEPS)
        if isinstance(place.value, list) and wanted.step != 0:
            # By place, because a slice of a long list would be copied before the first step is counted.
            for index in range(*wanted.indices(len(place.value))):
                yield _visit(place.value[index], place, effort)

    return search


def _children(place: Found, effort: Effort) -> Iterator[Found]:
    effort.spend(_PLACE_STEPS)
    if isinstance(place.value, Mapping):
        for value in place.value.values():
            yield _visit(value, place, effort)
    elif isinstance(place.value, list):
        for value in place.value:
            yield _visit(value, place, effort)


def _child(left: Search, right: Search) -> Search:
    def search(place: Found, effort: Effort) -> Iterator[Found]:
        for found in left(place, effort):
            yield from right(found, effort)

    return search


def _descendants(left: Search, right: Search) -> Search:
    def search(place: Found, effort: Effort) -> Iterator[Found]:
        for start in left(place, effort):
            waiting = [start]
            while waiting:
                found = waiting.pop()
                yield from right(found, effort)
                waiting.extend(reversed(list(_children(found, effort))))

    return search


def _union(left: Search, right: Search) -> Search:
    def search(place: Found, effort: Effort) -> Iterator[Found]:
        yield from left(place, effort)
        yield from right(place, effort)

    return search


def _where(left: Search, right: Search, *, wanted: bool) -> Search:
    def search(place: Found, effort: Effort) -> Iterator[Found]:
        for found in left(place, effort):
            if (next(right(found, effort), None) is not None) is wanted:
                yield found

    return search
