"""What comes back from a model: a transcript of answers, or a failure."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import Field

from harness.core.canonical import Record, canonical_json, normalise
from harness.core.messages import Said, ToolCall


class FinishReason(StrEnum):
    """Why the model stopped."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    OTHER = "other"


class Usage(Record):
    """Tokens, as the provider counts them; None where it did not say."""

    input_tokens: Annotated[int, Field(ge=0)] | None = None
    output_tokens: Annotated[int, Field(ge=0)] | None = None


MOST_LOGPROB_POSITIONS = 4
MOST_LOGPROB_TOKENS = 20
_LOGPROB_DECIMALS = 6


class TokenLogprob(Record):
    """Natural logarithms of the probabilities at one output position."""

    token: str
    """The token that was said."""
    logprob: Annotated[float, Field(le=0)]
    top: tuple[tuple[str, Annotated[float, Field(le=0)]], ...] = ()
    """The most likely tokens, the most likely first."""


def kept_logprobs(positions: Iterable[TokenLogprob]) -> tuple[TokenLogprob, ...]:
    """Return what is kept of an answer's log-probabilities: a few positions and tokens, to 1e-6 nats.

    An answer of 500 tokens with 20 alternatives each would be a hundred times its text, in the journal and
    in git, and no position after the first can be compared.
    """
    return tuple(
        TokenLogprob(
            token=position.token,
            logprob=round(position.logprob, _LOGPROB_DECIMALS),
            top=tuple(
                (token, round(logprob, _LOGPROB_DECIMALS))
                for token, logprob in sorted(position.top, key=lambda pair: (-pair[1], pair[0]))
            )[:MOST_LOGPROB_TOKENS],
        )
        for position in tuple(positions)[:MOST_LOGPROB_POSITIONS]
    )


class Answer(Record):
    """One answer of a model. `text` is what it said, and empty is a value."""

    type: Literal["answer"] = "answer"
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    """The provider's own refusal field."""
    finish_reason: FinishReason = FinishReason.STOP
    usage: Usage = Usage()
    latency_ms: float | None = None
    model_served: str | None = None
    system_fingerprint: str | None = None
    response_id: str | None = None
    request_digest: str | None = None
    """The first 16 hexadecimal digits of the sha256 of the body as it was sent: a changed library shows here."""
    logprobs: tuple[TokenLogprob, ...] = ()
    """Of the first tokens, where they were asked for."""
    attempts: Annotated[int, Field(ge=1)] = 1
    """HTTP requests that were made for it."""
    not_called: str | None = None
    """Of a conversation: the tool whose scripted result had no call to answer, so that it ended there."""

    @property
    def measured_text(self) -> str:
        """The normalised text, followed by the canonical JSON of the tool calls: what signals compare."""
        said = normalise(self.text)
        if not self.tool_calls:
            return said
        calls = canonical_json(
            [[call.name, call.raw if call.arguments is None else call.arguments] for call in self.tool_calls]
        )
        return f"{said}\n{calls}" if said else calls


class FailureKind(StrEnum):
    """Why no answer came back."""

    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    TRANSPORT = "transport"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    EMPTY_CHOICES = "empty_choices"
    QUOTA = "quota"
    AUTHENTICATION = "authentication"
    UNKNOWN_MODEL = "unknown_model"
    BAD_REQUEST = "bad_request"
    REPLAYED = "replayed"
    FALLBACK = "fallback"
    NOT_RECORDED = "not_recorded"

    @property
    def retryable(self) -> bool:
        """Say whether asking again may help: 429, 5xx, timeouts and transport errors, never content."""
        return self in _RETRYABLE

    @property
    def may_be_billed(self) -> bool:
        """Say whether the provider may have produced an answer, and charged for it, all the same."""
        return self in _MAY_BE_BILLED

    @property
    def ends_target(self) -> bool:
        """Say whether every further call to the same target would fail in the same way."""
        return self in (FailureKind.AUTHENTICATION, FailureKind.UNKNOWN_MODEL)


_RETRYABLE = (FailureKind.TIMEOUT, FailureKind.RATE_LIMITED, FailureKind.SERVER_ERROR, FailureKind.TRANSPORT)
_MAY_BE_BILLED = (
    FailureKind.TIMEOUT,
    FailureKind.TRANSPORT,
    FailureKind.MALFORMED,
    FailureKind.TOO_LARGE,
    FailureKind.EMPTY_CHOICES,
    FailureKind.REPLAYED,
    FailureKind.FALLBACK,
)


class Failure(Record):
    """A call that gave no answer. Never a sample, never drift."""

    type: Literal["failure"] = "failure"
    kind: FailureKind
    detail: str = ""
    """What the provider said, redacted and cut."""
    attempts: Annotated[int, Field(ge=0)] = 1
    status: int | None = None
    """HTTP status, where there was one."""
    retry_after_s: Annotated[float, Field(ge=0)] | None = None


class Turn(Record):
    """What was said to the model, and its answer."""

    said: tuple[Said, ...] = ()
    answer: Answer


class Transcript(Record):
    """The turns of a conversation; a single-turn case has one."""

    type: Literal["transcript"] = "transcript"
    turns: Annotated[tuple[Turn, ...], Field(min_length=1)]
    not_called: str | None = None
    """The tool whose scripted result had no call to answer: the conversation ended there."""

    @property
    def answer(self) -> Answer:
        """What is measured: the last answer, with the calls, tokens and time of all turns."""
        return self.turns[0].answer if len(self.turns) == 1 and not self.not_called else self._whole

    @cached_property
    def _whole(self) -> Answer:
        answers = [turn.answer for turn in self.turns]
        return answers[-1].model_copy(
            update={
                "tool_calls": tuple(call for answer in answers for call in answer.tool_calls),
                "usage": Usage(
                    input_tokens=_sum_of([answer.usage.input_tokens for answer in answers]),
                    output_tokens=_sum_of([answer.usage.output_tokens for answer in answers]),
                ),
                "latency_ms": _sum_of([answer.latency_ms for answer in answers]),
                "attempts": sum(answer.attempts for answer in answers),
                "not_called": self.not_called,
            }
        )


_N = TypeVar("_N", int, float)


def _sum_of(parts: Sequence[_N | None]) -> _N | None:
    """Add up; what is not known of one part is not known of the whole."""
    known = [part for part in parts if part is not None]
    return sum(known[1:], known[0]) if len(known) == len(parts) else None


Completion: TypeAlias = Annotated[Answer | Failure, Field(discriminator="type")]
"""What one call gives."""

Reply: TypeAlias = Annotated[Transcript | Failure, Field(discriminator="type")]
"""What one sample gives."""
