"""What a judge said in one run: scores, preferences, anchors, and whether any of it counts."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from harness.core.canonical import Record
from harness.core.judging.replies import JudgeErrorKind

Points = Annotated[float, Field(ge=0, le=100)]


class Standing(StrEnum):
    """How an answer came by its score."""

    JUDGED = "judged"
    SAME_AS_REFERENCE = "same_as_reference"
    """Equal texts are never judged: it has the reference's score, whatever that is."""
    NO_CONTENT = "no_content"
    """Empty, or nothing but form: it failed before any judge saw it."""


class PairOutcome(StrEnum):
    """How a candidate compares with the reference."""

    BETTER = "better"
    WORSE = "worse"
    TIE = "tie"
    """Also where the two orders disagree."""


class Side(StrEnum):
    """One of two answers that were compared."""

    CANDIDATE = "candidate"
    REFERENCE = "reference"


class JudgedOrder(Record):
    """One comparison of candidate and reference, in one order."""

    first: Side
    """Which of them the judge saw first, as A."""
    preferred: Side | None = None
    """None where it preferred neither, or where `error` says why nobody knows."""
    rationale: str | None = None
    error: JudgeErrorKind | None = None
    detail: str = ""


class JudgedPair(Record):
    """Candidate against reference."""

    outcome: PairOutcome | None
    """None where an order has no verdict."""
    orders: tuple[JudgedOrder, ...] = ()
    """None where one of the two says nothing, so that nobody was asked."""

    @property
    def by_order(self) -> bool:
        """Say whether the judge preferred whatever stood in one place: a sign of position bias."""
        preferred = [order.preferred for order in self.orders if order.error is None]
        return len(preferred) == 2 and None not in preferred and preferred[0] is not preferred[1]


class JudgedText(Record):
    """One answer."""

    digest: str
    """sha256 of the text as it was given."""
    standing: Standing
    score: Points | None = None
    """None where `error` says why, or where it was not worth asking: the same as the reference."""
    rationale: str | None = None
    error: JudgeErrorKind | None = None
    detail: str = ""
    pair: JudgedPair | None = None
    """Against the reference; None without one, and for the reference itself and its equals."""


class JudgedCase(Record):
    """All answers to one case."""

    case: str
    reference: JudgedText | None = None
    """The baseline's medoid answer; None where there is none."""
    candidates: tuple[JudgedText, ...] = ()

    def text(self, digest: str) -> JudgedText:
        """Return what was said of one text; KeyError where there was none."""
        return {text.digest: text for text in self.candidates}[digest]

    def drop(self, digest: str) -> float | None:
        """Return by how many points a text is below the reference; negative above, None where either has no score."""
        text = self.text(digest)
        if text.standing is Standing.SAME_AS_REFERENCE:
            return 0.0
        if self.reference is None or self.reference.score is None or text.score is None:
            return None
        return self.reference.score - text.score


class JudgedAnchor(Record):
    """What the judge said of one frozen answer or pair, and what it should have said."""

    id: str
    why: str
    expected: tuple[Points, Points] | PairOutcome | Standing
    """A band of scores, the outcome of a pair, or no content."""
    critical: bool = False
    """Alone enough to void the judge."""
    kept: Points | None = None
    """The score kept with the baseline."""
    score: Points | None = None
    pair: JudgedPair | None = None
    rationale: str | None = None
    error: JudgeErrorKind | None = None
    in_place: bool | None
    """Whether the judge stands where it stood; None where that was not measured."""

    @property
    def moved_points(self) -> float | None:
        """How far the score is above what was kept with the baseline."""
        return None if self.score is None or self.kept is None else self.score - self.kept


class PositionBias(Record):
    """How often a judge prefers whatever stands in one place."""

    by_order: int
    """Pairs whose two orders said the opposite."""
    pairs: int
    """Pairs that have a verdict in both orders."""


class JudgeCalls(Record):
    """How many questions there were."""

    questions: int
    """Different ones; equal texts about equal tasks are one."""
    reused: int
    """Verdicts that served more than once."""
    asked_again: int
    """Questions whose first reply was no verdict."""
    errors: int
    """Questions without a verdict in the end."""


class Judged(Record):
    """All that a judge said in one run."""

    schema_version: Literal[1] = 1
    ruler: str
    """Digest of the judge: prompt, model, parameters, anchors. Another one measures with another ruler."""
    target: str
    served: tuple[str, ...] = ()
    """What the provider said answered; more than one, or another than before, may explain a drift."""
    both_orders: bool
    cases: tuple[JudgedCase, ...] = ()
    anchors: tuple[JudgedAnchor, ...] = ()
    void: str | None = None
    """Why nothing that the judge said counts in this run; answers without content stay failed all the same."""
    calls: JudgeCalls
    stopped: str | None = None
    """Why questions were left: the budget, the time cap."""

    def case(self, case_id: str) -> JudgedCase | None:
        """Return what was said of a case, or None."""
        return next((case for case in self.cases if case.case == case_id), None)

    @property
    def anchor_scores(self) -> Mapping[str, float]:
        """The scores of the anchors, to be kept with a baseline."""
        return {anchor.id: anchor.score for anchor in self.anchors if anchor.score is not None}

    @property
    def position_bias(self) -> PositionBias:
        """How often the judge went by the order of the answers."""
        pairs = [pair for pair in _pairs(self) if len(pair.orders) == 2 and pair.outcome is not None]
        return PositionBias(by_order=sum(pair.by_order for pair in pairs), pairs=len(pairs))


def _pairs(judged: Judged) -> Iterable[JudgedPair]:
    yield from (anchor.pair for anchor in judged.anchors if anchor.pair is not None)
    for case in judged.cases:
        yield from (text.pair for text in case.candidates if text.pair is not None)
