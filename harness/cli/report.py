"""`drift report`: render a run again, or decide it again under another policy."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.decided import decided
from harness.cli.output import FILE_NAMES, Outputs, put, render
from harness.cli.session import Session
from harness.wiring import open_workshop, run_named
from harness.wiring.files import read_policy


def report(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(help="A run, the start of its name, its folder, or `last`.")] = "last",
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help="Decide again by this policy.")
    ] = None,
    format: Annotated[
        list[str] | None, typer.Option("--format", help="text, json, html, markdown; several with --out.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write the formats into this folder.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> int:
    """Render a run again, or decide it again under another policy. No call is made; the exit code is the verdict's."""
    session: Session = ctx.obj
    outputs = Outputs.of(session, format, out)
    workshop = open_workshop(session.folder, session.config, session.env_file)
    runs = workshop.runs
    name = runs.resolve(run_named(run, session.folder))
    found = decided(runs, name, read_policy(session.folder, policy) if policy else None)
    page = runs.path(name, FILE_NAMES["html"])
    if policy is None:
        runs.write(name, FILE_NAMES["json"], render("json", found.record, found.verdict))
        page = runs.write(name, FILE_NAMES["html"], render("html", found.record, found.verdict))
    put(session, found.record, found.verdict, outputs)
    if outputs.on_stdout == "text":
        session.put(f"report {page}\nexit {found.verdict.exit_code}")
    if open_page:
        webbrowser.open(page.resolve().as_uri())
    return found.verdict.exit_code
