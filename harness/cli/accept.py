"""`drift accept`: make a run's behaviour the new baseline."""

import shlex
from typing import Annotated

import typer

from harness.cli.changed import put_change
from harness.cli.decided import decided, note_project_policy, other_policy
from harness.cli.golden import accept_golden
from harness.cli.incidents import incident_named
from harness.cli.naming import date_named, ids_named
from harness.cli.nights import nights_before
from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.cli.upgrade_accepting import put_upgrade
from harness.core.policy import Policy
from harness.errors import NotAcceptable, UsageError
from harness.flows.accept import Wish, accept_run, check_digest
from harness.flows.baseline_change import Change, Decided, Signature
from harness.flows.golden_baseline import TaskWish
from harness.flows.upgrade_accept import UpgradeWish
from harness.reporting.counting import many
from harness.wiring import run_named


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
    provisional: Annotated[
        bool,
        typer.Option(
            "--provisional", help="Of a golden suite: accept without the runs that a full baseline lacks."
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Of a golden suite: ask for the runs that are lacking, unprompted.")
    ] = False,
) -> int:
    """Accept a run's behaviour as the new baseline, with a reason. Touches only the cases named.

    The scheduled nights before the run on which the change was seen already are taken with it. All of them are
    decided by this project's policy.
    """
    session: Session = ctx.obj
    workshop = open_project(session)
    runs = workshop.runs
    if incident is not None:
        opened = incident_named(workshop, incident)
        run, target = run or opened.runs[-1], target or opened.target
        case = case or ["*"]
    if run is None:
        raise UsageError("name the run to accept, or an incident with --incident ID")
    place, ours = runs.resolve(run_named(run, session.folder)), workshop.project.config.decision_policy()
    found = decided(runs, place, ours)
    sides = found.record.manifest.upgrade
    names = [t.name for t in found.record.manifest.targets] if sides is None else [sides.candidate]
    if target is None and len(names) > 1:
        raise UsageError(f"the run has several targets ({', '.join(names)}): name one with --target")
    manifest = found.record.manifest
    ids = (*found.record.cases, *(manifest.pull.deleted if manifest.pull is not None else ()))
    if not case and manifest.upgrade is None:
        raise UsageError(
            "name what to accept with --case ID (may be given again; --case '*' is the whole suite)"
        )
    name = target or names[0]
    case_ids = ids_named(ids, case or ["*"], "the run")
    digests_only = workshop.project.config.store.text == "digest"
    signature = Signature(
        by=workshop.who(),
        at=workshop.clock.now().isoformat(timespec="seconds"),
        reason=reason,
        incident=incident,
    )
    _check_shown(found, ours, digest, place)
    note_project_policy(session, found, ours)
    if manifest.upgrade is not None:
        both = UpgradeWish(
            run=found,
            target=name,
            case_ids=case_ids,
            digest=digest,
            baseline_of=baseline_of,
            digests_only=digests_only,
        )
        return put_upgrade(session, workshop, both, signature)
    if manifest.suite.golden:
        tasks = TaskWish(
            runs=(found,), target=name, case_ids=case_ids, baseline_of=baseline_of, digests_only=digests_only
        )
        return accept_golden(session, workshop, tasks, signature, provisional=provisional, yes=yes)
    if incident is not None:
        since = since or opened.opened
    wish = Wish(
        run=found,
        target=name,
        case_ids=case_ids,
        digest=digest,
        earlier=nights_before(session, workshop, found.verdict.suite, name, found.verdict.night),
        since=date_named(since, "--since").isoformat() if since is not None else None,
        baseline_of=baseline_of,
        digests_only=digests_only,
    )
    change = accept_run(wish, workshop.baselines, signature)
    put_change(session, change, done=_done(change, found), nothing="the baseline already says so")
    return 0


def _check_shown(run: Decided, ours: Policy, digest: str, place: str) -> None:
    """Refuse a digest that is not the one of what the run shows under this project's policy. Raises UsageError."""
    differs = other_policy(run, ours)
    if differs and not run.verdict.shown.startswith(digest):
        raise NotAcceptable(
            f"--digest {digest} is not the digest of what this run shows under this project's drift.yaml, and its own "
            f"policy is another one: {differs}. `drift review {shlex.quote(place)}` shows it and prints the digest"
        )
    check_digest(run, digest)


def _done(change: Change, run: Decided) -> str:
    size = f"{many(len(change.cases), 'case')} accepted"
    earlier = len(change.runs) - 1
    if earlier < 1:
        return f"{size} from the night of {run.verdict.night}"
    return f"{size} from the night of {run.verdict.night} and {many(earlier, 'night')} before it"
