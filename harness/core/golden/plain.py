"""What the plain rules make of a golden suite. Pure."""

from collections.abc import Mapping, Sequence

from harness.core.detection.golden_rules import plain_rules
from harness.core.detection.golden_runs import TaskRuns
from harness.core.golden.numbers import TaskNumbers
from harness.core.golden_records import PlainRule, Ratio
from harness.core.plain_rules import ANY_FAILURE, plain_rule
from harness.core.policy import Gates


def plain_golden_rules(
    tasks: Sequence[TaskRuns], numbers: Mapping[str, TaskNumbers], gates: Gates
) -> tuple[PlainRule, ...]:
    """Return what the plain rules make of a golden suite's first runs."""
    failing = plain_rules(tasks).any_run
    slow = [case for case, one in numbers.items() if _over(one.latency, gates.latency_ratio)]
    wordy = [case for case, one in numbers.items() if _over(one.tokens, gates.tokens_ratio)]
    fallen = [
        case
        for case, one in numbers.items()
        if one.judge is not None and one.judge.reference - one.judge.candidate > gates.judge_drop_points
    ]
    return (
        plain_rule(ANY_FAILURE, failing, "passed in most accepted runs and failed now"),
        plain_rule(f"latency over {gates.latency_ratio:g}x", slow, "over it by the median"),
        plain_rule(f"tokens over {gates.tokens_ratio:g}x", wordy, "over it by the median"),
        plain_rule(f"judge down over {gates.judge_drop_points:g} points", fallen, "down by more"),
    )


def _over(ratio: Ratio | None, limit: float) -> bool:
    return ratio is not None and ratio.candidate > limit * ratio.reference
