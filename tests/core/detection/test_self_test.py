"""Test the suite against itself: right on streams whose false alarms can be counted, and never sure of what it cannot know."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.detection.held_out import HeldOut, hold_out
from harness.core.detection.occasions import Asked, Occasion
from harness.core.detection.question import Question
from harness.core.detection.rule import levels_of, rule_on
from harness.core.detection.scores import SignalScores
from harness.core.detection.self_test import FEWEST_TO_HOLD_OUT, About, estimate, self_test
from harness.core.detection.stray import strays
from harness.core.measures import Comparison, MeasuredSample
from harness.core.policy import Policy
from harness.core.self_test import SelfTest, rules_of
from harness.core.signals import SIGNALS, all_signals
from harness.core.signals.signal import Floats
from tests.support.cases import make_measures, make_sides, noisy_sides
from tests.support.self_tests import scores_of, stream

POLICY, NIGHTS, STREAMS = Policy(), 14, 16


def about(nights: int = NIGHTS, policy: Policy = POLICY) -> About:
    return About(samples="5f" * 32, floor_nights=nights, policy=policy)


def held(values: Floats, name: str = "length", usual: float | None = None) -> HeldOut:
    names = [f"{night:03d}" for night in range(len(values))]

    def score(floor: Sequence[str], out: Sequence[str]) -> SignalScores:
        return scores_of(values, [*map(int, floor)], [*map(int, out)], name, usual)

    found = hold_out(names, POLICY.window_nights, len(values), score)
    assert found is not None
    return found


def itself(values: Floats, seed: int = 1, policy: Policy = POLICY) -> SelfTest:
    found = {SIGNALS.load("length"): held(values)}
    asked = about(len(values), policy)
    return estimate(found, asked, len(values), values.shape[1], np.random.default_rng(seed))


def alarms(values: Floats, baseline: int) -> int:
    """Count the nights after the baseline on which the real rule, with its window, says drift."""
    scores = scores_of(values, range(baseline), range(baseline, len(values)))
    hold = strays(scores)
    strayed = [hold(row) for row in range(len(values) - baseline)]
    window = POLICY.window_nights
    occasions = [Occasion.TONIGHT] + [Occasion.EARLIER] * (window - 1)
    question = Question(
        asked=tuple(Asked(batch=str(n), occasion=o, samples={}) for n, o in enumerate(occasions))
    )
    levels = levels_of(POLICY, families=7, share=1.0)
    count = 0
    for night in range(window - 1, len(strayed)):
        back = dict(enumerate(strayed[night - window + 1 : night + 1][::-1]))
        ruling = rule_on(scores.signal, back, question, levels)
        count += ruling is not None and ruling.drift
    return count


def samples_by_night(comparison: Comparison, keep: int) -> Comparison:
    """Keep the first nights."""
    nights = sorted({s.batch for m in comparison.cases for s in m.reference})[:keep]
    return replace(
        comparison,
        cases=tuple(
            replace(m, reference=tuple(s for s in m.reference if s.batch in nights), candidate=())
            for m in comparison.cases
        ),
    )


def run(comparison: Comparison, seed: int = 1, policy: Policy = POLICY) -> SelfTest | None:
    return self_test(all_signals(), comparison, about(policy=policy), np.random.default_rng(seed))


# --- against the rule itself --------------------------------------------------------------------------


def test_nights_that_resemble_their_neighbours_raise_the_estimate_as_they_raise_the_false_alarms() -> None:
    found: dict[float, list[float]] = {}
    for lasts in (1.0, 5.0):
        streams = [
            stream(np.random.default_rng(seed), NIGHTS + 44, lasts=lasts, share=1.5)
            for seed in range(STREAMS)
        ]
        real = sum(alarms(values, NIGHTS) for values in streams) / (40 * STREAMS)
        estimates = [itself(values[:NIGHTS]).false_a_year.value for values in streams]
        found[lasts] = [real, float(np.mean(estimates))]
    assert found[5.0][0] > 5 * found[1.0][0]
    assert found[5.0][1] > 2 * found[1.0][1]


@pytest.mark.parametrize("lasts", [1.0, 5.0])
def test_the_interval_covers_what_the_mean_of_many_baselines_says(lasts: float) -> None:
    estimates = [
        itself(stream(np.random.default_rng(seed), NIGHTS, lasts=lasts, share=1.5)).false_a_year
        for seed in range(20)
    ]
    mean = float(np.mean([one.value for one in estimates]))
    assert np.mean([one.low <= mean <= one.high for one in estimates]) >= 0.8


def test_a_slow_trend_in_the_baseline_raises_the_estimate() -> None:
    still, trending = [], []
    for seed in range(STREAMS):
        values = stream(np.random.default_rng(seed), NIGHTS, share=0.0)
        still.append(itself(values).false_a_year.value)
        trending.append(itself(values + np.linspace(0.0, 1.5, NIGHTS)[:, None]).false_a_year.value)
    assert np.mean(trending) > 2 * np.mean(still)


def test_weekdays_cost_the_window_little_and_are_not_blamed() -> None:
    """Five nights in a row average most of a week, in the rule as in the estimate."""
    plain, weekly, real = [], [], 0
    for seed in range(STREAMS):
        rng = np.random.default_rng(seed)
        values = stream(rng, NIGHTS + 44, share=0.0)
        by_day = values + 0.5 * rng.normal(size=7)[np.arange(len(values)) % 7][:, None]
        real += alarms(by_day, NIGHTS)
        plain.append(itself(values[:NIGHTS]).false_a_year.value)
        weekly.append(itself(by_day[:NIGHTS]).false_a_year.value)
    assert real / (40 * STREAMS) < 0.01
    assert np.mean(weekly) < 2 * np.mean(plain)


def test_exchangeable_nights_are_no_worse_however_much_they_differ() -> None:
    wild = [itself(stream(np.random.default_rng(seed), NIGHTS, share=2.0)) for seed in range(STREAMS)]
    calm = [itself(stream(np.random.default_rng(seed), NIGHTS, share=0.0)) for seed in range(STREAMS)]
    assert np.mean([t.false_a_year.value for t in wild]) < 2 * np.mean([t.false_a_year.value for t in calm])


def test_more_nights_narrow_the_limits() -> None:
    few, many = (itself(stream(np.random.default_rng(3), nights)).signals[0].lasting for nights in (14, 60))
    assert many.high - many.low < few.high - few.low


def test_few_nights_leave_an_upper_limit_over_the_budget() -> None:
    found = run(samples_by_night(noisy_sides(1, cases=8, reference=42), FEWEST_TO_HOLD_OUT + 1))
    assert found is not None
    assert found.false_a_year.high > found.budget_a_year
    assert not found.exceeds


# --- properties ---------------------------------------------------------------------------------------


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_order_of_cases_and_samples_changes_nothing(seed: int, random: object) -> None:
    comparison = noisy_sides(seed, cases=4, reference=30)

    def shuffle(samples: tuple[MeasuredSample, ...]) -> tuple[MeasuredSample, ...]:
        mixed = list(samples)
        random.shuffle(mixed)  # type: ignore[attr-defined]
        return tuple(mixed)

    turned = replace(
        comparison, cases=tuple(replace(m, reference=shuffle(m.reference)) for m in comparison.cases[::-1])
    )
    one, other = run(comparison), run(turned)
    assert one is not None
    assert other is not None
    assert other.false_a_year.value == pytest.approx(one.false_a_year.value, abs=2e-4)
    assert other.screened == one.screened


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10_000), st.integers(FEWEST_TO_HOLD_OUT, 12))
def test_every_estimate_lies_within_its_limits_and_the_same_seed_gives_the_same(
    seed: int, nights: int
) -> None:
    comparison = samples_by_night(noisy_sides(seed, cases=4, reference=36), nights)
    found = run(comparison)
    assert found is not None
    assert found == run(comparison)
    assert found.nights == nights
    for one in (
        found.false_a_year,
        *(s.false_a_year for s in found.signals),
        *(s.lasting for s in found.signals),
    ):
        assert 0 <= one.low <= one.value <= one.high
    assert 0 <= found.over_budget <= 1


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 1000), st.floats(3.0, 10.0))
def test_half_a_baseline_in_another_state_never_looks_calmer(seed: int, by: float) -> None:
    values = stream(np.random.default_rng(seed), NIGHTS, share=0.0)
    shift = np.where(np.arange(NIGHTS) < 7, 0.0, by)[:, None]
    calm, torn = itself(values), itself(values + shift)
    assert torn.signals[0].lasting.value > calm.signals[0].lasting.value
    assert torn.false_a_year.value > calm.false_a_year.value


def test_too_few_nights_give_no_answer() -> None:
    comparison = noisy_sides(1, cases=4, reference=30)
    assert run(samples_by_night(comparison, FEWEST_TO_HOLD_OUT - 1)) is None
    assert run(samples_by_night(comparison, FEWEST_TO_HOLD_OUT)) is not None
    assert run(replace(comparison, cases=())) is None


def test_a_suite_that_never_varies_breaks_nothing_and_is_trusted() -> None:
    same = [make_measures("Always this.", refused=0.0, invalid=0.0, quality=1.0)] * 42
    found = run(make_sides({f"case-{n}": (same, ()) for n in range(8)}))
    assert found is not None
    assert found.within
    assert found.screened == 0
    assert {s.signal: s.visible for s in found.signals}["string"] is None


def test_a_suite_that_hardly_moves_is_judged_by_what_judges_its_nights() -> None:
    """Its floors are next to 0, so one other answer is infinitely far; the gate counts the prompts off instead."""
    values = np.zeros((NIGHTS, 12))
    values[4, 2] = 1.0
    assert np.nanmax(held(values).apart) > 1e4
    found = held(values, usual=0.0)
    assert np.nanmax(found.apart) < 30
    assert np.nanmean(found.apart) < 3
    # Log-probabilities are never the same twice, so nothing is counted there.
    assert np.nanmax(held(values, "logprob").apart) == np.nanmax(held(values, "logprob", usual=0.0).apart)


def test_exchangeable_nights_stray_as_far_as_their_floor_says() -> None:
    squares = [held(stream(np.random.default_rng(seed), NIGHTS, share=0.0)) for seed in range(20)]
    for found in ([s.apart for s in squares], [s.lasting for s in squares]):
        assert 0.6 < float(np.mean(found)) < 1.3


def test_samples_that_are_missing_leave_their_signal_out_only() -> None:
    comparison = noisy_sides(2, cases=6, reference=42)
    blind = replace(
        comparison,
        cases=tuple(
            replace(
                m,
                reference=tuple(replace(s, measures=replace(s.measures, quality=None)) for s in m.reference),
            )
            for m in comparison.cases
        ),
    )
    some = replace(
        comparison,
        cases=tuple(
            replace(m, reference=m.reference[3:] if place == 0 else m.reference)
            for place, m in enumerate(comparison.cases)
        ),
    )
    whole, without, holed = run(comparison), run(blind), run(some)
    assert whole is not None
    assert without is not None
    assert holed is not None
    assert {s.signal for s in whole.signals} - {s.signal for s in without.signals} == {"quality"}
    assert holed.nights == 14


def test_a_case_keeps_the_signals_it_does_not_gate_out_of_it() -> None:
    comparison = noisy_sides(2, cases=6, reference=42)
    only = replace(
        comparison,
        cases=tuple(
            replace(m, case=m.case.model_copy(update={"signals": ("refusal",)})) for m in comparison.cases
        ),
    )
    found = run(only)
    assert found is not None
    assert [signal.signal for signal in found.signals] == ["refusal"]


def test_the_case_that_strays_for_days_is_named() -> None:
    values = stream(np.random.default_rng(4), NIGHTS, share=0.0)
    values[:, 3] += np.where(np.arange(NIGHTS) < 7, 0.0, 6.0)
    assert held(values).by_case[0][0] == "case-03"


def test_a_stricter_level_means_fewer_false_alarms_and_a_smaller_budget() -> None:
    values = stream(np.random.default_rng(6), NIGHTS)
    usual, strict = itself(values), itself(values, policy=Policy(alpha=0.001))
    assert strict.false_a_year.value < usual.false_a_year.value
    assert strict.budget_a_year == pytest.approx(0.365)
    assert strict.rules != usual.rules == rules_of(POLICY)


def test_a_longer_stretch_of_nights_is_held_against_as_many_as_the_baseline_has() -> None:
    seen: list[tuple[int, int]] = []
    values = stream(np.random.default_rng(7), 40)

    def score(floor: Sequence[str], out: Sequence[str]) -> SignalScores:
        assert not set(floor) & set(out)
        seen.append((len(set(floor)), len(out)))
        return scores_of(values, [*map(int, floor)], [*map(int, out)])

    hold_out([f"{night:03d}" for night in range(40)], 5, 14, score)
    assert set(seen) == {(14, 1), (14, 5)}
