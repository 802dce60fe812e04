"""From many nights to the page about them: what is open, what happened, what it cost, and how it ended. Pure."""

import shlex
import statistics
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from harness.core.batch import Acceptance
from harness.core.history import NightEntry, instant, is_later
from harness.core.incidents import Closing, Incident
from harness.core.trends import MarkKind
from harness.reporting.counting import many, many_in_words
from harness.reporting.dashboard_days import (
    budget_of,
    budgeted,
    calendar_of,
    dates,
    golden_of,
    months_of,
    names_of,
    spent,
    stopped_tasks,
)
from harness.reporting.dashboard_model import (
    Calendar,
    DashboardSource,
    DashboardView,
    DayState,
    Figure,
    IncidentRow,
    Track,
)
from harness.reporting.dashboard_trends import column_of, is_directed, order_of
from harness.reporting.escape import one_line
from harness.reporting.model import Command
from harness.reporting.wording import night_text, signal_title

MOST_COLUMNS = 12
MOST_CALENDARS = 40
MOST_INCIDENTS = 300
MOST_STEPS = 3
RETIRED_AFTER = 8
_LONGEST_REASON = 80
_ICONS = {"plain": "same"}


def dashboard_view(source: DashboardSource) -> DashboardView:
    """Make the page of a year, or of as many nights as there are."""
    days = dates(source.since, source.until)
    tracks = _tracks(source.nights)
    named = names_of(list(tracks))
    every = sorted(source.incidents, key=lambda one: (one.opened, one.suite, one.target))
    numbers = {(one.suite, one.target, one.id): place for place, one in enumerate(every, start=1)}
    shown = [one for one in every if one.closed is None or one.closed >= source.since]
    open_ = [one for one in shown if one.closed is None]
    rows = [
        _incident_row(one, numbers[one.suite, one.target, one.id], named, tracks, source)
        for one in reversed(shown)
    ]
    calendars = [
        calendar_of(named[track], nights, days, retired=track in source.retired)
        for track, nights in tracks.items()
    ]
    drawn = _drawn(source.nights, days)
    columns = [
        column_of(named[track], nights, [i for i in shown if (i.suite, i.target) == track], drawn)
        for track, nights in list(tracks.items())[:MOST_COLUMNS]
    ]
    columns = [column for column in columns if column.rows]
    directed = any(is_directed(one, tracks.get((one.suite, one.target), ())) for one in open_)
    occurring = {day.state for one in calendars for day in one.days}
    kinds = {kind for column in columns for _, kind in column.marks}
    tone = ("bad" if directed else "chg") if open_ else _quiet_tone(calendars)
    ran = len({night.night for night in source.nights})
    return DashboardView(
        tone=tone,
        icon=_ICONS.get(tone, tone),
        word=_word(tone),
        qualifier=_qualifier(open_, numbers) if open_ else "on the last night" if tone == "unk" else "",
        headline=_headline(open_, shown, ran)
        if tone != "note"
        else f"No verdict yet after {many(ran, 'night')}.",
        lead=tuple(_lead(open_, shown, tracks, named)),
        lead_page=source.pages.get(open_[-1].runs[-1]) if open_ else None,
        steps=tuple(_step(one) for one in open_[:MOST_STEPS]),
        figures=tuple(_figures(source, shown, days)),
        range_text=f"{night_text(source.since)} to {night_text(source.until)}",
        calendars=tuple(calendars[:MOST_CALENDARS]),
        months=months_of(days),
        first_weekday=date.fromisoformat(source.since).weekday(),
        states=tuple(state for state in DayState if state in occurring),
        incidents=tuple(rows[:MOST_INCIDENTS]),
        incidents_left_out=max(0, len(rows) - MOST_INCIDENTS),
        columns=tuple(columns),
        columns_left_out=max(0, len(tracks) - MOST_COLUMNS),
        kinds=tuple(kind for kind in MarkKind if kind in kinds),
        golden=golden_of(source.pull_requests, days),
        budget=budget_of(named, tracks, shown),
        footer=f"Made from {many(len({night.run for night in source.nights}), 'nightly run')}",
        version=_version(source.nights),
        open_count=len(open_),
    )


def _tracks(nights: Sequence[NightEntry]) -> dict[Track, list[NightEntry]]:
    found: dict[Track, list[NightEntry]] = {}
    for night in nights:
        found.setdefault((night.suite, night.target), []).append(night)
    return found


def _drawn(nights: Sequence[NightEntry], days: Sequence[str]) -> tuple[str, ...]:
    """Leave out of the trends what lies before the first night: a line needs room."""
    first = min((night.night for night in nights), default=days[0])
    return tuple(day for day in days if day >= first) or tuple(days)


def _quiet_tone(calendars: Sequence[Calendar]) -> str:
    """Say how the last night of every target looks where no incident is open. Quiet is only what was measured.

    A target that drift.yaml no longer names, or that has not run for `RETIRED_AFTER` days, is asked no more, and keeps
    nobody waiting.
    """
    recent = [[day.state for day in one.days[-RETIRED_AFTER:]] for one in calendars]
    alive = [states for states in recent if any(state not in (None, DayState.MISSED) for state in states)]
    last = [states[-1] for states in alive if states[-1] is not None]
    if any(state in (DayState.UNTOLD, DayState.MISSED) for state in last):
        return "unk"
    return "note" if last and all(state is DayState.LEARNING for state in last) else "plain"


def _word(tone: str) -> str:
    words = {"bad": "Regressed", "chg": "Changed", "unk": "Could not tell", "note": "Learning"}
    return words.get(tone, "Quiet")


def _qualifier(open_: Sequence[Incident], numbers: Mapping[tuple[str, str, str], int]) -> str:
    said = ", ".join(f"#{numbers[one.suite, one.target, one.id]}" for one in open_[:5])
    since = night_text(min(one.opened for one in open_), year=False)
    return f"{'incident' if len(open_) == 1 else 'incidents'} {said}, since {since}"


def _headline(open_: Sequence[Incident], shown: Sequence[Incident], ran: int) -> str:
    closed = len(shown) - len(open_)
    if not open_:
        if not shown:
            return f"No incident in {many(ran, 'night')}."
        ended = "The only one is" if closed == 1 else f"All {_small(closed)} are"
        return f"No incident is open. {ended} closed."
    first = f"{many_in_words(len(open_), 'incident')} {'is' if len(open_) == 1 else 'are'} open."
    if not closed:
        return first
    other = "The other one is" if closed == 1 else f"The other {_small(closed)} are"
    return f"{first} {other} closed."


def _small(count: int) -> str:
    return many_in_words(count, "").strip().lower().removesuffix("s").strip() if count < 10 else f"{count:,}"


def _lead(
    open_: Sequence[Incident],
    shown: Sequence[Incident],
    tracks: Mapping[Track, Sequence[NightEntry]],
    named: Mapping[Track, str],
) -> Iterator[str]:
    for one in open_[-1:]:
        yield _told(one, tracks.get((one.suite, one.target), ()), whole=True)
    for track, nights in list(tracks.items())[:6]:
        mine = [one for one in shown if (one.suite, one.target) == track]
        if any(one.closed is None for one in mine):
            continue
        # Drift that the policy only warns of opens no incident, and is drift.
        strayed = [night.night for night in nights if night.measured and not night.quiet]
        last = max([*(one.last_drift for one in mine), *strayed], default="")
        quiet = sum(night.quiet and night.night > last for night in nights)
        if not quiet:
            continue
        yield f"{named[track]} has had no drift for {many(quiet, 'measured night')}."


def _step(incident: Incident) -> Command:
    """Name the command that shows the last night of a drift, and the digest that accepts it."""
    return Command(head=f"drift review {shlex.quote(one_line(incident.runs[-1], 200))}")


def _incident_row(
    incident: Incident,
    number: int,
    named: Mapping[Track, str],
    tracks: Mapping[Track, Sequence[NightEntry]],
    source: DashboardSource,
) -> IncidentRow:
    track = (incident.suite, incident.target)
    nights = tracks.get(track, ())
    opening = next((night for night in nights if night.run in incident.runs), None)
    first, *rest = sorted(incident.signals, key=order_of) or ["unknown"]
    after = opening.facts.found_after if opening is not None else None
    return IncidentRow(
        number=number,
        target=named.get(track, one_line(incident.target, 140)),
        since=night_text(incident.opened, year=False),
        until=night_text(incident.closed, year=False) if incident.closed else "–",
        directed=is_directed(incident, nights),
        signal=signal_title(first) + (f" +{len(rest)}" if rest else ""),
        what=_told(incident, nights),
        found_after=many(after, "night") if after is not None else "not known",
        ended=_ended(incident, source.acceptances.get(track, ())),
        open=incident.closed is None,
        page=source.pages.get(incident.runs[0]) if incident.runs else None,
    )


def _told(incident: Incident, nights: Sequence[NightEntry], *, whole: bool = False) -> str:
    """Say what happened, as the night said it that opened the incident."""
    opening = next((night for night in nights if night.run in incident.runs), None)
    said = opening.facts.headline if opening is not None else ""
    if not said:
        said = f"{incident.target} moved in {', '.join(incident.signals)}."
    if not whole:
        said = said.removeprefix(f"{incident.target} ")
        said = said[:1].upper() + said[1:]
    return one_line(said, 300)


def _ended(incident: Incident, acceptances: Sequence[Acceptance]) -> str:
    match incident.because:
        case Closing.RECOVERED:
            return "Recovered by itself"
        case Closing.ACCEPTED:
            reason = _reason(incident, acceptances)
            return f"Accepted: “{one_line(reason, _LONGEST_REASON)}”" if reason else "Accepted"
        case None:
            return f"{many(incident.quiet_nights, 'quiet night')} since" if incident.quiet_nights else ""


def _reason(incident: Incident, acceptances: Sequence[Acceptance]) -> str | None:
    """Return why it was accepted: the acceptance that names it, else the first since it drifted last."""
    for one in acceptances:
        if one.incident == incident.id:
            return one.reason
    later = [one for one in acceptances if is_later(one.at, incident.compared_with)]
    return min(later, key=lambda one: instant(one.at)).reason if later else None


def _figures(
    source: DashboardSource,
    shown: Sequence[Incident],
    days: Sequence[str],
) -> Iterator[Figure]:
    ran = {night.night for night in source.nights}
    due = sum(day >= min(ran) for day in days) if ran else 0
    yield Figure(number=f"{len(ran):,}", what=f"of {many(due, 'night')} ran")
    yield Figure(number=f"{len(shown):,}", what="incident" if len(shown) == 1 else "incidents")
    opening = {run for one in shown for run in one.runs[:1]}
    waits = [
        night.facts.found_after
        for night in source.nights
        if night.run in opening and night.facts.found_after is not None
    ]
    if waits:
        median = statistics.median(waits)
        yield Figure(number=f"{median:g}", what=f"{'night' if median == 1 else 'nights'} to find one, median")
    recovered = sum(one.because is Closing.RECOVERED for one in shown)
    alone = "itself" if recovered == 1 else "themselves"
    yield Figure(
        number=f"{recovered:,}",
        what=f"recovered by {alone}; {budgeted(source.nights):.1f} false alarms budgeted",
    )
    if source.pull_requests:
        yield Figure(number=f"{stopped_tasks(source.pull_requests):,}", what="golden regressions stopped")
    cost, known, runs = spent([*source.nights, *source.pull_requests])
    if cost is not None:
        part = "" if known == runs else f", as far as is known: {known:,} of {runs:,} runs"
        yield Figure(number=f"${cost:,.0f}" if cost >= 10 else f"${cost:.2f}", what=f"spent{part}")


def _version(nights: Sequence[NightEntry]) -> str:
    """Name the version of drift that made the newest run."""
    newest = max(nights, key=lambda night: night.run, default=None)
    found = newest.facts.versions.get("drift") if newest is not None else None
    return f"drift {one_line(found, 40)}" if found else "drift"
