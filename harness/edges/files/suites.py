"""Suites as data: a folder of YAML files, one case each, every error of every file at once."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue

from harness.core.graders import BadRule, compile_graders
from harness.core.signals import SIGNALS
from harness.core.suite import Case, Expect, Suite
from harness.edges.files.strict_yaml import Document, read_yaml
from harness.edges.files.validation import build
from harness.errors import DocumentError, Problem
from harness.registry import did_you_mean

MOST_FILE_BYTES = 1_000_000


def load_suite(name: str, folder: Path, *, root: Path) -> Suite:
    """Read every `*.yaml` of `folder`, sorted by name. Raises DocumentError with every problem of every file."""
    problems: list[Problem] = []
    cases: list[Case] = []
    paths = sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))) if folder.is_dir() else []
    if not paths:
        place = str(folder.relative_to(root)) if folder.is_relative_to(root) else str(folder)
        raise DocumentError(
            (Problem(file=place, message="no case here: a suite is a folder of YAML files, one case each"),)
        )
    for path in paths:
        try:
            cases.append(load_case(path, root=root))
        except DocumentError as error:
            problems.extend(error.problems)
    problems.extend(_twins(paths, root))
    if problems:
        raise DocumentError(tuple(problems))
    return Suite(name=name, cases=tuple(cases))


def _twins(paths: Sequence[Path], root: Path) -> Iterator[Problem]:
    """Find files that name the same case: `a.yaml` and `a.yml`."""
    first: dict[str, Path] = {}
    for path in paths:
        other = first.setdefault(path.stem, path)
        if other is not path:
            place = path.relative_to(root) if path.is_relative_to(root) else path
            yield Problem(
                file=place.as_posix(), message=f"the case is in '{other.name}', too: delete one of the files"
            )


def load_case(path: Path, *, root: Path) -> Case:
    """Read one case, with the tools and schemas it names. Raises DocumentError."""
    document = read_yaml(path, root=root)
    problems: list[Problem] = []
    document = replace(document, value=_with_files(document, path.parent, root, problems))
    try:
        case = build(document, Case)
    except DocumentError as error:
        raise DocumentError((*problems, *error.problems)) from error
    problems.extend(_rule_problems(document, case))
    if case.id != path.stem:
        problems.append(
            document.problem(("id",), f"the id is '{case.id}' and the file '{path.name}': make them equal")
        )
    if problems:
        raise DocumentError(tuple(problems))
    return case


def _rule_problems(document: Document, case: Case) -> Iterator[Problem]:
    for error in _bad_rules(case):
        yield document.problem(("expect", *error.path), str(error))
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


def _bad_rules(case: Case) -> Iterator[BadRule]:
    """Yield every rule that cannot work: each check by itself, then the rest."""
    alone = [(("checks", number), Expect(checks=(check,))) for number, check in enumerate(case.expect.checks)]
    rest = case.expect.model_copy(update={"checks": ()})
    for place, expect in [*alone, ((), rest)]:
        try:
            compile_graders(case.model_copy(update={"expect": expect}))
        except BadRule as error:
            yield BadRule((*place, *error.path[len(place) :]), str(error))


def _with_files(document: Document, folder: Path, root: Path, problems: list[Problem]) -> JsonValue:
    """Put the content of the files that a case names in the place of their names."""
    if not isinstance(document.value, dict):
        return document.value
    value = dict(document.value)
    tools = value.get("tools")
    if isinstance(tools, list):
        value["tools"] = [
            _content(document, ("tools", index), tool, folder, root, problems)
            for index, tool in enumerate(tools)
        ]
    expect = value.get("expect")
    if isinstance(expect, dict) and isinstance(expect.get("json_schema"), str):
        place = ("expect", "json_schema")
        value["expect"] = {
            **expect,
            "json_schema": _content(document, place, expect["json_schema"], folder, root, problems),
        }
    return value


def _content(
    document: Document,
    place: tuple[str | int, ...],
    named: JsonValue,
    folder: Path,
    root: Path,
    problems: list[Problem],
) -> JsonValue:
    if not isinstance(named, str):
        return named
    path = (folder / named).resolve()
    reason = None
    if not path.is_relative_to(root.resolve()):
        reason = "leads out of the project"
    elif not path.is_file():
        reason = "is not there"
    elif path.stat().st_size > MOST_FILE_BYTES:
        reason = "is over 1 MB"
    else:
        try:
            content: JsonValue = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(content, dict):
                return content
            reason = "is not a JSON object"
        except (ValueError, RecursionError) as error:
            reason = f"is not JSON: {error}"
    problems.append(document.problem(place, f"the file '{named}' {reason}"))
    # An empty stand-in would bring a second, misleading error where a name is enough for a tool.
    return {"name": "unreadable"} if place[0] == "tools" else {}
