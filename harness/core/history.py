"""What is remembered of every run, and the window of earlier nights. Incidents follow from it: `core.incidents`."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from harness.core.canonical import Record
from harness.core.findings import Finding, Outcome, Severity
from harness.core.night_facts import Facts, NightReading, facts_of, reading_of
from harness.core.past import PAST_DAYS, PastNight, PastReading
from harness.core.policy import IncidentSeverity, Policy
from harness.core.run import Manifest, RunEnd, RunKind
from harness.core.severity import CONTRACT, rated
from harness.core.suite import Identifier, IsoDate
from harness.core.verdict import BaselineState, State, TargetVerdict, Verdict, enough_measured
from harness.errors import DamagedRecord

__all__ = [
    "CONTRACT",
    "NightEntry",
    "NightReading",
    "counted",
    "drift_of",
    "entries_of",
    "instant",
    "is_later",
    "window",
]

WINDOW_NIGHTS = 5
WINDOW_DAYS = 10
_DRIFT = (Outcome.CHANGED, Outcome.REGRESSED)
_FROM_WORST = tuple(Severity)


class NightEntry(Record):
    """What is remembered of one target of one run."""

    run: str
    suite: Identifier
    target: Identifier
    baseline_of: Identifier
    """Whose baseline it was compared with."""
    night: IsoDate
    scheduled: bool
    """Whether it may count as a night: a scheduled check, and no calibration."""
    started_at: str
    outcome: Outcome
    state: State
    baseline: BaselineState = BaselineState.PRESENT
    """Whether there was something to compare with; a stale one says more than `state`."""
    whole: bool = True
    """Enough came back to learn from, whatever was decided."""
    measured: bool
    """Enough was measured, and it was decided: no LEARNING, no INCONCLUSIVE, nothing that awaits confirmation."""
    drift: bool
    """Confirmed, and of the kind that fails a night under the run's policy."""
    awaiting_confirmation: bool
    severity: Severity | None = None
    """The worst of what drifted: whether it may fail a run."""
    urgency: IncidentSeverity | None = None
    """How urgent what drifted is, by the run's policy; None where nothing did."""
    signals: tuple[str, ...] = ()
    """Signals that drifted over the whole suite, and `contract` for a broken one."""
    cases: tuple[str, ...] = ()
    """Cases named as drifted."""
    kinds: tuple[str, ...] = ()
    """Kinds of these cases."""
    worst: tuple[str, ...] = ()
    """The worst of these cases, at most five."""
    suite_cases: int
    """How many cases the run asked."""
    readings: tuple[NightReading, ...] = ()
    served: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    accepted_at: str | None = None
    """Which acceptance the baseline had that it was compared with; None where there was no baseline."""
    facts: Facts = Facts()
    """What trends, budgets and costs are drawn from; decides nothing."""

    @property
    def quiet(self) -> bool:
        """Say whether the night counts towards the end of an incident.

        Drift that the policy only warns of is neither quiet nor an incident.
        """
        return self.measured and self.outcome not in _DRIFT


def entries_of(verdict: Verdict, manifest: Manifest, end: RunEnd | None = None) -> tuple[NightEntry, ...]:
    """Return what is remembered of a run: one entry for each of its targets; `end` says what it cost."""
    owners = {target.name: target.baseline_of for target in manifest.targets}
    return tuple(
        _entry(target, verdict, manifest, owners.get(target.target, target.target)).model_copy(
            update={"facts": facts_of(target, verdict, manifest, end)}
        )
        for target in verdict.targets
    )


def counted(entries: Iterable[NightEntry]) -> tuple[NightEntry, ...]:
    """Keep the first scheduled run of every night, of each suite and target; by suite and target, oldest first."""
    first: dict[tuple[str, str, str], NightEntry] = {}
    for entry in sorted(entries, key=lambda entry: entry.run):  # a run's name begins with its time
        if entry.scheduled:
            first.setdefault((entry.suite, entry.target, entry.night), entry)
    return tuple(first[key] for key in sorted(first))


def drift_of(target: TargetVerdict, policy: Policy) -> tuple[str, ...]:
    """Return the signals in which a target drifted over its whole suite; empty where that was no drift."""
    whole = [f for f in target.findings if f.outcome in _DRIFT and (f.case is None or f.signal == CONTRACT)]
    return tuple(dict.fromkeys(f.signal for f in whole)) if _is_drift(target, whole, policy) else ()


def window(
    entries: Iterable[NightEntry], night: str, accepted_at: str | None, most: int = WINDOW_NIGHTS
) -> tuple[NightEntry, ...]:
    """Return the nights before `night` that are judged together with it, oldest first.

    The last `most` measured nights of one suite and target, none older than `WINDOW_DAYS` days, and
    none that was compared with an earlier baseline than the one accepted at `accepted_at`. That is read off
    the baseline which a night was compared with, not off its date: an acceptance may wait days to be merged.
    """
    oldest = (date.fromisoformat(night) - timedelta(days=WINDOW_DAYS)).isoformat()
    found = [
        entry
        for entry in counted(entries)
        if (entry.measured or entry.awaiting_confirmation)
        and oldest <= entry.night < night
        and not is_later(accepted_at, entry.accepted_at)
    ]
    return tuple(found[-most:])


def past_nights(entries: Iterable[NightEntry], night: str) -> tuple[PastNight, ...]:
    """Return what a trend shows of the nights before `night`, of one suite and target, oldest first."""
    oldest = (date.fromisoformat(night) - timedelta(days=PAST_DAYS)).isoformat()
    return tuple(
        PastNight(
            night=entry.night,
            outcome=entry.outcome,
            whole=entry.whole,
            readings=tuple(
                PastReading(signal=reading.signal, tonight=reading.tonight) for reading in entry.readings
            ),
            served=entry.served,
            fingerprints=entry.fingerprints,
            asked=entry.facts.asked,
            accepted_at=entry.accepted_at,
        )
        for entry in counted(entries)
        if oldest <= entry.night < night
    )


def is_later(at: str | None, than: str | None) -> bool:
    """Say whether one acceptance is later than another; None is before all. Raises DamagedRecord."""
    return at is not None and (than is None or instant(at) > instant(than))


def instant(at: str) -> datetime:
    """Read the time of an acceptance, in UTC where it names no zone. Raises DamagedRecord."""
    try:
        read = datetime.fromisoformat(at)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        # Not said as it stands there: it may be anything, a key too.
        raise DamagedRecord(
            "an acceptance's date is no ISO 8601 time; restore acceptances.jsonl with git checkout"
        ) from error


def _entry(target: TargetVerdict, verdict: Verdict, manifest: Manifest, owner: str) -> NightEntry:
    drifted = [finding for finding in target.findings if finding.outcome in _DRIFT]
    whole = [finding for finding in drifted if finding.case is None or finding.signal == CONTRACT]
    rating = rated(target.findings, manifest.suite.cases, verdict.policy)
    return NightEntry(
        run=verdict.run,
        suite=verdict.suite,
        target=target.target,
        baseline_of=owner,
        night=verdict.night,
        scheduled=manifest.scheduled and manifest.kind is RunKind.CHECK,
        started_at=manifest.started_at,
        outcome=target.outcome,
        state=target.state,
        baseline=target.baseline,
        whole=enough_measured(target.coverage, verdict.policy) and not target.cut_short,
        measured=_is_measured(target, verdict.policy),
        drift=_is_drift(target, whole, verdict.policy),
        awaiting_confirmation=target.awaiting_confirmation,
        severity=min((f.severity for f in whole), key=_FROM_WORST.index, default=None),
        urgency=rating.severity,
        kinds=rating.kinds,
        worst=rating.worst,
        signals=tuple(dict.fromkeys(finding.signal for finding in whole)),
        cases=tuple(dict.fromkeys(finding.case for finding in drifted if finding.case is not None)),
        suite_cases=target.coverage.cases_planned,
        readings=tuple(reading_of(reading) for reading in target.readings),
        served=target.served,
        fingerprints=target.fingerprints,
        accepted_at=target.accepted_at,
    )


def _is_measured(target: TargetVerdict, policy: Policy) -> bool:
    decided = target.outcome is not Outcome.INCONCLUSIVE and not target.awaiting_confirmation
    known = target.state is not State.LEARNING and target.baseline is BaselineState.PRESENT
    return decided and known and not target.cut_short and enough_measured(target.coverage, policy)


def _is_drift(target: TargetVerdict, whole: list[Finding], policy: Policy) -> bool:
    """Say whether a target drifted by tonight's own evidence.

    Not read off the exit code: a quiet night with an incident open fails too, and would keep it open for ever.
    While learning there is no baseline to drift from: a broken contract fails its own night and no other.
    """
    if target.awaiting_confirmation or target.state is State.LEARNING or not whole:
        return False
    match target.outcome:
        case Outcome.REGRESSED:
            blocks = any(f.severity is Severity.BLOCK and f.outcome is Outcome.REGRESSED for f in whole)
            return blocks and policy.gates.regression == "fail"
        case Outcome.CHANGED:
            return policy.gates.undirected_drift == "fail"
        case _:
            return False
