"""Cases that take each other's place, and the ids that nobody may use again."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.suite import Case
from harness.edges.files.secrets import shown
from harness.edges.stores.safe_paths import regular_file
from harness.errors import HarnessError, Problem, ProblemCode
from harness.registry import did_you_mean

RETIRED = "retired.txt"
"""In a suite's folder: a line for every case that gave way, ``OLD-ID DATE NEW-ID``."""
_MOST_BYTES = 1_000_000
_ID = r"[a-z0-9][a-z0-9._-]{0,63}"
_LINE = re.compile(rf"({_ID}) ([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}) ({_ID})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """The ids that were given up."""

    ids: frozenset[str]
    problems: tuple[Problem, ...]


def retired_line(old: str, day: str, new: str) -> str:
    """Return the line that retires a case."""
    return f"{old} {day} {new}\n"


def read_retired(folder: Path, root: Path) -> Retired:
    """Read the ids that a suite may not use again; none where no case gave way yet."""
    path = folder / RETIRED
    place = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    try:
        text = regular_file(path, root, _MOST_BYTES).decode("utf-8")
    except FileNotFoundError:
        return Retired(ids=frozenset(), problems=())
    except (HarnessError, OSError, UnicodeDecodeError) as error:
        said = f"cannot be read as the list of retired cases ({type(error).__name__}): restore it with git checkout"
        problem = Problem(file=place, message=said, code=ProblemCode.UNREADABLE)
        return Retired(ids=frozenset(), problems=(problem,))
    ids: dict[str, None] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), start=1):
        found = _LINE.fullmatch(line)
        if found is None or found[1] in ids:
            why = "this case was retired before" if found else "expected OLD-ID DATE NEW-ID"
            said = f"{why}: restore the file with git checkout; `drift suite rotate` writes it"
            problems.append(Problem(file=place, line=number, column=1, message=said))
        else:
            ids[found[1]] = None
    return Retired(ids=frozenset(ids), problems=tuple(problems))


def rotation_problems(
    cases: Sequence[Case], files: Mapping[str, str], folder: Path, root: Path
) -> Iterator[Problem]:
    """Yield what is wrong with the cases that replace others, and with ids that are used again.

    `files` names the file of every case.
    """
    retired = read_retired(folder, root)
    yield from retired.problems
    known = {case.id: case for case in cases}
    taken: dict[str, str] = {}
    for case in cases:
        if case.id in retired.ids:
            yield _problem(
                files, case, f"the id {shown(case.id)} was retired, and an id is never reused: take another"
            )
        if case.replaces is not None and (why := _wrong(case, case.replaces, known, retired, taken)):
            yield _problem(files, case, why)


def _wrong(
    case: Case, old: str, known: Mapping[str, Case], retired: Retired, taken: dict[str, str]
) -> str | None:
    if old == case.id:
        return "a case cannot replace itself: name the other one in `replaces`"
    if old not in known:
        if old in retired.ids:
            return None
        names = (*known, *retired.ids)
        return (
            f"replaces {shown(old)}, which is no case of this suite and never was{did_you_mean(old, names)}"
        )
    if known[old].replaces in known:
        return f"replaces {shown(old)}, which has yet to replace another case itself: let that end first"
    first = taken.setdefault(old, case.id)
    if first != case.id:
        return f"replaces {shown(old)}, and so does {shown(first)}: one case can take its place"
    return None


def _problem(files: Mapping[str, str], case: Case, message: str) -> Problem:
    return Problem(file=files.get(case.id, f"{case.id}.yaml"), message=message)
