"""When a new case may take the place of an old one. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.core.baseline_state import running_beside
from harness.core.batch import Baseline
from harness.core.suite import Case
from harness.core.suite_health import HealthFinding, HealthKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A case beside the one it is to replace."""

    new: str
    old: str
    nights: Mapping[str, int]
    """Accepted nights of its own, by target."""
    needed: int

    @property
    def ready(self) -> bool:
        """Say whether it has nights enough on every target."""
        return bool(self.nights) and min(self.nights.values()) >= self.needed

    @property
    def counted(self) -> str:
        """Say how many nights it has."""
        return ", ".join(
            f"{count} of {self.needed} nights on {target}" for target, count in self.nights.items()
        )


def rotations(
    cases: Sequence[Case], baselines: Mapping[str, Baseline | None], needed: int
) -> Iterator[Rotation]:
    """Yield the cases that run beside another one, with what the baselines (by target) hold of them."""
    beside = running_beside(cases)
    for case in cases:
        if case.id in beside and case.replaces is not None:
            nights = {target: _nights(case, baseline) for target, baseline in sorted(baselines.items())}
            yield Rotation(new=case.id, old=case.replaces, nights=nights, needed=needed)


def rotation_finding(rotation: Rotation, suite: str) -> HealthFinding:
    """Say how far a rotation is, and what comes next."""
    if rotation.ready:
        because = f"{rotation.new} may replace {rotation.old} now: {rotation.counted}"
        mend = f"`drift suite rotate {rotation.new}`, then commit"
    else:
        because = f"{rotation.new} runs beside {rotation.old} and decides nothing yet: {rotation.counted}"
        mend = (
            f"let the nights run, and accept them: drift calibrate {suite} --from-runs last:{rotation.needed}"
        )
    return HealthFinding(
        kind=HealthKind.ROTATION, cases=(rotation.new, rotation.old), because=because, mend=mend
    )


def _nights(case: Case, baseline: Baseline | None) -> int:
    known = baseline.cases.get(case.id) if baseline is not None else None
    if known is None or known.identity.question != case.question:
        return 0
    return len({sample.night for sample in known.samples if not sample.burst})
