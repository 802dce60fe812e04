"""Which calls a run makes, in which order, and what they may cost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.core.canonical import digest
from harness.core.suite import Case, Message, Target, ToolSpec

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
    messages: tuple[Message, ...]
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
    cases: Sequence[Case], targets: Mapping[str, Target], *, samples: int, round_: Round = Round.FIRST
) -> Plan:
    """Plan `samples` replies a case (or the case's own number) from every target; see `planned_requests`."""
    return Plan(requests=tuple(planned_requests(cases, targets, samples=samples, round_=round_)))


def planned_requests(
    cases: Sequence[Case], targets: Mapping[str, Target], *, samples: int, round_: Round
) -> Iterator[Request]:
    """Yield the requests of a round: sample by sample, then case by case, then target by target.

    Whatever changes during the run touches all cases and targets alike. Large suites go block by block, so
    that whoever answers need not keep every case in mind to the end.
    """
    for start in range(0, len(cases), CASES_A_BLOCK):
        block = cases[start : start + CASES_A_BLOCK]
        identities = {
            (case.id, name): f"{case.question[:16]}:{target.treatment(case)[:16]}"
            for case in block
            for name, target in targets.items()
        }
        for sample in range(max(case.samples or samples for case in block)):
            for case in block:
                if sample >= (case.samples or samples):
                    continue
                for name, target in targets.items():
                    yield Request(
                        case=case,
                        target_name=name,
                        target=target,
                        round=round_,
                        sample=sample,
                        turn=0,
                        messages=case.messages,
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


def expected_tokens(request: Request, usual_output: Mapping[str, float]) -> tuple[float, float]:
    """Estimate input and output tokens of a call.

    Input: four characters a token, the common rule of thumb for English text. Output: the baseline's
    mean for the case, else a quarter of the token limit.
    """
    characters = sum(len(message.content) for message in request.messages)
    characters += sum(len(tool.description) + len(str(tool.parameters)) for tool in request.tools)
    return characters / 4 + 8, usual_output.get(request.case.id, output_limit(request.target) / 4)


def output_limit(target: Target) -> int:
    """Return the most output tokens that the target's parameters allow; 4,096 where they do not say."""
    for name in ("max_completion_tokens", "max_tokens"):
        value = target.params.get(name)
        if isinstance(value, int):
            return value
    return 4096
