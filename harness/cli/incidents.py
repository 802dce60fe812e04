"""Incidents that a command line names."""

from harness.core.incidents import Incident
from harness.errors import UnknownName, UsageError
from harness.registry import did_you_mean
from harness.wiring import Workshop


def incident_named(workshop: Workshop, named: str) -> Incident:
    """Return an incident, open or closed. Raises UnknownName."""
    known = workshop.history().incidents()
    for incident in known:
        if incident.id == named:
            return incident
    names = tuple(incident.id for incident in known)
    raise UnknownName(
        f"no incident '{named}'{did_you_mean(named, names)}; `drift history` lists them, `drift history rebuild` "
        "finds those of run folders from elsewhere"
    )


def open_incident_named(workshop: Workshop, named: str) -> Incident:
    """Return an incident that is open. Raises UnknownName, UsageError for one that is over."""
    incident = incident_named(workshop, named)
    if incident.closed is not None:
        why = incident.because.value if incident.because is not None else "over"
        raise UsageError(f"incident '{named}' is closed since {incident.closed}: {why}")
    return incident
