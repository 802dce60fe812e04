"""The summary on a terminal: plain lines of at most 80 columns, without colour."""

from collections.abc import Iterable, Iterator

from harness.core.run import RunRecord
from harness.core.verdict import Verdict
from harness.reporting.counting import many
from harness.reporting.escape import columns, log_safe, one_line, wrap
from harness.reporting.model import ReportView, Status, TargetLine
from harness.reporting.view import make_view
from harness.reporting.wording import WORDS, plain

WIDTH = 80
_ROOM = 77
"""Breaking up what a CI log would take for a command may cost three columns."""
_MARGIN = " " * 7
_SURE = 6
_NOTES = 8
_WORDS = {
    **{status: word.upper() for status, word in WORDS.items()},
    Status.REGRESSED: "DRIFT",
    Status.CHANGED: "CHANGED",
    Status.OPEN: "STILL OPEN",
    Status.STALE: "STALE BASELINE",
    Status.INCONCLUSIVE: "COULD NOT TELL",
    Status.AWAITING: "AWAITING CONFIRMATION",
    Status.NO_BASELINE: "NO BASELINE",
    Status.LEARNING: "LEARNING",
    Status.IMPROVED: "IMPROVED",
    Status.STABLE: "QUIET",
}

_COLOURS = {
    Status.REGRESSED: ";31",
    Status.PLAIN: ";31",
    Status.CHANGED: ";35",
    Status.REFUSED: ";33",
    Status.NOT_ACCEPTED: ";33",
    Status.MOVED: ";35",
    Status.NOT_EVALUATED: ";33",
    Status.WARNED: ";33",
    Status.OPEN: ";33",
    Status.STALE: ";33",
    Status.INCONCLUSIVE: ";33",
    Status.IMPROVED: ";32",
    "good": ";32",
}
"""ANSI colours; green only where nothing is missing. What is not here is bold and no more."""


def render(record: RunRecord, verdict: Verdict) -> str:
    """Render a run and its verdict for a terminal; where the report lies is for the caller to add."""
    return render_view(make_view(record, verdict))


def render_in_colour(record: RunRecord, verdict: Verdict) -> str:
    """Render for a terminal that wants colour: the headline's word has it, and nothing else."""
    view = make_view(record, verdict)
    return render_view(view, paint=f"\x1b[1{_COLOURS.get('good' if view.complete else view.status, '')}m")


def render_view(view: ReportView, paint: str = "") -> str:
    """Lay out a view that is already decided; `paint` is what a terminal takes before the headline's word."""
    word = view.nouns.word or _WORDS[view.status]
    qualifier = f" ({view.qualifier})" if view.qualifier else ""
    above = _safe([*_targets(view), ""])
    said = [
        *_said(word, view.headline + qualifier),
        *_evidence(view),
        *_queue(view),
        *_visible(view),
        *_plain(view),
        *_notes(view),
        *_next(view),
    ]
    below = _safe(said)
    if paint:
        below = f"{paint}{word}\x1b[0m{below.removeprefix(word)}"
    return f"{above}\n{below}\n"


def _safe(lines: Iterable[str]) -> str:
    return "\n".join(log_safe(line) for line in lines)


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
    for line in sure.lines[:_SURE] if sure else ():
        yield from _said("", plain(line))
    yield from _said("", plain(view.lead))
    baselines = dict.fromkeys(_baseline(target) for target in view.targets)
    if len(baselines) == 1:
        yield from _said("", next(iter(baselines)))
    else:
        for target in view.targets:
            yield from _said("", f"{target.name}: {_baseline(target)}")
    for together in view.window:
        yield from _said("", together)


def _baseline(target: TargetLine) -> str:
    return f"{target.state}, {target.accepted}" if target.accepted else target.state


def _visible(view: ReportView) -> Iterator[str]:
    for line in view.visible:
        yield from wrap(f"could have seen: {line}", _ROOM, indent=_MARGIN)


def _plain(view: ReportView) -> Iterator[str]:
    for line in view.plain:
        yield from wrap(line, _ROOM, start=_MARGIN, indent=_MARGIN)


def _next(view: ReportView) -> Iterator[str]:
    for step in ((view.next_step,) if view.next_step is not None else ()) + view.further_steps:
        yield from _said("NEXT", step.why)
        if step.command is not None and view.nouns.whole_commands:
            lines = list(wrap(step.command.text, _ROOM - 2, start=_MARGIN, indent=_MARGIN))
            yield from (f"{line} \\" for line in lines[:-1])
            yield from lines[-1:]
        elif step.command is not None:
            yield from _said("", step.command.text)


def _queue(view: ReportView) -> Iterator[str]:
    for row in view.queue[: view.nouns.to_look_at]:
        if row.line:
            whose = f"{row.target}: " if len(view.targets) > 1 and not view.nouns.one_target else ""
            yield from wrap(f"- {whose}{row.line}", _ROOM, start=_MARGIN, indent=f"{_MARGIN}  ")
            continue
        counts = f"  {row.counts.reference} → {row.counts.candidate} {row.counts.unit}" if row.counts else ""
        whose = f", {row.target}" if len(view.targets) > 1 else ""
        yield from _said("", f"- {row.case}{whose}: {row.word.lower()}{counts}")
    left = len(view.queue) + view.queue_left_out - view.nouns.to_look_at
    if left > 0:
        yield from _said("", f"- and {many(left, f'more {view.nouns.case}')} to look at")


def _notes(view: ReportView) -> Iterator[str]:
    known = next((fact for fact in view.facts if fact.title == "Worth knowing"), None)
    lines = known.lines if known else ()
    for line in lines[:_NOTES]:
        yield from _said("NOTE", plain(line))
