"""What every change of a baseline shares: what was decided, who signs, and the lines that are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.core.batch import (
    Acceptance,
    Baseline,
    Batch,
    CaseBaseline,
    CaseIdentity,
    StoredMeasures,
    StoredSample,
)
from harness.core.canonical import text_digest
from harness.core.measures import measurer
from harness.core.plan import Round
from harness.core.run import RunRecord, RunTarget
from harness.core.suite import Case
from harness.core.verdict import TargetVerdict, Verdict, enough_measured
from harness.errors import NotAcceptable
from harness.ports import BaselineStore

SHORTEST_REASON = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A run and what was decided of it."""

    record: RunRecord
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who accepts, when and why. `by` is a claim taken from git."""

    by: str
    at: str
    reason: str
    incident: str | None = None
    """The drift that is accepted."""
    upgrade_from: str | None = None
    """The target that is to be replaced, where two were compared."""
    worse: tuple[str, ...] = ()
    """Cases that were worse than with that target."""

    def __post_init__(self) -> None:
        if len(self.reason.strip()) < SHORTEST_REASON:
            raise NotAcceptable(
                f"--reason needs {SHORTEST_REASON} characters or more: what changed, and why is it fine?"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of a baseline."""

    target: str
    written: bool
    nights: int
    cases: tuple[str, ...]
    runs: tuple[str, ...] = ()
    """The runs that were taken."""


def identity_of(case: Case, target: RunTarget) -> CaseIdentity:
    """Return what makes samples of a case comparable."""
    return CaseIdentity(
        question=case.question,
        treatment=target.target.treatment(case),
        ruler=case.ruler,
        prompt=case.prompt.digest if case.prompt is not None else None,
    )


def identity_in(record: RunRecord, case_id: str, target_name: str) -> CaseIdentity | None:
    """Return a case's identity in a run, or None where the run did not have it."""
    case = record.cases.get(case_id)
    return identity_of(case, run_target(record, target_name)) if case else None


def same_question(one: CaseIdentity | None, other: CaseIdentity) -> bool:
    """Say whether two identities ask the same in the same way; their rulers may differ."""
    return one is not None and (one.question, one.treatment) == (other.question, other.treatment)


def run_target(record: RunRecord, name: str) -> RunTarget:
    """Return a target of a run by its name."""
    return next(target for target in record.manifest.targets if target.name == name)


def target_verdict(run: Decided, name: str) -> TargetVerdict | None:
    """Return what was decided of a target, or None where the run did not ask it."""
    return next((target for target in run.verdict.targets if target.target == name), None)


def is_whole(run: Decided, name: str) -> bool:
    """Say whether a run came to its end and measured enough of a target."""
    target, end = target_verdict(run, name), run.record.end
    if target is None or end is None or end.stopped or target.shard is not None:
        return False
    return enough_measured(target.coverage, run.verdict.policy)


def is_answered(batch: Batch, case_id: str) -> bool:
    """Say whether a case got an answer."""
    return any(sample.answer is not None for sample in batch.samples.get(case_id, ()))


def is_burst(case: CaseBaseline) -> bool:
    """Say whether a case was sampled in one evening."""
    return any(sample.burst for sample in case.samples)


def keeps_digests(case: CaseBaseline) -> bool:
    """Say whether replies are kept without their text, so that they cannot be measured again."""
    return any(sample.answer is None for sample in case.samples)


def stored_samples(
    case: Case,
    record: RunRecord,
    target_name: str,
    *,
    burst: bool,
    digests_only: bool,
    rounds: Sequence[Round] = (Round.FIRST,),
) -> tuple[StoredSample, ...]:
    """Turn a run's answers to a case into baseline lines.

    By default the first round only: a confirmation exists only on nights that strayed, so it would be a
    biased choice. In the order in which a store keeps them, so that the same replies are equal.
    """
    measure, target, batch = measurer(case), run_target(record, target_name), record.batches[target_name]
    lines: list[StoredSample] = []
    for sample in batch.samples.get(case.id, ()):
        if sample.answer is None or sample.round not in rounds:
            continue
        measures = measure(sample.answer)
        kept = StoredMeasures(
            refusal=measures.refusal,
            invalid=measures.invalid,
            quality=measures.quality,
            length=round(measures.length, 6),
        )
        lines.append(
            StoredSample(
                night=batch.night,
                run=batch.run,
                sample=sample.number,
                round=sample.round,
                burst=burst,
                task=case.is_task,
                answer=None if digests_only else sample.answer,
                text_digest=text_digest(sample.answer.measured_text),
                made_by=f"{target.provider} {target.provider_version}",
                measures=kept if digests_only else None,
                judged=sample.judged,
            )
        )
    return tuple(sorted(lines, key=lambda line: (line.round.value, line.sample)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What an acceptance says of itself."""

    signature: Signature
    verdict: str
    cases: tuple[str, ...]


def write_change(
    store: BaselineStore,
    existing: Baseline | None,
    runs: Sequence[Decided],
    target: str,
    cases: Mapping[str, CaseBaseline],
    signed: Signed,
) -> Change:
    """Write a baseline of `cases`, taken from `runs` (oldest first), unless nothing but the signature would change."""
    last, names = runs[-1], tuple(run.record.manifest.run for run in runs)
    acceptance = Acceptance(
        at=signed.signature.at,
        by=signed.signature.by,
        reason=signed.signature.reason,
        cases=signed.cases,
        runs=names,
        verdict=signed.verdict,
        shown=last.verdict.shown,
        incident=signed.signature.incident,
        upgrade_from=signed.signature.upgrade_from,
        worse=signed.signature.worse,
    )
    baseline = Baseline(
        suite=last.record.manifest.suite.name,
        target=target,
        encoder=last.record.manifest.encoder,
        cases=cases,
        acceptances=(*(existing.acceptances if existing else ()), acceptance),
    )
    same = existing is not None and dict(existing.cases) == dict(cases)
    if same and signed.signature.upgrade_from is not None and existing is not None:
        # That it may replace another from now on is worth a line of its own, once.
        same = any(
            one.shown == last.verdict.shown and one.cases == signed.cases for one in existing.acceptances
        )
    return Change(
        target=target,
        written=False if same else store.save(baseline),
        nights=baseline.night_count(),
        cases=signed.cases,
        runs=names,
    )
