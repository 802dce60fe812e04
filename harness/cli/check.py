"""`drift check`: run a suite, compare it with its baseline, exit 1 on drift."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.heartbeat import send_word
from harness.cli.naming import MOST_USD, night_named
from harness.cli.nights import settle_night
from harness.cli.opening import open_project
from harness.cli.output import FORMATS_HELP, Outputs, finish, told
from harness.cli.planned import PlanOnly, plan_json, plan_text
from harness.cli.pull import Since, check_pull_request
from harness.cli.running import RunOptions, make_run
from harness.cli.session import Session
from harness.cli.step import tell_run
from harness.core.shard import Shard, shard_named
from harness.errors import UsageError
from harness.wiring.files import read_policy


def check(
    ctx: typer.Context,
    suite: Annotated[str, typer.Argument(help="The suite, as named in drift.yaml.")] = "canary",
    target: Annotated[
        list[str] | None, typer.Option("--target", help="Only this target; may be given again.")
    ] = None,
    case: Annotated[
        list[str] | None, typer.Option("--case", metavar="GLOB", help="Only cases that match.")
    ] = None,
    samples: Annotated[int | None, typer.Option("--samples", min=1, max=50, help="Replies a case.")] = None,
    scheduled: Annotated[
        bool, typer.Option("--scheduled", help="This is the night's run: it may become part of a baseline.")
    ] = False,
    night: Annotated[
        str | None, typer.Option("--night", metavar="DATE", help="The UTC date it counts for; else today.")
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
        typer.Option("--resume", metavar="RUN", help="Go on with a stopped run; `last` is the newest."),
    ] = None,
    only_errors: Annotated[
        bool, typer.Option("--only-errors", help="With --resume: ask again what failed.")
    ] = False,
    no_confirm: Annotated[
        bool,
        typer.Option("--no-confirm", help="Do not ask again what strayed; the verdict awaits confirmation."),
    ] = False,
    confirm_after: Annotated[
        str | None,
        typer.Option(
            "--confirm-after",
            metavar="WHEN",
            help="Ask again what strayed later: 1h (by --resume), or next-run; else now.",
        ),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help="Decide by this policy.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="REF",
            help="A pull request: ask the golden tasks that changed since the merge base with REF.",
        ),
    ] = None,
    trust_head: Annotated[
        bool,
        typer.Option(
            "--trust-head",
            help="With --since: take targets, gates and limits from the head. Not on a stranger's.",
        ),
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="I/N",
            help="Ask only the I-th of N parts of the cases; `drift merge` makes one run of all parts.",
        ),
    ] = None,
    format: Annotated[list[str] | None, typer.Option("--format", help=FORMATS_HELP)] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write the formats into this folder.")
    ] = None,
) -> int:
    """Run a suite, compare it with its baseline, exit 1 on drift."""
    session: Session = ctx.obj
    outputs = Outputs.of(session, format, out)
    if only_errors and resume is None:
        raise UsageError("--only-errors asks again what failed in an earlier run: name it with --resume RUN")
    if scheduled and case:
        raise UsageError("a night asks the whole suite: give --scheduled or --case, not both")
    workshop = open_project(session)
    options = RunOptions(
        suite=suite,
        targets=tuple(target or ()),
        case_globs=tuple(case or ()),
        samples=samples,
        night=night_named(night, workshop.clock.now()),
        scheduled=scheduled,
        max_cost_usd=max_cost,
        resume=resume,
        only_errors=only_errors,
        confirm=not no_confirm,
        confirm_after=confirm_after,
        policy=read_policy(session.folder, policy) if policy else None,
        plan_only=plan,
        shard=_shard_named(shard),
    )
    if since is not None:
        if scheduled or night:
            raise UsageError("a pull request is no night: give --since without --scheduled and --night")
        return check_pull_request(
            session, workshop, options, Since(ref=since, trust_head=trust_head), outputs
        )
    if trust_head:
        raise UsageError("--trust-head says whom a pull request may ask: give it with --since REF")
    outputs = outputs.through(workshop.redactor.redact_values)
    result = make_run(session, workshop, settle_night(session, workshop, options))
    if isinstance(result, PlanOnly):
        session.put(plan_json(result) if session.json else plan_text(result))
        return 0
    code = finish(session, workshop.runs, result, outputs)
    send_word(session, workshop, result.record, result.verdict)
    with told(session):
        tell_run(session, workshop.runs, result.record, result.verdict, outputs)
    return code


def _shard_named(text: str | None) -> Shard | None:
    if text is None:
        return None
    try:
        return shard_named(text)
    except ValueError as error:
        raise UsageError(f"--shard '{text}': {error}") from error
