"""`drift suite`: what the cases of a suite have shown, and which of them may give way to others."""

from datetime import date, timedelta
from typing import Annotated

import typer

from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.core.canonical import canonical_json
from harness.core.incidents import Incident
from harness.core.suite_health import ALIKE, Alike, SuiteHealth, examine
from harness.errors import HarnessError
from harness.flows.suite_health import find_alike, gather_shown
from harness.reporting.escape import wrap
from harness.reporting.suite_health_text import WIDTH, suite_health_text
from harness.wiring import Workshop

NIGHTS_READ = 60
POLICY_REVIEW = timedelta(days=366)
COULD_NOT_TELL = 3

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Look after the cases of a suite.",
)


@app.callback()
def suite_commands() -> None:
    """Look after the cases of a suite."""


@app.command("health")
def health(
    ctx: typer.Context,
    suites: Annotated[
        list[str] | None, typer.Argument(metavar="[SUITE]...", help="Suites; all where none is named.")
    ] = None,
    last: Annotated[
        int, typer.Option("--last", metavar="N", min=1, max=1000, help="Nights of each target to read.")
    ] = NIGHTS_READ,
    alike: Annotated[
        float,
        typer.Option(
            "--alike", metavar="COSINE", min=0.5, max=1, help="Questions from this likeness on are alike."
        ),
    ] = ALIKE,
) -> int:
    """Say which cases never move, always fail, repeat another or wait for their review, and what each found."""
    session: Session = ctx.obj
    workshop = open_project(session)
    names = tuple(dict.fromkeys(suites or workshop.project.config.suites))
    found = [_health(workshop, name, last, alike) for name in names]
    due = _policy_due(workshop)
    if session.json:
        session.put(
            canonical_json({"suites": [one.model_dump(mode="json") for one in found], "policy": list(due)})
        )
    else:
        session.put("\n\n".join([*map(suite_health_text, found), *due]))
    return 0 if any(one.nights for one in found) else COULD_NOT_TELL


def _health(workshop: Workshop, name: str, last: int, threshold: float) -> SuiteHealth:
    suite = workshop.suite(name)
    shown = gather_shown(suite, workshop.runs, last)
    unmeasured = list(shown.damaged)
    incidents: tuple[Incident, ...] = ()
    pairs: tuple[Alike, ...] = ()
    try:
        incidents = workshop.history().incidents(name)
    except HarnessError as error:
        unmeasured.append(f"which incidents each case found is not known: {error}")
    try:
        encoder = workshop.encoder()
        pairs = find_alike(suite, shown, workshop.vectors(encoder), encoder, threshold)
    except HarnessError as error:
        unmeasured.append(f"which cases repeat another is not known: {error}")
    today = workshop.clock.now().date()
    return examine(suite, shown.nights, incidents, pairs, today, unmeasured=unmeasured)


def _policy_due(workshop: Workshop) -> tuple[str, ...]:
    """Say where nobody has touched thresholds and policy for a year, as far as git knows."""
    changed = workshop.last_commit_day(str(workshop.project.config_path))
    if changed is None or workshop.clock.now().date() - date.fromisoformat(changed) <= POLICY_REVIEW:
        return ()
    said = (
        f"REVIEW OVERDUE  {workshop.project.config_path.name}: gates, limits and policy were last changed on {changed}, and are "
        "reviewed yearly."
    )
    mend = "run `drift calibrate SUITE --aa`, look whether the gates still fit, and write the review into the file."
    return (
        "\n".join(
            [*wrap(said, WIDTH, start="- ", indent="  "), *wrap(mend, WIDTH, start="  → ", indent="    ")]
        ),
    )
