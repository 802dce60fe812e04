"""What a comparison of two models is about, and what a verdict holds of it."""

from collections.abc import Mapping
from enum import StrEnum

from harness.core.canonical import Record
from harness.core.findings import Outcome
from harness.core.suite import Identifier, Price

_ROUNDING = 1e-9


class PromptRefs(Record):
    """Two states of the prompt files, for the factorial replay."""

    reference: str
    """As it was named, such as v1 or HEAD~3."""
    reference_commit: str
    candidate: str
    candidate_commit: str


class UpgradeSides(Record):
    """Which two targets are compared, and where each case is from."""

    reference: Identifier
    candidate: Identifier
    suites: Mapping[Identifier, Identifier]
    """The suite of every case, by the case's id."""
    task_encoder: str
    """Digest of the encoder that baselines of golden tasks name."""
    prices: Mapping[Identifier, Price | None]
    """What each side is charged at, by target; None where nobody knows."""
    prompts: PromptRefs | None = None


class Unclear(StrEnum):
    """Why a case could not be told."""

    FEW_REPLIES = "few_replies"
    """Of either side."""
    TOO_FEW_RUNS = "too_few_runs"
    """Not even a fall to nothing, by more than half of all runs, would be significant."""
    UNCONFIRMED = "unconfirmed"
    """It falls far enough by itself, and not among as many cases as were looked at."""
    NOT_JUDGED = "not_judged"
    """The case has no rule, and a judge's word is missing."""


class Preferred(Record):
    """How often a judge preferred either side's answer of the same pair."""

    candidate: int
    reference: int
    ties: int
    """Pairs that it does not tell apart, or whose texts are equal."""
    missing: int = 0
    """Pairs that it had to speak of and did not."""
    p_worse: float | None = None
    """One-sided sign test."""
    p_better: float | None = None


class UpgradeCase(Record):
    """One case on both sides."""

    case: str
    suite: str
    outcome: Outcome
    warns: bool = False
    """A golden task that only warns."""
    planned: int
    """Replies asked for on each side."""
    reference_held: int
    """Replies in which every check holds."""
    reference_runs: int
    candidate_held: int
    candidate_runs: int
    checked: bool = True
    """False where the case has no rule that could break: then a reply that came back holds."""
    reference_declined: int | None = None
    """Replies that decline, where that has no direction; None where a rule speaks of it."""
    candidate_declined: int | None = None
    p_value: float | None = None
    """One-sided, of what its outcome rests on; of a case that is the same, of its falling."""
    adjusted_p_value: float | None = None
    """The same after Benjamini and Hochberg, over the cases that could have told anything."""
    judge: Preferred | None = None
    unclear: Unclear | None = None
    visible: int | None = None
    """As many replies in which every check holds, or fewer, would have been significant by themselves; None for none."""
    because: str = ""


class UpgradeSignal(Record):
    """One signal over all cases: the mean difference of the pairs. Larger is better."""

    signal: str
    title: str
    what: str
    outcome: Outcome
    """INCONCLUSIVE where it was not tested."""
    cases: int
    """Cases that both sides have a value of."""
    difference: float | None
    """Candidate minus reference, mean over cases, as a share; a larger one is better."""
    low: float | None
    """Of its 95 % interval."""
    high: float | None
    floor: float | None
    """Half the width of what the reference against itself would give 95 times in 100, by sampling alone."""
    p_value: float | None
    """Two-sided, by flipping signs of cases, after Holm."""
    because: str

    @property
    def strays(self) -> bool:
        """Whether it goes beyond its noise floor, or its interval leaves 0 out, and no test says that it moved.

        That is no difference that was shown, and it is not the same either. A floor of 0 is a reference that never
        varied in so few replies, which tells nothing of its noise: then the interval alone speaks.
        """
        if self.outcome is not Outcome.STABLE or self.difference is None:
            return False
        beyond = bool(self.floor) and abs(self.difference) > (self.floor or 0.0) + _ROUNDING
        return beyond or (self.low is not None and self.low > 0) or (self.high is not None and self.high < 0)


class UpgradeRatio(Record):
    """Tokens, time or money of the candidate over the reference's, a ratio a case. Never better behaviour."""

    name: str
    """tokens, latency or cost."""
    ratios: tuple[tuple[str, float], ...]
    """By case, of the medians of both sides."""
    median: float | None
    low: float | None
    """Of the 95 % interval of the median; None with fewer than 6 cases."""
    high: float | None
    floor: tuple[float, float] | None
    """Where 95 of 100 cases of the reference against itself would lie, by sampling alone."""
    gate: float | None
    """More than this fails; None where no gate speaks of it."""
    beyond: bool = False
    """The median is over the gate, and the interval is all above 1."""
    reference: float | None
    candidate: float | None
    """Mean over the replies of each side: tokens, ms, or USD for 1,000 replies."""


class FactorialEffect(Record):
    """One of the effects of a two-by-two replay, of the pass rate, as a share."""

    name: str
    """model, prompt or interaction."""
    effect: float
    low: float
    high: float


class FactorialCell(Record):
    """One of the four."""

    target: str
    prompt: str
    """The ref."""
    passed: int
    runs: int
    rate: float
    """Mean over the tasks."""


class Factorial(Record):
    """Old and new prompt on old and new model."""

    tasks: int
    """That were answered in all four cells."""
    left_out: int
    """Tasks whose prompt differs and that lack a cell."""
    cells: tuple[FactorialCell, ...]
    effects: tuple[FactorialEffect, ...]
    total: float | None
    """From old model and prompt to new model and prompt."""
    model_share: float | None
    """Of the total, what the model explains (Shapley): the mean of adding it first and adding it last."""
    prompt_share: float | None
    sentence: str


class SideCoverage(Record):
    """How much of one side came back."""

    target: str
    planned: int
    answered: int
    cases_planned: int
    cases_answered: int
    failures: tuple[tuple[str, int], ...] = ()
    served: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()


class UpgradeReading(Record):
    """All that a comparison of two models has to say."""

    reference: str
    candidate: str
    sides: tuple[SideCoverage, SideCoverage]
    cases: tuple[UpgradeCase, ...]
    """In the order of the suites."""
    signals: tuple[UpgradeSignal, ...]
    ratios: tuple[UpgradeRatio, ...]
    confounders: tuple[str, ...] = ()
    judge_lost: str | None = None
    """Why nothing counts that the judge said, or some of it is missing."""
    factorial: Factorial | None = None
    visible: tuple[tuple[str, str], ...] = ()
    """What could have been seen: of what, and how much."""

    def of(self, outcome: Outcome) -> tuple[UpgradeCase, ...]:
        """Return the cases with an outcome."""
        return tuple(case for case in self.cases if case.outcome is outcome)
