"""What is known of many nights, gathered for the page about them: history, reasons of acceptances, reports that are there."""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import quote

from harness.core.batch import Acceptance
from harness.core.history import NightEntry
from harness.core.incidents import Closing, Incident, follow
from harness.errors import DamagedRecord, MeasurementError
from harness.flows.history import acceptances_for
from harness.reporting.dashboard_model import DashboardSource, Track
from harness.wiring.files import is_a_file
from harness.wiring.workshop import Workshop

PAGE = "dashboard.html"


def dashboard_source(workshop: Workshop, page: Path, *, since: date | None, days: int) -> DashboardSource:
    """Gather `days` nights up to the last that ran, or all from `since` on. `page` is where it will lie.

    Raises MeasurementError where no night ran, or the history cannot be used.
    """
    history, config = workshop.history(), workshop.project.config
    newest = max((night.night for night in history.nights(last=1)), default=None)
    if newest is None:
        raise MeasurementError(
            "no nights yet: `drift check SUITE --scheduled` makes one, `drift history rebuild` finds those that ran"
        )
    if since is not None and since.isoformat() > newest:
        raise MeasurementError(f"no night since {since}: the last one that ran was {newest}")
    first = since or date.fromisoformat(newest) - timedelta(days=days - 1)
    start, until = first.isoformat(), newest
    every = history.nights()
    nights = tuple(night for night in every if night.night >= start)
    incidents = incidents_now(workshop, every)
    return DashboardSource(
        nights=nights,
        pull_requests=history.pull_requests(since=start),
        incidents=incidents,
        acceptances=_acceptances(workshop, nights, incidents),
        since=start,
        until=until,
        pages=_pages(workshop.project.reports, page, incidents),
        retired={
            (night.suite, night.target)
            for night in nights
            if night.suite not in config.suites or night.target not in config.targets
        },
    )


def incidents_now(workshop: Workshop, nights: Sequence[NightEntry]) -> tuple[Incident, ...]:
    """Return all incidents by what the baselines hold now: one that was accepted since the last night is over.

    What the history keeps of them is as of its last night; that has to do where a baseline is damaged.
    """
    try:
        return follow(nights, acceptances_for(nights, workshop.baselines))
    except DamagedRecord:
        return workshop.history().incidents()


def _acceptances(
    workshop: Workshop, nights: Iterable[NightEntry], incidents: Iterable[Incident]
) -> Mapping[Track, tuple[Acceptance, ...]]:
    """Read the reasons of what was accepted; a baseline that cannot be read has none to give."""
    owners = {(night.suite, night.target): night.baseline_of for night in nights}
    wanted = {(one.suite, one.target) for one in incidents if one.because is Closing.ACCEPTED}
    found: dict[Track, tuple[Acceptance, ...]] = {}
    for suite, target in sorted(wanted & owners.keys()):
        try:
            baseline = workshop.baselines.load(suite, owners[suite, target])
        except DamagedRecord:
            continue
        if baseline is not None:
            found[suite, target] = baseline.acceptances
    return found


def _pages(reports: Path, page: Path, incidents: Iterable[Incident]) -> Mapping[str, str]:
    """Return, as seen from the page, the reports that are there of the nights that incidents opened and drifted last."""
    wanted = {run for one in incidents for run in (*one.runs[:1], *one.runs[-1:])}
    found = {}
    for run in sorted(wanted):
        report = reports / run / "report.html"
        # What the history calls a run is a name, and leads nowhere else.
        if run == Path(run).name and run not in (".", "..") and is_a_file(report):
            found[run] = quote(Path(os.path.relpath(report, page.parent)).as_posix())
    return found
