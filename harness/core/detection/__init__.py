"""From signals to findings. What decides is loaded by name: its statistics take a while to import."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from harness.core.detection.question import NightDecision, Question
from harness.core.measures import Comparison
from harness.core.policy import Policy
from harness.core.signals import Signal
from harness.registry import Registry

Detector: TypeAlias = Callable[[Iterable[Signal], Comparison, Question, Policy], NightDecision]

DETECTORS: Registry[Detector] = Registry(
    kind="detector",
    group="harness.detectors",
    table={"canary": "harness.core.detection.canary:decide_night"},
)
