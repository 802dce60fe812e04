"""Test corrections for many tests against scipy and by hand."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from harness.core.stats.multiplicity import benjamini_hochberg, benjamini_hochberg_adjusted, holm

P_VALUES = st.lists(st.floats(1e-6, 1), min_size=1, max_size=25)
COARSE = st.lists(st.integers(1, 20).map(lambda n: n / 20), min_size=1, max_size=12)  # many ties


@given(P_VALUES | COARSE, st.sampled_from([0.01, 0.05, 0.1, 0.25]))
def test_benjamini_hochberg_rejects_what_scipy_rejects(p_values: list[float], rate: float) -> None:
    adjusted = scipy.stats.false_discovery_control(p_values, method="bh")
    found = benjamini_hochberg(p_values, rate=rate)
    clear = np.abs(adjusted - rate) > 1e-12
    assert [f for f, c in zip(found, clear, strict=True) if c] == [bool(a <= rate) for a in adjusted[clear]]


@given(P_VALUES | COARSE)
def test_benjamini_hochberg_adjusts_as_scipy_does(p_values: list[float]) -> None:
    adjusted = scipy.stats.false_discovery_control(p_values, method="bh")
    assert benjamini_hochberg_adjusted(p_values) == pytest.approx(tuple(adjusted))


def test_a_p_value_over_one_is_adjusted_to_one() -> None:
    assert benjamini_hochberg_adjusted([0.01, 1.7, 0.2]) == pytest.approx((0.03, 1.0, 0.3))
    assert benjamini_hochberg_adjusted([]) == ()


def test_benjamini_hochberg_by_hand() -> None:
    # Thresholds .0125, .025, .0375, .05: the third passes and carries the second, which does not.
    assert benjamini_hochberg([0.03, 0.01, 0.2, 0.026], rate=0.05) == (True, True, False, True)
    assert benjamini_hochberg([0.02, 0.03, 0.04, 0.06], rate=0.05) == (False, False, False, False)
    assert benjamini_hochberg([0.05], rate=0.05) == (True,)
    assert benjamini_hochberg([], rate=0.05) == ()


def test_holm_by_hand() -> None:
    # .01 x 4, .02 x 3, .03 x 2, .04 x 1, each at least the one before it.
    assert holm([0.01, 0.04, 0.03, 0.02]) == pytest.approx((0.04, 0.06, 0.06, 0.06))
    assert holm([0.001, 0.4, 0.03]) == pytest.approx((0.003, 0.4, 0.06))
    assert holm([0.6, 0.7]) == (1.0, 1.0)
    assert holm([0.04]) == (0.04,)
    assert holm([]) == ()


@given(P_VALUES | COARSE)
def test_holm_lies_between_no_correction_and_bonferroni(p_values: list[float]) -> None:
    for raw, adjusted in zip(p_values, holm(p_values), strict=True):
        assert raw <= adjusted <= min(1.0, len(p_values) * raw) or adjusted == max(holm(p_values))
        assert raw <= adjusted <= 1.0
    assert min(holm(p_values)) == pytest.approx(min(1.0, len(p_values) * min(p_values)))


@given(P_VALUES | COARSE)
def test_holm_keeps_the_order(p_values: list[float]) -> None:
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(np.array(holm(p_values))[order]) >= 0)


@given(P_VALUES, st.randoms(use_true_random=False))
def test_the_order_in_which_tests_are_given_does_not_matter(p_values: list[float], random: object) -> None:
    places = list(range(len(p_values)))
    random.shuffle(places)  # type: ignore[attr-defined]
    turned = [p_values[place] for place in places]
    assert sorted(holm(turned)) == pytest.approx(sorted(holm(p_values)))
    found = benjamini_hochberg(p_values, rate=0.1)
    assert benjamini_hochberg(turned, rate=0.1) == tuple(found[place] for place in places)


def test_holm_keeps_the_share_of_any_false_rejection() -> None:
    rng = np.random.default_rng(3)
    false = sum(min(holm(list(rng.random(6)))) <= 0.05 for _ in range(2_000))
    assert false <= scipy.stats.binom.isf(0.001, 2_000, 0.05)
    assert false >= 60
