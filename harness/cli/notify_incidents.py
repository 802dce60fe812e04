"""The commands of `drift notify` that tell of incidents: once when one opens, on something new, once when it is over."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.decided import decided
from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.cli.together import for_each
from harness.core.history import entries_of
from harness.core.incident_news import News, Notice, Standing
from harness.core.run import Manifest
from harness.core.verdict import Verdict
from harness.errors import HarnessError, NoProject, one_line
from harness.flows.history import acceptances_for
from harness.flows.notify import standings_after, tell, tell_of_verdict
from harness.ports import Clock, Notifier
from harness.reporting.counting import many
from harness.reporting.notice import notice, test_notice
from harness.wiring import Workshop, run_named
from harness.wiring.files import is_a_file
from harness.wiring.notify import plain_redactor, surroundings, verdict_file
from harness.wiring.tell import (
    configured_places,
    newest_nights,
    open_notifier,
    places_named,
    told_beside,
    told_of_project,
)

Run = Annotated[
    str,
    typer.Argument(
        help="A run, the start of its name, its folder, `last` for the last scheduled ones, or a verdict.json."
    ),
]
UrlEnv = Annotated[
    str | None,
    typer.Option("--url-env", metavar="NAME", help="The variable that holds the address; else drift.yaml's."),
]
Test = Annotated[bool, typer.Option("--test", help="Send a test message, and nothing else.")]


def webhook(
    ctx: typer.Context,
    run: Run = "last",
    url_env: UrlEnv = None,
    secret_env: Annotated[
        str | None,
        typer.Option("--secret-env", metavar="NAME", help="The variable that holds what to sign with."),
    ] = None,
    test: Test = False,
) -> int:
    """POST one JSON message for each incident: opened, something new, over. Never the same twice."""
    return _tell(
        "webhook", _Wish(session=ctx.obj, run=run, url_env=url_env, secret_env=secret_env, test=test)
    )


def apprise(ctx: typer.Context, run: Run = "last", url_env: UrlEnv = None, test: Test = False) -> int:
    """Tell Slack, mail and others of incidents, through apprise. Needs the extra `notify`."""
    return _tell("apprise", _Wish(session=ctx.obj, run=run, url_env=url_env, secret_env=None, test=test))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    session: Session
    run: str
    url_env: str | None
    secret_env: str | None
    test: bool


def _tell(kind: str, wish: _Wish) -> int:
    session = wish.session
    file = session.folder / wish.run
    if wish.run.endswith(".json") and is_a_file(file) and not wish.test:
        return _tell_of_file(kind, wish, file)
    workshop = _project_of(wish)
    if workshop is None:
        around = surroundings(session.folder, session.env_file, session.clock)
        return _test(_open(kind, wish, None, around.environment, around.clock), session, around.clock)
    notifier = _open(kind, wish, workshop, workshop.environment, workshop.clock)
    if wish.test:
        return _test(notifier, session, workshop.clock)
    # A run by hand since the night, as `drift respond` makes one, must not keep what is due from being told, and
    # neither must another target's night.
    names = newest_nights(workshop.runs) if wish.run == "last" else ()
    names = names or (workshop.runs.resolve(run_named(wish.run, session.folder)),)
    told: list[News] = []
    for_each(names, lambda name: told.extend(_told_of_run(session, workshop, notifier, name)))
    return _said(session, notifier, tuple(told))


def _told_of_run(session: Session, workshop: Workshop, notifier: Notifier, name: str) -> tuple[News, ...]:
    """Tell of the incidents of a run's targets. Raises HarnessError."""
    runs = workshop.runs
    verdict = workshop.verdict(name) or decided(runs, name).verdict
    if not verdict.scheduled:
        session.say(f"{one_line(name)} is no scheduled night, so it neither opens an incident nor closes one")
        return ()
    store = told_of_project(workshop, name)

    def word(news: News) -> Notice:
        return notice(news, verdict)

    try:
        standings = _standings(workshop, verdict, runs.manifest(name))
    except HarnessError as error:
        # At night nobody mends a database, and an alarm must not wait for it: the verdict knows what was open.
        session.say(f"the history was not read: {error}; told by the run's verdict alone")
        return tell_of_verdict(verdict, notifier, store, workshop.clock, word)
    return tell(standings, notifier, store, workshop.clock, word)


def _standings(workshop: Workshop, verdict: Verdict, manifest: Manifest) -> tuple[Standing, ...]:
    """Say how the incidents of a run's targets stand. Raises HarnessError where the history cannot be used."""
    targets = {target.target for target in verdict.targets}
    nights = [night for night in workshop.history().nights(verdict.suite) if night.target in targets]
    accepted = acceptances_for([*nights, *entries_of(verdict, manifest)], workshop.baselines)
    return standings_after(verdict, manifest, nights, accepted, workshop.mutes.all())


def _tell_of_file(kind: str, wish: _Wish, file: Path) -> int:
    """Tell by a verdict alone, of which incident was open before its night: no project is needed."""
    session, verdict = wish.session, verdict_file(file)
    workshop = _project_of(wish) if wish.url_env is None else None
    around = surroundings(session.folder, session.env_file, session.clock)
    notifier = _open(kind, wish, workshop, around.environment, around.clock)
    if not verdict.scheduled:
        session.say("the verdict is of no scheduled night, so it neither opens an incident nor closes one")
        return 0
    told = tell_of_verdict(verdict, notifier, told_beside(file), around.clock, lambda n: notice(n, verdict))
    return _said(session, notifier, told)


def _project_of(wish: _Wish) -> Workshop | None:
    """Open the project; None where there is none and none is needed, because the command line names all."""
    try:
        return open_project(wish.session)
    except NoProject:
        if wish.url_env is None or not wish.test:
            raise
        return None


def _open(
    kind: str, wish: _Wish, workshop: Workshop | None, environment: Mapping[str, str], clock: Clock
) -> Notifier:
    configured = configured_places(kind, workshop.project.config) if workshop is not None else None
    places = places_named(kind, wish.url_env, wish.secret_env, configured)
    redact = workshop.redactor.redact if workshop is not None else plain_redactor().redact
    return open_notifier(kind, places, environment, clock, redact)


def _test(notifier: Notifier, session: Session, clock: Clock) -> int:
    notifier.deliver(test_notice(f"{clock.now():%Y%m%dT%H%M%SZ}"))
    session.say(f"{notifier.destination}: the test message was taken")
    return 0


def _said(session: Session, notifier: Notifier, told: tuple[News, ...]) -> int:
    for news in told:
        session.say(f"{notifier.destination}: {one_line(news.standing.id)} {news.stage.value}")
    if not told:
        session.say(f"{notifier.destination}: nothing new to tell")
    else:
        session.say(f"{many(len(told), 'message')} delivered")
    return 0
