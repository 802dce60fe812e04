"""`drift prune`: thin old run folders."""

import re
from datetime import timedelta
from typing import Annotated

import typer

from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.core.canonical import canonical_json
from harness.errors import HarnessError, UnsafePath, UsageError
from harness.flows.prune import FEWEST_DAYS, runs_to_thin
from harness.reporting.counting import many
from harness.wiring.pruning import thin

_DAYS = re.compile(r"([1-9][0-9]{0,4})d", re.ASCII)


def prune(
    ctx: typer.Context,
    keep: Annotated[str, typer.Option("--keep", metavar="DAYS", help="Thin what is older, such as 400d.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be freed.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Also runs that a baseline was accepted from.")] = False,
) -> int:
    """Take the answers out of old run folders. Their manifests and verdicts stay, and so does the history."""
    session: Session = ctx.obj
    found = _DAYS.fullmatch(keep)
    if found is None or int(found[1]) < FEWEST_DAYS:
        raise UsageError(
            f"--keep '{keep}': expected days, such as 400d, and {FEWEST_DAYS}d at least: younger nights may still "
            "decide with others"
        )
    workshop = open_project(session)
    before = workshop.clock.now().date() - timedelta(days=min(int(found[1]), 36_500))
    chosen = runs_to_thin(
        workshop.runs,
        workshop.verdict,
        workshop.baselines,
        workshop.history(),
        before=before,
        evidence_too=all_,
    )
    freed = 0
    thinned: list[str] = []
    troubles: list[str] = []
    for run in chosen.runs:
        try:
            done = thin(workshop, run, dry_run=dry_run)
        except HarnessError as error:
            troubles.append(str(error))
            continue
        if done.in_use:
            session.say(f"left {run}: another process writes it")
        elif done.files:
            freed += done.freed_bytes
            thinned.append(run)
            session.say(f"{run}  {_size(done.freed_bytes)}")
    for run, why in chosen.kept:
        session.say(f"left {run}: {why}")
    if session.json:
        session.put(
            canonical_json(
                {"dry_run": dry_run, "freed_bytes": freed, "kept": dict(chosen.kept), "thinned": thinned}
            )
        )
    else:
        word = "would be thinned and free" if dry_run else "thinned, which freed"
        session.put(f"{many(len(thinned), 'run')} from before {before} {word} {_size(freed)}")
    if troubles:
        raise UnsafePath("\n".join(troubles))
    return 0


def _size(count: int) -> str:
    return f"{count / 1_000_000:,.1f} MB" if count >= 100_000 else f"{count / 1000:,.1f} kB"
