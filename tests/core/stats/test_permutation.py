"""Test drawn labellings against full enumeration and scipy, and the p-values against their promise."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.stats.permutation import Floats, Indices, draw_candidates, p_value

SIZES = st.tuples(st.integers(1, 6), st.integers(1, 4))
NUMBERS = st.floats(-5, 5, allow_nan=False, width=16)


def every_labelling(n_reference: int, n_candidate: int) -> Indices:
    """Enumerate all ways to pick the candidate's samples, the observed one first."""
    size = n_reference + n_candidate
    observed = tuple(range(n_reference, size))
    rest = [chosen for chosen in combinations(range(size), n_candidate) if chosen != observed]
    return np.array([observed, *rest], dtype=np.intp)


def mean_differences(scores: Floats, candidates: Indices) -> Floats:
    """Return candidate mean minus reference mean for every labelling."""
    rest = [np.setdiff1d(np.arange(scores.size), row) for row in candidates]
    return np.asarray(scores[candidates].mean(axis=1) - scores[np.array(rest)].mean(axis=1))


# --- drawing ------------------------------------------------------------------------------------------


@given(SIZES, st.integers(0, 2**32))
def test_every_row_names_different_samples_and_the_first_is_what_was_observed(
    sizes: tuple[int, int], seed: int
) -> None:
    n, k = sizes
    drawn = draw_candidates(n, k, 50, np.random.default_rng(seed))
    assert drawn.shape == (51, k)
    assert drawn[0].tolist() == list(range(n, n + k))
    assert all(len(set(row)) == k and set(row) <= set(range(n + k)) for row in drawn.tolist())


@pytest.mark.parametrize(("n", "k"), [(3, 2), (4, 1), (2, 3), (5, 3)])
def test_every_labelling_is_drawn_equally_often(n: int, k: int) -> None:
    drawn = draw_candidates(n, k, 20_000, np.random.default_rng(11))[1:]
    _, counts = np.unique(np.sort(drawn, axis=1), axis=0, return_counts=True)
    assert counts.size == comb(n + k, k)
    assert scipy.stats.chisquare(counts).pvalue > 0.001


def test_the_seed_decides_what_is_drawn() -> None:
    one, same, other = (draw_candidates(9, 3, 99, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


# --- p-values -----------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.lists(NUMBERS, min_size=3, max_size=6), st.lists(NUMBERS, min_size=2, max_size=4))
def test_over_every_labelling_the_p_value_is_that_of_scipy(
    reference: list[float], candidate: list[float]
) -> None:
    scores = np.array([*reference, *candidate])
    found = p_value(np.abs(mean_differences(scores, every_labelling(len(reference), len(candidate)))))

    def statistic(a: Floats, b: Floats, axis: int = -1) -> Floats:
        return np.asarray(np.abs(a.mean(axis=axis) - b.mean(axis=axis)))

    wanted = scipy.stats.permutation_test(
        (candidate, reference), statistic, alternative="greater", n_resamples=np.inf, vectorized=True
    )
    assert found == pytest.approx(wanted.pvalue, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shift", [0.0, 0.7, 2.0])
def test_drawn_labellings_come_close_to_every_labelling(seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    scores = np.concatenate([rng.normal(size=7), rng.normal(size=3) + shift])
    exact = p_value(np.abs(mean_differences(scores, every_labelling(7, 3))))
    drawn = p_value(np.abs(mean_differences(scores, draw_candidates(7, 3, 2_000, rng))))
    assert drawn == pytest.approx(exact, abs=5 * (exact * (1 - exact) / 2_000) ** 0.5 + 1e-3)


def test_a_binary_score_has_the_p_value_of_fishers_test() -> None:
    for broken in range(5):
        scores = np.array([0.0] * 12 + [1.0] * broken + [0.0] * (4 - broken))
        found = p_value(mean_differences(scores, every_labelling(12, 4)))
        table = [[broken, 4 - broken], [0, 12]]
        assert found == pytest.approx(scipy.stats.fisher_exact(table, alternative="greater").pvalue)


def test_a_p_value_is_never_0_and_ties_count() -> None:
    assert p_value(np.array([9.0, *([0.0] * 99)])) == 0.01
    assert p_value(np.array([1.0, 1.0, 1.0, 0.0])) == 0.75
    assert p_value(np.array([0.3, 0.1 + 0.2, 0.0, 0.0])) == 0.5
    assert p_value(np.array([0.0, 1.0, 1.0, 1.0])) == 1.0


@given(st.lists(NUMBERS, min_size=1, max_size=30), NUMBERS)
def test_the_further_it_strays_the_smaller_the_p_value(permuted: list[float], observed: float) -> None:
    near, far = (p_value(np.array([value, *permuted])) for value in (observed, observed + 1))
    assert 1 / (1 + len(permuted)) <= far <= near <= 1


def test_with_nothing_changed_p_values_are_uniform() -> None:
    rng = np.random.default_rng(5)
    found = []
    for _ in range(300):
        drawn = draw_candidates(12, 4, 99, rng)
        found.append(p_value(np.abs(mean_differences(rng.normal(size=16), drawn))))
    # p is a multiple of 1/100; moving it within its step makes it continuous.
    spread = np.array(found) - rng.random(300) / 100
    assert scipy.stats.kstest(spread, "uniform").pvalue > 0.001
    for level in (0.01, 0.05, 0.2):
        assert np.sum(np.array(found) <= level) <= scipy.stats.binom.isf(0.001, 300, level)
