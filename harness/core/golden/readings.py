"""One task beside its baseline, as every output shows it. Pure."""

from harness.core.detection.golden_rules import TaskTest
from harness.core.detection.golden_runs import Unclear
from harness.core.findings import Outcome, Severity
from harness.core.golden.numbers import TaskNumbers
from harness.core.golden.sides import TaskSides
from harness.core.golden.weighing import FEWEST_RUNS, Weighed
from harness.core.golden_records import TaskReading
from harness.core.suite import TaskSeverity


def task_reading(sides: TaskSides, effective: Weighed, weighed: Weighed, *, moved: bool) -> TaskReading:
    """Say what became of a task; one that the model moved changed, and regressed not."""
    case = sides.case
    test = effective.test_of(case.id) or weighed.test_of(case.id)
    assert test is not None
    numbers = weighed.numbers[case.id]
    outcome = effective.outcome_of(case.id) if case.id not in effective.left_out else Outcome.CHANGED
    if moved:
        outcome = Outcome.CHANGED
    return TaskReading(
        case=case.id,
        outcome=outcome,
        severity=Severity.BLOCK if case.severity is TaskSeverity.BLOCK else Severity.WARN,
        reference_runs=len(sides.reference),
        reference_failed=sum(sides.reference),
        runs=len(sides.first) + len(sides.further),
        failed=sum((*sides.first, *sides.further)),
        escalated=bool(sides.further),
        p_value=test.p_value,
        adjusted_p_value=test.adjusted,
        visible=test.visible,
        base_runs=len(sides.base_prompt),
        base_failed=sum(sides.base_prompt),
        latency=numbers.latency,
        tokens=numbers.tokens,
        judge=numbers.judge,
        because=_because(test, numbers),
    )


_UNCLEAR = {
    Unclear.FEW_REFERENCE: f"fewer than {FEWEST_RUNS} accepted runs to compare with",
    Unclear.NO_RUNS: "no run gave an answer",
    Unclear.FEW_RUNS: "too few runs gave an answer",
    Unclear.NOT_RUN_AGAIN: "it failed, and was not run often enough to tell",
}


def _because(test: TaskTest, numbers: TaskNumbers) -> str:
    failed, runs = test.counts.candidate_failed, test.counts.candidate_runs
    said = []
    if test.broken_contract:
        said.append(f"a contract is broken in {failed} of {runs} runs")
    elif test.regressed:
        before = f"{test.counts.reference_failed} of {test.counts.reference_runs}"
        said.append(f"failed {failed} of {runs} runs, and {before} before")
    said.extend(numbers.because)
    if not said and test.unclear is not None:
        said.append(_UNCLEAR[test.unclear])
    if not said and numbers.unjudged is not None:
        said.append(numbers.unjudged)
    return "; ".join(said)
