"""Suites as data: a folder of YAML files, one case each, every error of every file at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import JsonValue

from harness.core.expect import Expect
from harness.core.graders import BadRule, compile_graders
from harness.core.graders.json_answer import count_values
from harness.core.graders.schema_document import refuse_malformed
from harness.core.signals import SIGNALS
from harness.core.suite import Case, Suite
from harness.edges.files.document import Document, ValuePath
from harness.edges.files.secrets import shown
from harness.edges.files.strict_json import read_json_file
from harness.edges.files.strict_yaml import read_yaml
from harness.edges.files.validation import build
from harness.errors import DocumentError, Problem
from harness.registry import did_you_mean

MOST_CASES = 2_000
MOST_TOOL_VALUES = 4_000
MOST_NAMED_VALUES = 10_000
"""In all the files that one case names."""


def load_suite(name: str, folder: Path, *, root: Path) -> Suite:
    """Read every `*.yaml` of `folder`, sorted by name. Raises DocumentError with every problem of every file."""
    problems: list[Problem] = []
    cases: list[Case] = []
    place = _shown(folder, root)
    paths = _case_files(folder, root, place)
    if not paths:
        message = "no case here: a suite is a folder of YAML files, one case each"
        raise DocumentError((Problem(file=place, message=message),))
    for path in paths:
        try:
            cases.append(load_case(path, root=root))
        except DocumentError as error:
            problems.extend(error.problems)
    problems.extend(_twins(paths, root))
    if problems:
        raise DocumentError(tuple(dict.fromkeys(problems)))  # a file that two cases name is wrong once
    return Suite(name=name, cases=tuple(cases))


def _case_files(folder: Path, root: Path, place: str) -> list[Path]:
    """List the files of a suite, which lies in the project as its files do. Raises DocumentError."""
    try:
        if not folder.resolve().is_relative_to(root.resolve()):
            message = "lies outside the project, or links out of it: move it in"
            raise DocumentError((Problem(file=place, message=message),))
        paths = sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))) if folder.is_dir() else []
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name no system takes
        reason = error.strerror if isinstance(error, OSError) else "its path leads nowhere"
        message = f"cannot be read ({reason}): check its name and its permissions"
        raise DocumentError((Problem(file=place, message=message),)) from error
    if len(paths) > MOST_CASES:
        message = f"{len(paths):,} cases, at most {MOST_CASES:,} are allowed: split the suite"
        raise DocumentError((Problem(file=place, message=message),))
    return paths


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _twins(paths: Sequence[Path], root: Path) -> Iterator[Problem]:
    """Find files that name the same case: `a.yaml` and `a.yml`."""
    first: dict[str, Path] = {}
    for path in paths:
        other = first.setdefault(path.stem, path)
        if other is not path:
            message = f"the case is in '{other.name}', too: delete one of the files"
            yield Problem(file=_shown(path, root), message=message)


def load_case(path: Path, *, root: Path) -> Case:
    """Read one case, with the tools and schemas it names. Raises DocumentError."""
    document = read_yaml(path, root=root)
    named = _Named(folder=path.parent, root=root)
    document = replace(document, value=named.put_into(document))
    problems = named.problems
    try:
        case = build(document, Case)
    except DocumentError as error:
        raise DocumentError((*problems, *error.problems)) from error
    if not problems:  # a stand-in for a file that cannot be read is no rule
        problems.extend(_rule_problems(document, case, named.documents))
    if case.id != path.stem:
        problems.append(
            document.problem(("id",), f"the id is '{case.id}' and the file '{path.name}': make them equal")
        )
    if problems:
        raise DocumentError(tuple(problems))
    return case


def _rule_problems(document: Document, case: Case, named: Mapping[ValuePath, Document]) -> Iterator[Problem]:
    for error in _bad_rules(case):
        yield _problem_in(document, named, error)
    if case.signals is not None and not any(
        name in SIGNALS.table and SIGNALS.load(name).decides for name in case.signals
    ):
        yield document.problem(
            ("signals",), "no signal that decides is named, so nothing could be seen: name one"
        )
    for index, name in enumerate(case.signals or ()):
        if name not in SIGNALS.table:
            yield document.problem(
                ("signals", index), f"unknown signal '{name}'{did_you_mean(name, SIGNALS.names())}"
            )


def _problem_in(document: Document, named: Mapping[ValuePath, Document], error: BadRule) -> Problem:
    """Return a problem in the file that holds its place: the case's own, or one that the case names."""
    for place, other in named.items():
        if error.path[: len(place)] == place:
            return other.problem(error.path[len(place) :], str(error))
    return document.problem(error.path, str(error))


def _bad_rules(case: Case) -> Iterator[BadRule]:
    """Yield every rule that cannot work, with its place in the case: each check by itself, then the rest."""
    alone = [(("checks", number), Expect(checks=(check,))) for number, check in enumerate(case.expect.checks)]
    rest = case.expect.model_copy(update={"checks": ()})
    for place, expect in [*alone, ((), rest)]:
        try:
            compile_graders(case.model_copy(update={"expect": expect}))
        except BadRule as error:
            yield BadRule(("expect", *place, *error.path[len(place) :]), str(error))
    yield from _bad_tools(case)


def _bad_tools(case: Case) -> Iterator[BadRule]:
    """Yield every tool whose parameters are no JSON Schema; what is in one is the provider's business."""
    count = sum(count_values(tool.parameters) for tool in case.tools)
    if count > MOST_TOOL_VALUES:
        message = f"tools of {count:,} values, at most {MOST_TOOL_VALUES:,} are allowed: give the model fewer"
        yield BadRule(("tools",), message)
        return
    for number, tool in enumerate(case.tools):
        try:
            refuse_malformed(tool.parameters)
        except BadRule as error:
            yield BadRule(("tools", number, "parameters", *error.path), str(error))


@dataclass(slots=True, kw_only=True)
class _Named:
    """The files that a case names, read; `problems` are those of the case that names them and their own."""

    folder: Path
    root: Path
    documents: dict[ValuePath, Document] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

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
        return value

    def _content(self, document: Document, place: ValuePath, named: JsonValue) -> JsonValue:
        if not isinstance(named, str):
            return named
        try:
            if sum(len(read.positions) for read in self.documents.values()) > MOST_NAMED_VALUES:
                message = f"comes after files of {MOST_NAMED_VALUES:,} values in this case: name fewer"
                raise DocumentError((Problem(file=named, message=message),))
            found = read_json_file(self.folder / named, root=self.root)
        except DocumentError as error:
            self.problems.extend(
                # What is wrong with the file as a whole is most often its name.
                problem
                if problem.line
                else document.problem(place, f"the file {shown(named)} {problem.message}")
                for problem in error.problems
            )
            # An empty stand-in would bring a second, misleading error where a name is enough for a tool.
            return {"name": "unreadable"} if place[0] == "tools" else {}
        self.documents[place] = found
        return found.value
