"""What a night is beside its own decision: one of so many, within an incident, muted. Pure."""

from collections.abc import Sequence

from harness.core.findings import Finding, Outcome
from harness.core.incidents import QUIET_NIGHTS
from harness.core.mutes import covers_tonight
from harness.core.policy import Policy
from harness.core.run import RunRecord, RunTarget
from harness.core.severity import rated
from harness.core.verdict import OpenIncident


def nights_run(record: RunRecord, name: str, *, whole: bool) -> int:
    """Count the whole nights that a target ran, tonight among them where it is one and came back whole."""
    before = sum(night.whole for night in record.earlier.past.get(name, ()))
    return before + (whole and record.manifest.scheduled)


def incident_tonight(record: RunRecord, target: RunTarget, outcome: Outcome) -> OpenIncident | None:
    """Return the drift that was open when the run began, with tonight counted where it is a quiet night."""
    held = record.earlier.incidents.get(target.name)
    if held is None or not record.manifest.scheduled:
        return held
    if outcome in (Outcome.CHANGED, Outcome.REGRESSED):
        return held.model_copy(update={"quiet_nights": 0})
    if outcome is Outcome.INCONCLUSIVE:
        return held  # a night that could not tell neither calms a drift nor stirs it
    quiet = held.quiet_nights + 1
    return held.model_copy(update={"quiet_nights": quiet, "recovered": quiet >= QUIET_NIGHTS})


def is_muted(
    record: RunRecord, target: RunTarget, findings: Sequence[Finding], outcome: Outcome, policy: Policy
) -> bool:
    """Say whether a night drifted in nothing but what the mute of its open incident covers."""
    held = record.earlier.incidents.get(target.name)
    if held is None or held.muted_until is None or held.covered is None or not record.manifest.scheduled:
        return False
    cases = record.manifest.suite.cases
    severity = rated(findings, cases, policy).severity
    drifted = outcome in (Outcome.CHANGED, Outcome.REGRESSED)
    return drifted and covers_tonight(held.covered, findings, severity, len(cases))
