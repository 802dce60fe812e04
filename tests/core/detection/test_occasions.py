"""Test that cases are judged with those whose nights they share, each of them once."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.detection.occasions import FEWEST_NIGHTS, SHARED_NIGHTS, groups
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
