"""Which nights are quiet, and which belong to an incident."""

from collections.abc import Iterable

from harness.core.findings import Outcome
from harness.core.history import NightEntry, entries_of, is_later
from harness.core.incidents import QUIET_NIGHTS, Closing, Incident, accepted_of, follow
from harness.core.run import RunKind
from harness.core.verdict import BaselineState, State
from harness.flows.baseline_change import Decided, is_whole, target_verdict


def is_quiet(run: Decided, target_name: str) -> bool:
    """Say whether a run was whole, measured and without drift.

    A check that had a baseline and could not tell is not quiet: its drift would become the norm.
    """
    target = target_verdict(run, target_name)
    if target is None or not is_whole(run, target_name):
        return False
    could_tell = target.baseline is BaselineState.PRESENT and target.state is not State.LEARNING
    untold = could_tell and target.outcome is Outcome.INCONCLUSIVE
    if untold and run.record.manifest.kind is RunKind.CHECK:
        return False
    return target.outcome not in (Outcome.REGRESSED, Outcome.CHANGED) and not target.awaiting_confirmation


def is_quiet_night(run: Decided, target_name: str) -> bool:
    """Say whether a run by itself may become part of a baseline: scheduled and quiet."""
    return run.record.manifest.scheduled and is_quiet(run, target_name)


def first_of_each_night(runs: Iterable[Decided]) -> list[Decided]:
    """Keep the first scheduled run of every night, oldest first."""
    nights: dict[str, Decided] = {}
    for run in sorted(runs, key=lambda found: found.record.manifest.run):
        if run.record.manifest.scheduled:
            nights.setdefault(run.record.manifest.night, run)
    return [nights[night] for night in sorted(nights)]


def quiet_nights(runs: Iterable[Decided], target_name: str) -> list[Decided]:
    """Keep the nights that may become part of a baseline, oldest first: quiet, and of no incident."""
    ran = [run for run in runs if target_verdict(run, target_name) is not None]
    newest = max(ran, key=lambda run: run.record.manifest.run, default=None)
    reference = newest.record.references.get(target_name) if newest is not None else None
    incidents = follow((_entry(run, target_name) for run in ran), accepted_of(reference, target_name))
    return [
        run
        for run in first_of_each_night(ran)
        if is_quiet_night(run, target_name)
        and not any(_belongs_to(_entry(run, target_name), incident) for incident in incidents)
    ]


def newest_quiet_nights(newest_first: Iterable[Decided], target_name: str, most: int) -> list[Decided]:
    """Keep the newest `most` nights that may become part of a baseline, oldest first.

    Of the first scheduled runs of the nights, newest first, it reads no more than it must: deciding one takes time.
    """
    seen: list[Decided] = []
    calm: list[str] = []
    for run in newest_first:
        seen.append(run)
        entry = _entry(run, target_name)
        if entry.drift:
            calm.clear()
        elif entry.quiet:
            calm.append(entry.night)
        if len(calm) >= QUIET_NIGHTS:
            # No incident from before these reaches the nights after them.
            certain = [
                quiet
                for quiet in quiet_nights(seen, target_name)
                if quiet.record.manifest.night > calm[-QUIET_NIGHTS]
            ]
            if len(certain) >= most:
                return certain[-most:]
    return quiet_nights(seen, target_name)[-most:]


def is_accepted_verdict(verdict: str) -> bool:
    """Say whether an acceptance was of a run's behaviour, rather than of quiet nights or of a burst."""
    return verdict in set(Outcome)


def _entry(run: Decided, target_name: str) -> NightEntry:
    entries = entries_of(run.verdict, run.record.manifest)
    return next(entry for entry in entries if entry.target == target_name)


def _belongs_to(night: NightEntry, incident: Incident) -> bool:
    """Say whether a night lies within an incident.

    One that was compared with what somebody accepted since lies after it, whatever its date.
    """
    if night.night < incident.opened or is_later(night.accepted_at, incident.compared_with):
        return False
    recovered = incident.closed if incident.because is Closing.RECOVERED else None
    return recovered is None or night.night <= recovered
