"""Two sides that were gathered apart, brought under one ruler."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.core.batch import Baseline
from harness.core.canonical import text_digest
from harness.core.measures import Comparison, MeasuredCase, MeasuredSample, Vectors, measurer
from harness.core.replies import Answer
from harness.core.run import RunRecord
from harness.core.suite import Case, CaseKind, question_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Answers by case, and what is known of the cases."""

    name: str
    answers: Mapping[str, tuple[Answer, ...]]
    cases: Mapping[str, Case]
    questions: Mapping[str, str] = field(default_factory=dict)
    """Digest of what was asked, by case, where it is known without the case (see `question_of`)."""
    vectors: Vectors = field(default_factory=dict)
    encoder: str | None = None

    def asked(self, case_id: str) -> frozenset[str]:
        """Return digests of what was asked: the whole, and the last message alone, which is all a recording may hold.

        Empty where nobody wrote it down.
        """
        case = self.cases.get(case_id)
        if case is not None:
            return (
                frozenset({case.question, question_of(case.messages[-1:])}) if case.messages else frozenset()
            )
        known = self.questions.get(case_id)
        return frozenset({known}) if known else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Which cases two sides share."""

    shared: tuple[Case, ...]
    only_reference: tuple[str, ...]
    only_candidate: tuple[str, ...]
    """Cases with no counterpart that was asked the same."""


def run_side(record: RunRecord, target: str, name: str) -> Side:
    """Take one target of a run, all rounds together."""
    batch = record.batches.get(target)
    answers = {
        case_id: tuple(sample.answer for sample in samples if sample.answer is not None)
        for case_id, samples in (batch.samples.items() if batch else ())
    }
    return Side(
        name=name,
        answers=answers,
        cases=record.cases,
        vectors=record.vectors,
        encoder=record.manifest.encoder,
    )


def baseline_side(baseline: Baseline, name: str) -> Side:
    """Take all nights of a baseline; what is kept as a digest has no answer to compare."""
    return Side(
        name=name,
        answers={
            case_id: tuple(sample.answer for sample in case.samples if sample.answer is not None)
            for case_id, case in baseline.cases.items()
        },
        cases={},
        questions={case_id: case.identity.question for case_id, case in baseline.cases.items()},
    )


def pair_sides(reference: Side, candidate: Side, ruler: Mapping[str, Case] | None = None) -> Pairing:
    """Match cases by id; two that were asked different questions have no counterpart.

    The rules of `ruler` are applied to both sides where it knows a case, else the candidate's, else the
    reference's; answers without any rules are compared as they are.
    """
    shared, only_reference = [], []
    for case_id, answers in reference.answers.items():
        if (
            not answers
            or not candidate.answers.get(case_id)
            or not _asked_the_same(reference, candidate, case_id)
        ):
            only_reference.append(case_id)
            continue
        known = (ruler or {}).get(case_id) or candidate.cases.get(case_id) or reference.cases.get(case_id)
        shared.append(known or _bare_case(case_id))
    ids = {case.id for case in shared}
    return Pairing(
        shared=tuple(shared),
        only_reference=tuple(only_reference),
        only_candidate=tuple(case_id for case_id in candidate.answers if case_id not in ids),
    )


def _asked_the_same(reference: Side, candidate: Side, case_id: str) -> bool:
    """Compare whole questions where both are known, else what was written down; nothing known is no difference."""
    whole = [side.cases[case_id] for side in (reference, candidate) if case_id in side.cases]
    if len(whole) == 2 and all(case.messages for case in whole):
        return whole[0].question == whole[1].question
    asked = reference.asked(case_id), candidate.asked(case_id)
    return not all(asked) or bool(asked[0] & asked[1])


def _bare_case(case_id: str) -> Case:
    """Make a case without rules, for answers that come without their suite."""
    return Case.model_construct(
        id=case_id,
        kind=CaseKind.EDGE,
        why="recorded without its suite",
        review_by="9999-12-31",
        messages=(),
    )


def texts_of(sides: Sequence[Side], pairing: Pairing) -> dict[str, str]:
    """Return every text of the shared cases, by digest."""
    texts = {}
    for side in sides:
        for case in pairing.shared:
            for answer in side.answers[case.id]:
                text = answer.measured_text
                texts[text_digest(text)] = text
    return texts


def make_comparison(reference: Side, candidate: Side, pairing: Pairing, vectors: Vectors) -> Comparison:
    """Measure both sides of every shared case."""
    measured = []
    for case in pairing.shared:
        measure = measurer(case)
        sides = [
            tuple(
                MeasuredSample(batch=batch, number=number, measures=measure(answer))
                for number, answer in enumerate(side.answers[case.id])
            )
            # Not the sides' own names: a run compared with itself has one name twice.
            for side, batch in ((reference, "reference"), (candidate, "candidate"))
        ]
        measured.append(MeasuredCase(case=case, reference=sides[0], candidate=sides[1]))
    return Comparison(target=candidate.name, cases=tuple(measured), vectors=vectors)
