"""`drift history`: the nights of every suite and target, and the incidents among them."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.core.canonical import canonical_json
from harness.core.history import NightEntry
from harness.core.incidents import Incident
from harness.core.trends import CHANGE_POINTS, levels, marks_of, trends_of
from harness.errors import DamagedRecord, UnknownName
from harness.flows.history import rebuild
from harness.registry import did_you_mean
from harness.reporting.counting import many
from harness.reporting.history import history_table
from harness.reporting.history_trends import trend_table
from harness.wiring import Workshop

_SHOW = "show"
NIGHTS_SHOWN = 14
TREND_NIGHTS = 30
FEWEST_DRAWN = 3
"""Nights that make a line."""
Method = Callable[[Sequence[float]], tuple[int, ...]]


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
    trend_nights: Annotated[
        int,
        typer.Option("--nights", metavar="N", min=0, max=1_100, help="Nights of the trends; 0 for none."),
    ] = TREND_NIGHTS,
    change_points: Annotated[
        bool,
        typer.Option(
            "--change-points",
            help="Also say when signals went over to another level. Needs the extra `trends`.",
        ),
    ] = False,
) -> int:
    """Show the last nights of each suite and target, their signals' trends, and what is open."""
    session: Session = ctx.obj
    workshop = open_project(session)
    method = CHANGE_POINTS.load("pelt") if change_points else None
    store = workshop.history()
    found = _by_track(store.nights(suite, target, last=max(last, trend_nights)))
    incidents = store.incidents(suite, target)
    nights = tuple(night for mine in found.values() for night in mine[-last:])
    if not nights:
        _check_names(workshop, suite, target)
    if session.json:
        said = {
            "nights": [night.model_dump(mode="json") for night in nights],
            "incidents": [incident.model_dump(mode="json") for incident in incidents],
            "trends": [
                _trends_as_json(track, mine[-trend_nights:], method)
                for track, mine in found.items()
                if trend_nights
            ],
        }
        session.put(canonical_json(said))
        return 0
    if not nights:
        session.put(
            "no nights yet: `drift check SUITE --scheduled` makes one, `drift history rebuild` finds those that ran"
        )
    for place, (track, mine) in enumerate(found.items()):
        session.put(("\n" if place else "") + _table(*track, nights, incidents))
        drawn = mine[-trend_nights:] if trend_nights else []
        if len(drawn) >= FEWEST_DRAWN and (
            table := trend_table(
                *track,
                drawn,
                _levels(drawn, method),
                [one for one in incidents if (one.suite, one.target) == track],
                colored=session.colored,
            )
        ):
            session.put(f"\n{table}")
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


def _by_track(nights: Sequence[NightEntry]) -> dict[tuple[str, str], list[NightEntry]]:
    found: dict[tuple[str, str], list[NightEntry]] = {}
    for night in nights:
        found.setdefault((night.suite, night.target), []).append(night)
    return found


def _levels(nights: Sequence[NightEntry], method: Method | None) -> dict[str, tuple[str, ...]]:
    if method is None:
        return {}
    return {trend.signal: levels(trend, method) for trend in trends_of(nights)}


def _trends_as_json(
    track: tuple[str, str], nights: Sequence[NightEntry], method: Method | None
) -> dict[str, object]:
    """Return the trends of one suite and target; `place` is in edges of the signal's noise, 0 the usual night."""
    found = _levels(nights, method)
    return {
        "suite": track[0],
        "target": track[1],
        "marks": [{**asdict(mark), "kind": mark.kind.value} for mark in marks_of(nights)],
        "signals": [
            {
                "signal": trend.signal,
                "unit": trend.unit,
                "points": [asdict(point) for point in trend.points],
                "change_points": list(found[trend.signal]) if method is not None else None,
            }
            for trend in trends_of(nights)
        ],
    }


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
