"""How the journal addresses questions to a judge."""

from enum import StrEnum

KEY_START = "judge:"


class QuestionKind(StrEnum):
    """What a judge is asked for."""

    SCORE = "score"
    PAIR = "pair"


_STARTS = tuple(f"{KEY_START}{kind}:" for kind in QuestionKind)


def is_judge_key(key: str) -> bool:
    """Say whether a journal's key is of a question to a judge; a target may be called `judge` all the same."""
    return key.startswith(_STARTS)
