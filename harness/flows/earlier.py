"""What a run takes over from the nights before it: the window, a night to confirm, the drift that is open."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice

from harness.core.batch import Baseline, Batch
from harness.core.history import NightEntry, entries_of, past_nights, window
from harness.core.incidents import Incident, accepted_of, follow, open_incidents
from harness.core.mutes import Mute, mute_in_force
from harness.core.past import PastNight
from harness.core.plan import Round
from harness.core.run import Earlier, LostNight, Manifest, RunKind, RunRecord, RunTarget
from harness.core.suite import Case
from harness.core.verdict import OpenIncident, Verdict
from harness.errors import HarnessError
from harness.flows.history import verdict_at_the_time
from harness.ports import RunStore

DAYS_LOOKED_BACK = 60
DAYS_AWAITED = 3


def gather_earlier(
    manifest: Manifest,
    references: Mapping[str, Baseline],
    runs: RunStore,
    verdict_of: Callable[[str], Verdict | None],
    remembered: Sequence[NightEntry] = (),
    mutes: Sequence[Mute] = (),
) -> Earlier:
    """Read the last `DAYS_LOOKED_BACK` days of run folders, and what is `remembered` of others.

    A run folder that cannot be read is left out and named: it may cost the window a night, and never the run
    its verdict.
    """
    before = _NightsBefore(manifest, runs, verdict_of)
    entries = [*before.entries({entry.run for entry in remembered}), *remembered]
    found: dict[str, tuple[Batch, ...]] = {}
    awaited: dict[str, Batch] = {}
    incidents: dict[str, OpenIncident] = {}
    lost: dict[str, tuple[LostNight, ...]] = {}
    past: dict[str, tuple[PastNight, ...]] = {}
    for target in manifest.targets:
        own = [
            entry for entry in entries if entry.target == target.name and entry.suite == manifest.suite.name
        ]
        if ran_before := past_nights(own, manifest.night):
            past[target.name] = ran_before
        baseline = references.get(target.name)
        if baseline is None:
            continue
        accepted_at = baseline.acceptances[-1].at if baseline.acceptances else None
        nights = window(own, manifest.night, accepted_at, DAYS_LOOKED_BACK)
        waiting = nights[-1] if nights and _waits(nights[-1], manifest.night) else None
        if waiting is not None and (batch := before.batch(waiting, target)) is not None:
            awaited[target.name] = batch
        read = (before.batch(entry, target) for entry in reversed(nights) if entry is not waiting)
        most = manifest.policy.window_nights - 1 - (target.name in awaited)
        found[target.name] = tuple(islice((batch for batch in read if batch is not None), most))
        ran = [entry for entry in own if entry.night < manifest.night]
        still_open = open_incidents(follow(ran, accepted_of(baseline, target.name)))
        if still_open:
            incidents[target.name] = _as_open(still_open[-1], mutes, manifest.night)
        if missed := before.lost(target.name):
            lost[target.name] = missed
    return Earlier(windows=found, awaited=awaited, incidents=incidents, lost=lost, past=past)


def _as_open(incident: Incident, mutes: Sequence[Mute], night: str) -> OpenIncident:
    mute = mute_in_force(mutes, incident.id, night)
    return OpenIncident(
        id=incident.id,
        opened=incident.opened,
        signals=incident.signals,
        quiet_nights=incident.quiet_nights,
        severity=incident.severity,
        muted_until=mute.until if mute is not None else None,
        muted_because=mute.reason if mute is not None else "",
        muted_by=mute.by if mute is not None else "",
        covered=mute.covers if mute is not None else None,
    )


@dataclass(frozen=True, slots=True)
class _NightsBefore:
    """Reads the run folders before a run, and keeps account of those that cannot be read."""

    manifest: Manifest
    runs: RunStore
    verdict_of: Callable[[str], Verdict | None]
    _lost: dict[tuple[str | None, str], LostNight] = field(default_factory=dict)
    """By target and run; None for a run of which no entry is known, so that it is missing for every target."""
    _read: dict[str, RunRecord] = field(default_factory=dict)
    """Runs that were read for one target, and serve the others."""

    def entries(self, remembered: set[str]) -> Iterator[NightEntry]:
        """Return what is to be remembered of every scheduled run of the suite."""
        # A run's name begins with the time at which it started.
        tonight = date.fromisoformat(self.manifest.night)
        oldest = f"{tonight - timedelta(days=DAYS_LOOKED_BACK):%Y%m%d}"
        for name in self.runs.names():
            if name < oldest or name == self.manifest.run:
                continue
            try:
                ran = self.runs.manifest(name)
                if not _is_night_of(ran, self.manifest.suite.name):
                    continue
                verdict = verdict_at_the_time(name, self.runs, self.verdict_of)
            except HarnessError as error:
                # What is remembered stands in for its entry, and whether its batch is missed has to show.
                if name not in remembered:
                    self._miss_run(name, error)
                continue
            if verdict is not None:
                yield from entries_of(verdict, ran)

    def batch(self, entry: NightEntry, target: RunTarget) -> Batch | None:
        """Load a night's first batch, without the cases that asked something else than today's."""
        try:
            record = self._read.get(entry.run) or self.runs.load(entry.run)
        except HarnessError as error:
            gone = entry.run not in self.runs.names()
            why = self._where(entry.run) + " is not here; put it back, where it is kept elsewhere"
            self._lost[target.name, entry.run] = LostNight(
                run=entry.run, night=entry.night, why=why if gone else self._said(error, entry.run)
            )
            return None
        self._read[entry.run] = record
        then = {one.name: one for one in record.manifest.targets}.get(target.name)
        batch = record.batches.get(target.name)
        if then is None or batch is None:
            return None
        asked = record.cases
        first = batch.of_round(Round.FIRST)
        kept = {
            case.id: first.samples[case.id]
            for case in self.manifest.suite.cases
            if case.id in first.samples and _asks_the_same(case, target, asked[case.id], then)
        }
        return first.model_copy(update={"samples": kept}) if kept else None

    def lost(self, target: str) -> tuple[LostNight, ...]:
        """Return what was missed of one target so far, the latest first."""
        found = {run: night for (of, run), night in self._lost.items() if of in (None, target)}
        return tuple(found[run] for run in sorted(found, reverse=True))

    def _miss_run(self, run: str, error: HarnessError) -> None:
        """Note a run that cannot be read, unless its verdict says that it would not have counted."""
        try:
            verdict = self.verdict_of(run)
        except HarnessError:
            verdict = None
        if verdict is None or (verdict.suite == self.manifest.suite.name and verdict.scheduled):
            night = verdict.night if verdict is not None else None
            self._lost[None, run] = LostNight(run=run, night=night, why=self._said(error, run))

    def _said(self, error: HarnessError, run: str) -> str:
        """Name the file as seen from the project: a report is read elsewhere."""
        folder = self.runs.path(run, "manifest.json").parent
        return str(error).replace(str(folder), self._where(run))

    def _where(self, run: str) -> str:
        folder = self.runs.path(run, "manifest.json").parent
        return f"{folder.parent.name}/{folder.name}"


def _is_night_of(ran: Manifest, suite: str) -> bool:
    return ran.scheduled and ran.kind is RunKind.CHECK and ran.suite.name == suite


def _waits(entry: NightEntry, night: str) -> bool:
    """Say whether the last night that measured anything strayed and may still be confirmed by this one."""
    oldest = (date.fromisoformat(night) - timedelta(days=DAYS_AWAITED)).isoformat()
    return entry.awaiting_confirmation and entry.night >= oldest


def _asks_the_same(case: Case, target: RunTarget, before: Case, then: RunTarget) -> bool:
    same_question = case.question == before.question
    return same_question and target.target.treatment(case) == then.target.treatment(before)
