"""The history as tables: every run as it was decided, and the incidents that follow from the runs.

::

    drift_schema     the version of these tables; another one is refused
    drift_runs       a row for each run and target, its entry as JSON beside what one may want to query
    drift_incidents  derived from the runs and from the baselines' acceptances, in the same transaction
"""

import json

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, String, Table, Text

from harness.core.canonical import Record
from harness.core.history import NightEntry
from harness.core.incidents import Incident

SCHEMA_VERSION = 2
"""1: the first. 2: what trends and costs are drawn from, how urgent an incident is, and the kinds of its cases."""
_LONGEST_NAME = 200

TABLES = MetaData()
SCHEMA = Table("drift_schema", TABLES, Column("version", Integer, primary_key=True, autoincrement=False))
RUNS = Table(
    "drift_runs",
    TABLES,
    Column("suite", String(_LONGEST_NAME), primary_key=True),
    Column("target", String(_LONGEST_NAME), primary_key=True),
    Column("run", String(_LONGEST_NAME), primary_key=True),
    Column("night", String(10), nullable=False),
    Column("scheduled", Boolean, nullable=False),
    Column("pull_request", Boolean, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("measured", Boolean, nullable=False),
    Column("drift", Boolean, nullable=False),
    Column("entry", Text, nullable=False),
    # The last nights are chosen from this alone: the entries are a hundred times as large.
    Index("drift_runs_by_night", "suite", "target", "night", "scheduled"),
)
INCIDENTS = Table(
    "drift_incidents",
    TABLES,
    Column("suite", String(_LONGEST_NAME), primary_key=True),
    Column("target", String(_LONGEST_NAME), primary_key=True),
    Column("opened", String(10), primary_key=True),
    Column("id", String(2 * _LONGEST_NAME), nullable=False, index=True),
    Column("closed", String(10)),
    Column("incident", Text, nullable=False),
)


def run_row(entry: NightEntry) -> dict[str, object]:
    """Return the row of a run and target."""
    return {
        "suite": entry.suite,
        "target": entry.target,
        "run": entry.run,
        "night": entry.night,
        "scheduled": entry.scheduled,
        "pull_request": entry.facts.golden is not None and entry.facts.golden.pull_request,
        "outcome": entry.outcome.value,
        "measured": entry.measured,
        "drift": entry.drift,
        "entry": _as_text(entry),
    }


def incident_row(incident: Incident) -> dict[str, object]:
    """Return the row of an incident."""
    return {
        "suite": incident.suite,
        "target": incident.target,
        "opened": incident.opened,
        "id": incident.id,
        "closed": incident.closed,
        "incident": _as_text(incident),
    }


def _as_text(record: Record) -> str:
    # In ASCII: what a provider calls its model may be half a surrogate pair, which no database takes.
    return json.dumps(record.model_dump(mode="json"), sort_keys=True, ensure_ascii=True, allow_nan=False)
