"""Golden tasks without anything to decide, folded into lists, and counted in a sentence."""

from collections import Counter
from collections.abc import Iterator, Sequence

from harness.core.findings import Severity
from harness.core.run import RunRecord
from harness.reporting.counting import many
from harness.reporting.golden_entries import GoldenTarget, TaskEntry
from harness.reporting.golden_rows import MARKS_DRAWN, columns_of, evidence_of, row_of_dots
from harness.reporting.marks import came_back
from harness.reporting.model import (
    QuietList,
    QuietRow,
    SampleGrid,
    Status,
)
from harness.reporting.wording import WORDS

QUIET_ROWS = 300


_SAID = {
    Status.STABLE: ("passes as before", "pass as before"),
    Status.NOT_ACCEPTED: (
        "does no worse than before, in a new form that nobody has accepted yet",
        "do no worse than before, in a new form that nobody has accepted yet",
    ),
    Status.ACCEPTED: ("changed as accepted", "changed as accepted"),
    Status.INCONCLUSIVE: ("could not be told", "could not be told"),
    Status.NOT_EVALUATED: ("was not evaluated", "were not evaluated"),
}


def golden_lists(record: RunRecord, targets: Sequence[GoldenTarget]) -> tuple[QuietList, ...]:
    """Fold the tasks without anything to decide, a list for each thing that is said of them."""
    lists: dict[Status, list[tuple[GoldenTarget, TaskEntry]]] = {}
    for target in targets:
        for entry in target.entries:
            if not target.in_queue(entry):
                lists.setdefault(entry.status, []).append((target, entry))
    room, shown = QUIET_ROWS, []
    for status in sorted(lists, key=lambda status: status.rank):
        found = lists[status]
        forms = _SAID.get(status, (f"is {WORDS[status].lower()}", f"are {WORDS[status].lower()}"))
        shown.append(
            QuietList(
                head=many(len(found), "task"),
                tail=_tail(status, forms[len(found) != 1]),
                status=status,
                rows=tuple(_quiet_row(record, target, entry) for target, entry in found[:room]),
                left_out=max(0, len(found) - room),
            )
        )
        room = max(0, room - len(found))
    return tuple(shown)


def _tail(status: Status, said: str) -> str:
    return f"{said}, and would have passed without that" if status is Status.ACCEPTED else said


def _quiet_row(record: RunRecord, target: GoldenTarget, entry: TaskEntry) -> QuietRow:
    reading, case = entry.reading, entry.case
    grid = SampleGrid(reference=(), candidate=())
    if reading is not None and case is not None:
        if reading.runs:
            grid = row_of_dots(evidence_of(record, target, case, reading, entry.samples))
        else:
            grid = SampleGrid(
                reference=(), candidate=columns_of([came_back(s) for s in entry.samples[:MARKS_DRAWN]])
            )
    passed = f"{reading.runs - reading.failed}/{reading.runs}" if reading is not None else ""
    planned = (case.samples or record.manifest.samples) if case is not None else 0
    return QuietRow(
        case=entry.id,
        target=entry.target,
        kind="warn" if reading is not None and reading.severity is Severity.WARN else "block",
        grid=grid,
        grid_label=f"{passed} runs passed",
        answered=passed,
        complete=reading is not None and reading.runs >= planned,
    )


def said_counts(entries: Sequence[TaskEntry]) -> Iterator[str]:
    """Count what became of the tasks, worst first, as clauses of a sentence."""
    without = [entry for entry in entries if entry.status is Status.NOT_ACCEPTED and entry.queued]
    counts = Counter(entry.status for entry in entries if entry not in without)
    forms = {
        Status.REGRESSED: ("regressed", "regressed"),
        Status.REFUSED: ("has a baseline that is refused", "have a baseline that is refused"),
        Status.MOVED: ("fails with either prompt", "fail with either prompt"),
        Status.WARNED: ("regressed and only warns", "regressed and only warn"),
        Status.IMPROVED: ("passes more often", "pass more often"),
        **_SAID,
    }
    for status in sorted(counts, key=lambda one: one.rank):
        yield f"{counts[status]} {forms.get(status, (WORDS[status].lower(),) * 2)[counts[status] != 1]}"
    if without:
        yield f"{len(without)} {'has' if len(without) == 1 else 'have'} no accepted runs"
