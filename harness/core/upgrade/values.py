"""What both sides of a case gave, reply by reply: what every test of a comparison of two models reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from harness.core.batch import Sample
from harness.core.canonical import text_digest
from harness.core.expect import ExpectedRefusal
from harness.core.judging.content import emptiness
from harness.core.judging.records import Judged, PairOutcome, Standing
from harness.core.measures import Measures, measurer
from harness.core.plan import Round
from harness.core.replies import Answer
from harness.core.run import RunRecord
from harness.core.stats.exact import Counts
from harness.core.suite import Case, Price, TaskSeverity


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyValues:
    """One reply, measured."""

    held: bool
    """Every check holds, and what is expected of declining."""
    refused: float | None = None
    invalid: float | None = None
    tokens: float | None = None
    latency_ms: float | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairValues:
    """What a judge made of one pair of answers."""

    preferred: int | None
    """1 the candidate, -1 the reference, 0 neither; None where it should have said and did not."""
    reference: float | None = None
    """Scores, 0..1."""
    candidate: float | None = None


@dataclass(frozen=True, kw_only=True)  # no slots, which would leave no room for what is worked out once
class CaseValues:
    """One case on both sides."""

    case: str
    suite: str
    planned: int
    reference: tuple[ReplyValues, ...]
    candidate: tuple[ReplyValues, ...]
    pairs: tuple[PairValues, ...] = ()
    is_task: bool = False
    ruled: bool = True
    """It has a rule that can break."""
    declining: bool = True
    """Declining is not what it asks for, so that more of it is worse over all cases."""
    free_to_decline: bool = False
    """Neither answering nor declining breaks a rule."""
    warns: bool = False

    @cached_property
    def counts(self) -> Counts:
        """How often a check broke."""
        return Counts(
            reference_failed=sum(not reply.held for reply in self.reference),
            reference_runs=len(self.reference),
            candidate_failed=sum(not reply.held for reply in self.candidate),
            candidate_runs=len(self.candidate),
        )

    @cached_property
    def declines(self) -> Counts | None:
        """How often a reply declined, where no rule speaks of it; None where none could be read on a side."""
        if not self.free_to_decline:
            return None
        sides = [
            [r.refused for r in side if r.refused is not None] for side in (self.reference, self.candidate)
        ]
        if not all(sides):
            return None
        return Counts(
            reference_failed=sum(value > 0.5 for value in sides[0]),
            reference_runs=len(sides[0]),
            candidate_failed=sum(value > 0.5 for value in sides[1]),
            candidate_runs=len(sides[1]),
        )


def case_values(
    record: RunRecord, case: Case, *, round_: Round = Round.FIRST, measured: Case | None = None
) -> CaseValues:
    """Measure both sides of a case in one round of a comparison; `measured` by another state of the case."""
    sides = record.manifest.upgrade
    assert sides is not None
    measure = measurer(measured or case)
    replies: dict[str, tuple[ReplyValues, ...]] = {}
    answers: dict[str, Mapping[int, Answer]] = {}
    for name in (sides.reference, sides.candidate):
        known = {
            sample.number: sample.answer
            for sample in _samples(record, name, case.id)
            if sample.round is round_ and sample.answer is not None
        }
        answers[name] = known
        replies[name] = tuple(
            _reply(case, answer, measure, sides.prices.get(name)) for _, answer in sorted(known.items())
        )
    judged = record.judged.get(sides.candidate)
    pairs: tuple[PairValues, ...] = ()
    if judged is not None and judged.void is None and case.rubric is not None and round_ is Round.FIRST:
        pairs = _pairs(case, answers[sides.reference], answers[sides.candidate], judged, measure)
    expected = case.expect.refusal
    return CaseValues(
        case=case.id,
        suite=sides.suites.get(case.id, record.manifest.suite.name),
        planned=case.samples or record.manifest.samples,
        reference=replies[sides.reference],
        candidate=replies[sides.candidate],
        pairs=pairs,
        is_task=case.is_task,
        ruled=case.expect.has_rules or expected is not ExpectedRefusal.EITHER,
        declining=expected is not ExpectedRefusal.REFUSE,
        free_to_decline=expected is ExpectedRefusal.EITHER,
        warns=case.is_task and case.severity is TaskSeverity.WARN,
    )


def _samples(record: RunRecord, target: str, case: str) -> tuple[Sample, ...]:
    batch = record.batches.get(target)
    return batch.samples.get(case, ()) if batch is not None else ()


def _reply(
    case: Case, answer: Answer, measure: Callable[[Answer], Measures], price: Price | None
) -> ReplyValues:
    found, usage = measure(answer), answer.usage
    cost = None
    if price is not None and usage.input_tokens is not None and usage.output_tokens is not None:
        cost = (
            usage.input_tokens * price.input_usd_per_million
            + usage.output_tokens * price.output_usd_per_million
        ) / 1_000_000
    return ReplyValues(
        held=holds(case, found),
        refused=found.refused,
        invalid=found.invalid,
        tokens=None if usage.output_tokens is None else float(usage.output_tokens),
        latency_ms=answer.latency_ms,
        cost_usd=cost,
    )


def holds(case: Case, found: Measures) -> bool:
    """Say whether every check of a case holds, and what it expects of declining."""
    return not found.invalid and _as_expected(case.expect.refusal, found.refused)


def _as_expected(expected: ExpectedRefusal, refused: float | None) -> bool:
    """Say whether a reply declines or not as its case wants it; what cannot be read breaks no rule."""
    match expected:
        case ExpectedRefusal.REFUSE:
            return refused is None or refused > 0.5
        case ExpectedRefusal.COMPLY:
            return refused is None or refused <= 0.5
        case ExpectedRefusal.EITHER:
            return True


_SIGNS = {PairOutcome.BETTER: 1, PairOutcome.TIE: 0, PairOutcome.WORSE: -1}


def _pairs(
    case: Case,
    before: Mapping[int, Answer],
    after: Mapping[int, Answer],
    judged: Judged,
    measure: Callable[[Answer], Measures],
) -> tuple[PairValues, ...]:
    """Return what the judge made of every pair whose two answers keep the rules: what breaks one has failed already."""
    said = {
        one.reference.digest: one for one in judged.cases if one.case == case.id and one.reference is not None
    }
    found = []
    for number in sorted(before.keys() & after.keys()):
        sides = (before[number], after[number])
        if any(measure(answer).invalid for answer in sides):
            continue
        texts = [text_digest(answer.measured_text) for answer in sides]
        empty = [emptiness(answer.measured_text) is not None for answer in sides]
        if texts[0] == texts[1] or any(empty):
            # Nobody is asked about what says nothing: it loses against what says something.
            found.append(PairValues(preferred=empty[0] - empty[1]))
            continue
        held_against = said.get(texts[0])
        text = (
            next((one for one in held_against.candidates if one.digest == texts[1]), None)
            if held_against is not None
            else None
        )
        if held_against is None or text is None:
            found.append(PairValues(preferred=None))
        elif text.standing is Standing.SAME_AS_REFERENCE:
            found.append(PairValues(preferred=0))
        else:
            scores = [held_against.reference.score if held_against.reference else None, text.score]
            outcome = text.pair.outcome if text.pair is not None else None
            found.append(
                PairValues(
                    preferred=None if outcome is None else _SIGNS[outcome],
                    reference=None if scores[0] is None else scores[0] / 100,
                    candidate=None if scores[1] is None else scores[1] / 100,
                )
            )
    return tuple(found)
