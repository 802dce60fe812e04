"""Golden tasks weighed: every task's runs and numbers, and what the tests make of them. Pure."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from harness.core.batch import Baseline
from harness.core.detection.golden_rules import GoldenTests, TaskTest, judge_tasks, needs_escalation
from harness.core.detection.golden_runs import GoldenLevels
from harness.core.findings import Outcome
from harness.core.golden.numbers import TaskNumbers, task_numbers
from harness.core.golden.sides import TaskSides, task_sides
from harness.core.judged_runs import tasks_without_reference
from harness.core.policy import Policy
from harness.core.run import RunRecord, RunTarget
from harness.core.suite import Case, TaskSeverity

FULL_RUNS = 12
FEWEST_RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """Every task's runs and numbers, and what the tests make of them."""

    sides: tuple[TaskSides, ...]
    numbers: Mapping[str, TaskNumbers]
    tests: GoldenTests
    levels: GoldenLevels
    left_out: AbstractSet[str] = frozenset()

    @classmethod
    def of(
        cls,
        record: RunRecord,
        target: RunTarget,
        policy: Policy,
        cases: Sequence[Case],
        reference: Baseline | None,
        *,
        at_once: AbstractSet[str] = frozenset(),
    ) -> "Weighed":
        """Weigh `cases`; the runs of those `at_once` were made whatever came out, so none of them is a further one."""
        sides = tuple(
            one.at_once if one.case.id in at_once else one
            for one in task_sides(cases, reference, record.batches.get(target.name))
        )
        levels = levels_of(record, policy)
        numbers = task_numbers(
            sides,
            record.judged.get(target.name),
            policy,
            levels,
            no_reference=tasks_without_reference(record, target.name),
        )
        return cls(sides=sides, numbers=numbers, tests=_tests(sides, levels), levels=levels)

    def without(self, cases: AbstractSet[str]) -> "Weighed":
        """Weigh the other tasks alone."""
        if not cases:
            return self
        left = tuple(sides for sides in self.sides if sides.case.id not in cases)
        return Weighed(
            sides=left,
            numbers={case: found for case, found in self.numbers.items() if case not in cases},
            tests=_tests(left, self.levels),
            levels=self.levels,
            left_out=cases,
        )

    def test_of(self, case: str) -> TaskTest | None:
        """Return what the tests say of a task, or None where it was left out."""
        return next((test for test in self.tests.tasks if test.case == case), None)

    def regressed(self) -> tuple[str, ...]:
        """Name the tasks that are worse than their baseline, whatever they may fail."""
        return tuple(
            test.case for test in self.tests.tasks if self.outcome_of(test.case) is Outcome.REGRESSED
        )

    def outcome_of(self, case: str) -> Outcome:
        """Return what became of a task."""
        test, numbers = self.test_of(case), self.numbers.get(case)
        if test is None:
            return Outcome.STABLE
        if test.regressed or test.broken_contract or (numbers is not None and numbers.regressed):
            return Outcome.REGRESSED
        if test.unclear is not None or (numbers is not None and numbers.unjudged is not None):
            return Outcome.INCONCLUSIVE
        return Outcome.IMPROVED if test.improved else Outcome.STABLE

    def untold(self) -> tuple[str, ...]:
        """Name the tasks that could not be told; where that is so of the suite, all of them.

        None where no task can be told by itself and the test over all of them finds them better.
        """
        suite = self.tests.suite
        if suite is not None and suite.unclear:
            return tuple(sides.case.id for sides in self.sides)
        if suite is not None and suite.improved and self._all_have_few():
            return ()
        return tuple(
            test.case for test in self.tests.tasks if self.outcome_of(test.case) is Outcome.INCONCLUSIVE
        )

    def to_run_again(self) -> frozenset[str]:
        """Name the tasks to run again before anything is called: what failed, and what is over a gate."""
        # The test over the suite is over the tasks that block alone, so they are asked about by themselves, too.
        blocking = [one.runs for one in self.sides if one.case.severity is TaskSeverity.BLOCK]
        return frozenset(
            (
                *needs_escalation([one.runs for one in self.sides], self.levels),
                *needs_escalation(blocking, self.levels),
                *(case for case, numbers in self.numbers.items() if numbers.run_again),
            )
        )

    def _all_have_few(self) -> bool:
        return all(len(one.reference) < FEWEST_RUNS for one in self.sides)


def _tests(sides: Sequence[TaskSides], levels: GoldenLevels) -> GoldenTests:
    """Test tasks; one that only warns has no say in the test over the suite."""
    every = judge_tasks([one.runs for one in sides], levels)
    blocking = [one.runs for one in sides if one.case.severity is TaskSeverity.BLOCK]
    if len(blocking) == len(sides):
        return every
    return GoldenTests(suite=judge_tasks(blocking, levels).suite, tasks=every.tasks)


def levels_of(record: RunRecord, policy: Policy) -> GoldenLevels:
    """Return the levels that a run is tested at."""
    return GoldenLevels(
        suite=policy.suite_level,
        task=policy.task_level,
        full_runs=FULL_RUNS,
        fewest_runs=FEWEST_RUNS,
        escalate_to=record.manifest.escalate_to or record.manifest.samples,
    )
