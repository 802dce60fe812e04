"""The cases of one target, sorted by what is to be said of them."""

from dataclasses import dataclass

from harness.core.baseline_state import Knowledge
from harness.core.batch import Baseline, Sample
from harness.core.findings import Finding, Severity
from harness.core.plan import Round
from harness.core.run import RunRecord, RunTarget
from harness.core.suite import Case
from harness.core.verdict import BaselineState, State, TargetVerdict, Verdict
from harness.reporting.course import Course, course_of
from harness.reporting.model import Status
from harness.reporting.states import keeps_digests, knowledge_of
from harness.reporting.wording import is_open, status_of, target_status

CONTRACT = "contract"
_SIGNAL_ORDER = (CONTRACT, "refusal", "format", "quality", "embedding", "string", "length", "spread")
_ALSO_WITHIN = (Status.REGRESSED, Status.CHANGED, Status.OPEN, Status.IMPROVED, Status.STABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One case of one target, before it is known how much of it will be shown."""

    case: Case
    target: str
    status: Status
    findings: tuple[Finding, ...]
    samples: tuple[Sample, ...]
    planned: int
    lost: bool
    """Too few replies came back to say anything."""

    @property
    def answered(self) -> int:
        """Count the answers of the first round."""
        return sum(s.answer is not None for s in self.samples if s.round is Round.FIRST)

    @property
    def queued(self) -> bool:
        """Say whether the case has something to decide, or too little to say anything."""
        return bool(self.findings) or self.lost

    def order(self) -> tuple[int, bool, bool, float, str, str]:
        """Order from worst to quiet: a broken contract first, for it is no matter of chance; then by how sure."""
        finding = self.findings[0] if self.findings else None
        p_value = finding.p_value if finding and finding.p_value is not None else 1.0
        warns = finding is not None and finding.severity is not Severity.BLOCK
        chance = finding is None or finding.signal != CONTRACT
        return self.status.rank, warns, chance, p_value, self.case.id, self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetEntries:
    """One target with all that belongs to it."""

    verdict: TargetVerdict
    status: Status
    run: RunTarget | None
    baseline: Baseline | None
    entries: tuple[Entry, ...]
    knows: Knowledge | None
    """What the baseline knows of tonight's cases; None for a target that the run does not name."""
    complete: bool

    @property
    def name(self) -> str:
        """Name the target."""
        return self.verdict.target


def target_entries(record: RunRecord, verdict: Verdict, target: TargetVerdict) -> TargetEntries:
    """Sort the cases of one target by their findings, what is missing, and what cannot be compared."""
    run = next((one for one in record.manifest.targets if one.name == target.target), None)
    baseline = record.references.get(target.target)
    batch = record.batches.get(target.target)
    status = target_status(target, verdict)
    found: dict[str, list[Finding]] = {}
    for finding in target.findings:
        if finding.case is not None and status_of(finding.outcome) is not Status.STABLE:
            found.setdefault(finding.case, []).append(finding)
    knows = knowledge_of(record, verdict, target)
    apart = _not_compared(knows) if baseline is not None and knows is not None else {}
    otherwise = _otherwise(target, status)
    compared = otherwise in (Status.STABLE, Status.AWAITING)
    entries = []
    for case in record.manifest.suite.cases:
        samples = batch.samples.get(case.id, ()) if batch else ()
        planned = case.samples or record.manifest.samples
        findings = tuple(sorted(found.get(case.id, ()), key=_finding_order))
        answered = sum(s.answer is not None for s in samples if s.round is Round.FIRST)
        lost = not answered or answered < verdict.policy.limits.min_coverage * planned - 1e-9
        if findings:
            said = status_of(findings[0].outcome)
        elif lost:
            said = Status.INCONCLUSIVE
        else:
            said = apart.get(case.id, otherwise) if compared else otherwise
        entries.append(
            Entry(
                case=case,
                target=target.target,
                status=said,
                findings=findings,
                samples=tuple(samples),
                planned=planned,
                lost=lost and not findings,
            )
        )
    return TargetEntries(
        verdict=target,
        status=status,
        run=run,
        baseline=baseline,
        entries=tuple(entries),
        knows=knows,
        complete=status is Status.STABLE and _nothing_missing(record, target) and not apart,
    )


def in_queue(target: TargetEntries, entry: Entry) -> bool:
    """Say whether a case needs a decision; where a whole target is lost, its cases are not listed one by one."""
    return bool(entry.findings) or (entry.queued and target.status is not Status.INCONCLUSIVE)


def _otherwise(target: TargetVerdict, status: Status) -> Status:
    """Say what a case is of which nothing else is to be said: within its noise only where that was decided."""
    if status not in _ALSO_WITHIN:
        return status
    if target.state is State.LEARNING:
        return Status.LEARNING
    if target.baseline is not BaselineState.PRESENT:
        return Status.STALE if target.baseline is BaselineState.STALE else Status.NO_BASELINE
    if not target.readings:
        return Status.INCONCLUSIVE
    courses = {course_of(target, reading) for reading in target.readings}
    return Status.AWAITING if courses & {Course.UNASKED, Course.UNANSWERED} else Status.STABLE


def _not_compared(knows: Knowledge) -> dict[str, Status]:
    """Say of every case that is not compared why: it was edited, it is new, or it is still learning."""
    known = knows.comparable
    return {
        **dict.fromkeys(known.few_nights, Status.LEARNING),
        **dict.fromkeys(known.unknown, Status.NO_BASELINE),
        **dict.fromkeys(known.changed, Status.STALE),
    }


def _finding_order(finding: Finding) -> tuple[int, int, str]:
    known = _SIGNAL_ORDER.index(finding.signal) if finding.signal in _SIGNAL_ORDER else len(_SIGNAL_ORDER)
    return status_of(finding.outcome).rank, known, finding.signal


def _nothing_missing(record: RunRecord, target: TargetVerdict) -> bool:
    coverage = target.coverage
    return (
        target.state is State.ARMED
        and target.baseline is BaselineState.PRESENT
        and target.target in record.references
        and coverage.planned > 0
        and coverage.measured >= coverage.planned
        and coverage.cases_compared >= coverage.cases_planned
        and not target.failures
        and not target.cut_short
        and not is_open(target)
        and not keeps_digests(record, target.target)
        and not record.earlier.lost.get(target.target)
        and record.end is not None
        and not record.end.stopped
        and all(status_of(reading.outcome) is not Status.INCONCLUSIVE for reading in target.readings)
    )
