"""Test that cases are judged with those whose nights they share, each of them once."""

import time
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.detection.occasions import FEWEST_NIGHTS, MOST_SEARCHED, SHARED_NIGHTS, groups
from harness.core.measures import Comparison, MeasuredSample
from tests.support.cases import make_measures, make_sides

NIGHTS = st.sets(st.integers(0, 20), min_size=1)


def suite(nights: list[set[int]]) -> Comparison:
    """Make one case for every set of nights."""
    empty = make_sides({f"c{n:02d}": ([], [make_measures()]) for n in range(len(nights))})
    return replace(
        empty,
        cases=tuple(
            replace(
                m,
                reference=tuple(
                    MeasuredSample(batch=f"night-{n:02d}", number=0, measures=make_measures())
                    for n in sorted(own)
                ),
            )
            for m, own in zip(empty.cases, nights, strict=True)
        ),
    )


def ids(comparison: Comparison) -> list[str]:
    return [m.case.id for m in comparison.cases]


def nights_of(comparison: Comparison) -> set[str]:
    return {s.batch for m in comparison.cases for s in m.reference}


@settings(max_examples=100, deadline=None)
@given(st.lists(NIGHTS, max_size=8))
def test_groups_are_a_partition(nights: list[set[int]]) -> None:
    comparison = suite(nights)
    found = groups(comparison)
    assert sorted(case for group in found for case in ids(group)) == ids(comparison)
    sizes = [len(group.cases) for group in found]
    assert sizes == sorted(sizes, reverse=True)


@settings(max_examples=100, deadline=None)
@given(st.lists(NIGHTS, min_size=1, max_size=8))
def test_every_case_of_a_group_has_most_of_its_nights(nights: list[set[int]]) -> None:
    for group in groups(suite(nights)):
        shared = nights_of(group)
        for measured in group.cases:
            own = {s.batch for s in measured.reference}
            assert len(own) >= SHARED_NIGHTS * len(shared)
            assert len(own) >= min(FEWEST_NIGHTS, len(shared))


@settings(max_examples=50, deadline=None)
@given(st.lists(NIGHTS, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_cases_makes_no_other_groups(nights: list[set[int]], random: object) -> None:
    comparison = suite(nights)
    turned = list(comparison.cases)
    random.shuffle(turned)  # type: ignore[attr-defined]

    def sets(of: Comparison) -> set[frozenset[str]]:
        return {frozenset(ids(group)) for group in groups(of)}

    assert sets(replace(comparison, cases=tuple(turned))) == sets(comparison)


def test_a_suite_with_the_same_nights_is_one_group() -> None:
    comparison = suite([set(range(14))] * 6)
    assert groups(comparison) == (comparison,)
    assert groups(suite([])) == ()


def test_a_case_accepted_anew_has_a_group_of_its_own_and_takes_no_night_from_the_others() -> None:
    found = groups(suite([set(range(14))] * 5 + [set(range(14, 20))]))
    assert [ids(group) for group in found] == [[f"c{n:02d}" for n in range(5)], ["c05"]]
    assert [len(nights_of(group)) for group in found] == [14, 6]


def test_a_lost_night_or_two_splits_nothing() -> None:
    nights = [set(range(14))] * 5 + [set(range(2, 14)), set(range(12))]
    assert len(groups(suite(nights))) == 1


def test_a_suite_of_many_cases_is_sorted_at_once() -> None:
    found = groups(suite([set(range(3))] * 2000))
    assert [len(group.cases) for group in found] == [2000]


def searched_one_by_one(nights: list[set[int]]) -> set[frozenset[int]]:
    """Sort cases into groups with every case a candidate and every case counted, however long it takes."""

    def belongs(own: set[int], shared: set[int]) -> bool:
        common = len(own & shared)
        return common >= SHARED_NIGHTS * len(shared) and common >= min(FEWEST_NIGHTS, len(shared))

    def covered(shared: set[int]) -> tuple[int, int, list[int]]:
        cells = sum(len(nights[case] & shared) for case in left if belongs(nights[case], shared))
        return cells, len(shared), sorted(shared)

    left, found = list(range(len(nights))), set()
    while left:
        shared = max((nights[case] for case in left), key=covered)
        found.add(frozenset(case for case in left if belongs(nights[case], shared)))
        left = [case for case in left if not belongs(nights[case], shared)]
    return found


def group_sets(comparison: Comparison) -> set[frozenset[int]]:
    return {frozenset(int(case[1:]) for case in ids(group)) for group in groups(comparison)}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from([{1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5}, {3, 4, 5, 6, 7}, {1}, {6, 7}]) | NIGHTS,
        max_size=12,
    )
)
def test_cases_with_the_same_nights_are_looked_at_once_and_counted_each(nights: list[set[int]]) -> None:
    assert group_sets(suite(nights)) == searched_one_by_one(nights)


def test_a_baseline_with_other_nights_for_every_case_takes_no_longer_for_it() -> None:
    comparison = suite([{number, number + 1, number + 7} for number in range(3_000)])
    started = time.process_time()
    found = groups(comparison)
    assert time.process_time() - started < 5.0
    assert sorted(case for group in found for case in ids(group)) == sorted(ids(comparison))


def test_the_order_of_cases_makes_no_other_groups_of_many() -> None:
    nights = [{number % 40, number // 2, 100 + number % 7} for number in range(3 * MOST_SEARCHED)]
    order = sorted(range(len(nights)), key=lambda number: number * 7919 % 1009)
    turned = {
        frozenset(order[case] for case in group) for group in group_sets(suite([nights[n] for n in order]))
    }
    assert turned == group_sets(suite(nights))
