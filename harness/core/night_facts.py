"""What is remembered of a night beside its decision: where each signal lay on its floor, what was asked, what it cost.

Nothing here decides anything, so all of it is optional: an entry without it is one of a leaner time.
"""

from collections.abc import Mapping

from pydantic import Field

from harness.core.canonical import Record, digest
from harness.core.findings import Outcome
from harness.core.run import Manifest, RunEnd
from harness.core.severity import CONTRACT
from harness.core.verdict import Coverage, SignalReading, TargetVerdict, Verdict, exit_code_of
from harness.core.wording import target_headline

_MOST_HEADLINE = 600


class ReadingFloor(Record):
    """Where a signal lay on its own scale, in the units of y, in which more is worse; see `SignalFloor`."""

    tonight: float
    usual: float
    """The mean of the baseline nights."""
    low: float | None = None
    """None where the signal looks upwards only."""
    high: float


class NightReading(Record):
    """One signal of one night: a point of its trend."""

    signal: str
    tonight: float | None
    """In the reader's unit."""
    p_value: float | None
    unit: str = ""
    outcome: Outcome | None = None
    usual: float | None = None
    """The mean of the baseline nights, in the reader's unit."""
    floor: ReadingFloor | None = None


class GoldenCounts(Record):
    """What a run over golden tasks made of one target."""

    pull_request: bool
    tasks: int
    regressed: tuple[str, ...] = ()
    """Tasks that got worse, and that nobody accepted."""
    accepted: tuple[str, ...] = ()
    """Tasks that changed, and whose change the pull request accepts with a reason."""
    exit_code: int


class Facts(Record):
    """What is remembered of one target of one run and decides nothing."""

    headline: str = ""
    """One sentence of ours: what happened."""
    nights: int = 0
    """Of the baseline."""
    found_after: int | None = None
    """So many nights together it took to see the drift; None without one."""
    alpha: float | None = None
    """Level of a night's drift under the policy: the share of unchanged nights that may be called drift."""
    coverage: Coverage | None = None
    asked: str | None = None
    """Digest of what was asked and how: cases, prompt files, tools, model and parameters."""
    encoder: str = ""
    versions: Mapping[str, str] = Field(default_factory=dict)
    run_cost_usd: float | None = None
    """Of the whole run, all of its targets together; None where the price is not known."""
    run_duration_s: float | None = None
    golden: GoldenCounts | None = None
    """None for a canary suite."""


def facts_of(target: TargetVerdict, verdict: Verdict, manifest: Manifest, end: RunEnd | None) -> Facts:
    """Gather what is remembered of one target of a decided run."""
    return Facts(
        headline=target_headline(target)[:_MOST_HEADLINE],
        nights=target.nights,
        found_after=_found_after(target),
        alpha=verdict.policy.alpha,
        coverage=target.coverage,
        asked=asked_of(target.target, manifest),
        encoder=manifest.encoder_name,
        versions=manifest.versions,
        run_cost_usd=end.cost_usd if end is not None else None,
        run_duration_s=end.duration_s if end is not None else None,
        golden=_golden(target, verdict, manifest) if manifest.suite.golden else None,
    )


def reading_of(reading: SignalReading) -> NightReading:
    """Return what is remembered of one signal."""
    floor = reading.floor
    return NightReading(
        signal=reading.signal,
        tonight=reading.tonight,
        p_value=reading.p_value,
        unit=reading.unit,
        outcome=reading.outcome,
        usual=_mean(reading.nights),
        floor=ReadingFloor(
            tonight=floor.tonight, usual=_mean(floor.nights) or 0.0, low=floor.low, high=floor.high
        )
        if floor is not None
        else None,
    )


def _mean(values: tuple[float, ...]) -> float | None:
    return sum(values) / len(values) if values else None


def _found_after(target: TargetVerdict) -> int | None:
    drifted = (Outcome.CHANGED, Outcome.REGRESSED)
    return min(
        (
            finding.nights
            for finding in target.findings
            if finding.outcome in drifted and (finding.case is None or finding.signal == CONTRACT)
        ),
        default=None,
    )


def asked_of(name: str, manifest: Manifest) -> str | None:
    """Return the digest of what a target is asked and how; None for one that the run does not name."""
    target = next((found.target for found in manifest.targets if found.name == name), None)
    if target is None:
        return None
    cases = sorted(manifest.suite.cases, key=lambda case: case.id)
    return digest([[case.id, case.question, target.treatment(case)] for case in cases])


def _golden(target: TargetVerdict, verdict: Verdict, manifest: Manifest) -> GoldenCounts:
    return GoldenCounts(
        pull_request=manifest.pull is not None,
        tasks=len(target.tasks),
        regressed=tuple(task.case for task in target.tasks if task.outcome is Outcome.REGRESSED),
        accepted=tuple(change.case for change in target.accepted),
        exit_code=exit_code_of(target, verdict.policy),
    )
