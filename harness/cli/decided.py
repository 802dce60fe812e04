"""Runs that were made, decided again from what their folders hold."""

from harness.core.decision import decide
from harness.core.policy import Policy
from harness.flows.baseline_change import Decided
from harness.ports import RunStore


def decided(runs: RunStore, run: str, policy: Policy | None = None) -> Decided:
    """Load a run and decide it, under its own policy or another. Raises DamagedRecord."""
    record = runs.load(run)
    return Decided(record=record, verdict=decide(record, policy))
