"""`drift review`: the queue of changes, and the digest that accepts them."""

from typing import Annotated

import typer

from harness.cli.decided import decided
from harness.cli.output import Outputs, put
from harness.cli.session import Session
from harness.core.findings import Outcome
from harness.flows.accept import DIGEST_LENGTH
from harness.wiring import open_workshop, run_named


def review(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(help="A run, the start of its name, its folder, or `last`.")] = "last",
) -> int:
    """Show what a run found, and the digest that accepts it."""
    session: Session = ctx.obj
    workshop = open_workshop(session.folder, session.config, session.env_file)
    runs = workshop.runs
    name = runs.resolve(run_named(run, session.folder))
    found = decided(runs, name)
    put(session, found.record, found.verdict, Outputs.of(session, None, None))
    if session.json:
        return 0
    for target in found.verdict.targets:
        moved = sorted({finding.case for finding in target.findings if finding.case is not None})
        if target.outcome in (Outcome.REGRESSED, Outcome.CHANGED, Outcome.IMPROVED):
            cases = " ".join(f"--case {case}" for case in moved) or "--case '*'"
            session.put(
                f"accept with: drift accept {name} --target {target.target} {cases} "
                f'--digest {found.verdict.shown[:DIGEST_LENGTH]} --reason "…"'
            )
    return 0
