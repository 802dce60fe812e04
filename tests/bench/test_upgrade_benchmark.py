"""Hold the comparison of two models to its false alarms and its power on the benchmark's streams, on fixed seeds."""

import pytest
import scipy.stats

from bench.upgrade import SUITES, count_cell, render, wilson

RUNS = 100


def most(share: float, runs: int) -> int:
    """Return how many a rule that keeps to `share` reaches once in a thousand seeds."""
    return int(scipy.stats.binom.isf(1e-3, runs, share))


def test_an_upgrade_of_a_model_to_itself_fails_in_at_most_five_of_a_hundred() -> None:
    alarms = sum(count_cell(5, suite, "same", 50).alarms for suite in SUITES)
    assert alarms <= most(0.05, 50 * len(SUITES))


@pytest.mark.soak
@pytest.mark.parametrize("suite", SUITES)
def test_no_suite_fails_more_often_than_that(suite: str) -> None:
    assert count_cell(6, suite, "same", 600).alarms <= most(0.05, 600)


@pytest.mark.parametrize(("change", "least"), [("one broken", 0.85), ("tasks -20", 0.9)])
def test_what_it_claims_to_see_it_sees(change: str, least: float) -> None:
    cell = count_cell(5, "stable", change, 40)
    assert cell.alarms >= int(scipy.stats.binom.ppf(1e-3, 40, least))


def test_the_rule_would_be_caught_by_this_test() -> None:
    """A rule that calls every case by its own p-value fails far more often, and the streams show it."""
    from harness.core.upgrade import case_tests

    def uncorrected(hypotheses: object, level: float) -> object:
        return {key: one.p_value for key, one in hypotheses.items()}  # type: ignore[attr-defined]

    kept = case_tests.adjusted
    case_tests.adjusted, case_tests.LEVEL = uncorrected, 0.1  # type: ignore[assignment]
    try:
        alarms = count_cell(5, "even", "same", 50).alarms
    finally:
        case_tests.adjusted, case_tests.LEVEL = kept, 0.025  # type: ignore[assignment]
    assert alarms > most(0.05, 50)


def test_the_table_says_what_was_counted() -> None:
    cell = count_cell(5, "stable", "one broken", 5)
    table = render([cell])
    assert "one broken" in table
    low, high = wilson(5, 5)
    assert 0 < low < high <= 1
