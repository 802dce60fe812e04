"""Test the tails against scipy.stats, far out and at the edges."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from harness.core.stats.tails import beta_binomial_tail, binomial_masses, student_quantile, student_tail

DEGREES = (1, 2, 4, 13, 26, 200)


@pytest.mark.parametrize("degrees", DEGREES)
def test_the_tail_of_student_is_scipys(degrees: int) -> None:
    for t in (-1e6, -40, -8, -2, -0.1, 0, 1e-9, 0.3, 2, 5, 12, 60, 1e3, 1e6):
        assert student_tail(t, degrees) == pytest.approx(scipy.stats.t.sf(t, degrees), rel=1e-9, abs=1e-300)


def test_an_infinite_t_has_no_tail_left() -> None:
    assert (student_tail(np.inf, 13), student_tail(-np.inf, 13)) == (0.0, 1.0)


@pytest.mark.parametrize("degrees", DEGREES)
def test_the_quantile_of_student_is_scipys(degrees: int) -> None:
    for p in (1e-9, 1e-4, 0.2, 0.5, 0.8, 0.95, 0.998, 1 - 1e-6):
        assert student_quantile(p, degrees) == pytest.approx(
            scipy.stats.t.ppf(p, degrees), rel=1e-7, abs=1e-9
        )


@given(st.floats(-50, 50), st.sampled_from(DEGREES))
def test_both_tails_of_student_make_one(t: float, degrees: int) -> None:
    assert student_tail(t, degrees) + student_tail(-t, degrees) == pytest.approx(1.0)


@pytest.mark.parametrize("trials", [0, 1, 3, 20, 100, 700])
@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (0.5, 280.5), (3.5, 40.5), (1200.5, 0.5), (0.5, 60_000.5)])
def test_the_beta_binomial_tail_is_scipys(trials: int, a: float, b: float) -> None:
    for count in {0, 1, 2, trials // 2, trials - 1, trials} & set(range(trials + 1)):
        # scipy's own survival function is a difference from 1, blind to a small tail: its masses are not.
        expected = scipy.stats.betabinom.pmf(np.arange(count, trials + 1), trials, a, b).sum()
        assert beta_binomial_tail(count, trials, a, b) == pytest.approx(expected, rel=1e-7, abs=1e-280)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 300), st.integers(0, 300))
def test_the_beta_binomial_tail_falls_with_the_count_and_is_a_probability(
    count: int, trials: int, events: int, others: int
) -> None:
    tail = beta_binomial_tail(count, trials, events + 0.5, others + 0.5)
    assert 0.0 <= tail <= 1.0
    assert beta_binomial_tail(count + 1, trials, events + 0.5, others + 0.5) <= tail + 1e-12


def test_no_event_is_certain_to_be_reached_and_more_than_were_tried_is_impossible() -> None:
    assert beta_binomial_tail(0, 5, 0.5, 10.5) == beta_binomial_tail(-1, 5, 0.5, 10.5) == 1.0
    assert beta_binomial_tail(6, 5, 0.5, 10.5) == 0.0
    assert beta_binomial_tail(0, 0, 0.5, 0.5) == 1.0


@pytest.mark.parametrize("trials", [0, 1, 8, 160, 5_000])
@pytest.mark.parametrize("rate", [0.0, 1e-6, 0.05, 0.5, 0.97, 1.0])
def test_the_masses_of_the_binomial_are_scipys(trials: int, rate: float) -> None:
    wanted = scipy.stats.binom.pmf(np.arange(trials + 1), trials, rate)
    assert binomial_masses(trials, rate) == pytest.approx(wanted, rel=1e-8, abs=1e-300)
