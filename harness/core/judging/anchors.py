"""Frozen answers that are judged in every run: when they move, the judge moved.

They are part of the package, so that no project and no pull request can change what a judge is held to.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from harness.core.canonical import Record, digest
from harness.core.judging.prompts import Assignment
from harness.core.judging.records import JudgedAnchor, PairOutcome, Points

FEWEST_ANCHORS, MOST_ANCHORS = 5, 10
MOST_OUT_OF_PLACE = 1
"""One anchor in ten strays by chance; see docs/judge.md for how often two do."""
MOST_MOVED_POINTS = 30.0
"""From the score kept with the baseline: two scores with 10 points of noise each differ by more once in 29."""
LEAST_MEASURED = 2 / 3


class _About(Record):
    task: str
    rubric: str
    question: str

    @property
    def assignment(self) -> Assignment:
        """The same as what a question takes."""
        return Assignment(task=self.task, rubric=self.rubric, question=self.question)


class _Anchor(Record):
    id: str
    why: str


class ScoreAnchor(_Anchor):
    """An answer whose score is known to lie in a band."""

    type: Literal["score"]
    about: str
    answer: str
    low: Points
    high: Points
    critical: bool = False


class PairAnchor(_Anchor):
    """Two answers, of which it is known how they compare."""

    type: Literal["pair"]
    about: str
    reference: str
    candidate: str
    expected: PairOutcome
    critical: bool = False


class GateAnchor(_Anchor):
    """An answer that must not reach the judge at all."""

    type: Literal["gate"]
    answer: str


Anchor: TypeAlias = Annotated[ScoreAnchor | PairAnchor | GateAnchor, Field(discriminator="type")]


class AnchorBook(Record):
    """The frozen anchors, the most telling first."""

    version: Literal[1]
    assignments: Mapping[str, _About]
    anchors: tuple[Anchor, ...]

    def assignment(self, name: str) -> Assignment:
        """Return what an anchor is about."""
        return self.assignments[name].assignment

    @property
    def digest(self) -> str:
        """Digest of all of it."""
        return digest(self.model_dump(mode="json"))


@cache
def builtin_anchors() -> AnchorBook:
    """Return the anchors that ship with the package."""
    text = resources.files("harness.core.judging").joinpath("anchors.json").read_text("utf-8")
    return AnchorBook.model_validate_json(text)


def score_in_place(anchor: ScoreAnchor, score: float, kept: float | None) -> bool:
    """Say whether a score lies in the anchor's band, and near the one that was kept with the baseline."""
    near = kept is None or abs(score - kept) <= MOST_MOVED_POINTS
    return anchor.low <= score <= anchor.high and near


def why_void(anchors: Sequence[JudgedAnchor]) -> str | None:
    """Say why a judge with these anchors does not count: it moved, or whether it did is not known.

    A critical anchor alone voids it; of the others `MOST_OUT_OF_PLACE` may stray.
    """
    strays = [anchor for anchor in anchors if anchor.in_place is False]
    if len(strays) > MOST_OUT_OF_PLACE or any(stray.critical for stray in strays):
        named = "; ".join(map(_stray, strays[:3]))
        more = f"; and {len(strays) - 3} more" if len(strays) > 3 else ""
        return f"the judge drifted: {len(strays)} of {len(anchors)} anchors moved: {named}{more}"
    measured = sum(anchor.in_place is not None for anchor in anchors)
    if measured < LEAST_MEASURED * len(anchors):
        return f"whether the judge drifted is not known: it judged {measured} of {len(anchors)} anchors"
    return None


def _stray(anchor: JudgedAnchor) -> str:
    match anchor.expected:
        case (low, high):
            wanted = f"{low:g} to {high:g}"
        case expected:
            wanted = expected.value.replace("_", " ")
    got = f"scored {anchor.score:g}" if anchor.score is not None else _outcome(anchor)
    kept = f", {anchor.kept:g} with the baseline" if anchor.kept is not None else ""
    return f"{anchor.id} ({anchor.why}) {got}, expected {wanted}{kept}"


def _outcome(anchor: JudgedAnchor) -> str:
    pair = anchor.pair
    return (
        f"came out {pair.outcome.value}"
        if pair is not None and pair.outcome is not None
        else "was let through"
    )
