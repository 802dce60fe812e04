"""What the PR check knows of a task: its runs on both sides; and the levels that its tests may spend."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.core.stats.exact import Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRuns:
    """How one task's runs came out; True is a run that failed its checks. A call without an answer is no run."""

    case: str
    reference: tuple[bool, ...]
    first: tuple[bool, ...]
    """The k runs that every task has."""
    further: tuple[bool, ...] = ()
    """The runs after those, where the task was run again."""
    always: bool = False
    """A contract."""

    @property
    def runs(self) -> int:
        """The candidate's runs."""
        return len(self.first) + len(self.further)

    @property
    def failed_first(self) -> bool:
        """Whether any of the first runs failed."""
        return any(self.first)

    @property
    def held(self) -> bool:
        """Whether a contract held in every reference run."""
        return self.always and bool(self.reference) and not any(self.reference)

    @property
    def first_counts(self) -> Counts:
        """Failures of the first runs beside the reference's."""
        return self._counts(self.first)

    @property
    def counts(self) -> Counts:
        """Failures of all runs beside the reference's."""
        return self._counts((*self.first, *self.further))

    def _counts(self, candidate: Sequence[bool]) -> Counts:
        return Counts(
            reference_failed=sum(self.reference),
            reference_runs=len(self.reference),
            candidate_failed=sum(candidate),
            candidate_runs=len(candidate),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenLevels:
    """What the tests may spend, and how many runs they want."""

    suite: float = 0.015
    screen: float = 0.10
    """At this p-value of the suite's first runs all tasks are run again."""
    task: float = 0.05
    """False discovery rate over tasks: passing less often, and, on its own, passing more often."""
    values: float = 0.005
    """False discovery rate over tasks of one kind of number: latency, tokens, a judge's score."""
    full_runs: int = 12
    """A task with fewer reference runs is tested at half the level."""
    fewest_runs: int = 5
    """A task with fewer reference runs is not tested."""
    escalate_to: int = 8
    """Runs of a task that is run again, the first ones included. Where tasks have as many at once, none is."""

    @property
    def fewest_escalated(self) -> int:
        """Runs that must be there of a task that was to be run again: two thirds."""
        return -(-2 * self.escalate_to // 3)

    def share(self, reference_runs: int) -> float:
        """Return the share of a level at which a task with so many reference runs is tested."""
        return 1.0 if reference_runs >= self.full_runs else 0.5


class Unclear(StrEnum):
    """Why a task could not be told."""

    FEW_REFERENCE = "few_reference"
    """Too few reference runs."""
    NO_RUNS = "no_runs"
    """No run of the candidate gave an answer."""
    FEW_RUNS = "few_runs"
    """Too few runs of the candidate gave a number; one is enough for passing or failing."""
    NOT_RUN_AGAIN = "not_run_again"
    """It looks bad, and was not run often enough to call it."""


DEFAULT_LEVELS = GoldenLevels()
