"""How things stand, read from the history, for `drift status` and `drift gate`."""

import re
from collections.abc import Mapping
from dataclasses import replace

from harness.core.policy import FROM_MOST_URGENT
from harness.core.standing import OpenNow, Track, tracks_of
from harness.errors import HarnessError, HistoryUnavailable, UnknownName, UsageError
from harness.registry import did_you_mean
from harness.wiring import Workshop

_AGE = re.compile(r"([1-9][0-9]{0,3})([mhd])\Z")
_HOURS: Mapping[str, float] = {"m": 1 / 60, "h": 1, "d": 24}
USUAL_AGE = "36h"
AGE_HELP = "How old the last scheduled run may be, such as 36h, 90m or 2d."


def hours_named(named: str) -> float:
    """Read `--max-age`, in hours. Raises UsageError."""
    found = _AGE.match(named)
    if found is None:
        raise UsageError(f"--max-age '{named}': expected a time such as 36h, 90m or 2d")
    return int(found[1]) * _HOURS[found[2]]


def severity_named(named: str) -> str:
    """Read `--severity`. Raises UsageError."""
    if named.upper() not in FROM_MOST_URGENT:
        raise UsageError(f"--severity '{named}': expected {', '.join(FROM_MOST_URGENT)}")
    return named.upper()


def read_tracks(workshop: Workshop, suite: str | None, target: str | None) -> tuple[Track, ...]:
    """Read how every suite and target of the configuration stands that runs at night. Raises HarnessError."""
    config = workshop.project.config
    for kind, name, known in (("suite", suite, config.suites), ("target", target, config.targets)):
        if name is not None and name not in known:
            raise UnknownName(f"unknown {kind} '{name}'{did_you_mean(name, tuple(known))}")
    store = workshop.history()
    nights, incidents = store.nights(suite, target), store.incidents(suite, target)
    ran = {(night.suite, night.target) for night in nights}
    wanted = [
        (name, asked)
        for name, spec in config.suites.items()
        if suite in (None, name)
        for asked in dict.fromkeys((*spec.targets, *(t for s, t in sorted(ran) if s == name)))
        if target in (None, asked)
        and asked in config.targets
        # Golden tasks are asked on pull requests: no night of theirs is missed.
        and ((name, asked) in ran or not workshop.is_golden(name))
    ]
    tracks = tracks_of(wanted, nights, incidents, workshop.mutes.all(), workshop.clock.now())
    return tuple(replace(one, asked=one.target in config.suites[one.suite].targets) for one in tracks)


def read_or_cannot_tell(workshop: Workshop, suite: str | None, target: str | None) -> tuple[Track, ...]:
    """Read the same, where a history or a mute that cannot be read means that nobody can tell.

    Raises MeasurementError; UsageError for a name that is not known.
    """
    try:
        return read_tracks(workshop, suite, target)
    except UsageError:
        raise
    except HarnessError as error:
        raise HistoryUnavailable(f"how things stand is not known: {error}") from error


def open_facts(one: OpenNow) -> dict[str, object]:
    """Return an open incident for a reader of JSON."""
    mute = one.mute
    return {
        **one.incident.model_dump(mode="json"),
        "muted_until": mute.until if mute is not None else None,
        "muted_because": mute.reason if mute is not None else "",
    }


def track_facts(track: Track, most_h: float) -> dict[str, object]:
    """Return a suite and target for a reader of JSON; ages in hours."""
    last = track.last
    return {
        "suite": track.suite,
        "target": track.target,
        "last_night": last.night if last is not None else None,
        "last_run": last.run if last is not None else None,
        "outcome": last.outcome.value if last is not None else None,
        "age_h": track.age_h,
        "told_age_h": track.told_age_h,
        "late": track.is_late(most_h),
        "open": [open_facts(one) for one in track.open],
    }
