"""What a run takes over from the nights before it: the window, a night to confirm, the drift that is open."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import islice

from harness.core.batch import Baseline, Batch
from harness.core.history import NightEntry, entries_of, window
from harness.core.incidents import accepted_of, follow, open_incidents
from harness.core.plan import Round
from harness.core.run import Earlier, Manifest, RunKind, RunTarget
from harness.core.suite import Case
from harness.core.verdict import OpenIncident, Verdict
from harness.errors import HarnessError
from harness.ports import RunStore

DAYS_LOOKED_BACK = 60
DAYS_AWAITED = 3


def gather_earlier(
    manifest: Manifest,
    references: Mapping[str, Baseline],
    runs: RunStore,
    verdict_of: Callable[[str], Verdict | None],
    remembered: Sequence[NightEntry] = (),
) -> Earlier:
    """Read the last `DAYS_LOOKED_BACK` days of run folders, and what is `remembered` of others.

    A run folder that cannot be read is left out: it may cost the window a night, and never the run its verdict.
    """
    entries = [*_entries(manifest, runs, verdict_of), *remembered]
    found: dict[str, tuple[Batch, ...]] = {}
    awaited: dict[str, Batch] = {}
    incidents: dict[str, OpenIncident] = {}
    for target in manifest.targets:
        own = [
            entry for entry in entries if entry.target == target.name and entry.suite == manifest.suite.name
        ]
        baseline = references.get(target.name)
        if baseline is None:
            continue
        accepted_at = baseline.acceptances[-1].at if baseline.acceptances else None
        nights = window(own, manifest.night, accepted_at, DAYS_LOOKED_BACK)
        waiting = nights[-1] if nights and _waits(nights[-1], manifest.night) else None
        if waiting is not None and (batch := _batch(waiting, target, manifest, runs)) is not None:
            awaited[target.name] = batch
        read = (_batch(entry, target, manifest, runs) for entry in reversed(nights) if entry is not waiting)
        most = manifest.policy.window_nights - 1 - (target.name in awaited)
        found[target.name] = tuple(islice((batch for batch in read if batch is not None), most))
        before = [entry for entry in own if entry.night < manifest.night]
        still_open = open_incidents(follow(before, accepted_of(baseline, target.name)))
        if still_open:
            last = still_open[-1]
            incidents[target.name] = OpenIncident(
                id=last.id, opened=last.opened, signals=last.signals, quiet_nights=last.quiet_nights
            )
    return Earlier(windows=found, awaited=awaited, incidents=incidents)


def _entries(
    manifest: Manifest, runs: RunStore, verdict_of: Callable[[str], Verdict | None]
) -> Iterable[NightEntry]:
    # A run's name begins with the time at which it started.
    oldest = f"{date.fromisoformat(manifest.night) - timedelta(days=DAYS_LOOKED_BACK):%Y%m%d}"
    for name in runs.names():
        if name < oldest or name == manifest.run:
            continue
        try:
            verdict = verdict_of(name)
            if verdict is None or verdict.suite != manifest.suite.name:
                continue
            ran = runs.manifest(name)
        except HarnessError:
            continue
        if ran.scheduled and ran.kind is RunKind.CHECK:
            yield from entries_of(verdict, ran)


def _waits(entry: NightEntry, night: str) -> bool:
    """Say whether the last night that measured anything strayed and may still be confirmed by this one."""
    oldest = (date.fromisoformat(night) - timedelta(days=DAYS_AWAITED)).isoformat()
    return entry.awaiting_confirmation and entry.night >= oldest


def _batch(entry: NightEntry, target: RunTarget, manifest: Manifest, runs: RunStore) -> Batch | None:
    """Load a night's first batch, without the cases that asked something else than today's."""
    try:
        record = runs.load(entry.run)
    except HarnessError:
        return None
    then = {one.name: one for one in record.manifest.targets}.get(target.name)
    batch = record.batches.get(target.name)
    if then is None or batch is None:
        return None
    asked = record.cases
    first = batch.of_round(Round.FIRST)
    kept = {
        case.id: first.samples[case.id]
        for case in manifest.suite.cases
        if case.id in first.samples and _asks_the_same(case, target, asked[case.id], then)
    }
    return first.model_copy(update={"samples": kept}) if kept else None


def _asks_the_same(case: Case, target: RunTarget, before: Case, then: RunTarget) -> bool:
    same_question = case.question == before.question
    return same_question and target.target.treatment(case) == then.target.treatment(before)
