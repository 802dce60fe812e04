"""How things stand for every suite and target: the last night, its age, what is open and what of it is muted. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.core.findings import Outcome
from harness.core.history import NightEntry
from harness.core.incidents import Incident, open_incidents
from harness.core.mutes import Mute, holds_for, mute_in_force
from harness.core.severity import CONTRACT, is_as_urgent
from harness.core.verdict import BaselineState, State

MOST_AHEAD_H = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenNow:
    """An open incident."""

    incident: Incident
    mute: Mute | None
    """None where nobody muted all that drifted in it by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One suite and target."""

    suite: str
    target: str
    nights: tuple[NightEntry, ...]
    """Scheduled runs, one a night, oldest first."""
    age_h: float | None
    """Hours since the last of them began; None where there was none."""
    told_age_h: float | None
    """Hours since the last of them that measured enough to say something, or is still learning."""
    open: tuple[OpenNow, ...]
    asked: bool = True
    """Whether its suite names it in drift.yaml; one that is run with `--target` alone need not be."""

    @property
    def last(self) -> NightEntry | None:
        """The last night."""
        return self.nights[-1] if self.nights else None

    def is_late(self, most_h: float) -> bool:
        """Say whether no scheduled run began within so many hours."""
        return self.age_h is None or self.age_h > most_h

    def is_untold(self, most_h: float) -> bool:
        """Say whether none within so many hours could tell anything: an outage is no pass."""
        return self.told_age_h is None or self.told_age_h > most_h or self.broke_unjudged

    @property
    def broke_unjudged(self) -> bool:
        """Whether the last night broke a contract with no baseline to judge it by: it failed, and opened no incident."""
        last = self.last
        return last is not None and not last.drift and CONTRACT in last.signals

    def held_by(self, severity: str) -> tuple[Incident, ...]:
        """Return the incidents of this severity or worse that are open and not muted."""
        return tuple(
            one.incident
            for one in self.open
            if one.mute is None and is_as_urgent(one.incident.severity, severity)
        )


def tracks_of(
    wanted: Sequence[tuple[str, str]],
    nights: Iterable[NightEntry],
    incidents: Iterable[Incident],
    mutes: Sequence[Mute],
    now: datetime,
) -> tuple[Track, ...]:
    """Gather how things stand for each (suite, target) that is wanted. `now` is in UTC."""
    by_track: dict[tuple[str, str], list[NightEntry]] = {track: [] for track in wanted}
    for night in nights:
        if (night.suite, night.target) in by_track:
            by_track[night.suite, night.target].append(night)
    still = open_incidents(incidents)
    today = now.date().isoformat()
    return tuple(
        Track(
            suite=suite,
            target=target,
            nights=tuple(found),
            age_h=_youngest(found, now),
            told_age_h=_youngest([night for night in found if _told(night)], now),
            open=tuple(
                OpenNow(incident=one, mute=_mute(mutes, one, today))
                for one in still
                if (one.suite, one.target) == (suite, target)
            ),
        )
        for (suite, target), found in by_track.items()
    )


def trend_of(nights: Sequence[NightEntry]) -> str:
    """Draw a letter a night: D drift, W drift that only warns, ? could not tell, ~ unconfirmed, - learning, . quiet."""
    return "".join(_letter(night) for night in nights)


def _letter(night: NightEntry) -> str:
    if night.awaiting_confirmation:
        return "~"
    if night.drift or CONTRACT in night.signals:
        return "D"
    if night.outcome in (Outcome.CHANGED, Outcome.REGRESSED):
        return "W"
    if is_learning(night):
        return "-"
    return "." if night.quiet else "?"


def is_learning(night: NightEntry) -> bool:
    """Say whether a night learned: enough came back, and there was nothing yet to compare it with."""
    return night.state is State.LEARNING and night.baseline is not BaselineState.STALE and night.whole


def _told(night: NightEntry) -> bool:
    """Say whether a night said something. One that learns does, unless it broke a contract; an outage does not."""
    drifted = night.outcome in (Outcome.CHANGED, Outcome.REGRESSED)
    return night.measured or night.awaiting_confirmation or (is_learning(night) and not drifted)


def _mute(mutes: Sequence[Mute], incident: Incident, today: str) -> Mute | None:
    found = mute_in_force(mutes, incident.id, today)
    return found if found is not None and holds_for(found, incident) else None


def _youngest(nights: Iterable[NightEntry], now: datetime) -> float | None:
    ages = [age for night in nights if (age := _age_h(night.started_at, now)) is not None]
    return min(ages, default=None)


def _age_h(started_at: str, now: datetime) -> float | None:
    """Return the age in hours, 0 for what clocks that differ put into the future.

    None for what is no time, and for more than a day ahead: a run that a wrong clock dated next year would vouch for
    every night until then.
    """
    try:
        at = datetime.fromisoformat(started_at)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    age_h = (now - at).total_seconds() / 3600
    return max(0.0, age_h) if age_h >= -MOST_AHEAD_H else None
