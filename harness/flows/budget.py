"""What a run may spend: an estimate before the first call, and a ledger while it runs."""

import asyncio
from collections.abc import Mapping, Sequence

from harness.core.conversation import turn_count
from harness.core.messages import CallsMade
from harness.core.plan import Estimate, FurtherRounds, Request, expected_tokens, output_limit
from harness.core.replies import Answer, Failure
from harness.core.run import JournalState
from harness.core.suite import Price
from harness.errors import BudgetError

MARKUP_TOKENS = 32
"""What a provider's chat template may add to a message or a tool."""


def cost(price: Price, input_tokens: float, output_tokens: float) -> float:
    """Return USD."""
    return (
        input_tokens * price.input_usd_per_million + output_tokens * price.output_usd_per_million
    ) / 1_000_000


def most_input_tokens(request: Request) -> int:
    """Bound the input tokens: byte-level tokenisers make at most one token of a byte.

    The expected number would not do: four characters a token is far too few for Chinese or for emoji.
    """
    texts = [message.content for message in request.messages]
    texts += [str(said.calls) for said in request.messages if isinstance(said, CallsMade)]
    texts += [f"{tool.name}{tool.description}{tool.parameters}" for tool in request.tools]
    return sum(len(text.encode("utf-8", "surrogatepass")) + MARKUP_TOKENS for text in texts)


class Ledger:
    """Keeps what was spent and what calls under way may still cost; amounts in USD."""

    def __init__(self, prices: Mapping[str, Price | None], cap_usd: float) -> None:
        self._prices = prices
        self._cap = cap_usd
        self.spent_usd = 0.0
        self._reserved: dict[str, float] = {}
        self._settled = asyncio.Event()

    def estimate(
        self,
        requests: Sequence[Request],
        usual_output: Mapping[str, Mapping[str, float]],
        *,
        further: FurtherRounds,
    ) -> Estimate:
        """Estimate a round and those that may follow it: a confirmation, an escalation.

        `usual_output` holds the mean output tokens by target and case. Raises BudgetError for a price that
        nobody knows.
        """
        first = worst = 0.0
        guessed = calls = 0
        for request in requests:
            price, usual = self._price(request), usual_output.get(request.target_name, {})
            tokens_in, tokens_out = expected_tokens(request, usual)
            turns = turn_count(request.case)
            calls += turns
            guessed += turns * (request.case.id not in usual)
            first += cost(price, tokens_in, tokens_out)
            worst += cost(price, tokens_in, turns * output_limit(request.target))
        return Estimate(
            calls=calls,
            confirm_calls=round(further.most * calls),
            guessed_calls=guessed,
            first_usd=first,
            expected_usd=(1 + further.expected) * first,
            worst_usd=(1 + further.most) * worst,
        )

    def check(self, estimate: Estimate) -> None:
        """Refuse a plan whose expected cost, with its confirmation, is over the cap. Raises BudgetError."""
        if estimate.expected_usd > self._cap:
            confirmation = " with the confirmation" if estimate.confirm_calls else ""
            raise BudgetError(
                f"about ${estimate.expected_usd:.2f}{confirmation}, over the cap of ${self._cap:.2f}; "
                "raise limits.max_cost_usd or --max-cost, or ask for fewer --samples"
            )

    def reserve(self, request: Request) -> bool:
        """Set aside the worst case of a call; say False where it would pass the cap."""
        worst = self._worst(request)
        if worst > 0 and self.spent_usd + sum(self._reserved.values()) + worst > self._cap:
            return False
        self._reserved[request.key] = worst
        return True

    async def reserve_in_turn(self, request: Request) -> bool:
        """Set aside the worst case of a call, waiting for calls under way: most turn out far cheaper than feared.

        Says False where the call could pass the cap though no other is under way.
        """
        while not self.reserve(request):
            if not self._reserved or self.spent_usd + self._worst(request) > self._cap:
                return False
            await self._settled.wait()
        return True

    def release(self, request: Request) -> None:
        """Give back what was set aside for a call that is not made after all."""
        self._pop(request)

    def settle(self, request: Request, completion: Answer | Failure) -> None:
        """Put the real cost in the place of the reservation; a failure keeps its worst case only if it may have run."""
        self.spent_usd += self.cost_of(request, completion, self._pop(request))

    def lose(self, request: Request) -> bool:
        """Count an attempt that may be charged for nothing, and set aside another; say False where the cap forbids it."""
        self.spent_usd += self._pop(request)
        return self.reserve(request)

    def recall(self, requests: Mapping[str, Request], state: JournalState) -> None:
        """Count what an earlier attempt at the run spent, by what its journal holds.

        The journal does not say why an attempt was repeated, nor what came of a call that was in flight:
        each counts in full.
        """
        for key, completion in state.completions.items():
            if (request := requests.get(key)) is not None:
                worst = self._worst(request)
                self.spent_usd += self.cost_of(request, completion, worst)
                self.spent_usd += max(0, completion.attempts - 1) * worst
        lost = [requests[key] for key in (*state.in_flight, *state.repeated) if key in requests]
        self.spent_usd += sum(self._worst(request) for request in lost)

    def cost_of(self, request: Request, completion: Answer | Failure, worst: float = 0.0) -> float:
        """Return what a completion cost. Never below what the provider may charge: unknown usage counts in full."""
        price = self._price(request)
        if isinstance(completion, Failure):
            return worst if completion.kind.may_be_billed else 0.0
        usage = completion.usage
        # Nobody says something in no tokens, or is asked in none: such a count is as good as none.
        says_something = bool(completion.text or completion.tool_calls or completion.refusal)
        known_in = usage.input_tokens or most_input_tokens(request)
        unknown_out = usage.output_tokens is None or (usage.output_tokens == 0 and says_something)
        known_out = output_limit(request.target) if unknown_out else usage.output_tokens or 0
        return cost(price, known_in, known_out)

    def _worst(self, request: Request) -> float:
        return cost(self._price(request), most_input_tokens(request), output_limit(request.target))

    def _pop(self, request: Request) -> float:
        worst = self._reserved.pop(request.key, 0.0)
        self._settled.set()
        self._settled = asyncio.Event()
        return worst

    def _price(self, request: Request) -> Price:
        price = self._prices.get(request.target_name)
        if price is None:
            raise BudgetError(
                f"the price of '{request.target.model}' is not known; set targets.{request.target_name}.price "
                "with input_usd_per_million and output_usd_per_million in drift.yaml"
            )
        return price
