"""`drift report`: render a run again, or decide it again under another policy."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.decided import decided, other_policy
from harness.cli.opening import open_project
from harness.cli.output import FILE_NAMES, FORMATS_HELP, GITHUB, Outputs, put, render
from harness.cli.session import Session
from harness.cli.step import tell_run
from harness.errors import UsageError
from harness.wiring import run_named
from harness.wiring.files import read_policy


def report(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(help="A run, the start of its name, its folder, or `last`.")] = "last",
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help="Decide again by this policy.")
    ] = None,
    project_policy: Annotated[
        bool, typer.Option("--project-policy", help="Decide again by this project's drift.yaml.")
    ] = False,
    format: Annotated[list[str] | None, typer.Option("--format", help=FORMATS_HELP)] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write the formats into this folder.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> int:
    """Render a run again, or decide it again under another policy. No call is made; the exit code is the verdict's."""
    session: Session = ctx.obj
    if policy and project_policy:
        raise UsageError("--policy and --project-policy name two policies: give one of them")
    outputs = Outputs.of(session, format, out)
    workshop = open_project(session)
    outputs = outputs.through(workshop.redactor.redact_values)
    runs = workshop.runs
    name = runs.resolve(run_named(run, session.folder))
    ours = workshop.project.config.decision_policy()
    other = read_policy(session.folder, policy) if policy else ours if project_policy else None
    found = decided(runs, name, other)
    page = runs.path(name, FILE_NAMES["html"])
    if other is None:
        if differs := other_policy(found, ours):
            session.warn(
                f"NOTE   decided by the run's own policy, which is not this project's: {differs}; decide by this "
                "project's with --project-policy. `drift review` prints the digest that `drift accept` takes"
            )
        runs.write(name, FILE_NAMES["json"], render("json", found.record, found.verdict))
        page = runs.write(name, FILE_NAMES["html"], render("html", found.record, found.verdict))
    put(session, found.record, found.verdict, outputs)
    tell_run(session, runs, found.record, found.verdict, outputs)
    if outputs.on_stdout in ("text", GITHUB):
        session.put(f"report {page}\nexit {found.verdict.exit_code}")
    if open_page:
        webbrowser.open(page.resolve().as_uri())
    return found.verdict.exit_code
