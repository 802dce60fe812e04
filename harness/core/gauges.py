"""The newest nights as figures for a monitoring system: names, kinds, labels and numbers. Pure.

Names follow the conventions of Prometheus: a unit at the end, `_total` for what only grows. Labels are suite, target
and signal, and the severity of incidents, so that their number is bounded by the configuration.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from harness.core.findings import Outcome
from harness.core.history import NightEntry
from harness.core.incidents import Incident

Values = Iterable[tuple[tuple[str, ...], float]]
_FINE = (Outcome.STABLE, Outcome.IMPROVED)
SEVERITIES = ("P0", "P1", "P2", "P3")
OUTCOME_CODES = {
    Outcome.STABLE: 0,
    Outcome.IMPROVED: 1,
    Outcome.INCONCLUSIVE: 2,
    Outcome.CHANGED: 3,
    Outcome.REGRESSED: 4,
}


class Kind(StrEnum):
    """Whether a figure goes up and down, or only up."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """All figures of one name."""

    name: str
    """Without the `_total` that is added to a counter."""
    kind: Kind
    help: str
    labels: tuple[str, ...]
    values: tuple[tuple[tuple[str, ...], float], ...]
    """The labels' values, and the number."""

    @property
    def exported(self) -> str:
        """Return the name as it is exported."""
        return f"{self.name}_total" if self.kind is Kind.COUNTER else self.name


def families_of(nights: Sequence[NightEntry], incidents: Sequence[Incident]) -> tuple[Family, ...]:
    """Return the figures of all nights that are remembered; each of the last night, and totals over all."""
    last: dict[tuple[str, ...], NightEntry] = {}
    for night in nights:  # oldest first
        last[night.suite, night.target] = night
    return tuple(_families(nights, last, incidents))


def _outcome(night: NightEntry) -> Outcome:
    """Return what became of a night. Never stable where too little was measured to say so."""
    untold = night.awaiting_confirmation or (night.outcome in _FINE and not night.measured)
    return Outcome.INCONCLUSIVE if untold else night.outcome


def _families(
    nights: Sequence[NightEntry],
    last: Mapping[tuple[str, ...], NightEntry],
    incidents: Sequence[Incident],
) -> Iterator[Family]:
    track, signal = ("suite", "target"), ("suite", "target", "signal")
    yield _gauge(
        "drift_night_outcome",
        "Outcome of the last night: 0 stable, 1 improved, 2 could not tell, 3 changed, 4 regressed.",
        track,
        ((key, OUTCOME_CODES[_outcome(night)]) for key, night in last.items()),
    )
    yield _gauge(
        "drift_night_measured_ratio",
        "Share of the last night's planned replies that came back and were measured, 0 to 1.",
        track,
        (
            (key, cover.measured / cover.planned)
            for key, night in last.items()
            if (cover := night.facts.coverage) is not None and cover.planned
        ),
    )
    yield _gauge(
        "drift_signal_value",
        "A signal on the last night, in its own unit: a rate 0 to 1, a score 0 to 1, a distance.",
        signal,
        (
            ((*key, reading.signal), reading.tonight)
            for key, night in last.items()
            for reading in night.readings
            if reading.tonight is not None
        ),
    )
    yield _gauge(
        "drift_signal_floor_position",
        "Where a signal lay on its own scale: larger is worse, in the units of drift_signal_floor_high.",
        signal,
        _floors(last, "tonight"),
    )
    yield _gauge(
        "drift_signal_floor_high",
        "Where the noise of a signal's baseline ends above; a second batch is asked for beyond it.",
        signal,
        _floors(last, "high"),
    )
    counts = {(*key, severity): 0 for key in last for severity in SEVERITIES}
    for incident in incidents:
        place = (incident.suite, incident.target, incident.severity)
        if incident.closed is None and place in counts:
            counts[place] += 1
    yield _gauge(
        "drift_incident_open",
        "Drift that is open: 1 until somebody accepts it or it recovers.",
        (*track, "severity"),
        counts.items(),
    )
    yield _gauge(
        "drift_last_run_timestamp_seconds",
        "When the last night's run began, in seconds since 1970.",
        track,
        ((key, at) for key, night in last.items() if (at := _seconds(night.started_at)) is not None),
    )
    runs = {night.run: night for night in nights}
    newest = {night.suite: night for night in sorted(runs.values(), key=lambda night: night.run)}
    yield _gauge(
        "drift_run_duration_seconds",
        "How long the last night's run took, all targets together.",
        ("suite",),
        (
            ((suite,), night.facts.run_duration_s)
            for suite, night in newest.items()
            if night.facts.run_duration_s is not None
        ),
    )
    yield _counter(
        "drift_nights",
        "Nights that ran and are remembered.",
        track,
        _totals((n.suite, n.target) for n in nights),
    )
    yield _counter(
        "drift_incidents",
        "Incidents that were opened and are remembered.",
        track,
        {**dict.fromkeys(last, 0.0), **_totals((one.suite, one.target) for one in incidents)},
    )
    costs: dict[tuple[str, ...], float] = {}
    for night in runs.values():
        if night.facts.run_cost_usd is not None:
            costs[(night.suite,)] = costs.get((night.suite,), 0.0) + night.facts.run_cost_usd
    yield _counter(
        "drift_cost_usd",
        "What the nights that are remembered cost, in dollars, where it is known.",
        ("suite",),
        costs,
    )


def _floors(
    last: Mapping[tuple[str, ...], NightEntry], which: str
) -> Iterator[tuple[tuple[str, ...], float]]:
    for key, night in last.items():
        for reading in night.readings:
            if reading.floor is not None:
                yield (
                    (*key, reading.signal),
                    reading.floor.high if which == "high" else reading.floor.tonight,
                )


def _totals(keys: Iterator[tuple[str, ...]]) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for key in keys:
        found[key] = found.get(key, 0.0) + 1.0
    return found


def _gauge(name: str, help_: str, labels: tuple[str, ...], values: Values) -> Family:
    return Family(name=name, kind=Kind.GAUGE, help=help_, labels=labels, values=_sorted(values))


def _counter(
    name: str, help_: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]
) -> Family:
    return Family(name=name, kind=Kind.COUNTER, help=help_, labels=labels, values=_sorted(values.items()))


def _sorted(values: Values) -> tuple[tuple[tuple[str, ...], float], ...]:
    return tuple(sorted((labels, float(value)) for labels, value in values))


def _seconds(at: str) -> float | None:
    try:
        return datetime.fromisoformat(at).timestamp()
    except ValueError:
        return None
