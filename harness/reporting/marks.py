"""Samples as marks: every reply of a case by night, and what they add up to."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.core.batch import CaseBaseline, Sample
from harness.core.findings import Finding
from harness.core.measures import Measures, measure_stored, measurer
from harness.core.plan import Round
from harness.core.replies import Answer
from harness.core.suite import Case
from harness.reporting.model import Column, Counts, Mark, SampleGrid
from harness.reporting.wording import night_text, value_text

NIGHTS_IN_STRIP = 14
NIGHTS_IN_DETAIL = 28
_RULED = {
    "refusal": "answered",
    "format": "hold every rule",
    "quality": "hold every rule",
    "contract": "hold every rule",
    "task": "pass",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedAnswer:
    """One sample with its answer and its measures, on either side."""

    night: str
    answer: Answer | None
    measures: Measures
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvidence:
    """Both sides of a case, measured and marked."""

    case: Case
    reference: tuple[MarkedAnswer, ...]
    candidate: tuple[MarkedAnswer, ...]
    candidate_columns: tuple[Column, ...]
    unit: str
    now: str = "tonight"
    """What the candidate's side is called in a sentence."""


def gather(
    case: Case, signal: str | None, known: CaseBaseline | None, samples: Sequence[Sample], planned: int
) -> CaseEvidence:
    """Measure and mark both sides of a case by `signal`; without a signal, by whether a reply came back."""
    measure = measurer(case)
    stored = known.samples if known else ()
    before = [measured.measures for measured in measure_stored(case, stored, measure)]
    usual = _most_common(measures.digest for measures in before)
    mark = _marker(signal, usual)
    reference = tuple(
        MarkedAnswer(night=sample.batch, answer=sample.answer, measures=measures, mark=mark(measures))
        for sample, measures in zip(stored, before, strict=True)
    )
    answered = [(sample, sample.answer) for sample in samples if sample.answer is not None]
    candidate = tuple(
        MarkedAnswer(night=sample.round.value, answer=answer, measures=found, mark=mark(found))
        for sample, answer in answered
        for found in (measure(answer),)
    )
    by_sample = {id(sample): said.mark for (sample, _), said in zip(answered, candidate, strict=True)}
    return CaseEvidence(
        case=case,
        reference=reference,
        candidate=candidate,
        candidate_columns=candidate_columns(
            samples, planned, lambda sample: by_sample.get(id(sample), Mark.MISSING)
        ),
        unit=_RULED.get(signal or "", "the usual answer" if signal else "answered"),
    )


def candidate_columns(
    samples: Sequence[Sample], planned: int, mark: Callable[[Sample], Mark]
) -> tuple[Column, ...]:
    """Lay tonight's samples out by round; a sample that was planned and never made is missing."""
    columns = []
    for round_ in Round:
        marks = [mark(sample) for sample in samples if sample.round is round_]
        if round_ is Round.FIRST:
            marks += [Mark.MISSING] * (planned - len(marks))
        if marks:
            columns.append(Column(name="tonight" if round_ is Round.FIRST else "again", marks=tuple(marks)))
    return tuple(columns)


def came_back(sample: Sample) -> Mark:
    """Mark a sample by whether an answer came back."""
    return Mark.MISSING if sample.answer is None else Mark.HELD


def grid_of(evidence: CaseEvidence, nights: int) -> SampleGrid:
    """Lay out the last `nights` of the reference beside the candidate."""
    return _grid(((said.night, said.mark) for said in evidence.reference), evidence.candidate_columns, nights)


def quiet_grid(known: CaseBaseline | None, columns: tuple[Column, ...]) -> SampleGrid:
    """Lay out a case that is within its noise: every stored sample held."""
    return _grid(
        ((sample.batch, Mark.HELD) for sample in known.samples) if known else (), columns, NIGHTS_IN_STRIP
    )


def counts_of(evidence: CaseEvidence, finding: Finding | None) -> Counts:
    """Count both sides as n/N by the mark that decides, or give the number that moved."""
    effect = finding.effect if finding else None
    if finding is not None and effect is not None and effect.unit in ("score", "log-characters"):
        unit = "mean score" if effect.unit == "score" else "characters"
        span = abs((effect.candidate or 0) - (effect.reference or 0))
        return Counts(
            reference=value_text(effect.reference, effect.unit, span),
            candidate=value_text(effect.candidate, effect.unit, span),
            unit=f"{unit}, n {finding.n_reference} and {finding.n_candidate}",
        )
    if finding is None:
        tonight = sum(len(column.marks) for column in evidence.candidate_columns)
        before = len(evidence.reference)
        return Counts(
            reference=f"{before}/{before}" if before else "none",
            candidate=f"{len(evidence.candidate)}/{tonight}",
            unit="came back",
        )
    return _mark_counts(evidence)


def grid_label(evidence: CaseEvidence) -> str:
    """Say a grid of marks in words."""
    counts = _mark_counts(evidence)
    missing = sum(column.marks.count(Mark.MISSING) for column in evidence.candidate_columns)
    said = f"Reference {counts.reference}, candidate {counts.candidate} {evidence.unit}"
    return f"{said}; {missing} missing" if missing else said


def _mark_counts(evidence: CaseEvidence) -> Counts:
    ruled = evidence.unit in _RULED.values()
    sides = []
    for side in (evidence.reference, evidence.candidate):
        counted = [said.mark for said in side if not (ruled and said.mark is Mark.OTHER)]
        sides.append(f"{counted.count(Mark.HELD)}/{len(counted)}" if counted else "none")
    return Counts(reference=sides[0], candidate=sides[1], unit=evidence.unit)


def _marker(signal: str | None, usual: str | None) -> Callable[[Measures], Mark]:
    def ruled(value: float | None) -> Mark:
        return Mark.OTHER if value is None else Mark.FAILED if value else Mark.HELD

    match signal:
        case None:
            return lambda _measures: Mark.HELD
        case "refusal":
            return lambda measures: ruled(measures.refused)
        case "task":
            return lambda measures: Mark.FAILED if measures.invalid else Mark.HELD
        case "format" | "quality" | "contract":
            return lambda measures: ruled(measures.invalid)
        case _:
            return lambda measures: Mark.HELD if usual in (None, measures.digest) else Mark.OTHER


def _most_common(digests: Iterable[str]) -> str | None:
    counted = Counter(digests).most_common(1)
    return counted[0][0] if counted else None


def _grid(reference: Iterable[tuple[str, Mark]], candidate: tuple[Column, ...], nights: int) -> SampleGrid:
    by_night: dict[str, list[Mark]] = {}
    for night, mark in reference:
        by_night.setdefault(night, []).append(mark)
    names = sorted(by_night)
    return SampleGrid(
        reference=tuple(
            Column(name=night_text(name, year=False), marks=tuple(by_night[name])) for name in names[-nights:]
        ),
        candidate=candidate,
        nights_left_out=max(0, len(names) - nights),
    )
