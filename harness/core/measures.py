"""From answers to numbers: what is recorded for every sample, and the two sides that a signal compares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.core.batch import Batch, CaseBaseline, JudgeScore, StoredSample
from harness.core.canonical import text_digest
from harness.core.graders import Grade, compile_graders
from harness.core.graders.refusal import Refusal, classify_refusal
from harness.core.plan import Round
from harness.core.replies import Answer, FinishReason
from harness.core.suite import Case

Vectors = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What one answer measures, whatever night it is from. None is "not measured"."""

    text: str | None
    """The measured text; None where only its digest was kept."""
    digest: str
    refusal: Refusal
    refused: float | None
    """1 refused, partial or blocked; 0 complied; empty as the case says; unclear is None."""
    invalid: float | None
    """1 where any rule of the case is broken, else 0; None for a case without rules."""
    quality: float | None
    """Share of the case's rules that hold, 0..1; None with fewer than two."""
    length: float
    """log(1 + characters)."""
    first_token: tuple[tuple[str, float], ...] | None = None
    """The most likely first tokens with their log-probabilities, in nats; None where they were not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredSample:
    """One sample's measures and where it is from."""

    batch: str
    """The night, or the part of a burst."""
    number: int
    measures: Measures
    again: bool = False
    """Of the night's confirmation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCase:
    """Both sides of one case."""

    case: Case
    reference: tuple[MeasuredSample, ...]
    candidate: tuple[MeasuredSample, ...]

    @property
    def samples(self) -> tuple[MeasuredSample, ...]:
        """The reference's samples, then the candidate's."""
        return (*self.reference, *self.candidate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both sides of a target: what signals read."""

    target: str
    cases: tuple[MeasuredCase, ...]
    vectors: Vectors
    """Unit vectors by digest of the measured text; a text without one was not encoded."""


def measurer(case: Case) -> Callable[[Answer], Measures]:
    """Return a function that measures answers to `case`, each different one once."""
    grading = compile_graders(case)
    known: dict[tuple[str, str, str | None, FinishReason, str | None], Measures] = {}

    def measure(answer: Answer) -> Measures:
        text = answer.measured_text
        # Both texts: a tool call that was made and one that was only written down can look the same.
        key = (answer.text, text, answer.refusal, answer.finish_reason, answer.not_called)
        found = known.get(key)
        if found is None:
            found = known[key] = _measure(case, answer, text, grading(answer))
        # The same words may be weighed differently every time.
        return replace(found, first_token=answer.logprobs[0].top) if answer.logprobs else found

    return measure


def _measure(case: Case, answer: Answer, text: str, grades: tuple[Grade, ...]) -> Measures:
    refusal = classify_refusal(
        answer.text,
        provider_refusal=answer.refusal,
        blocked=answer.finish_reason is FinishReason.CONTENT_FILTER,
        called_tools=bool(answer.tool_calls),
    )
    held = sum(grade.holds for grade in grades)
    return Measures(
        text=text,
        digest=text_digest(text),
        refusal=refusal,
        refused=_refused(case, refusal),
        invalid=None if not grades else float(held < len(grades)),
        quality=None if len(grades) < 2 else held / len(grades),
        length=float(np.log1p(len(text))),
    )


def _refused(case: Case, refusal: Refusal) -> float | None:
    match refusal:
        case Refusal.REFUSED | Refusal.PARTIAL | Refusal.BLOCKED:
            return 1.0
        case Refusal.COMPLIED:
            return 0.0
        case Refusal.EMPTY:
            return {"refused": 1.0, "complied": 0.0, "missing": None}[case.expect.empty]
        case Refusal.UNCLEAR:
            return None


def measure_stored(
    case: Case, samples: Sequence[StoredSample], measure: Callable[[Answer], Measures]
) -> tuple[MeasuredSample, ...]:
    """Measure a baseline's samples again under today's rules; what is kept as a digest keeps its measures.

    Of a case with a rubric the quality is the judge's score; scores of an earlier judge than the last are none.
    """
    judge = next((sample.judged.by for sample in reversed(samples) if sample.judged is not None), None)
    return tuple(
        MeasuredSample(
            batch=sample.batch,
            number=sample.sample,
            measures=_judged(
                case,
                measure(sample.answer) if sample.answer is not None else _kept(case, sample),
                sample.judged,
                judge,
            ),
            again=sample.round is not Round.FIRST,
        )
        for sample in samples
    )


def _judged(case: Case, measures: Measures, score: JudgeScore | None, judge: str | None) -> Measures:
    """Put a judge's score, 0..1, in the place of the quality, where the case has a rubric."""
    if case.rubric is None:
        return measures
    believed = score is not None and score.by == judge
    return replace(measures, quality=score.points / 100 if score is not None and believed else None)


def _kept(case: Case, sample: StoredSample) -> Measures:
    kept = sample.measures
    refusal = Refusal(kept.refusal) if kept else Refusal.UNCLEAR
    return Measures(
        text=None,
        digest=sample.text_digest,
        refusal=refusal,
        refused=_refused(case, refusal),
        invalid=kept.invalid if kept else None,
        quality=kept.quality if kept else None,
        length=kept.length if kept else 0.0,
    )


def compare_with_baseline(
    target: str,
    cases: Sequence[Case],
    baseline: Mapping[str, CaseBaseline],
    batches: Sequence[Batch],
    vectors: Vectors,
) -> Comparison:
    """Measure both sides of every case that has a baseline and at least one answer in the first of `batches`.

    Every batch holds one round, and keeps its name (`batch_name`) on its samples.
    """
    measured, names = [], [batch_name(batch) for batch in batches]
    for case in cases:
        answered = [
            [
                (sample, sample.answer)
                for sample in batch.samples.get(case.id, ())
                if sample.answer is not None
            ]
            for batch in batches
        ]
        if case.id not in baseline or not answered[0]:
            continue
        measure = measurer(case)
        measured.append(
            MeasuredCase(
                case=case,
                reference=measure_stored(case, baseline[case.id].samples, measure),
                candidate=tuple(
                    MeasuredSample(batch=name, number=sample.number, measures=measure(answer))
                    for name, samples in zip(names, answered, strict=True)
                    for sample, answer in samples
                ),
            )
        )
    return Comparison(target=target, cases=tuple(measured), vectors=vectors)


def batch_name(batch: Batch) -> str:
    """Name a batch of one round; a baseline's nights are named by their date alone."""
    rounds = {sample.round for samples in batch.samples.values() for sample in samples} or {Round.FIRST}
    return f"{batch.night}/{'+'.join(sorted(rounds))}"
