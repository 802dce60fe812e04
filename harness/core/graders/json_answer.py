"""The answer read as JSON, strictly: one document, nothing around it, no NaN."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

MOST_CHARACTERS = 1_000_000
MOST_LEVELS = 100
"""Of lists and objects inside one another: what works on them calls itself, and Python allows 1,000 calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotJson:
    """Why a text is not JSON."""

    reason: str


def read_json(text: str) -> object:
    """Parse `text` as JSON, or return NotJson. A code fence around it is not JSON."""
    if len(text) > MOST_CHARACTERS:
        return NotJson(reason=f"longer than {MOST_CHARACTERS:,} characters")
    try:
        value: object = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        return NotJson(reason="nested too deeply")
    except ValueError as error:
        return NotJson(reason=str(error))
    if text.count("[") + text.count("{") > MOST_LEVELS and is_deeper(value, MOST_LEVELS):
        return NotJson(reason="nested too deeply")
    return value


def same_json(one: object, other: object) -> bool:
    """Say whether two JSON values are equal: numbers by value, so that 500 is 500.0, but true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_json(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(same_json(a, b) for a, b in zip(one, other, strict=True))
    return one == other


def count_values(value: object) -> int:
    """Count the values in a JSON value, itself included."""
    waiting, count = [value], 0
    while waiting:
        outer = waiting.pop()
        count += 1
        waiting.extend(_inner(outer))
    return count


def is_deeper(value: object, levels: int) -> bool:
    """Say whether lists and objects lie in one another more than `levels` deep."""
    level = [value]
    for _ in range(levels + 1):
        level = [inner for outer in level for inner in _inner(outer)]
        if not level:
            return False
    return True


def _inner(value: object) -> list[object]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:20]} is too large a number")
    return number
