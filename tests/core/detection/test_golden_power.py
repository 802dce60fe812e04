"""Test what the PR check says it could have seen: by hand, and against simulation."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from harness.core.detection.golden_power import POWER, visible_suite_fall, visible_task_fall
from harness.core.stats.exact import Counts, fisher_p_once_failed, stratified_p

Design = tuple[int, int, float | None, float]
"""First runs, runs in all, screen, level."""
TWO_STAGES: Design = (3, 8, 0.1, 0.025)
ONE_STAGE: Design = (3, 3, None, 0.025)


def make_counts(failed: int, runs: int, *, now: int = 0, made: int = 3) -> Counts:
    return Counts(reference_failed=failed, reference_runs=runs, candidate_failed=now, candidate_runs=made)


def task_power(failed: int, first: int, runs: int, level: float, rate: float) -> float:
    """Simulate how often a task that fails at `rate` is called."""
    rng = np.random.default_rng(3)
    now = rng.random((4_000, runs)) < rate
    totals = np.where(now[:, :first].any(axis=1), now.sum(axis=1), 0)
    called = [
        bool(total)
        and fisher_p_once_failed(make_counts(failed, 12, now=int(total), made=runs), first) <= level
        for total in range(runs + 1)
    ]
    return float(np.array(called)[totals].mean())


@pytest.mark.parametrize(("failed", "first", "runs"), [(0, 3, 8), (0, 1, 8), (1, 3, 8), (3, 3, 8), (0, 3, 3)])
@pytest.mark.parametrize("level", [0.05, 0.0125])
def test_a_task_that_falls_as_far_is_called_four_times_in_five(
    failed: int, first: int, runs: int, level: float
) -> None:
    fall = visible_task_fall(failed=failed, reference=12, first=first, runs=runs, level=level)
    assert fall is not None
    assert task_power(failed, first, runs, level, failed / 12 + fall) >= POWER - 0.02
    if fall < 1 - failed / 12:
        assert task_power(failed, first, runs, level, failed / 12 + fall - 0.02) < POWER + 0.02


def test_a_task_that_hardly_passed_before_cannot_fall_far_enough_to_be_seen() -> None:
    assert visible_task_fall(failed=11, reference=12, first=3, runs=8, level=0.05) is None
    assert visible_task_fall(failed=12, reference=12, first=3, runs=8, level=0.05) is None
    assert visible_task_fall(failed=0, reference=12, first=1, runs=1, level=0.05) is None


def test_more_runs_or_a_wider_level_see_smaller_falls() -> None:
    def fall(*, reference: int = 12, first: int = 3, runs: int = 8, level: float = 0.0125) -> float:
        found = visible_task_fall(failed=0, reference=reference, first=first, runs=runs, level=level)
        return 2.0 if found is None else found

    assert fall(runs=12) <= fall() <= fall(runs=5)
    assert fall(first=5) <= fall() <= fall(first=1)
    assert fall(reference=24) <= fall() <= fall(reference=6)
    assert fall(level=0.05) <= fall() <= fall(level=0.0025)


def suite_power(failed: Sequence[int], design: Design, fall: float) -> float:
    """Simulate how often a suite fails whose tasks all fall as far."""
    first, runs, screen, level = design
    rng, seen, prs = np.random.default_rng(5), 0, 300
    rates = np.minimum(1.0, np.array(failed) / 12 + fall)
    for _ in range(prs):
        early = rng.binomial(first, rates)
        late = early + rng.binomial(runs - first, rates)
        counted = [make_counts(f, 12, now=int(x), made=first) for f, x in zip(failed, early, strict=True)]
        if screen is not None:
            if stratified_p(counted) > screen:
                continue
            counted = [make_counts(f, 12, now=int(x), made=runs) for f, x in zip(failed, late, strict=True)]
        seen += stratified_p(counted) <= level
    return seen / prs


@pytest.mark.parametrize("design", [TWO_STAGES, ONE_STAGE])
@pytest.mark.parametrize(
    "failed", [(0,), (2,), (0, 1, 3), (0,) * 20, (0,) * 10 + (1,) * 8 + (4, 6), (3,) * 20], ids=str
)
def test_a_suite_that_falls_as_far_fails_four_times_in_five(failed: tuple[int, ...], design: Design) -> None:
    first, runs, screen, level = design
    tasks = [make_counts(f, 12, made=first) for f in failed]
    fall = visible_suite_fall(tasks, runs=runs, screen=screen, level=level)
    assert fall is not None
    assert suite_power(failed, design, fall) >= POWER - 3 * (0.16 / 300) ** 0.5
    assert suite_power(failed, design, fall - 0.05) < 0.9


def test_what_is_visible_in_a_suite_does_not_hang_on_the_order_of_its_tasks() -> None:
    tasks = [make_counts(failed, 12) for failed in (0, 5, 1, 0, 3)]
    turned = tasks[::-1]
    assert visible_suite_fall(tasks, runs=8, screen=0.1, level=0.025) == visible_suite_fall(
        turned, runs=8, screen=0.1, level=0.025
    )


def test_a_suite_that_always_failed_cannot_fall() -> None:
    assert visible_suite_fall([make_counts(12, 12)] * 5, runs=8, screen=0.1, level=0.025) is None


def test_a_thousand_tasks_are_no_trouble() -> None:
    tasks = [make_counts(1, 12)] * 1_000
    fall = visible_suite_fall(tasks, runs=8, screen=0.1, level=0.025)
    assert fall is not None
    assert 0.01 <= fall <= 0.03


def test_what_happened_does_not_change_what_could_have_been_seen() -> None:
    tasks = [make_counts(1, 12)] * 5
    happened = [replace(counts, candidate_failed=3) for counts in tasks]
    assert visible_suite_fall(happened, runs=8, screen=0.1, level=0.025) == visible_suite_fall(
        tasks, runs=8, screen=0.1, level=0.025
    )


def test_falls_are_said_in_whole_points() -> None:
    fall = visible_suite_fall([make_counts(1, 12)] * 7, runs=8, screen=0.1, level=0.025)
    assert fall == pytest.approx(round(fall or 0, 2))


def test_the_simulation_here_knows_binomials() -> None:
    never = scipy.stats.binom.sf(0, 3, 0.5)
    assert task_power(0, 3, 3, 1.0, 0.5) == pytest.approx(never, abs=0.03)
