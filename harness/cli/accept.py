"""`drift accept`: make a run's behaviour the new baseline."""

from datetime import date
from typing import Annotated

import typer

from harness.cli.changed import put_change
from harness.cli.decided import decided
from harness.cli.naming import ids_named
from harness.cli.nights import nights_before
from harness.cli.session import Session
from harness.core.incidents import Incident
from harness.errors import UsageError
from harness.flows.accept import Wish, accept_run
from harness.flows.baseline_change import Change, Decided, Signature
from harness.registry import did_you_mean
from harness.reporting.wording import many
from harness.wiring import Workshop, open_workshop, run_named


def accept(
    ctx: typer.Context,
    digest: Annotated[
        str, typer.Option("--digest", help="The digest that `drift review` and the report print.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="What changed, and why it is fine.")],
    run: Annotated[
        str | None,
        typer.Argument(
            help="A run, the start of its name, or its folder; with --incident, the last that showed it.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Whose behaviour; needed where the run has several.")
    ] = None,
    case: Annotated[
        list[str] | None,
        typer.Option("--case", metavar="ID", help="The case to accept; a glob; may be given again."),
    ] = None,
    incident: Annotated[
        str | None,
        typer.Option(
            "--incident",
            metavar="ID",
            help="Accept all that drifted: every case, with the nights since it began.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="NIGHT",
            help="Take every whole night since this one; else those on which the change was seen.",
        ),
    ] = None,
    baseline_of: Annotated[
        str | None,
        typer.Option(
            "--baseline-of",
            metavar="TARGET",
            help="Whose baseline to change, where the target is compared with another one's.",
        ),
    ] = None,
) -> int:
    """Accept a run's behaviour as the new baseline, with a reason. Touches only the cases named.

    The scheduled nights before the run on which the change was seen already are taken with it.
    """
    session: Session = ctx.obj
    workshop = open_workshop(session.folder, session.config, session.env_file)
    runs = workshop.runs
    if incident is not None:
        opened = _incident(workshop, incident)
        run, target = run or opened.runs[-1], target or opened.target
        case, since = case or ["*"], since or opened.opened
    if run is None:
        raise UsageError("name the run to accept, or an incident with --incident ID")
    found = decided(runs, runs.resolve(run_named(run, session.folder)))
    names = [t.name for t in found.record.manifest.targets]
    if target is None and len(names) > 1:
        raise UsageError(f"the run has several targets ({', '.join(names)}): name one with --target")
    ids = tuple(found.record.cases)
    if not case:
        raise UsageError(
            "name what to accept with --case ID (may be given again; --case '*' is the whole suite)"
        )
    name = target or names[0]
    wish = Wish(
        run=found,
        target=name,
        case_ids=ids_named(ids, case, "the run"),
        digest=digest,
        earlier=nights_before(runs, found.verdict.suite, name, found.verdict.night),
        since=_night(since),
        baseline_of=baseline_of,
        digests_only=workshop.project.config.store.text == "digest",
    )
    signature = Signature(
        by=workshop.who(), at=workshop.clock.now().isoformat(timespec="seconds"), reason=reason
    )
    change = accept_run(wish, workshop.baselines, signature)
    put_change(session, change, done=_done(change, found), nothing="the baseline already says so")
    return 0


def _incident(workshop: Workshop, named: str) -> Incident:
    known = workshop.history().incidents()
    for incident in known:
        if incident.id == named:
            return incident
    names = tuple(incident.id for incident in known)
    raise UsageError(
        f"no incident '{named}'{did_you_mean(named, names)}; `drift history` lists them, `drift history rebuild` "
        "finds those of run folders from elsewhere"
    )


def _done(change: Change, run: Decided) -> str:
    size = f"{many(len(change.cases), 'case')} accepted"
    earlier = len(change.runs) - 1
    if earlier < 1:
        return f"{size} from the night of {run.verdict.night}"
    return f"{size} from the night of {run.verdict.night} and {many(earlier, 'night')} before it"


def _night(named: str | None) -> str | None:
    if named is None:
        return None
    try:
        return date.fromisoformat(named).isoformat()
    except ValueError as error:
        raise UsageError(f"--since '{named}' is not a date such as 2026-11-21") from error
