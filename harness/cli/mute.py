"""`drift mute`: let an incident fail no night until a date."""

from datetime import timedelta
from typing import Annotated

import typer

from harness.cli.incidents import open_incident_named
from harness.cli.naming import date_named
from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.core.canonical import canonical_json
from harness.core.mutes import FEWEST_CHARACTERS, MOST_CHARACTERS, MOST_DAYS, Mute, covered_of, mute_in_force
from harness.errors import UsageError, one_line


def mute(
    ctx: typer.Context,
    incident: Annotated[
        str, typer.Argument(metavar="ID", help="The incident, as `drift history` and the report name it.")
    ],
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="DATE", help=f"The last night that it covers; {MOST_DAYS} days at most."
        ),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="What is known, and what is done about it.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take back what was muted before.")] = False,
) -> int:
    """Let an incident fail no night until a date, with a reason. What it does not cover fails at once.

    Written to baselines/mutes.jsonl, to be reviewed in git like an acceptance.
    """
    session: Session = ctx.obj
    workshop = open_project(session)
    found = open_incident_named(workshop, incident)
    now = workshop.clock.now()
    store, today = workshop.mutes, now.date()
    # A command line may hold bytes that are no UTF-8.
    said = " ".join(reason.encode("utf-8", "backslashreplace").decode().split())
    if undo:
        if until is not None:
            raise UsageError("--undo ends a mute now: give it without --until")
        if mute_in_force(store.all(), found.id, today.isoformat()) is None:
            raise UsageError(f"incident '{found.id}' is not muted")
    elif until is None:
        raise UsageError(f"say until when with --until DATE, at most {today + timedelta(days=MOST_DAYS)}")
    elif len(said) < FEWEST_CHARACTERS:
        raise UsageError(
            f"--reason needs {FEWEST_CHARACTERS} characters or more: who reads it must understand"
        )
    elif not today <= (last := date_named(until, "--until")) <= today + timedelta(days=MOST_DAYS):
        raise UsageError(
            f"--until {last} is not a date from {today} to {today + timedelta(days=MOST_DAYS)}: "
            f"nothing is muted for longer than {MOST_DAYS} days"
        )
    if len(said) > MOST_CHARACTERS:
        raise UsageError(f"--reason has {len(said):,} characters, and {MOST_CHARACTERS:,} at most are kept")
    line = Mute(
        incident=found.id,
        suite=found.suite,
        target=found.target,
        at=now.isoformat(timespec="seconds"),
        by=workshop.who(),
        until=None if undo else until,
        reason=said,
        covers=None if undo else covered_of(found),
    )
    path = store.add(line)
    if session.json:
        session.put(canonical_json(line.model_dump(mode="json")))
        return 0
    name = one_line(found.id)
    if undo:
        session.put(f"{name} is not muted any more: a quiet night exits 1 again")
    else:
        session.put(
            f"{name} ({found.severity}) is muted until {until}, that night included\n"
            f"covers {', '.join(found.signals)}; anything else, or worse, fails at once"
        )
    session.say(f"wrote {path}: commit it, and have it reviewed like an acceptance")
    return 0
