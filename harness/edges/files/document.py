"""What a file says, and where it says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import JsonValue

from harness.errors import Problem, ProblemCode

ValuePath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What one file says, and where it says it: `positions` of values, `keys` of the keys before them."""

    file: str
    value: JsonValue
    positions: Mapping[ValuePath, Position]
    keys: Mapping[ValuePath, Position]

    def problem(
        self,
        path: ValuePath,
        message: str,
        *,
        at_key: bool = False,
        code: ProblemCode = ProblemCode.INVALID_VALUE,
    ) -> Problem:
        """Return a problem at the value or the key of `path`, or at its nearest parent that is there."""
        place = self.keys.get(path) if at_key else None
        while place is None:
            place = self.positions.get(path) or (None if path else Position(line=1, column=1))
            path = path[:-1]
        return Problem(file=self.file, line=place.line, column=place.column, message=message, code=code)
