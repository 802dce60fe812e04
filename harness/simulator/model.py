"""A language model made of data: the same question on the same night and call key has the same answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from math import exp
from statistics import NormalDist
from typing import NamedTuple

from pydantic import TypeAdapter

from harness.core.canonical import canonical_json
from harness.core.messages import Message, Role, Said, ToolResult
from harness.core.replies import Answer, Usage
from harness.core.suite import ToolSpec
from harness.errors import UnknownName
from harness.registry import did_you_mean
from harness.simulator.answers import AnswerBook, AnswerCase, Rule, builtin_answers
from harness.simulator.chance import (
    Draws,
    draw,
    generator,
    identifier,
    logit_deviation,
    night_deviation,
    night_shares,
    sharpened,
    shifted,
    uniform,
)
from harness.simulator.improvised import improvise
from harness.simulator.judges import verdict_table
from harness.simulator.logits import TokenModel
from harness.simulator.repertoire import Form, Table, make_table
from harness.simulator.spec import DriftKind, Fault, ModelSpec, night_index
from harness.simulator.tokens import input_tokens

_NORMAL = NormalDist()
_TOOLS = TypeAdapter(tuple[ToolSpec, ...])
_USUAL_TOKENS = 40
_LATENCY_DEVIATION = 0.3
_NIGHT_NOISE_DEVIATION = 0.3
_ANSWER_FIELDS = set(Answer.model_fields)


@lru_cache(4096)
def _usage(input_tokens: int, output_tokens: int) -> Usage:
    return Usage(input_tokens=input_tokens, output_tokens=output_tokens)


class SimulatedModel:
    """Answers as `spec` says, from `answers`. Pure but for memory of what it worked out before."""

    def __init__(self, spec: ModelSpec, answers: AnswerBook | None = None) -> None:
        """Raises UsageError where a drift names a case that the answers do not have."""
        self.spec = spec
        self._answers = builtin_answers() if answers is None else answers
        self._shape = spec.shape
        self._fingerprint = _fingerprint(spec.seed, spec.profile)
        _check_cases(spec, self._answers)
        self._case = lru_cache(512)(self._answers.case_for)
        self._scene = lru_cache(512)(self._make_scene)
        self._moves = lru_cache(512)(self._make_moves)
        # Each keeps the scene that it is of: room for a plan's block of cases, which come again sample by sample.
        self._table = lru_cache(1024)(self._make_table)
        self._rate = lru_cache(1024)(self._make_rate)
        self._token_model = lru_cache(512)(self._make_token_model)

    @property
    def model_served(self) -> str:
        """What the model reports as its name when nothing about that is wrong; a silent swap keeps it."""
        return f"simulated-{self.spec.profile}"

    def answer(
        self,
        messages: Sequence[Said],
        tools: Sequence[ToolSpec] = (),
        *,
        night: date,
        call: str,
        run: str = "",
        max_tokens: int | None = None,
        top_logprobs: int | None = None,
        logprob_positions: int | None = None,
    ) -> Answer:
        """Return the answer to one call.

        `call` is the unique key of the call; `run` only makes the response id, so that an id never comes
        back. `max_tokens` cuts; `top_logprobs` asks for log-probabilities with so many alternatives each, of
        the first `logprob_positions` tokens or of all. Faults are not looked at: see `fault`.
        """
        scene = self._scene_of(messages, tools)
        moves = self._moves(night, scene.case.id)
        index = night_index(night)
        draws = draw(str(self.spec.seed), str(index), scene.case.id, call)
        another = _answers_as_another(scene.case, moves, draws)
        source = self._source(scene, moves, draws, index, another=another)
        verdict = verdict_table(self.spec, messages, moves, (str(index), call))
        table = verdict or self._table(scene, source, index, moves.form)
        said = table.said(draws.pick, max_tokens)
        served = moves.served_misrouted if draws.misrouting < moves.misrouting else None
        if served is None and draws.served < moves.served:
            served = moves.served_name or f"{self.model_served}-next"
        # Made here, so valid as it is: checking it again would cost half of the call.
        return Answer.model_construct(
            _ANSWER_FIELDS,
            text=said.text,
            tool_calls=said.tool_calls,
            finish_reason=said.finish_reason,
            usage=_usage(input_tokens(messages, tools), said.tokens),
            latency_ms=self._latency_ms(draws, said.tokens, index, moves.slow),
            model_served=served or self.model_served,
            system_fingerprint=_fingerprint(self.spec.seed, served) if served else self._fingerprint,
            response_id=f"sim-{identifier(run, self.spec.name, str(night), call)}",
            logprobs=()
            if top_logprobs is None
            else self._token_model(scene, moves, index, another).logprobs(
                said.text, call=call, top=top_logprobs, positions=logprob_positions
            ),
        )

    def fault(self, *, night: date, call: str, attempt: int = 1) -> Fault | None:
        """Return the fault that strikes an attempt of a call, or None; attempts count from 1."""
        place = (str(self.spec.seed), "fault", str(night_index(night)), call, str(attempt))
        for number, fault in enumerate(self.spec.faults):
            begun = fault.start is None or night >= date.fromisoformat(fault.start)
            cured = fault.attempts is not None and attempt > fault.attempts
            if begun and not cured and uniform(*place, str(number)) < fault.rate:
                return fault
        return None

    def _scene_of(self, messages: Sequence[Said], tools: Sequence[ToolSpec]) -> "_Scene":
        """Find the last thing that was said to the model: by the user, or by a tool."""
        question, system = "", ""
        for said in messages:
            match said:
                case ToolResult() | Message(role=Role.USER):
                    question = said.content
                case Message(role=Role.SYSTEM):
                    system = f"{system}\n{said.content}"
        written = self._case(question) is not None
        offered = (
            "" if written or not tools else canonical_json([tool.model_dump(mode="json") for tool in tools])
        )
        return self._scene(question, system, bool(tools), offered)

    def _make_scene(self, question: str, system: str, has_tools: bool, offered: str) -> "_Scene":  # noqa: FBT001
        case = self._case(question)
        if case is None:
            return _Scene(
                case=improvise(question, _TOOLS.validate_json(offered) if offered else ()),
                unmet=None,
                has_tools=has_tools,
            )
        return _Scene(case=case, unmet=self._answers.unmet_rule(case, system), has_tools=has_tools)

    def _make_moves(self, night: date, case_id: str) -> "_Moves":
        sizes: dict[DriftKind, float] = {}
        names: dict[DriftKind, str | None] = {}
        for drift in self.spec.drift:
            if drift.start is not None and night < date.fromisoformat(drift.start):
                continue
            if (drift.cases is None or case_id in drift.cases) and drift.size > sizes.get(drift.kind, 0.0):
                sizes[drift.kind], names[drift.kind] = drift.size, drift.served
        size = {kind: sizes.get(kind, 0.0) for kind in DriftKind}
        return _Moves(
            swap=size[DriftKind.SWAP],
            refusal=size[DriftKind.REFUSAL],
            format=size[DriftKind.FORMAT],
            quality=size[DriftKind.QUALITY],
            misrouting=size[DriftKind.MISROUTING],
            slow=size[DriftKind.SLOW],
            served=size[DriftKind.SERVED],
            served_name=names.get(DriftKind.SERVED),
            served_misrouted=names.get(DriftKind.MISROUTING),
            form=Form(size[DriftKind.LENGTH], size[DriftKind.BREVITY], size[DriftKind.QUANTISATION]),
        )

    def _source(self, scene: "_Scene", moves: "_Moves", draws: Draws, index: int, *, another: bool) -> str:
        """Choose the list that a call is answered from. What a drift leaves alone is answered as ever."""
        case, unmet = scene.case, scene.unmet
        if draws.refusal < moves.refusal:
            return "refusals"
        if draws.format < moves.format and case.broken:
            return "broken"
        if draws.quality < moves.quality and case.wrong:
            return "wrong"
        if unmet is not None and draws.rule < unmet.share:
            return unmet.otherwise
        if draws.decline < self._rate(scene, index):
            return "refusals"
        return "other" if another else "answers"

    def _make_rate(self, scene: "_Scene", index: int) -> float:
        """Return how often the night declines a case: half its shift is common to all cases."""
        if scene.case.tends_to_refuse == 0:
            return 0.0
        seed, case = str(self.spec.seed), scene.case.id
        common = _NORMAL.inv_cdf(uniform(seed, "night", str(index)))
        own = _NORMAL.inv_cdf(uniform(seed, "night", str(index), case))
        deviation = logit_deviation(self._shape.night_effect)
        return shifted(scene.case.tends_to_refuse, deviation * (common + own) / 2**0.5)

    def _make_table(self, scene: "_Scene", source: str, index: int, form: Form) -> Table:
        """Work out what may be said tonight, and how likely: prompts differ, nights differ, drifts bend both."""
        seed, case = str(self.spec.seed), scene.case
        wordings = case.wordings(source)
        variety = self._shape.variety * _NORMAL.inv_cdf(uniform(seed, "modal", case.id, source))
        usual = sharpened([wording.weight for wording in wordings], shifted(self._shape.modal, variety))
        rng = generator(seed, "shares", str(index), case.id, source)
        tonight = night_shares(usual, self._shape.night_effect, rng)
        return make_table(wordings, usual=usual, tonight=tonight, form=form, has_tools=scene.has_tools)

    def _latency_ms(self, draws: Draws, tokens: int, index: int, slow: float) -> float:
        night = _NORMAL.inv_cdf(uniform(str(self.spec.seed), "latency", str(index)))
        spread = exp(
            _LATENCY_DEVIATION * (_NORMAL.inv_cdf(draws.latency) + night * self._shape.night_effect**0.5)
        )
        return self._shape.latency_ms * (0.6 + 0.4 * tokens / _USUAL_TOKENS) * spread * (1 + 4 * slow)

    def _make_token_model(self, scene: "_Scene", moves: "_Moves", index: int, another: bool) -> TokenModel:  # noqa: FBT001
        """Put everything that may be said into one pool, by the shares of all nights: logits move little."""
        seed, case, unmet = str(self.spec.seed), scene.case, scene.unmet
        pool: dict[str, float] = {}
        left = 1.0
        # In the order in which `_source` chooses.
        for source, rate in (
            ("refusals", moves.refusal),
            ("broken", moves.format if case.broken else 0.0),
            ("wrong", moves.quality if case.wrong else 0.0),
            (unmet.otherwise if unmet else "", unmet.share if unmet else 0.0),
            ("refusals", case.tends_to_refuse),
            ("other" if another else "answers", 1.0),
        ):
            if left * rate > 0:
                for text, share in self._table(scene, source, index, moves.form).usual:
                    pool[text] = pool.get(text, 0.0) + left * rate * share
            left *= 1 - rate
        restless = exp(_NIGHT_NOISE_DEVIATION * _NORMAL.inv_cdf(uniform(seed, "logits", str(index))))
        noise = self._shape.logit_noise
        return TokenModel(
            pool=tuple(pool.items()),
            place=(seed, "logits", case.id, "another" if another else "itself"),
            night=str(index),
            call_deviation=noise,
            night_deviation=restless * night_deviation(noise, self._shape.night_effect),
            quantisation=moves.form.quantisation,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scene:
    """What is asked, under which system prompt."""

    case: AnswerCase
    unmet: Rule | None
    has_tools: bool


class _Moves(NamedTuple):
    """Sizes of the drifts that touch a case on a night."""

    swap: float
    refusal: float
    format: float
    quality: float
    misrouting: float
    slow: float
    served: float
    served_name: str | None
    served_misrouted: str | None
    form: Form


def _answers_as_another(case: AnswerCase, moves: _Moves, draws: Draws) -> bool:
    return bool(case.other) and (draws.swap < moves.swap or draws.misrouting < moves.misrouting)


def _check_cases(spec: ModelSpec, answers: AnswerBook) -> None:
    known = answers.case_ids
    for drift in spec.drift:
        for case in drift.cases or ():
            if case not in known and not case.startswith("unknown-"):
                raise UnknownName(
                    f"simulated/{spec.name}: the drift '{drift.kind}' names the case '{case}', which the "
                    f"answer data does not have{did_you_mean(case, known)}"
                )


def _fingerprint(seed: int, name: str) -> str:
    return f"fp_{identifier(str(seed), name)[:10]}"
