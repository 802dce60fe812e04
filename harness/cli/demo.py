"""`drift demo`: a fortnight, a quiet week and a silent model swap, in a folder of its own."""

import tempfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.init import write_project
from harness.cli.output import Outputs, finish
from harness.cli.running import PlanOnly, RunOptions, make_run
from harness.cli.session import Session
from harness.errors import UsageError
from harness.flows.baseline_change import Decided, Signature
from harness.flows.check import CheckResult
from harness.flows.promote import promote
from harness.wiring import Workshop, open_workshop

FIRST_NIGHT = date(2026, 11, 1)
LEARNT = 14
QUIET = 7


def demo(
    ctx: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Where; a temporary folder without it.")
    ] = None,
) -> int:
    """Watch drift stay quiet for a week and catch a silent model swap. No key, no network; always exits 0."""
    session: Session = ctx.obj
    root = session.folder / folder if folder else Path(tempfile.mkdtemp(prefix="drift-demo-"))
    if (root / "drift.yaml").exists():
        raise UsageError(f"{root} is a project already; the demo writes a baseline, so name a new folder")
    write_project(root)
    workshop = open_workshop(root, None, None, session.clock)
    quiet = replace(session, quiet=True)
    session.put("drift demo: a simulated provider, 20 canary prompts a night; no key, no network")
    session.put(f"\n1. {LEARNT} nights to learn how much the model differs from itself")
    nights = [_night(quiet, workshop, "steady", number) for number in range(LEARNT)]
    signature = Signature(
        by="drift demo", at=FIRST_NIGHT.isoformat(), reason="Fourteen quiet nights of the demo."
    )
    change = promote(
        [Decided(record=night.record, verdict=night.verdict) for night in nights],
        "steady",
        workshop.baselines,
        signature,
        digests_only=False,
    )
    session.put(f"   accepted as the baseline: {change.nights} nights, {len(change.cases)} cases")
    session.put(f"\n2. {QUIET} more nights, nothing changed")
    for number in range(LEARNT, LEARNT + QUIET):
        night = _night(quiet, workshop, "steady", number)
        session.put(
            f"   {night.record.manifest.night}  exit {night.verdict.exit_code}  {night.verdict.headline}"
        )
    session.put("\n3. the provider puts another model behind the same name\n")
    swapped = _night(quiet, workshop, "swapped", LEARNT + QUIET)
    code = finish(session, workshop.runs, swapped, Outputs.of(session, None, None))
    session.put(
        f"\nA nightly cron job would have stopped here with exit code {code}.\nThe project is in {root}"
    )
    return 0


def _night(session: Session, workshop: Workshop, target: str, number: int) -> CheckResult:
    night = (FIRST_NIGHT + timedelta(days=number)).isoformat()
    made = make_run(
        session, workshop, RunOptions(suite="canary", targets=(target,), night=night, scheduled=True)
    )
    assert not isinstance(made, PlanOnly)
    return made
