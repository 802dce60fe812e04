"""JSON from files that others may have written: no deeper and no fuller than what drift writes."""

import json
import re

MOST_DEPTH = 300
"""Answers are never nested deeper: pydantic writes 255 levels."""
_FREE_BYTES, _PARSED_TO_READ = 20_000_000, 8
"""What drift writes takes, once parsed, four times the bytes of the file; hostile files take a hundred times."""
_OBJECT, _ARRAY, _VALUE = 232, 64, 60
"""Bytes that Python needs for an object with a field, an empty list, and a small value."""
_STRING = re.compile(rb'"[^"]*"')


def parse_untrusted(content: bytes) -> object:
    """Parse JSON. Raises ValueError for what is no JSON, nested too deeply, or too large once it is parsed."""
    if holds_too_much(content):
        raise ValueError("holds more values than drift writes")
    try:
        value: object = json.loads(content.decode("utf-8"), parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if content.count(b"[") + content.count(b"{") > MOST_DEPTH and _is_deep(value):
        raise ValueError("nested too deeply")
    return value


def holds_too_much(content: bytes) -> bool:
    """Say whether JSON would be too large once it is parsed, for its size as a file."""
    allowed = _FREE_BYTES + _PARSED_TO_READ * len(content)
    if _cost(content) <= allowed:
        return False
    # Only now worth looking closer: brackets and commas inside a text cost nothing.
    bare = _STRING.sub(b"", content.replace(rb"\\", b"").replace(rb"\"", b""))
    return _cost(bare) > allowed


def _cost(content: bytes) -> int:
    return _OBJECT * content.count(b"{") + _ARRAY * content.count(b"[") + _VALUE * content.count(b",")


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [inner for outer in level for inner in _inner(outer)]
        if not level:
            return False
    return True


def _inner(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")
