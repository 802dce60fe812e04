"""JSON files that a case names, read as strictly as its YAML, with the place of each value."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from harness.edges.files.document import Document, Position, ValuePath
from harness.edges.files.reading import (
    FORBIDDEN,
    at_offset,
    read_text,
    refuse_unreadable,
    shown_path,
    whole_file,
)
from harness.edges.files.secrets import escaped, shown
from harness.errors import DocumentError, ProblemCode

MOST_LEVELS = 40
MOST_VALUES = 10_000
_LONGEST_NUMBER = 300
_TOKEN = re.compile(
    r"""(?P<space>[\ \t\r\n]+)
      | (?P<text>"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*")
      | (?P<number>-?[0-9][0-9.eE+-]*)
      | (?P<word>-?[A-Za-z]+)
      | (?P<sign>[][{},:])""",
    re.VERBOSE,
)
_WORDS = ("true", "false", "null")


def read_json_file(path: Path, *, root: Path) -> Document:
    """Read the JSON object in the file at `path`, named relative to `root` in messages.

    Raises DocumentError for what `read_text` refuses, for what is no JSON object, and for what JSON readers
    disagree on: NaN, infinity, numbers that no one can hold, a name given twice, half characters.
    """
    name = shown_path(path, root=root)
    text = read_text(path, root=root)
    refuse_unreadable(text, file=name)
    return parse_json_object(text, file=name)


def parse_json_object(text: str, *, file: str) -> Document:
    """Read the JSON object that `text` is, as strictly as a file of its own. Raises DocumentError."""
    scan = _Scan(text=text, file=file)
    scan.run()
    try:
        value: JsonValue = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"not JSON ({error.msg}): mend it here"
        raise DocumentError(
            (at_offset(text, error.pos, file=file, message=message, code=ProblemCode.SYNTAX),)
        ) from error
    if not isinstance(value, dict):
        raise whole_file(file, "is not a JSON object: begin it with '{'", ProblemCode.SYNTAX)
    return Document(file=file, value=value, positions=scan.positions, keys=scan.keys)


@dataclass(slots=True)
class _Container:
    """A list or an object that is open; `part` is the place of the value that comes next."""

    is_object: bool
    part: str | int = 0
    keys: set[str] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class _Scan:
    """One pass over the tokens, before anything is built: where values are, and what must not be there.

    What is no JSON at all is left to the parser.
    """

    text: str
    file: str
    positions: dict[ValuePath, Position] = field(default_factory=dict)
    keys: dict[ValuePath, Position] = field(default_factory=dict)
    _open: list[_Container] = field(default_factory=list)
    _line: int = 1
    _line_start: int = 0
    _counted: int = 0
    _values: int = 0
    """Not those in `positions`: what stands behind the end takes the place of the first."""

    def run(self) -> None:
        """Read to the end, or to what is no token. Raises DocumentError."""
        waiting: re.Match[str] | None = None  # a text may be a name: the sign after it says so
        for token in self._tokens():
            if token.lastgroup == "sign" and token[0] == ":" and waiting is not None:
                self._name(waiting)
                waiting = None
                continue
            if waiting is not None:
                self._value(waiting)
            waiting = token if token.lastgroup == "text" else None
            if waiting is None:
                self._sign(token) if token.lastgroup == "sign" else self._value(token)
        if waiting is not None:
            self._value(waiting)

    def _tokens(self) -> Iterator[re.Match[str]]:
        offset = 0
        while (token := _TOKEN.match(self.text, offset)) is not None:
            offset = token.end()
            if token.lastgroup != "space":
                yield token

    def _name(self, token: re.Match[str]) -> None:
        name = self._decoded(token)
        if not self._open or not self._open[-1].is_object:
            return
        container = self._open[-1]
        if name in container.keys:
            self._refuse(
                token, ProblemCode.DUPLICATE_KEY, f"{shown(name)} is already there: delete or rename one"
            )
        container.keys.add(name)
        container.part = name
        self.keys[self._path()] = self._position(token)

    def _sign(self, token: re.Match[str]) -> None:
        match token[0]:
            case "{" | "[":
                self._value(token)
                if len(self._open) >= MOST_LEVELS:
                    self._refuse(
                        token,
                        ProblemCode.TOO_LARGE,
                        f"nested more than {MOST_LEVELS} levels deep: write it flatter",
                    )
                self._open.append(_Container(is_object=token[0] == "{"))
            case "}" | "]" if self._open:
                self._open.pop()
            case "," if self._open and isinstance(self._open[-1].part, int):
                self._open[-1].part += 1

    def _value(self, token: re.Match[str]) -> None:
        self._values += 1
        if self._values > MOST_VALUES:
            self._refuse(
                token, ProblemCode.TOO_LARGE, f"more than {MOST_VALUES:,} values in one file: write less"
            )
        self.positions[self._path()] = self._position(token)
        match token.lastgroup:
            case "text":
                self._decoded(token)
            case "number":
                self._check_number(token)
            case "word" if token[0] not in _WORDS:
                self._refuse(
                    token,
                    ProblemCode.SYNTAX,
                    f"{shown(token[0])} is not JSON: write a number, a text in quotes, or null",
                )

    def _decoded(self, token: re.Match[str]) -> str:
        if "\\" not in token[0]:
            return token[0][1:-1]
        try:
            text: str = json.loads(token[0])
        except json.JSONDecodeError:
            return token[0]  # an escape that does not exist: the parser says so
        if bad := FORBIDDEN.search(text):
            self._refuse(
                token,
                ProblemCode.ENCODING,
                f"the text holds the character {escaped(bad[0])}: take its escape out",
            )
        return text

    def _check_number(self, token: re.Match[str]) -> None:
        try:
            too_large = len(token[0]) > _LONGEST_NUMBER or math.isinf(float(token[0]))
        except ValueError:
            return
        if too_large:
            self._refuse(
                token,
                ProblemCode.TOO_LARGE,
                f"{shown(token[0])} is too large or too long a number: write a smaller one",
            )

    def _path(self) -> ValuePath:
        return tuple(container.part for container in self._open)

    def _position(self, token: re.Match[str]) -> Position:
        # From where the last one was: a file of one long line would be read again for each of its values.
        found = self.text.count("\n", self._counted, token.start())
        self._counted = token.start()
        if found:
            self._line += found
            self._line_start = self.text.rfind("\n", 0, token.start()) + 1
        return Position(line=self._line, column=token.start() - self._line_start + 1)

    def _refuse(self, token: re.Match[str], code: ProblemCode, message: str) -> None:
        problem = at_offset(self.text, token.start(), file=self.file, message=message, code=code)
        raise DocumentError((problem,))
