"""Which questions a judge is asked in one run, in which order, under which keys."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.core.canonical import digest
from harness.core.judging.anchors import MOST_ANCHORS, Anchor, PairAnchor, ScoreAnchor, builtin_anchors
from harness.core.judging.content import emptiness
from harness.core.judging.identity import judge_ruler
from harness.core.judging.keys import KEY_START, QuestionKind
from harness.core.judging.prompts import Assignment, pair_messages, readable, score_messages
from harness.core.judging.records import Side, Standing
from harness.core.messages import Message, Role
from harness.core.plan import Request, Round
from harness.core.suite import Case, CaseKind, Target

JUDGE_CASE_ID = "judge"
MOST_ASKED = 2
"""Times that one question is asked, where the first reply was no verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeItem:
    """The answers to one case that a judge is to look at."""

    case: str
    task: str
    rubric: str
    question: str = ""
    """What was asked; may be empty."""
    reference: str | None = None
    """The baseline's medoid answer; None without a baseline."""
    candidates: tuple[str, ...] = ()
    """Different measured texts."""

    @property
    def about(self) -> Assignment:
        """What the answers were meant to do."""
        return Assignment(task=self.task, rubric=self.rubric, question=self.question)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeOptions:
    """Who judges, and how."""

    run: str
    """Seeds marks and order: a resumed run asks the same questions."""
    target_name: str
    target: Target
    both_orders: bool = True
    """False compares in one order only, drawn for every pair."""
    anchors: int = MOST_ANCHORS
    kept_anchors: Mapping[str, float] = field(default_factory=dict)
    """Scores of the anchors as kept with the baseline, by id."""

    @property
    def ruler(self) -> str:
        """Digest of the judge."""
        return judge_ruler(self.target, both_orders=self.both_orders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing to ask."""

    kind: QuestionKind
    key: str
    """Addresses the judge, the task and the texts: the same question has the same key, whatever case asks it."""
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgePlan:
    """All questions of a run."""

    items: tuple[JudgeItem, ...]
    options: JudgeOptions
    anchors: tuple[Anchor, ...]
    """Those to be judged; none where there is nothing to judge."""
    questions: tuple[Question, ...]
    """In a random order that hides whose answer is whose."""
    reused: int
    """Verdicts that serve more than once."""


def plan_judging(items: Sequence[JudgeItem], options: JudgeOptions) -> JudgePlan:
    """Plan what has to be asked; with nothing to judge, nothing, not even the anchors."""
    keys = Keys(options.ruler)
    found = [question for item in items for question in _questions(item, options, keys)]
    anchors = builtin_anchors().anchors[: options.anchors] if found else ()
    found.extend(question for anchor in anchors for question in _anchor_questions(anchor, options, keys))
    different = {question.key: question for question in found}
    return JudgePlan(
        items=tuple(items),
        options=options,
        anchors=anchors,
        questions=tuple(sorted(different.values(), key=lambda question: digest([options.run, question.key]))),
        reused=len(found) - len(different),
    )


def judge_requests(
    plan: JudgePlan, questions: Sequence[Question] | None = None, *, ask: int = 0
) -> tuple[Request, ...]:
    """Return the calls that put the plan's questions, or some of them, for the first or a further time."""
    options = plan.options
    return tuple(
        Request(
            case=_CASE,
            target_name=options.target_name,
            target=options.target,
            round=Round.FIRST,
            sample=number,
            turn=0,
            messages=question.messages,
            key=asked_key(question.key, ask),
        )
        for number, question in enumerate(plan.questions if questions is None else questions)
    )


def asked_key(key: str, ask: int) -> str:
    """Return the journal's key of the first (0) or a further time that a question is asked."""
    return f"{key}:{ask}"


def most_questions(tasks: int, samples: int, options: JudgeOptions) -> int:
    """Return how many questions a run may come to: every one of its answers new and worth judging."""
    orders = 2 if options.both_orders else 1
    anchors = 0
    for anchor in builtin_anchors().anchors[: options.anchors]:
        match anchor:
            case ScoreAnchor():
                anchors += 1
            case PairAnchor():
                anchors += orders
    return tasks * (1 + samples * (1 + orders)) + (anchors if tasks else 0)


def standing_of(text: str, reference: str | None) -> Standing:
    """Say whether an answer has to be judged."""
    if emptiness(text) is not None:
        return Standing.NO_CONTENT
    if reference is not None and readable(text) == readable(reference):
        return Standing.SAME_AS_REFERENCE
    return Standing.JUDGED


def needs_reference(item: JudgeItem) -> bool:
    """Say whether any candidate has to be held against the reference."""
    return any(standing_of(text, item.reference) is Standing.JUDGED for text in item.candidates)


def orders_of(about: Assignment, candidate: str, reference: str, options: JudgeOptions) -> tuple[Side, ...]:
    """Return which side is shown first, for every order that is asked."""
    if options.both_orders:
        return (Side.CANDIDATE, Side.REFERENCE)
    drawn = digest([options.run, about.task, about.rubric, candidate, reference])
    return (tuple(Side)[int(drawn, 16) % 2],)


def in_order(first: Side, candidate: str, reference: str) -> tuple[str, str]:
    """Return both texts as they are shown."""
    return (candidate, reference) if first is Side.CANDIDATE else (reference, candidate)


@dataclass(frozen=True, slots=True)
class Keys:
    """Makes the keys of one judge's questions."""

    ruler: str

    def score(self, about: Assignment, answer: str) -> str:
        """Return the key of a question for a score."""
        return self._key(QuestionKind.SCORE, about, answer)

    def pair(self, about: Assignment, first: str, second: str) -> str:
        """Return the key of a comparison."""
        return self._key(QuestionKind.PAIR, about, first, second)

    def _key(self, kind: QuestionKind, about: Assignment, *answers: str) -> str:
        texts = map(readable, (about.task, about.rubric, about.question, *answers))
        return f"{KEY_START}{kind}:{digest([self.ruler, *texts])}"


_CASE = Case(
    id=JUDGE_CASE_ID,
    kind=CaseKind.EDGE,
    why="A question to the judge; no suite holds it.",
    review_by="9999-12-31",
    messages=(Message(role=Role.USER, content="see the request"),),
)
"""Stands in for a case, which every request has."""


def _questions(item: JudgeItem, options: JudgeOptions, keys: Keys) -> Iterator[Question]:
    if not needs_reference(item):
        return
    has_reference = item.reference is not None and emptiness(item.reference) is None
    if has_reference and item.reference is not None:
        yield _score(item.about, item.reference, options, keys)
    for text in item.candidates:
        if standing_of(text, item.reference) is not Standing.JUDGED:
            continue
        yield _score(item.about, text, options, keys)
        if has_reference and item.reference is not None:
            yield from _pair(item.about, text, item.reference, options, keys)


def _anchor_questions(anchor: Anchor, options: JudgeOptions, keys: Keys) -> Iterator[Question]:
    book = builtin_anchors()
    match anchor:
        case ScoreAnchor():
            yield _score(book.assignment(anchor.about), anchor.answer, options, keys)
        case PairAnchor():
            about = book.assignment(anchor.about)
            yield from _pair(about, anchor.candidate, anchor.reference, options, keys)


def _score(about: Assignment, answer: str, options: JudgeOptions, keys: Keys) -> Question:
    return Question(
        kind=QuestionKind.SCORE,
        key=keys.score(about, answer),
        messages=score_messages(about, answer, seed=options.run),
    )


def _pair(
    about: Assignment, candidate: str, reference: str, options: JudgeOptions, keys: Keys
) -> Iterator[Question]:
    for side in orders_of(about, candidate, reference, options):
        first, second = in_order(side, candidate, reference)
        yield Question(
            kind=QuestionKind.PAIR,
            key=keys.pair(about, first, second),
            messages=pair_messages(about, first, second, seed=options.run),
        )
