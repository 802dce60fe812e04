"""`drift report`: render a run again, or decide it again under another policy."""

import webbrowser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.decided import decided
from harness.cli.output import FILE_NAMES, Outputs, put, render
from harness.cli.session import Session
from harness.core.policy import Policy
from harness.errors import UsageError
from harness.wiring import open_workshop, run_named
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
    if policy and project_policy:
        raise UsageError("--policy and --project-policy name two policies: give one of them")
    outputs = Outputs.of(session, format, out)
    workshop = open_workshop(session.folder, session.config, session.env_file)
    runs = workshop.runs
    name = runs.resolve(run_named(run, session.folder))
    ours = workshop.project.config.decision_policy()
    other = read_policy(session.folder, policy) if policy else ours if project_policy else None
    found = decided(runs, name, other)
    page = runs.path(name, FILE_NAMES["html"])
    if other is None:
        differences = _differences(found.record.manifest.policy, ours)
        if differences:
            session.warn(
                f"NOTE   decided by the run's own policy, which is not this project's: {', '.join(differences)}; "
                "decide by this project's with --project-policy"
            )
        runs.write(name, FILE_NAMES["json"], render("json", found.record, found.verdict))
        page = runs.write(name, FILE_NAMES["html"], render("html", found.record, found.verdict))
    put(session, found.record, found.verdict, outputs)
    if outputs.on_stdout == "text":
        session.put(f"report {page}\nexit {found.verdict.exit_code}")
    if open_page:
        webbrowser.open(page.resolve().as_uri())
    return found.verdict.exit_code


_OF_THE_RUN_ONLY = ("max_cost_usd", "max_minutes", "concurrency", "timeout_s", "max_response_bytes")
"""Limits that hold while a run is made, and decide nothing afterwards."""


def _differences(theirs: Policy, ours: Policy) -> list[str]:
    """Name every field that decides and differs."""
    here = dict(_fields(ours.model_dump(mode="json")))
    return [
        f"{name} {value} (here {here.get(name)})"
        for name, value in _fields(theirs.model_dump(mode="json"))
        if value != here.get(name)
    ]


def _fields(values: Mapping[str, object], path: str = "") -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _fields(value, f"{path}{name}.")
        elif name != "name" and name not in _OF_THE_RUN_ONLY:
            yield f"{path}{name}", value
