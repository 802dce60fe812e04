"""`drift merge RUN…`: one run, with one verdict, of all shards of a run."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.opening import open_project
from harness.cli.output import FORMATS_HELP, Outputs, finish, told, write_verdict
from harness.cli.running import remember_night
from harness.cli.session import Session
from harness.cli.step import tell_run
from harness.core.run import RunRecord
from harness.core.verdict import Verdict
from harness.flows.merge import MergeParts, merge_runs
from harness.wiring import run_named


def merge(
    ctx: typer.Context,
    run: Annotated[list[str], typer.Argument(help="Every shard of one run: names or folders.")],
    format: Annotated[list[str] | None, typer.Option("--format", help=FORMATS_HELP)] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write the formats into this folder.")
    ] = None,
) -> int:
    """Make one run, with one verdict, of all shards of a run. No call is made."""
    session: Session = ctx.obj
    outputs = Outputs.of(session, format, out)
    workshop = open_project(session)
    outputs = outputs.through(workshop.redactor.redact_values)
    runs = workshop.runs
    names = [runs.resolve(run_named(named, session.folder)) for named in run]
    golden = runs.manifest(names[0]).suite.golden
    encoder = workshop.builtin_encoder() if golden else workshop.encoder()

    def keep(record: RunRecord, verdict: Verdict) -> None:
        write_verdict(runs, record, verdict)
        remember_night(session, workshop, record, verdict)

    merged = asyncio.run(
        merge_runs(
            names,
            workshop.new_run_id,
            MergeParts(
                runs=runs,
                encoder=encoder,
                vectors=workshop.vectors(encoder),
                keep=keep,
                note=session.say,
            ),
        )
    )
    result = merged.result
    code = finish(session, runs, result, outputs)
    with told(session):
        tell_run(session, runs, result.record, result.verdict, outputs)
    if merged.left is not None:
        session.warn(f"drift: {merged.left}. Go on with: {result.record.manifest.resumed_by}")
    return code
