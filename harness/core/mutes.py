"""Mutes: somebody knows of an incident, and nobody needs to be woken for it until a date. Pure.

A mute covers what had drifted when it was written: its signals, its cases, and a severity. It holds on nights up to
its date, that one included. Anything else fails at once: another signal over the suite, a contract that is broken in
another case, a case that was not named before where the drift was in a few, or a drift that is more urgent.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated

from pydantic import Field, model_validator

from harness.core.canonical import Record
from harness.core.findings import Finding, Outcome
from harness.core.history import instant
from harness.core.incidents import Incident
from harness.core.policy import IncidentSeverity
from harness.core.severity import CONTRACT, is_as_urgent
from harness.core.suite import Identifier, IsoDate
from harness.core.verdict import Covered
from harness.errors import DamagedRecord

SCHEMA_VERSION = 1
MOST_DAYS = 90
FEWEST_CHARACTERS = 10
MOST_CHARACTERS = 1000


class Mute(Record):
    """One line of `baselines/mutes.jsonl`: a mute, or its end."""

    schema_version: int = SCHEMA_VERSION
    incident: Annotated[str, Field(min_length=1, max_length=200)]
    suite: Identifier
    target: Identifier
    at: str
    """UTC, ISO 8601."""
    by: str
    """As git says; authority is CODEOWNERS on `baselines/**`."""
    until: IsoDate | None
    """The last night that it covers; None takes back what was muted before."""
    reason: Annotated[str, Field(max_length=MOST_CHARACTERS)] = ""
    covers: Covered | None = None
    """None only where it takes back."""

    @model_validator(mode="after")
    def _whole(self) -> "Mute":
        try:
            days = None if self.until is None else days_from(self.at, self.until)
        except DamagedRecord as error:
            raise ValueError("its time is none in ISO 8601") from error
        if days is not None and not 0 <= days <= MOST_DAYS:
            raise ValueError(f"a mute ends within {MOST_DAYS} days")
        if days is not None and (self.covers is None or len(self.reason.strip()) < FEWEST_CHARACTERS):
            raise ValueError(
                f"a mute names what it covers, and a reason of {FEWEST_CHARACTERS} characters or more"
            )
        return self


def days_from(at: str, until: str) -> int:
    """Return the days from the UTC date of a time to a date. Raises DamagedRecord for what is no time."""
    return (date.fromisoformat(until) - instant(at).date()).days


def mute_in_force(mutes: Iterable[Mute], incident: str, night: str) -> Mute | None:
    """Return the mute that holds for an incident on a night: the last that was written, unless it is over.

    Who mutes does so after the night, and a night may be caught up on later, so a mute reaches back as far as it may
    reach ahead, and no further: one whose own date lies years ahead would else hold on every night until then.
    """
    # In the order of the file: a clock that was set back does not make an end come before its beginning.
    written = [one for one in mutes if one.incident == incident]
    last = written[-1] if written else None
    if last is None or last.until is None or not night <= last.until:
        return None
    return last if days_from(last.at, night) >= -MOST_DAYS else None


def covered_of(incident: Incident) -> Covered:
    """Return what a mute of an incident, as it is now, is about."""
    return Covered(signals=incident.signals, cases=incident.cases, severity=incident.severity)


def holds_for(mute: Mute, incident: Incident) -> bool:
    """Say whether a mute covers all that has drifted in an incident by now."""
    covers = mute.covers
    return (
        covers is not None
        and set(incident.signals) <= set(covers.signals)
        and is_as_urgent(covers.severity, incident.severity)
    )


def covers_tonight(
    covers: Covered, findings: Sequence[Finding], severity: IncidentSeverity | None, suite_cases: int
) -> bool:
    """Say whether all that a night's findings say had drifted when the mute was written.

    Where over a third of the suite was named then, the suite drifted, and which cases are named from night to night
    is chance. A contract is broken in one case, whatever else drifts.
    """
    drifted = [finding for finding in findings if finding.outcome in (Outcome.CHANGED, Outcome.REGRESSED)]
    whole = {finding.signal for finding in drifted if finding.case is None or finding.signal == CONTRACT}
    broken = {finding.case for finding in drifted if finding.signal == CONTRACT}
    named = {finding.case for finding in drifted if finding.case is not None}
    known = set(covers.cases)
    everywhere = 3 * len(known) > suite_cases
    return (
        whole <= set(covers.signals)
        and broken <= known
        and (everywhere or not known or named <= known)
        and (severity is None or is_as_urgent(covers.severity, severity))
    )
