"""The nights of a page as days: what became of each, in calendars, figures and budgets."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from harness.core.findings import Outcome
from harness.core.history import NightEntry
from harness.core.incidents import Closing, Incident
from harness.core.standing import is_learning
from harness.reporting.counting import many
from harness.reporting.dashboard_model import BudgetRow, Calendar, Day, DayState, Golden, Track, Week
from harness.reporting.escape import one_line
from harness.reporting.wording import night_text

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OUTCOMES = {
    Outcome.STABLE: DayState.QUIET,
    Outcome.IMPROVED: DayState.QUIET,
    Outcome.CHANGED: DayState.CHANGED,
    Outcome.REGRESSED: DayState.REGRESSED,
    Outcome.INCONCLUSIVE: DayState.UNTOLD,
}


def dates(since: str, until: str) -> tuple[str, ...]:
    """List every date from one to the other, both included."""
    first, last = date.fromisoformat(since), date.fromisoformat(until)
    return tuple((first + timedelta(days=place)).isoformat() for place in range((last - first).days + 1))


def state_of(night: NightEntry) -> DayState:
    """Say what became of a night. Never quiet where too little was measured to say so."""
    if night.awaiting_confirmation:
        return DayState.UNTOLD
    found = _OUTCOMES[night.outcome]
    if found is DayState.UNTOLD and is_learning(night):
        return DayState.LEARNING
    return DayState.UNTOLD if found is DayState.QUIET and not night.measured else found


def calendar_of(
    name: str, nights: Sequence[NightEntry], days: Sequence[str], *, retired: bool = False
) -> Calendar:
    """Lay one suite and target's nights out; what lies before the first of them is no night that was missed.

    Nor, of a target that is `retired`, what lies behind the last.
    """
    by_night = {night.night: night for night in nights}
    first = min(by_night, default="")
    last = max(by_night, default="") if retired else days[-1] if days else ""
    laid = tuple(
        Day(
            date=day,
            state=state_of(by_night[day])
            if day in by_night
            else DayState.MISSED
            if first < day <= last
            else None,
        )
        for day in days
    )
    states = [day.state for day in laid]
    said = [f"{count:,} {state.value}" for state in DayState if (count := states.count(state))]
    summary = ", ".join(said)
    return Calendar(name=name, summary=summary, label=f"{name}: {summary}", days=laid)


def months_of(days: Sequence[str]) -> tuple[tuple[int, str], ...]:
    """Return the first column in which a month has all of its first week, and the month's name."""
    shift = date.fromisoformat(days[0]).weekday() if days else 0
    found = []
    for place, day in enumerate(days):
        if day.endswith("-01"):
            found.append((-(-(place + shift) // 7), MONTHS[int(day[5:7]) - 1]))
    return tuple(found)


def budget_of(
    named: Mapping[Track, str], tracks: Mapping[Track, Sequence[NightEntry]], incidents: Sequence[Incident]
) -> tuple[BudgetRow, ...]:
    """Hold what went away by itself against the false alarms that so many nights may give: nights x level."""
    rows = []
    for track, nights in tracks.items():
        levels = [night.facts.alpha for night in nights if night.measured and night.facts.alpha is not None]
        mine = [one for one in incidents if (one.suite, one.target) == track]
        rows.append(
            BudgetRow(
                name=named[track],
                nights=f"{len(levels):,}",
                level=" and ".join(f"{100 * level:g} %" for level in sorted(set(levels))[:3]) or "none",
                expected=f"{sum(levels):.1f}",
                recovered=f"{sum(one.because is Closing.RECOVERED for one in mine):,}",
                accepted=f"{sum(one.because is Closing.ACCEPTED for one in mine):,}",
            )
        )
    return tuple(rows)


def budgeted(nights: Sequence[NightEntry]) -> float:
    """Return how many false alarms so many unchanged nights may give."""
    return sum(night.facts.alpha or 0.0 for night in nights if night.measured)


def golden_of(runs: Sequence[NightEntry], days: Sequence[str]) -> Golden | None:
    """Count, by week, the tasks that pull requests broke, each once however often it was pushed. None without a run."""
    if not runs or not days:
        return None
    shift = date.fromisoformat(days[0]).weekday()
    place = {day: (number + shift) // 7 for number, day in enumerate(days)}
    count = -(-(len(days) + shift) // 7)
    stopped: list[set[tuple[str, str, str]]] = [set() for _ in range(count)]
    accepted: list[set[tuple[str, str, str]]] = [set() for _ in range(count)]
    seen: dict[str, int] = {}
    for run in runs:
        week, golden = place.get(run.night), run.facts.golden
        if week is None or golden is None:
            continue
        seen[run.run] = max(seen.get(run.run, 0), golden.exit_code)
        if golden.exit_code == 1:
            stopped[week] |= {(run.suite, run.target, task) for task in golden.regressed}
        accepted[week] |= {(run.suite, run.target, task) for task in golden.accepted}
    weeks = tuple(
        Week(stopped=min(len(s), MOST_SQUARES), accepted=min(len(a - s), MOST_SQUARES))
        for s, a in zip(stopped, accepted, strict=True)
    )
    passed = sum(code == 0 for code in seen.values())
    all_stopped, all_accepted = sum(map(len, stopped)), sum(map(len, accepted))
    cut = " A week is drawn with at most 20 of each." if any(len(s) > MOST_SQUARES for s in stopped) else ""
    return Golden(
        note=(
            f"{many(len(seen), 'run')} on pull requests; {passed:,} passed. Each square is one task that broke in one "
            f"week, however often it was pushed.{cut}"
        ),
        weeks=weeks,
        label=f"{many(all_stopped, 'golden regression')} stopped before merge, {all_accepted:,} accepted with a reason",
    )


MOST_SQUARES = 20


def stopped_tasks(runs: Sequence[NightEntry]) -> int:
    """Count the golden regressions that pull requests were stopped by, each once a week."""
    found = {
        (date.fromisoformat(run.night).isocalendar()[:2], run.suite, run.target, task)
        for run in runs
        if run.facts.golden is not None and run.facts.golden.exit_code == 1
        for task in run.facts.golden.regressed
    }
    return len(found)


def spent(entries: Sequence[NightEntry]) -> tuple[float | None, int, int]:
    """Return what all runs cost in dollars, of how many that is known, and how many there are."""
    costs = {entry.run: entry.facts.run_cost_usd for entry in entries}
    known = [cost for cost in costs.values() if cost is not None]
    return (sum(known) if known else None), len(known), len(costs)


def names_of(tracks: Sequence[Track]) -> dict[Track, str]:
    """Name every suite and target; the suite only where there are several."""
    several = len({suite for suite, _ in tracks}) > 1
    return {
        (suite, target): one_line(f"{suite} · {target}" if several else target, 140)
        for suite, target in tracks
    }


def dates_text(nights: Sequence[str], most: int = 6) -> Iterator[str]:
    """Write dates without the year, and how many more there are."""
    yield from (night_text(night, year=False) for night in nights[:most])
    if len(nights) > most:
        yield f"and {len(nights) - most} more"
