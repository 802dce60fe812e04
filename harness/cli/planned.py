"""What a run would ask and may cost, before it starts."""

from dataclasses import dataclass

from harness.core.canonical import canonical_json
from harness.core.plan import Estimate
from harness.core.shard import shard_cases
from harness.flows.prepare import RunOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOnly:
    """What a run would do."""

    order: RunOrder
    estimate: Estimate
    cap_usd: float

    @property
    def within_cap(self) -> bool:
        """Say whether the run would start."""
        return self.estimate.expected_usd <= self.cap_usd


def plan_line(order: RunOrder, estimate: Estimate) -> str:
    """Say in one line what is about to be asked."""
    cases, targets = len(shard_cases(order.suite.cases, order.shard)), len(order.targets)
    plural = "s" if targets != 1 else ""
    special = sum(case.samples not in (None, order.samples) for case in order.suite.cases)
    own = f" ({special} cases have their own number)" if special else ""
    why = "run again what fails" if order.suite.golden else "confirm"
    again = f", up to {estimate.confirm_calls} to {why}" if estimate.confirm_calls else ""
    again += f", up to {estimate.judge_calls} to the judge" if estimate.judge_calls else ""
    part = f"shard {order.shard.name}: " if order.shard is not None else ""
    return (
        f"plan   {part}{cases} cases x {targets} target{plural} x {order.samples} samples{own}: "
        f"{estimate.calls} calls{again}   {_money(order, estimate)}"
    )


def plan_text(plan: PlanOnly) -> str:
    """Say what a run would cost, and whether it would start."""
    estimate = plan.estimate
    if not estimate.worst_usd:
        return f"nothing was asked: {estimate.calls} calls, free"
    confirmed = f", ${estimate.expected_usd:.4f} with a confirmation" if estimate.confirm_calls else ""
    said = (
        f"nothing was asked: {estimate.calls} calls, ${estimate.first_usd:.4f} expected{confirmed}, "
        f"${estimate.worst_usd:.4f} at most{_guess(estimate)}"
    )
    return said if plan.within_cap else f"{said}\nover the cap of ${plan.cap_usd:g}: this run would not start"


def plan_json(plan: PlanOnly) -> str:
    """Say the same to a program."""
    estimate = plan.estimate
    return canonical_json(
        {
            "calls": estimate.calls,
            "confirm_calls": estimate.confirm_calls,
            "judge_calls": estimate.judge_calls,
            "guessed_calls": estimate.guessed_calls,
            "expected_usd": estimate.first_usd,
            "with_confirmation_usd": estimate.expected_usd,
            "worst_usd": estimate.worst_usd,
            "cap_usd": plan.cap_usd,
            "within_cap": plan.within_cap,
        }
    )


def _money(order: RunOrder, estimate: Estimate) -> str:
    if not estimate.worst_usd:
        return "free"
    cap = order.policy.limits.max_cost_usd
    return f"about ${estimate.first_usd:.2f}, cap ${cap:.2f}{_guess(estimate)}"


def _guess(estimate: Estimate) -> str:
    """Say how much of an estimate rests on nothing: the length of replies that no baseline holds."""
    if not estimate.guessed_calls:
        return ""
    which = "" if estimate.guessed_calls == estimate.calls else f" of {estimate.guessed_calls} calls"
    return f" (no baseline yet: the length of the replies{which} is a guess)"
