"""Test two sides by hand: exact where it can be, silent where it cannot tell, and never more often wrong than it says."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.detection.comparison import (
    FEWEST_CASES,
    LEVEL,
    ComparisonResult,
    Difference,
    Sides,
    compare_sides,
    sign_flip_p_value,
)
from harness.core.findings import Outcome
from harness.core.measures import Comparison, Measures
from harness.core.signals import all_signals
from harness.core.stats.multiplicity import holm
from tests.support.cases import make_measures, make_sides, noisy_sides, swapped
from tests.support.records import make_case

SIDES = Sides(reference="before", candidate="after")
NUMBERS = st.lists(st.floats(-3, 3, allow_nan=False, width=16), min_size=2, max_size=11)
RNG = np.random.default_rng


def compare(comparison: Comparison, seed: int = 1) -> ComparisonResult:
    return compare_sides(all_signals(), comparison, SIDES, seed=seed)


def found(result: ComparisonResult) -> dict[str, Difference]:
    return {difference.signal: difference for difference in result.differences}


def sides(count: int, reference: Measures, candidate: Measures, samples: int = 3) -> Comparison:
    return make_sides({f"c{n:02d}": ([reference] * samples, [candidate] * samples) for n in range(count)})


# --- sign flips ---------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(NUMBERS, st.booleans())
def test_with_few_cases_the_p_value_is_that_of_every_flip(shifts: list[float], two_sided: bool) -> None:
    def statistic(x: np.ndarray, axis: int = -1) -> np.ndarray:  # type: ignore[type-arg]
        mean = x.mean(axis=axis)
        return np.abs(mean) if two_sided else mean

    wanted = scipy.stats.permutation_test(
        (np.array(shifts),), statistic, permutation_type="samples", alternative="greater",
        n_resamples=np.inf, vectorized=True,
    )  # fmt: skip
    assert sign_flip_p_value(np.array(shifts), RNG(1), two_sided=two_sided) == pytest.approx(wanted.pvalue)


@pytest.mark.parametrize("two_sided", [True, False])
def test_drawn_flips_come_close_to_every_flip(two_sided: bool) -> None:
    shifts = np.array([0.9, -0.2, 0.4, 0.1, 0.3, -0.1, 0.6, 0.0, 0.2, -0.5, 0.3, 0.1, 0.2, 0.1])
    every = (np.arange(2**14)[:, None] >> np.arange(14) & 1) * 2 - 1
    means = every @ shifts / 14
    exact = float(np.mean((np.abs(means) if two_sided else means) >= shifts.mean() - 1e-12))
    assert sign_flip_p_value(shifts, RNG(1), two_sided=two_sided) == pytest.approx(exact, abs=0.01)
    assert exact > 0.01


@pytest.mark.parametrize("cases", [5, 13, 14, 40])
def test_cases_that_do_not_move_have_a_p_value_of_1(cases: int) -> None:
    for two_sided in (True, False):
        assert sign_flip_p_value(np.zeros(cases), RNG(1), two_sided=two_sided) == 1.0


@pytest.mark.parametrize("cases", [8, 30])
def test_with_nothing_changed_flips_reject_as_often_as_they_say(cases: int) -> None:
    rng = RNG(2)
    p_values = [sign_flip_p_value(rng.normal(size=cases), rng, two_sided=True) for _ in range(200)]
    assert sum(p <= 0.05 for p in p_values) <= scipy.stats.binom.isf(0.001, 200, 0.05)
    assert scipy.stats.kstest(p_values, "uniform").pvalue > 0.001


def test_a_loss_in_one_direction_is_one_sided_for_kernels_alone() -> None:
    down = -np.ones(10)
    assert sign_flip_p_value(down, RNG(1), two_sided=False) == 1.0
    assert sign_flip_p_value(down, RNG(1), two_sided=True) == pytest.approx(2 / 2**10)


# --- two sides ----------------------------------------------------------------------------------------


def test_a_run_does_not_differ_from_itself() -> None:
    comparison = noisy_sides(1, cases=12)
    same = replace(comparison, cases=tuple(replace(m, candidate=m.reference) for m in comparison.cases))
    result = compare(same)
    assert {d.outcome for d in result.differences} == {Outcome.STABLE}
    assert result.exit_code == 0
    assert result.headline == "after and before do not differ measurably over 12 cases."


def test_a_directed_loss_exits_1_and_the_same_gain_0() -> None:
    worse = sides(12, make_measures(refused=0.0), make_measures(refused=1.0))
    lost, gained = compare(worse), compare(swapped(worse))
    assert (found(lost)["refusal"].outcome, lost.exit_code) == (Outcome.REGRESSED, 1)
    assert (found(gained)["refusal"].outcome, gained.exit_code) == (Outcome.IMPROVED, 0)
    assert "worse in refusal" in lost.headline
    assert "better in refusal" in gained.headline
    assert found(lost)["refusal"].because == "share of replies that decline 0 % → 100 %, over 12 cases"


def test_other_words_differ_and_are_no_loss() -> None:
    result = compare(sides(12, make_measures("Blue it is."), make_measures("Rather red.")))
    changed = {name for name, d in found(result).items() if d.outcome is Outcome.CHANGED}
    assert changed == {"embedding", "string"}
    assert result.exit_code == 0
    assert "differs in" in result.headline


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_swapping_the_sides_keeps_the_p_values(seed: int) -> None:
    comparison = noisy_sides(seed, cases=9, reference=4, candidate=4)
    one, other = found(compare(comparison)), found(compare(swapped(comparison)))
    for name in one:
        assert one[name].p_value == pytest.approx(other[name].p_value)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.permutations(range(9)))
def test_the_order_of_cases_and_samples_does_not_matter(seed: int, order: list[int]) -> None:
    comparison = noisy_sides(seed, cases=9, reference=4, candidate=3)
    turned = replace(
        comparison,
        cases=tuple(replace(m, reference=m.reference[::-1]) for m in (comparison.cases[n] for n in order)),
    )
    one, other = found(compare(comparison)), found(compare(turned))
    for name in one:
        assert one[name].p_value == pytest.approx(other[name].p_value)


def test_every_p_value_is_corrected_for_the_six_signals() -> None:
    comparison = noisy_sides(3, cases=10, reference=4, candidate=4)
    by_name = found(compare(comparison))
    assert len(by_name) == 6
    # The hash only shows, and the spread would say again what wording and meaning say.
    assert not {"hash", "spread"} & set(by_name)
    alone = [
        found(compare_sides([signal], comparison, SIDES, seed=1))[signal.name].p_value
        for signal in all_signals()
        if signal.name in by_name
    ]
    assert [d.p_value for d in by_name.values()] == pytest.approx(list(holm([p or 0.0 for p in alone])))


def test_comparing_a_model_with_itself_seldom_finds_a_difference() -> None:
    comparisons = 120
    false = sum(
        any(
            d.outcome not in (Outcome.STABLE, Outcome.INCONCLUSIVE)
            for d in compare(noisy_sides(seed, cases=10, reference=3)).differences
        )
        for seed in range(comparisons)
    )
    assert false <= scipy.stats.binom.isf(0.001, comparisons, LEVEL)


def test_the_seed_decides_which_flips_are_drawn() -> None:
    shifts = RNG(1).normal(size=20)
    one, same, other = (sign_flip_p_value(shifts, RNG(seed), two_sided=True) for seed in (1, 1, 2))
    assert one == same != other
    comparison = noisy_sides(3, cases=16, reference=4)
    assert compare(comparison, 1) == compare(comparison, 1)


# --- what could not be told ---------------------------------------------------------------------------


def test_the_fewest_cases_are_those_that_could_show_a_difference() -> None:
    for cases, outcome, code in (
        (FEWEST_CASES - 1, Outcome.INCONCLUSIVE, 3),
        (FEWEST_CASES, Outcome.REGRESSED, 1),
    ):
        # Every signal measured, one of them as different as can be: Holm takes its full toll.
        worse = sides(cases, make_measures(refused=0.0), make_measures(refused=1.0))
        result = compare(worse)
        assert (found(result)["refusal"].outcome, result.exit_code) == (outcome, code)
    few = compare(sides(3, make_measures(), make_measures()))
    assert few.headline == "3 cases answered by both sides are too few to tell after from before."
    assert found(few)["refusal"].because == "measured in 3 cases; 8 or more are needed"


def test_no_case_at_all_could_not_be_told() -> None:
    result = compare(make_sides({}))
    assert (result.exit_code, result.cases) == (3, 0)
    assert {d.outcome for d in result.differences} == {Outcome.INCONCLUSIVE}


def test_one_sample_a_side_says_nothing_of_words() -> None:
    result = found(compare(sides(12, make_measures("a"), make_measures("b"), samples=1)))
    for name in ("string", "embedding"):
        assert (result[name].outcome, result[name].p_value) == (Outcome.INCONCLUSIVE, None)
        assert "two samples a side" in result[name].because
    assert result["refusal"].outcome is Outcome.STABLE


def test_a_missing_encoder_is_not_blamed_on_the_number_of_samples() -> None:
    result = found(compare(replace(sides(12, make_measures("a"), make_measures("b")), vectors={})))
    assert result["embedding"].outcome is Outcome.INCONCLUSIVE
    assert result["embedding"].because == "measured in 0 cases; 8 or more are needed"


def test_a_side_that_could_not_be_read_does_not_count_as_the_same() -> None:
    unread = sides(12, make_measures(refused=0.0), make_measures(refused=None))
    difference = found(compare(unread))["refusal"]
    assert (difference.outcome, difference.cases, difference.candidate) == (Outcome.INCONCLUSIVE, 0, None)


def test_a_case_is_gated_by_the_signals_it_names_alone() -> None:
    worse = sides(12, make_measures(refused=0.0), make_measures(refused=1.0))
    limited = replace(
        worse, cases=tuple(replace(m, case=make_case(m.case.id, signals=("length",))) for m in worse.cases)
    )
    assert compare(limited).exit_code == 0
    assert found(compare(limited))["refusal"].cases == 0


def test_the_cases_that_moved_most_are_named_and_only_where_something_moved() -> None:
    still, moved = make_measures(length=3.0), [make_measures(length=3.0 + n) for n in range(1, 13)]
    comparison = make_sides({f"c{n:02d}": ([still] * 2, [moved[n]] * 2) for n in range(12)})
    result = found(compare(comparison))
    assert result["length"].worst == ("c11", "c10", "c09", "c08", "c07")
    assert result["refusal"].worst == ()


def test_cases_without_a_counterpart_are_passed_on() -> None:
    names = replace(SIDES, only_reference=("a",), only_candidate=("b", "c"))
    result = compare_sides(all_signals(), noisy_sides(1), names, seed=1)
    assert (result.only_reference, result.only_candidate) == (("a",), ("b", "c"))
    assert ComparisonResult.model_validate_json(result.model_dump_json()) == result
