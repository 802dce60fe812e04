"""The one definition of "the same": canonical JSON, normalised text, digests."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = Mapping[str, object]

# Zero-width and bidirectional controls: no reader sees them, so two texts that differ only in them are equal.
_INVISIBLE = dict.fromkeys(
    [0x061C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF]
)


class Record(BaseModel):
    """What is read from or written to a file: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, defer_build=True, extra="forbid", allow_inf_nan=False)


def canonical_json(value: object) -> str:
    """Serialise a JSON value so that equal values give equal text: sorted keys, no spaces, UTF-8, no NaN.

    Raises ValueError for NaN and infinity.
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def canonical_record(record: BaseModel) -> str:
    """Serialise a record canonically, leaving out fields that hold their default."""
    return canonical_json(record.model_dump(mode="json", exclude_defaults=True))


def digest(value: object) -> str:
    """Return the sha256 of the canonical JSON of `value`, in hexadecimal."""
    return text_digest(canonical_json(value))


def text_digest(text: str) -> str:
    """Return the sha256 of `text` as UTF-8, in hexadecimal; a lone surrogate counts as itself."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# NFC takes time in the square of a run of combining marks; no writing system stacks thirty (UAX #15, section 13).
_MOST_STACKED = 30
_MAYBE_STACKED = re.compile(f"[\u0300-\U0001efff]{{{_MOST_STACKED + 1},}}")

_ABOVE_FFFF = re.compile("[\U00010000-\U0001efff]")


_SPACES = tuple(char for char in map(chr, range(0x3001)) if char.isspace() and char != "\n")
_ASCII_SPACES = tuple(char for char in _SPACES if char.isascii())


@cache
def _stacked_marks(most: int) -> re.Pattern[str]:
    marks = "".join(char for char in map(chr, range(0x300, most)) if unicodedata.combining(char))
    return re.compile(f"([{marks}]{{{_MOST_STACKED}}})[{marks}]+")


def normalise(text: str) -> str:
    """Reduce `text` to what a reader sees: NFC, LF, no invisible characters, no trailing space on a line.

    Idempotent. Leading and trailing blank lines go; inner ones stay, because layout is behaviour.
    """
    # Stacks are cut after the invisible characters are gone, which would keep two of them apart, and again after
    # NFC, which writes some marks as two.
    seen = _unstacked(text.replace("\r\n", "\n").replace("\r", "\n").translate(_INVISIBLE))
    composed = _unstacked(unicodedata.normalize("NFC", seen))
    if _has_space_at_an_end(composed):
        composed = "\n".join(line.rstrip() for line in composed.split("\n"))
    return composed.strip("\n")


def _has_space_at_an_end(text: str) -> bool:
    """Say whether a line ends in a space: to split a text of a million lines takes a hundred times as long as to see it."""
    spaces = _ASCII_SPACES if text.isascii() else _SPACES
    return text[-1:].isspace() or any(f"{char}\n" in text for char in spaces)


def _unstacked(text: str) -> str:
    return text if text.isascii() else _MAYBE_STACKED.sub(_unstacked_run, text)


def _unstacked_run(run: re.Match[str]) -> str:
    # Python looks characters up in a table up to U+FFFF, and above in a list, which is five times slower.
    marks = _stacked_marks(0x1F000 if _ABOVE_FFFF.search(run[0]) else 0x10000)
    return marks.sub(r"\1", run[0])
