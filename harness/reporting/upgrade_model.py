"""What the report on two models side by side says beside what every report does."""

from dataclasses import dataclass

from harness.reporting.model import NextStep, Prose, ReportView, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many cases there are of one kind."""

    count: int
    status: Status
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestRow:
    """One signal over all cases: its mean difference with an interval, on its noise floor. Larger is better."""

    name: str
    what: str
    status: Status
    word: str
    difference: float
    """Points."""
    low: float
    high: float
    floor: float
    reach: float
    """Of the axis, to either side; the same for all rows."""
    value: str
    interval: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioTile:
    """Tokens, time or money of one model over the other's, a dot a case."""

    name: str
    what: str
    status: Status
    word: str
    ratios: tuple[float, ...]
    median: float
    floor: tuple[float, float] | None
    gate: float | None
    low: float
    """Ends of the axis."""
    high: float
    value: str
    label: str
    say: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayCell:
    """One of the four cells of the replay of prompts."""

    target: str
    prompt: str
    passed: str
    rate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Old and new prompt on old and new model."""

    sentence: str
    note: str
    cells: tuple[ReplayCell, ...]
    effects: tuple[ForestRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeReport(ReportView):
    """Everything that a report on two models says."""

    reference_name: str
    candidate_name: str
    tally: tuple[Tally, ...]
    forest: tuple[ForestRow, ...]
    ratios: tuple[RatioTile, ...]
    ratio_cases: int
    untested: Prose
    """Signals that were not tested, and why."""
    seen: tuple[tuple[str, str], ...]
    replay: Replay | None
    ahead: NextStep | None
    """What to do where somebody goes ahead; None where the run cannot be accepted."""
