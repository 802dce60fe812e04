"""`drift init`: a project that runs offline at once."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.session import Session
from harness.scaffold import scaffold_files
from harness.wiring.files import schema_kinds, schema_text, write_new_files


def init(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where; made if it is not there.")] = Path(),
) -> int:
    """Write a project that runs offline at once. Never overwrites."""
    session: Session = ctx.obj
    root = session.folder / folder
    kept = write_project(root)
    for name in kept:
        session.say(f"kept {name}")
    here = Path.cwd()
    shown = root.resolve().relative_to(here) if root.resolve().is_relative_to(here) else root.resolve()
    drift = "drift" if shown == Path() else f"drift -C {shlex.quote(str(shown))}"
    session.put(
        f"a project in {root.resolve()}\n"
        f"next: {drift} check canary\n"
        f"        asks the simulated model; still learning, no verdict yet\n"
        f"      {drift} calibrate canary --nights 14\n"
        f"        a provisional baseline in one evening\n"
        f"      {drift} check canary --target swapped\n"
        f"        what a silent model swap looks like"
    )
    return 0


def write_project(root: Path) -> tuple[str, ...]:
    """Write the scaffold's files and the JSON schemas; return the names of those that were there already."""
    schemas = {f".drift/schema/{kind}.json": schema_text(kind) for kind in schema_kinds()}
    return write_new_files(root, {**scaffold_files(), **schemas})
