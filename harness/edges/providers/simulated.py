"""Answers from the built-in simulator: no network, no key, no cost, the same on every machine."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import date

from harness.core.canonical import canonical_json
from harness.core.plan import Request
from harness.core.replies import Answer, Failure, FailureKind
from harness.core.suite import Price, Target
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

    def __init__(self, *, night: date, run: str, answers: AnswerBook | None = None) -> None:
        self._night = night
        self._run = run
        self._answers = answers
        self._attempts: Counter[str] = Counter()
        self._models: dict[str, SimulatedModel] = {}

    @property
    def traits(self) -> ProviderTraits:
        """Describe the provider: a new version may answer otherwise."""
        return ProviderTraits(name="simulated", version=SIMULATOR_VERSION, costs=False)

    async def prepare(self) -> None:
        """Read the answer data."""
        if self._answers is None:
            builtin_answers()

    def price(self, target: Target) -> Price | None:
        """Return the price of a target: what it says itself, else nothing.

        Raises UsageError for a model, an option or a value that does not exist, before anything is asked.
        """
        self._model_of(target)
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
        answer = model.answer(
            request.messages,
            request.tools,
            night=self._night,
            call=request.key,
            run=self._run,
            max_tokens=_number(params, "max_completion_tokens", "max_tokens"),
            top_logprobs=_top_logprobs(params),
        )
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
