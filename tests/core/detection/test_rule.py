"""Test the rule over what the signals say: levels, confirmation, window."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.detection.night import Tail, split_level
from harness.core.detection.occasions import Asked, Occasion
from harness.core.detection.question import Question
from harness.core.detection.rule import (
    LASTING,
    LEANING,
    SPREADING,
    Confirmation,
    Levels,
    Ruling,
    levels_of,
    rule_on,
)
from harness.core.detection.scores import SignalScores
from harness.core.detection.stray import Counted, Stray, strays
from harness.core.policy import Policy
from harness.core.signals import SIGNALS, all_signals
from harness.core.stats.floor import NightStatistic
from harness.core.stats.tails import student_tail

LEVELS = levels_of(Policy(), families=7, share=1.0)
P = st.floats(1e-12, 1.0)


def tail(p: float, shift: float = 1.0, *, first_seen: bool = False) -> Tail:
    return Tail(p_value=p, shift=shift, first_seen=first_seen)


def ruling(tonight: Tail, **fields: object) -> Ruling:
    known: dict[str, object] = {
        "levels": LEVELS,
        "confirmed": None,
        "awaited": None,
        "window": None,
        "asked_again": False,
    }
    return Ruling(tonight=tonight, **{**known, **fields})  # type: ignore[arg-type]


def test_the_levels_are_the_policys_shared_by_seven_signals() -> None:
    assert (pytest.approx(0.15 / 7), pytest.approx(0.0075 / 7)) == (LEVELS.screen, LEVELS.drift)
    assert (LEVELS.confirm, LEVELS.window) == (True, 5)


def test_signals_spend_one_level_together_however_many_may_decide() -> None:
    assert levels_of(Policy(), families=1, share=1.0).drift == Policy().alpha
    assert levels_of(Policy(), families=8, share=1.0).screen == pytest.approx(0.15 / 8)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=6))
def test_groups_of_cases_spend_one_level_together(sizes: list[float]) -> None:
    levels = [levels_of(Policy(), families=7, share=size / sum(sizes)) for size in sizes]
    assert sum(one.drift for one in levels) == pytest.approx(LEVELS.drift)


def test_the_split_of_each_level_is_the_methods() -> None:
    assert {signal.name: signal.up for signal in all_signals() if signal.decides} == {
        "string": 0.75,
        "embedding": 0.75,
        "refusal": 0.75,
        "format": 1.0,
        "quality": 1.0,
        "spread": 1.0,
        "length": 0.5,
        "logprob": 1.0,
    }


@given(st.floats(-30, 30), st.sampled_from([s.name for s in all_signals() if s.decides]))
def test_a_split_p_value_keeps_its_level(t: float, name: str) -> None:
    signal = SIGNALS.load(name)
    p = split_level(signal, student_tail(t, 13), student_tail(-t, 13))
    assert 0.0 <= p <= 1.0
    share = signal.up if t > 0 else 1 - signal.up
    if share == 0:
        assert p >= 0.5
    elif abs(t) > 3:
        assert p == pytest.approx(min(1.0, student_tail(abs(t), 13) / share))


@given(P, P, P)
def test_drift_is_screened_pooled_and_leaning_the_same_way(first: float, again: float, pooled: float) -> None:
    held = Confirmation(strayed=tail(first), again=tail(again), pooled=tail(pooled))
    expected = first <= LEVELS.screen and pooled <= LEVELS.drift and again <= LEANING
    assert held.holds(LEVELS) is expected
    other_way = Confirmation(strayed=tail(first), again=tail(again, -1.0), pooled=tail(pooled))
    assert not other_way.holds(LEVELS)


def test_a_first_event_leans_towards_worse_whatever_the_usual_ones_do() -> None:
    first = tail(1e-6, shift=-0.1, first_seen=True)
    assert first.upwards
    held = Confirmation(strayed=first, again=tail(1e-6, shift=0.2, first_seen=True), pooled=first)
    assert held.holds(LEVELS)


@given(P)
def test_a_confirmation_that_hangs_on_one_case_confirms_nothing(rest: float) -> None:
    sure = tail(1e-9)
    held = Confirmation(strayed=sure, again=sure, pooled=sure, without_one=tail(rest))
    assert held.holds(LEVELS) is (rest <= SPREADING)


@given(P)
def test_a_window_that_hangs_on_one_night_has_not_lasted(rest: float) -> None:
    found = ruling(tail(0.5), window=tail(1e-9), without_night=tail(rest))
    assert found.drift is found.lasting is (rest <= LASTING)


@given(P, P)
def test_without_confirmation_the_first_batch_has_to_reach_the_level_of_drift(
    p: float, window: float
) -> None:
    alone = Levels(screen=LEVELS.screen, drift=LEVELS.drift, confirm=False, window=5)
    found = ruling(tail(p), levels=alone, window=tail(window))
    assert found.drift is (p <= LEVELS.drift or window <= LEVELS.drift)
    assert found.lasting is (window <= LEVELS.drift < p)


@given(P, P)
def test_the_window_needs_no_screen_and_no_confirmation(tonight: float, window: float) -> None:
    found = ruling(tail(tonight), window=tail(window))
    assert found.drift is found.lasting is (window <= LEVELS.drift)
    assert found.screened is (tonight <= LEVELS.screen)


def test_only_a_batch_that_was_asked_again_in_vain_is_unanswered() -> None:
    strayed = tail(LEVELS.screen / 2)
    assert not ruling(strayed).unanswered
    assert ruling(strayed, asked_again=True).unanswered
    assert not ruling(tail(0.5), asked_again=True).unanswered


def stray(tested: float) -> Stray:
    """Make a night at `tested` before a floor of 14 nights with mean 0 and standard deviation 1."""
    nothing = Counted(baseline=7, baseline_of=14, tested=1, tested_of=1)
    floor = NightStatistic(
        baseline=np.tile([1.0, -1.0], 7), tested=np.array([tested]), sd=1.0, degrees=13.0, slope=1.0
    )
    return Stray(cases=("a",), statistic=floor, never=None, off=nothing)


@pytest.mark.parametrize(
    ("occasions", "share"),
    [
        ((Occasion.TONIGHT,), 1.0),
        ((Occasion.TONIGHT, Occasion.CONFIRM), 0.75),
        ((Occasion.TONIGHT, Occasion.AWAITED), 0.5),
        ((Occasion.TONIGHT, *[Occasion.EARLIER] * 4), 0.2),
    ],
)
def test_the_variance_of_a_mean_is_that_of_its_nights(occasions: tuple[Occasion, ...], share: float) -> None:
    asked = tuple(Asked(batch=str(n), occasion=occasion, samples={}) for n, occasion in enumerate(occasions))
    held = {row: stray(1.5) for row in range(len(asked))}
    found = rule_on(SIGNALS.load("spread"), held, Question(asked=asked), LEVELS)
    assert found is not None
    told = {
        1.0: found.tonight,
        0.75: found.confirmed.pooled if found.confirmed else None,
        0.5: found.awaited.pooled if found.awaited else None,
        0.2: found.window,
    }[share]
    assert told is not None
    assert told.p_value == pytest.approx(student_tail(1.5 / (share + 1 / 14) ** 0.5, 13))


def test_a_night_that_did_not_measure_a_signal_is_in_no_mean() -> None:
    asked = tuple(
        Asked(batch=str(n), occasion=occasion, samples={})
        for n, occasion in enumerate((Occasion.TONIGHT, *[Occasion.EARLIER] * 4))
    )
    held = {row: stray(1.5) if row != 2 else None for row in range(5)}
    found = rule_on(SIGNALS.load("length"), held, Question(asked=asked), LEVELS)
    assert found is not None
    assert found.window is None
    assert rule_on(SIGNALS.load("length"), {**held, 0: None}, Question(asked=asked), LEVELS) is None


CASES = 8


def lengths(tested: list[list[float]]) -> SignalScores:
    """Make 14 ordinary nights of some cases, and those tested."""
    baseline = np.random.default_rng(5).normal(size=(14, CASES))
    rows = np.array(tested)
    return SignalScores(
        signal=SIGNALS.load("length"),
        cases=tuple(f"c{n}" for n in range(CASES)),
        baseline=baseline,
        tested=rows,
        baseline_counts=np.full(baseline.shape, 3.0),
        tested_counts=np.full(rows.shape, 3.0),
        samples=np.full(CASES, 3.0),
        baseline_off=np.ones(baseline.shape, dtype=bool),
        tested_off=np.ones(rows.shape, dtype=bool),
    )


def ruled(tested: list[list[float]], *occasions: Occasion) -> Ruling:
    asked = tuple(Asked(batch=str(n), occasion=occasion, samples={}) for n, occasion in enumerate(occasions))
    hold = strays(lengths(tested))
    found = rule_on(
        SIGNALS.load("length"), {row: hold(row) for row in range(len(asked))}, Question(asked=asked), LEVELS
    )
    assert found is not None
    return found


ONE_CASE, ALL_CASES, USUAL = [20.0, *[0.0] * (CASES - 1)], [2.5] * CASES, [0.0] * CASES


def test_one_case_on_one_night_is_no_drift_however_far_it_moved() -> None:
    found = ruled([ONE_CASE, ONE_CASE], Occasion.TONIGHT, Occasion.CONFIRM)
    assert found.confirmed is not None
    assert found.confirmed.pooled.p_value <= LEVELS.drift
    assert found.confirmed.without_one is not None
    assert found.confirmed.without_one.p_value > SPREADING
    assert not found.drift
    assert ruled([ALL_CASES, ALL_CASES], Occasion.TONIGHT, Occasion.CONFIRM).drift


def test_one_case_that_lasts_is_drift() -> None:
    nights = [Occasion.TONIGHT, *[Occasion.EARLIER] * 4]
    assert ruled([ONE_CASE] * 3 + [USUAL] * 2, *nights).lasting
    hanging = ruled([[60.0, *USUAL[1:]]] + [USUAL] * 4, *nights)
    assert hanging.window is not None
    assert hanging.window.p_value <= LEVELS.drift
    assert not hanging.drift
