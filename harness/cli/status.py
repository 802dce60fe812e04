"""`drift status`: the last nights, what is open, and what did not run."""

from typing import Annotated

import typer

from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.cli.standing import AGE_HELP, USUAL_AGE, hours_named, read_or_cannot_tell, track_facts
from harness.core.canonical import canonical_json
from harness.core.standing import trend_of
from harness.reporting.standing import status_lines

NIGHTS_DRAWN = 30


def status(
    ctx: typer.Context,
    suite: Annotated[str | None, typer.Option("--suite", help="Only this suite.")] = None,
    target: Annotated[str | None, typer.Option("--target", help="Only this target.")] = None,
    max_age: Annotated[str, typer.Option("--max-age", metavar="TIME", help=AGE_HELP)] = USUAL_AGE,
) -> int:
    """Show the last scheduled run of each suite and target, what is open, and the trend.

    Exits 3 where a suite and target has had none within --max-age; what is open never changes the exit code.
    """
    session: Session = ctx.obj
    most_h = hours_named(max_age)
    tracks = read_or_cannot_tell(open_project(session), suite, target)
    late = any(track.is_late(most_h) for track in tracks)
    code = 3 if late or not tracks else 0
    if session.json:
        found = [
            {**track_facts(track, most_h), "trend": trend_of(track.nights[-NIGHTS_DRAWN:])}
            for track in tracks
        ]
        session.put(canonical_json({"exit_code": code, "tracks": found}))
        return code
    session.put("\n".join(status_lines(tracks, most_h, NIGHTS_DRAWN)))
    return code
