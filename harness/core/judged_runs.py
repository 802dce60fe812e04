"""What a judge is asked in a run, and what it said there. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from harness.core.batch import Baseline, Batch, CaseBaseline, JudgeScore, Sample
from harness.core.canonical import text_digest
from harness.core.judging.keys import is_judge_key
from harness.core.judging.planning import JudgeItem, JudgeOptions, plan_judging
from harness.core.judging.reading import judged
from harness.core.judging.records import Judged
from harness.core.measures import measurer
from harness.core.medoid import medoid
from harness.core.messages import Role
from harness.core.plan import Round
from harness.core.replies import Answer, Failure
from harness.core.run import Manifest, RunRecord
from harness.core.suite import Case, UserTurn


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgeable:
    """One task with a rubric: what its answers are held against, each side without what breaks a rule."""

    case: Case
    """By the rules that count."""
    accepted: tuple[str, ...]
    """Accepted answers to the same question."""
    brought: tuple[str, ...]
    """Answers in the new baseline that a pull request brings."""
    answers: tuple[str, ...]

    @property
    def reference(self) -> str | None:
        """The accepted answer that stands for all, or None where there is nothing to fall from."""
        return medoid(self.accepted) if self.accepted else None

    @property
    def proposed(self) -> str | None:
        """The answer that the next pull request will be held against, where this one brings it."""
        return medoid(self.brought) if self.brought else None


def judge_items(record: RunRecord, target: str) -> tuple[JudgeItem, ...]:
    """Return what has to be judged of a target: answers that keep the rules of a case with a rubric.

    What breaks a rule has failed already. The reference is the medoid of the accepted answers that keep the
    rules. Of a baseline that a pull request brings the medoid is judged beside tonight's answers.
    """
    if record.manifest.upgrade is not None:
        return tuple(_paired_items(record)) if target == record.manifest.upgrade.candidate else ()
    if not record.manifest.suite.golden:
        batch = record.batches.get(target)
        return tuple(
            item
            for case in record.manifest.suite.cases
            if case.rubric is not None and batch is not None
            for item in _canary_item(case, case.rubric, batch)
        )
    return tuple(
        JudgeItem(
            case=one.case.id,
            task=one.case.purpose,
            rubric=one.case.rubric or "",
            question=_asked(one.case),
            reference=one.reference,
            candidates=tuple(dict.fromkeys((*one.answers, *([one.proposed] if one.proposed else [])))),
        )
        for one in judgeable_tasks(record, target)
        if one.accepted or one.brought
    )


def judgeable_tasks(record: RunRecord, target: str) -> Iterator[Judgeable]:
    """Yield the golden tasks with a rubric that have an answer which keeps the rules."""
    batch, reference = record.batches.get(target), record.references.get(target)
    proposed = record.earlier.proposed.get(target)
    for head, case in zip(record.manifest.suite.cases, judged_cases(record.manifest), strict=True):
        if case.rubric is None or batch is None:
            continue
        known = _comparable(reference, case)
        new = _comparable(proposed, case)
        brought = new is not None and new != known
        keeps, keeps_new = _rule_keeper(case), _rule_keeper(head)
        answers = [
            sample.answer
            for sample in batch.samples.get(case.id, ())
            if sample.answer is not None and sample.round is not Round.BASE_PROMPT
        ]
        # What is brought is held to the rules that are brought with it.
        texts = [a.measured_text for a in answers if keeps(a) or (brought and keeps_new(a))]
        if texts:
            yield Judgeable(
                case=case,
                accepted=_texts(known, keeps),
                brought=_texts(new, keeps_new) if brought else (),
                answers=tuple(texts),
            )


def tasks_without_reference(record: RunRecord, target: str) -> frozenset[str]:
    """Name the tasks that a judge should speak of and cannot: no accepted answer to start from keeps the rules."""
    if record.manifest.judge is None or not record.manifest.suite.golden:
        return frozenset()
    return frozenset(one.case.id for one in judgeable_tasks(record, target) if not one.accepted)


def _comparable(baseline: Baseline | None, case: Case) -> CaseBaseline | None:
    known = baseline.cases.get(case.id) if baseline is not None else None
    return known if known is not None and known.identity.question == case.question else None


def _rule_keeper(case: Case) -> Callable[[Answer], bool]:
    measure = measurer(case)
    return lambda answer: not measure(answer).invalid


def _texts(known: CaseBaseline | None, keeps: Callable[[Answer], bool]) -> tuple[str, ...]:
    answers = [line.answer for line in known.samples if line.answer is not None] if known is not None else []
    return tuple(answer.measured_text for answer in answers if keeps(answer))


def _canary_item(case: Case, rubric: str, batch: Batch) -> Iterator[JudgeItem]:
    """Yield what is judged of a canary: every different answer by itself, for a night is held against nights."""
    answers = [sample.answer for sample in batch.samples.get(case.id, ()) if sample.answer is not None]
    texts = tuple(dict.fromkeys(answer.measured_text for answer in answers))
    if texts:
        yield JudgeItem(
            case=case.id, task=case.purpose, rubric=rubric, question=_asked(case), candidates=texts
        )


def judged_cases(manifest: Manifest) -> tuple[Case, ...]:
    """Return a run's cases as they are judged: of a pull request by all that the merge base says, where it has the task.

    The rubric, the sentence that the judge reads, and the rules that keep an answer from it.
    """
    base = {case.id: case for case in manifest.base_cases}
    return tuple(
        case.model_copy(update={name: getattr(base[case.id], name) for name in ("expect", "rubric", "task")})
        if case.id in base
        else case
        for case in manifest.suite.cases
    )


def judge_options(manifest: Manifest) -> JudgeOptions:
    """Return who judges a run, and how."""
    assert manifest.judge is not None
    return JudgeOptions(
        run=manifest.run,
        target_name=manifest.judge.name,
        target=manifest.judge.target,
        both_orders=manifest.judge.both_orders,
        anchors=manifest.judge.anchors,
    )


def with_judged(record: RunRecord, completions: Mapping[str, Answer | Failure]) -> RunRecord:
    """Read out of a run's calls what the judge said of every target."""
    options = judge_options(record.manifest)
    said = {key: completion for key, completion in completions.items() if is_judge_key(key)}
    found: dict[str, Judged] = {}
    for target in record.manifest.targets:
        items = judge_items(record, target.name)
        if items:
            found[target.name] = judged(plan_judging(items, options), said)
    batches = {
        name: _scored(batch, found[name]) if name in found and _is_night(record.manifest) else batch
        for name, batch in record.batches.items()
    }
    return replace(record, judged=found, batches=batches)


def _scored(batch: Batch, said: Judged) -> Batch:
    """Put the judge's scores beside the answers of a night, so that they go wherever the answers go."""
    if said.void is not None:
        return batch
    scored = dict(batch.samples)
    for case in said.cases:
        points = {text.digest: text.score for text in case.candidates if text.score is not None}
        scored[case.case] = tuple(
            _with_score(sample, points, said.ruler) for sample in batch.samples[case.case]
        )
    return batch.model_copy(update={"samples": scored})


def _with_score(sample: Sample, points: Mapping[str, float], ruler: str) -> Sample:
    answer = sample.answer
    score = points.get(text_digest(answer.measured_text)) if answer is not None else None
    if score is None:
        return sample
    return sample.model_copy(update={"judged": JudgeScore(points=score, by=ruler[:16])})


def _is_night(manifest: Manifest) -> bool:
    """Say whether scores are kept beside the answers: a golden run and two models side by side are scored in pairs."""
    return not manifest.suite.golden and manifest.upgrade is None


def _paired_items(record: RunRecord) -> Iterator[JudgeItem]:
    """Yield what is judged of two models: every answer against the other side's answer of the same sample.

    Pairs of which either breaks a rule are decided already, and equal texts are no question.
    """
    sides = record.manifest.upgrade
    assert sides is not None
    batches = [record.batches.get(name) for name in (sides.reference, sides.candidate)]
    for case in record.manifest.suite.cases:
        if case.rubric is None or batches[0] is None or batches[1] is None:
            continue
        keeps = _rule_keeper(case)
        before, after = (
            {
                sample.number: sample.answer.measured_text
                for sample in batch.samples.get(case.id, ())
                if sample.round is Round.FIRST and sample.answer is not None and keeps(sample.answer)
            }
            for batch in batches
            if batch is not None
        )
        against: dict[str, dict[str, None]] = {}
        for number in sorted(before.keys() & after.keys()):
            if before[number] != after[number]:
                against.setdefault(before[number], {})[after[number]] = None
        for reference, candidates in against.items():
            yield JudgeItem(
                case=case.id,
                task=case.purpose,
                rubric=case.rubric,
                question=_asked(case),
                reference=reference,
                candidates=tuple(candidates),
            )


def _asked(case: Case) -> str:
    """Return what the user said, for the judge to know what was asked."""
    if case.input is None:
        return "\n\n".join(message.content for message in case.messages if message.role is Role.USER)
    return "\n\n".join(turn.user for turn in case.input.turns if isinstance(turn, UserTurn))
