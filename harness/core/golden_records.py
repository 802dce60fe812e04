"""What a verdict holds of golden tasks and pull requests."""

from enum import StrEnum

from harness.core.canonical import Record
from harness.core.findings import Outcome, Severity


class PlainRule(Record):
    """What one of the rules that know no noise would have said."""

    rule: str
    fails: bool
    because: str


class Ratio(Record):
    """A median beside the baseline's."""

    reference: float
    candidate: float
    unit: str
    """ms or tokens."""
    beyond: bool
    """Over the gate, and beyond what the task's own baseline runs do."""


class JudgedFall(Record):
    """Mean scores of a judge, 0..100."""

    reference: float
    candidate: float
    beyond: bool
    """Fallen by more than the gate allows, and beyond noise."""


class TaskReading(Record):
    """One golden task beside its baseline."""

    case: str
    outcome: Outcome
    severity: Severity
    reference_runs: int
    reference_failed: int
    runs: int
    """Runs of the head, escalated ones included."""
    failed: int
    escalated: bool = False
    p_value: float | None = None
    """One-sided Fisher test of all runs."""
    adjusted_p_value: float | None = None
    """The same after Benjamini-Hochberg over the tasks."""
    visible: float | None = None
    """Smallest fall of the pass rate, 0..1, that so many runs would have shown with probability .8."""
    base_runs: int = 0
    """Runs with the merge base's prompt."""
    base_failed: int = 0
    latency: Ratio | None = None
    tokens: Ratio | None = None
    judge: JudgedFall | None = None
    because: str = ""


class AcceptedChange(Record):
    """A task whose new behaviour the pull request accepts."""

    case: str
    by: str
    at: str
    reason: str
    would_be: Outcome
    """What it is against the merge base's baseline."""
    because: str = ""
    """Why, where no comparison says so: the merge base's task, or its question, was not asked."""
    added: int = 0
    """Runs of the same that were added to its baseline; 0 where that is a new one."""


class GateProblem(StrEnum):
    """What keeps a pull request from passing, beside a regression."""

    MISSING_BASELINE = "missing_baseline"
    UNEXPLAINED_BASELINE = "unexplained_baseline"
    NOT_REPRODUCED = "not_reproduced"
    CONFIG_CHANGED = "config_changed"
    MODEL_MOVED = "model_moved"

    @property
    def exit_code(self) -> int:
        """4 for what is wrong with a baseline, 3 for what could not be told."""
        return 3 if self in (GateProblem.CONFIG_CHANGED, GateProblem.MODEL_MOVED) else 4


class Gated(Record):
    """One such problem, and what mends it."""

    problem: GateProblem
    cases: tuple[str, ...] = ()
    because: str
    mend: str
    """A command, or what to do."""


class BaseScore(Record):
    """The verdict under the merge base's rules, where the pull request changes how its own tasks are graded."""

    cases: tuple[str, ...]
    """Tasks whose rules, rubric, severity, question or place in the suite are other ones."""
    asked_otherwise: tuple[str, ...] = ()
    """Those of them whose question is another one, so that the merge base's was not asked."""
    outcome: Outcome
    """Of all tasks, accepted ones too."""
    regressed: tuple[str, ...]
    blocking: tuple[str, ...] = ()
    """Those of them that nobody accepted and that block by the merge base's severity."""
    suite_failed: bool = False
    """All tasks together that nobody accepted."""
    untold: tuple[str, ...] = ()
    """Tasks that nobody accepted and that could not be told."""
