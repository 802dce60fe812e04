"""Test the night statistics against the formulas written out in loops, and what they may depend on."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.core.stats.floor import (
    NightStatistic,
    difference_statistic,
    edge_rate_statistic,
    rate_statistic,
    ratio_statistic,
    spread_statistic,
)

Floats = NDArray[np.float64]
Statistic = Callable[[Floats, Floats], NightStatistic]


def drawn(seed: int, nights: int, prompts: int, missing: float = 0.0) -> tuple[Floats, Floats]:
    """Draw positive scores whose scale differs by prompt, with a night effect."""
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.2, 2.0, prompts)
    effect = 1 + 0.1 * rng.normal(size=(nights + 3, 1))
    scores = scale * effect * (1 + 0.3 * rng.random((nights + 3, prompts)))
    baseline = scores[:nights]
    gone = rng.random(baseline.shape) < missing
    # Every prompt keeps three nights at least, and every night a prompt.
    gone[:3] = gone[:, 0] = False
    return np.where(gone, np.nan, baseline), scores[nights:]


def drawn_rates(seed: int, nights: int, prompts: int, k: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    rate = rng.beta(0.5, 4.0, prompts)
    shown = rng.binomial(k, rate, (nights + 3, prompts)) / k
    return shown[:nights], shown[nights:]


# --- the formulas, slowly ----------------------------------------------------------------------------


def variance(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return sum((v - mean) ** 2 for v in values) / (len(values) - 1) if len(values) > 1 else 0.0


def moderated(theory: float, y: list[float]) -> float:
    n = len(y)
    seen = variance(y) / (1 + 1 / (n - 1))
    return math.sqrt(max(seen, (13 * theory + (n - 1) * seen) / (13 + n - 1)))


def slow_cross_fit(
    baseline: Floats,
    tested: Floats,
    weigh: Callable[[float], float],
    shrink: Callable[[list[list[float]]], list[float]],
    *,
    ratio: bool,
) -> tuple[list[float], list[float], float]:
    """Return y of the baseline nights, y of the tested ones, and s."""
    nights, prompts = baseline.shape
    y, all_weights, theories = [], [], []

    def statistic(num: float, den: float) -> float:
        return 2 * math.sqrt(max(num, 0) / den + 0.05) if ratio else num - den

    for b in range(nights):
        others = [
            [baseline[n, p] for n in range(nights) if n != b and not math.isnan(baseline[n, p])]
            for p in range(prompts)
        ]
        shrunk = shrink(others)
        raw = [0.0 if math.isnan(baseline[b, p]) else weigh(shrunk[p]) for p in range(prompts)]
        w = [one / sum(raw) for one in raw]
        num = sum(w[p] * baseline[b, p] for p in range(prompts) if w[p])
        den = sum(w[p] * sum(others[p]) / len(others[p]) for p in range(prompts) if w[p])
        y.append(statistic(num, den))
        all_weights.append(w)
        theories.append(sum(w[p] ** 2 * shrunk[p] for p in range(prompts)))
    average = [sum(w[p] for w in all_weights) for p in range(prompts)]
    average = [one / sum(average) for one in average]
    means = [
        float(np.mean([baseline[n, p] for n in range(nights) if not math.isnan(baseline[n, p])]))
        for p in range(prompts)
    ]
    den = sum(a * m for a, m in zip(average, means, strict=True))
    tonight = [statistic(sum(average[p] * row[p] for p in range(prompts)), den) for row in tested]
    theory = sum(theories) / nights
    if ratio:
        theory /= 1.05 * den**2
    return y, tonight, moderated(theory, y)


def shrink_plainly(others: list[list[float]]) -> list[float]:
    raw = [variance(one) for one in others]
    pooled = sum(raw) / len(raw)
    return [
        (13 * pooled + (len(one) - 1) * v) / (13 + len(one) - 1) for one, v in zip(others, raw, strict=True)
    ]


def agrees(found: NightStatistic, slow: tuple[list[float], list[float], float]) -> None:
    assert found.baseline == pytest.approx(slow[0], rel=1e-9, abs=1e-12)
    assert found.tested == pytest.approx(slow[1], rel=1e-9, abs=1e-12)
    assert found.sd == pytest.approx(slow[2], rel=1e-9)


SHAPES = [(3, 1), (5, 4), (14, 20), (30, 6)]


@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize(("nights", "prompts"), SHAPES)
@pytest.mark.parametrize("samples", [1, 3])
def test_the_ratio_is_the_formula(nights: int, prompts: int, samples: int, missing: float) -> None:
    baseline, tested = drawn(nights + prompts, nights, prompts, missing)
    found = ratio_statistic(baseline, tested, samples)

    def weigh(v: float) -> float:
        return 1 / v if samples >= 3 else 1 / math.sqrt(v)

    agrees(found, slow_cross_fit(baseline, tested, weigh, shrink_plainly, ratio=True))
    assert (found.degrees, found.nights) == (min(nights - 1, 13), nights)


@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize(("nights", "prompts"), SHAPES)
def test_the_difference_is_the_formula(nights: int, prompts: int, missing: float) -> None:
    baseline, tested = drawn(nights + prompts, nights, prompts, missing)
    found = difference_statistic(baseline, tested)
    agrees(found, slow_cross_fit(baseline, tested, lambda v: 1 / v, shrink_plainly, ratio=False))
    assert found.degrees == min(nights - 1, 13)


def slow_agreement(baseline: Floats, k: int) -> float:
    """Measure how far samples of a night agree: X²/df of the events, drawn towards what .15 gives."""
    nights, squares, freedom = len(baseline), 0.0, 0
    for column in baseline.T:
        rate = float(sum(column)) / nights
        if 0 < rate < 1:
            squares += sum((k * x - k * rate) ** 2 / (k * rate * (1 - rate)) for x in column)
            freedom += nights - 1
    if not freedom:
        return 0.15
    dispersion = (13 * (1 + 0.15 * (k - 1)) + squares) / (13 + freedom)
    return min(1.0, max(0.0, (dispersion - 1) / (k - 1)))


def test_a_format_that_breaks_for_whole_nights_has_a_wider_floor_than_one_that_breaks_by_chance() -> None:
    rng = np.random.default_rng(5)
    counts, samples = np.full((14, 20), 10.0), np.full(20, 10.0)
    by_chance = rng.binomial(10, 0.05, (14, 20)) / 10
    for_nights = np.where(rng.random((14, 20)) < 0.05, 1.0, 0.0)
    tested = np.zeros((1, 20))
    floors = [rate_statistic(rates, tested, counts, samples).sd for rates in (by_chance, for_nights)]
    assert floors[1] > 2 * floors[0]


@pytest.mark.parametrize(("nights", "prompts"), SHAPES)
@pytest.mark.parametrize("k", [1, 3, 6])
def test_the_rate_of_a_rare_event_is_the_formula(nights: int, prompts: int, k: int) -> None:
    baseline, tested = drawn_rates(nights + prompts, nights, prompts, k)
    agreement = slow_agreement(baseline, k) if k > 3 else 0.0

    def shrink(others: list[list[float]]) -> list[float]:
        n = len(others[0])
        rates = [(k * sum(one) + 0.5) / (k * n + 1) for one in others]
        binomial = [r * (1 - r) / k * (1 + agreement * (k - 1)) for r in rates]
        raw = [variance(one) for one in others]
        scale = sum(raw) / sum(binomial)
        return [
            max(m, (13 * scale * m + (n - 1) * v) / (13 + n - 1)) for m, v in zip(binomial, raw, strict=True)
        ]

    counts = np.full(baseline.shape, float(k))
    found = rate_statistic(baseline, tested, counts, np.full(prompts, float(k)))
    agrees(found, slow_cross_fit(baseline, tested, lambda v: 1 / math.sqrt(v), shrink, ratio=False))
    assert found.degrees == min(nights - 1, 13)


@pytest.mark.parametrize(("nights", "prompts"), SHAPES)
def test_the_rate_of_edge_prompts_is_the_formula(nights: int, prompts: int) -> None:
    rng = np.random.default_rng(nights)
    k = rng.integers(1, 4, prompts).astype(float)
    baseline = rng.binomial(k.astype(int), 0.4, (nights, prompts)) / k
    tested = rng.binomial(k.astype(int), 0.4, (2, prompts)) / k
    found = edge_rate_statistic(baseline, tested, np.tile(k, (nights, 1)), k)
    y = [float(sum(row)) / prompts for row in baseline]
    theory = 0.0
    for p in range(prompts):
        r = (k[p] * sum(baseline[:, p]) + 0.5) / (k[p] * nights + 1)
        theory += (1 + 0.15 * (k[p] - 1)) * r * (1 - r) / k[p] / prompts**2
    s = math.sqrt((13 * theory + (nights - 1) * variance(y)) / (13 + nights - 1))
    assert found.baseline == pytest.approx(y)
    assert found.tested == pytest.approx([float(sum(row)) / prompts for row in tested])
    assert (found.sd, found.degrees) == (pytest.approx(s), min(nights - 1 + 13, 26))


def test_refusals_with_many_samples_are_as_sure_as_the_samples_of_a_night_agree() -> None:
    rng = np.random.default_rng(3)
    counts, k = np.full((14, 4), 10.0), np.full(4, 10.0)
    apart = rng.binomial(10, 0.4, (14, 4)) / 10
    alike = rng.binomial(1, 0.4, (14, 4)).astype(float)
    tested = np.full((1, 4), 0.4)

    def theory(baseline: Floats) -> float:
        """Return what the formula's s₀ must have been."""
        found = edge_rate_statistic(baseline, tested, counts, k)
        return (26 * found.sd**2 - 13 * float(np.var(baseline.mean(axis=1), ddof=1))) / 13

    binomial = 0.4 * 0.6 / 10 / 4
    # Drawn towards the usual .15: 13 degrees of freedom beside the 52 of four prompts.
    assert theory(apart) < (1 + 0.15 * 9) * binomial
    assert theory(alike) > 5 * binomial


@pytest.mark.parametrize(("nights", "prompts"), SHAPES)
def test_the_spread_is_the_formula(nights: int, prompts: int) -> None:
    baseline, tested = drawn(nights, nights, prompts)
    baseline = baseline - 0.4
    found = spread_statistic(baseline, tested)
    y = [math.log(sum(max(v, 1e-6) for v in row) / prompts + 1e-4) for row in baseline]
    assert found.baseline == pytest.approx(y)
    assert found.sd == pytest.approx(max(1e-3, math.sqrt(variance(y) / (1 + 1 / (nights - 1)))))
    assert found.degrees == min(nights - 1, 13)


def test_a_spread_that_never_moves_keeps_a_floor() -> None:
    assert spread_statistic(np.full((14, 3), 0.2), np.full((1, 3), 0.2)).sd == 1e-3


# --- what they may depend on -------------------------------------------------------------------------

STATISTICS: dict[str, Statistic] = {
    "ratio": lambda b, t: ratio_statistic(b, t, 3),
    "difference": difference_statistic,
    "rare": lambda b, t: rate_statistic(b, t, np.full(b.shape, 3.0), np.full(b.shape[1], 3.0)),
    "edge": lambda b, t: edge_rate_statistic(b, t, np.full(b.shape, 3.0), np.full(b.shape[1], 3.0)),
    "spread": spread_statistic,
}


def scores_of(name: str, seed: int) -> tuple[Floats, Floats]:
    return drawn_rates(seed, 14, 6, 3) if name in ("rare", "edge") else drawn(seed, 14, 6)


@pytest.mark.parametrize("name", STATISTICS)
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(14)), st.permutations(range(6)))
def test_the_order_of_nights_and_prompts_does_not_matter(
    name: str, seed: int, nights: list[int], prompts: list[int]
) -> None:
    baseline, tested = scores_of(name, seed)
    one = STATISTICS[name](baseline, tested)
    other = STATISTICS[name](baseline[nights][:, prompts], tested[:, prompts])
    assert other.baseline == pytest.approx(one.baseline[nights], abs=1e-12)
    assert other.tested == pytest.approx(one.tested, abs=1e-12)
    assert other.sd == pytest.approx(one.sd)


@pytest.mark.parametrize("name", STATISTICS)
@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0, 1))
def test_more_of_what_is_counted_is_more_of_y(name: str, seed: int, low: float, high: float) -> None:
    baseline, tested = scores_of(name, seed)
    low, high = sorted((low, high))
    statistic = STATISTICS[name](baseline, np.stack([tested[0] + low, tested[0] + high]))
    assert statistic.tested[0] <= statistic.tested[1] + 1e-12


@given(st.integers(0, 10_000))
def test_the_other_sign_turns_a_difference_round(seed: int) -> None:
    baseline, tested = drawn(seed, 14, 6)
    one, other = difference_statistic(baseline, tested), difference_statistic(-baseline, -tested)
    assert other.tested == pytest.approx(-one.tested)
    assert other.baseline == pytest.approx(-one.baseline)
    assert other.sd == pytest.approx(one.sd)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("constant", [0.0, 1.0, -0.01])
def test_prompts_that_never_vary_break_nothing(name: str, constant: float) -> None:
    if name in ("rare", "edge") and constant < 0:
        return
    for nights in (3, 5, 14, 40):
        found = STATISTICS[name](np.full((nights, 4), constant), np.full((2, 4), constant))
        assert np.isfinite(found.sd)
        assert found.tested == pytest.approx(np.full(2, found.mean), abs=1e-9)


@given(st.integers(0, 10_000), st.floats(1.0, 3.0))
def test_fewer_samples_tonight_widen_the_floor_and_move_nothing(seed: int, fewer: float) -> None:
    baseline, tested = drawn(seed, 14, 6)
    lacking = np.ones(6)
    lacking[:2] = fewer
    for plain, wide in (
        (ratio_statistic(baseline, tested, 3), ratio_statistic(baseline, tested, 3, lacking)),
        (difference_statistic(baseline, tested), difference_statistic(baseline, tested, lacking)),
    ):
        assert wide.tested == pytest.approx(plain.tested)
        assert plain.sd <= wide.sd * (1 + 1e-12) <= plain.sd * math.sqrt(fewer) * (1 + 1e-9)


def test_the_slope_says_how_y_answers_to_the_mean_score() -> None:
    baseline, _ = drawn(3, 14, 6)
    usual = np.nanmean(baseline, axis=0)
    step = 1e-4
    found = ratio_statistic(baseline, np.stack([usual, usual + step]), 3)
    assert (found.tested[1] - found.tested[0]) / step == pytest.approx(found.slope, rel=1e-2)
