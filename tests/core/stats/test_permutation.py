"""Test the permutation engine against full enumeration and scipy, and its p-values against their promise."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.stats.permutation import (
    Floats,
    Indices,
    draw_candidates,
    kernel_differences,
    mean_differences,
    p_value,
)

SIZES = st.tuples(st.integers(1, 6), st.integers(1, 4))
NUMBERS = st.floats(-5, 5, allow_nan=False, width=16)


def every_labelling(n_reference: int, n_candidate: int) -> Indices:
    """Enumerate all ways to pick the candidate's samples, the observed one first."""
    size = n_reference + n_candidate
    observed = tuple(range(n_reference, size))
    rest = [chosen for chosen in combinations(range(size), n_candidate) if chosen != observed]
    return np.array([observed, *rest], dtype=np.intp)


def random_gram(rng: np.random.Generator, size: int) -> Floats:
    points = rng.normal(size=(size, 3))
    return np.exp(-((points[:, None] - points[None]) ** 2).sum(axis=2))


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


# --- statistics ---------------------------------------------------------------------------------------


@given(SIZES, st.data())
def test_mean_differences_are_differences_of_means(sizes: tuple[int, int], data: st.DataObject) -> None:
    n, k = sizes
    scores = np.array(data.draw(st.lists(NUMBERS | st.just(np.nan), min_size=n + k, max_size=n + k)))
    labellings = every_labelling(n, k)
    for row, found in zip(labellings, mean_differences(scores, labellings), strict=True):
        candidate, reference = scores[row], np.delete(scores, row)
        sides = [side[np.isfinite(side)] for side in (candidate, reference)]
        wanted = sides[0].mean() - sides[1].mean() if sides[0].size and sides[1].size else 0.0
        assert found == pytest.approx(wanted, abs=1e-9)


@given(SIZES, st.integers(0, 2**32))
def test_kernel_differences_are_the_discrepancy_block_by_block(sizes: tuple[int, int], seed: int) -> None:
    n, k = sizes
    gram = random_gram(np.random.default_rng(seed), n + k)
    labellings = every_labelling(n, k)
    for row, found in zip(labellings, kernel_differences(gram, labellings), strict=True):
        rest = np.setdiff1d(np.arange(n + k), row)
        within = gram[np.ix_(row, row)].mean() + gram[np.ix_(rest, rest)].mean()
        assert found == pytest.approx(within - 2 * gram[np.ix_(row, rest)].mean(), abs=1e-9)
        assert found >= -1e-9


def test_samples_that_are_all_alike_differ_in_nothing() -> None:
    labellings = every_labelling(5, 3)
    assert np.allclose(kernel_differences(np.ones((8, 8)), labellings), 0)
    assert np.allclose(mean_differences(np.full(8, 0.3), labellings), 0)
    assert p_value(np.abs(mean_differences(np.full(8, 0.1), labellings))) == 1


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
    gram = np.exp(-((scores[:, None] - scores[None]) ** 2))
    every, drawn = every_labelling(7, 3), draw_candidates(7, 3, 20_000, rng)
    for statistic in (lambda c: np.abs(mean_differences(scores, c)), lambda c: kernel_differences(gram, c)):
        exact = p_value(statistic(every))
        assert p_value(statistic(drawn)) == pytest.approx(
            exact, abs=5 * (exact * (1 - exact) / 20_000) ** 0.5 + 1e-3
        )


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


@pytest.mark.parametrize("kind", ["scores", "missing", "kernel"])
def test_with_nothing_changed_p_values_are_uniform(kind: str) -> None:
    rng = np.random.default_rng(5)
    found = []
    for _ in range(400):
        drawn = draw_candidates(12, 4, 199, rng)
        scores = rng.normal(size=16)
        if kind == "kernel":
            found.append(p_value(kernel_differences(np.exp(-((scores[:, None] - scores[None]) ** 2)), drawn)))
            continue
        if kind == "missing":
            scores[rng.random(16) < 0.3] = np.nan
            scores[[0, -1]] = rng.normal(size=2)
        found.append(p_value(np.abs(mean_differences(scores, drawn))))
    # p is a multiple of 1/200; moving it within its step makes it continuous.
    spread = np.array(found) - rng.random(400) / 200
    assert scipy.stats.kstest(spread, "uniform").pvalue > 0.001
    for level in (0.01, 0.05, 0.2):
        assert np.sum(np.array(found) <= level) <= scipy.stats.binom.isf(0.001, 400, level)
