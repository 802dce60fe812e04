"""Which calls a run makes, in which order, and what they may cost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from harness.core.canonical import digest
from harness.core.conversation import EndedEarly, following, opening, turn_count
from harness.core.messages import Said
from harness.core.replies import Answer
from harness.core.suite import Case, Target, ToolSpec

CASES_A_BLOCK = 250


class Round(StrEnum):
    """Which part of a run a call belongs to, so that one is never answered from another."""

    FIRST = "first"
    CONFIRM = "confirm"
    ESCALATE = "escalate"
    BASE_PROMPT = "base_prompt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call: who is asked what, for which sample."""

    case: Case
    target_name: str
    target: Target
    round: Round
    sample: int
    turn: int
    messages: tuple[Said, ...]
    key: str
    """Addresses target, round, question, treatment, sample and turn; the same call has the same key in every run."""

    @property
    def tools(self) -> tuple[ToolSpec, ...]:
        """The functions that the model may call."""
        return self.case.tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The calls of one round, spread so that a case's samples do not follow each other."""

    requests: tuple[Request, ...]

    @property
    def digest(self) -> str:
        """Digest of the keys: equal plans ask the same of the same targets."""
        return digest([request.key for request in self.requests])


def make_plan(
    cases: Sequence[Case],
    targets: Mapping[str, Target],
    *,
    samples: int,
    round_: Round = Round.FIRST,
    further_to: int | None = None,
) -> Plan:
    """Plan `samples` replies a case (or the case's own number) from every target; see `planned_requests`."""
    requests = planned_requests(cases, targets, samples=samples, round_=round_, further_to=further_to)
    return Plan(requests=tuple(requests))


def sample_numbers(case: Case, samples: int, round_: Round, further_to: int | None) -> range:
    """Return which samples a round asks of a case: the first ones, those up to `further_to`, or that many anew."""
    asked = case.samples or samples
    match round_:
        case Round.ESCALATE:
            return range(asked, max(asked, further_to or 0))
        case Round.BASE_PROMPT:
            return range(further_to or asked)
        case _:
            return range(asked)


def next_request(request: Request, answer: Answer) -> Request | None:
    """Return the request of a conversation that follows an answer; None where it is over."""
    turn = request.turn + 1
    if turn >= turn_count(request.case):
        return None
    messages = following(request.case, request.messages, answer, request.turn)
    if isinstance(messages, EndedEarly):
        return None
    key = f"{request.key.rpartition(':')[0]}:{turn}"
    return replace(request, turn=turn, messages=messages, key=key)


def planned_requests(
    cases: Sequence[Case],
    targets: Mapping[str, Target],
    *,
    samples: int,
    round_: Round,
    further_to: int | None = None,
) -> Iterator[Request]:
    """Yield the requests of a round: sample by sample, then case by case, then target by target.

    Whatever changes during the run touches all cases and targets alike. Large suites go block by block, so
    that whoever answers need not keep every case in mind to the end. Of a conversation only its first turn is
    known before it is held: see `next_request`. `further_to` is for the rounds that `sample_numbers` names.
    """
    for start in range(0, len(cases), CASES_A_BLOCK):
        block = cases[start : start + CASES_A_BLOCK]
        identities = {
            (case.id, name): f"{case.question[:16]}:{target.treatment(case)[:16]}"
            for case in block
            for name, target in targets.items()
        }
        opened = {case.id: opening(case) for case in block}
        ranges = {case.id: sample_numbers(case, samples, round_, further_to) for case in block}
        for sample in range(max((numbers.stop for numbers in ranges.values()), default=0)):
            for case in block:
                if sample not in ranges[case.id]:
                    continue
                for name, target in targets.items():
                    yield Request(
                        case=case,
                        target_name=name,
                        target=target,
                        round=round_,
                        sample=sample,
                        turn=0,
                        messages=opened[case.id],
                        key=f"{name}:{round_}:{case.id}:{identities[case.id, name]}:{sample}:0",
                    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a plan may cost, in USD."""

    calls: int
    confirm_calls: int
    """Most further calls, to confirm what strayed; 0 where nothing is ever confirmed."""
    guessed_calls: int
    """Calls whose output nobody has seen yet, so that its size is a guess."""
    first_usd: float
    """Expected for the first round."""
    expected_usd: float
    """Expected with the confirmation."""
    worst_usd: float
    """With every call at its token limit, and the confirmation."""
    judge_calls: int = 0
    """Most questions to a judge; about half of them are asked."""


NOTHING_ASKED = Estimate(
    calls=0, confirm_calls=0, guessed_calls=0, first_usd=0.0, expected_usd=0.0, worst_usd=0.0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherRounds:
    """What may follow a first round, as multiples of its calls."""

    most: float
    expected: float
    """What a careful guess would set aside."""


def expected_tokens(request: Request, usual_output: Mapping[str, float]) -> tuple[float, float]:
    """Estimate input and output tokens of a call, or of a whole conversation that begins with it.

    Input: four characters a token, the common rule of thumb for English text. Output: the baseline's
    mean for the case, else a quarter of the token limit. Every turn sends again what was said before it.
    """
    turns = turn_count(request.case)
    output = usual_output.get(request.case.id, turns * output_limit(request.target) / 4)
    characters = float(sum(len(message.content) for message in request.messages))
    characters += sum(len(tool.description) + len(str(tool.parameters)) for tool in request.tools)
    total = sent = characters / 4 + 8
    for scripted in request.case.input.turns[1:] if request.case.input is not None else ():
        sent += len(str(scripted)) / 4 + 4 + output / turns
        total += sent
    return total, output


def output_limit(target: Target) -> int:
    """Return the most output tokens that the target's parameters allow; 4,096 where they do not say."""
    for name in ("max_completion_tokens", "max_tokens"):
        value = target.params.get(name)
        if isinstance(value, int):
            return value
    return 4096
