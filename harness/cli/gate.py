"""`drift gate`: whether anything that should hold a promotion back is open."""

from typing import Annotated

import typer

from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.cli.standing import (
    AGE_HELP,
    USUAL_AGE,
    hours_named,
    read_or_cannot_tell,
    severity_named,
    track_facts,
)
from harness.core.canonical import canonical_json
from harness.core.standing import Track
from harness.reporting.standing import gate_lines


def gate(
    ctx: typer.Context,
    severity: Annotated[
        str,
        typer.Option("--severity", metavar="P", help="Hold at this severity and worse: P0, P1, P2 or P3."),
    ] = "P1",
    suite: Annotated[str | None, typer.Option("--suite", help="Only this suite.")] = None,
    target: Annotated[str | None, typer.Option("--target", help="Only this target.")] = None,
    max_age: Annotated[str, typer.Option("--max-age", metavar="TIME", help=AGE_HELP)] = USUAL_AGE,
) -> int:
    """Exit 1 while a severe incident is open and not muted, 3 where nobody can tell, else 0.

    Nobody can tell where the history cannot be read, or no scheduled run within --max-age could say anything.
    """
    session: Session = ctx.obj
    least, most_h = severity_named(severity), hours_named(max_age)
    tracks = read_or_cannot_tell(open_project(session), suite, target)
    code = gate_code(tracks, least, most_h)
    if session.json:
        held = [
            {"id": one.id, "severity": one.severity, "suite": one.suite, "target": one.target}
            for track in tracks
            for one in track.held_by(least)
        ]
        found = [track_facts(track, most_h) for track in tracks]
        session.put(canonical_json({"exit_code": code, "severity": least, "held_by": held, "tracks": found}))
        return code
    session.put("\n".join([*gate_lines(tracks, least, most_h), f"exit {code}"]))
    return code


def gate_code(tracks: tuple[Track, ...], severity: str, most_h: float) -> int:
    """Return 1 where something is open that holds, 3 where nobody can tell, else 0."""
    if any(track.held_by(severity) for track in tracks):
        return 1
    return 3 if not tracks or any(track.is_untold(most_h) for track in tracks) else 0
