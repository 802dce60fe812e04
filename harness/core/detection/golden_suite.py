"""Whether the tasks of a golden suite, taken together, fail more often than their baseline did."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.detection.golden_power import visible_suite_fall
from harness.core.detection.golden_runs import GoldenLevels, TaskRuns
from harness.core.stats.exact import stratified_p


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteTest:
    """What the test over all tasks says; every task weighs the same."""

    tasks: int
    """How many it is over."""
    reference_rate: float
    """Mean failure rate of the tasks, 0..1."""
    candidate_rate: float
    """The same over the runs that decided."""
    p_value: float
    """Of the runs that decided: all runs where the suite was run again, else the first ones."""
    level: float
    strayed: bool
    """The first runs asked for every task to be run again."""
    failed: bool
    improved: bool
    """By the first runs alone."""
    unclear: bool
    """It strayed, and too few tasks were run again to call it."""
    visible: float | None
    """Smallest fall of every task's pass rate, 0..1, that is seen with probability .8; None where none is."""


def suite_test(tested: Sequence[TaskRuns], levels: GoldenLevels) -> SuiteTest | None:
    """Test all tasks together, in two stages: over the first runs, and if they stray over all runs.

    The second stage counts only if the first strayed, so the test fails no more often than one over
    `escalate_to` runs of every task would, whose level is exact: looking first costs nothing. Were only the
    tasks run again that failed, their runs could not be used; so every one is. With one stage over 3 runs
    at .025 a fall of 15 points in every task that passes 95 % is seen .88 of the time, with two .96, at half
    the false alarms and 7 % more calls (bench/golden.py).

    The level falls with the share of tasks that have few reference runs. Where all have too few to be told by
    themselves, as with recorded answers, one a task, this test alone decides, on the runs that there are.
    """
    if not _has_suite_test(tested, levels):
        return None
    strayed = suite_strayed(tested, levels)
    unclear = strayed and any(task.runs < levels.fewest_escalated for task in tested)
    first = [task.first_counts for task in tested]
    decisive = [task.counts for task in tested] if strayed and not unclear else first
    p_value = stratified_p(decisive)
    level = levels.suite * sum(levels.share(len(task.reference)) for task in tested) / len(tested)
    return SuiteTest(
        tasks=len(tested),
        reference_rate=sum(c.reference_failed / c.reference_runs for c in decisive) / len(decisive),
        candidate_rate=sum(c.candidate_failed / c.candidate_runs for c in decisive) / len(decisive),
        p_value=p_value,
        level=level,
        strayed=strayed,
        failed=p_value <= level and not unclear,
        improved=stratified_p(counts.swapped for counts in first) <= level,
        unclear=unclear,
        visible=visible_suite_fall(
            first,
            runs=levels.escalate_to,
            screen=levels.screen
            if _is_run_again(tested, levels) and not _all_have_few(tested, levels)
            else None,
            level=level,
        ),
    )


def suite_strayed(tested: Sequence[TaskRuns], levels: GoldenLevels) -> bool:
    """Say whether the first runs ask for every task to be run again."""
    if (
        not _has_suite_test(tested, levels)
        or _all_have_few(tested, levels)
        or not _is_run_again(tested, levels)
    ):
        return False
    return stratified_p(task.first_counts for task in tested) <= levels.screen


def _has_suite_test(tested: Sequence[TaskRuns], levels: GoldenLevels) -> bool:
    return any(len(task.first) > 1 for task in tested) or (bool(tested) and _all_have_few(tested, levels))


def _all_have_few(tested: Sequence[TaskRuns], levels: GoldenLevels) -> bool:
    """Say whether no task has enough reference runs to be told by itself: then all together are what there is."""
    return all(len(task.reference) < levels.fewest_runs for task in tested)


def _is_run_again(tested: Sequence[TaskRuns], levels: GoldenLevels) -> bool:
    return any(len(task.first) < levels.escalate_to for task in tested)
