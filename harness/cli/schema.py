"""`drift schema`: JSON Schema for editors."""

from typing import Annotated

import typer

from harness.cli.session import Session
from harness.wiring.files import schema_kinds, schema_text


def schema(
    ctx: typer.Context,
    kind: Annotated[str | None, typer.Argument(help="config, case or policy; without it, the list.")] = None,
) -> int:
    """Print a JSON Schema for editors."""
    session: Session = ctx.obj
    session.put("\n".join(schema_kinds()) if kind is None else schema_text(kind))
    return 0
