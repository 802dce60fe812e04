"""How urgent a drift is, P0 to P3, and which kinds of case it is seen in. Pure.

By policy: a broken contract, a change for the worse, a change without a direction, and what only warns each have
their severity, and a kind of case may have its own. A drift is as urgent as the worst of what drifted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.core.findings import Finding, Outcome, Severity
from harness.core.policy import FROM_MOST_URGENT, IncidentSeverity, Policy
from harness.core.suite import Case, CaseKind

CONTRACT = "contract"
MOST_WORST = 5
_DRIFT = (Outcome.CHANGED, Outcome.REGRESSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """What is said of a drift beside its signals."""

    severity: IncidentSeverity | None
    """None where nothing drifted."""
    kinds: tuple[str, ...]
    """Kinds of the cases that are named, in the order of `CaseKind`."""
    worst: tuple[str, ...]
    """At most `MOST_WORST` cases: broken contracts, then what got worse, then the least likely by chance."""


def rated(findings: Iterable[Finding], cases: Iterable[Case], policy: Policy) -> Rated:
    """Rate what drifted, by the findings of one target and the cases that were asked."""
    drifted = [finding for finding in findings if finding.outcome in _DRIFT]
    kinds = {case.id: case.kind for case in cases}
    found = [
        _severity(finding, drifted, kinds, policy)
        for finding in drifted
        if finding.case is None or finding.signal == CONTRACT
    ]
    named = {kinds[finding.case] for finding in drifted if finding.case in kinds}
    return Rated(
        severity=most_urgent(found),
        kinds=in_order(kind.value for kind in named),
        worst=_worst(drifted),
    )


def in_order(kinds: Iterable[str]) -> tuple[str, ...]:
    """Name every kind once, in the order of `CaseKind`."""
    known = set(kinds)
    return tuple(kind.value for kind in CaseKind if kind.value in known)


def most_urgent(severities: Iterable[IncidentSeverity]) -> IncidentSeverity | None:
    """Return the most urgent one, None of none."""
    return min(severities, key=FROM_MOST_URGENT.index, default=None)


def is_as_urgent(severity: str, than: str) -> bool:
    """Say whether a severity is `than`, or more urgent."""
    return FROM_MOST_URGENT.index(severity) <= FROM_MOST_URGENT.index(than)


def _severity(
    finding: Finding, drifted: Sequence[Finding], kinds: Mapping[str, CaseKind], policy: Policy
) -> IncidentSeverity:
    severities, gates = policy.severities, policy.gates
    if finding.signal == CONTRACT:
        own = severities.contract
    elif finding.outcome is Outcome.REGRESSED:
        if gates.regression != "fail" or finding.severity is not Severity.BLOCK:
            return severities.warned
        own = severities.regression
    elif gates.undirected_drift != "fail":
        return severities.warned
    else:
        own = severities.undirected
    named = {one.case for one in drifted if one.signal == finding.signal and one.case is not None}
    touched = {kinds[case] for case in named if case in kinds}
    if not touched and finding.signal in set(CaseKind):
        # What is seen over the suite and in no single case: refusals are a matter of the cases that probe them.
        touched = {CaseKind(finding.signal)}
    return most_urgent(severities.of_kind(kind) or own for kind in touched) or own


def _worst(drifted: Sequence[Finding]) -> tuple[str, ...]:
    def place(finding: Finding) -> tuple[bool, bool, float, str]:
        least = min(
            (p for p in (finding.confirm_p_value, finding.window_p_value, finding.p_value) if p is not None),
            default=1.0,
        )
        directed = finding.outcome is Outcome.REGRESSED
        return finding.signal != CONTRACT, not directed, least, finding.case or ""

    cases = (finding.case for finding in sorted(drifted, key=place) if finding.case is not None)
    return tuple(dict.fromkeys(cases))[:MOST_WORST]
