"""Runs that were made, decided again from what their folders hold."""

from collections.abc import Iterable, Iterator

from harness.cli.session import Session
from harness.core.decision import decide
from harness.core.policy import Policy
from harness.flows.baseline_change import Decided
from harness.ports import RunStore


def decided(runs: RunStore, run: str, policy: Policy | None = None) -> Decided:
    """Load a run and decide it, under its own policy or another. Raises DamagedRecord."""
    record = runs.load(run)
    return Decided(record=record, verdict=decide(record, policy))


def decided_by(ours: Policy, run: Decided) -> Decided:
    """Return a run as this project decides it, under whatever policy it was made."""
    if run.verdict.policy.deciding() == ours.deciding():
        return run
    return Decided(record=run.record, verdict=decide(run.record, ours))


def other_policy(run: Decided, ours: Policy) -> str:
    """Name what a run's own policy, which came with its folder, decides by other rules; empty where nothing."""
    return ", ".join(run.record.manifest.policy.differences(ours))


def note_project_policy(session: Session, run: Decided, ours: Policy) -> None:
    """Say where this project's policy decides a run by other rules than its own did."""
    if differs := other_policy(run, ours):
        session.warn(
            f"NOTE   decided by this project's drift.yaml, not by the run's own policy, which is another one: {differs}"
        )


def noting_other_policies(session: Session, nights: Iterable[Decided], ours: Policy) -> Iterator[Decided]:
    """Pass nights on, and say once of every other policy that a night ran under it."""
    said = {""}
    for night in nights:
        differs = other_policy(night, ours)
        if differs not in said:
            said.add(differs)
            session.warn(
                f"NOTE   the night of {night.verdict.night} ran under another policy than this project's drift.yaml, "
                f"which decides here: {differs}"
            )
        yield night
