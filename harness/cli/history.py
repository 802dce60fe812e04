"""`drift history`: the nights of every suite and target, and the incidents among them."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.core.canonical import canonical_json
from harness.core.history import NightEntry
from harness.core.incidents import Incident
from harness.errors import DamagedRecord, UnknownName
from harness.flows.history import rebuild
from harness.registry import did_you_mean
from harness.reporting.counting import many
from harness.reporting.history import history_table
from harness.wiring import Workshop

_SHOW = "show"
NIGHTS_SHOWN = 14


class ShowUnlessToldOtherwise(TyperGroup):
    """Reads `drift history canary` as `drift history show canary`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in front of what is no command."""
        told = args and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if told else [_SHOW, *args])


app = typer.Typer(
    cls=ShowUnlessToldOtherwise,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Show the nights that ran and the incidents among them; `show` is meant where no command is named.",
)


@app.command(_SHOW)
def show(
    ctx: typer.Context,
    suite: Annotated[str | None, typer.Argument(help="Only this suite.")] = None,
    target: Annotated[str | None, typer.Option("--target", help="Only this target.")] = None,
    last: Annotated[
        int, typer.Option("--last", metavar="N", min=1, help="Nights of each suite and target.")
    ] = NIGHTS_SHOWN,
) -> int:
    """Show the last nights of each suite and target, and what is open."""
    session: Session = ctx.obj
    workshop = open_project(session)
    store = workshop.history()
    nights, incidents = store.nights(suite, target, last=last), store.incidents(suite, target)
    if not nights:
        _check_names(workshop, suite, target)
    if session.json:
        found = {
            "nights": [night.model_dump(mode="json") for night in nights],
            "incidents": [incident.model_dump(mode="json") for incident in incidents],
        }
        session.put(canonical_json(found))
        return 0
    if not nights:
        session.put(
            "no nights yet: `drift check SUITE --scheduled` makes one, `drift history rebuild` finds those that ran"
        )
    for place, track in enumerate(dict.fromkeys((night.suite, night.target) for night in nights)):
        session.put(("\n" if place else "") + _table(*track, nights, incidents))
    return 0


@app.command("rebuild")
def make_again(ctx: typer.Context) -> int:
    """Make the history again from the run folders and the baselines. No call is made."""
    session: Session = ctx.obj
    workshop = open_project(session)
    store = workshop.history()
    done = rebuild(workshop.runs, workshop.verdict, workshop.baselines, store, workshop.run_end)
    for run in done.unfinished:
        session.say(f"left out {run}: it did not end, so nothing was decided; --resume it, or delete it")
    incidents = store.incidents()
    still = sum(incident.closed is None for incident in incidents)
    session.put(
        f"{many(done.nights, 'night')} from {many(done.runs, 'run')}; "
        f"{many(len(incidents), 'incident')}, {still} open"
    )
    if done.damaged:
        raise DamagedRecord("\n".join(["left out of the history:", *done.damaged]))
    return 0


def _table(suite: str, target: str, nights: tuple[NightEntry, ...], incidents: tuple[Incident, ...]) -> str:
    return history_table(
        suite,
        target,
        [night for night in nights if (night.suite, night.target) == (suite, target)],
        [one for one in incidents if (one.suite, one.target) == (suite, target)],
    )


def _check_names(workshop: Workshop, suite: str | None, target: str | None) -> None:
    """Tell a name that is mistyped from one that has no night yet. Raises UsageError."""
    config = workshop.project.config
    for kind, name, known in (
        ("suite", suite, tuple(config.suites)),
        ("target", target, tuple(config.targets)),
    ):
        if name is not None and name not in known:
            raise UnknownName(f"unknown {kind} '{name}'{did_you_mean(name, known)}")
