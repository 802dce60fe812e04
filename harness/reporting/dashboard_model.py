"""What the page over many nights shows, ready to be laid out: types only."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.core.batch import Acceptance
from harness.core.history import NightEntry
from harness.core.incidents import Incident
from harness.core.trends import MarkKind
from harness.reporting.model import Command

Track = tuple[str, str]
"""A suite and a target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardSource:
    """All that the page is made from. The same gives the same bytes: nothing is read from a clock."""

    nights: Sequence[NightEntry]
    """Those that count; by suite and target, oldest first."""
    pull_requests: Sequence[NightEntry]
    incidents: Sequence[Incident]
    acceptances: Mapping[Track, Sequence[Acceptance]]
    since: str
    """The first date of the page."""
    until: str
    pages: Mapping[str, str]
    """Where reports of runs lie, as seen from the page; of those that are there."""
    retired: Collection[Track] = ()
    """What ran and is in drift.yaml no more: its nights stay, and no further one is missed."""


class DayState(StrEnum):
    """What became of a night."""

    QUIET = "stable"
    REGRESSED = "regressed"
    CHANGED = "changed"
    UNTOLD = "could not tell"
    LEARNING = "learning"
    MISSED = "did not run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One date of a calendar; None before the first night."""

    date: str
    state: DayState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Every night of one suite and target."""

    name: str
    summary: str
    label: str
    days: tuple[Day, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A big number and what it counts."""

    number: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRow:
    """One incident in words."""

    number: int
    target: str
    since: str
    until: str
    directed: bool
    """For the worse; else a change without a direction."""
    signal: str
    what: str
    found_after: str
    ended: str
    open: bool
    page: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Days of an incident, counted from the first that is drawn."""

    first: int
    last: int
    directed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The floor over days that were compared with one baseline, in edges."""

    first: int
    last: int
    low: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendRow:
    """One signal over the days drawn."""

    name: str
    places: tuple[float | None, ...]
    """By day, in edges of its noise."""
    bands: tuple[Band, ...]
    spans: tuple[Span, ...]
    value: str
    css: str
    """bad or chg where an open incident holds it, else empty."""
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkGroup:
    """All marks of one kind, in words."""

    kind: MarkKind
    when: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendColumn:
    """All signals of one suite and target."""

    name: str
    rows: tuple[TrendRow, ...]
    marks: tuple[tuple[int, MarkKind], ...]
    """By day."""
    groups: tuple[MarkGroup, ...]
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """Golden tasks of one week's pull requests."""

    stopped: int
    accepted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """What pull requests did to golden tasks."""

    note: str
    weeks: tuple[Week, ...]
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """False alarms: how many unchanged nights may give, and how many incidents went away by themselves."""

    name: str
    nights: str
    level: str
    expected: str
    recovered: str
    accepted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardView:
    """The whole page."""

    tone: str
    icon: str
    word: str
    qualifier: str
    headline: str
    lead: tuple[str, ...]
    lead_page: str | None
    """The report of the night that the lead speaks of."""
    steps: tuple[Command, ...]
    figures: tuple[Figure, ...]
    range_text: str
    calendars: tuple[Calendar, ...]
    months: tuple[tuple[int, str], ...]
    """Column of a calendar, and the month that begins there."""
    first_weekday: int
    states: tuple[DayState, ...]
    """Those that occur."""
    incidents: tuple[IncidentRow, ...]
    incidents_left_out: int
    columns: tuple[TrendColumn, ...]
    columns_left_out: int
    kinds: tuple[MarkKind, ...]
    golden: Golden | None
    budget: tuple[BudgetRow, ...]
    footer: str
    version: str
    open_count: int
