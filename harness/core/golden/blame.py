"""Whose fault a regression is: the prompt's, or the model's, which is as bad with the merge base's prompt. Pure."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from harness.core.golden.numbers import over_beside
from harness.core.golden.sides import TaskSides
from harness.core.golden.weighing import Weighed
from harness.core.policy import Policy
from harness.core.stats.exact import Counts, stratified_p

BLAME_LEVEL = 0.05
"""A head that is no worse than the merge base's prompt at this level is not what regressed."""


def tasks_the_model_moved(weighed: Weighed, policy: Policy) -> AbstractSet[str]:
    """Return the tasks that are as bad with the merge base's prompt: not the prompt made them so.

    Empty where the suite as a whole regressed and the head is worse than the merge base's prompt over the tasks
    that were asked with both.
    """
    asked = [sides for sides in weighed.sides if sides.base_prompt and (sides.first or sides.further)]
    regressed = set(weighed.regressed())
    moved = {
        sides.case.id
        for sides in asked
        if sides.case.id in regressed and _as_bad_before(sides, weighed, policy)
    }
    suite = weighed.tests.suite
    if suite is not None and suite.failed and not regressed and asked and _no_worse(asked):
        moved |= {sides.case.id for sides in asked}
    return moved


def _as_bad_before(sides: TaskSides, weighed: Weighed, policy: Policy) -> bool:
    """Say whether all that a task regressed in is as bad with the merge base's prompt."""
    test, numbers = weighed.test_of(sides.case.id), weighed.numbers[sides.case.id]
    if test is not None and (test.regressed or test.broken_contract) and not _no_worse([sides]):
        return False
    if numbers.judge is not None and numbers.judge.beyond:
        return False  # answers to the merge base's prompt are not judged, so nothing clears the new one
    return not any(
        over_beside(sides, kind, policy.gates)
        for kind, found in (("ms", numbers.latency), ("tokens", numbers.tokens))
        if found is not None and found.beyond
    )


def _no_worse(asked: Sequence[TaskSides]) -> bool:
    """Say whether the head fails no more often than the merge base's prompt, of which enough runs came back to tell."""
    counts = [
        Counts(
            reference_failed=sum(sides.base_prompt),
            reference_runs=len(sides.base_prompt),
            candidate_failed=sum((*sides.first, *sides.further)),
            candidate_runs=len(sides.first) + len(sides.further),
        )
        for sides in asked
    ]
    return stratified_p(counts) > BLAME_LEVEL and (
        any(one.reference_failed for one in counts)
        or stratified_p(one.worst for one in counts) <= BLAME_LEVEL
    )
