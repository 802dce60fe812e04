"""Test one signal over the batches tested: companions, the guard, missing prompts, what could be seen."""

import time

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.core.detection.localise import case_p_values, moved_cases
from harness.core.detection.night import MOST_LEFT_OUT, smallest_visible, tail_of, weakest_without_one
from harness.core.detection.scores import SignalScores
from harness.core.detection.stray import Stray, strays
from harness.core.signals import SIGNALS

Floats = NDArray[np.float64]


def scored(
    name: str, baseline: Floats, tested: Floats, *, k: float = 3.0, off: tuple[Floats, Floats] | None = None
) -> SignalScores:
    """Make the scores of a suite in which every prompt has k samples."""
    flags = off or (np.ones_like(baseline), np.ones_like(tested))
    return SignalScores(
        signal=SIGNALS.load(name),
        cases=tuple(f"c{n:02d}" for n in range(baseline.shape[1])),
        baseline=baseline,
        tested=tested,
        baseline_counts=np.where(np.isfinite(baseline), k, 0.0),
        tested_counts=np.where(np.isfinite(tested), k, 0.0),
        samples=np.full(baseline.shape[1], k),
        baseline_off=flags[0].astype(bool),
        tested_off=flags[1].astype(bool),
    )


def held(scores: SignalScores) -> list[Stray]:
    found = [strays(scores)(row) for row in range(len(scores.tested))]
    assert all(stray is not None for stray in found)
    return [stray for stray in found if stray is not None]


def betabinom_tail(count: int, trials: int, a: float, b: float) -> float:
    return float(scipy.stats.betabinom.pmf(np.arange(count, trials + 1), trials, a, b).sum())


@pytest.mark.parametrize(("nights", "shown"), [(1, 0), (1, 2), (2, 5), (5, 3)])
def test_events_never_seen_before_are_counted_over_all_nights_tested(nights: int, shown: int) -> None:
    baseline = np.zeros((14, 10))
    tested = np.zeros((nights, 10))
    tested.flat[:shown] = 1 / 3
    for name in ("refusal", "format"):
        found = tail_of(SIGNALS.load(name), held(scored(name, baseline, tested)), 1.0, 1.0)
        companion = betabinom_tail(shown, nights * 10, 0.5, 140.5)
        assert found.p_value <= min(1.0, 2 * companion) * (1 + 1e-9)
        if name == "refusal":
            # No prompt is at the edge of declining, so that the first events are all there is.
            assert found.p_value == pytest.approx(min(1.0, 2 * companion))
            assert found.first_seen is (shown > 0)


def test_nights_that_a_prompt_missed_do_not_count_as_nights_without_the_event() -> None:
    baseline = np.zeros((14, 10))
    baseline[4:, :5] = np.nan
    tested = np.zeros((1, 10))
    tested[0, :2] = 1.0
    found = tail_of(SIGNALS.load("refusal"), held(scored("refusal", baseline, tested)), 1.0, 1.0)
    assert found.p_value == pytest.approx(2 * betabinom_tail(2, 10, 0.5, 90.5))


@pytest.mark.parametrize("name", ["string", "embedding", "length", "spread", "quality"])
@pytest.mark.parametrize(("off_nights", "guarded"), [(0, True), (3, True), (4, False), (9, False)])
def test_a_suite_that_hardly_moves_needs_prompts_off_their_usual_answer(
    name: str, off_nights: int, guarded: bool
) -> None:
    rng = np.random.default_rng(1)
    baseline = 0.3 + 0.001 * rng.random((14, 20))
    tested = np.full((1, 20), 0.5)
    baseline_off, tested_off = np.zeros((14, 20)), np.zeros((1, 20))
    # A fifth of the prompts is off on the average night at 4 of 20.
    baseline_off[:, :off_nights] = 1
    tested_off[0, : off_nights + 1] = 1
    scores = scored(name, baseline, tested, off=(baseline_off, tested_off))
    p = tail_of(scores.signal, held(scores), 1.0, 1.0).p_value
    if guarded:
        d = 14 * off_nights
        assert p == pytest.approx(betabinom_tail(off_nights + 1, 20, d + 0.5, 280 - d + 0.5))
    else:
        assert p < 1e-6


def test_prompts_without_a_sample_tonight_are_left_out_of_the_baseline_too() -> None:
    rng = np.random.default_rng(2)
    baseline, tested = rng.normal(size=(14, 8)) + np.arange(8), rng.normal(size=(1, 8)) + np.arange(8)
    missing = tested.copy()
    missing[0, 5:] = np.nan
    (stray,) = held(scored("length", baseline, missing))
    (other,) = held(scored("length", baseline[:, :5], tested[:, :5]))
    assert stray.statistic is not None
    assert other.statistic is not None
    assert stray.statistic.baseline == pytest.approx(other.statistic.baseline)
    assert stray.statistic.tested == pytest.approx(other.statistic.tested)
    assert stray.statistic.sd == pytest.approx(other.statistic.sd)
    assert strays(scored("length", baseline, np.full((1, 8), np.nan)))(0) is None


@given(st.floats(0.05, 1.0), st.floats(1.0, 5.0))
def test_t_is_the_shift_over_its_standard_deviation(share: float, widened: float) -> None:
    rng = np.random.default_rng(3)
    baseline, tested = rng.normal(size=(14, 8)), rng.normal(size=(2, 8)) + 0.4
    found = held(scored("length", baseline, tested))
    floors = [stray.statistic for stray in found]
    (one, two) = [floor for floor in floors if floor is not None]
    shift = (one.tested[0] + two.tested[0]) / 2 - float(np.mean(one.baseline))
    t = shift / (widened * one.sd * np.sqrt(share + 1 / 14))
    tail = tail_of(SIGNALS.load("length"), found, share, widened)
    assert tail.shift == pytest.approx(shift)
    assert tail.p_value == pytest.approx(min(1.0, 2 * scipy.stats.t.sf(abs(t), 13)))


def test_the_smallest_visible_shift_is_seen_four_times_in_five() -> None:
    rng = np.random.default_rng(4)
    level, seen, runs = 0.15 / 7, 0, 400
    for _ in range(runs):
        baseline = rng.normal(size=(29, 20))
        (stray,) = held(scored("length", baseline, baseline[:1]))
        visible = smallest_visible(SIGNALS.load("length"), stray, 1.0, 1.0, level)
        assert visible is not None
        tonight = rng.normal(size=(1, 20)) + visible
        (strayed,) = held(scored("length", baseline, tonight))
        seen += tail_of(SIGNALS.load("length"), [strayed], 1.0, 1.0).p_value <= level
    assert 0.72 <= seen / runs <= 0.88


# --- which prompts moved ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["length", "string", "refusal", "format"])
def test_the_prompts_that_moved_are_named_in_any_order(name: str) -> None:
    rng = np.random.default_rng(5)
    rates = name in ("refusal", "format")
    baseline = rng.binomial(3, 0.1, (14, 12)) / 3 if rates else rng.normal(size=(14, 12)) + 5
    tested = np.tile(baseline.mean(axis=0), (2, 1))
    if rates:
        tested = np.zeros((2, 12))
    tested[:, 3] = 1.0 if rates else 12.0
    scores = scored(name, baseline, tested)
    assert set(moved_cases(scores, [0, 1], 0.75)) == {"c03"}
    assert all(0.0 <= p <= 1.0 for p in case_p_values(scores, [0, 1], 0.75).values())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_on_a_quiet_night_hardly_a_prompt_is_named(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = scored("length", rng.normal(size=(14, 20)), rng.normal(size=(1, 20)))
    assert len(moved_cases(scores, [0], 1.0)) <= 3


def test_a_prompt_that_was_not_measured_has_no_p_value() -> None:
    baseline, tested = np.random.default_rng(6).normal(size=(14, 3)), np.array([[0.1, np.nan, 0.2]])
    assert set(case_p_values(scored("length", baseline, tested), [0], 1.0)) == {"c00", "c02"}
    rates = np.tile([0.0, 1 / 3, 0.0], (14, 1))
    assert set(case_p_values(scored("refusal", rates, tested.clip(0, 1)), [0], 1.0)) == {"c00", "c02"}


@given(st.integers(0, 2**32 - 1), st.sampled_from(["length", "format", "quality", "string"]))
@settings(max_examples=20, deadline=None)
def test_the_weakest_without_a_case_is_the_largest_of_the_suites_without_one(seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    baseline, tested = rng.integers(0, 4, size=(14, 6)) / 3, rng.integers(0, 4, size=(2, 6)) / 3
    signal = SIGNALS.load(name)
    found = weakest_without_one(signal, held(scored(name, baseline, tested)), 0.75, 1.0)
    kept = [np.arange(6) != case for case in range(6)]
    each = [tail_of(signal, held(scored(name, baseline[:, k], tested[:, k])), 0.75, 1.0) for k in kept]
    assert found is not None
    assert found.p_value == pytest.approx(max(tail.p_value for tail in each))


def test_a_single_case_cannot_be_left_out() -> None:
    only = held(scored("length", np.arange(14.0)[:, None], np.full((2, 1), 99.0)))
    assert weakest_without_one(SIGNALS.load("length"), only, 0.75, 1.0) is None


@pytest.mark.parametrize("name", ["length", "format", "quality", "string", "refusal", "embedding"])
def test_of_a_large_suite_the_weakest_is_found_among_those_that_pull_most(name: str) -> None:
    rng = np.random.default_rng(7)
    prompts, count = 3 * MOST_LEFT_OUT, 9
    scale = 10.0 ** rng.uniform(-2, 0.5, size=prompts) if name in ("length", "string", "embedding") else 1.0
    baseline = np.abs(rng.normal(0.5, 0.2, size=(count, prompts)) * scale)
    tested = np.abs(rng.normal(0.5, 0.2, size=(2, prompts)) * scale)
    tested[:, :4] *= np.array([[3.0], [2.5]])
    if name in ("format", "quality", "refusal"):
        baseline, tested = np.round(3 * baseline.clip(0, 1)) / 3, np.round(3 * tested.clip(0, 1)) / 3
    found = weakest_without_one(SIGNALS.load(name), held(scored(name, baseline, tested)), 0.75, 1.0)
    kept = [np.arange(prompts) != case for case in range(prompts)]
    each = [
        tail_of(SIGNALS.load(name), held(scored(name, baseline[:, k], tested[:, k])), 0.75, 1.0) for k in kept
    ]
    assert found is not None
    assert found.p_value == pytest.approx(max(tail.p_value for tail in each))


def test_a_suite_of_thousands_of_prompts_that_drifted_is_decided_in_seconds() -> None:
    rng = np.random.default_rng(8)
    scores = scored("string", rng.uniform(0.1, 0.2, size=(14, 5_000)), rng.uniform(0.2, 0.3, size=(2, 5_000)))
    started = time.process_time()
    assert weakest_without_one(scores.signal, held(scores), 0.75, 1.0) is not None
    assert len(moved_cases(scores, [0, 1], 0.75)) > 1_000
    assert time.process_time() - started < 10.0
