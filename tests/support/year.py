"""A year of nights of two targets with a script: three drifts, two outages, an upgrade, a retired model."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from harness.core.batch import Acceptance, Baseline
from harness.core.history import NightEntry, entries_of
from harness.core.incidents import Accepted
from harness.core.run import RunEnd, RunRecord
from harness.core.verdict import Verdict
from harness.edges.stores.baselines import FileBaselineStore
from tests.support.stories import FIRST, SINCE, make_night, night_of

NIGHTS = 365
UPGRADE = 200
"""gpt serves another model from this night on: three nights of drift, then accepted."""
RETIRED = 300
"""The last night of the third target, whose model the provider took away."""


@dataclass(frozen=True, kw_only=True)
class Scripted:
    """What is to be found again: an incident, by its night and how it ended."""

    target: str
    opened: int
    nights: int
    because: str | None
    signals: tuple[str, ...] = ("refusal",)


INCIDENTS = (
    Scripted(target="sonnet", opened=40, nights=5, because="recovered"),
    Scripted(target="gpt", opened=UPGRADE, nights=3, because="accepted", signals=("length",)),
    Scripted(target="sonnet", opened=150, nights=2, because="recovered", signals=("refusal", "embedding")),
    Scripted(target="sonnet", opened=363, nights=2, because=None),
)
OUTAGES = {("sonnet", night) for night in (90, 91, 250)} | {("gpt", night) for night in (90, 91, 250)}
NEVER_RAN = {260}
REASON = "The planned upgrade to the next model."


def accepted_at() -> str:
    return f"{night_of(UPGRADE + 2)}T10:00:00+00:00"


def acceptance() -> Acceptance:
    """Accept the upgrade, for all of the suite."""
    return Acceptance(
        at=accepted_at(),
        by="someone",
        reason=REASON,
        cases=tuple(f"case-{number:02d}" for number in range(20)),
        runs=("r",),
        verdict="changed",
        shown="5f1c",
    )


def write_acceptance(root: Path) -> None:
    """Write a baseline that holds the acceptance."""
    baseline = Baseline(suite="canary", target="gpt", encoder="e", cases={}, acceptances=(acceptance(),))
    FileBaselineStore(root / "baselines", lock=root / "lock", redact=str).save(baseline)


def accepted() -> Accepted:
    one = acceptance()
    return Accepted(suite="canary", target="gpt", at=one.at, cases=one.cases, replaces=True)


def letter_of(target: str, night: int) -> str | None:
    """Say what a night of a target is, in a letter of `stories`; None where it did not run."""
    if night in NEVER_RAN or (target == "old" and night > RETIRED):
        return None
    if (target, night) in OUTAGES:
        return "?"
    for one in INCIDENTS:
        if one.target == target and one.opened <= night < one.opened + one.nights:
            return {"length": "C", "embedding": "E", "refusal": "D"}[one.signals[-1]]
    return "Q"


def nights(
    count: int = NIGHTS, targets: tuple[str, ...] = ("sonnet", "gpt")
) -> Iterator[tuple[int, RunRecord, Verdict]]:
    """Make every night that ran."""
    for number in range(count):
        letters = {name: found for name in targets if (found := letter_of(name, number)) is not None}
        if letters:
            served = {"gpt": "gpt-2" if number >= UPGRADE else "gpt-1"}
            since = {"gpt": accepted_at()} if number > UPGRADE + 2 else {}
            yield (number, *make_night(number, letters, served=served, since=since))


@cache
def entries(count: int = NIGHTS, targets: tuple[str, ...] = ("sonnet", "gpt")) -> tuple[NightEntry, ...]:
    """Remember every night."""
    return tuple(
        entry
        for number, record, verdict in nights(count, targets)
        for entry in entries_of(verdict, record.manifest, _end(number))
    )


def _end(number: int) -> RunEnd:
    at = FIRST + timedelta(days=number)
    return RunEnd(finished_at=f"{at}T03:21:41+00:00", duration_s=281.4, cost_usd=0.25)


__all__ = ["INCIDENTS", "NIGHTS", "OUTAGES", "REASON", "SINCE", "acceptance", "accepted", "entries", "nights"]
