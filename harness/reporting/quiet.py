"""Cases without anything to decide, folded into lists."""

from collections.abc import Sequence

from harness.reporting.counting import listed, many
from harness.reporting.entries import Entry, TargetEntries, in_queue
from harness.reporting.marks import came_back, candidate_columns, quiet_grid
from harness.reporting.model import QuietList, QuietRow, Status
from harness.reporting.wording import WORDS

QUIET_ROWS = 300
_QUIET_TAILS = {
    Status.STABLE: "within their own noise",
    Status.AWAITING: "waiting for a second batch",
    Status.NO_BASELINE: "measured, with nothing accepted to compare with",
    Status.LEARNING: "learning: measured, and not compared yet",
    Status.STALE: "measured and not compared: what was accepted belongs to an earlier version",
    Status.INCONCLUSIVE: "without a verdict",
}


def quiet_lists(targets: Sequence[TargetEntries]) -> tuple[QuietList, ...]:
    """Fold the cases that are not in the queue, a list for each thing that is said of them."""
    lists: dict[Status, list[tuple[TargetEntries, Entry]]] = {}
    for target in targets:
        for entry in target.entries:
            if not in_queue(target, entry):
                lists.setdefault(entry.status, []).append((target, entry))
    room = QUIET_ROWS
    shown = []
    for status in sorted(lists, key=lambda status: status.rank):
        found = lists[status]
        names = list(dict.fromkeys(target.name for target, _ in found))
        of = f" of {listed(names)}" if len(names) < len(targets) else ""
        shown.append(
            QuietList(
                head=f"{many(len(found), 'case')}{of}",
                tail=f"{'is' if len(found) == 1 else 'are'} {_QUIET_TAILS.get(status, WORDS[status].lower())}",
                status=status,
                rows=tuple(_quiet_row(target, entry) for target, entry in found[:room]),
                left_out=max(0, len(found) - room),
            )
        )
        room = max(0, room - len(found))
    return tuple(shown)


def _quiet_row(target: TargetEntries, entry: Entry) -> QuietRow:
    known = target.baseline.cases.get(entry.case.id) if target.baseline else None
    answered = f"{entry.answered}/{entry.planned}"
    return QuietRow(
        case=entry.case.id,
        target=entry.target,
        kind=entry.case.kind.value,
        grid=quiet_grid(known, candidate_columns(entry.samples, entry.planned, came_back)),
        grid_label=f"{answered} replies tonight",
        answered=answered,
        complete=entry.answered >= entry.planned,
    )
