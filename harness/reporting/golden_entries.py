"""The tasks of one target of a golden run, sorted by what is to be said of them."""

from dataclasses import dataclass

from harness.core.batch import Baseline, Sample
from harness.core.findings import Finding, Outcome, Severity
from harness.core.golden_records import AcceptedChange, GateProblem, TaskReading
from harness.core.run import RunRecord, RunTarget
from harness.core.suite import Case
from harness.core.verdict import TargetVerdict, Verdict
from harness.reporting.golden_words import (
    golden_status,
    golden_word,
)
from harness.reporting.model import (
    Status,
)
from harness.reporting.wording import WORDS, status_of

_REFUSED = {
    GateProblem.UNEXPLAINED_BASELINE: "its baseline changed, and prompt, task and target did not",
    GateProblem.NOT_REPRODUCED: "what was accepted does not come back",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEntry:
    """One task of one target, before it is known how much of it will be shown."""

    id: str
    target: str
    status: Status
    case: Case | None
    """None for a task that was deleted."""
    reading: TaskReading | None
    accepted: AcceptedChange | None
    finding: Finding | None
    why_refused: str
    samples: tuple[Sample, ...]

    @property
    def queued(self) -> bool:
        """Say whether the task is a row of its own, or is folded into a list."""
        match self.status:
            case Status.STABLE | Status.NOT_EVALUATED:
                return False
            case Status.NOT_ACCEPTED:
                return self.reading is None or not self.reading.reference_runs
            case Status.ACCEPTED:
                return not passes_anyway(self.accepted)
            case _:
                return True

    def order(self) -> tuple[int, int, float, str, str]:
        """Order from worst to quiet; among what was accepted, first what would have been worst."""
        would_be = -self.accepted.would_be.weight if self.accepted is not None else 0
        p_value = self.reading.p_value if self.reading is not None else None
        return self.status.rank, would_be, 1.0 if p_value is None else p_value, self.id, self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenTarget:
    """One target of a golden run with all that belongs to it."""

    verdict: TargetVerdict
    status: Status
    word: str
    run: RunTarget | None
    baseline: Baseline | None
    entries: tuple[TaskEntry, ...]

    @property
    def name(self) -> str:
        """Name the target."""
        return self.verdict.target

    def in_queue(self, entry: TaskEntry) -> bool:
        """Say whether a task is listed by itself; where a whole target is lost, its tasks are not."""
        lost = (
            self.status in (Status.NOT_EVALUATED, Status.INCONCLUSIVE) and not self.verdict.coverage.measured
        )
        return entry.queued and not (lost and entry.status is Status.INCONCLUSIVE)


def passes_anyway(accepted: AcceptedChange | None) -> bool:
    """Say whether what was accepted would have passed without that."""
    return accepted is not None and accepted.would_be in (Outcome.STABLE, Outcome.IMPROVED)


def golden_target(record: RunRecord, verdict: Verdict, target: TargetVerdict) -> GoldenTarget:
    """Sort the tasks of one target by what is to be said of them."""
    status = golden_status(target, verdict, record.end)
    batch = record.batches.get(target.target)
    readings = {task.case: task for task in target.tasks}
    accepted = {change.case: change for change in target.accepted}
    findings: dict[str, Finding] = {}
    for finding in target.findings:
        if finding.case is not None:
            worst = findings.get(finding.case)
            if worst is None or finding.outcome.weight > worst.outcome.weight:
                findings[finding.case] = finding
    known = record.cases
    ids = dict.fromkeys((*known, *readings, *findings, *accepted))
    return GoldenTarget(
        verdict=target,
        status=status,
        word=golden_word(status, WORDS[status]),
        run=next((one for one in record.manifest.targets if one.name == target.target), None),
        baseline=record.references.get(target.target),
        entries=tuple(
            _entry(
                target,
                id_,
                known.get(id_),
                readings.get(id_),
                accepted.get(id_),
                findings.get(id_),
                batch.samples.get(id_, ()) if batch is not None else (),
                evaluated=status is not Status.NOT_EVALUATED,
            )
            for id_ in ids
        ),
    )


def _entry(
    target: TargetVerdict,
    id_: str,
    case: Case | None,
    reading: TaskReading | None,
    accepted: AcceptedChange | None,
    finding: Finding | None,
    samples: tuple[Sample, ...],
    *,
    evaluated: bool,
) -> TaskEntry:
    refused = next(
        (_REFUSED[one.problem] for one in target.gated if id_ in one.cases and one.problem in _REFUSED), ""
    )
    missing = any(
        id_ in gated.cases for gated in target.gated if gated.problem is GateProblem.MISSING_BASELINE
    )
    outcomes = [one.outcome for one in (reading, finding) if one is not None]
    worst = max(outcomes, key=lambda outcome: outcome.weight, default=Outcome.INCONCLUSIVE)
    warns = reading is not None and reading.severity is Severity.WARN
    if worst is Outcome.REGRESSED:
        status = Status.WARNED if warns else Status.REGRESSED
    elif accepted is not None and not (accepted.added and worst is Outcome.INCONCLUSIVE):
        status = Status.ACCEPTED
    elif worst is Outcome.CHANGED:
        status = Status.MOVED
    elif refused:
        status = Status.REFUSED
    elif missing and (worst is not Outcome.INCONCLUSIVE or not (reading and reading.reference_runs)):
        status = Status.NOT_ACCEPTED
    elif worst is Outcome.INCONCLUSIVE and not evaluated and not (reading and reading.runs):
        status = Status.NOT_EVALUATED
    else:
        status = status_of(worst)
    return TaskEntry(
        id=id_,
        target=target.target,
        status=status,
        case=case,
        reading=reading,
        accepted=accepted,
        finding=finding,
        why_refused=refused,
        samples=samples,
    )
