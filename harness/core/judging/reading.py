"""From a judge's replies to what they say: scores, preferences, and whether they count."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from harness.core.canonical import text_digest
from harness.core.judging.anchors import (
    Anchor,
    GateAnchor,
    PairAnchor,
    ScoreAnchor,
    builtin_anchors,
    score_in_place,
    why_void,
)
from harness.core.judging.content import emptiness
from harness.core.judging.keys import QuestionKind
from harness.core.judging.planning import (
    MOST_ASKED,
    JudgeItem,
    JudgePlan,
    Keys,
    Question,
    asked_key,
    in_order,
    needs_reference,
    orders_of,
    standing_of,
)
from harness.core.judging.prompts import Assignment, Letter
from harness.core.judging.records import (
    JudgeCalls,
    Judged,
    JudgedAnchor,
    JudgedCase,
    JudgedOrder,
    JudgedPair,
    JudgedText,
    PairOutcome,
    Side,
    Standing,
)
from harness.core.judging.replies import (
    JudgeError,
    JudgeErrorKind,
    Preferred,
    Scored,
    read_preference,
    read_score,
)
from harness.core.replies import Answer, Failure

LEAST_ANSWERED = 2 / 3
"""Share of the questions that need a verdict, or none counts."""

Completions: TypeAlias = Mapping[str, Answer | Failure]
Reply: TypeAlias = Scored | Preferred | JudgeError


def judged(plan: JudgePlan, completions: Completions, *, stopped: str | None = None) -> Judged:
    """Read what the replies say. The same plan and replies say the same, on any machine, without a call."""
    reader = _Reader(plan, completions)
    cases = tuple(reader.case(item) for item in plan.items)
    anchors = tuple(reader.anchor(anchor) for anchor in plan.anchors)
    replies = [_read(question, completions) for question in plan.questions]
    errors = [reply for reply in replies if isinstance(reply, JudgeError)]
    return Judged(
        ruler=plan.options.ruler,
        target=plan.options.target_name,
        served=_served(plan, completions),
        both_orders=plan.options.both_orders,
        cases=cases,
        anchors=anchors,
        void=_too_few(plan, errors, stopped) or why_void(anchors),
        calls=JudgeCalls(
            questions=len(plan.questions),
            reused=plan.reused,
            asked_again=sum(asked_key(question.key, 1) in completions for question in plan.questions),
            errors=len(errors),
        ),
        stopped=stopped,
    )


def to_ask_again(plan: JudgePlan, completions: Completions) -> tuple[Question, ...]:
    """Return the questions whose first reply was no verdict, though the judge was there."""
    found = []
    for question in plan.questions:
        reply = _read_reply(question.kind, completions.get(asked_key(question.key, 0)))
        if isinstance(reply, JudgeError) and reply.may_be_asked_again:
            found.append(question)
    return tuple(found)


def both_orders_say(orders: tuple[JudgedOrder, ...]) -> PairOutcome | None:
    """Combine the orders of a pair: where they disagree it is a tie; None where one has no verdict."""
    if any(order.error is not None for order in orders):
        return None
    preferred = {order.preferred for order in orders}
    if preferred == {Side.CANDIDATE}:
        return PairOutcome.BETTER
    return PairOutcome.WORSE if preferred == {Side.REFERENCE} else PairOutcome.TIE


def _served(plan: JudgePlan, completions: Completions) -> tuple[str, ...]:
    replies = (_last(question.key, completions) for question in plan.questions)
    return tuple(
        sorted({reply.model_served for reply in replies if isinstance(reply, Answer) and reply.model_served})
    )


def _too_few(plan: JudgePlan, errors: Sequence[JudgeError], stopped: str | None) -> str | None:
    asked = len(plan.questions)
    if asked - len(errors) >= LEAST_ANSWERED * asked:
        return None
    reasons = Counter(
        stopped if error.kind is JudgeErrorKind.NOT_ASKED else f"{error.kind.value}: {error.detail}"
        for error in errors
        if stopped is not None or error.kind is not JudgeErrorKind.NOT_ASKED
    )
    said = f"; {reasons.most_common(1)[0][0]}" if reasons else ""
    return f"the judge gave a verdict on only {asked - len(errors)} of {asked} questions{said}"


def _read(question: Question, completions: Completions) -> Reply:
    return _read_reply(question.kind, _last(question.key, completions))


def _read_reply(kind: QuestionKind, completion: Answer | Failure | None) -> Reply:
    return read_score(completion) if kind is QuestionKind.SCORE else read_preference(completion)


def _last(key: str, completions: Completions) -> Answer | Failure | None:
    """Return what came of the last time that a question was asked."""
    for ask in reversed(range(MOST_ASKED)):
        if (found := completions.get(asked_key(key, ask))) is not None:
            return found
    return None


@dataclass(frozen=True, slots=True)
class _Reader:
    plan: JudgePlan
    completions: Completions

    @property
    def _keys(self) -> Keys:
        return Keys(self.plan.options.ruler)

    def case(self, item: JudgeItem) -> JudgedCase:
        reference = None if item.reference is None else self._reference(item, item.reference)
        return JudgedCase(
            case=item.case,
            reference=reference,
            candidates=tuple(self._candidate(item, text, reference) for text in item.candidates),
        )

    def anchor(self, anchor: Anchor) -> JudgedAnchor:
        match anchor:
            case GateAnchor():
                return JudgedAnchor(
                    id=anchor.id,
                    why=anchor.why,
                    expected=Standing.NO_CONTENT,
                    critical=True,
                    in_place=emptiness(anchor.answer) is not None,
                )
            case ScoreAnchor():
                kept = self.plan.options.kept_anchors.get(anchor.id)
                found = self._scored(_about(anchor), anchor.answer)
                score = found.score
                return JudgedAnchor(
                    id=anchor.id,
                    why=anchor.why,
                    expected=(anchor.low, anchor.high),
                    critical=anchor.critical,
                    kept=kept,
                    score=score,
                    rationale=found.rationale,
                    error=found.error,
                    in_place=None if score is None else score_in_place(anchor, score, kept),
                )
            case PairAnchor():
                pair = self._compared(_about(anchor), anchor.candidate, anchor.reference)
                return JudgedAnchor(
                    id=anchor.id,
                    why=anchor.why,
                    expected=anchor.expected,
                    critical=anchor.critical,
                    pair=pair,
                    error=next((order.error for order in pair.orders if order.error), None),
                    in_place=None if pair.outcome is None else pair.outcome is anchor.expected,
                )

    def _reference(self, item: JudgeItem, text: str) -> JudgedText:
        if emptiness(text) is not None:
            return JudgedText(digest=text_digest(text), standing=Standing.NO_CONTENT, score=0)
        if not needs_reference(item):
            return JudgedText(
                digest=text_digest(text),
                standing=Standing.JUDGED,
                detail="not asked: no answer differs from it",
            )
        return self._scored(item.about, text)

    def _candidate(self, item: JudgeItem, text: str, reference: JudgedText | None) -> JudgedText:
        known = text_digest(text)
        empty_reference = reference is not None and reference.standing is Standing.NO_CONTENT
        match standing_of(text, item.reference):
            case Standing.NO_CONTENT:
                pair = None
                if reference is not None:
                    pair = JudgedPair(outcome=PairOutcome.TIE if empty_reference else PairOutcome.WORSE)
                return JudgedText(digest=known, standing=Standing.NO_CONTENT, score=0, pair=pair)
            case Standing.SAME_AS_REFERENCE:
                score = reference.score if reference is not None else None
                return JudgedText(digest=known, standing=Standing.SAME_AS_REFERENCE, score=score)
            case Standing.JUDGED:
                pair = None
                if empty_reference:
                    pair = JudgedPair(outcome=PairOutcome.BETTER)
                elif item.reference is not None:
                    pair = self._compared(item.about, text, item.reference)
                return self._scored(item.about, text).model_copy(update={"pair": pair})

    def _scored(self, about: Assignment, text: str) -> JudgedText:
        reply = read_score(_last(self._keys.score(about, text), self.completions))
        base = JudgedText(digest=text_digest(text), standing=Standing.JUDGED)
        if isinstance(reply, JudgeError):
            return base.model_copy(update={"error": reply.kind, "detail": reply.detail})
        return base.model_copy(update={"score": float(reply.score), "rationale": reply.rationale})

    def _compared(self, about: Assignment, candidate: str, reference: str) -> JudgedPair:
        sides = orders_of(about, candidate, reference, self.plan.options)
        orders = tuple(self._order(about, candidate, reference, side) for side in sides)
        return JudgedPair(outcome=both_orders_say(orders), orders=orders)

    def _order(self, about: Assignment, candidate: str, reference: str, first: Side) -> JudgedOrder:
        key = self._keys.pair(about, *in_order(first, candidate, reference))
        reply = read_preference(_last(key, self.completions))
        if isinstance(reply, JudgeError):
            return JudgedOrder(first=first, error=reply.kind, detail=reply.detail)
        second = Side.REFERENCE if first is Side.CANDIDATE else Side.CANDIDATE
        preferred = {Letter.A: first, Letter.B: second, None: None}[reply.better]
        return JudgedOrder(first=first, preferred=preferred, rationale=reply.rationale)


def _about(anchor: ScoreAnchor | PairAnchor) -> Assignment:
    return builtin_anchors().assignment(anchor.about)
