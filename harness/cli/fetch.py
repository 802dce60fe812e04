"""`drift fetch`: bring the runs of other machines into `reports/`."""

from typing import Annotated

import typer

from harness.cli.naming import date_named
from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.errors import DamagedRecord
from harness.reporting.counting import many
from harness.wiring.mirror import DEFAULT_ENV, open_mirror


def fetch(
    ctx: typer.Context,
    source: Annotated[
        str | None, typer.Option("--from", metavar="URL", help=f"Where from; else {DEFAULT_ENV}.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DATE", help="Only runs that started on this day or later."),
    ] = None,
) -> int:
    """Bring the runs that are not here yet into reports/, for calibrate, accept and history rebuild."""
    session: Session = ctx.obj
    workshop = open_project(session)
    oldest = f"{date_named(since, '--since'):%Y%m%d}" if since is not None else ""
    mirror, damaged = open_mirror(workshop, source), []
    held = set(workshop.runs.names())
    fetched = 0
    for run in mirror.names():
        if run < oldest or run in held:
            continue
        try:
            new = mirror.fetch(run, workshop.project.reports, workshop.project.root)
        except DamagedRecord as error:
            damaged.append(str(error))
            continue
        if new:
            fetched += 1
            session.say(f"{run}  fetched")
    session.put(f"{many(fetched, 'run')} fetched from {mirror.place}")
    if fetched:
        session.say("`drift history rebuild` adds their nights to the history")
    if damaged:
        raise DamagedRecord("\n".join(damaged))
    return 0
