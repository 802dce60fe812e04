"""`drift suite`: what the cases of a suite have shown, and which of them may give way to others."""

from datetime import date, timedelta
from typing import Annotated

import typer

from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.core.baseline_state import running_beside
from harness.core.canonical import canonical_json
from harness.core.incidents import Incident
from harness.core.rotation import Rotation, rotation_finding, rotations
from harness.core.suite_health import ALIKE, Alike, SuiteHealth, examine
from harness.errors import HarnessError, NotAcceptable, UnknownName, UsageError
from harness.flows.suite_health import find_alike, gather_shown
from harness.reporting.escape import wrap
from harness.reporting.suite_health_text import WIDTH, suite_health_text
from harness.wiring import Workshop
from harness.wiring.rotation import retire

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
    try:
        turning = [rotation_finding(one, name) for one in _rotations(workshop, name)]
    except HarnessError as error:
        turning = []
        unmeasured.append(f"how far new cases are is not known: {error}")
    return examine(suite, shown.nights, incidents, pairs, today, unmeasured=unmeasured, further=turning)


@app.command("rotate")
def rotate(
    ctx: typer.Context,
    new: Annotated[str, typer.Argument(help="The case that takes the place of the one it `replaces`.")],
    suite: Annotated[str | None, typer.Option("--suite", help="Its suite, where several have it.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> int:
    """Let a case that has nights enough replace the one it ran beside: its file goes, its id is never used again."""
    session: Session = ctx.obj
    workshop = open_project(session)
    if workshop.environment.get("GITHUB_EVENT_NAME") == "schedule":
        raise NotAcceptable("a scheduled run changes no suite: somebody does, in a change that is reviewed")
    name = _suite_of(workshop, new, suite)
    found = next((one for one in _rotations(workshop, name) if one.new == new), None)
    if found is None:
        raise NotAcceptable(
            f"'{new}' runs beside no case; a new case names the one it is to take the place of: replaces: OLD-ID"
        )
    if not found.ready:
        raise NotAcceptable(
            f"'{new}' cannot replace '{found.old}' yet: {found.counted}; accept nights with "
            f"`drift calibrate {name} --from-runs last:{found.needed}`"
        )
    if not yes and not session.asks(f"{found.counted}. Let {new} replace {found.old}?"):
        raise UsageError("nothing was changed; --yes does it unasked")
    gone = retire(workshop, name, found.old, new, f"{workshop.clock.now():%Y-%m-%d}")
    session.put(f"{new} replaces {found.old}: {gone.name} is deleted, and its id is never used again")
    session.say(
        f"Commit it: git add -A {gone.parent.name} && git commit. What is accepted of {found.old} leaves the "
        f"baseline with the next `drift calibrate {name} --from-runs`."
    )
    return 0


def _rotations(workshop: Workshop, name: str) -> tuple[Rotation, ...]:
    """Return the cases of a suite that run beside another. Raises DamagedRecord, DocumentError."""
    config = workshop.project.config
    cases = workshop.suite(name).cases
    if not running_beside(cases):
        return ()
    owners = {config.targets[target].baseline_of or target for target in config.suites[name].targets}
    held = {owner: workshop.baselines.load(name, owner) for owner in owners}
    return tuple(rotations(cases, held, config.decision_policy().armed_from))


def _suite_of(workshop: Workshop, case: str, named: str | None) -> str:
    if named is not None:
        return workshop.suite(named).name
    having = [
        suite
        for suite in workshop.project.config.suites
        if any(one.id == case for one in workshop.suite(suite).cases)
    ]
    if len(having) != 1:
        which = (
            f"several suites have a case '{case}': name one with --suite"
            if having
            else f"no suite has a case '{case}'"
        )
        raise UnknownName(which)
    return having[0]


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
