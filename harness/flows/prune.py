"""Which runs may be thinned."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from harness.core.incidents import open_incidents
from harness.core.verdict import Verdict
from harness.errors import HarnessError
from harness.flows.earlier import DAYS_LOOKED_BACK
from harness.ports import BaselineStore, HistoryStore, RunStore

FEWEST_DAYS = DAYS_LOOKED_BACK + 30
"""Younger runs may still decide with others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToThin:
    """What is old enough, and what of it is to be kept."""

    runs: tuple[str, ...]
    kept: tuple[tuple[str, str], ...]
    """Old runs that stay whole, and why."""


def runs_to_thin(
    runs: RunStore,
    verdict_of: Callable[[str], Verdict | None],
    baselines: BaselineStore,
    history: HistoryStore,
    *,
    before: date,
    evidence_too: bool,
) -> ToThin:
    """Choose the runs that started before a day, except those whose answers somebody may yet ask for.

    Raises HarnessError where the baselines or the history cannot say which these are.
    """
    evidence = {run for suite, target in baselines.names() for run in _accepted(baselines, suite, target)}
    still_open = {run for incident in open_incidents(history.incidents()) for run in incident.runs}
    chosen: list[str] = []
    kept: list[tuple[str, str]] = []
    for run in runs.names():
        started = _started(run)
        if started is None or started >= before:
            continue
        if run in still_open:
            kept.append((run, "an open incident rests on it"))
        elif run in evidence and not evidence_too:
            kept.append((run, "a baseline was accepted from it; --all thins it too"))
        elif (why := _cannot_do_without(run, runs, verdict_of)) is not None:
            kept.append((run, why))
        else:
            chosen.append(run)
    return ToThin(runs=tuple(chosen), kept=tuple(kept))


def _accepted(baselines: BaselineStore, suite: str, target: str) -> set[str]:
    baseline = baselines.load(suite, target)
    acceptances = baseline.acceptances if baseline is not None else ()
    return {run for acceptance in acceptances for run in acceptance.runs}


def _started(run: str) -> date | None:
    """Return the day that a run's name begins with; None for a name that is none of drift's."""
    try:
        return datetime.strptime(run[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def _cannot_do_without(run: str, runs: RunStore, verdict_of: Callable[[str], Verdict | None]) -> str | None:
    """Say why nothing of a run can be taken: what would be left could not tell what became of it."""
    try:
        verdict = verdict_of(run)
        if runs.manifest(run).run != run or verdict is None or verdict.run != run:
            return "it did not end, or its verdict cannot be read: what it decided would be lost"
    except HarnessError as error:
        return str(error)
    return None
