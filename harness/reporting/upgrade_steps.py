"""What to do after two models were compared: go on, ask more, or go ahead."""

import shlex

from harness.core.findings import Outcome
from harness.core.run import RunRecord
from harness.core.upgrade.protocol import CLEAN_NIGHTS
from harness.core.upgrade_records import UpgradeReading
from harness.core.verdict import TargetVerdict, Verdict
from harness.reporting.counting import listed
from harness.reporting.escape import one_line
from harness.reporting.model import Command, NextStep


def next_step(record: RunRecord, target: TargetVerdict, reading: UpgradeReading) -> NextStep | None:
    """Return what to do before anybody decides; None where there is nothing."""
    run = shlex.quote(record.manifest.run)
    if target.cut_short:
        return NextStep(
            why="The run stopped before all was asked; what was answered is kept.",
            command=Command(head=f"drift upgrade --resume {run}"),
        )
    lost = [side.target for side in reading.sides if 3 * side.answered < 2 * side.planned]
    if lost:
        return NextStep(
            why=f"Ask again what failed, once {listed(lost)} answers. What came back is kept.",
            command=Command(head=f"drift upgrade --resume {run}", tail="--only-errors"),
        )
    untold = reading.of(Outcome.INCONCLUSIVE)
    if untold and target.outcome is Outcome.INCONCLUSIVE:
        cases = " ".join(f"--case {shlex.quote(case.case)}" for case in untold[:5])
        more = min(50, 3 * record.manifest.samples)
        return NextStep(
            why="More replies of these cases tell what these could not.",
            command=Command(
                head=f"drift upgrade --from {shlex.quote(reading.reference)} --to {shlex.quote(reading.candidate)}",
                tail=f"{cases} --samples {more}",
            ),
        )
    return None


def ahead(
    record: RunRecord, verdict: Verdict, target: TargetVerdict, reading: UpgradeReading
) -> NextStep | None:
    """Return how the new model's baselines are accepted; None where too little of either side came back."""
    limits = verdict.policy.limits
    short = any(side.answered < limits.min_coverage * side.planned - 1e-9 for side in reading.sides)
    if target.cut_short or short or target.rejected:
        return None
    worse = len(reading.of(Outcome.REGRESSED))
    name = one_line(reading.candidate, 60)
    said = f"A baseline for {name} is pending."
    if worse:
        cases = "the case above" if worse == 1 else f"the {worse} cases above"
        said += f" Accepting it records {cases} as accepted changes."
    run = next(one for one in record.manifest.targets if one.name == reading.candidate)
    owner = run.baseline_of
    whose = f"--baseline-of {shlex.quote(owner)} " if owner != reading.candidate else ""
    return NextStep(
        why=f"{said} Then {CLEAN_NIGHTS} clean nights in a row: drift upgrade status {name}.",
        command=Command(
            head=f"drift accept {shlex.quote(verdict.run)} --target {shlex.quote(reading.candidate)}",
            tail=f'{whose}--digest {shlex.quote(verdict.shown[:8])} --reason "…"',
        ),
    )


def ahead_steps(
    record: RunRecord, verdict: Verdict, target: TargetVerdict, reading: UpgradeReading
) -> tuple[NextStep, ...]:
    """Return the same as a list, for what prints every step."""
    step = ahead(record, verdict, target, reading)
    return (step,) if step is not None else ()
