"""From options to a finished run: what check, calibrate and demo have in common."""

import asyncio
import fnmatch
import signal
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from harness.cli.progress import RunProgress
from harness.cli.session import Session
from harness.core.assembly import possible_requests
from harness.core.plan import Estimate
from harness.core.policy import Policy
from harness.core.replies import Answer, Failure
from harness.core.run import JournalState, Manifest, RunKind, RunRecord
from harness.core.suite import Suite, Target
from harness.errors import Interrupted, SetupError, UsageError
from harness.flows.budget import Ledger
from harness.flows.calls import CallParts
from harness.flows.check import CheckJob, CheckParts, CheckResult, run_check
from harness.flows.prepare import (
    RunOrder,
    check_resumable,
    load_references,
    make_job,
    plan_order,
    prices,
    usual_output_tokens,
)
from harness.ports import Encoder, Provider, RunStore
from harness.registry import did_you_mean
from harness.wiring import Workshop


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the command line may say about a run."""

    suite: str
    targets: tuple[str, ...] = ()
    case_globs: tuple[str, ...] = ()
    samples: int | None = None
    night: str | None = None
    scheduled: bool = False
    kind: RunKind = RunKind.CHECK
    max_cost_usd: float | None = None
    resume: str | None = None
    only_errors: bool = False
    confirm: bool = True
    policy: Policy | None = None
    plan_only: bool = False
    batches: int = 1
    """Batches one after the other, as a calibration in one evening needs them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOnly:
    """What a run would do."""

    order: RunOrder
    estimate: Estimate
    cap_usd: float


def make_run(session: Session, workshop: Workshop, options: RunOptions) -> CheckResult | PlanOnly:
    """Make a run, or only plan it.

    Raises InputError before the first call for whatever would keep the run from working.
    """
    encoder, runs = workshop.encoder(), workshop.runs
    earlier = runs.manifest(runs.resolve(options.resume)) if options.resume else None
    order = _order(workshop, options, encoder, earlier)
    _check_keys(workshop, order.targets)
    providers = workshop.providers(order.targets, night=date.fromisoformat(order.night), run=order.run)
    parts = _RunParts(workshop=workshop, runs=runs, providers=providers, encoder=encoder)
    return _run_interruptibly(_run(session, options, order, parts, earlier), order, runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunParts:
    workshop: Workshop
    runs: RunStore
    providers: Mapping[str, Provider]
    encoder: Encoder


async def _run(
    session: Session, options: RunOptions, order: RunOrder, parts: _RunParts, earlier: Manifest | None
) -> CheckResult | PlanOnly:
    async with AsyncExitStack() as stack:
        for provider in {id(p): p for p in parts.providers.values()}.values():
            stack.push_async_callback(provider.aclose)
        return await _run_with(session, options, order, parts, earlier)


async def _run_with(
    session: Session, options: RunOptions, order: RunOrder, parts: _RunParts, earlier: Manifest | None
) -> CheckResult | PlanOnly:
    workshop, runs, providers, encoder = parts.workshop, parts.runs, parts.providers, parts.encoder
    preparing = asyncio.gather(*(p.prepare() for p in {id(p): p for p in providers.values()}.values()))
    try:
        references = await asyncio.to_thread(load_references, order, workshop.baselines)
        await preparing
        ledger = Ledger(prices(order.targets, providers), order.policy.limits.max_cost_usd)
        requests = plan_order(order).requests
        estimate = ledger.estimate(requests, usual_output_tokens(references))
        session.say(_plan_line(order, estimate))
        if options.plan_only:
            return PlanOnly(order=order, estimate=estimate, cap_usd=order.policy.limits.max_cost_usd)
        ledger.check(estimate)
        job = make_job(order, references, providers, estimate.expected_usd)
        seen = await asyncio.to_thread(runs.response_ids)
    except BaseException:
        preparing.cancel()
        raise
    state = None
    if earlier is None:
        runs.create(job.manifest, job.references, job.stale)
    else:
        check_resumable(earlier, order)
        state = runs.journal_state(earlier.run)
        ledger.recall({request.key: request for request in possible_requests(earlier)}, state)
        job = _resumed(job, runs.load(earlier.run), options, state)
    progress = RunProgress(session)
    progress.expect(requests)
    # The flow plans for itself; keeping a second plan would cost as much memory as the answers' texts.
    del requests
    journal = runs.journal(order.run, state=state)
    try:
        return await run_check(
            job,
            CheckParts(
                calls=CallParts(
                    providers=providers,
                    journal=journal,
                    ledger=ledger,
                    limits=order.policy.limits,
                    clock=workshop.clock,
                    jitter=workshop.jitter,
                    progress=progress,
                    scrub=workshop.scrub,
                    seen_response_ids=seen - _own_ids(state),
                ),
                runs=runs,
                journal=journal,
                encoder=encoder,
                vectors=workshop.vectors(encoder),
                prepare_encoder=getattr(encoder, "prepare", lambda: None),
            ),
        )
    finally:
        progress.stop()
        await asyncio.to_thread(journal.close)


def _own_ids(state: JournalState | None) -> set[str]:
    answers = state.completions.values() if state else ()
    return {answer.response_id for answer in answers if isinstance(answer, Answer) and answer.response_id}


def _resumed(job: CheckJob, earlier: RunRecord, options: RunOptions, state: JournalState) -> CheckJob:
    """Go on where an earlier attempt stopped, with what it recorded and the baselines it began with."""
    known = {
        key: completion
        for key, completion in state.completions.items()
        if not (options.only_errors and isinstance(completion, Failure))
    }
    return replace(
        job,
        manifest=earlier.manifest.model_copy(update={"confirm": options.confirm and options.batches == 1}),
        references=earlier.references,
        stale=earlier.stale,
        known=known,
        billed_twice=tuple(sorted({*state.repeated, *state.in_flight})),
    )


def _order(workshop: Workshop, options: RunOptions, encoder: Encoder, earlier: Manifest | None) -> RunOrder:
    config, now = workshop.project.config, workshop.clock.now()
    suite = _only(workshop.suite(options.suite), options.case_globs)
    spec = config.suites[options.suite]
    policy = options.policy or config.decision_policy()
    if options.max_cost_usd is not None:
        limits = policy.limits.model_copy(update={"max_cost_usd": options.max_cost_usd})
        policy = policy.model_copy(update={"limits": limits})
    if earlier is not None:
        names = tuple(target.name for target in earlier.targets)
        # A calibration asks a case more often than its file says.
        asked = {case.id: case.samples for case in earlier.suite.cases}
        suite = suite.model_copy(
            update={
                "cases": tuple(
                    case.model_copy(update={"samples": asked[case.id]})
                    for case in suite.cases
                    if case.id in asked
                )
            }
        )
    else:
        names = options.targets or spec.targets
    samples = earlier.samples if earlier else options.samples or spec.samples
    if options.batches > 1:
        suite = suite.model_copy(
            update={
                "cases": tuple(
                    case.model_copy(update={"samples": (case.samples or samples) * options.batches})
                    for case in suite.cases
                )
            }
        )
    for name in names:
        if name not in config.targets:
            raise UsageError(f"unknown target '{name}'{did_you_mean(name, tuple(config.targets))}")
    return RunOrder(
        run=earlier.run if earlier else workshop.new_run_id(options.suite),
        kind=earlier.kind if earlier else options.kind,
        suite=suite,
        targets={name: config.targets[name] for name in names},
        samples=samples,
        night=earlier.night if earlier else _night(options.night) or f"{now:%Y-%m-%d}",
        scheduled=earlier.scheduled if earlier else options.scheduled,
        started_at=now.isoformat(timespec="seconds"),
        policy=policy,
        encoder=encoder.digest,
        encoder_name=config.encoder.name,
        versions=workshop.versions(),
        commit=workshop.commit(),
        confirm=options.confirm,
    )


def _night(named: str | None) -> str | None:
    if named is None:
        return None
    try:
        return date.fromisoformat(named).isoformat()
    except ValueError as error:
        raise UsageError(f"--night '{named}' is not a date such as 2026-11-21") from error


def _only(suite: Suite, globs: tuple[str, ...]) -> Suite:
    """Keep the cases that any of `globs` names. Raises UsageError for a glob that names none."""
    if not globs:
        return suite
    ids = tuple(case.id for case in suite.cases)
    for glob in globs:
        if not fnmatch.filter(ids, glob):
            raise UsageError(f"no case of '{suite.name}' matches '{glob}'{did_you_mean(glob, ids)}")
    kept = {case_id for glob in globs for case_id in fnmatch.filter(ids, glob)}
    return suite.model_copy(update={"cases": tuple(case for case in suite.cases if case.id in kept)})


def _check_keys(workshop: Workshop, targets: Mapping[str, Target]) -> None:
    """Refuse to start with a key missing. Raises SetupError naming every one."""
    missing = [
        f"target '{name}' needs the environment variable {variable}, which is not set"
        for name, target in targets.items()
        for variable in target.secret_names()
        if not workshop.environment.get(variable)
    ]
    if missing:
        raise SetupError("\n".join(missing))


def _plan_line(order: RunOrder, estimate: Estimate) -> str:
    cases, targets = len(order.suite.cases), len(order.targets)
    money = (
        f"about ${estimate.expected_usd:.2f}, cap ${order.policy.limits.max_cost_usd:.2f}"
        if estimate.worst_usd
        else "free"
    )
    again = f", up to {estimate.calls} to confirm" if order.confirm and order.policy.confirm else ""
    plural = "s" if targets != 1 else ""
    special = sum(case.samples not in (None, order.samples) for case in order.suite.cases)
    samples = (
        f"{order.samples} samples ({special} cases have their own number)"
        if special
        else f"{order.samples} samples"
    )
    return f"plan   {cases} cases x {targets} target{plural} x {samples}: {estimate.calls} calls{again}   {money}"


def _run_interruptibly(
    work: Coroutine[Any, Any, CheckResult | PlanOnly], order: RunOrder, runs: RunStore
) -> CheckResult | PlanOnly:
    """Run to the end, or stop in good order at SIGINT or SIGTERM. Raises Interrupted."""
    caught: list[int] = []

    async def guarded() -> CheckResult | PlanOnly:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()

        def stop(number: int) -> None:
            caught.append(number)
            task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            # Neither Windows nor a thread has loop signal handlers; there Ctrl-C arrives as KeyboardInterrupt.
            with suppress(NotImplementedError, RuntimeError):
                loop.add_signal_handler(number, stop, number)
        return await task

    try:
        return asyncio.run(guarded())
    except asyncio.CancelledError as error:
        raise _interrupted(order, runs, caught[0] if caught else signal.SIGINT) from error
    except KeyboardInterrupt as error:
        raise _interrupted(order, runs, signal.SIGINT) from error
    except ExceptionGroup as group:
        # A task group wraps the first error of a call; everyone above speaks of errors, not of groups.
        first = group.exceptions[0]
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        raise first from group


def _interrupted(order: RunOrder, runs: RunStore, number: int) -> Interrupted:
    if order.run not in runs.names():
        return Interrupted("stopped before the first call; nothing was asked", exit_code=128 + number)
    return Interrupted(
        f"stopped; every answer is on disk. Go on with: drift check {order.suite.name} --resume {order.run}",
        exit_code=128 + number,
    )
