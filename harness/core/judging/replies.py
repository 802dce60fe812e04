"""What a judge replied, read so strictly that garbage is never a score."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.core.judging.prompts import Letter
from harness.core.replies import Answer, Failure, FinishReason

MOST_REPLY_CHARACTERS = 8_000
MOST_RATIONALE_CHARACTERS = 4_000


class JudgeErrorKind(StrEnum):
    """Why a judge's reply is no verdict."""

    MALFORMED = "malformed"
    """Not exactly the JSON object that was asked for."""
    CUT_OFF = "cut_off"
    """It reached the judge's token limit."""
    DECLINED = "declined"
    """The judge or its provider's filter refused."""
    NO_ANSWER = "no_answer"
    """The call failed."""
    NOT_ASKED = "not_asked"
    """Budget or time ran out before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A judge's score of one answer, 0..100."""

    score: int
    rationale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferred:
    """Which of two answers a judge prefers; None is neither."""

    better: Letter | None
    rationale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeError:
    """A reply that says nothing."""

    kind: JudgeErrorKind
    detail: str

    @property
    def may_be_asked_again(self) -> bool:
        """Say whether the judge answered, and may answer properly next time; a failed call was retried already."""
        return self.kind in (JudgeErrorKind.MALFORMED, JudgeErrorKind.DECLINED)


def read_score(completion: Answer | Failure | None) -> Scored | JudgeError:
    """Read the reply to `score_messages`: {"rationale": text, "score": whole number 0..100} and nothing else."""
    fields = _fields(completion, ("rationale", "score"))
    if isinstance(fields, JudgeError):
        return fields
    score, rationale = fields["score"], fields["rationale"]
    if type(score) is not int or not 0 <= score <= 100:
        return _malformed("score is not a whole number from 0 to 100")
    return _with_rationale(rationale) or Scored(score=score, rationale=str(rationale).strip())


def read_preference(completion: Answer | Failure | None) -> Preferred | JudgeError:
    """Read the reply to `pair_messages`: {"rationale": text, "better": "A", "B" or "neither"} and nothing else."""
    fields = _fields(completion, ("rationale", "better"))
    if isinstance(fields, JudgeError):
        return fields
    better, rationale = fields["better"], fields["rationale"]
    if better not in (*Letter, "neither"):
        return _malformed('better is not "A", "B" or "neither"')
    letter = None if better == "neither" else Letter(str(better))
    return _with_rationale(rationale) or Preferred(better=letter, rationale=str(rationale).strip())


def _with_rationale(rationale: object) -> JudgeError | None:
    if not isinstance(rationale, str) or not rationale.strip():
        return _malformed("rationale is not a text")
    if len(rationale) > MOST_RATIONALE_CHARACTERS:
        return _malformed(f"rationale is longer than {MOST_RATIONALE_CHARACTERS:,} characters")
    return None


def _fields(completion: Answer | Failure | None, names: Sequence[str]) -> dict[str, object] | JudgeError:
    """Return the object that a reply is, with exactly these names."""
    match completion:
        case None:
            return JudgeError(kind=JudgeErrorKind.NOT_ASKED, detail="it was not asked")
        case Failure():
            return JudgeError(
                kind=JudgeErrorKind.NO_ANSWER, detail=f"{completion.kind.value}: {completion.detail}"
            )
        case Answer():
            return _not_an_answer(completion) or _parsed(completion.text, names)


def _not_an_answer(answer: Answer) -> JudgeError | None:
    if answer.refusal is not None or answer.finish_reason is FinishReason.CONTENT_FILTER:
        return JudgeError(kind=JudgeErrorKind.DECLINED, detail="the judge declined, or a filter did")
    if answer.finish_reason is FinishReason.LENGTH:
        return JudgeError(
            kind=JudgeErrorKind.CUT_OFF, detail="the reply was cut off: give the judge a larger max_tokens"
        )
    if answer.tool_calls:
        return _malformed("the reply calls a tool")
    return None


def _parsed(text: str, names: Sequence[str]) -> dict[str, object] | JudgeError:
    if len(text) > MOST_REPLY_CHARACTERS:
        return _malformed(f"the reply is longer than {MOST_REPLY_CHARACTERS:,} characters")
    if text.lstrip().startswith("```"):
        return _malformed("the reply is wrapped in a code fence")
    try:
        value: object = json.loads(text, object_pairs_hook=_without_twins)
    except (ValueError, RecursionError):
        return _malformed("the reply is not one JSON object")
    if not isinstance(value, dict):
        return _malformed("the reply is not one JSON object")
    if set(value) != set(names):
        return _malformed(f"the reply does not have exactly the keys {' and '.join(names)}")
    return value


def _malformed(detail: str) -> JudgeError:
    return JudgeError(kind=JudgeErrorKind.MALFORMED, detail=detail)


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key is given twice")
    return fields
