"""Incidents: a fold over the nights of a suite and target. One incident per drift.

An incident opens on a night that drifted, and every further drift until it closes belongs to it. It closes

- **accepted**, at once, where a run's behaviour was accepted since for over a third of the suite, which starts
  the baseline anew;
- **accepted**, on the first quiet measured night that was compared with an acceptance since of fewer cases:
  whether they were all that drifted has to show;
- **recovered**, after `QUIET_NIGHTS` quiet measured nights without drift between them.

A night that was not measured closes nothing and counts for nothing, and quiet nights that are added to a baseline
accept no drift. "Since" is read off the baseline that a night was compared with: a later acceptance than that of
the last night that drifted. So it does not matter how long an acceptance waits to be merged.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from harness.core.batch import Baseline
from harness.core.canonical import Record
from harness.core.findings import Outcome
from harness.core.history import NightEntry, counted, instant, is_later
from harness.core.policy import IncidentSeverity
from harness.core.severity import MOST_WORST, in_order, most_urgent
from harness.core.suite import Identifier, IsoDate

QUIET_NIGHTS = 7
UNRATED: IncidentSeverity = "P1"
"""Of a night that drifted and does not say how urgent that is."""
_OUTCOMES = frozenset(outcome.value for outcome in Outcome)


class Accepted(Record):
    """One acceptance, as far as an incident needs it."""

    suite: Identifier
    target: Identifier
    at: str
    cases: tuple[str, ...]
    replaces: bool
    """A run's behaviour took the place of what these cases had; False where quiet nights were added."""


class Closing(StrEnum):
    """Why an incident is over."""

    ACCEPTED = "accepted"
    RECOVERED = "recovered"


class Incident(Record):
    """An open drift, from its first confirmed night until someone accepts or it recovers."""

    id: str
    suite: Identifier
    target: Identifier
    opened: IsoDate
    """The first night that drifted."""
    last_drift: IsoDate
    quiet_nights: int = 0
    """Since the last drift."""
    closed: IsoDate | None = None
    because: Closing | None = None
    """None while it is open."""
    severity: IncidentSeverity = UNRATED
    """The most urgent of its nights'."""
    signals: tuple[str, ...]
    """In the order in which they drifted."""
    cases: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    """Kinds of the cases named."""
    worst: tuple[str, ...] = ()
    """The worst cases, the latest night's first."""
    runs: tuple[str, ...]
    """The runs that drifted: the evidence."""
    compared_with: str | None
    """The acceptance of the baseline from which it drifted last."""


def accepted_of(baseline: Baseline | None, target: str) -> tuple[Accepted, ...]:
    """Return the acceptances of the baseline that `target` is compared with: its own, or another one's."""
    if baseline is None:
        return ()
    return tuple(
        Accepted(
            suite=baseline.suite,
            target=target,
            at=one.at,
            cases=one.cases,
            replaces=one.verdict in _OUTCOMES,
        )
        for one in baseline.acceptances
    )


def follow(entries: Iterable[NightEntry], acceptances: Iterable[Accepted] = ()) -> tuple[Incident, ...]:
    """Return all incidents, by suite and target, oldest first. The order of what is given does not matter."""
    tracks: dict[tuple[str, str], list[NightEntry]] = {}
    for night in counted(entries):
        tracks.setdefault((night.suite, night.target), []).append(night)
    accepted: dict[tuple[str, str], list[Accepted]] = {}
    for one in sorted(acceptances, key=lambda one: (instant(one.at), one.cases, one.replaces)):
        accepted.setdefault((one.suite, one.target), []).append(one)
    return tuple(
        incident
        for track, nights in tracks.items()
        for incident in _follow_one(nights, accepted.get(track, []))
    )


def open_incidents(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    """Keep those that nobody accepted and that did not recover."""
    return tuple(incident for incident in incidents if incident.closed is None)


def _follow_one(nights: Sequence[NightEntry], acceptances: Sequence[Accepted]) -> list[Incident]:
    done: list[Incident] = []
    current: Incident | None = None
    cases = 0
    for night in nights:
        known = [one for one in acceptances if one.replaces and not is_later(one.at, night.accepted_at)]
        anew = _started_anew(current, cases, known)
        if anew is not None:
            done.append(anew)
            current = None
        if night.drift:
            current, cases = _drifted(current, night), night.suite_cases
        elif current is not None and night.quiet:
            current = _calmed(current, night, known)
            if current.closed is not None:
                done.append(current)
                current = None
    if current is not None:
        replacing = [one for one in acceptances if one.replaces]
        done.append(_started_anew(current, cases, replacing) or current)
    return done


def _started_anew(incident: Incident | None, cases: int, acceptances: Iterable[Accepted]) -> Incident | None:
    """Close the incident of a suite of so many cases, where an acceptance since started its baseline anew."""
    for one in acceptances:
        if incident and 3 * len(set(one.cases)) > cases and is_later(one.at, incident.compared_with):
            on = max(instant(one.at).date().isoformat(), incident.last_drift)
            return incident.model_copy(update={"closed": on, "because": Closing.ACCEPTED})
    return None


def _drifted(incident: Incident | None, night: NightEntry) -> Incident:
    if incident is None:
        return Incident(
            id=f"{night.suite}-{night.target}-{night.night.replace('-', '')}",
            suite=night.suite,
            target=night.target,
            opened=night.night,
            last_drift=night.night,
            severity=night.urgency or UNRATED,
            signals=night.signals,
            cases=night.cases,
            kinds=night.kinds,
            worst=night.worst,
            runs=(night.run,),
            compared_with=night.accepted_at,
        )
    return incident.model_copy(
        update={
            "last_drift": night.night,
            "quiet_nights": 0,
            "signals": tuple(dict.fromkeys([*incident.signals, *night.signals])),
            "severity": most_urgent([incident.severity, night.urgency or UNRATED]),
            "cases": tuple(dict.fromkeys([*incident.cases, *night.cases])),
            "kinds": in_order([*incident.kinds, *night.kinds]),
            "worst": tuple(dict.fromkeys([*night.worst, *incident.worst]))[:MOST_WORST],
            "runs": (*incident.runs, night.run),
            "compared_with": night.accepted_at,
        }
    )


def _calmed(incident: Incident, night: NightEntry, acceptances: Iterable[Accepted]) -> Incident:
    quiet = incident.quiet_nights + 1
    because = Closing.RECOVERED if quiet >= QUIET_NIGHTS else None
    if any(is_later(one.at, incident.compared_with) for one in acceptances):
        because = Closing.ACCEPTED
    closed = night.night if because else None
    return incident.model_copy(update={"quiet_nights": quiet, "closed": closed, "because": because})
