"""`drift dashboard`: one static page over many nights."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.naming import date_named
from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.errors import UsageError
from harness.reporting.dashboard import render_dashboard
from harness.reporting.dashboard_days import dates
from harness.wiring.files import output_folder, write_file
from harness.wiring.many_nights import PAGE, dashboard_source

DAYS, MOST_DAYS = 365, 1_100


def dashboard(
    ctx: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where to write the page; else reports/dashboard.html."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DATE", help="The first night; else --days before the last."),
    ] = None,
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=1, max=MOST_DAYS, help="Nights up to the last that ran.")
    ] = DAYS,
) -> int:
    """Write a page over many nights: what is open, every night, incidents, trends, budgets. No call is made."""
    session: Session = ctx.obj
    first = date_named(since, "--since") if since is not None else None
    workshop = open_project(session)
    named = out if out is not None else workshop.project.reports / PAGE
    page = output_folder(session.folder, named.parent) / named.name
    if page.is_dir():
        raise UsageError(f"--out {page} is a folder; name a file")
    source = dashboard_source(workshop, page, since=first, days=days)
    if len(dates(source.since, source.until)) > MOST_DAYS:
        raise UsageError(f"--since {since} is over {MOST_DAYS} days before the last night; name a later date")
    write_file(page, workshop.redactor.redact_values(render_dashboard(source)))
    session.put(f"dashboard {page}")
    return 0
