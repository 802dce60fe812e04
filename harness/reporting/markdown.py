"""A short summary for a step or a pull request. What a model or a stranger wrote cannot act in it."""

from collections.abc import Iterator

from harness.core.run import RunRecord
from harness.core.verdict import Verdict
from harness.reporting.counting import many, many_in_words
from harness.reporting.escape import log_safe
from harness.reporting.facts import COULD_HAVE_SEEN, RESTS_ON
from harness.reporting.markdown_text import ENTITIES, code, fenced, inline
from harness.reporting.model import QueueRow, ReportView, Status
from harness.reporting.view import make_view
from harness.reporting.wording import plain

MOST_CHARACTERS = 60_000
"""What GitHub takes as a comment, with room for a wrapper."""
CASES_SHOWN = 10
TEXTS_SHOWN = 3

_SIGNS = {
    Status.REGRESSED: "▼",
    Status.CHANGED: "◆",
    Status.OPEN: "○",
    Status.STALE: "?",
    Status.INCONCLUSIVE: "?",
    Status.AWAITING: "…",
    Status.NO_BASELINE: "+",
    Status.LEARNING: "…",
    Status.PLAIN: "▼",
    Status.REFUSED: "⊘",
    Status.NOT_ACCEPTED: "+",
    Status.MOVED: "◆",
    Status.NOT_EVALUATED: "?",
    Status.WARNED: "▽",
    Status.ACCEPTED: "✓",
    Status.IMPROVED: "▲",
    Status.STABLE: "=",
}


def render(record: RunRecord, verdict: Verdict) -> str:
    """Render a run and its verdict as GitHub Markdown of less than `MOST_CHARACTERS` characters."""
    return render_view(make_view(record, verdict))


def render_view(view: ReportView) -> str:
    """Lay out a view that is already decided."""
    blocks = [*_head(view), *_cases(view)]
    kept: list[str] = []
    size = 0
    for block in blocks:
        size += len(block) + 2
        if size > MOST_CHARACTERS - 200:
            kept.append("The rest is in the report: this summary has no room for it.")
            break
        kept.append(block)
    kept.append(f"Run {code(view.run)}, policy {code(view.policy)}, exit {view.exit_code}.")
    return log_safe("\n\n".join(kept)) + "\n"


def _head(view: ReportView) -> Iterator[str]:
    qualifier = f", {inline(view.qualifier)}" if view.qualifier else ""
    yield f"## {_SIGNS[view.status]} {view.word}{qualifier}"
    yield f"**{inline(view.headline)}** {inline(plain(view.lead))}"
    rows = [
        f"| {inline(t.name)} | {_SIGNS[t.status]} {t.word} | {inline(t.state)} | {inline(t.measured)} | "
        f"{', '.join(code(name) for name in t.served) or 'not said'} | {inline(t.missing) or 'nothing'} |"
        for t in view.targets
    ]
    head = ["| target | outcome | baseline | measured | served | missing |", "|---|---|---|---|---|---|"]
    yield "\n".join([*head, *rows])
    lines = [
        plain(line)
        for fact in view.facts
        for line in fact.lines
        if fact.title not in (RESTS_ON, COULD_HAVE_SEEN)
    ]
    lines += [*view.window, *(f"Could have seen: {line}" for line in view.visible), *view.plain]
    facts = [f"- {inline(line)}" for line in lines]
    if facts:
        yield "\n".join(facts)
    for step in ((view.next_step,) if view.next_step is not None else ()) + view.further_steps:
        yield inline(step.why) + (f"\n\n{fenced(step.command.text)}" if step.command is not None else "")


def _cases(view: ReportView) -> Iterator[str]:
    if not view.queue:
        return
    total = len(view.queue) + view.queue_left_out
    yield f"### {many_in_words(total, view.nouns.case)} to look at"
    rows = [
        f"| {_SIGNS[row.status]} {row.word} | {code(row.case)} | {inline(row.target)} | {_counts(row)} | {inline(row.why)} |"
        for row in view.queue[:CASES_SHOWN]
    ]
    yield "\n".join(
        [f"| | {view.nouns.case} | target | reference → candidate | why |", "|---|---|---|---|---|", *rows]
    )
    if total > CASES_SHOWN:
        yield f"And {many(total - CASES_SHOWN, f'more {view.nouns.case}')}, in the report."
    for row in view.queue[:TEXTS_SHOWN]:
        yield from _texts(row)
    commands = [row.accept.text for row in view.queue[:CASES_SHOWN] if row.accept]
    if commands:
        yield f"To accept what was meant:\n\n{fenced(chr(10).join(commands), 4_000)}"


def _counts(row: QueueRow) -> str:
    return inline(f"{row.counts.reference} → {row.counts.candidate} {row.counts.unit}") if row.counts else ""


def _texts(row: QueueRow) -> Iterator[str]:
    reply = row.detail.reply if row.detail else None
    if reply is None:
        return
    sides = []
    for name, side in (("Reference", reply.reference), ("Candidate", reply.candidate)):
        if side is not None:
            times = f", {side.times}" if side.times else ""
            sides.append(f"{name}{times}:\n\n{fenced(side.text)}")
    if sides:
        summary = f"{row.case}, {row.target}".translate(ENTITIES)
        yield f"<details><summary>{summary}</summary>\n\n" + "\n\n".join(sides) + "\n\n</details>"
