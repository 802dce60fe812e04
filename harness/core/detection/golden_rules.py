"""The rule of the PR check: which tasks pass less often than their baseline did, and whether the suite does.

*Suite*: failure rates over all tasks, labels permuted within tasks. *Task*: Fisher's exact test of every
task that failed one of its first runs, Benjamini and Hochberg over those that could be told. *Contract*: a
task marked `always` that held in the whole baseline and breaks in most runs. What looks bad is run again
before it is called: a task that failed, and every task where the suite as a whole strayed.

Running again is a biased choice. Why no test pays for it is said where it is made: `suite_test` and
`_regressions`. bench/golden.py measures what comes of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.core.detection.golden_power import visible_task_fall
from harness.core.detection.golden_runs import DEFAULT_LEVELS, GoldenLevels, TaskRuns, Unclear
from harness.core.detection.golden_suite import SuiteTest, suite_strayed, suite_test
from harness.core.stats.exact import Counts, fisher_p, fisher_p_once_failed
from harness.core.stats.multiplicity import benjamini_hochberg_adjusted


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTest:
    """What the tests say of one task. It may be unclear and a broken contract at once."""

    case: str
    counts: Counts
    """Over all its runs."""
    p_value: float | None
    """Of failing no more often than before: 1 where no first run failed, None where the task was not tested."""
    adjusted: float | None
    """The same after Benjamini and Hochberg; 1 where so few failures could not have told anything."""
    regressed: bool
    broken_contract: bool
    improved: bool
    """By its first runs alone, which were made whatever came out."""
    unclear: Unclear | None
    visible: float | None
    """Smallest fall of its pass rate, 0..1, that is seen with probability .8; None where none is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenTests:
    """All tests of passing and failing in a PR run."""

    suite: SuiteTest | None
    """None in fast mode, where every task ran once at first, and where no task could be tested."""
    tasks: tuple[TaskTest, ...]
    """In the order given."""

    @property
    def failed(self) -> bool:
        """Whether anything regressed."""
        worse = any(task.regressed or task.broken_contract for task in self.tasks)
        return worse or (self.suite is not None and self.suite.failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRules:
    """The tasks over which rules in common use would have failed the PR. Shown; nothing rests on it."""

    one_run: tuple[str, ...]
    """Passed in most reference runs, and failed the first run."""
    any_run: tuple[str, ...]
    """Passed in most reference runs, and failed one of the first runs."""
    most_runs: tuple[str, ...]
    """Passed in most reference runs, and failed most of the first runs."""


def needs_escalation(tasks: Sequence[TaskRuns], levels: GoldenLevels = DEFAULT_LEVELS) -> tuple[str, ...]:
    """Return the tasks to run again, up to `levels.escalate_to` runs in all, in the order given.

    Every task where the suite strayed over its first runs. Else those that failed a first run and could
    still be called if their further runs failed; a task that fails as often in the reference cannot.
    """
    tested = _tested(tasks, levels)
    strayed = suite_strayed(tested, levels)
    return tuple(
        task.case
        for task in tasks
        if task.first
        and task.runs < levels.escalate_to
        and ((strayed and task in tested) or _could_be_called(task, levels))
    )


def judge_tasks(tasks: Sequence[TaskRuns], levels: GoldenLevels = DEFAULT_LEVELS) -> GoldenTests:
    """Test the suite and every task. The order of tasks, and of the runs within a part, changes nothing."""
    tested = _tested(tasks, levels)
    adjusted = _regressions(tested, levels)
    improved = _improvements(tested, levels)
    return GoldenTests(
        suite=suite_test(tested or [task for task in tasks if task.reference and task.first], levels),
        tasks=tuple(_task_test(task, adjusted, levels, improved=task.case in improved) for task in tasks),
    )


def plain_rules(tasks: Sequence[TaskRuns]) -> PlainRules:
    """Return what rules in common use make of the first runs."""
    passing = [task for task in tasks if task.first and 2 * sum(task.reference) < len(task.reference)]
    return PlainRules(
        one_run=tuple(task.case for task in passing if task.first[0]),
        any_run=tuple(task.case for task in passing if task.failed_first),
        most_runs=tuple(task.case for task in passing if 2 * sum(task.first) > len(task.first)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hypothesis:
    p_value: float
    least: float
    """What it could have been at most convincing."""
    share: float
    """Of the level."""


def _regressions(tested: Sequence[TaskRuns], levels: GoldenLevels) -> Mapping[str, float]:
    """Return the p-values of the tasks that could be told, adjusted over these.

    A task is tested because a first run failed, so its p-value is taken given that one did; then the tasks
    that did not fail need not be paid for. Nor need those whose failures, were they all the candidate's,
    would prove nothing (Tarone, "A Modified Bonferroni Method for Discrete Data", Biometrics 46, 1990; for
    the false discovery rate Gilbert, Applied Statistics 54, 2005). Given how many runs of a task failed,
    both sets are fixed before it is known on which side. With plain p-values over all of 20 tasks, one that
    falls to 10 % is caught .78 of the time in fast mode, with these .89: as often as its one run fails.
    """
    return _adjusted(
        {
            task.case: _Hypothesis(
                p_value=_p_value(task, task.counts),
                least=_p_value(task, task.counts.worst),
                share=levels.share(len(task.reference)),
            )
            for task in tested
            if task.failed_first
        },
        levels.task,
    )


def _improvements(tested: Sequence[TaskRuns], levels: GoldenLevels) -> frozenset[str]:
    """Return the tasks that fail less often. By their first runs: only tasks that failed are run again."""
    swapped = {task.case: task.first_counts.swapped for task in tested}
    adjusted = _adjusted(
        {
            task.case: _Hypothesis(
                p_value=fisher_p(swapped[task.case]),
                least=fisher_p(swapped[task.case].worst),
                share=levels.share(len(task.reference)),
            )
            for task in tested
        },
        levels.task,
    )
    return frozenset(case for case, p_value in adjusted.items() if p_value <= levels.task)


def _adjusted(hypotheses: Mapping[str, _Hypothesis], level: float) -> Mapping[str, float]:
    """Adjust for the hypotheses that could be told at `level`. Weights as in Genovese, Roeder and Wasserman (2006)."""
    told = {
        case: one.p_value / one.share for case, one in hypotheses.items() if one.least <= level * one.share
    }
    return dict(zip(told, benjamini_hochberg_adjusted(list(told.values())), strict=True))


def _task_test(
    task: TaskRuns, adjusted: Mapping[str, float], levels: GoldenLevels, *, improved: bool
) -> TaskTest:
    """Put together what was found of a task; `adjusted` are the p-values of all tasks that could be told."""
    unclear = _why_untested(task, levels)
    tested = unclear is None
    own = adjusted.get(task.case, 1.0)
    regressed, broken = own <= levels.task, _is_broken(task, levels)
    if tested and not regressed and not broken and _is_short(task, levels):
        unclear = Unclear.NOT_RUN_AGAIN
    share = levels.share(len(task.reference)) / len(adjusted.keys() | {task.case})
    return TaskTest(
        case=task.case,
        counts=task.counts,
        p_value=_p_value(task, task.counts) if tested else None,
        adjusted=own if tested else None,
        regressed=regressed,
        broken_contract=broken,
        improved=improved,
        unclear=unclear,
        visible=visible_task_fall(
            failed=sum(task.reference),
            reference=len(task.reference),
            first=len(task.first),
            runs=task.runs if task.further else max(len(task.first), levels.escalate_to),
            level=levels.task * share,
        )
        if tested
        else None,
    )


def _tested(tasks: Sequence[TaskRuns], levels: GoldenLevels) -> tuple[TaskRuns, ...]:
    return tuple(task for task in tasks if _why_untested(task, levels) is None)


def _why_untested(task: TaskRuns, levels: GoldenLevels) -> Unclear | None:
    if not task.first:
        return Unclear.NO_RUNS
    return Unclear.FEW_REFERENCE if len(task.reference) < levels.fewest_runs else None


def _p_value(task: TaskRuns, counts: Counts) -> float:
    return fisher_p_once_failed(counts, len(task.first)) if task.failed_first else 1.0


def _is_broken(task: TaskRuns, levels: GoldenLevels) -> bool:
    """Say whether a contract broke: in most runs, and not over one run, nor over few where more were asked for."""
    enough = task.runs >= (levels.fewest_escalated if len(task.first) < levels.escalate_to else 2)
    return task.held and enough and 2 * task.counts.candidate_failed > task.runs


def _is_short(task: TaskRuns, levels: GoldenLevels) -> bool:
    return task.runs < levels.fewest_escalated and _could_be_called(task, levels)


def _could_be_called(task: TaskRuns, levels: GoldenLevels) -> bool:
    """Say whether running the task again can call it: a first run failed, and if all further runs did it would be."""
    left = levels.escalate_to - task.runs
    if left <= 0 or not task.failed_first:
        return False
    failed, runs = task.counts.candidate_failed + left, task.runs + left
    if task.held and 2 * failed > runs:
        return True
    worst = replace(task.counts, candidate_failed=failed, candidate_runs=runs)
    share = levels.share(len(task.reference))
    return _why_untested(task, levels) is None and _p_value(task, worst) <= levels.task * share
