"""One run: call, measure, decide, confirm what strayed, decide again."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field, replace

from harness.core.assembly import assemble
from harness.core.baseline_state import comparable
from harness.core.batch import Baseline, Batch
from harness.core.canonical import text_digest
from harness.core.decision import decide
from harness.core.detection import DETECTORS
from harness.core.judges import read_judge
from harness.core.judging.keys import is_judge_key
from harness.core.measures import Vectors
from harness.core.modes import mode_of
from harness.core.plan import Request, Round
from harness.core.replies import Answer, Failure, FailureKind
from harness.core.run import Earlier, Manifest, RunEnd, RunRecord
from harness.core.shard import shard_cases
from harness.core.upgrade.planning import first_plan
from harness.core.verdict import Verdict
from harness.errors import MeasurementError, TargetRejected
from harness.flows.calls import CallParts, CallResults, make_calls, unanswered
from harness.flows.judging import judge_run
from harness.flows.preparation import Preparation
from harness.ports import Encoder, RunJournal, RunStore, VectorCache

Completions = dict[str, Answer | Failure]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckParts:
    """What a run is made with."""

    calls: CallParts
    runs: RunStore
    journal: RunJournal
    encoder: Encoder
    vectors: VectorCache
    keep: Callable[[RunRecord, Verdict], None]
    """Put the verdict on disk; called once, while everything is still open. Not for a calibration."""
    load_formats: Callable[[], None] = lambda: None
    """Import what the verdict will be rendered with; called in a thread while the calls wait for answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckJob:
    """What a run is to do."""

    manifest: Manifest
    references: Mapping[str, Baseline]
    stale: Mapping[str, str] = field(default_factory=dict)
    earlier: Earlier = field(default_factory=Earlier)
    known: Mapping[str, Answer | Failure] = field(default_factory=dict)
    """Completions that an earlier attempt recorded."""
    billed_twice: tuple[str, ...] = ()
    confirm_now: bool = True
    """False where the policy has what strayed confirmed later, by another run."""
    not_asked: str | None = None
    """Why nothing is asked: the verdict says what can be said without."""
    measure: bool = True
    """False for a calibration, which gathers and decides nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """A finished run."""

    record: RunRecord
    verdict: Verdict


async def run_check(job: CheckJob, parts: CheckParts) -> CheckResult:
    """Make the run's calls, decide, confirm at once what strayed, and keep the verdict.

    A target that turns us away for good is asked no more, and the others go on. Raises SetupError where
    nobody answered for that reason; what was answered stays in the journal in any case. Whoever made the
    providers closes them.
    """
    manifest, clock = job.manifest, parts.calls.clock
    started = clock.monotonic()
    stop_at = started + 60 * manifest.policy.limits.max_minutes
    targets = {target.name: target.target for target in manifest.targets}
    completions: Completions = dict(job.known)
    preparation = Preparation(lambda: _load(parts, job), parts.load_formats if job.measure else lambda: None)
    try:
        plan = first_plan(
            shard_cases(manifest.suite.cases, manifest.shard),
            targets,
            samples=manifest.samples,
            paired=manifest.upgrade is not None,
            base_cases=manifest.base_cases,
            seed=manifest.run,
        )
        made = (
            await _round(plan.requests, parts, completions, stop_at)
            if job.not_asked is None
            else CallResults(completions={}, stopped=job.not_asked)
        )
        del plan  # as large as the answers' texts, and never looked at again
        turned_away = dict(made.fatal)
        if turned_away.keys() == targets.keys() and not _answered(completions):
            raise TargetRejected("\n".join(_complaints(manifest, turned_away)))
        await preparation.ready()
        # An earlier attempt may have begun a later round. What that gave is looked at when the round comes, so that
        # a resumed run takes the same course as one that nobody disturbed, and ends what was begun.
        asked: set[Round] = {Round.FIRST}
        if manifest.upgrade is not None:
            asked.add(Round.BASE_PROMPT)  # both prompts are asked at once
        record = await _measured(job, parts, completions, asked, made.stopped, started, stop_at)
        verdict = decide(record)
        # A shard asks its part of the first round; what follows depends on what all of them got.
        while job.measure and job.confirm_now and not made.stopped and manifest.shard is None:
            answering = [target for target in manifest.targets if target.name not in turned_away]
            further = mode_of(manifest.suite).next_round(record, verdict, answering, asked)
            if further is None:
                break
            asked.add(further.round)
            parts.calls.progress.note(further.why)
            made = await _round(further.requests, parts, completions, stop_at)
            record = await _measured(job, parts, completions, asked, made.stopped, started, stop_at)
            verdict = decide(record)
        if len(_of_rounds(completions, asked)) < len(completions):
            # What is on disk decides, also where this attempt would not have asked for it.
            record = await _measured(job, parts, completions, set(Round), made.stopped, started, stop_at)
            verdict = decide(record)
    finally:
        await preparation.end()
    assert record.end is not None
    await parts.journal.finish(record.end)
    if job.measure:
        await asyncio.to_thread(parts.keep, record, verdict)
    try:
        parts.runs.write_vectors(manifest.run, record.vectors)
    except (MeasurementError, OSError) as error:
        # What was decided stands.
        parts.calls.progress.note(f"cannot keep all of the run: {error}")
    return CheckResult(record=record, verdict=verdict)


def complaints(record: RunRecord) -> tuple[str, ...]:
    """Say of every target that was turned away for good what the provider said and how to mend it, a line each."""
    found: dict[str, Failure] = {}
    for name, batch in sorted(record.batches.items()):
        for sample in (sample for samples in batch.samples.values() for sample in samples):
            if sample.failure is not None and sample.failure.kind.ends_target:
                found.setdefault(name, sample.failure)
    return _complaints(record.manifest, found)


def _complaints(manifest: Manifest, turned_away: Mapping[str, Failure]) -> tuple[str, ...]:
    said = []
    for target in manifest.targets:
        if (failure := turned_away.get(target.name)) is None:
            continue
        if failure.kind is FailureKind.UNKNOWN_MODEL:
            mend = f"Correct targets.{target.name}.model in drift.yaml and start a new run"
        else:
            keys = (
                " and ".join(target.target.secret_names()) or f"targets.{target.name}.key_env in drift.yaml"
            )
            mend = f"Mend {keys}, then go on with `{manifest.resumed_by}`"
        what = f"{target.name}: {failure.kind.value.replace('_', ' ')}: {failure.detail}"
        said.append(f"{what}; no further call was made. {mend}")
    return tuple(said)


def _answered(completions: Completions) -> bool:
    return any(isinstance(completion, Answer) for completion in completions.values())


def _load(parts: CheckParts, job: CheckJob) -> None:
    """Import what the decision needs, and make the encoder ready."""
    if not job.measure:
        return
    mode_of(job.manifest.suite)
    if job.references and not job.manifest.suite.golden:
        DETECTORS.load("canary")
        with suppress(MeasurementError):
            parts.encoder.prepare()


async def _round(
    requests: Sequence[Request], parts: CheckParts, completions: Completions, stop_at: float
) -> CallResults:
    """Make the calls of a round that are not recorded yet, and add what they gave to `completions`."""
    missing = [request for request in requests if unanswered(request, completions) is not None]
    if missing:
        providers = {id(p): p for p in (parts.calls.providers[r.target_name] for r in missing)}
        await asyncio.gather(*(provider.prepare() for provider in providers.values()))
    parts.calls.progress.started(
        len(requests), f"{len(requests) - len(missing)} recorded before" if completions else ""
    )
    results = await make_calls(requests, parts.calls, known=completions, stop_at=stop_at)
    completions.update(results.completions)
    return results


async def _measured(
    job: CheckJob,
    parts: CheckParts,
    completions: Completions,
    rounds: AbstractSet[Round],
    stopped: str | None,
    started: float,
    stop_at: float,
) -> RunRecord:
    """Sort what these rounds gave into batches and encode every text that a comparison needs."""
    clock, ledger = parts.calls.clock, parts.calls.ledger
    found = _of_rounds(completions, rounds)
    whole = job.manifest.shard is None
    if job.manifest.judge is not None and stopped is None and whole:
        asked = assemble(job.manifest, found, None, job.references, job.stale, {}, job.earlier)
        stopped = await judge_run(asked, parts.calls, completions, stop_at)
    end = RunEnd(
        finished_at=clock.now().isoformat(timespec="seconds"),
        duration_s=round(clock.monotonic() - started, 3),
        cost_usd=round(ledger.spent_usd, 6),
        stopped=stopped,
        possibly_billed_twice=job.billed_twice,
    )
    record = assemble(job.manifest, found, end, job.references, job.stale, {}, job.earlier)
    record = read_judge(record, completions)
    texts = texts_to_encode(record) if job.measure and whole and not job.manifest.suite.golden else {}
    if not texts:
        return record
    return replace(record, vectors=await _encode(texts, parts))


def _of_rounds(completions: Completions, rounds: AbstractSet[Round]) -> Completions:
    """Keep what these rounds gave; a judge's replies are found by what they are about."""
    return {
        key: given
        for key, given in completions.items()
        if is_judge_key(key) or key.split(":", 2)[1] in rounds
    }


async def _encode(texts: Mapping[str, str], parts: CheckParts) -> Vectors:
    try:
        return await asyncio.to_thread(parts.vectors.vectors, texts, parts.encoder)
    except MeasurementError as error:
        parts.calls.progress.note(
            f"the encoder failed, so the embedding signal is not measured: {error.told}"
        )
        return {}


def texts_to_encode(record: RunRecord) -> dict[str, str]:
    """Return, by digest, every text of both sides of every comparison."""
    texts: dict[str, str] = {}
    for target in record.manifest.targets:
        batch, baseline = record.batches.get(target.name), record.references.get(target.name)
        known = comparable(record.manifest.suite.cases, target, baseline, record.manifest.policy)
        for case_id, case in known.cases.items():
            if batch is None or case_id not in batch.samples:
                continue
            for stored in case.samples:
                if stored.answer is not None:
                    texts[stored.text_digest] = stored.answer.measured_text
            for night in (batch, *_nights_before(record.earlier, target.name)):
                for sample in night.samples.get(case_id, ()):
                    if sample.answer is not None:
                        text = sample.answer.measured_text
                        texts[text_digest(text)] = text
    return texts


def _nights_before(earlier: Earlier, target: str) -> Iterator[Batch]:
    yield from earlier.windows.get(target, ())
    if target in earlier.awaited:
        yield earlier.awaited[target]
