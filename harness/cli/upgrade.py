"""`drift upgrade`: compare two models side by side before one takes the other's place."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.naming import MOST_USD
from harness.cli.opening import open_project
from harness.cli.ordering import RunOptions
from harness.cli.output import FORMATS_HELP, Outputs, finish, told
from harness.cli.planned import PlanOnly, plan_json, plan_text
from harness.cli.promotion import put_promotions
from harness.cli.running import make_run
from harness.cli.session import Session
from harness.cli.step import tell_run
from harness.cli.upgrading import COMBINED, SAMPLES, UpgradeOptions, order_again, order_upgrade
from harness.core.run import RunKind
from harness.errors import UnknownName, UsageError
from harness.flows.baseline_change import Decided
from harness.flows.upgrade_accept import pending_baselines
from harness.wiring import Workshop

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Compare two models side by side before one takes the other's place.",
)


@app.callback(invoke_without_command=True)
def upgrade(
    ctx: typer.Context,
    reference: Annotated[
        str | None, typer.Option("--from", metavar="TARGET", help="The target that is in use.")
    ] = None,
    candidate: Annotated[
        str | None, typer.Option("--to", metavar="TARGET", help="The target that may take its place.")
    ] = None,
    suite: Annotated[
        list[str] | None,
        typer.Option(
            "--suite", metavar="NAME", help="Only this suite; may be given again; else all of them."
        ),
    ] = None,
    case: Annotated[
        list[str] | None, typer.Option("--case", metavar="GLOB", help="Only cases that match.")
    ] = None,
    samples: Annotated[
        int | None, typer.Option("--samples", min=1, max=50, help=f"Replies a case and side; else {SAMPLES}.")
    ] = None,
    prompts: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--prompts",
            metavar="REF1 REF2",
            help="Replay golden tasks with the prompts of both commits on both models.",
        ),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what would be asked and what it may cost; ask nothing.")
    ] = False,
    max_cost: Annotated[
        float | None,
        typer.Option(
            "--max-cost", metavar="USD", min=0, max=MOST_USD, help="Cap, instead of limits.max_cost_usd."
        ),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume", metavar="RUN", help="Go on with a stopped comparison; `last` is the newest."
        ),
    ] = None,
    only_errors: Annotated[
        bool, typer.Option("--only-errors", help="With --resume: ask again what failed.")
    ] = False,
    format: Annotated[list[str] | None, typer.Option("--format", help=FORMATS_HELP)] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write the formats into this folder.")
    ] = None,
) -> int:
    """Compare two models side by side before one takes the other's place.

    Both answer every case of every suite, the same question one right after the other. `drift upgrade status` says
    how many clean nights the new model has behind it since.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    session: Session = ctx.obj
    outputs = Outputs.of(session, format, out)
    settled = (reference, candidate, suite, case, samples, prompts)
    if resume is not None and any(one is not None for one in settled):
        raise UsageError("a run goes on with what it set out to ask: give --resume alone")
    if only_errors and resume is None:
        raise UsageError("--only-errors asks again what failed in an earlier run: name it with --resume RUN")
    workshop = open_project(session)
    if resume is not None:
        run = _resumable(workshop, resume)
        order = order_again(workshop, workshop.runs.manifest(run), max_cost)
    else:
        run = None
        if reference is None or candidate is None:
            raise UsageError("name both targets: drift upgrade --from TARGET --to TARGET")
        asked = UpgradeOptions(
            reference=reference,
            candidate=candidate,
            suites=tuple(suite or ()),
            case_globs=tuple(case or ()),
            samples=samples or SAMPLES,
            prompts=prompts,
            max_cost_usd=max_cost,
        )
        order = order_upgrade(workshop, asked)
    options = RunOptions(
        suite=COMBINED,
        kind=RunKind.UPGRADE,
        resume=run,
        only_errors=only_errors,
        plan_only=plan,
        confirm=False,
        order=order,
    )
    outputs = outputs.through(workshop.redactor.redact_values)
    result = make_run(session, workshop, options)
    if isinstance(result, PlanOnly):
        session.put(plan_json(result) if session.json else plan_text(result))
        return 0
    with told(session):
        _keep_pending(workshop, Decided(record=result.record, verdict=result.verdict))
    code = finish(session, workshop.runs, result, outputs)
    with told(session):
        tell_run(session, workshop.runs, result.record, result.verdict, outputs)
    return code


@app.command("status")
def status(
    ctx: typer.Context,
    target: Annotated[
        str | None, typer.Argument(help="The new model; else every one that was accepted from a comparison.")
    ] = None,
) -> int:
    """Count the clean nights since an upgrade was accepted: 14 in a row, and the new model may be promoted.

    Exit 0 when it may, 1 while a drift is open, else 3.
    """
    session: Session = ctx.obj
    return put_promotions(session, open_project(session), target)


def _resumable(workshop: Workshop, named: str) -> str:
    runs = workshop.runs
    if named != "last":
        return runs.resolve(named)
    for run in reversed(runs.names()):
        if runs.manifest(run).kind is RunKind.UPGRADE:
            return run
    raise UnknownName("no comparison has run here; start one with `drift upgrade --from TARGET --to TARGET`")


def _keep_pending(workshop: Workshop, run: Decided) -> None:
    """Put the baselines that an acceptance would write beside the run, for whoever reviews it. Raises OSError."""
    digests_only = workshop.project.config.store.text == "digest"
    for suite, text in pending_baselines(run, digests_only=digests_only).items():
        workshop.runs.write(run.record.manifest.run, f"pending-{suite}.json", text)
