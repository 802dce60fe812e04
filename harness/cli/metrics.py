"""`drift metrics`: figures for Prometheus."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.core.gauges import families_of
from harness.errors import MeasurementError, UsageError
from harness.reporting.counting import many
from harness.wiring.many_nights import incidents_now
from harness.wiring.metrics import push_figures, write_textfile


def metrics(
    ctx: typer.Context,
    textfile: Annotated[
        Path | None,
        typer.Option(
            "--textfile", metavar="FILE", help="Write FILE.prom for node_exporter's textfile collector."
        ),
    ] = None,
    push: Annotated[
        str | None,
        typer.Option(
            "--push", metavar="URL_ENV", help="Push to the gateway whose address the variable holds."
        ),
    ] = None,
) -> int:
    """Hand the last nights over as figures for Prometheus. Needs the extra `metrics`. No call to a model is made."""
    session: Session = ctx.obj
    if textfile is None and push is None:
        raise UsageError("where to? Give --textfile FILE.prom, --push URL_ENV, or both")
    workshop = open_project(session)
    nights = workshop.history().nights()
    if not nights:
        # An empty file would take away the figures by which an alert sees that nothing runs.
        raise MeasurementError(
            "no nights yet, so nothing was written: `drift check SUITE --scheduled` makes one, `drift history "
            "rebuild` finds those that ran"
        )
    families = families_of(nights, incidents_now(workshop, nights))
    count = many(sum(len(family.values) for family in families), "figure")
    if textfile is not None:
        session.put(f"{count} in {write_textfile(workshop, session.folder, textfile, families)}")
    if push is not None:
        push_figures(workshop, push, families)
        session.put(f"{count} pushed to the gateway of {push}")
    return 0
