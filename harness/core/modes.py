"""What a suite is decided by, loaded by name: the statistics of one kind are no business of the other."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from harness.core.plan import Round
from harness.core.policy import Policy
from harness.core.rounds import NextRound
from harness.core.run import RunRecord, RunTarget
from harness.core.suite import Suite
from harness.core.verdict import TargetVerdict, Verdict
from harness.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How a kind of suite is decided."""

    decide: Callable[[RunRecord, RunTarget, Policy], TargetVerdict]
    """One target of a run, under a policy."""
    next_round: Callable[[RunRecord, Verdict, Sequence[RunTarget], AbstractSet[Round]], NextRound | None]
    """What to ask of some targets after the rounds that were asked; None where the verdict stands."""


MODES: Registry[Mode] = Registry(
    kind="mode",
    group="harness.modes",
    table={
        "canary": "harness.core.canary_mode:CANARY",
        "golden": "harness.core.golden.mode:GOLDEN",
        "upgrade": "harness.core.upgrade.mode:UPGRADE",
    },
)


def mode_of(suite: Suite) -> Mode:
    """Return how a suite is decided."""
    return MODES.load("upgrade" if suite.combined else "golden" if suite.golden else "canary")
