"""How things stand, on a terminal of 80 columns."""

from collections.abc import Iterator, Sequence

from harness.core.findings import Outcome
from harness.core.history import NightEntry
from harness.core.standing import OpenNow, Track, is_learning, trend_of
from harness.core.verdict import BaselineState
from harness.reporting.counting import many
from harness.reporting.escape import log_safe, one_line, wrap

WIDTH = 77
"""Breaking up what a CI log would take for a command may cost three columns more."""
LEGEND = ". quiet  D drift  W only warned  ~ unconfirmed  - learning  ? could not tell"
_WORDS = {
    Outcome.STABLE: "quiet",
    Outcome.IMPROVED: "improved",
    Outcome.CHANGED: "changed",
    Outcome.INCONCLUSIVE: "could not tell",
    Outcome.REGRESSED: "drift",
}


def status_lines(tracks: Sequence[Track], most_h: float, drawn: int) -> Iterator[str]:
    """Yield how every suite and target stands, late ones first."""
    if not tracks:
        yield "no suite here runs at night: `drift check SUITE --scheduled` makes a night"
        return
    for track in sorted(tracks, key=lambda one: not one.is_late(most_h)):
        yield from _track(track, most_h, drawn)
    if any(track.nights for track in tracks):
        yield LEGEND


def gate_lines(tracks: Sequence[Track], severity: str, most_h: float) -> Iterator[str]:
    """Yield what holds a promotion back, or that nothing does."""
    held = [one for track in tracks for one in track.open if one.incident in track.held_by(severity)]
    for one in held:
        yield from _open(one, "HOLD ")
    untold = [track for track in tracks if track.is_untold(most_h)]
    for track in untold:
        when = "ever" if track.told_age_h is None else f"for {_age(track.told_age_h)}"
        why = f"no scheduled run said anything {when}"
        if track.broke_unjudged:
            why = "its last night broke a contract, with no baseline to judge it by"
        yield from _wrapped(f"UNKNOWN {track.suite}/{track.target}: {why}")
        yield from _not_asked(track)
    if not tracks:
        yield "UNKNOWN no suite here runs at night, so nobody can tell"
    if tracks and not held and not untold:
        others = [one for track in tracks for one in track.open]
        beside = f"; {many(len(others), 'incident')} muted or less severe" if others else ""
        yield from _wrapped(
            f"OPEN FOR PROMOTION nothing of {severity} or worse is open and not muted{beside}"
        )
    for one in (one for track in tracks for one in track.open if one not in held):
        yield from _open(one, "  ")


def _track(track: Track, most_h: float, drawn: int) -> Iterator[str]:
    last, name = track.last, f"{track.suite}/{track.target}"
    if last is None:
        yield from _wrapped(f"{name}  LATE: no scheduled run yet")
    else:
        late = f"LATE, over {_age(most_h)}: " if track.is_late(most_h) else ""
        age = "at an unknown time" if track.age_h is None else f"{_age(track.age_h)} ago"
        yield from _wrapped(f"{name}  {late}night {last.night}, {age}: {_word(last)}")
        yield f"  last {many(min(len(track.nights), drawn), 'night')}  {trend_of(track.nights[-drawn:])}"
        if track.is_late(most_h):
            yield from _not_asked(track)
    for one in track.open:
        yield from _open(one, "  ")


def _not_asked(track: Track) -> Iterator[str]:
    if not track.asked:
        yield from _wrapped(
            f"the suite does not name {track.target}: where it is gone for good, take it out of targets, too",
            "  ",
        )


def _word(night: NightEntry) -> str:
    if night.awaiting_confirmation:
        return "strayed, awaiting confirmation"
    if night.outcome is Outcome.INCONCLUSIVE and night.baseline is BaselineState.STALE:
        return "stale baseline, nothing to compare with"
    if night.outcome is Outcome.INCONCLUSIVE and is_learning(night):
        return "learning"
    return _WORDS[night.outcome]


def _open(one: OpenNow, start: str) -> Iterator[str]:
    incident, mute = one.incident, one.mute
    cases = f", {many(len(incident.cases), 'case')}" if incident.cases else ""
    kinds = f" of {', '.join(incident.kinds)}" if incident.kinds else ""
    state = f"muted until {mute.until} because: {one_line(mute.reason, 200)}" if mute is not None else "open"
    said = (
        f"{incident.severity} {one_line(incident.id, 140)} since {incident.opened}: "
        f"{', '.join(one_line(signal, 40) for signal in incident.signals)}{cases}{kinds}; {state}"
    )
    yield from _wrapped(said, start)


def _wrapped(text: str, start: str = "") -> Iterator[str]:
    yield from (log_safe(line) for line in wrap(text, WIDTH, start=start, indent="    "))


def _age(hours: float) -> str:
    if hours < 1:
        return f"{round(60 * hours)} min"
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} d"
