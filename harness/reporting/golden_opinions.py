"""What a judge made of one golden task: scores, and its reasons in both orders."""

from collections.abc import Iterator, Sequence

from harness.core.batch import Sample
from harness.core.canonical import text_digest
from harness.core.judging.records import (
    Judged,
    JudgedOrder,
    JudgedPair,
    JudgedText,
    PairOutcome,
    Side,
    Standing,
)
from harness.core.suite import Case
from harness.reporting.budget import PageBudget
from harness.reporting.escape import one_line
from harness.reporting.model import (
    Opinion,
    Preference,
)

OPINIONS_SHOWN = 3


_RATIONALE_BYTES = 2_000


def judge_note(case: Case, judged: Judged | None, opinions: Sequence[Opinion]) -> str:
    if case.rubric is None:
        return ""
    if judged is None:
        return "The task has a rubric, and nobody judged by it in this run."
    if judged.void is not None:
        return f"Nothing that the judge said counts in this run: {one_line(judged.void, 400)}"
    return "" if opinions else "Not asked: the rules decide, or the texts are the accepted ones."


def opinions_of(
    case: Case, judged: Judged | None, shown: Sample | None, own: Sequence[Sample], budget: PageBudget
) -> Iterator[Opinion]:
    """Yield what the judge made of the reference and of tonight's answers, `own`; what else it read is a new baseline's."""
    found = judged.case(case.id) if judged is not None else None
    if found is None:
        return
    if found.reference is not None:
        yield _opinion("Reference", found.reference, budget)
    digest = text_digest(shown.answer.measured_text) if shown is not None and shown.answer is not None else ""
    texts = sorted(
        found.candidates,
        key=lambda text: (text.digest != digest, 100.0 if text.score is None else text.score, text.digest),
    )
    tonight = {text_digest(sample.answer.measured_text) for sample in own if sample.answer is not None}
    for text in texts[:OPINIONS_SHOWN]:
        yield _opinion("Candidate" if text.digest in tonight else "New baseline", text, budget)


_STANDING = {
    Standing.JUDGED: "no score",
    Standing.SAME_AS_REFERENCE: "the same text as the reference: not judged",
    Standing.NO_CONTENT: "no content: failed before any judge saw it",
}


_PAIRS = {
    PairOutcome.BETTER: "better than the reference",
    PairOutcome.WORSE: "worse than the reference",
    PairOutcome.TIE: "a tie",
}


def _opinion(side: str, text: JudgedText, budget: PageBudget) -> Opinion:
    score = f"{text.score:.0f} of 100" if text.score is not None else _STANDING[text.standing]
    if text.error is not None:
        score = one_line(
            f"no verdict ({text.error.value.replace('_', ' ')}): {text.detail}".rstrip(": "), 300
        )
    return Opinion(
        side=side,
        score=score,
        outcome=_pair_text(text.pair),
        rationale=budget.excerpt(text.rationale or "", most=_RATIONALE_BYTES),
        orders=tuple(
            _preference(order, budget) for order in (text.pair.orders if text.pair is not None else ())
        ),
    )


def _pair_text(pair: JudgedPair | None) -> str:
    if pair is None:
        return ""
    if pair.outcome is None:
        return "an order has no verdict"
    agreed = (
        "" if len(pair.orders) < 2 else ", the orders disagree" if pair.by_order else ", both orders agree"
    )
    return f"{_PAIRS[pair.outcome]}{agreed}"


def _preference(order: JudgedOrder, budget: PageBudget) -> Preference:
    if order.error is not None:
        said = one_line(f"no verdict: {order.error.value.replace('_', ' ')} {order.detail}".strip(), 200)
    elif order.preferred is None:
        said = "prefers neither"
    else:
        said = "prefers the candidate" if order.preferred is Side.CANDIDATE else "prefers the reference"
    first = "Candidate first" if order.first is Side.CANDIDATE else "Reference first"
    return Preference(
        order=first, verdict=said, rationale=budget.excerpt(order.rationale or "", most=_RATIONALE_BYTES)
    )
