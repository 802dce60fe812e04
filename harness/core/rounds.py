"""Rounds of calls after the first: what a decision asks for before it is final. Pure."""

from dataclasses import dataclass

from harness.core.plan import Request, Round


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRound:
    """The calls of one more round."""

    round: Round
    requests: tuple[Request, ...]
    why: str
    """For whoever watches."""
