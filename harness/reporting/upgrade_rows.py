"""The cases of two models side by side, worst first: what became of each, with both sides' replies."""

import shlex
from collections.abc import Sequence
from dataclasses import replace

from harness.core.batch import CaseBaseline, CaseIdentity, Sample, stored
from harness.core.canonical import text_digest
from harness.core.findings import Outcome, Severity
from harness.core.golden_records import TaskReading
from harness.core.judging.records import Judged
from harness.core.measures import Measures, measurer
from harness.core.plan import Round
from harness.core.run import RunRecord
from harness.core.suite import Case
from harness.core.upgrade.values import holds
from harness.core.upgrade_records import Unclear, UpgradeCase, UpgradeReading
from harness.reporting.budget import PageBudget
from harness.reporting.counting import many
from harness.reporting.escape import one_line
from harness.reporting.evidence import detail_of
from harness.reporting.golden_detail import golden_detail, rule_rows
from harness.reporting.golden_opinions import judge_note, opinions_of
from harness.reporting.golden_rows import columns_of
from harness.reporting.marks import CaseEvidence, gather
from harness.reporting.model import (
    Command,
    Counts,
    Detail,
    Mark,
    QueueRow,
    QuietList,
    QuietRow,
    SampleGrid,
)
from harness.reporting.upgrade_words import CASE_WORDS, case_status, counts_text, sure_of
from harness.reporting.wording import status_of

MARKS_DRAWN = 24
QUIET_ROWS = 300
_NO_NIGHTS = SampleGrid(reference=(), candidate=())
_MORE_SAMPLES = 3


def case_row(
    record: RunRecord, reading: UpgradeReading, found: UpgradeCase, budget: PageBudget | None
) -> QueueRow:
    """Say what became of one case; with a budget, with its evidence."""
    case = record.cases[found.case]
    status = case_status(found)
    before, after, unit = counts_text(found)
    why = one_line(found.because, 400)
    return QueueRow(
        case=found.case,
        target=reading.candidate,
        kind=kind_of(case),
        status=status,
        word=CASE_WORDS[status],
        grid=grid_of(record, reading, case),
        grid_label=f"{one_line(found.case, 80)}: reference {before}, candidate {after} {unit}",
        counts=Counts(reference=before, candidate=after, unit=unit),
        why=why,
        accept=_more(record, reading, found),
        detail=_detail(record, reading, found, case, budget) if budget is not None else None,
        owner=one_line(case.owner, 80) if case.owner else "",
        line=f"{one_line(found.case, 60)}: {CASE_WORDS[status].lower()}  {before} → {after} {unit}",
    )


def same_list(record: RunRecord, reading: UpgradeReading) -> tuple[QuietList, ...]:
    """Fold the cases that are the same into one list."""
    return _folded(record, reading, Outcome.STABLE, "the same within noise")


def untold_list(record: RunRecord, reading: UpgradeReading) -> tuple[QuietList, ...]:
    """Fold the cases that could not be told into one list, where a whole side is lost."""
    return _folded(record, reading, Outcome.INCONCLUSIVE, "without a verdict")


def _folded(record: RunRecord, reading: UpgradeReading, outcome: Outcome, tail: str) -> tuple[QuietList, ...]:
    found = reading.of(outcome)
    if not found:
        return ()
    rows = tuple(
        QuietRow(
            case=one.case,
            target=reading.candidate,
            kind=kind_of(record.cases[one.case]),
            grid=grid_of(record, reading, record.cases[one.case]),
            grid_label="reference {}, candidate {} {}".format(*counts_text(one)),
            answered=counts_text(one)[1],
            complete=one.reference_runs == one.candidate_runs == one.planned,
        )
        for one in found[:QUIET_ROWS]
    )
    return (
        QuietList(
            head=many(len(found), "case"),
            tail=f"{'is' if len(found) == 1 else 'are'} {tail}",
            status=status_of(outcome),
            rows=rows,
            left_out=max(0, len(found) - QUIET_ROWS),
        ),
    )


def kind_of(case: Case) -> str:
    """Name the kind of a case for a reader."""
    return "golden" if case.is_task else case.kind.value


def grid_of(record: RunRecord, reading: UpgradeReading, case: Case) -> SampleGrid:
    """Draw every reply of both sides by whether it keeps every check; what never came back is missing."""
    measure = measurer(case)
    planned = min(case.samples or record.manifest.samples, MARKS_DRAWN)
    sides = []
    for name in (reading.reference, reading.candidate):
        known = {sample.number: sample for sample in _samples(record, name, case.id)}
        marks = []
        for number in range(planned):
            sample = known.get(number)
            answer = sample.answer if sample is not None else None
            marks.append(
                Mark.MISSING if answer is None else Mark.HELD if holds(case, measure(answer)) else Mark.FAILED
            )
        sides.append(columns_of(marks))
    return SampleGrid(reference=sides[0], candidate=sides[1])


def _samples(record: RunRecord, target: str, case: str) -> tuple[Sample, ...]:
    batch = record.batches.get(target)
    samples = batch.samples.get(case, ()) if batch is not None else ()
    return tuple(sample for sample in samples if sample.round is Round.FIRST)


def _more(record: RunRecord, reading: UpgradeReading, found: UpgradeCase) -> Command | None:
    """Return the command that asks more of a case that could not be told; what moved is accepted as a whole."""
    if found.unclear not in (Unclear.TOO_FEW_RUNS, Unclear.UNCONFIRMED):
        return None
    more = min(50, _MORE_SAMPLES * record.manifest.samples)
    return Command(
        head=f"drift upgrade --from {shlex.quote(reading.reference)} --to {shlex.quote(reading.candidate)}",
        tail=f"--case {shlex.quote(found.case)} --samples {more}",
    )


def _detail(
    record: RunRecord, reading: UpgradeReading, found: UpgradeCase, case: Case, budget: PageBudget
) -> Detail:
    sides = {target.name: target for target in record.manifest.targets}
    own = _samples(record, reading.candidate, case.id)
    evidence = _evidence(record, reading, case, own)
    judged = _judged(record.judged.get(reading.candidate), case, evidence)
    target = sides[reading.candidate]
    if case.is_task:
        detail = golden_detail(evidence, _as_task(found), target, own, judged, budget)
        names = ("Reference", "Candidate")
        rows = detail.runs if len(detail.runs) == len(names) else ()
        detail = replace(
            detail, runs=tuple(replace(row, name=name) for name, row in zip(names, rows, strict=False))
        )
    else:
        shown = next((sample for sample in own if sample.answer is not None), None)
        opinions = tuple(opinions_of(case, judged, shown, own, budget))
        detail = replace(
            detail_of(evidence, (), target, own, budget),
            rules=tuple(rule_rows(evidence, ())),
            opinions=opinions,
            judge_note=judge_note(case, judged, opinions),
        )
    return replace(detail, sure=tuple(sure_of(found)), nights=_NO_NIGHTS)


def _evidence(record: RunRecord, reading: UpgradeReading, case: Case, own: Sequence[Sample]) -> CaseEvidence:
    """Measure both sides, the old model's replies standing where accepted ones do."""
    manifest = record.manifest
    lines = tuple(
        stored(sample.answer, night=manifest.night, run=manifest.run, sample=sample.number, burst=False)
        for sample in _samples(record, reading.reference, case.id)
        if sample.answer is not None
    )
    identity = CaseIdentity(question=case.question, treatment="", ruler=case.ruler)
    known = CaseBaseline(identity=identity, samples=lines)
    evidence = gather(case, "task", known, own, case.samples or manifest.samples)

    def mark(found: Measures) -> Mark:
        return Mark.HELD if holds(case, found) else Mark.FAILED

    return replace(
        evidence,
        now="of the new model",
        reference=tuple(replace(said, mark=mark(said.measures)) for said in evidence.reference),
        candidate=tuple(replace(said, mark=mark(said.measures)) for said in evidence.candidate),
    )


def _judged(judged: Judged | None, case: Case, evidence: CaseEvidence) -> Judged | None:
    """Keep of what a judge said of a case the answers that are held against the old model's most common one."""
    if judged is None:
        return None
    texts = [text_digest(s.answer.measured_text) for s in evidence.reference if s.answer is not None]
    usual = max(dict.fromkeys(texts), key=texts.count, default="")
    found = [one for one in judged.cases if one.case == case.id]
    found.sort(key=lambda one: one.reference is None or one.reference.digest != usual)
    return judged.model_copy(update={"cases": tuple(found[:1])})


def _as_task(found: UpgradeCase) -> TaskReading:
    """Put both sides of a golden task as its accepted runs and those of now."""
    return TaskReading(
        case=found.case,
        outcome=found.outcome,
        severity=Severity.WARN if found.warns else Severity.BLOCK,
        reference_runs=found.reference_runs,
        reference_failed=found.reference_runs - found.reference_held,
        runs=found.candidate_runs,
        failed=found.candidate_runs - found.candidate_held,
    )
