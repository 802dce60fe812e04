"""The comment that one pull request keeps, and the step summary: GitHub Markdown in which nobody else's text acts.

A hidden marker at its very beginning says which suite it belongs to, so that it is found again and updated; a second
one names the run, so that an older run never writes over a newer one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from harness.core.findings import Finding, Outcome
from harness.core.golden_records import BaseScore, Ratio, TaskReading
from harness.core.run import Manifest, RunRecord
from harness.core.verdict import TargetVerdict, Verdict
from harness.core.wording import target_headline
from harness.reporting.counting import listed, many
from harness.reporting.escape import log_safe, one_line
from harness.reporting.golden_words import mend_text, what_it_is_text
from harness.reporting.markdown_text import code, fenced, inline
from harness.reporting.model import Status
from harness.reporting.points import shown_status, target_code, untold
from harness.reporting.text import render as render_text
from harness.reporting.wording import WORDS, muted_text

MOST_CHARACTERS = 60_000
"""What GitHub takes is 65,536, counted after what a wrapper adds."""
ROWS_SHOWN = 40
_LONGEST = 400
_WHOLE = 12_000
_MARKER_PART = re.compile(r"[^A-Za-z0-9._-]")
_SIGNS = {
    Outcome.REGRESSED: "▼",
    Outcome.CHANGED: "◆",
    Outcome.INCONCLUSIVE: "?",
    Outcome.IMPROVED: "▲",
    Outcome.STABLE: "=",
}
_WORDS = {
    Outcome.REGRESSED: "Regressed",
    Outcome.CHANGED: "Changed",
    Outcome.INCONCLUSIVE: "Could not tell",
    Outcome.IMPROVED: "Improved",
    Outcome.STABLE: "Stable",
}


def render(record: RunRecord, verdict: Verdict) -> str:
    """Render a run's comment."""
    head = f"{marker(verdict.suite)}\n{run_marker(verdict.run)}"
    return assembled([head], chain(_blocks(verdict, record.manifest), [_whole(render_text(record, verdict))]))


def _whole(text: str) -> str:
    """Quote what the terminal says of the run, all states and figures."""
    return f"### All that was said\n\n{fenced(text, _WHOLE)}"


def marker(suite: str) -> str:
    """Return the hidden first line of the comment that belongs to a suite."""
    return f"<!-- drift:{_part(suite)} -->"


def issue_marker(suite: str, target: str) -> str:
    """Return the hidden first line of the issue that belongs to a suite and target."""
    return f"<!-- drift-issue:{_part(suite)}/{_part(target)} -->"


def run_marker(run: str) -> str:
    """Return the hidden line that names the run a comment was written for."""
    return f"<!-- drift-run:{_part(run)} -->"


def comment(verdict: Verdict, manifest: Manifest | None = None) -> str:
    """Write a verdict as a comment of less than `MOST_CHARACTERS` characters; `manifest` adds what was changed."""
    return assembled([f"{marker(verdict.suite)}\n{run_marker(verdict.run)}"], _blocks(verdict, manifest))


def nothing_asked(suite: str, run: str) -> str:
    """Write what a comment says once nothing in its pull request has to do with the suite any more."""
    said = f"## = {inline(suite)}: nothing to ask\n\nNothing that this suite asks is changed by the pull request any more."
    return log_safe(f"{marker(suite)}\n{run_marker(run)}\n\n{said}") + "\n"


def assembled(head: Sequence[str], blocks: Iterable[str]) -> str:
    """Put blocks together as far as they fit, and say where something did not."""
    kept, size = list(head), sum(len(block) + 2 for block in head)
    for block in blocks:
        size += len(block) + 2
        if size > MOST_CHARACTERS - 300:
            kept.append("The rest is in the report: this comment has no room for it.")
            break
        kept.append(block)
    # Breaking up what a log would take for a command may cost characters, never many.
    return log_safe("\n\n".join(kept))[: MOST_CHARACTERS - 1] + "\n"


def _part(text: str) -> str:
    return _MARKER_PART.sub("-", text)[:200].replace("--", "-_")


def _blocks(verdict: Verdict, manifest: Manifest | None) -> Iterator[str]:
    statuses = [shown_status(target, verdict) for target in verdict.targets]
    word = WORDS[min(statuses, key=lambda status: status.rank, default=Status.INCONCLUSIVE)]
    sign = _sign(verdict.exit_code, verdict.outcome, muted=any(muted_text(t) for t in verdict.targets))
    yield f"## {sign} {_cell(verdict.suite)}: {word}, exit {verdict.exit_code}"
    yield f"**{_cell(verdict.headline, 1_000)}**"
    yield _targets(verdict)
    for target in verdict.targets:
        several = len(verdict.targets) > 1
        yield from _target_blocks(target, verdict, f" ({_cell(target.target)})" if several else "")
    yield from _pull_lines(manifest)
    yield f"Run {code(verdict.run)}, policy {code(verdict.policy_digest[:12])}, exit {verdict.exit_code}."


def _targets(verdict: Verdict) -> str:
    rows = [
        [
            _cell(target.target),
            f"{_sign(target_code(target, verdict), target.outcome, muted=bool(muted_text(target)))} {WORDS[shown_status(target, verdict)]}",
            _cell(target_headline(target)),
            f"{target.coverage.measured}/{target.coverage.planned}",
            ", ".join(code(name) for name in target.served) or "not said",
            str(target_code(target, verdict)),
        ]
        for target in verdict.targets
    ]
    return _table(["target", "outcome", "", "measured", "served", "exit"], rows, "target")


def _sign(exit_code: int, outcome: Outcome, *, muted: bool) -> str:
    """Mark what fails, and tell what is worse from what could not be told."""
    return "▼" if exit_code == 1 else "?" if exit_code else "○" if muted else _SIGNS[outcome]


def _target_blocks(target: TargetVerdict, verdict: Verdict, named: str) -> Iterator[str]:
    for gated in target.gated:
        tasks = (
            f" Tasks: {', '.join(code(case) for case in gated.cases[:ROWS_SHOWN])}." if gated.cases else ""
        )
        yield f"### {_cell(gated.problem.value.replace('_', ' ').capitalize())}{named}"
        yield f"{_cell(gated.because, 1_000)}{tasks}"
        yield fenced(mend_text(gated, verdict), 2_000)
    if target.accepted:
        yield f"### ACCEPTED CHANGE{named}"
        yield "This pull request brings a new baseline for these tasks. Approving it approves their new behaviour."
        rows = [
            [
                code(change.case),
                _cell(f"{_SIGNS[change.would_be]} {what_it_is_text(change, _WORDS[change.would_be])}"),
                _cell(change.reason),
                _cell(change.by),
                _cell(change.at[:10]),
            ]
            for change in target.accepted
        ]
        yield _table(
            ["task", "against the merge base", "reason", "accepted by", "on"], rows, "accepted change"
        )
    if target.under_base is not None:
        yield f"### This pull request changes its own rules{named}"
        yield _two_verdicts(target, target.under_base)
    moved = [reading for reading in target.tasks if reading.outcome is not Outcome.STABLE]
    if moved:
        yield f"### Tasks that moved or could not be told{named}"
        yield _tasks(moved)
    yield from _findings(target, named)
    if target.plain:
        yield f"### What the plain rules would have said{named}"
        rows = [
            [_cell(rule.rule), "fails" if rule.fails else "passes", _cell(rule.because)]
            for rule in target.plain
        ]
        yield _table(["rule", "", "because"], rows, "rule")
    if target.confounders:
        yield "\n".join(f"- {_cell(line)}" for line in target.confounders[:ROWS_SHOWN])


def _two_verdicts(target: TargetVerdict, base: BaseScore) -> str:
    rows = [
        [
            "this pull request's",
            f"{_SIGNS[target.outcome]} {_WORDS[target.outcome]}",
            _names(_regressed(target)),
        ],
        ["the merge base's", f"{_SIGNS[base.outcome]} {_WORDS[base.outcome]}", _names(base.regressed)],
    ]
    edited = f"Edited or deleted: {_names(base.cases)}."
    return _table(["by whose rules", "outcome", "regressed"], rows, "verdict") + f"\n\n{edited}"


def _regressed(target: TargetVerdict) -> tuple[str, ...]:
    return tuple(reading.case for reading in target.tasks if reading.outcome is Outcome.REGRESSED)


def _names(cases: Sequence[str]) -> str:
    left = len(cases) - ROWS_SHOWN
    shown = [code(case) for case in cases[:ROWS_SHOWN]] + ([f"{left} more"] if left > 0 else [])
    return listed(shown) or "none"


def _tasks(readings: Sequence[TaskReading]) -> str:
    ordered = sorted(readings, key=lambda reading: -reading.outcome.weight)
    rows = [
        [
            f"{_SIGNS[reading.outcome]} {_WORDS[reading.outcome]}",
            code(reading.case),
            f"{_passed(reading.reference_failed, reading.reference_runs)} → {_passed(reading.failed, reading.runs)}",
            _passed(reading.base_failed, reading.base_runs) if reading.base_runs else "not asked",
            _values(reading),
            _cell(untold(reading) if reading.outcome is Outcome.INCONCLUSIVE else reading.because),
        ]
        for reading in ordered
    ]
    head = ["", "task", "passed, reference → candidate", "merge base's prompt", "values", "why"]
    return _table(head, rows, "task")


def _passed(failed: int, runs: int) -> str:
    return f"{runs - failed}/{runs}"


def _values(reading: TaskReading) -> str:
    said = [
        f"{name} {_ratio(ratio)}"
        for name, ratio in (("latency", reading.latency), ("tokens", reading.tokens))
        if ratio is not None and ratio.beyond
    ]
    if reading.judge is not None and reading.judge.beyond:
        said.append(f"judge {reading.judge.reference:.0f} → {reading.judge.candidate:.0f}")
    return _cell(", ".join(said)) or "–"


def _ratio(ratio: Ratio) -> str:
    return f"{ratio.reference:,.0f} → {ratio.candidate:,.0f} {ratio.unit}"


def _findings(target: TargetVerdict, named: str) -> Iterator[str]:
    known = {reading.case for reading in target.tasks}
    found = [f for f in target.findings if f.outcome is not Outcome.STABLE and f.case not in known]
    if not found:
        return
    yield f"### {many(len(found), 'finding')}{named}"
    rows = [
        [
            f"{_SIGNS[finding.outcome]} {_WORDS[finding.outcome]}",
            code(finding.case) if finding.case else "the suite",
            _cell(finding.signal, 60),
            _chance(finding),
            _cell(finding.because),
        ]
        for finding in sorted(found, key=lambda finding: -finding.outcome.weight)
    ]
    yield _table(["", "case", "signal", "p", "why"], rows, "finding")


def _chance(finding: Finding) -> str:
    p_value = finding.confirm_p_value if finding.confirm_p_value is not None else finding.p_value
    if p_value is None:
        return "–"
    return "&lt; .0001" if p_value < 0.0001 else f"{p_value:.4f}"


def _pull_lines(manifest: Manifest | None) -> Iterator[str]:
    pull = manifest.pull if manifest is not None else None
    if pull is None:
        return
    facts: Mapping[str, str] = {
        "Held against the merge base": f"{code(pull.base[:12])} with {code(pull.ref)}",
        "Files that decide": _names(pull.changed),
        "Tasks not asked, as nothing they rest on changed": str(pull.untouched) if pull.untouched else "",
        "Deleted tasks": _names(pull.deleted) if pull.deleted else "",
        "Targets, gates and limits": "the head's, trusted by whoever ran this" if pull.trust_head else "",
    }
    yield "\n".join(f"- {name}: {said}." for name, said in facts.items() if said)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], noun: str) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows[:ROWS_SHOWN])]
    left = len(rows) - ROWS_SHOWN
    more = f"\n\nAnd {many(left, f'more {noun}')}, in the report." if left > 0 else ""
    return "\n".join(lines) + more


def _cell(text: str, most: int = _LONGEST) -> str:
    return inline(one_line(text, most))
