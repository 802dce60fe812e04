"""Both sides of every golden task: what passed and what failed, how long it took, how much it said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.core.batch import Baseline, Batch, CaseBaseline
from harness.core.detection.golden_runs import TaskRuns
from harness.core.measures import measure_stored, measurer
from harness.core.plan import Round
from harness.core.replies import Answer
from harness.core.suite import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSides:
    """One task's baseline and its runs, under one set of rules."""

    case: Case
    reference: tuple[bool, ...]
    """True is a run that broke a rule."""
    first: tuple[bool, ...]
    further: tuple[bool, ...]
    base_prompt: tuple[bool, ...]
    """Runs with the merge base's prompt."""
    reference_answers: tuple[Answer, ...]
    """Empty where the baseline keeps digests only."""
    answers: tuple[Answer, ...]
    """Of the first runs."""
    further_answers: tuple[Answer, ...]
    base_prompt_answers: tuple[Answer, ...]

    @property
    def failed(self) -> tuple[bool, ...]:
        """Tonight's runs with the head's prompt."""
        return (*self.first, *self.further)

    @property
    def tonight(self) -> tuple[Answer, ...]:
        """Tonight's answers to the head's prompt."""
        return (*self.answers, *self.further_answers)

    @property
    def at_once(self) -> "TaskSides":
        """The same, with all of tonight's runs as first ones."""
        return replace(self, first=self.failed, further=(), answers=self.tonight, further_answers=())

    @property
    def runs(self) -> TaskRuns:
        """What the tests read."""
        return TaskRuns(
            case=self.case.id,
            reference=self.reference,
            first=self.first,
            further=self.further,
            always=self.case.always,
        )


def task_sides(
    cases: Sequence[Case], baseline: Baseline | None, batch: Batch | None
) -> tuple[TaskSides, ...]:
    """Measure both sides of every task; a task that the baseline cannot be compared with has no reference."""
    known = comparable_tasks(cases, baseline)
    return tuple(_sides(case, known.get(case.id), batch) for case in cases)


def comparable_tasks(cases: Sequence[Case], baseline: Baseline | None) -> Mapping[str, CaseBaseline]:
    """Return what was accepted of the tasks that still ask the same.

    Prompt file, tools, model and parameters may differ: they are what a pull request sets out to vary. Where only
    digests were kept the rules must be the same ones.
    """
    found = {}
    for case in cases:
        known = baseline.cases.get(case.id) if baseline is not None else None
        if known is None or not known.samples or known.identity.question != case.question:
            continue
        digests_only = any(sample.answer is None for sample in known.samples)
        if digests_only and known.identity.ruler != case.ruler:
            continue
        found[case.id] = known
    return found


def _sides(case: Case, known: CaseBaseline | None, batch: Batch | None) -> TaskSides:
    measure = measurer(case)
    stored = measure_stored(case, known.samples, measure) if known is not None else ()
    answers: dict[Round, list[Answer]] = {}
    for sample in batch.samples.get(case.id, ()) if batch is not None else ():
        if sample.answer is not None:
            answers.setdefault(sample.round, []).append(sample.answer)

    def broken(round_: Round) -> tuple[bool, ...]:
        return tuple(bool(measure(answer).invalid) for answer in answers.get(round_, ()))

    return TaskSides(
        case=case,
        reference=tuple(bool(sample.measures.invalid) for sample in stored),
        first=broken(Round.FIRST),
        further=broken(Round.ESCALATE),
        base_prompt=broken(Round.BASE_PROMPT),
        reference_answers=tuple(
            sample.answer for sample in (known.samples if known else ()) if sample.answer is not None
        ),
        answers=tuple(answers.get(Round.FIRST, ())),
        further_answers=tuple(answers.get(Round.ESCALATE, ())),
        base_prompt_answers=tuple(answers.get(Round.BASE_PROMPT, ())),
    )
