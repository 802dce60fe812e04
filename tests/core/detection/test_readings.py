"""Test the values that are drawn: one a night, and none where nothing was measured."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.detection.readings import sample_values, side_values
from harness.core.measures import Comparison
from harness.core.signals import SIGNALS, Signal, all_signals
from tests.support.cases import make_measures, make_sides, noisy_sides


def night_values(signal: Signal, comparison: Comparison) -> tuple[float, ...]:
    return sample_values(signal, comparison).nights()


REFUSAL, STRING, HASH = (SIGNALS.load(name) for name in ("refusal", "string", "hash"))


def refusals(*sides: tuple[list[float | None], list[float | None]]) -> Comparison:
    return make_sides(
        {
            f"case-{n}": tuple([make_measures(refused=value) for value in side] for side in pair)  # type: ignore[misc]
            for n, pair in enumerate(sides)
        }
    )


def test_every_case_has_the_same_weight_however_many_samples_it_has() -> None:
    values = side_values(REFUSAL, refusals(([0, 0, 0], [1] * 9), ([1, 1, 1], [0])))
    assert (values.reference, values.candidate) == (0.5, 0.5)
    assert (values.n_reference, values.n_candidate) == (6, 10)


def test_what_was_not_measured_has_no_value_and_no_count() -> None:
    values = side_values(REFUSAL, refusals(([None, 0, 1], [None, None])))
    assert (values.reference, values.candidate) == (0.5, None)
    assert (values.n_reference, values.n_candidate) == (2, 0)
    nothing = side_values(REFUSAL, refusals())
    assert (nothing.reference, nothing.candidate, nothing.n_reference) == (None, None, 0)


def test_there_is_one_value_a_night_oldest_first() -> None:
    comparison = refusals(([0, 0, 0, 1, 1, 1, 0, 1, None], [0]))
    assert night_values(REFUSAL, comparison) == (0.0, 1.0, 0.5)
    (measured,) = comparison.cases
    turned = replace(comparison, cases=(replace(measured, reference=measured.reference[::-1]),))
    assert night_values(REFUSAL, turned) == (0.0, 1.0, 0.5)


def test_a_night_without_a_measured_sample_is_left_out() -> None:
    assert night_values(REFUSAL, refusals(([0, 0, 0, None, None, None, 1, 1, 1], [0]))) == (0.0, 1.0)


def texts(reference: list[str], candidate: list[str]) -> Comparison:
    return make_sides({"a": ([make_measures(t) for t in reference], [make_measures(t) for t in candidate])})


def test_a_distance_is_taken_to_the_other_nights_only() -> None:
    # Within a night all are alike; were a night compared with itself, its distance would shrink.
    nights = [*["aaaa"] * 3, *["bbbb"] * 3, *["aaaa"] * 3]
    assert night_values(STRING, texts(nights, ["aaaa"])) == (0.5, 1.0, 0.5)
    assert side_values(STRING, texts(nights, ["aaaa"])).candidate == pytest.approx(1 / 3)


def test_a_baseline_of_one_night_has_no_noise_to_draw() -> None:
    comparison = texts(["aaaa"] * 3, ["aaab"])
    assert night_values(STRING, comparison) == ()
    values = side_values(STRING, comparison)
    assert (values.reference, values.candidate, values.n_reference) == (None, pytest.approx(0.25), 0)


def test_a_constant_prompt_lies_at_distance_0() -> None:
    comparison = texts(["same"] * 9, ["same"] * 3)
    for signal in (STRING, HASH, SIGNALS.load("embedding")):
        assert night_values(signal, comparison) == (0.0, 0.0, 0.0)
        assert side_values(signal, comparison).candidate == pytest.approx(0.0, abs=1e-6)


def test_a_text_without_a_vector_is_not_drawn() -> None:
    comparison = replace(texts(["a", "b", "c", "d"], ["e"]), vectors={})
    assert night_values(SIGNALS.load("embedding"), comparison) == ()
    assert side_values(SIGNALS.load("embedding"), comparison).candidate is None


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.permutations(range(4)))
def test_the_order_of_cases_and_samples_does_not_matter(seed: int, order: list[int]) -> None:
    comparison = noisy_sides(seed, cases=4, reference=9)
    turned = replace(
        comparison,
        cases=tuple(
            replace(comparison.cases[n], candidate=comparison.cases[n].candidate[::-1]) for n in order
        ),
    )
    for signal in all_signals():
        one, other = side_values(signal, comparison), side_values(signal, turned)
        assert one.candidate == pytest.approx(other.candidate)
        assert one.reference == pytest.approx(other.reference)
        assert np.allclose(night_values(signal, comparison), night_values(signal, turned), atol=1e-6)


def test_the_further_tonight_strays_the_larger_the_distance() -> None:
    strays = [
        side_values(STRING, texts(["aaaaaaaa"] * 6, ["aaaaaaaa"[:k] + "b" * (8 - k)] * 3)).candidate
        for k in (8, 6, 3, 0)
    ]
    assert strays == pytest.approx([0, 0.25, 0.625, 1.0])
