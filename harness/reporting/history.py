"""Nights and incidents on a terminal: a table of at most 80 columns for each suite and target."""

from collections.abc import Iterator, Sequence

from harness.core.findings import Outcome
from harness.core.history import NightEntry
from harness.core.incidents import QUIET_NIGHTS, Incident, open_incidents
from harness.core.verdict import BaselineState, State
from harness.reporting.counting import many
from harness.reporting.escape import columns, log_safe, one_line, wrap

WIDTH = 80
_NIGHT, _OUTCOME, _STATE, _SIGNALS = 10, 14, 11, 25
_OUTCOMES = {
    Outcome.STABLE: "QUIET",
    Outcome.IMPROVED: "IMPROVED",
    Outcome.CHANGED: "CHANGED",
    Outcome.INCONCLUSIVE: "COULD NOT TELL",
    Outcome.REGRESSED: "DRIFT",
}


def history_table(
    suite: str, target: str, nights: Sequence[NightEntry], incidents: Sequence[Incident]
) -> str:
    """Lay out the nights of one suite and target, oldest first, and what is open below them."""
    count = many(len(nights), "night")
    lines = [
        *wrap(f"{suite}/{target}  {count}", WIDTH, indent="  "),
        _row("night", "outcome", "state", "signals", "incident"),
        *(_night(night, incidents) for night in nights),
        *(line for incident in open_incidents(incidents) for line in _open(incident)),
    ]
    return "\n".join(log_safe(line) for line in lines)


def _night(night: NightEntry, incidents: Sequence[Incident]) -> str:
    state = night.baseline.value if night.baseline is BaselineState.STALE else night.state.value
    return _row(night.night, _word(night), state, _listed(night.signals), _part(night, incidents))


def _word(night: NightEntry) -> str:
    if night.awaiting_confirmation:
        return "UNCONFIRMED"
    if night.outcome is not Outcome.INCONCLUSIVE:
        return _OUTCOMES[night.outcome]
    if night.baseline is BaselineState.STALE:
        return "STALE"
    return "LEARNING" if night.state is State.LEARNING else _OUTCOMES[night.outcome]


def _part(night: NightEntry, incidents: Sequence[Incident]) -> str:
    """Say what a night is to the incident that it falls into."""
    for incident in incidents:
        if night.run in incident.runs:
            return "opened" if night.night == incident.opened else "goes on"
        if incident.opened < night.night <= (incident.closed or night.night):
            if night.night == incident.closed and incident.because is not None:
                return incident.because.value
            return "open, quiet" if night.quiet else "open"
    return ""


def _open(incident: Incident) -> Iterator[str]:
    said = f"OPEN {incident.id}: {_named(incident.signals)}, last on {incident.last_drift}."
    yield from wrap(said, WIDTH, indent="  ")
    left = f"{incident.quiet_nights} of {QUIET_NIGHTS} quiet nights so far; it closes then, or when accepted."
    yield from wrap(left, WIDTH, start="  ", indent="  ")


def _named(signals: Sequence[str]) -> str:
    return ", ".join(one_line(signal, 40) for signal in signals)


def _listed(signals: Sequence[str]) -> str:
    """Name as many signals as there is room for, and count the rest."""
    for kept in range(len(signals), 0, -1):
        left = len(signals) - kept
        said = _named(signals[:kept]) + (f" +{left}" if left else "")
        if columns(said) <= _SIGNALS:
            return said
    return many(len(signals), "signal") if signals else ""


def _row(*cells: str) -> str:
    widths = (_NIGHT, _OUTCOME, _STATE, _SIGNALS, 0)
    padded = (cell + " " * (width - columns(cell)) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()
