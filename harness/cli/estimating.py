"""What a run may cost: of the whole, which the cap is for, and of the shard that is asked here."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.core.plan import NOTHING_ASKED, Estimate, FurtherRounds, Request
from harness.flows.budget import Ledger
from harness.flows.judging import with_judge
from harness.flows.prepare import RunOrder, plan_order, plan_shard, prices
from harness.ports import Provider

_NO_MORE = FurtherRounds(most=0.0, expected=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A plan with its price."""

    requests: tuple[Request, ...]
    """Of the first round, as far as it is asked here."""
    estimate: Estimate
    """Of what is asked here."""
    whole: Estimate
    """Of all shards together, and of what follows them."""
    ledger: Ledger
    """Holds the run to its cap; a shard to its share of the calls."""
    _cap: Ledger

    def check(self) -> None:
        """Refuse a plan that is over the cap: whole, or n shards would spend the cap n times. Raises BudgetError."""
        self._cap.check(self.whole)


def price_order(
    order: RunOrder,
    providers: Mapping[str, Provider],
    usual: Mapping[str, Mapping[str, float]],
    *,
    asks: bool,
) -> Priced:
    """Estimate what an order costs; where it `asks` nothing, nothing."""
    cap_usd = order.policy.limits.max_cost_usd
    known = prices(order.asked, providers)
    cap = Ledger(known, cap_usd)
    requests = plan_shard(order).requests
    if not asks:
        return Priced(requests=requests, estimate=NOTHING_ASKED, whole=NOTHING_ASKED, ledger=cap, _cap=cap)
    everything = requests if order.shard is None else plan_order(order).requests
    whole = cap.estimate(everything, usual, further=order.further)
    if order.judge is not None:
        tasks = len(order.targets) * sum(case.rubric is not None for case in order.suite.cases)
        whole = with_judge(whole, order.judge, known[order.judge.name], tasks=tasks, samples=order.samples)
    if order.shard is None:
        return Priced(requests=requests, estimate=whole, whole=whole, ledger=cap, _cap=cap)
    own = cap.estimate(requests, usual, further=_NO_MORE)
    ledger = Ledger(known, cap_usd * own.calls / max(1, whole.calls))
    return Priced(requests=requests, estimate=own, whole=whole, ledger=ledger, _cap=cap)
