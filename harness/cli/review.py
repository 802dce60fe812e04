"""`drift review`: the queue of changes, and the digest that accepts them."""

import shlex
from collections.abc import Iterator
from typing import Annotated

import typer

from harness.cli.decided import decided, note_project_policy
from harness.cli.opening import open_project
from harness.cli.output import Outputs, put
from harness.cli.session import Session
from harness.core.findings import Outcome
from harness.core.verdict import TargetVerdict
from harness.flows.accept import DIGEST_LENGTH
from harness.flows.baseline_change import Decided, run_target
from harness.wiring import run_named


def review(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(help="A run, the start of its name, its folder, or `last`.")] = "last",
) -> int:
    """Show what a run found, decided by this project's policy, and the digest that accepts it."""
    session: Session = ctx.obj
    workshop = open_project(session)
    runs = workshop.runs
    name = runs.resolve(run_named(run, session.folder))
    ours = workshop.project.config.decision_policy()
    found = decided(runs, name, ours)
    note_project_policy(session, found, ours)
    put(session, found.record, found.verdict, Outputs.of(session, None, None))
    if session.json:
        return 0
    digest = found.verdict.shown[:DIGEST_LENGTH]
    session.put(f"digest {digest}")
    for target in found.verdict.targets:
        if target.outcome in (Outcome.REGRESSED, Outcome.CHANGED, Outcome.IMPROVED):
            for line in _accept_lines(found, target, name, digest):
                session.put(line)
    return 0


def _accept_lines(run: Decided, target: TargetVerdict, name: str, digest: str) -> Iterator[str]:
    """Write the command that accepts a target's change, to be copied as it stands."""
    owner = run_target(run.record, target.target).baseline_of
    moved = sorted({finding.case for finding in target.findings if finding.case is not None})
    # Over a third starts the suite's baseline anew, so that is what the command should say.
    named = moved if moved and 3 * len(moved) <= len(run.record.cases) else ["*"]
    if target.upgrade is not None:
        named = []  # all of it: a new model has one baseline, not some cases of it
    options = [f"--target {target.target}", *(f"--case {shlex.quote(case)}" for case in named)]
    if owner != target.target:
        yield f"this replaces the baseline of {owner} by what {target.target} does"
        options.append(f"--baseline-of {owner}")
    yield "accept with:"
    lines = [f"drift accept {shlex.quote(name)}", *options, f"--digest {digest}", '--reason "…"']
    yield " \\\n    ".join(lines)
