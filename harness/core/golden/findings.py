"""What a golden suite has to say: a finding for each task that moved, and one for all of them together. Pure."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from harness.core.batch import Baseline
from harness.core.findings import Channel, Effect, Finding, Outcome
from harness.core.golden.weighing import Weighed
from harness.core.golden_records import BaseScore, TaskReading
from harness.core.suite import TaskSeverity

QUESTION_GONE = "It is asked something else, so the merge base's question is gone, and nobody accepted that."


def task_findings(target: str, readings: Sequence[TaskReading], weighed: Weighed) -> tuple[Finding, ...]:
    """Find the tasks that moved."""
    return tuple(_task_finding(target, reading) for reading in readings if _is_found(reading, weighed))


def suite_findings(target: str, weighed: Weighed) -> tuple[Finding, ...]:
    """Find a suite whose tasks fail more often, or less often, all together."""
    suite = weighed.tests.suite
    if suite is None or not (suite.failed or suite.improved):
        return ()
    whole = f"all {suite.tasks} tasks" if suite.tasks > 1 else "the one task"
    because = (
        f"Over {whole} {suite.candidate_rate:.0%} of the runs fail, "
        f"and {suite.reference_rate:.0%} did before."
    )
    return (
        Finding(
            channel=Channel.PROMPT,
            signal="tasks",
            target=target,
            outcome=Outcome.REGRESSED if suite.failed else Outcome.IMPROVED,
            p_value=suite.p_value if suite.failed else None,
            n_reference=sum(len(sides.reference) for sides in weighed.sides),
            n_candidate=sum(len(sides.first) for sides in weighed.sides),
            effect=Effect(
                reference=1 - suite.reference_rate, candidate=1 - suite.candidate_rate, unit="rate"
            ),
            because=because,
        ),
    )


def by_other_rules(
    target: str, under_base: BaseScore | None, weighed: Weighed, settled: AbstractSet[str]
) -> tuple[Finding, ...]:
    """Find what the merge base's rules call a regression that blocks, and the pull request's own do not."""
    if under_base is None:
        return ()
    known = {
        sides.case.id
        for sides in weighed.sides
        if sides.case.id in weighed.regressed() and sides.case.severity is TaskSeverity.BLOCK
    }
    found: list[str | None] = [case for case in under_base.blocking if case not in known | settled]
    suite = weighed.tests.suite
    if under_base.suite_failed and not found and not known and not (suite is not None and suite.failed):
        found.append(None)
    told_here = {sides.case.id for sides in weighed.sides} - set(weighed.untold()) - set(weighed.regressed())
    return (
        *(_by_base(target, case, Outcome.REGRESSED, "it regressed") for case in found),
        *(
            _by_base(target, case, Outcome.INCONCLUSIVE, "it could not be told")
            for case in under_base.untold
            if case in told_here
        ),
    )


def _by_base(target: str, case: str | None, outcome: Outcome, said: str) -> Finding:
    return Finding(
        channel=Channel.CONFIG,
        signal="task" if case is not None else "tasks",
        target=target,
        case=case,
        outcome=outcome,
        n_reference=0,
        n_candidate=0,
        because=f"By the merge base's rules {said}; the pull request changes how it is graded.",
    )


def _is_found(reading: TaskReading, weighed: Weighed) -> bool:
    return reading.case not in weighed.left_out and reading.outcome in (
        Outcome.REGRESSED,
        Outcome.CHANGED,
        Outcome.IMPROVED,
    )


def _task_finding(target: str, reading: TaskReading) -> Finding:
    reference = reading.reference_failed / reading.reference_runs if reading.reference_runs else None
    candidate = reading.failed / reading.runs if reading.runs else None
    moved = reading.outcome is Outcome.CHANGED
    because = reading.because or f"fails {reading.failed} of {reading.runs} runs"
    if moved:
        because += f"; with the merge base's prompt {reading.base_failed} of {reading.base_runs}"
    return Finding(
        channel=Channel.MODEL if moved else Channel.PROMPT,
        signal="task",
        target=target,
        case=reading.case,
        outcome=reading.outcome,
        severity=reading.severity,
        p_value=reading.p_value,
        n_reference=reading.reference_runs,
        n_candidate=reading.runs,
        effect=Effect(
            reference=None if reference is None else 1 - reference,
            candidate=None if candidate is None else 1 - candidate,
            unit="rate",
        ),
        because=f"{because[:1].upper()}{because[1:]}.",
    )


def gone_findings(
    target: str, gone: Sequence[str], there: AbstractSet[str], reference: Baseline | None
) -> tuple[Finding, ...]:
    """Find the tasks that disappeared without anybody accepting that; of those still `there` it is the question."""
    known = reference.cases if reference is not None else {}
    return tuple(
        Finding(
            channel=Channel.CONFIG,
            signal="task",
            target=target,
            case=case,
            outcome=Outcome.REGRESSED,
            n_reference=len(known[case].samples) if case in known else 0,
            n_candidate=0,
            because=QUESTION_GONE if case in there else "The task is gone, and nobody accepted that.",
        )
        for case in gone
    )
