"""Hold the PR check to its false failures and its power on the benchmark's streams: few of them, on fixed seeds."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
import scipy.stats

from bench.golden import (
    GOALS,
    NUMBERS,
    OURS,
    SCENARIOS,
    SPECIFIED,
    SUITES,
    TASKS,
    Cell,
    count_cell,
    count_numbers,
    goal_lines,
    render,
    wilson,
)

PRS = 150


@cache
def cell(suite: str, design: str, scenario: str) -> Cell:
    return count_cell(5, suite, design, scenario, PRS)


def most(share: float, prs: int = PRS) -> int:
    """Return how many a rule that keeps to `share` reaches once in a thousand seeds."""
    return int(scipy.stats.binom.isf(1e-3, prs, share))


def least(share: float, prs: int = PRS) -> int:
    return int(scipy.stats.binom.ppf(1e-3, prs, share))


# --- what is promised -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("design", "scenario"), GOALS)
@pytest.mark.parametrize("suite", ["95", "99"])
def test_every_goal_is_within_reach(suite: str, design: str, scenario: str) -> None:
    goal, found = GOALS[design, scenario], cell(suite, design, scenario)
    if goal.at_most:
        assert found.failed[OURS] <= most(goal.limit)
    else:
        assert found.failed[OURS] >= least(goal.limit)


@pytest.mark.parametrize("suite", SUITES)
def test_unchanged_prs_of_any_suite_pass(suite: str) -> None:
    assert cell(suite, "12/3", "unchanged").failed[OURS] <= most(0.02)


def test_fast_mode_is_cheap() -> None:
    found = cell("95", "12/1", "unchanged")
    assert found.calls / found.prs / TASKS <= 1.5


@pytest.mark.parametrize("rule", ["one run", "any of 3", "most of 3"])
def test_the_rules_in_common_use_break_that_promise(rule: str) -> None:
    assert cell("95", "12/3", "unchanged").failed[rule] > most(0.02)


def test_plain_p_values_miss_tasks_that_ours_sees() -> None:
    found = cell("95", "12/1", "to 10")
    assert found.failed[SPECIFIED] < found.failed[OURS]
    found = cell("95", "12/3", "to 50")
    assert found.failed[SPECIFIED] < found.failed[OURS] / 2


def test_running_the_suite_again_sees_more_than_its_first_runs() -> None:
    found = cell("95", "12/3", "-15")
    assert found.failed[SPECIFIED] < found.failed["suite"]


# --- numbers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_unchanged_prs_pass(name: str) -> None:
    found = count_numbers(5, name, 0, PRS)
    assert found.failed[OURS] <= most(0.005)
    assert found.failed["one run"] > most(0.05)


def test_a_task_three_times_as_slow_is_seen_where_latencies_scatter_little() -> None:
    assert count_numbers(5, "latency 0.3", 1, 60).failed[OURS] >= least(0.9, 60)
    assert count_numbers(5, "latency 0.8", TASKS, 60).failed[OURS] >= least(0.9, 60)


# --- the streams and the table --------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_figures_and_another_seed_others() -> None:
    first, again, other = (count_cell(seed, "95", "12/1", "to 50", 40) for seed in (1, 1, 2))
    assert (first.calls, first.failed) == (again.calls, again.failed)
    assert (first.calls, first.failed) != (other.calls, other.failed)


@pytest.mark.parametrize("suite", SUITES)
def test_scenarios_move_the_rates_they_say(suite: str) -> None:
    rates, rng = SUITES[suite][1], np.random.default_rng(3)
    moved = {name: scenario.rates(rates, rng) for name, scenario in SCENARIOS.items()}
    assert moved["unchanged"] == pytest.approx(rates)
    assert moved["-15"] == pytest.approx(rates - 0.15)
    for name, rate in (("broken", 0.0), ("to 10", 0.1), ("to 50", 0.5)):
        assert np.count_nonzero(moved[name] != rates) == 1
        assert moved[name][moved[name] != rates] == pytest.approx([rate])
    assert np.all((moved["day"] >= 0) & (moved["day"] <= 1))
    assert np.all(moved["day"][rates == 1.0] == 1.0)


@pytest.mark.parametrize(("count", "total"), [(0, 40), (3, 150), (75, 150), (150, 150)])
def test_intervals_are_wilsons(count: int, total: int) -> None:
    wanted = scipy.stats.binomtest(count, total).proportion_ci(method="wilson")
    assert wilson(count, total) == pytest.approx((wanted.low, wanted.high))


def test_a_goal_that_is_missed_says_so() -> None:
    missed, met = Cell(prs=2_000, failed=Counter({OURS: 100})), Cell(prs=2_000)
    lines = goal_lines({("95", "12/3", "unchanged"): missed, ("99", "12/3", "unchanged"): met})
    assert [line.split("   ")[-1] for line in lines] == ["NO", "yes"]
    few = Cell(prs=20, failed=Counter({OURS: 1}))
    assert goal_lines({("95", "12/3", "unchanged"): few})[0].endswith("cannot tell: too few PRs")


def test_the_table_shows_every_cell_it_is_given() -> None:
    cells = {("95", "12/3", name): cell("95", "12/3", name) for name in ("unchanged", "broken")}
    text = render({**cells, ("numbers", "latency 0.3", "0"): count_numbers(5, "latency 0.3", 0, 20)})
    assert text.count("unchanged") >= 3
    assert SCENARIOS["broken"].title in text
    assert SCENARIOS["-15"].title not in text.partition("Goals")[0]
