"""One run: call, measure, decide, confirm what strayed, decide again."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace

from harness.core.assembly import assemble
from harness.core.batch import Baseline
from harness.core.canonical import text_digest
from harness.core.decision import comparable, decide
from harness.core.measures import Vectors
from harness.core.plan import Request, Round, make_plan
from harness.core.replies import Answer, Failure
from harness.core.run import Manifest, RunEnd, RunRecord
from harness.core.verdict import Verdict
from harness.errors import MeasurementError, SetupError
from harness.flows.calls import CallParts, make_calls
from harness.ports import Encoder, Provider, RunJournal, RunStore, VectorCache

Completions = dict[str, Answer | Failure]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckParts:
    """What a run is made with."""

    calls: CallParts
    runs: RunStore
    journal: RunJournal
    encoder: Encoder
    vectors: VectorCache
    prepare_encoder: Callable[[], None]
    """Load the encoder; called in a thread while the first answers are on their way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckJob:
    """What a run is to do."""

    manifest: Manifest
    references: Mapping[str, Baseline]
    stale: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, Answer | Failure] = field(default_factory=dict)
    """Completions that an earlier attempt recorded."""
    billed_twice: tuple[str, ...] = ()
    measure: bool = True
    """False for a calibration, which gathers and decides nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """A finished run."""

    record: RunRecord
    verdict: Verdict


async def run_check(job: CheckJob, parts: CheckParts) -> CheckResult:
    """Make the run's calls, decide, and confirm at once what strayed.

    Raises SetupError where a target rejects the key or does not know the model; what was answered until
    then stays in the journal.
    """
    manifest, clock = job.manifest, parts.calls.clock
    started = clock.monotonic()
    stop_at = started + 60 * manifest.policy.limits.max_minutes
    targets = {target.name: target.target for target in manifest.targets}
    completions: Completions = dict(job.known)
    encoder_ready = asyncio.create_task(_prepare(parts, job))
    try:
        plan = make_plan(manifest.suite.cases, targets, samples=manifest.samples)
        stopped = await _round(plan.requests, parts, completions, stop_at)
        del plan  # as large as the answers' texts, and never looked at again
        await encoder_ready
        record = await _measured(job, parts, completions, stopped, started)
        verdict = decide(record)
        strayed = {target.target for target in verdict.targets if target.awaiting_confirmation}
        if strayed and manifest.confirm:
            parts.calls.progress.note(f"{', '.join(sorted(strayed))} strayed: asking again to confirm")
            again = _confirmation(manifest, strayed)
            stopped = await _round(again, parts, completions, stop_at)
            record = await _measured(job, parts, completions, stopped, started)
            verdict = decide(record)
    finally:
        await _close(parts.calls.providers, encoder_ready)
    assert record.end is not None
    await parts.journal.finish(record.end)
    try:
        parts.runs.write_vectors(manifest.run, record.vectors)
        parts.runs.remember_response_ids(record)
    except (MeasurementError, OSError) as error:
        # What was decided stands; these two can be made again from the journal.
        parts.calls.progress.note(f"cannot keep all of the run: {error}")
    return CheckResult(record=record, verdict=verdict)


def _confirmation(manifest: Manifest, strayed: set[str]) -> tuple[Request, ...]:
    targets = {target.name: target.target for target in manifest.targets if target.name in strayed}
    return make_plan(manifest.suite.cases, targets, samples=manifest.samples, round_=Round.CONFIRM).requests


async def _prepare(parts: CheckParts, job: CheckJob) -> None:
    if job.measure and job.references:
        with suppress(MeasurementError):
            await asyncio.to_thread(parts.prepare_encoder)


async def _round(
    requests: Sequence[Request], parts: CheckParts, completions: Completions, stop_at: float
) -> str | None:
    """Make the calls of a round that are not recorded yet; return why it stopped early, if it did."""
    missing = [request for request in requests if request.key not in completions]
    if missing:
        providers = {id(p): p for p in (parts.calls.providers[r.target_name] for r in missing)}
        await asyncio.gather(*(provider.prepare() for provider in providers.values()))
    parts.calls.progress.started(
        len(requests), f"{len(requests) - len(missing)} recorded before" if completions else ""
    )
    results = await make_calls(requests, parts.calls, known=completions, stop_at=stop_at)
    completions.update(results.completions)
    if results.fatal:
        raise SetupError(
            "\n".join(
                f"{target}: {failure.kind.value.replace('_', ' ')}: {failure.detail}; no further call was made"
                for target, failure in sorted(results.fatal.items())
            )
        )
    return results.stopped


async def _measured(
    job: CheckJob, parts: CheckParts, completions: Completions, stopped: str | None, started: float
) -> RunRecord:
    """Sort what came back into batches and encode every text that a comparison needs."""
    clock, ledger = parts.calls.clock, parts.calls.ledger
    end = RunEnd(
        finished_at=clock.now().isoformat(timespec="seconds"),
        duration_s=round(clock.monotonic() - started, 3),
        cost_usd=round(ledger.spent_usd, 6),
        stopped=stopped,
        possibly_billed_twice=job.billed_twice,
    )
    record = assemble(job.manifest, completions, end, job.references, job.stale, {})
    texts = texts_to_encode(record) if job.measure else {}
    if not texts:
        return record
    return replace(record, vectors=await _encode(texts, parts))


async def _encode(texts: Mapping[str, str], parts: CheckParts) -> Vectors:
    try:
        return await asyncio.to_thread(parts.vectors.vectors, texts, parts.encoder)
    except MeasurementError as error:
        parts.calls.progress.note(f"the encoder failed, so the embedding signal is not measured: {error}")
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
            for sample in batch.samples[case_id]:
                if sample.answer is not None:
                    text = sample.answer.measured_text
                    texts[text_digest(text)] = text
    return texts


async def _close(providers: Mapping[str, Provider], encoder_ready: asyncio.Task[None]) -> None:
    """Close every provider, also where one of them or the encoder has trouble of its own."""
    async with AsyncExitStack() as stack:
        for provider in {id(provider): provider for provider in providers.values()}.values():
            stack.push_async_callback(provider.aclose)
        encoder_ready.cancel()
        await asyncio.wait([encoder_ready])
        if not encoder_ready.cancelled():
            encoder_ready.exception()  # The run's own error, if there is one, is the one to hear of.
