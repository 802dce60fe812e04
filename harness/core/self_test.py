"""What a suite's test against itself found: how often its gate would cry wolf, and what it could see.

Records only; `core.detection.self_test` makes them. A baseline carries the one that was made of it.
"""

from typing import Annotated

from pydantic import Field

from harness.core.canonical import Record, digest
from harness.core.policy import Policy
from harness.core.suite import Identifier

SCHEMA_VERSION = 1
OVER_FROM = 0.6
"""Probability from which on a gate is said to be over its budget."""
WITHIN_UP_TO = 0.1
"""Probability of being over it up to which a gate is said to keep it: a false reassurance costs more."""
_MOST = 1e9
Amount = Annotated[float, Field(ge=0, le=_MOST)]
Count = Annotated[int, Field(ge=0, le=_MOST)]


class Interval(Record):
    """An estimate with its 95 % limits."""

    value: Amount
    low: Amount
    high: Amount


class SignalSelfTest(Record):
    """One signal against itself."""

    signal: Identifier
    nights: Count
    """Nights held out."""
    screened: Count
    """Of them, nights that would have asked for a confirmation."""
    dispersion: Interval
    """How far held-out nights stray, over what the benchmark's quiet nights do; about 1 is usual."""
    lasting: Interval
    """The same for the mean of as many nights in a row as the window has: over 1 where nights resemble their neighbours."""
    false_a_year: Interval
    visible: Amount | None
    """Smallest change that a confirmed night sees with probability .8, in `unit`; None without a floor."""
    unit: Identifier
    """rate, score, log-characters, or times: how many times as surprising, or as varied, as usual."""
    unsteady: tuple[Identifier, ...] = ()
    """Cases that stray furthest from their own nights for nights in a row, the worst first."""


class SelfTest(Record):
    """How often the gate of one target would cry wolf, and what it could see."""

    schema_version: int = SCHEMA_VERSION
    samples: str
    """Digest of the accepted samples that it is about; see `Baseline.samples_digest`."""
    rules: str
    """Digest of what decides, by `rules_of`."""
    nights: Count
    floor_nights: Count
    """Nights that each held-out one was held against, at most."""
    cases: Count
    screened: Count
    """Nights on which any signal would have asked for a confirmation."""
    budget_a_year: Amount
    over_budget: Annotated[float, Field(ge=0, le=1)]
    """Probability that false alarms are more than the budget."""
    false_a_year: Interval
    """Incidents a year and target on which nothing had changed."""
    signals: tuple[SignalSelfTest, ...]

    @property
    def exceeds(self) -> bool:
        """Say whether the gate cries wolf more often than its budget allows."""
        return self.over_budget >= OVER_FROM

    @property
    def within(self) -> bool:
        """Say whether it keeps its budget. Neither holds where the nights are too few to tell."""
        return self.over_budget <= WITHIN_UP_TO


def rules_of(policy: Policy) -> str:
    """Return the digest of the part of a policy that a self-test depends on."""
    return digest([policy.alpha, policy.screen, policy.window_nights, policy.confirm])


def a_year(rate: Interval, whose: str = "") -> str:
    """Write a rate with its limits for a reader; `whose` follows the unit."""
    unit = f"nights a year {whose}".rstrip()
    return f"{_short(rate.value)} {unit} (95 %: {_short(rate.low)} to {_short(rate.high)})"


def over_budget_note(found: SelfTest) -> str:
    """Say that a gate is over its budget."""
    return (
        f"On its own nights this gate would cry wolf about {a_year(found.false_a_year)}, "
        f"over its budget of {_short(found.budget_a_year)}"
    )


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}"
