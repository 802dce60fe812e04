"""What a judge is asked in a run, and what it said there. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harness.core.batch import Baseline, Batch, JudgeScore, Sample
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


def judge_items(
    cases: Sequence[Case], baseline: Baseline | None, batch: Batch | None
) -> tuple[JudgeItem, ...]:
    """Return what has to be judged of a target: answers that keep the rules of a case with a rubric.

    What breaks a rule has failed already. The reference is the medoid of the accepted answers that keep the
    rules; without one there is nothing to fall from.
    """
    found: list[JudgeItem] = []
    for case in cases:
        if case.rubric is None or batch is None:
            continue
        if not case.is_task:
            found.extend(_canary_item(case, case.rubric, batch))
            continue
        if baseline is None or case.id not in baseline.cases:
            continue
        known = baseline.cases[case.id]
        measure = measurer(case)
        accepted = [line.answer for line in known.samples if line.answer is not None]
        kept = [answer.measured_text for answer in accepted if not measure(answer).invalid]
        answers = [
            sample.answer
            for sample in batch.samples.get(case.id, ())
            if sample.answer is not None and sample.round is not Round.BASE_PROMPT
        ]
        texts = [answer.measured_text for answer in answers if not measure(answer).invalid]
        if not kept or not texts or known.identity.question != case.question:
            continue
        found.append(
            JudgeItem(
                case=case.id,
                task=case.purpose,
                rubric=case.rubric,
                question=_asked(case),
                reference=medoid(kept),
                candidates=tuple(dict.fromkeys(texts)),
            )
        )
    return tuple(found)


def _canary_item(case: Case, rubric: str, batch: Batch) -> Iterator[JudgeItem]:
    """Yield what is judged of a canary: every different answer by itself, for a night is held against nights."""
    answers = [sample.answer for sample in batch.samples.get(case.id, ()) if sample.answer is not None]
    texts = tuple(dict.fromkeys(answer.measured_text for answer in answers))
    if texts:
        yield JudgeItem(
            case=case.id, task=case.purpose, rubric=rubric, question=_asked(case), candidates=texts
        )


def judged_cases(manifest: Manifest) -> tuple[Case, ...]:
    """Return a run's cases with the rubrics that count: of a pull request those of the merge base, where it has the task."""
    base = {case.id: case for case in manifest.base_cases}
    return tuple(
        case.model_copy(update={"rubric": base[case.id].rubric}) if case.id in base else case
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
        items = judge_items(
            judged_cases(record.manifest), record.references.get(target.name), record.batches.get(target.name)
        )
        if items:
            found[target.name] = judged(plan_judging(items, options), said)
    batches = {
        name: _scored(batch, found[name]) if name in found and not record.manifest.suite.golden else batch
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


def _asked(case: Case) -> str:
    """Return what the user said, for the judge to know what was asked."""
    if case.input is None:
        return "\n\n".join(message.content for message in case.messages if message.role is Role.USER)
    return "\n\n".join(turn.user for turn in case.input.turns if isinstance(turn, UserTurn))
