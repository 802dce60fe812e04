"""What there is to tell of an incident: once when it opens, when something new happened, and once when it is over.

What was told is remembered (`Told`); news is what an incident is now, less that. A fold without a clock, so that the
same command run twice, or a night that is decided again, finds nothing left to say.

The name of every message, `INCIDENT/STAGE`, is the same whoever works it out, and goes with it as its idempotency
key: a receiver that keeps the keys it has seen shows a message once, though it may have been sent twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.core.canonical import Record, digest
from harness.core.history import drift_of
from harness.core.incidents import UNRATED, Closing, Incident
from harness.core.mutes import Mute
from harness.core.policy import IncidentSeverity, Policy
from harness.core.severity import most_urgent, rated
from harness.core.suite import Identifier, IsoDate
from harness.core.verdict import TargetVerdict, Verdict

_FROM_WORST = ("P0", "P1", "P2", "P3")


class Stage(StrEnum):
    """What a message is about."""

    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"


class Told(Record):
    """One message that somebody took: written down after it was delivered."""

    schema_version: int = 1
    key: str
    """Of the message: the incident and its stage."""
    sink: str
    """Kind and destination, such as webhook:DRIFT_WEBHOOK_URL; the name of the variable, never the address."""
    incident: str
    stage: Stage
    signals: tuple[str, ...]
    severity: str
    muted_until: IsoDate | None = None
    at: str
    """UTC, ISO 8601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An incident as it stands after a run."""

    id: str
    suite: Identifier
    target: Identifier
    opened: IsoDate
    last_drift: IsoDate
    closed: IsoDate | None
    because: Closing | None
    signals: tuple[str, ...]
    cases: tuple[str, ...]
    severity: str
    """P0, the worst, to P3."""
    muted_until: IsoDate | None = None
    muted_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One message that is due."""

    stage: Stage
    key: str
    standing: Standing
    what_is_new: tuple[str, ...] = ()
    """Of an update: what happened, a few words each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message to somebody outside, worded and ready to go."""

    key: str
    """The same for the same message however often it is sent: its idempotency key."""
    title: str
    text: str
    """A few lines without markup."""
    payload: Mapping[str, object]
    """The same for programs: a JSON object with a schema version."""


def standing_of(incident: Incident, mute: Mute | None = None) -> Standing:
    """Say how an incident of the history stands, and whether it is muted."""
    return Standing(
        id=incident.id,
        suite=incident.suite,
        target=incident.target,
        opened=incident.opened,
        last_drift=incident.last_drift,
        closed=incident.closed,
        because=incident.because,
        signals=incident.signals,
        cases=incident.cases,
        severity=incident.severity,
        muted_until=mute.until if mute is not None else None,
        muted_because=mute.reason if mute is not None else "",
    )


def standings_of(verdict: Verdict) -> tuple[tuple[Standing, tuple[str, ...] | None], ...]:
    """Say how incidents stand by a verdict alone, for where no history is.

    With each the signals it had before this night, None where this night opened it. Empty for what is no night.
    """
    if not verdict.scheduled:
        return ()
    found = []
    for target in verdict.targets:
        drifted = drift_of(target, verdict.policy)
        before = target.incident
        if not drifted and before is None:
            continue
        recovered = before is not None and before.recovered
        opened = before.opened[:10] if before is not None else verdict.night
        standing = Standing(
            id=before.id if before is not None else incident_id(verdict.suite, target.target, verdict.night),
            suite=verdict.suite,
            target=target.target,
            opened=opened,
            last_drift=verdict.night if drifted else opened,
            closed=verdict.night if recovered and not drifted else None,
            because=Closing.RECOVERED if recovered and not drifted else None,
            signals=tuple(dict.fromkeys([*(before.signals if before is not None else ()), *drifted])),
            cases=tuple(dict.fromkeys(f.case for f in target.findings if f.case is not None and drifted)),
            severity=_severity(target, verdict.policy),
            muted_until=before.muted_until if before is not None else None,
            muted_because=before.muted_because if before is not None else "",
        )
        found.append((standing, before.signals if before is not None else None))
    return tuple(found)


def _severity(target: TargetVerdict, policy: Policy) -> IncidentSeverity:
    """Rate a target's incident by a verdict alone, which does not know the kinds of its cases."""
    before = [target.incident.severity] if target.incident is not None else []
    tonight = rated(target.findings, (), policy).severity if drift_of(target, policy) else None
    return most_urgent([*before, *([tonight] if tonight is not None else [])]) or UNRATED


def news_of(standings: Iterable[Standing], told: Iterable[Told]) -> tuple[News, ...]:
    """Return what is due, at most one message for each incident.

    An incident that was over before anybody was told of it is no news any more.
    """
    by_incident: dict[str, list[Told]] = {}
    for one in told:
        by_incident.setdefault(one.incident, []).append(one)
    found = (_due(standing, by_incident.get(standing.id, [])) for standing in standings)
    return tuple(news for news in found if news is not None)


def told_of(news: News, sink: str, at: str) -> Told:
    """Write down that a message was delivered."""
    standing = news.standing
    return Told(
        key=news.key,
        sink=sink,
        incident=standing.id,
        stage=news.stage,
        signals=standing.signals,
        severity=standing.severity,
        muted_until=standing.muted_until,
        at=at,
    )


def told_before(standing: Standing, signals: tuple[str, ...], sink: str) -> Told:
    """Return what was told before a night, by that night's verdict alone: that the incident was open."""
    return Told(
        key=f"{standing.id}/{Stage.OPENED.value}",
        sink=sink,
        incident=standing.id,
        stage=Stage.OPENED,
        signals=signals,
        severity=standing.severity,
        muted_until=standing.muted_until,
        at="",
    )


def _due(standing: Standing, told: Sequence[Told]) -> News | None:
    if not told:
        return None if standing.closed is not None else _news(standing, Stage.OPENED)
    times_closed = sum(one.stage is Stage.CLOSED for one in told)
    was_closed = told[-1].stage is Stage.CLOSED
    if standing.closed is not None:
        return None if was_closed else _news(standing, Stage.CLOSED, times=times_closed)
    new = list(_what_is_new(standing, told))
    if was_closed:
        new.insert(0, "it is open again")
    return _news(standing, Stage.UPDATED, tuple(new), times=times_closed) if new else None


def _what_is_new(standing: Standing, told: Sequence[Told]) -> Iterable[str]:
    known = {signal for one in told for signal in one.signals}
    if further := [signal for signal in standing.signals if signal not in known]:
        yield f"also {', '.join(further)}"
    worst = min((_rank(one.severity) for one in told), default=len(_FROM_WORST))
    if _rank(standing.severity) < worst:
        yield f"now {standing.severity}"
    if standing.muted_until is not None and standing.muted_until != told[-1].muted_until:
        yield f"muted until {standing.muted_until}"


def _rank(severity: str) -> int:
    return _FROM_WORST.index(severity) if severity in _FROM_WORST else len(_FROM_WORST)


def _news(standing: Standing, stage: Stage, new: tuple[str, ...] = (), times: int = 0) -> News:
    name = stage.value if not times else f"{stage.value}-{times + 1}"
    if stage is Stage.UPDATED:
        state = [sorted(standing.signals), standing.severity, standing.muted_until, times]
        name = f"{stage.value}-{digest(state)[:12]}"
    return News(stage=stage, key=f"{standing.id}/{name}", standing=standing, what_is_new=new)


def incident_id(suite: str, target: str, night: str) -> str:
    """Name the incident of a suite and target that opened on a night."""
    return f"{suite}-{target}-{night.replace('-', '')}"
