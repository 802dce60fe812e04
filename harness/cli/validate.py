"""`drift validate`: every error of every file, no call made."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.session import Session
from harness.wiring.files import check_files, warnings


def validate(
    ctx: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Case files or folders of them; else all of drift.yaml's suites."),
    ] = None,
) -> int:
    """Report every error of every file; no call is made."""
    session: Session = ctx.obj
    checked = check_files(session.folder, session.config, paths or [])
    for warning in warnings(session.folder, session.config):
        session.warn(f"NOTE   {warning}")
    session.put(f"{checked} files are right")
    return 0
