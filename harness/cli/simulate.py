"""`drift simulate`: the simulated model as a server on loopback."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from harness.cli.session import Session
from harness.errors import UsageError
from harness.simulator.server import ServerSettings, serve


def simulate(
    ctx: typer.Context,
    host: Annotated[str, typer.Option("--host", help="Loopback, unless --exposed.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any that is free.")] = 8765,
    night: Annotated[
        str | None, typer.Option("--night", metavar="DATE", help="The night to play; else today's UTC date.")
    ] = None,
    latency_ms: Annotated[
        float | None,
        typer.Option("--latency-ms", min=0, help="Answer after this time; else at the profile's own pace."),
    ] = None,
    exposed: Annotated[
        bool, typer.Option("--exposed", help="Allow an address that other machines reach.")
    ] = False,
) -> int:
    """Serve the simulated model, OpenAI-compatible, with drift to switch on. Stop it with Ctrl-C."""
    session: Session = ctx.obj
    options: dict[str, object] = {"sleep": True}
    if latency_ms is not None:
        options["latency_ms"] = latency_ms
    settings = ServerSettings(
        today=_today(night),
        run=secrets.token_hex(4),
        host=host,
        port=port,
        options=options,
        exposed=exposed,
    )
    try:
        asyncio.run(serve(settings, ready=lambda url: session.put(f"listening on {url}")))
    except KeyboardInterrupt:
        return 130
    return 0


def _today(night: str | None) -> Callable[[], date]:
    if night is None:
        return lambda: datetime.now(UTC).date()
    try:
        fixed = date.fromisoformat(night)
    except ValueError as error:
        raise UsageError(f"--night '{night}' is not a date such as 2026-11-21") from error
    return lambda: fixed
