"""Answers from the built-in simulator: no network, no key, no cost, the same on every machine."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from harness.core.canonical import canonical_json
from harness.core.plan import Request
from harness.core.replies import (
    MOST_LOGPROB_POSITIONS,
    MOST_LOGPROB_TOKENS,
    Answer,
    Failure,
    FailureKind,
    kept_logprobs,
)
from harness.core.suite import Price, Target
from harness.edges.providers import Surroundings
from harness.errors import UsageError
from harness.ports import ProviderTraits
from harness.simulator.answers import AnswerBook, builtin_answers
from harness.simulator.faults import NEVER_ANSWERS, failure, spoilt
from harness.simulator.model import SimulatedModel
from harness.simulator.spec import MODELS, SIMULATOR_VERSION, Fault, model_spec


class SimulatedProvider:
    """Answers `simulated/NAME` targets as they answer on `night`, for the run called `run`.

    What is answered depends on the night and the request's key; the run only makes response ids. Which
    attempt of a call this is, faults count per provider.
    """

    def __init__(
        self, *, night: date, run: str, targets: Sequence[Target] = (), answers: AnswerBook | None = None
    ) -> None:
        self._night = night
        self._targets = targets
        self._run = run
        self._answers = answers
        self._attempts: Counter[str] = Counter()
        self._models: dict[str, SimulatedModel] = {}

    @classmethod
    def build(cls, targets: Sequence[Target], surroundings: Surroundings) -> "SimulatedProvider":
        """Make the provider of `targets`."""
        return cls(night=surroundings.night, run=surroundings.run, targets=targets)

    @property
    def traits(self) -> ProviderTraits:
        """Describe the provider: a new version may answer otherwise."""
        return ProviderTraits(name="simulated", version=SIMULATOR_VERSION, costs=False)

    def check(self) -> None:
        """Check the targets. Raises UsageError for a model, an option or a value that does not exist."""
        for target in self._targets:
            self._model_of(target)

    async def prepare(self) -> None:
        """Check the targets and read the answer data. Raises UsageError."""
        self.check()
        if self._answers is None:
            builtin_answers()

    def price(self, target: Target) -> Price | None:
        """Return the price of a target: what it says itself, else nothing."""
        return target.price or Price(input_usd_per_million=0, output_usd_per_million=0)

    async def complete(self, request: Request, *, deadline_s: float) -> Answer | Failure:
        """Answer once. Latency is reported, and waited for only where the target's options say `sleep`."""
        try:
            model = self._model_of(request.target)
        except UsageError as error:
            known = _name(request.target) in MODELS
            return Failure(
                kind=FailureKind.BAD_REQUEST if known else FailureKind.UNKNOWN_MODEL, detail=str(error)
            )
        fault = self._fault(model, request.key)
        if fault is not None and (failed := failure(fault)) is not None:
            if fault.kind in NEVER_ANSWERS:
                await asyncio.sleep(deadline_s)
            return failed
        params = request.target.params
        top = _top_logprobs(params)
        if top is not None and not 0 <= top <= MOST_LOGPROB_TOKENS:
            detail = f"top_logprobs is a number from 0 to {MOST_LOGPROB_TOKENS}"
            return Failure(kind=FailureKind.BAD_REQUEST, detail=detail, status=400)
        answer = model.answer(
            request.messages,
            request.tools,
            night=self._night,
            call=request.key,
            run=self._run,
            max_tokens=_number(params, "max_completion_tokens", "max_tokens"),
            top_logprobs=top,
            logprob_positions=MOST_LOGPROB_POSITIONS,
        )
        if answer.logprobs:
            answer = answer.model_copy(update={"logprobs": kept_logprobs(answer.logprobs)})
        if model.spec.sleep and answer.latency_ms is not None:
            await asyncio.sleep(min(answer.latency_ms / 1000, deadline_s))
            if answer.latency_ms > deadline_s * 1000:
                return Failure(kind=FailureKind.TIMEOUT, detail="simulated: slower than the deadline")
        return answer if fault is None else spoilt(answer, fault)

    async def aclose(self) -> None:
        """Nothing is held."""

    def _fault(self, model: SimulatedModel, key: str) -> Fault | None:
        if not model.spec.faults:
            return None
        self._attempts[key] += 1
        return model.fault(night=self._night, call=key, attempt=self._attempts[key])

    def _model_of(self, target: Target) -> SimulatedModel:
        key = f"{target.model}\n{canonical_json(target.options)}"
        found = self._models.get(key)
        if found is None:
            found = SimulatedModel(model_spec(_name(target), target.options), self._answers)
            self._models[key] = found
        return found


def _name(target: Target) -> str:
    return target.model.partition("/")[2]


def _number(params: Mapping[str, object], *names: str) -> int | None:
    return next((value for name in names if isinstance(value := params.get(name), int)), None)


def _top_logprobs(params: Mapping[str, object]) -> int | None:
    """Return how many alternatives the parameters ask for, or None where they want no log-probabilities."""
    if not params.get("logprobs"):
        return None
    return _number(params, "top_logprobs") or 0
