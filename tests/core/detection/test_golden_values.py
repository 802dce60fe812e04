"""Test the rule for numbers: limits that are not reached by being met, and the noise of the task itself."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from harness.core.detection.golden_runs import GoldenLevels, Unclear
from harness.core.detection.golden_values import (
    ValueRuns,
    ValueTest,
    drop_rule,
    judge_values,
    ratio_rule,
    values_to_escalate,
)

TWICE, DOWN_20 = ratio_rule(2.0), drop_rule(20.0)
USUAL = tuple(900.0 + 20 * n for n in range(12))
"""Median 1010."""
SCORES = tuple(80.0 + n % 3 for n in range(12))
"""Mean 81."""
ONCE = GoldenLevels(escalate_to=0)


def make_values(
    case: str = "task",
    reference: Sequence[float] = USUAL,
    first: Sequence[float] = (1000.0,) * 3,
    further: Sequence[float] = (),
) -> ValueRuns:
    return ValueRuns(case=case, reference=tuple(reference), first=tuple(first), further=tuple(further))


def judge_one(task: ValueRuns, *, others: int = 19) -> ValueTest:
    rest = [make_values(f"quiet-{n}") for n in range(others)]
    return judge_values([task, *rest], TWICE)[0]


# --- limits ---------------------------------------------------------------------------------------------


def test_exactly_twice_is_not_a_regression_and_a_little_more_is() -> None:
    exact = judge_one(make_values(first=(2020.0,) * 3, further=(2020.0,) * 5))
    assert (exact.over, exact.regressed, exact.p_value) == (False, False, 1.0)
    more = judge_one(make_values(first=(2021.0,) * 3, further=(2021.0,) * 5))
    assert (more.over, more.regressed) == (True, True)


@pytest.mark.parametrize("limit", [1.1, 1.7, 3.3])
def test_exactly_the_limit_is_none_however_it_rounds(limit: float) -> None:
    for usual in (0.1, 0.7, 3.3, 1009.0):
        task = make_values(reference=(usual,) * 12, first=(usual * limit,) * 8)
        assert not judge_values([task], ratio_rule(limit))[0].over


def test_exactly_20_points_are_not_a_regression_and_a_little_more_is() -> None:
    exact = make_values(reference=SCORES, first=(61.0,) * 3, further=(61.0,) * 5)
    assert not judge_values([exact], DOWN_20)[0].over
    more = make_values(reference=SCORES, first=(60.9,) * 3, further=(60.9,) * 5)
    assert judge_values([more], DOWN_20)[0].regressed
    assert 32.2 - 12.2 > 20
    rounded = make_values(reference=(32.2,) * 12, first=(12.2,) * 8)
    assert not judge_values([rounded], DOWN_20)[0].over


def test_better_is_never_a_regression() -> None:
    faster = make_values(first=(100.0,) * 3, further=(100.0,) * 5)
    assert not judge_values([faster], TWICE)[0].regressed
    kinder = make_values(reference=(40.0,) * 12, first=(95.0,) * 8)
    assert not judge_values([kinder], DOWN_20)[0].over


def test_centres_are_medians_and_means() -> None:
    found = judge_values([make_values(first=(1.0, 2.0, 9.0))], TWICE)[0]
    assert (found.reference, found.candidate) == (1010.0, 2.0)
    found = judge_values([make_values(reference=SCORES, first=(1.0, 2.0, 9.0))], DOWN_20)[0]
    assert (found.reference, found.candidate) == (pytest.approx(81.0), pytest.approx(4.0))


def test_where_nothing_was_used_before_anything_is_over() -> None:
    task = make_values(reference=(0.0,) * 12, first=(5.0,) * 8)
    assert judge_values([task], TWICE)[0].regressed
    assert not judge_values([replace(task, first=(0.0,) * 8)], TWICE)[0].over


# --- noise ----------------------------------------------------------------------------------------------


def test_over_the_limit_within_what_the_task_does_anyway_is_no_regression() -> None:
    wild = tuple(100.0 * 2**n for n in range(12))
    task = make_values(
        reference=wild, first=(9000.0, 11_000.0, 12_000.0), further=(300.0, 9000.0, 1e4, 2e4, 5e4)
    )
    found = judge_one(task)
    assert (found.over, found.regressed) == (True, False)


@given(
    st.lists(st.floats(1, 1e4), min_size=5, max_size=14),
    st.lists(st.floats(1, 1e5), min_size=3, max_size=8),
)
def test_the_p_value_is_that_of_the_ranks_where_the_limit_is_passed(
    reference: list[float], candidate: list[float]
) -> None:
    found = judge_values([make_values(reference=reference, first=candidate)], TWICE)[0]
    if found.over and len({*reference, *candidate}) == len(reference) + len(candidate):
        wanted = scipy.stats.mannwhitneyu(candidate, reference, alternative="greater", method="exact").pvalue
        assert found.p_value == pytest.approx(wanted)
    if not found.over:
        assert found.p_value == 1.0


def test_p_values_are_adjusted_over_all_tasks_tested() -> None:
    slow = make_values(first=(3000.0,) * 3, further=(1500.0, *(3000.0,) * 4))
    alone, among = judge_one(slow, others=0), judge_one(slow, others=19)
    assert among.p_value == alone.p_value == alone.adjusted
    assert among.adjusted == pytest.approx(20 * (among.p_value or 0))


def test_under_twelve_reference_runs_the_level_is_halved() -> None:
    task = make_values(reference=USUAL[:8], first=(3000.0,) * 8)
    found = judge_values([task], TWICE)[0]
    assert found.adjusted == pytest.approx(2 * (found.p_value or 0))


# --- running again, and what cannot be told -------------------------------------------------------------


def test_what_is_over_the_limit_is_run_again() -> None:
    slow, quick = make_values("slow", first=(3000.0,) * 3), make_values("quick")
    assert values_to_escalate([quick, slow], TWICE) == ("slow",)
    assert values_to_escalate([slow], TWICE, ONCE) == ()
    assert values_to_escalate([replace(slow, further=(3000.0,) * 5)], TWICE) == ()
    found = judge_one(slow)
    assert (found.over, found.regressed, found.unclear) == (True, False, Unclear.NOT_RUN_AGAIN)
    assert judge_values([slow], TWICE, ONCE)[0].unclear is None


@pytest.mark.parametrize(
    ("reference", "first", "reason"),
    [
        (USUAL[:4], (3000.0,) * 8, Unclear.FEW_REFERENCE),
        (USUAL, (), Unclear.NO_RUNS),
        (USUAL, (3000.0,) * 2, Unclear.FEW_RUNS),
        ((), (), Unclear.NO_RUNS),
    ],
)
def test_too_few_numbers_are_unclear_and_test_nothing(
    reference: tuple[float, ...], first: tuple[float, ...], reason: Unclear
) -> None:
    found = judge_values([make_values(reference=reference, first=first)], TWICE)[0]
    assert (found.unclear, found.p_value, found.regressed) == (reason, None, False)
    assert values_to_escalate([make_values(reference=reference, first=first)], TWICE) == ()


def test_a_task_of_fast_mode_is_tested_once_it_was_run_again() -> None:
    found = judge_one(make_values(first=(3000.0,), further=(3000.0,) * 7))
    assert found.regressed


# --- properties -----------------------------------------------------------------------------------------

TASKS = st.lists(
    st.tuples(
        st.lists(st.floats(1, 100), min_size=5, max_size=12),
        st.lists(st.floats(1, 400), min_size=3, max_size=8),
    ),
    min_size=1,
    max_size=5,
).map(lambda drawn: [make_values(f"task-{n}", r, c) for n, (r, c) in enumerate(drawn)])


@given(TASKS, st.randoms(use_true_random=False))
def test_the_order_of_tasks_and_of_runs_changes_nothing(tasks: list[ValueRuns], random: object) -> None:
    turned = list(tasks)
    random.shuffle(turned)  # type: ignore[attr-defined]
    turned = [replace(task, reference=task.reference[::-1], first=task.first[::-1]) for task in turned]
    before = {test.case: test for test in judge_values(tasks, TWICE)}
    for test in judge_values(turned, TWICE):
        assert replace(test, adjusted=None) == replace(before[test.case], adjusted=None)
        assert test.adjusted == pytest.approx(before[test.case].adjusted)


@given(TASKS, st.floats(1, 10))
def test_a_slower_task_never_gets_off(tasks: list[ValueRuns], factor: float) -> None:
    slower = [replace(tasks[0], first=tuple(v * factor for v in tasks[0].first)), *tasks[1:]]
    before, after = (judge_values(some, TWICE)[0] for some in (tasks, slower))
    assert (after.p_value or 0) <= (before.p_value or 0) + 1e-12
    assert after.over >= before.over


@given(TASKS, st.floats(0.01, 100))
def test_another_unit_changes_no_decision(tasks: list[ValueRuns], unit: float) -> None:
    scaled = [
        replace(t, reference=tuple(v * unit for v in t.reference), first=tuple(v * unit for v in t.first))
        for t in tasks
    ]
    sure = [abs(np.median(t.first) / np.median(t.reference) - 2.0) > 1e-6 for t in tasks]
    if all(sure):
        before, after = (judge_values(some, TWICE) for some in (tasks, scaled))
        assert [test.over for test in after] == [test.over for test in before]
