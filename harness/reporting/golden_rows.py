"""The tasks of a golden run, worst first: what became of each, and what is to be decided."""

import shlex
from collections.abc import Sequence

from harness.core.batch import Sample
from harness.core.findings import Severity
from harness.core.golden_records import TaskReading
from harness.core.plan import Round
from harness.core.run import RunRecord
from harness.core.suite import Case
from harness.core.verdict import Verdict
from harness.reporting.budget import PageBudget
from harness.reporting.escape import one_line
from harness.reporting.golden_detail import golden_detail, golden_evidence
from harness.reporting.golden_entries import GoldenTarget, TaskEntry
from harness.reporting.golden_words import (
    acceptance_text,
    counts_text,
    failed_text,
    outcome_text,
    p_text,
    values_text,
)
from harness.reporting.marks import CaseEvidence
from harness.reporting.model import (
    Column,
    Command,
    Counts,
    Mark,
    QueueRow,
    ReplyProof,
    SampleGrid,
    Status,
)
from harness.reporting.wording import WORDS

MARKS_DRAWN = 24
"""Runs of one side in a strip."""


def task_row(
    record: RunRecord, verdict: Verdict, target: GoldenTarget, entry: TaskEntry, budget: PageBudget | None
) -> QueueRow:
    """Say what became of one task; with a budget, with its evidence."""
    reading, case = entry.reading, entry.case
    grid, label, detail = SampleGrid(reference=(), candidate=()), "", None
    if reading is not None and case is not None:
        evidence = evidence_of(record, target, case, reading, entry.samples)
        grid = row_of_dots(evidence)
        label = f"{one_line(entry.id, 80)}: {counts_text(reading)}"
        if budget is not None and target.run is not None:
            judged = record.judged.get(target.name)
            detail = golden_detail(evidence, reading, target.run, entry.samples, judged, budget)
    counts = None
    if reading is not None:
        counts = Counts(
            reference=failed_text(reading.reference_failed, reading.reference_runs),
            candidate=failed_text(reading.failed, reading.runs),
            unit="failed",
        )
    severity = "warn" if reading is not None and reading.severity is Severity.WARN else "block"
    owner = one_line(case.owner, 80) if case is not None and case.owner else ""
    why = _why(entry)
    return QueueRow(
        case=entry.id,
        target=entry.target,
        kind=severity,
        status=entry.status,
        word=_row_word(entry),
        grid=grid,
        grid_label=label,
        counts=counts,
        why=why,
        accept=_accept(verdict, target, entry),
        detail=detail,
        owner=owner,
        line=_line(entry, why, owner),
    )


def _row_word(entry: TaskEntry) -> str:
    if entry.status is Status.NOT_ACCEPTED and (entry.reading is None or not entry.reading.reference_runs):
        return "No baseline"
    return WORDS[entry.status]


def _why(entry: TaskEntry) -> str:
    """Say in words what became of a task."""
    reading, accepted = entry.reading, entry.accepted
    said: list[str] = []
    if accepted is not None:
        why = f": {accepted.because}" if accepted.because else ""
        said.append(
            f"{acceptance_text(accepted)} Without that it would have been {outcome_text(accepted.would_be)}{why}"
        )
    elif entry.finding is not None and reading is not None and entry.finding.outcome is not reading.outcome:
        said.append(one_line(entry.finding.because, 400).rstrip("."))
    elif reading is not None and reading.because:
        said.append(one_line(reading.because, 400))
    elif entry.finding is not None:
        said.append(one_line(entry.finding.because, 400).rstrip("."))
    elif entry.status is Status.NOT_ACCEPTED:
        said.append("There are no accepted runs to compare it with")
    elif reading is not None and entry.status is Status.IMPROVED:
        said.append("Passes more often than its accepted runs")
    if entry.why_refused:
        said.append(entry.why_refused)
    if reading is not None:
        if reading.base_runs:
            base = failed_text(reading.base_failed, reading.base_runs)
            said.append(f"with the merge base's prompt {base} runs failed")
        if values := values_text(reading):
            said.append(values)
    text = "; ".join(part for part in said if part)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _line(entry: TaskEntry, why: str, owner: str) -> str:
    """Write a task's row for a terminal."""
    reading, name = entry.reading, one_line(entry.id, 80)
    word = "ACCEPTED CHANGE" if entry.status is Status.ACCEPTED else _row_word(entry).lower()
    said = f"{name}: {word}"
    if reading is None:
        return f"{said}. {why}" if why else said
    said += f", failed {failed_text(reading.reference_failed, reading.reference_runs)} → {failed_text(reading.failed, reading.runs)}"
    if reading.failed and (p_value := p_text(reading.adjusted_p_value)):
        said += f" ({p_value})"
    tail = f" {why}" if why else ""
    return f"{said}.{tail}{f' Owner {owner}.' if owner else ''}"


def _accept(verdict: Verdict, target: GoldenTarget, entry: TaskEntry) -> Command | None:
    reading = entry.reading
    settled = entry.status in (Status.ACCEPTED, Status.INCONCLUSIVE, Status.REFUSED, Status.NOT_EVALUATED)
    if settled or entry.status is Status.MOVED:
        return None
    if reading is not None and not reading.runs:
        return None
    owner = target.run.baseline_of if target.run else entry.target
    whose = f"--baseline-of {shlex.quote(owner)} " if owner != entry.target else ""
    return Command(
        head=f"drift accept {shlex.quote(verdict.run)} --case {shlex.quote(entry.id)} --target {shlex.quote(entry.target)}",
        tail=f'{whose}--digest {shlex.quote(verdict.shown[:8])} --reason "…"',
    )


def evidence_of(
    record: RunRecord, target: GoldenTarget, case: Case, reading: TaskReading, samples: Sequence[Sample]
) -> CaseEvidence:
    # A task that asks something else now is not compared, so what it said before is no evidence.
    known = target.baseline.cases.get(case.id) if target.baseline and reading.reference_runs else None
    return golden_evidence(case, known, samples, case.samples or record.manifest.samples)


def row_of_dots(evidence: CaseEvidence) -> SampleGrid:
    """Lay out every run by itself, so that they can be counted: golden runs make no nights."""
    before = [said.mark for said in evidence.reference][-MARKS_DRAWN:]
    now = [mark for column in evidence.candidate_columns for mark in column.marks][:MARKS_DRAWN]
    return SampleGrid(reference=columns_of(before), candidate=columns_of(now))


def columns_of(marks: Sequence[Mark]) -> tuple[Column, ...]:
    return tuple(Column(name="", marks=(mark,)) for mark in marks)


def base_prompt_marks(record: RunRecord, target: str, case: Case) -> tuple[Mark, ...]:
    """Mark the runs with the merge base's prompt by the task's rules."""
    batch = record.batches.get(target)
    samples = batch.samples.get(case.id, ()) if batch is not None else ()
    asked = [
        sample.model_copy(update={"round": Round.FIRST})
        for sample in samples
        if sample.round is Round.BASE_PROMPT
    ]
    evidence = golden_evidence(case, None, asked, len(asked))
    return tuple(mark for column in evidence.candidate_columns for mark in column.marks)[:MARKS_DRAWN]


def golden_proof(
    record: RunRecord, worst: GoldenTarget | None, queue: Sequence[QueueRow]
) -> ReplyProof | None:
    """Draw every run of the worst task large: accepted, with the merge base's prompt, and now."""
    if worst is None:
        return None
    row = next((row for row in queue if row.target == worst.name and row.status is worst.status), None)
    case = record.cases.get(row.case) if row is not None else None
    entry = next((one for one in worst.entries if row is not None and one.id == row.case), None)
    if row is None or case is None or entry is None or entry.reading is None or not entry.reading.runs:
        return None
    reading = entry.reading
    between = base_prompt_marks(record, worst.name, case)
    return ReplyProof(
        caption=f"{row.case}: every run",
        reference=_flat([column.marks for column in row.grid.reference]),
        reference_text=f"accepted: {failed_text(reading.reference_failed, reading.reference_runs)} failed",
        candidate=_flat([column.marks for column in row.grid.candidate]),
        candidate_text=f"now: {failed_text(reading.failed, reading.runs)} failed",
        label=row.grid_label,
        between=between,
        between_text=f"now, with the merge base's prompt: {failed_text(reading.base_failed, reading.base_runs)} failed",
    )


def _flat(columns: Sequence[tuple[Mark, ...]]) -> tuple[Mark, ...]:
    return tuple(mark for column in columns for mark in column)
