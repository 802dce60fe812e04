"""`drift push RUN…`: copy run folders to a place that several machines share."""

from typing import Annotated

import typer

from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.wiring import run_named
from harness.wiring.mirror import DEFAULT_ENV, open_mirror


def push(
    ctx: typer.Context,
    run: Annotated[list[str], typer.Argument(help="Runs: names, folders, or `last`.")],
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="URL", help=f"Where to, such as s3://BUCKET/FOLDER; else {DEFAULT_ENV}."
        ),
    ] = None,
) -> int:
    """Copy run folders, without their renderings, to a place that several machines share. Overwrites nothing."""
    session: Session = ctx.obj
    workshop = open_project(session)
    mirror, runs = open_mirror(workshop, to), workshop.runs
    names = [runs.resolve(run_named(named, session.folder)) for named in run]
    for name in names:
        runs.manifest(name)  # no folder that is none of ours
        folder = runs.path(name, "manifest.json").parent
        new = mirror.push(
            folder, folder if folder.parent != workshop.project.reports else workshop.project.root
        )
        session.put(f"{folder.name}  {'sent' if new else 'is there already'}")
    return 0
