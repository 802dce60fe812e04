"""`drift accept`: make a run's behaviour the new baseline."""

import fnmatch
from typing import Annotated

import typer

from harness.cli.changed import put_change
from harness.cli.decided import decided
from harness.cli.session import Session
from harness.errors import UsageError
from harness.flows.accept import Signature, accept_run
from harness.registry import did_you_mean
from harness.reporting.wording import many
from harness.wiring import open_workshop, run_named


def accept(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(help="A run, the start of its name, or its folder.")],
    digest: Annotated[
        str, typer.Option("--digest", help="The digest that `drift review` and the report print.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="What changed, and why it is fine.")],
    target: Annotated[
        str | None, typer.Option("--target", help="Whose behaviour; needed where the run has several.")
    ] = None,
    case: Annotated[
        list[str] | None,
        typer.Option("--case", metavar="ID", help="The case to accept; a glob; may be given again."),
    ] = None,
) -> int:
    """Accept a run's behaviour as the new baseline, with a reason. Touches only the cases named."""
    session: Session = ctx.obj
    workshop = open_workshop(session.folder, session.config, session.env_file)
    runs = workshop.runs
    found = decided(runs, runs.resolve(run_named(run, session.folder)))
    names = [t.name for t in found.record.manifest.targets]
    if target is None and len(names) > 1:
        raise UsageError(f"the run has several targets ({', '.join(names)}): name one with --target")
    ids = tuple(found.record.cases)
    if not case:
        raise UsageError(
            "name what to accept with --case ID (may be given again; --case '*' is the whole suite)"
        )
    for glob in case:
        if not fnmatch.filter(ids, glob):
            raise UsageError(f"no case of the run matches '{glob}'{did_you_mean(glob, ids)}")
    change = accept_run(
        found,
        target or names[0],
        sorted({case_id for glob in case for case_id in fnmatch.filter(ids, glob)}),
        workshop.baselines,
        Signature(by=workshop.who(), at=workshop.clock.now().isoformat(timespec="seconds"), reason=reason),
        digest=digest,
        digests_only=workshop.project.config.store.text == "digest",
    )
    done = f"{many(len(change.cases), 'case')} accepted"
    put_change(session, change, done=done, nothing="the baseline already says so")
    return 0
