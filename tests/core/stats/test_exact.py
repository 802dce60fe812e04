"""Test the exact tests against scipy.stats and against every labelling written out."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, product
from math import comb

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from harness.core.stats.exact import Counts, fisher_p, fisher_p_once_failed, rank_sum_p, stratified_p


def make_counts(reference: tuple[int, int], candidate: tuple[int, int]) -> Counts:
    """Make counts of pairs (failed, runs)."""
    return Counts(
        reference_failed=reference[0],
        reference_runs=reference[1],
        candidate_failed=candidate[0],
        candidate_runs=candidate[1],
    )


@st.composite
def some_counts(draw: st.DrawFn, most: int = 12, least: int = 1) -> Counts:
    n, k = draw(st.integers(least, most)), draw(st.integers(least, most))
    return make_counts((draw(st.integers(0, n)), n), (draw(st.integers(0, k)), k))


def labellings(counts: Counts, first: int) -> Iterator[tuple[int, int]]:
    """Write out every way to place the failures: how many are the candidate's, and how many its first runs'."""
    total = counts.reference_runs + counts.candidate_runs
    for failed in combinations(range(total), counts.failed):
        yield (
            sum(run < counts.candidate_runs for run in failed),
            sum(run < first for run in failed),
        )


# --- Fisher ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "k"), [(12, 3), (12, 8), (10, 5), (5, 1), (1, 1), (40, 60)])
def test_fishers_test_is_scipys(n: int, k: int) -> None:
    for failed in range(0, n + 1, max(1, n // 12)):
        for now in range(0, k + 1, max(1, k // 8)):
            table = [[now, k - now], [failed, n - failed]]
            wanted = scipy.stats.fisher_exact(table, alternative="greater").pvalue
            assert fisher_p(make_counts((failed, n), (now, k))) == pytest.approx(wanted, rel=1e-9)


def test_fishers_test_by_hand() -> None:
    # 3 of 3 against 0 of 12: one labelling of the 455 that there are.
    assert fisher_p(make_counts((0, 12), (3, 3))) == 1 / 455
    assert fisher_p(make_counts((0, 12), (8, 8))) == 1 / comb(20, 8)
    assert fisher_p(make_counts((12, 12), (3, 3))) == fisher_p(make_counts((0, 12), (0, 3))) == 1.0


@given(some_counts())
def test_both_sides_of_fishers_test_share_what_was_seen(counts: Counts) -> None:
    n, k = counts.reference_runs, counts.candidate_runs
    seen = scipy.stats.hypergeom.pmf(counts.candidate_failed, n + k, counts.failed, k)
    assert fisher_p(counts) + fisher_p(counts.swapped) == pytest.approx(1 + seen)
    assert counts.swapped.swapped == counts


@given(some_counts())
def test_a_failure_more_never_raises_p(counts: Counts) -> None:
    if counts.candidate_failed < counts.candidate_runs:
        more = replace(counts, candidate_failed=counts.candidate_failed + 1)
        assert fisher_p(more) <= fisher_p(counts)
    if counts.reference_failed < counts.reference_runs:
        assert fisher_p(replace(counts, reference_failed=counts.reference_failed + 1)) >= fisher_p(counts)


@given(some_counts())
def test_nothing_has_a_smaller_p_than_the_worst_of_as_many_failures(counts: Counts) -> None:
    assert counts.worst.failed == counts.failed
    assert fisher_p(counts.worst) <= fisher_p(counts)


# --- Fisher, given that a first run failed --------------------------------------------------------------


@given(some_counts(most=6), st.data())
def test_given_the_selection_p_counts_the_labellings_that_would_have_been_selected(
    counts: Counts, data: st.DataObject
) -> None:
    first = data.draw(st.integers(1, counts.candidate_runs))
    found = fisher_p_once_failed(counts, first)
    selected = [now for now, early in labellings(counts, first) if early]
    if not counts.candidate_failed:
        assert found == 1.0
    else:
        assert found == pytest.approx(sum(now >= counts.candidate_failed for now in selected) / len(selected))


@pytest.mark.parametrize(("n", "first", "k"), [(12, 3, 8), (12, 1, 8), (10, 5, 8), (6, 2, 4), (12, 3, 3)])
def test_given_the_selection_p_keeps_its_level_however_many_runs_failed(n: int, first: int, k: int) -> None:
    for failed in range(1, n + k):
        counts = [
            (now, make_counts((failed - now, n), (now, k)))
            for now in range(1, k + 1)
            if 0 <= failed - now <= n
        ]
        ways = {now: (comb(k, now) - comb(k - first, now)) * comb(n, failed - now) for now, _ in counts}
        for level in (0.001, 0.0025, 0.01, 0.05, 0.3):
            rejected = sum(ways[now] for now, one in counts if fisher_p_once_failed(one, first) <= level)
            assert rejected <= level * sum(ways.values()) * (1 + 1e-12)


def test_the_plain_p_does_not_keep_its_level_given_the_selection() -> None:
    # 5 failures in 20 runs, all of them the candidate's: p = .0036, and .009 of the tasks selected show it.
    ways = {now: (comb(8, now) - comb(7, now)) * comb(12, 5 - now) for now in range(1, 6)}
    p_value = fisher_p(make_counts((0, 12), (5, 8)))
    assert p_value < 0.004
    assert ways[5] / sum(ways.values()) > 2 * p_value


@given(some_counts(most=10), st.data())
def test_a_failure_more_never_raises_p_given_the_selection(counts: Counts, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, counts.candidate_runs))
    if counts.candidate_failed < counts.candidate_runs:
        more = replace(counts, candidate_failed=counts.candidate_failed + 1)
        assert fisher_p_once_failed(more, first) <= fisher_p_once_failed(counts, first)
    assert fisher_p_once_failed(counts.worst, first) <= fisher_p_once_failed(counts, first)


def test_where_all_runs_are_first_runs_the_selection_is_that_any_failed() -> None:
    counts = make_counts((1, 12), (2, 3))
    some = 1 - scipy.stats.hypergeom.pmf(0, 15, 3, 3)
    assert fisher_p_once_failed(counts, 3) == pytest.approx(fisher_p(counts) / some)


# --- over tasks -----------------------------------------------------------------------------------------


def enumerated(tasks: Sequence[Counts]) -> float:
    """Sum the probabilities of all outcomes whose statistic is at least the observed, in fractions."""

    def statistic(counts: Counts, now: int) -> Fraction:
        before = counts.failed - now
        return Fraction(now, counts.candidate_runs) - Fraction(before, counts.reference_runs)

    outcomes = []
    for counts in tasks:
        n, k = counts.reference_runs, counts.candidate_runs
        outcomes.append(
            [
                (statistic(counts, now), Fraction(comb(k, now) * comb(n, counts.failed - now), comb(n + k, counts.failed)))
                for now in range(k + 1)
                if 0 <= counts.failed - now <= n
            ]
        )  # fmt: skip
    observed = sum((statistic(counts, counts.candidate_failed) for counts in tasks), Fraction(0))
    reached = Fraction(0)
    for outcome in product(*outcomes):
        if sum((value for value, _ in outcome), Fraction(0)) >= observed:
            mass = Fraction(1)
            for _, share in outcome:
                mass *= share
            reached += mass
    return float(reached)


@given(st.lists(some_counts(most=6), min_size=1, max_size=4))
def test_the_p_over_tasks_is_that_of_every_labelling(tasks: list[Counts]) -> None:
    assert stratified_p(tasks) == pytest.approx(enumerated(tasks), rel=1e-9)


@given(st.lists(some_counts(most=6), min_size=1, max_size=4))
def test_a_coarse_lattice_never_makes_p_smaller(tasks: list[Counts]) -> None:
    assert stratified_p(tasks, cells=8) >= enumerated(tasks) * (1 - 1e-9)


def test_numbers_of_runs_without_a_common_multiple_cost_next_to_nothing() -> None:
    rng = np.random.default_rng(4)
    sizes = [(11, 3), (12, 3), (13, 5), (17, 8), (19, 3), (23, 8), (12, 7), (29, 5), (31, 8), (37, 3)]
    tasks = [
        make_counts((int(rng.binomial(n, 0.1)), n), (int(rng.binomial(k, 0.3)), k)) for n, k in sizes[:5] * 4
    ] + [make_counts((1, n), (1, k)) for n, k in sizes]
    fine, coarse = (stratified_p(tasks, cells=cells) for cells in (2**21, 2**16))
    assert fine <= stratified_p(tasks) <= coarse <= 1.1 * fine


def test_of_one_task_it_is_fishers_test() -> None:
    for failed, now in product(range(13), range(4)):
        counts = make_counts((failed, 12), (now, 3))
        assert stratified_p([counts]) == pytest.approx(fisher_p(counts))


def test_of_tasks_alike_it_is_scipys_permutation_test() -> None:
    tasks = [make_counts((1, 6), (2, 3)), make_counts((0, 6), (1, 3)), make_counts((2, 6), (0, 3))]
    rng = np.random.default_rng(8)
    sums = np.zeros(200_000)
    for counts in tasks:
        now = rng.hypergeometric(counts.failed, 9 - counts.failed, 3, sums.size)
        sums += now / 3 - (counts.failed - now) / 6
    observed = sum(c.candidate_failed / 3 - c.reference_failed / 6 for c in tasks)
    assert stratified_p(tasks) == pytest.approx(float((sums >= observed - 1e-9).mean()), abs=0.005)


@given(st.lists(some_counts(), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_tasks_does_not_matter(tasks: list[Counts], random: object) -> None:
    turned = list(tasks)
    random.shuffle(turned)  # type: ignore[attr-defined]
    assert stratified_p(turned) == pytest.approx(stratified_p(tasks), rel=1e-9)


@given(st.lists(some_counts(), min_size=1, max_size=6), st.integers(0, 5))
def test_a_failure_more_in_any_task_never_raises_the_p_over_tasks(tasks: list[Counts], place: int) -> None:
    place %= len(tasks)
    one = tasks[place]
    if one.candidate_failed < one.candidate_runs:
        more = [*tasks]
        more[place] = replace(one, candidate_failed=one.candidate_failed + 1)
        assert stratified_p(more) <= stratified_p(tasks) * (1 + 1e-9)


@given(some_counts())
def test_tasks_that_never_or_always_fail_say_nothing(counts: Counts) -> None:
    silent = [make_counts((0, 12), (0, 3)), make_counts((12, 12), (3, 3)), make_counts((0, 0), (2, 3))]
    assert stratified_p([counts, *silent]) == pytest.approx(stratified_p([counts]))
    assert stratified_p(silent) == stratified_p([]) == 1.0


def test_under_no_change_the_p_over_tasks_keeps_its_level() -> None:
    rng = np.random.default_rng(12)
    rates = np.linspace(0.0, 0.5, 20)
    found = []
    for _ in range(1_000):
        failed, now = rng.binomial(12, rates), rng.binomial(3, rates)
        found.append(
            stratified_p(make_counts((int(f), 12), (int(x), 3)) for f, x in zip(failed, now, strict=True))
        )
    for level in (0.01, 0.025, 0.1):
        assert np.sum(np.array(found) <= level) <= scipy.stats.binom.isf(1e-3, 1_000, level)
    assert np.sum(np.array(found) <= 0.1) >= 40


# --- ranks ----------------------------------------------------------------------------------------------

VALUES = st.integers(0, 1_000).map(float)


@given(
    st.lists(VALUES, min_size=2, max_size=18, unique=True).flatmap(
        lambda values: st.tuples(st.just(values), st.integers(1, len(values) - 1))
    )
)
def test_without_ties_ranks_are_tested_as_scipy_does(drawn: tuple[list[float], int]) -> None:
    values, split = drawn
    wanted = scipy.stats.mannwhitneyu(values[split:], values[:split], alternative="greater", method="exact")
    assert rank_sum_p(values[:split], values[split:]) == pytest.approx(wanted.pvalue)


@given(
    st.lists(st.integers(0, 3).map(float), min_size=2, max_size=9).flatmap(
        lambda values: st.tuples(st.just(values), st.integers(1, len(values) - 1))
    )
)
def test_with_ties_every_labelling_is_counted(drawn: tuple[list[float], int]) -> None:
    values, split = drawn
    ranks = scipy.stats.rankdata(values)
    sums = [sum(chosen) for chosen in combinations(ranks, len(values) - split)]
    wanted = np.mean(np.array(sums) >= ranks[split:].sum() - 1e-9)
    assert rank_sum_p(values[:split], values[split:]) == pytest.approx(wanted)


def test_ranks_by_hand() -> None:
    assert rank_sum_p(range(12), range(12, 20)) == 1 / comb(20, 8)
    assert rank_sum_p([1.0] * 12, [1.0] * 8) == 1.0
    assert rank_sum_p([], [1.0]) == rank_sum_p([1.0], []) == 1.0


@given(st.lists(VALUES, min_size=1, max_size=12), st.lists(VALUES, min_size=1, max_size=8), st.integers(0, 7))
def test_only_ranks_count_and_a_larger_value_never_raises_p(
    reference: list[float], candidate: list[float], place: int
) -> None:
    found = rank_sum_p(reference, candidate)
    assert rank_sum_p([v**3 for v in reference], [v**3 for v in candidate]) == found
    assert rank_sum_p(reference[::-1], candidate[::-1]) == found
    larger = [*candidate]
    larger[place % len(larger)] += 100.0
    assert rank_sum_p(reference, larger) <= found + 1e-12
