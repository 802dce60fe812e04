"""The summary on a terminal: plain lines of at most 80 columns, without colour."""

from collections.abc import Iterator

from harness.core.run import RunRecord
from harness.core.verdict import Verdict
from harness.reporting.escape import columns, log_safe, one_line, wrap
from harness.reporting.model import ReportView, Status, TargetLine
from harness.reporting.view import make_view
from harness.reporting.wording import listed, many, plain

WIDTH = 80
_ROOM = 77
"""Breaking up what a CI log would take for a command may cost three columns."""
_MARGIN = " " * 7
_QUEUE_LINES = 4
_NOTES = 8
_WORDS = {
    Status.REGRESSED: "DRIFT",
    Status.CHANGED: "CHANGED",
    Status.STALE: "STALE BASELINE",
    Status.INCONCLUSIVE: "COULD NOT TELL",
    Status.AWAITING: "AWAITING CONFIRMATION",
    Status.NO_BASELINE: "NO BASELINE",
    Status.LEARNING: "LEARNING",
    Status.IMPROVED: "IMPROVED",
    Status.STABLE: "QUIET",
}


def render(record: RunRecord, verdict: Verdict) -> str:
    """Render a run and its verdict for a terminal; where the report lies is for the caller to add."""
    return render_view(make_view(record, verdict))


def render_view(view: ReportView) -> str:
    """Lay out a view that is already decided."""
    lines = [
        *_targets(view),
        "",
        *_said(_WORDS[view.status], view.headline + (f" ({view.qualifier})" if view.qualifier else "")),
        *_evidence(view),
        *_queue(view),
        *_notes(view),
    ]
    if view.next_step is not None:
        lines += [*_said("NEXT", view.next_step.why), *_said("", view.next_step.command.text)]
    return "\n".join(log_safe(line) for line in lines) + "\n"


def _targets(view: ReportView) -> Iterator[str]:
    widest = min(max((columns(one_line(target.name, 24)) for target in view.targets), default=0), 40)
    for target in view.targets:
        name = one_line(target.name, 24)
        line = f"{name}{' ' * (widest - columns(name))}  {_measured(target)}"
        further = [f"served {', '.join(target.served)}"] if target.served else []
        further += [f"fingerprint {target.fingerprint}"] if target.fingerprint else []
        indent = " " * (widest + 2)
        if further and columns(line) + 2 + columns(further[0]) <= _ROOM:
            gap = max(2, min(44 - columns(line), _ROOM - columns(line) - columns(further[0])))
            line += " " * gap + further.pop(0)
        if columns(line) <= _ROOM:
            yield line
        else:
            yield from wrap(line, _ROOM, indent=indent)
        for part in further:
            yield from wrap(part, _ROOM, start=indent, indent=indent)


def _measured(target: TargetLine) -> str:
    said = target.measured.replace(" replies", "").replace(" reply", "").replace(" of ", "/") + " measured"
    return f"{said}, {target.missing}" if target.missing else said


def _said(word: str, text: str) -> Iterator[str]:
    """Write a word in the margin and text beside it; a long word pushes only the first line."""
    start = word.ljust(len(_MARGIN) - 2) + "  " if word else _MARGIN
    yield from wrap(text, _ROOM, start=start, indent=_MARGIN)


def _evidence(view: ReportView) -> Iterator[str]:
    sure = next((fact for fact in view.facts if fact.title == "How sure"), None)
    for line in sure.lines[:3] if sure else ():
        yield from _said("", plain(line))
    yield from _said("", plain(view.lead))
    baselines = dict.fromkeys(target.baseline for target in view.targets)
    if len(baselines) == 1:
        yield from _said("", listed(tuple(baselines)))
    else:
        for target in view.targets:
            yield from _said("", f"{target.name}: {target.baseline}")


def _queue(view: ReportView) -> Iterator[str]:
    for row in view.queue[:_QUEUE_LINES]:
        counts = f"  {row.counts.reference} → {row.counts.candidate} {row.counts.unit}" if row.counts else ""
        yield from _said("", f"- {row.case}, {row.target}: {row.word.lower()}{counts}")
    left = len(view.queue) + view.queue_left_out - _QUEUE_LINES
    if left > 0:
        yield from _said("", f"- and {many(left, 'more case')} to look at")


def _notes(view: ReportView) -> Iterator[str]:
    known = next((fact for fact in view.facts if fact.title == "Worth knowing"), None)
    lines = known.lines if known else ()
    for line in lines[:_NOTES]:
        yield from _said("NOTE", plain(line))
