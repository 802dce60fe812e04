"""YAML in which every value means what it looks like, ProblemCode.YAML_FEATURE, read into plain data with the place of each value.

The parser's events are turned into values here, one by one: its own composer recurses in C and dies on a
run of `[`, and its resolver turns `no`, `22:30` and `010` into something else.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import JsonValue

from harness.edges.files.document import Document, Position, ValuePath
from harness.edges.files.reading import FORBIDDEN, read_text, refuse_unreadable, shown_path, whole_file
from harness.edges.files.secrets import escaped, shown
from harness.errors import DocumentError, Problem, ProblemCode

MOST_LEVELS = 20
MOST_VALUES = 10_000
_EMPTY = "the file is empty: write its content, or delete it"

Loader = type[yaml.SafeLoader] | type[yaml.CSafeLoader]
# PyYAML built without libyaml has only the second, which gives the same events some thirty times slower.
FASTEST_LOADER: Loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,99})\.[0-9]{1,300}")
_TRAPS = {
    "true or false to YAML: quote it, or write true or false": r"(?i:y|n|yes|no|on|off|true|false)",
    "nothing to YAML: quote it, or write null": r"(?i:null)",
    "a date to YAML: quote it": r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt\s]+[0-9]{1,2}:[0-9]{2}:[0-9]{2}.*)?",
    "a number in base 60 to YAML: quote it": r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?",
    "a number in another base to YAML: quote it, or write a plain decimal": r"[-+]?0(?:[xX][0-9a-fA-F_]+|[bB][01_]+|[oO]?[0-9_]+(?:\.[0-9_]*)?)",
    "not a finite number: quote it if text is meant, or write a plain decimal": r"[-+]?\.(?i:inf|nan)",
    "too large or too long a number: quote it if text is meant": r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?",
    "a number to some readers and text to others: quote it, or write a plain decimal": r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?",
    "a sign of its own to YAML: quote it": r"<<|=",
}
_TRAP = re.compile("|".join(f"({pattern})" for pattern in _TRAPS.values()))
_SYNTAX = {
    "an alias|an anchor": "text that starts with '*' or '&' must be quoted",
    "tag": "tags are not allowed: quote text that starts with '!'",
    "cannot start any token": "text cannot start with this character: quote it",
    "are not allowed": "a ':' or '-' stands where it cannot: quote the text it is in, or mend the indentation",
    "escape|hex": "an escape that does not exist: double the backslash, or use single quotes",
    "quoted scalar": "the quote that opens here is never closed: close it",
    "flow": "the list or mapping that opens here lacks a ',' between its items, or its end: add it",
    "simple key": "this line has no ': ' after its key: add it, or quote or indent the line if it is text",
    "block scalar": "only a line end may follow '|' or '>': start the text on the next line",
    "node content": "a value is missing here, or text needs quotes: write or quote it",
    "block": "this does not fit the lines above: line it up, or quote the whole text",
    "directive": "a line that starts with '%' is not allowed: delete or quote it",
    "": "this is not YAML: check the quotes, colons and indentation around here",
}


def read_yaml(path: Path, *, root: Path) -> Document:
    """Read the file at `path` (a relative one is taken from `root`), named relative to `root` in messages.

    Raises DocumentError for what `read_text` and `parse_yaml` refuse.
    """
    return parse_yaml(read_text(path, root=root), file=shown_path(path, root=root))


def parse_yaml(text: str, *, file: str, loader: Loader = FASTEST_LOADER) -> Document:
    """Return the one document in `text`; `file` is its name in messages.

    Raises DocumentError with every problem found; a syntax error, unreadable characters and more than
    `MOST_LEVELS` levels or `MOST_VALUES` values end the search.
    """
    refuse_unreadable(text, file=file)
    reading = _Reading(text, file=file, loader=loader)
    try:
        value = reading.document()
    except yaml.MarkedYAMLError as error:
        reading.problems.append(_syntax_problem(error, text=text, file=file))
    if reading.problems:
        raise DocumentError(tuple(reading.problems))
    return Document(file=file, value=value, positions=reading.positions, keys=reading.keys)


class _Reading:
    """One pass over the events of one text, collecting values, places and problems."""

    def __init__(self, text: str, *, file: str, loader: Loader) -> None:
        self.problems: list[Problem] = []
        self.positions: dict[ValuePath, Position] = {}
        self.keys: dict[ValuePath, Position] = {}
        self._file = file
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=loader)
        self._count = 0  # not by `positions`: a key that is given again takes the place of the first

    def document(self) -> JsonValue:
        next(self._events)
        start = next(self._events)
        if not isinstance(start, yaml.DocumentStartEvent):
            raise whole_file(self._file, _EMPTY, ProblemCode.SYNTAX)
        if start.version or start.tags:
            self._refuse(
                start, ProblemCode.YAML_FEATURE, "directives such as %YAML are not allowed: delete the line"
            )
        value = self._value(next(self._events), ())
        if value is None and not self.problems:
            raise whole_file(self._file, _EMPTY, ProblemCode.SYNTAX)
        next(self._events)
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._refuse(
                after,
                ProblemCode.YAML_FEATURE,
                "a second document starts here: move it to its own file, or delete this",
            )
        return value

    def _value(self, event: yaml.Event, path: ValuePath) -> JsonValue:
        self._count += 1
        if self._count > MOST_VALUES:
            self._refuse(
                event,
                ProblemCode.TOO_LARGE,
                f"more than {MOST_VALUES:,} values in one file: split it into several files",
            )
            raise DocumentError(tuple(self.problems))
        self.positions[path] = _position(event)
        self._refuse_decoration(event)
        match event:
            case yaml.ScalarEvent():
                return self._scalar(event)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent() if len(path) >= MOST_LEVELS:
                self._refuse(
                    event,
                    ProblemCode.TOO_LARGE,
                    f"nested more than {MOST_LEVELS} levels deep: write it flatter",
                )
                raise DocumentError(tuple(self.problems))
            case yaml.SequenceStartEvent():
                return self._sequence(path)
            case yaml.MappingStartEvent():
                return self._mapping(path)
            case _:
                return None  # an alias, refused above

    def _sequence(self, path: ValuePath) -> JsonValue:
        items: list[JsonValue] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: ValuePath) -> JsonValue:
        found: dict[str, JsonValue] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            place = (*path, key)
            if key in found:
                first = self.keys[place].line
                self._refuse(
                    event,
                    ProblemCode.DUPLICATE_KEY,
                    f"key {shown(key)} is already on line {first}: delete or rename one",
                )
            self.keys.setdefault(place, _position(event))
            found[key] = self._value(next(self._events), place)
        return found

    def _key(self, event: yaml.Event, path: ValuePath) -> str:
        known = len(self.problems)
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_decoration(event)
            key = self._scalar(event)
        else:
            key = self._value(event, (*path, "?"))
        if isinstance(key, str):
            return key
        if len(self.problems) == known:
            self._refuse(
                event,
                ProblemCode.AMBIGUOUS,
                f"a key must be text, this is {shown(key)}: quote it, or write a name",
            )
        return f"? {len(self.problems)}"

    def _scalar(self, event: yaml.ScalarEvent) -> JsonValue:
        if bad := FORBIDDEN.search(event.value):
            self._refuse(
                event,
                ProblemCode.ENCODING,
                f"the text holds the character {escaped(bad[0])}: take its escape out",
            )
            return None
        value = event.value if event.style else _plain_value(event.value)
        if isinstance(value, str) and not event.style and (trap := _TRAP.fullmatch(value)):
            self._refuse(
                event, ProblemCode.AMBIGUOUS, f"{shown(value)} is {tuple(_TRAPS)[(trap.lastindex or 0) - 1]}"
            )
            return None
        return value

    def _refuse_decoration(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._refuse(
                event,
                ProblemCode.YAML_FEATURE,
                "aliases are not allowed: write the value again, or quote text with '*'",
            )
        elif getattr(event, "anchor", None) is not None:
            self._refuse(
                event,
                ProblemCode.YAML_FEATURE,
                "anchors are not allowed: delete it, or quote text that starts with '&'",
            )
        if getattr(event, "tag", None) is not None:
            self._refuse(
                event,
                ProblemCode.YAML_FEATURE,
                "tags are not allowed: delete it, or quote text that starts with '!'",
            )

    def _refuse(self, event: yaml.Event, code: ProblemCode, message: str) -> None:
        place = _position(event)
        self.problems.append(
            Problem(file=self._file, line=place.line, column=place.column, message=message, code=code)
        )


def _plain_value(text: str) -> JsonValue:
    """Return what an unquoted scalar stands for; text may still be one of `_TRAPS`."""
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if _WHOLE.fullmatch(text) and -(2**63) <= int(text) < 2**63:
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def _syntax_problem(error: yaml.MarkedYAMLError, *, text: str, file: str) -> Problem:
    """Return a syntax error in our words, where it can be mended rather than where it was noticed."""
    place, opening = _position(error.problem_mark), _position(error.context_mark or error.problem_mark)
    rest = "\n".join(text.split("\n")[place.line - 1 :])[place.column - 1 :]
    said = f"{error.context} {error.problem}"
    message = next(advice for sign, advice in _SYNTAX.items() if re.search(sign, said))
    if rest.startswith("\t"):
        message = "a tab stands where YAML allows only spaces: indent with spaces"
    elif not rest.strip() or re.search("escape|hex|simple key|an alias|an anchor|quoted scalar", said):
        place = opening
    elif opening.line != place.line and "that opens here" in message:
        message = message.replace("opens here", f"opens on line {opening.line}")
    return Problem(file=file, line=place.line, column=place.column, message=message, code=ProblemCode.SYNTAX)


def _position(at: yaml.Event | yaml.Mark | None) -> Position:
    mark = at.start_mark if isinstance(at, yaml.Event) else at
    return Position(line=mark.line + 1, column=mark.column + 1) if mark else Position(line=1, column=1)
