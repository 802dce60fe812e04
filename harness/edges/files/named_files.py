"""The files that a case names, put in the place of their names: tools, a schema, the prompt file."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import JsonValue

from harness.edges.files.document import Document, ValuePath
from harness.edges.files.reading import (
    MOST_BYTES,
    place_below,
    read_text,
    refuse_hidden,
    refuse_links,
    refuse_unreadable,
    whole_file,
)
from harness.edges.files.secrets import retold, shown
from harness.edges.files.strict_json import read_json_file
from harness.edges.files.strict_yaml import read_yaml
from harness.edges.templates import render_prompt
from harness.errors import DocumentError, Problem, ProblemCode

MOST_SUITE_BYTES = 32_000_000
"""Of the case files and the files that they name, each as often as it is named: it is checked anew every time."""
MOST_NAMED_VALUES = 10_000
"""In all the files that one case names."""


def files_named_in(paths: Sequence[Path], *, root: Path) -> tuple[str, ...]:
    """Return the prompt files, tools and schemas that cases name, as seen from the root; sorted.

    What is a link, a case file too, is named with the file that it leads to. What cannot be read, and what leads
    out of the project, is left out: loading the suite says so.
    """
    named: set[str] = set()
    for path in paths:
        own = place_below(path, root=root)
        named |= _places(path, root) - ({own.as_posix()} if own is not None else set())
        try:
            value = read_yaml(path, root=root).value
        except DocumentError:
            continue
        if not isinstance(value, dict):
            continue
        expect, tools = value.get("expect"), value.get("tools")
        beside = [
            *(tools if isinstance(tools, list) else ()),
            *([expect.get("json_schema")] if isinstance(expect, dict) else ()),
        ]
        places = [(path.parent, name) for name in beside] + [(root, value.get("prompt"))]
        for start, name in places:
            if isinstance(name, str) and "\0" not in name:
                named |= _places(start / name, root)
    return tuple(sorted(named))


def _places(path: Path, root: Path) -> set[str]:
    """Return a file's name and, where links are on its way, the name of the file behind them."""
    try:
        real = place_below(path.resolve(), root=root.resolve())
    except (OSError, RuntimeError, ValueError):  # links in a circle, a name no system takes
        real = None
    return {place.as_posix() for place in (place_below(path, root=root), real) if place is not None}


def is_task_document(value: JsonValue) -> bool:
    """Say whether a case is meant as a golden task: it has a `task` or a `prompt`."""
    return isinstance(value, dict) and not value.keys().isdisjoint({"task", "prompt"})


@dataclass(slots=True)
class Room:
    """How many bytes of a suite may still be read."""

    left: int = MOST_SUITE_BYTES

    @property
    def is_spent(self) -> bool:
        """Say whether more was asked for than there is."""
        return self.left < 0

    def take(self, path: Path) -> None:
        """Count the file that `path` leads to.

        What cannot be read, or is refused for its own size, takes no room: its reader says what is wrong.
        """
        try:
            size = path.stat().st_size
        except (OSError, ValueError):
            return
        if size <= MOST_BYTES:
            self.left -= size


@dataclass(slots=True, kw_only=True)
class NamedFiles:
    """The files that a case names, read; `problems` are those of the case that names them and their own."""

    folder: Path
    root: Path
    room: Room
    documents: dict[ValuePath, Document] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    places: dict[Path, Path] = field(default_factory=dict)
    """Where the files lie that may be named, as seen from the root."""
    read: dict[Path, Document] = field(default_factory=dict)
    """Tools and schemas by their paths: one can be named thousands of times."""
    values: int = 0

    def put_into(self, document: Document) -> JsonValue:
        """Return the value of a case with the content of files in the place of their names."""
        if not isinstance(document.value, dict):
            return document.value
        value = dict(document.value)
        tools = value.get("tools")
        if isinstance(tools, list):
            value["tools"] = [
                self._content(document, ("tools", index), tool) for index, tool in enumerate(tools)
            ]
        expect = value.get("expect")
        if isinstance(expect, dict) and isinstance(expect.get("json_schema"), str):
            schema = self._content(document, ("expect", "json_schema"), expect["json_schema"])
            value["expect"] = {**expect, "json_schema": schema}
        prompt = value.get("prompt")
        if isinstance(prompt, str):
            value["prompt"] = self._prompt(document, prompt, value.get("input"))
        elif prompt is not None:
            # What is sent has to come out of the file that is compared.
            message = "not a file's name: write the path of the prompt file, such as prompts/support.md"
            self.problems.append(document.problem(("prompt",), message))
            value["prompt"] = None
        return value

    def _prompt(self, document: Document, named: str, given: JsonValue) -> JsonValue:
        """Read a prompt file, named as seen from the root, and put the task's variables in."""
        variables = given.get("vars") if isinstance(given, dict) else None
        try:
            self._refuse_too_much(named, self.root)
            place = self._place(document, self.root / named)
            text = read_text(place, root=self.root)
            refuse_unreadable(text, file=named)
        except DocumentError as error:
            self.problems.extend(
                problem
                if problem.line
                else document.problem(
                    ("prompt",), f"the file {shown(named)} {problem.message}", code=problem.code
                )
                for problem in error.problems
            )
            return {"path": named, "text": "", "rendered": ""}
        rendered = ""
        try:
            rendered = render_prompt(text, variables if isinstance(variables, dict) else {}, file=named)
        except DocumentError as error:
            # It may name variables, and who calls one by a key must not see it in a log.
            self.problems.extend(
                replace(problem, message=retold(problem.message, None)) for problem in error.problems
            )
        return {"path": place.as_posix(), "text": text, "rendered": rendered}

    def _content(self, document: Document, place: ValuePath, named: JsonValue) -> JsonValue:
        if not isinstance(named, str):
            return named
        # An empty stand-in would bring a second, misleading error where a name is enough for a tool.
        stand_in: JsonValue = {"name": "unreadable"} if place[0] == "tools" else {}
        if self.room.is_spent:  # which was said
            return stand_in
        try:
            self._refuse_too_much(named, self.folder)
            path = self.folder / named
            if path not in self.places:  # a name can stand there thousands of times
                self._place(document, path)
            found = self.read.get(path) or read_json_file(path, root=self.root)
        except DocumentError as error:
            self.problems.extend(
                # What is wrong with the file as a whole is most often its name.
                problem
                if problem.line
                else document.problem(place, f"the file {shown(named)} {problem.message}", code=problem.code)
                for problem in error.problems
            )
            return stand_in
        self.documents[place] = self.read[path] = found
        self.values += len(found.positions)
        return found.value

    def _place(self, document: Document, path: Path) -> Path:
        """Return where a named file lies below the root. Raises DocumentError where no case may name it."""
        try:
            place = place_below(path, root=self.root)
            if place is None:
                raise whole_file(str(path), "lies outside the repository: move it in", ProblemCode.OUTSIDE)
            refuse_hidden(path, root=self.root)
            if is_task_document(document.value):
                refuse_links(path, root=self.root)
        except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name no system takes
            raise whole_file(
                str(path), "cannot be read (its path leads nowhere): check its name", ProblemCode.UNREADABLE
            ) from error
        self.places[path] = place
        return place

    def _refuse_too_much(self, named: str, folder: Path) -> None:
        """Take a file's room before it is read. Raises DocumentError."""
        if self.values > MOST_NAMED_VALUES:
            message = f"comes after files of {MOST_NAMED_VALUES:,} values in this case: name fewer"
            raise whole_file(named, message, ProblemCode.TOO_LARGE)
        self.room.take(folder / named)
        if self.room.is_spent:
            message = (
                f"takes the suite over {MOST_SUITE_BYTES:,} bytes: name smaller files, or split the suite"
            )
            raise whole_file(named, message, ProblemCode.TOO_LARGE)
