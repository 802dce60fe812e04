"""The rule of the PR check for numbers: latency and tokens over a ratio, a judge's score down by points.

A task regressed if its candidate is over the limit *and* beyond the task's own noise. The limit alone fails
nearly every unchanged PR of tasks that scatter as latencies do; the medians of 3 reference runs drawn again,
or the reference's largest value, still fail up to four in ten at 3 runs, and one in fourteen at 8. So the
noise is the rank-sum test's, exact for any scatter, corrected over tasks. Three runs against twelve cannot
reach its level in one task of twenty: what is over the limit is run again first, as what failed is.

Looking before running again costs nothing: a task within the limit counts as p = 1, so a task fails no more
often than under the test of all its runs alone. bench/golden.py measures it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from harness.core.detection.golden_runs import DEFAULT_LEVELS, GoldenLevels, Unclear
from harness.core.stats.exact import rank_sum_p
from harness.core.stats.multiplicity import benjamini_hochberg_adjusted

FEWEST_VALUES = 3
"""Of the candidate: a median of fewer is none. In fast mode only tasks that were run again are tested."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRuns:
    """One kind of number over one task's runs."""

    case: str
    reference: tuple[float, ...]
    first: tuple[float, ...]
    """Of the k runs that every task has."""
    further: tuple[float, ...] = ()
    """Of the runs after those."""

    @property
    def candidate(self) -> tuple[float, ...]:
        """The candidate's numbers."""
        return (*self.first, *self.further)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueTest:
    """What the rule says of one task."""

    case: str
    reference: float | None
    """Median, or mean score; None where there is no number."""
    candidate: float | None
    p_value: float | None
    """Of ranking no worse than the reference: 1 within the limit, None where the task was not tested."""
    adjusted: float | None
    """The same after Benjamini and Hochberg."""
    over: bool
    """Over the limit, noise or not: what the plain rule says."""
    regressed: bool
    unclear: Unclear | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRule:
    """What counts as worse, and by how much."""

    centre: Callable[[Sequence[float]], float]
    is_over: Callable[[float, float], bool]
    """Of the reference's and the candidate's centre."""
    up_is_worse: bool

    def is_over_limit(self, reference: Sequence[float], candidate: Sequence[float]) -> bool:
        """Say whether the candidate is worse by more than the limit."""
        return self.is_over(self.centre(reference), self.centre(candidate))

    def p_value(self, reference: Sequence[float], candidate: Sequence[float]) -> float:
        """Return p of the candidate ranking no worse."""
        if self.up_is_worse:
            return rank_sum_p(reference, candidate)
        return rank_sum_p([-value for value in reference], [-value for value in candidate])


def ratio_rule(limit: float) -> ValueRule:
    """Compare medians: worse is more than `limit` times the reference's. Exactly that is not."""
    return ValueRule(
        centre=median, is_over=lambda before, now: now > limit * before * (1 + _ROUNDING), up_is_worse=True
    )


def drop_rule(points: float) -> ValueRule:
    """Compare mean scores: worse is a fall of more than `points`, in the scores' unit. Exactly that is not."""
    return ValueRule(
        centre=fmean, is_over=lambda before, now: before - now > points * (1 + _ROUNDING), up_is_worse=False
    )


def judge_values(
    tasks: Sequence[ValueRuns], rule: ValueRule, levels: GoldenLevels = DEFAULT_LEVELS
) -> tuple[ValueTest, ...]:
    """Test every task, in the order given. The order of tasks, and of the runs of a side, changes nothing."""
    reasons = {task.case: _why_untested(task, levels) for task in tasks}
    p_values = {task.case: _p_value(task, rule) for task in tasks if reasons[task.case] is None}
    weighed = [
        p_values[task.case] / levels.share(len(task.reference)) for task in tasks if task.case in p_values
    ]
    adjusted = dict(zip(p_values, benjamini_hochberg_adjusted(weighed), strict=True))
    found = []
    for task in tasks:
        over = bool(task.reference and task.candidate) and rule.is_over_limit(task.reference, task.candidate)
        regressed = over and adjusted.get(task.case, 1.0) <= levels.values
        unclear = reasons[task.case]
        if unclear is None and over and not regressed and _is_short(task, rule, levels):
            unclear = Unclear.NOT_RUN_AGAIN
        found.append(
            ValueTest(
                case=task.case,
                reference=rule.centre(task.reference) if task.reference else None,
                candidate=rule.centre(task.candidate) if task.candidate else None,
                p_value=p_values.get(task.case),
                adjusted=adjusted.get(task.case),
                over=over,
                regressed=regressed,
                unclear=unclear,
            )
        )
    return tuple(found)


def values_to_escalate(
    tasks: Sequence[ValueRuns], rule: ValueRule, levels: GoldenLevels = DEFAULT_LEVELS
) -> tuple[str, ...]:
    """Return the tasks to run again: over the limit by their first runs, and with runs left, in the order given."""
    return tuple(task.case for task in tasks if _asks_for_more(task, rule, levels))


def _why_untested(task: ValueRuns, levels: GoldenLevels) -> Unclear | None:
    if not task.candidate:
        return Unclear.NO_RUNS
    if len(task.reference) < levels.fewest_runs:
        return Unclear.FEW_REFERENCE
    return Unclear.FEW_RUNS if len(task.candidate) < FEWEST_VALUES else None


def _p_value(task: ValueRuns, rule: ValueRule) -> float:
    if not rule.is_over_limit(task.reference, task.candidate):
        return 1.0
    return rule.p_value(task.reference, task.candidate)


def _is_short(task: ValueRuns, rule: ValueRule, levels: GoldenLevels) -> bool:
    return len(task.candidate) < levels.fewest_escalated and _asks_for_more(task, rule, levels)


def _asks_for_more(task: ValueRuns, rule: ValueRule, levels: GoldenLevels) -> bool:
    return (
        _why_untested(task, levels) is None
        and len(task.first) >= FEWEST_VALUES
        and len(task.candidate) < levels.escalate_to
        and rule.is_over_limit(task.reference, task.first)
    )
