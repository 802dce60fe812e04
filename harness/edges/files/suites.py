"""Suites as data: a folder of YAML files, one case each, every error of every file at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.expect import Expect
from harness.core.graders import BadRule, compile_graders
from harness.core.graders.json_answer import count_values
from harness.core.graders.schema_document import refuse_malformed
from harness.core.signals import SIGNALS
from harness.core.slimming import slim_case
from harness.core.suite import Case, Suite
from harness.edges.files.document import Document, ValuePath
from harness.edges.files.named_files import MOST_SUITE_BYTES, NamedFiles, Room, is_task_document
from harness.edges.files.reading import refuse_links
from harness.edges.files.rotation import rotation_problems
from harness.edges.files.secrets import retold, shown
from harness.edges.files.strict_yaml import read_yaml
from harness.edges.files.validation import build
from harness.errors import DocumentError, Problem, ProblemCode
from harness.registry import did_you_mean

MOST_CASES = 20_000
MOST_PROBLEMS = 1_000
"""After so many the other cases are not read: every line of a suite can be wrong."""
MOST_TOOL_VALUES = 4_000


def load_suite(name: str, folder: Path, *, root: Path) -> Suite:
    """Read every `*.yaml` of `folder`, sorted by name.

    Raises DocumentError with every problem of every file, unless the suite is larger than it may be or has
    more than `MOST_PROBLEMS`.
    """
    problems: dict[Problem, None] = {}  # a file that two cases name is wrong once
    cases: list[Case] = []
    place = _shown(folder, root)
    paths = _case_files(folder, root, place)
    if not paths:
        message = "no case here: a suite is a folder of YAML files, one case each"
        raise DocumentError((Problem(file=place, message=message, code=ProblemCode.EMPTY_SUITE),))
    room = Room()
    _refuse_too_many_bytes(paths, place, room)
    for number, path in enumerate(paths, start=1):
        try:
            case = _load_case(path, root=root, room=room)
            slim_case(case)
            cases.append(case)
        except DocumentError as error:
            problems |= dict.fromkeys(error.problems)
        if room.is_spent:
            break
        if len(problems) >= MOST_PROBLEMS and number < len(paths):
            message = f"{len(problems):,} problems in {number:,} of {len(paths):,} cases: mend these first"
            problems[Problem(file=place, message=message, code=ProblemCode.TOO_LARGE)] = None
            break
    problems |= dict.fromkeys(_twins(paths, root))
    if len({case.is_task for case in cases}) > 1:
        message = "canaries and golden tasks do not mix: give each a folder of its own"
        problems[Problem(file=place, message=message, code=ProblemCode.MIXED_SUITE)] = None
    problems |= dict.fromkeys(
        rotation_problems(cases, {path.stem: _shown(path, root) for path in paths}, folder, root)
    )
    if problems:
        raise DocumentError(tuple(problems))
    return Suite(name=name, cases=tuple(cases))


def holds_tasks(folder: Path, *, root: Path) -> bool:
    """Say whether a suite's first case is a golden task; False where it cannot be read, which loading it says."""
    try:
        paths = case_files(folder, root=root)
        value = read_yaml(paths[0], root=root).value if paths else None
    except DocumentError:
        return False
    return isinstance(value, dict) and "task" in value


def case_files(folder: Path, *, root: Path) -> list[Path]:
    """List the files of a suite, sorted by name. Raises DocumentError."""
    return _case_files(folder, root, _shown(folder, root))


def _case_files(folder: Path, root: Path, place: str) -> list[Path]:
    """List the files of a suite, which lies in the project as its files do. Raises DocumentError."""
    try:
        if not folder.resolve().is_relative_to(root.resolve()):
            message = "lies outside the project, or links out of it: move it in"
            raise DocumentError((Problem(file=place, message=message, code=ProblemCode.OUTSIDE),))
        paths = sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))) if folder.is_dir() else []
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name no system takes
        reason = error.strerror if isinstance(error, OSError) else "its path leads nowhere"
        message = f"cannot be read ({reason}): check its name and its permissions"
        raise DocumentError((Problem(file=place, message=message, code=ProblemCode.UNREADABLE),)) from error
    if len(paths) > MOST_CASES:
        message = f"{len(paths):,} cases, at most {MOST_CASES:,} are allowed: split the suite"
        raise DocumentError((Problem(file=place, message=message, code=ProblemCode.TOO_LARGE),))
    return paths


def _refuse_too_many_bytes(paths: Sequence[Path], place: str, room: Room) -> None:
    """Take the case files' room before any of them is read. Raises DocumentError."""
    for path in paths:
        room.take(path)
    if room.is_spent:
        size = MOST_SUITE_BYTES - room.left
        message = f"cases of {size:,} bytes, at most {MOST_SUITE_BYTES:,} are allowed: split the suite"
        raise DocumentError((Problem(file=place, message=message, code=ProblemCode.TOO_LARGE),))


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _twins(paths: Sequence[Path], root: Path) -> Iterator[Problem]:
    """Find files that name the same case: `a.yaml` and `a.yml`."""
    first: dict[str, Path] = {}
    for path in paths:
        other = first.setdefault(path.stem, path)
        if other is not path:
            message = f"the case is in '{other.name}', too: delete one of the files"
            yield Problem(file=_shown(path, root), message=message, code=ProblemCode.DUPLICATE_CASE)


def load_case(path: Path, *, root: Path) -> Case:
    """Read one case, with the tools and schemas it names. Raises DocumentError."""
    return _load_case(path, root=root, room=Room())


def _load_case(path: Path, *, root: Path, room: Room) -> Case:
    document = read_yaml(path, root=root)
    if is_task_document(document.value):
        refuse_links(path, root=root)
    named = NamedFiles(folder=path.parent, root=root, room=room)
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
            document.problem(
                ("id",), f"the id is {shown(case.id)} and the file {shown(path.name)}: make them equal"
            )
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
            ("signals",),
            "no signal that decides is named, so nothing could be seen: name one",
            code=ProblemCode.BAD_RULE,
        )
    for index, name in enumerate(case.signals or ()):
        if name not in SIGNALS.table:
            yield document.problem(
                ("signals", index),
                f"unknown signal {shown(name)}{did_you_mean(name, SIGNALS.names())}",
                code=ProblemCode.UNKNOWN_NAME,
            )


def _problem_in(document: Document, named: Mapping[ValuePath, Document], error: BadRule) -> Problem:
    """Return a problem in the file that holds its place: the case's own, or one that the case names."""
    for place, other in named.items():
        if error.path[: len(place)] == place:
            return other.problem(
                error.path[len(place) :], retold(str(error), None), code=ProblemCode.BAD_RULE
            )
    return document.problem(error.path, retold(str(error), None), code=ProblemCode.BAD_RULE)


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
