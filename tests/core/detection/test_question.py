"""Test what a night is asked."""

import pytest

from harness.core.detection.question import evening_widening


@pytest.mark.parametrize(("samples", "factor"), [(1, 2.5), (3, 4.5), (12, 9.0)])
def test_one_evening_is_widened_more_the_less_its_samples_scatter(samples: int, factor: float) -> None:
    assert evening_widening(samples) == pytest.approx(factor)
    assert evening_widening(samples + 1) > evening_widening(samples)
