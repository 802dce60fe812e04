"""Hold the speed benchmark to being one that runs: a bound that its largest suite does not fit would end it."""

import pytest

from bench.speed import MANY_CASES, STAGES, scale_costs
from harness.edges.files.suites import MOST_CASES
from harness.edges.stores.baseline_files import MOST_FILES


def test_the_largest_suite_measured_is_one_that_may_be_loaded_and_kept() -> None:
    assert MANY_CASES <= MOST_CASES < MOST_FILES


@pytest.mark.soak
def test_every_stage_is_measured_without_a_baseline_and_with_one() -> None:
    costs = scale_costs(9)
    assert tuple(costs) == tuple(STAGES)
    assert all(cost.cpu_s > 0 and cost.peak_kib > 0 for cost in costs.values())
