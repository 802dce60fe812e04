"""Better, worse, the same or could not tell: one case at a time, by exact tests, over as many as could have told."""

import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.findings import Outcome
from harness.core.stats.exact import Counts, fisher_p
from harness.core.upgrade.case_tests import (
    LEVEL,
    Hypothesis,
    adjusted,
    judge_cases,
    least_visible,
    sign_p,
)
from harness.core.upgrade.values import ReplyValues
from harness.core.upgrade_records import Unclear, UpgradeCase
from tests.support.upgrades import preferred, values

COVERAGE = 2 / 3


def one(before: int, after: int, /, **fields: object) -> UpgradeCase:
    (found,) = judge_cases([values("case", before, after, **fields)], min_coverage=COVERAGE)  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("reference", "candidate", "outcome"),
    [
        (8, 8, Outcome.STABLE),
        (8, 4, Outcome.STABLE),
        (8, 3, Outcome.REGRESSED),
        (8, 0, Outcome.REGRESSED),
        (2, 2, Outcome.STABLE),
        (0, 0, Outcome.STABLE),
        (3, 8, Outcome.IMPROVED),
        (0, 8, Outcome.IMPROVED),
        (7, 5, Outcome.STABLE),
    ],
)
def test_eight_replies_against_eight(reference: int, candidate: int, outcome: Outcome) -> None:
    assert one(reference, candidate).outcome is outcome


def test_p_values_are_fishers() -> None:
    for reference in range(9):
        for candidate in range(9):
            table = [[candidate, 8 - candidate], [reference, 8 - reference]]
            oracle = float(scipy.stats.fisher_exact(table, alternative="less").pvalue)
            assert one(reference, candidate, pairs=()).p_value is not None
            counts = Counts(
                reference_failed=8 - reference,
                reference_runs=8,
                candidate_failed=8 - candidate,
                candidate_runs=8,
            )
            assert fisher_p(counts) == pytest.approx(oracle)


def test_the_sign_test_is_the_binomials() -> None:
    for wins in range(9):
        oracle = scipy.stats.binomtest(wins, 8, alternative="greater").pvalue
        assert sign_p(wins, 8 - wins) == pytest.approx(oracle)


def test_cases_that_could_not_tell_cost_the_others_nothing() -> None:
    still = [values(f"still-{n}", 8, 8) for n in range(60)]
    nearly = [values(f"nearly-{n}", 7, 8) for n in range(30)]
    fallen = values("fallen", 8, 3)
    found = {case.case: case for case in judge_cases([*still, *nearly, fallen], min_coverage=COVERAGE)}
    assert found["fallen"].outcome is Outcome.REGRESSED
    assert found["fallen"].adjusted_p_value == found["fallen"].p_value
    assert found["nearly-3"].adjusted_p_value is None


def test_many_cases_that_could_have_told_are_corrected_for() -> None:
    mixed = [values(f"mixed-{n}", 5, 5) for n in range(12)]
    found = {case.case: case for case in judge_cases([*mixed, values("fallen", 8, 3)], min_coverage=COVERAGE)}
    assert found["fallen"].outcome is Outcome.INCONCLUSIVE
    assert found["fallen"].unclear is Unclear.UNCONFIRMED
    assert "ask for more" in found["fallen"].because


def test_gilberts_set_is_the_smallest_that_holds_itself() -> None:
    leasts = [0.004, 0.011, 0.011, 0.02, 0.2]
    found = adjusted(
        {
            (str(place), "checks"): Hypothesis(p_value=least, least=least)
            for place, least in enumerate(leasts)
        },
        0.025,
    )
    # With K = 1 four could reach .025; with 2 three .0125; with 3 one .0083, which is few enough.
    assert found == {("0", "checks"): 0.004}


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_the_order_of_cases_changes_nothing(counts: list[tuple[int, int]], random: object) -> None:
    cases = [values(f"case-{n}", before, after) for n, (before, after) in enumerate(counts)]
    shuffled = sorted(cases, key=lambda case: hash((case.case, str(random))))
    first = {case.case: case for case in judge_cases(cases, min_coverage=COVERAGE)}
    assert {case.case: case for case in judge_cases(shuffled, min_coverage=COVERAGE)} == first


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_swapping_the_sides_turns_worse_into_better(counts: list[tuple[int, int]]) -> None:
    there = judge_cases([values(f"c-{n}", a, b) for n, (a, b) in enumerate(counts)], min_coverage=COVERAGE)
    back = judge_cases([values(f"c-{n}", b, a) for n, (a, b) in enumerate(counts)], min_coverage=COVERAGE)
    for one_way, other in zip(there, back, strict=True):
        assert (one_way.outcome is Outcome.REGRESSED) == (other.outcome is Outcome.IMPROVED) or (
            Outcome.INCONCLUSIVE in (one_way.outcome, other.outcome)
        )


def test_losing_replies_never_makes_a_case_the_same() -> None:
    for kept in range(8):
        candidate = tuple(ReplyValues(held=True) for _ in range(kept))
        found = one(8, 8, candidate=candidate)
        wanted = Outcome.STABLE if kept >= 6 else Outcome.INCONCLUSIVE
        assert found.outcome is wanted, kept
    assert one(8, 8, candidate=()).unclear is Unclear.FEW_REPLIES
    assert one(8, 8, reference=()).unclear is Unclear.FEW_REPLIES


def test_a_fall_is_a_fall_though_replies_are_missing() -> None:
    found = one(8, 0, candidate=tuple(ReplyValues(held=False) for _ in range(5)))
    assert found.outcome is Outcome.REGRESSED


def test_so_few_replies_that_nothing_could_show_are_no_pass() -> None:
    found = one(3, 3, runs=3)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.unclear is Unclear.TOO_FEW_RUNS
    assert found.visible is None
    assert one(5, 5, runs=5).outcome is Outcome.STABLE


def test_what_could_have_been_seen_is_the_first_count_that_is_significant() -> None:
    assert one(8, 8).visible == 3
    seen = least_visible(Counts(reference_failed=0, reference_runs=8, candidate_failed=0, candidate_runs=8))
    assert seen == 3
    for failed, small in ((5, True), (4, False)):
        counts = Counts(reference_failed=0, reference_runs=8, candidate_failed=failed, candidate_runs=8)
        assert (fisher_p(counts) <= LEVEL) is small


def test_a_judge_that_always_prefers_one_side_decides() -> None:
    assert one(8, 8, pairs=preferred(0, 8)).outcome is Outcome.REGRESSED
    assert one(8, 8, pairs=preferred(8, 0)).outcome is Outcome.IMPROVED
    assert one(8, 8, pairs=preferred(6, 2)).outcome is Outcome.STABLE
    assert one(8, 8, pairs=preferred(0, 0, ties=8)).outcome is Outcome.STABLE


def test_a_broken_check_goes_before_what_a_judge_likes() -> None:
    assert one(8, 1, pairs=preferred(8, 0)).outcome is Outcome.REGRESSED


def test_declining_where_no_rule_speaks_of_it_is_a_change_without_direction() -> None:
    declines = tuple(ReplyValues(held=True, refused=1.0) for _ in range(8))
    answers = tuple(ReplyValues(held=True, refused=0.0) for _ in range(8))
    for reference, candidate in ((answers, declines), (declines, answers)):
        found = one(8, 8, reference=reference, candidate=candidate, free_to_decline=True, ruled=False)
        assert found.outcome is Outcome.CHANGED
        assert "no rule says which is right" in found.because
    same = one(8, 8, reference=answers, candidate=answers, free_to_decline=True, ruled=False)
    assert same.outcome is Outcome.STABLE
