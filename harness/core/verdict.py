"""The one decision over all findings. Every output is a rendering of it."""

from enum import StrEnum

from harness.core.canonical import Record
from harness.core.findings import Finding, Outcome, Severity
from harness.core.golden_records import (
    AcceptedChange,
    BaseScore,
    Gated,
    GateProblem,
    PlainRule,
    TaskReading,
)
from harness.core.policy import IncidentSeverity, Policy
from harness.core.replies import FailureKind
from harness.core.suite import IsoDate
from harness.core.upgrade_records import UpgradeReading


class State(StrEnum):
    """How much the baseline knows of the suite's own noise."""

    LEARNING = "learning"
    PROVISIONAL = "provisional"
    ARMED = "armed"


class Coverage(Record):
    """How many of the planned samples came back and could be used."""

    planned: int
    answered: int
    measured: int
    compared: int
    cases_planned: int
    cases_answered: int
    """Cases with at least one answer."""
    cases_compared: int


class SignalFloor(Record):
    """A signal's own scale: one number y a night over all cases, and where an unchanged night's lies.

    In the units of y, which differ by signal; a larger y always means worse, or more drift.
    """

    nights: tuple[float, ...]
    """The baseline nights."""
    tonight: float
    confirmation: float | None = None
    low: float | None = None
    """Below this a confirmation is asked for; None where this signal looks upwards only."""
    high: float
    """Above this a confirmation is asked for."""
    cases: int
    """Cases that y is over: for refusals those that both declined and answered in the baseline."""
    slope: float = 1.0
    """Change of y for a unit change of the mean score; a surprise is usually 1/(slope·√1.05) nats."""
    visible: float | None = None
    """Smallest change, of the mean score over the cases, that would have been seen with probability .8."""


class SignalReading(Record):
    """One signal of one target tonight, beside its own nights: what a tile draws."""

    signal: str
    outcome: Outcome
    nights: tuple[float, ...]
    """The baseline nights, oldest first."""
    dates: tuple[str, ...] = ()
    """The night of each of `nights`; empty for a burst, which hides them."""
    tonight: float | None
    confirmation: float | None = None
    unit: str
    p_value: float | None = None
    confirm_p_value: float | None = None
    """Of tonight and its confirmation, pooled."""
    window_p_value: float | None = None
    """Of the last nights' mean; None before there are enough of them."""
    strayed: bool = False
    """Tonight's first batch asked for a confirmation."""
    floor: SignalFloor | None = None
    """None for what never decides, and where the baseline gives none."""
    n_reference: int = 0
    n_candidate: int = 0


class BaselineState(StrEnum):
    """Whether there was something to compare with."""

    PRESENT = "present"
    MISSING = "missing"
    STALE = "stale"


class Covered(Record):
    """What had drifted when somebody muted an incident."""

    signals: tuple[str, ...]
    cases: tuple[str, ...]
    severity: IncidentSeverity


class OpenIncident(Record):
    """A drift of an earlier night that nobody has accepted and that has not gone away."""

    id: str
    opened: str
    """The first night that drifted."""
    signals: tuple[str, ...]
    quiet_nights: int
    """Measured nights since without drift, tonight included where it is one."""
    recovered: bool = False
    """True where tonight is the last quiet night that it takes."""
    severity: IncidentSeverity = "P1"
    muted_until: IsoDate | None = None
    """The last night on which it fails nothing by itself; None where no mute held when the run began."""
    muted_because: str = ""
    muted_by: str = ""
    covered: Covered | None = None
    """What the mute is about; anything else fails at once."""


class TargetVerdict(Record):
    """The decision for one target."""

    target: str
    outcome: Outcome
    state: State
    nights: int
    """Baseline nights."""
    nights_run: int = 0
    """Whole nights that ran so far, tonight included where it is one; only while nothing is accepted."""
    baseline: BaselineState
    accepted_at: str | None = None
    coverage: Coverage
    confirmed: bool | None = None
    """None where nothing asked for a confirmation."""
    awaiting_confirmation: bool = False
    cut_short: bool = False
    """The run stopped before all of its calls were made: budget, time or a signal."""
    findings: tuple[Finding, ...] = ()
    readings: tuple[SignalReading, ...] = ()
    failures: tuple[tuple[str, int], ...] = ()
    """Failed calls by kind."""
    served: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    confounders: tuple[str, ...] = ()
    """Sentences: what else changed and could explain a difference."""
    incident: OpenIncident | None = None
    """The drift that was open when the run began."""
    muted: bool = False
    """A scheduled night that drifted, in nothing but what the mute of its incident covers."""
    window: tuple[str, ...] = ()
    """The earlier nights that were decided with this one, the latest first."""
    tasks: tuple[TaskReading, ...] = ()
    """Of a golden suite."""
    suite_p_value: float | None = None
    """Of a golden suite: the permutation test within tasks, on the first runs."""
    suite_visible: float | None = None
    """Smallest fall of every task's pass rate, 0..1, that this test would have shown with probability .8."""
    accepted: tuple[AcceptedChange, ...] = ()
    gated: tuple[Gated, ...] = ()
    under_base: BaseScore | None = None
    plain: tuple[PlainRule, ...] = ()
    """What the plain rules would have said; with `plain_rules` they fail the run, too."""
    shard: str | None = None
    """Such as 2/5, or merged: the run was asked in part, so that it decides nothing."""

    upgrade: UpgradeReading | None = None
    """Of a comparison of two targets: both sides, case by case."""

    @property
    def rejected(self) -> FailureKind | None:
        """Return why the provider turned the target away for good, so that it was asked no more; None if it did not."""
        met = {name for name, _ in self.failures}
        return next((kind for kind in FailureKind if kind.ends_target and kind in met), None)


class Verdict(Record):
    """The decision of a run, and what it rests on."""

    schema_version: int = 1
    run: str
    suite: str
    night: str
    scheduled: bool = False
    policy: Policy
    policy_digest: str
    targets: tuple[TargetVerdict, ...]
    headline: str
    """One sentence."""
    shown: str
    """Digest of what is shown; `accept` asks for it."""

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of any target."""
        return max((t.outcome for t in self.targets), key=lambda o: o.weight, default=Outcome.INCONCLUSIVE)

    @property
    def exit_code(self) -> int:
        """0 quiet, 1 regression or drift, 2 a target turned away, 3 could not tell, 4 stale baseline.

        Of several targets' codes the first in the order 2, 1, 4, 3, 0.
        """
        codes = {exit_code_of(target, self.policy) for target in self.targets} or {3}
        if self.scheduled and any(_holds_open(target) for target in self.targets):
            codes.add(1)
        return next(code for code in (2, 1, 4, 3, 0) if code in codes)


def _holds_open(target: TargetVerdict) -> bool:
    """Say whether an open incident fails a night that is quiet itself or waits, until someone accepts or mutes it."""
    quiet = target.awaiting_confirmation or target.outcome in (Outcome.STABLE, Outcome.IMPROVED)
    incident = target.incident
    return quiet and incident is not None and not incident.recovered and incident.muted_until is None


def exit_code_of(target: TargetVerdict, policy: Policy) -> int:
    """Map one target's verdict to its exit code under `policy`."""
    gates = policy.gates
    if target.rejected:
        return 2
    if target.shard is not None:
        nothing = target.coverage.planned == 0
        return 0 if not target.cut_short and (nothing or enough_measured(target.coverage, policy)) else 3
    if target.awaiting_confirmation:
        return 3 if target.cut_short and gates.inconclusive == "fail" else 0
    if target.muted:
        # What is left to say of such a night is whether enough of it was measured.
        return 3 if target.cut_short and gates.inconclusive == "fail" else 0
    if target.outcome is Outcome.REGRESSED and gates.regression == "fail":
        blocking = [
            f for f in target.findings if f.outcome is Outcome.REGRESSED and f.severity is Severity.BLOCK
        ]
        if blocking:
            return 1
    if any(gated.problem is GateProblem.MODEL_MOVED for gated in target.gated):
        return 3
    if policy.plain_rules and any(rule.fails for rule in target.plain):
        return 1
    if target.outcome is Outcome.CHANGED and gates.undirected_drift == "fail" and not target.tasks:
        return 1
    if target.gated:
        return max(gated.problem.exit_code for gated in target.gated)
    stale = target.baseline is BaselineState.STALE
    if stale and gates.stale_baseline == "fail":
        return 4
    if target.coverage.planned and not target.coverage.measured:
        return 3
    # Where a gate only warns, what is left unsaid by it still has to have been measured.
    excused = stale or (target.state is State.LEARNING and not target.tasks)
    short = target.cut_short or not enough_measured(target.coverage, policy)
    untold = short or (target.outcome is Outcome.INCONCLUSIVE and not excused)
    return 3 if untold and gates.inconclusive == "fail" else 0


def enough_measured(coverage: Coverage, policy: Policy) -> bool:
    """Say whether enough answers came back, of calls and of cases, to decide anything."""
    limits = policy.limits
    if coverage.planned == 0 or coverage.measured < limits.min_coverage * coverage.planned - 1e-9:
        return False
    return coverage.cases_answered >= limits.min_cases * coverage.cases_planned - 1e-9
