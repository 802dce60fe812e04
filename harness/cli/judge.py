"""`drift judge`: how far the judge agrees with people."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.interrupts import run_interruptibly
from harness.cli.naming import MOST_USD
from harness.cli.opening import open_project
from harness.cli.ordering import check_keys
from harness.cli.progress import RunProgress
from harness.cli.session import Session
from harness.core.canonical import canonical_json
from harness.core.judging.agreement import PASS_MARK, Label, agreement, label_items
from harness.core.judging.planning import JudgeItem, JudgeOptions, judge_requests, plan_judging
from harness.core.judging.records import Judged
from harness.core.plan import Estimate, FurtherRounds
from harness.core.policy import Limits
from harness.core.replies import Answer, Failure
from harness.core.run import JournalState, RunEnd
from harness.errors import Interrupted, UnknownName, UsageError
from harness.flows.budget import Ledger
from harness.flows.calls import CallParts
from harness.flows.closing import close_providers
from harness.flows.judging import JudgeResult, judge, possible_judge_requests, usual_judge_output
from harness.flows.prepare import prices
from harness.ports import Provider
from harness.reporting.agreement import agreement_text
from harness.wiring import Workshop
from harness.wiring.files import read_labels

RESULT = "agreement.json"
LEAST_COMPARED = 2 / 3
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Measure how far the judge agrees with people.",
)


@app.callback()
def group() -> None:
    """Measure how far the judge agrees with people."""


@app.command("calibrate")
def calibrate(
    ctx: typer.Context,
    labels: Annotated[
        Path,
        typer.Argument(
            metavar="LABELS", help="People's labels, one JSON object a line: id, task, rubric, answer, label."
        ),
    ],
    max_cost: Annotated[
        float | None,
        typer.Option(
            "--max-cost", metavar="USD", min=0, max=MOST_USD, help="Cap, instead of limits.max_cost_usd."
        ),
    ] = None,
    pass_mark: Annotated[
        float, typer.Option("--pass-mark", min=0, max=100, help="Points from which on an answer passes.")
    ] = PASS_MARK,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on with a calibration that stopped.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False,
) -> int:
    """Judge answers that people have labelled, and report Cohen's kappa with an interval. Costs calls."""
    session: Session = ctx.obj
    workshop = open_project(session)
    found = read_labels(session.folder, labels)
    options = _options(workshop, resume)
    check_keys(workshop, {options.target_name: options.target})
    providers = workshop.providers(
        {options.target_name: options.target}, night=workshop.clock.now().date(), run=options.run
    )
    parts = _Parts(
        session=session,
        workshop=workshop,
        options=options,
        providers=providers,
        limits=_limits(workshop, max_cost),
    )
    work = _calibrated(label_items(found), parts, resumed=resume is not None)
    result = run_interruptibly(work, lambda number: _interrupted(labels, options.run, number))
    return _told(parts, found, result.judged, pass_mark, as_json=json or session.json)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    session: Session
    workshop: Workshop
    options: JudgeOptions
    providers: Mapping[str, Provider]
    limits: Limits


def _options(workshop: Workshop, resume: str | None) -> JudgeOptions:
    config = workshop.project.config
    if config.judge is None:
        raise UsageError("drift.yaml names no judge; add a line such as: judge: {target: NAME}")
    if resume is not None and not workshop.runs.path(resume, "journal.jsonl").is_file():
        raise UnknownName(f"no calibration of a judge is called '{resume}'; start one without --resume")
    return JudgeOptions(
        run=resume or workshop.new_run_id("judge"),
        target_name=config.judge.target,
        target=config.targets[config.judge.target],
        both_orders=config.judge.both_orders,
        anchors=config.judge.anchors,
    )


def _limits(workshop: Workshop, max_cost: float | None) -> Limits:
    limits = workshop.project.config.limits
    return limits if max_cost is None else limits.model_copy(update={"max_cost_usd": max_cost})


async def _calibrated(items: Sequence[JudgeItem], parts: _Parts, *, resumed: bool) -> JudgeResult:
    try:
        return await _asked(items, parts, resumed=resumed)
    finally:
        for trouble in await close_providers(parts.providers.values()):
            parts.session.say(trouble)


async def _asked(items: Sequence[JudgeItem], parts: _Parts, *, resumed: bool) -> JudgeResult:
    options, workshop, runs = parts.options, parts.workshop, parts.workshop.runs
    parts.providers[options.target_name].check()
    plan = plan_judging(items, options)
    requests = judge_requests(plan)
    ledger = Ledger(prices({options.target_name: options.target}, parts.providers), parts.limits.max_cost_usd)
    estimate = ledger.estimate(
        requests, usual_judge_output(options), further=FurtherRounds(most=1, expected=0)
    )
    parts.session.say(_plan_line(len(items), estimate, parts.limits))
    ledger.check(estimate)
    state = runs.journal_state(options.run) if resumed else None
    known = state.completions if state is not None else {}
    if state is not None:
        ledger.recall({request.key: request for request in possible_judge_requests(plan, known)}, state)
    seen = await asyncio.to_thread(runs.response_ids)
    progress = RunProgress(parts.session)
    progress.expect(requests)
    started = workshop.clock.monotonic()
    journal = runs.journal(options.run, state=state)
    try:
        result = await judge(
            items,
            options,
            CallParts(
                providers=parts.providers,
                journal=journal,
                ledger=ledger,
                limits=parts.limits,
                clock=workshop.clock,
                jitter=workshop.jitter,
                progress=progress,
                scrub=workshop.scrub,
                seen_response_ids=seen - _ids(known),
            ),
            known=known,
            stop_at=started + 60 * parts.limits.max_minutes,
        )
        await journal.finish(_end(parts, ledger, result, state, started))
    finally:
        progress.stop()
        await asyncio.to_thread(journal.close)
    return result


def _end(
    parts: _Parts, ledger: Ledger, result: JudgeResult, state: JournalState | None, started: float
) -> RunEnd:
    clock = parts.workshop.clock
    return RunEnd(
        finished_at=clock.now().isoformat(timespec="seconds"),
        duration_s=round(clock.monotonic() - started, 3),
        cost_usd=round(ledger.spent_usd, 6),
        stopped=result.judged.stopped,
        possibly_billed_twice=tuple(sorted({*state.repeated, *state.in_flight})) if state else (),
    )


def _ids(known: Mapping[str, Answer | Failure]) -> set[str]:
    return {
        answer.response_id for answer in known.values() if isinstance(answer, Answer) and answer.response_id
    }


def _plan_line(labels: int, estimate: Estimate, limits: Limits) -> str:
    money = (
        f"about ${estimate.expected_usd:.2f}, cap ${limits.max_cost_usd:.2f}"
        if estimate.worst_usd
        else "free"
    )
    return f"plan   {labels} labels and the anchors: {estimate.calls} calls   {money}"


def _told(parts: _Parts, labels: Sequence[Label], judged: Judged, pass_mark: float, *, as_json: bool) -> int:
    """Write down and say how far they agree; return 0, or 3 where too little was measured to say so."""
    found = agreement(labels, judged, pass_mark=pass_mark)
    written = canonical_json(
        {
            "run": parts.options.run,
            "judge": judged.target,
            "model": parts.options.target.model,
            "ruler": judged.ruler,
            "agreement": found.model_dump(mode="json"),
            "void": judged.void,
            "position_bias": judged.position_bias.model_dump(mode="json"),
            "anchors": [anchor.model_dump(mode="json") for anchor in judged.anchors],
            "calls": judged.calls.model_dump(mode="json"),
        }
    )
    parts.workshop.runs.write(parts.options.run, RESULT, f"{written}\n")
    if as_json:
        parts.session.put(written)
    else:
        name = f"{judged.target} ({parts.options.target.model})"
        parts.session.put(agreement_text(name, found, judged))
        parts.session.put(f"kept in {parts.workshop.runs.path(parts.options.run, RESULT)}")
    with_content = found.labels - found.no_content
    return 3 if judged.void is not None or found.compared < LEAST_COMPARED * with_content else 0


def _interrupted(labels: Path, run: str, number: int) -> Interrupted:
    return Interrupted(
        f"stopped; every reply is on disk. Go on with: drift judge calibrate {labels} --resume {run}",
        exit_code=128 + number,
    )
