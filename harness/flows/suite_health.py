"""Read off run folders what the cases of a suite have shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.core.canonical import text_digest
from harness.core.measures import measurer
from harness.core.plan import Round
from harness.core.run import Manifest, RunKind, RunRecord
from harness.core.suite import Suite
from harness.core.suite_health import (
    Alike,
    CaseNight,
    alike_questions,
    moved_together,
    question_text,
)
from harness.errors import HarnessError
from harness.ports import Encoder, RunStore, VectorCache


@dataclass(slots=True, kw_only=True)
class Shown:
    """What the runs hold."""

    nights: dict[str, list[CaseNight]] = field(default_factory=dict)
    """By case, oldest first."""
    texts: dict[str, str] = field(default_factory=dict)
    """The answers, by digest."""
    damaged: list[str] = field(default_factory=list)


def gather_shown(suite: Suite, runs: RunStore, most: int) -> Shown:
    """Read the last `most` batches of every target of a suite: nights of canaries, checks of golden tasks.

    Of a case only answers to today's question count. A run that cannot be read is left out and named.
    """
    shown = Shown()
    for run in _last(suite, runs, most, shown):
        try:
            record = runs.load(run)
        except HarnessError as error:
            shown.damaged.append(str(error))
            continue
        if record.end is not None:
            _add(shown, suite, record)
    return shown


def _last(suite: Suite, runs: RunStore, most: int, shown: Shown) -> Sequence[str]:
    """Name the runs to read, oldest first, without reading more manifests than it takes."""
    counted: dict[str, set[str]] = {}
    found: list[str] = []
    firsts: dict[tuple[str, str], str] = {}
    for run in reversed(runs.names()):
        try:
            manifest = runs.manifest(run)
        except HarnessError as error:
            shown.damaged.append(str(error))
            continue
        if not _counts(manifest, suite):
            continue
        occasion = run if suite.golden else manifest.night
        if all(
            len(counted.get(target.name, ())) >= most and occasion not in counted[target.name]
            for target in manifest.targets
        ):
            continue
        for target in manifest.targets:
            counted.setdefault(target.name, set()).add(occasion)
        names = ",".join(sorted(target.name for target in manifest.targets))
        earlier = firsts.get((occasion, names))
        if earlier is not None:
            found.remove(earlier)  # the first run of a night is the one that counts
        firsts[occasion, names] = run
        found.append(run)
    return found[::-1]


def _counts(manifest: Manifest, suite: Suite) -> bool:
    is_check = manifest.kind is RunKind.CHECK and manifest.shard is None
    return is_check and manifest.suite.name == suite.name and (suite.golden or manifest.scheduled)


def _add(shown: Shown, suite: Suite, record: RunRecord) -> None:
    asked = record.cases
    for case in suite.cases:
        if case.id not in asked or asked[case.id].question != case.question:
            continue
        measure = measurer(case)
        for target, batch in sorted(record.batches.items()):
            samples = batch.of_round(Round.FIRST).samples.get(case.id, ())
            answers = [sample.answer for sample in samples if sample.answer is not None]
            if not answers:
                continue
            broken = [one for answer in answers if (one := measure(answer).invalid) is not None]
            texts = {text_digest(answer.measured_text): answer.measured_text for answer in answers}
            shown.texts |= texts
            shown.nights.setdefault(case.id, []).append(
                CaseNight(
                    target=target,
                    night=record.manifest.night,
                    run=record.manifest.run,
                    texts=tuple(text_digest(answer.measured_text) for answer in answers),
                    broken=sum(broken) / len(broken) if broken else None,
                )
            )


def find_alike(
    suite: Suite, shown: Shown, vectors: VectorCache, encoder: Encoder, threshold: float
) -> tuple[Alike, ...]:
    """Find the pairs of cases with alike questions, and how their answers moved. Raises MeasurementError, SetupError.

    Only the answers of such pairs are encoded.
    """
    asked = {case.id: question_text(case) for case in suite.cases}
    held = vectors.vectors({text_digest(text): text for text in asked.values()}, encoder)
    questions = {case: held[text_digest(text)] for case, text in asked.items()}
    pairs = tuple(alike_questions(questions, threshold))
    wanted = _texts_of(shown, {case for first, second, _ in pairs for case in (first, second)})
    answers = vectors.vectors(wanted, encoder) if wanted else {}
    found = []
    for first, second, similarity in pairs:
        together, still = moved_together(shown.nights.get(first, ()), shown.nights.get(second, ()), answers)
        found.append(Alike(first=first, second=second, similarity=similarity, together=together, still=still))
    return tuple(found)


def _texts_of(shown: Shown, cases: set[str]) -> Mapping[str, str]:
    return {
        text: shown.texts[text]
        for case in cases
        for night in shown.nights.get(case, ())
        for text in night.texts
    }
