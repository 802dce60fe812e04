"""What a pull request changes in its prompt files, line by line and bounded."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from harness.core.run import Manifest
from harness.reporting.counting import many
from harness.reporting.escape import one_line
from harness.reporting.model import ChangedLine, ChangeKind, FileChange

FILES_SHOWN = 6
LINES_SHOWN = 60
LINES_COMPARED = 400
"""Of the changed middle; beyond it all of it counts as changed."""
_AROUND = 2
_LONGEST = 400


def prompt_changes(manifest: Manifest) -> tuple[FileChange, ...]:
    """Compare the prompt files of the tasks with those of the merge base; equal ones are left out."""
    before = {case.prompt.path: case.prompt.text for case in manifest.base_cases if case.prompt is not None}
    now = {case.prompt.path: case.prompt.text for case in manifest.suite.cases if case.prompt is not None}
    changed = [path for path in now if path in before and before[path] != now[path]]
    return tuple(
        file_change(path, before[path].splitlines(), now[path].splitlines())
        for path in sorted(changed)[:FILES_SHOWN]
    )


def file_change(path: str, before: Sequence[str], now: Sequence[str]) -> FileChange:
    """Compare two files by line, with a little of what stands around each change."""
    edits = list(_edits(before, now))
    out = sum(end - start for start, end, _, _ in edits)
    into = sum(end - start for _, _, start, end in edits)
    lines = list(_lines(before, now, edits))
    if len(lines) > LINES_SHOWN:
        left = len(lines) - LINES_SHOWN
        lines = [*lines[:LINES_SHOWN], _gap(f"{many(left, 'more line')} not shown")]
    counted = [f"{many(out, 'line')} out"] * bool(out) + [f"{many(into, 'line')} in"] * bool(into)
    return FileChange(
        path=one_line(path, 160), summary=", ".join(counted) or "line ends only", lines=tuple(lines)
    )


def _edits(before: Sequence[str], now: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the runs of lines that differ, as places in both files."""
    shorter = min(len(before), len(now))
    start = next((i for i in range(shorter) if before[i] != now[i]), shorter)
    end = 0
    while end < shorter - start and before[-1 - end] == now[-1 - end]:
        end += 1
    old, new = before[start : len(before) - end], now[start : len(now) - end]
    if not old and not new:
        return
    if max(len(old), len(new)) > LINES_COMPARED:
        yield start, start + len(old), start, start + len(new)
        return
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield start + a, start + b, start + c, start + d


def _lines(
    before: Sequence[str], now: Sequence[str], edits: Sequence[tuple[int, int, int, int]]
) -> Iterator[ChangedLine]:
    shown = 0
    for place, (old_start, old_end, new_start, new_end) in enumerate(edits):
        begin = max(shown, new_start - _AROUND)
        if begin > shown:
            yield _gap("")
        yield from (_line(ChangeKind.KEPT, n, now) for n in range(begin, new_start))
        yield from (_line(ChangeKind.OUT, n, before) for n in range(old_start, old_end))
        yield from (_line(ChangeKind.IN, n, now) for n in range(new_start, new_end))
        following = edits[place + 1][2] if place + 1 < len(edits) else len(now)
        shown = min(new_end + _AROUND, following)
        yield from (_line(ChangeKind.KEPT, n, now) for n in range(new_end, shown))
    if shown < len(now):
        yield _gap("")


def _line(kind: ChangeKind, place: int, lines: Sequence[str]) -> ChangedLine:
    return ChangedLine(kind=kind, number=place + 1, text=one_line(lines[place], _LONGEST))


def _gap(text: str) -> ChangedLine:
    return ChangedLine(kind=ChangeKind.GAP, number=0, text=text)
