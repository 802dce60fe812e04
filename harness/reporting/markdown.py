"""A short summary for a step or a pull request. What a model or a stranger wrote cannot act in it."""

import re
from collections.abc import Iterator

from harness.core.run import RunRecord
from harness.core.verdict import Verdict
from harness.reporting.escape import log_safe, visible
from harness.reporting.facts import COULD_HAVE_SEEN, RESTS_ON
from harness.reporting.model import QueueRow, ReportView, Status
from harness.reporting.view import make_view
from harness.reporting.wording import many, many_in_words, plain

MOST_CHARACTERS = 60_000
"""What GitHub takes as a comment, with room for a wrapper."""
CASES_SHOWN = 10
TEXTS_SHOWN = 3
_TEXT = 1_200

_SIGNS = {
    Status.REGRESSED: "▼",
    Status.CHANGED: "◆",
    Status.OPEN: "○",
    Status.STALE: "?",
    Status.INCONCLUSIVE: "?",
    Status.AWAITING: "…",
    Status.NO_BASELINE: "+",
    Status.LEARNING: "…",
    Status.IMPROVED: "▲",
    Status.STABLE: "=",
}
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$^-])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_JOINER = "\u2060"
_TRIGGER = re.compile(r"@(?=\w)|(?<=\bGH)-(?=\d)|#(?=\d)|:(?=//)|\bwww(?=\.)", re.IGNORECASE)


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


def inline(text: str) -> str:
    """Write text so that it is only text: no markup, HTML, mention, reference, link or table cell."""
    shown = _TRIGGER.sub(
        lambda match: match[0] + _JOINER, visible(text).replace("\n", " ").replace("\t", " ")
    )
    return _SPECIAL.sub(r"\\\1", shown.translate(_ENTITIES))


def code(text: str) -> str:
    """Write text as a code span that it cannot leave, also inside a table."""
    shown = visible(text).replace("\n", " ").replace("|", "\u2502")
    ticks = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def fenced(text: str, most: int = _TEXT) -> str:
    """Write text in a fence that it cannot close, cut to `most` characters, saying what was left out."""
    shown = visible(text[:most])
    left = len(text) - most
    fence = "`" * max(3, _longest_run(shown) + 1)
    more = f"\n\n{left:,} more characters are not shown." if left > 0 else ""
    return f"{fence}text\n{shown}\n{fence}{more}"


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
    lines += [*view.window, *(f"Could have seen: {line}" for line in view.visible)]
    facts = [f"- {inline(line)}" for line in lines]
    if facts:
        yield "\n".join(facts)
    if view.next_step is not None:
        yield f"{inline(view.next_step.why)}\n\n{fenced(view.next_step.command.text)}"


def _cases(view: ReportView) -> Iterator[str]:
    if not view.queue:
        return
    total = len(view.queue) + view.queue_left_out
    yield f"### {many_in_words(total, 'case')} to look at"
    rows = [
        f"| {_SIGNS[row.status]} {row.word} | {code(row.case)} | {inline(row.target)} | {_counts(row)} | {inline(row.why)} |"
        for row in view.queue[:CASES_SHOWN]
    ]
    yield "\n".join(["| | case | target | reference → candidate | why |", "|---|---|---|---|---|", *rows])
    if total > CASES_SHOWN:
        yield f"And {many(total - CASES_SHOWN, 'more case')}, in the report."
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
        summary = f"{row.case}, {row.target}".translate(_ENTITIES)
        yield f"<details><summary>{summary}</summary>\n\n" + "\n\n".join(sides) + "\n\n</details>"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
