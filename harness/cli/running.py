"""From options to a finished run: what check, calibrate and demo have in common."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import chain

from harness.cli.estimating import price_order
from harness.cli.interrupts import run_interruptibly
from harness.cli.ordering import RunOptions, check_keys, make_order
from harness.cli.output import load_formats, write_verdict
from harness.cli.planned import PlanOnly, plan_line
from harness.cli.progress import RunProgress
from harness.cli.session import Session
from harness.cli.upgrading import usual_tokens
from harness.core.assembly import possible_requests
from harness.core.history import NightEntry
from harness.core.replies import Answer, Failure
from harness.core.run import Earlier, JournalState, Manifest, RunEnd, RunRecord, resume_command
from harness.core.verdict import Verdict
from harness.errors import HarnessError, Interrupted, OtherRun
from harness.flows.budget import Ledger
from harness.flows.calls import CallParts
from harness.flows.check import CheckJob, CheckParts, CheckResult, run_check
from harness.flows.closing import close_providers
from harness.flows.earlier import gather_earlier
from harness.flows.history import remember
from harness.flows.judging import judge_requests_of
from harness.flows.prepare import (
    RunOrder,
    check_resumable,
    load_references,
    make_job,
    prices,
    usual_output_tokens,
)
from harness.ports import Encoder, Provider, RunStore
from harness.wiring import Workshop

__all__ = ["PlanOnly", "RunOptions", "make_run"]


def make_run(session: Session, workshop: Workshop, options: RunOptions) -> CheckResult | PlanOnly:
    """Make a run, or only plan it. The verdict is on disk before anything is let go of.

    Raises InputError before the first call for whatever would keep the run from working.
    """
    runs = workshop.runs
    # Golden tasks compare no meanings.
    golden = options.order is None and workshop.is_golden(options.suite)
    encoder = workshop.builtin_encoder() if golden else workshop.encoder()
    earlier = runs.manifest(runs.resolve(options.resume)) if options.resume else None
    order = make_order(workshop, options, encoder, earlier)
    if options.not_asked is None:
        check_keys(workshop, order.asked)
    providers = workshop.providers(order.asked, night=date.fromisoformat(order.night), run=order.run)
    parts = _RunParts(
        session=session, workshop=workshop, runs=runs, providers=providers, encoder=encoder, earlier=earlier
    )
    if earlier is not None:
        parts.made.append(earlier.run)
    return run_interruptibly(
        _run(options, order, parts), lambda number: _interrupted(order, parts.made, number)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunParts:
    session: Session
    workshop: Workshop
    runs: RunStore
    providers: Mapping[str, Provider]
    encoder: Encoder
    earlier: Manifest | None
    made: list[str] = field(default_factory=list)
    """Name of the run, as soon as it has a folder: another than the order's, where that one was taken."""

    def distinct_providers(self) -> tuple[Provider, ...]:
        """List every provider once; targets share them."""
        return tuple({id(provider): provider for provider in self.providers.values()}.values())


async def _run(options: RunOptions, order: RunOrder, parts: _RunParts) -> CheckResult | PlanOnly:
    try:
        return await _planned_run(options, order, parts)
    finally:
        for trouble in await close_providers(parts.providers.values()):
            parts.session.say(trouble)


async def _planned_run(options: RunOptions, order: RunOrder, parts: _RunParts) -> CheckResult | PlanOnly:
    for provider in parts.distinct_providers():
        if options.not_asked is None:
            provider.check()
    if parts.earlier is not None:
        check_resumable(parts.earlier, order)
    own = parts.workshop.baselines
    kept = options.pull.references if options.pull is not None else own
    references = await asyncio.to_thread(load_references, order, kept)
    cap_usd = order.policy.limits.max_cost_usd
    usual = usual_output_tokens(references)
    if order.upgrade is not None:
        usual = await asyncio.to_thread(usual_tokens, order, own)
    priced = price_order(order, parts.providers, usual, asks=options.not_asked is None)
    estimate, ledger = priced.estimate, priced.ledger
    parts.session.say(plan_line(order, estimate) if options.not_asked is None else options.not_asked)
    if options.plan_only:
        return PlanOnly(order=order, estimate=estimate, cap_usd=cap_usd)
    if options.not_asked is None:
        priced.check()
        # Only now what takes seconds: the price is known and the plan is said.
        await asyncio.gather(*(provider.prepare() for provider in parts.distinct_providers()))
    job = make_job(order, references, parts.providers, estimate.first_usd)
    state = None
    if order.upgrade is not None:
        sides = order.upgrade.model_copy(update={"prices": dict(prices(order.targets, parts.providers))})
        job = replace(job, manifest=job.manifest.model_copy(update={"upgrade": sides}))
    job = replace(
        job,
        confirm_now=order.suite.golden or order.policy.confirm_after == "now",
        not_asked=options.not_asked,
    )
    if parts.earlier is None:
        if options.pull is not None:
            proposed = await asyncio.to_thread(load_references, order, own)
            job = replace(job, earlier=Earlier(proposed=proposed))
        elif job.measure and not order.suite.golden and order.upgrade is None:
            job = replace(job, earlier=await asyncio.to_thread(_nights_before, parts, job))
        made = parts.runs.create(job.manifest, job.references, job.stale, job.earlier)
        parts.made.append(made.run)
        job = replace(job, manifest=made)
    else:
        state = parts.runs.journal_state(parts.earlier.run)
        loaded = parts.runs.load(parts.earlier.run)
        possible = chain(
            possible_requests(parts.earlier, state.completions), judge_requests_of(loaded, state.completions)
        )
        ledger.recall({request.key: request for request in possible}, state)
        job = _resumed(job, loaded, options, state)
    progress = RunProgress(parts.session)
    progress.expect(priced.requests)
    # The flow plans for itself; keeping a second plan would cost as much memory as the answers' texts.
    del priced
    return await _journaled_run(job, parts, ledger, progress, state)


async def _journaled_run(
    job: CheckJob, parts: _RunParts, ledger: Ledger, progress: RunProgress, state: JournalState | None
) -> CheckResult:
    workshop, runs, run = parts.workshop, parts.runs, job.manifest.run
    seen = await asyncio.to_thread(runs.response_ids)

    def keep(record: RunRecord, verdict: Verdict) -> None:
        write_verdict(runs, record, verdict)
        remember_night(parts.session, workshop, record, verdict)

    journal = runs.journal(run, state=state)
    try:
        return await run_check(
            job,
            CheckParts(
                calls=CallParts(
                    providers=parts.providers,
                    journal=journal,
                    ledger=ledger,
                    limits=job.manifest.policy.limits,
                    clock=workshop.clock,
                    jitter=workshop.jitter,
                    progress=progress,
                    scrub=workshop.scrub,
                    seen_response_ids=seen - _own_ids(state),
                ),
                runs=runs,
                journal=journal,
                encoder=parts.encoder,
                vectors=workshop.vectors(parts.encoder),
                keep=keep,
                load_formats=load_formats,
            ),
        )
    finally:
        progress.stop()
        await asyncio.to_thread(journal.close)


def remember_night(session: Session, workshop: Workshop, record: RunRecord, verdict: Verdict) -> None:
    """Add a night to the history, or say why that has to wait; it costs nobody the verdict."""
    if not record.manifest.scheduled and record.manifest.pull is None:
        return
    if record.manifest.shard is not None:
        return
    try:
        remember(verdict, record.manifest, workshop.baselines, workshop.history(), record.end)
    except HarnessError as error:
        session.say(f"the history does not know this run yet: {error}; drift history rebuild adds it")


def _nights_before(parts: _RunParts, job: CheckJob) -> Earlier:
    """Read what the nights before decide with; a history that cannot be read costs nobody the verdict."""
    suite = job.manifest.suite.name
    remembered: tuple[NightEntry, ...] = ()
    shard = job.manifest.shard
    if job.manifest.scheduled or (shard is not None and shard.scheduled):
        try:
            remembered = parts.workshop.history().nights(suite)
        except HarnessError as error:
            parts.session.say(f"the history was not read: {error}")
    mutes = parts.workshop.mutes.all()
    return gather_earlier(job.manifest, job.references, parts.runs, parts.workshop.verdict, remembered, mutes)


def _own_ids(state: JournalState | None) -> set[str]:
    answers = state.completions.values() if state else ()
    return {answer.response_id for answer in answers if isinstance(answer, Answer) and answer.response_id}


def _resumed(job: CheckJob, earlier: RunRecord, options: RunOptions, state: JournalState) -> CheckJob:
    """Go on where an earlier attempt stopped, with what it recorded and the baselines it began with.

    Who is asked is the order's: the folder of a run is no configuration, and may have come with a branch.
    A target that was turned away is asked again: resuming says that its key was mended.
    """
    known = {
        key: completion
        for key, completion in state.completions.items()
        if not isinstance(completion, Failure) or not (options.only_errors or completion.kind.ends_target)
    }
    ended = earlier.end
    if ended is not None:
        _check_due(earlier.manifest, ended, job)
    return replace(
        job,
        confirm_now=job.confirm_now or ended is not None,
        manifest=earlier.manifest.model_copy(
            update={
                name: getattr(job.manifest, name)
                for name in ("confirm", "targets", "judge", "base_cases", "pull")
            }
        ),
        references=earlier.references,
        stale=earlier.stale,
        earlier=earlier.earlier,
        known=known,
        billed_twice=tuple(sorted({*state.repeated, *state.in_flight})),
    )


def _check_due(ran: Manifest, ended: RunEnd, job: CheckJob) -> None:
    """Refuse a confirmation that comes too soon after what it confirms. Raises UsageError."""
    if not ran.policy.confirm_after_minutes:
        return  # nothing to wait for, though the clock may have been set back since
    due = datetime.fromisoformat(ended.finished_at) + timedelta(minutes=ran.policy.confirm_after_minutes)
    now = datetime.fromisoformat(job.manifest.started_at)
    if now < due:
        raise OtherRun(
            f"run {ran.run} is to be confirmed from {due:%Y-%m-%d %H:%M} UTC on; resume it then, or start a new run"
        )


def _interrupted(order: RunOrder, made: list[str], number: int) -> Interrupted:
    if not made:
        return Interrupted("stopped before the first call; nothing was asked", exit_code=128 + number)
    again = resume_command(order.kind, order.suite.name, made[-1], order.pull)
    return Interrupted(f"stopped; every answer is on disk. Go on with: {again}", exit_code=128 + number)
