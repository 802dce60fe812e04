"""The verdict on an upgrade: better, worse, the same, or could not tell. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import ceil

from harness.core.findings import Effect, Finding, Outcome, Severity
from harness.core.plan import Round
from harness.core.policy import Limits, Policy
from harness.core.provenance import failure_counts, fingerprints, samples_of, served_names
from harness.core.run import RunRecord, RunTarget
from harness.core.upgrade.case_tests import judge_cases
from harness.core.upgrade.confounders import upgrade_confounders
from harness.core.upgrade.factorial import TaskCells, weigh_factorial
from harness.core.upgrade.ratios import weigh_ratios
from harness.core.upgrade.signals import differences, visible_difference, weigh_signals
from harness.core.upgrade.values import CaseValues, case_values
from harness.core.upgrade_records import (
    SideCoverage,
    UpgradeCase,
    UpgradeRatio,
    UpgradeReading,
    UpgradeSignal,
)
from harness.core.verdict import BaselineState, Coverage, State, TargetVerdict

SEED = 20_261_121


def decide_upgrade(record: RunRecord, target: RunTarget, policy: Policy) -> TargetVerdict:
    """Decide the candidate of a comparison of two targets."""
    sides = record.manifest.upgrade
    assert sides is not None
    assert target.name == sides.candidate
    values = tuple(case_values(record, case) for case in record.manifest.suite.cases)
    cases = judge_cases(values, min_coverage=policy.limits.min_coverage)
    signals = weigh_signals(values, seed=SEED)
    ratios = weigh_ratios(values, policy.gates)
    tasks = {case.id: case for case in record.manifest.suite.cases}
    by_case = {one.case: one for one in values}
    factorial = weigh_factorial(
        [
            TaskCells(
                old=case_values(record, base, round_=Round.BASE_PROMPT, measured=tasks[base.id]),
                new=by_case[base.id],
            )
            for base in record.manifest.base_cases
            if base.id in tasks
        ],
        sides,
    )
    coverages = tuple(_side(record, name) for name in (sides.reference, sides.candidate))
    judge_lost = _judge_lost(record, values)
    reading = UpgradeReading(
        reference=sides.reference,
        candidate=sides.candidate,
        sides=(coverages[0], coverages[1]),
        cases=cases,
        signals=signals,
        ratios=ratios,
        confounders=upgrade_confounders(record),
        judge_lost=judge_lost,
        factorial=factorial,
        visible=tuple(_visible(cases, values, signals)),
    )
    findings = findings_of(target.name, values, cases, signals, ratios)
    cut_short = record.end is None or bool(record.end.stopped)
    enough = not cut_short and all(_enough(side, policy.limits) for side in coverages) and judge_lost is None
    samples = [
        sample
        for name in (sides.reference, sides.candidate)
        for sample in samples_of(record.batches.get(name))
    ]
    return TargetVerdict(
        target=target.name,
        outcome=outcome_of(
            findings, cases, factorial_lost=bool(factorial and factorial.left_out), enough=enough
        ),
        state=State.ARMED,
        nights=0,
        baseline=BaselineState.PRESENT,
        coverage=_coverage(coverages, cases),
        cut_short=cut_short,
        findings=findings,
        failures=failure_counts(samples),
        served=coverages[1].served,
        fingerprints=coverages[1].fingerprints,
        upgrade=reading,
    )


def findings_of(
    target: str,
    values: Sequence[CaseValues],
    cases: Sequence[UpgradeCase],
    signals: Sequence[UpgradeSignal],
    ratios: Sequence[UpgradeRatio],
) -> tuple[Finding, ...]:
    """Return all that there is to say: of cases, of all of them together, and of what goes over a gate."""
    return (
        *_case_findings(target, cases, values),
        *_signal_findings(target, signals),
        *_ratio_findings(target, ratios),
    )


def _side(record: RunRecord, name: str) -> SideCoverage:
    manifest, batch = record.manifest, record.batches.get(name)
    samples = samples_of(batch)
    first = batch.of_round(Round.FIRST).samples if batch is not None else {}
    every = (*manifest.suite.cases, *manifest.base_cases)
    return SideCoverage(
        target=name,
        planned=sum(case.samples or manifest.samples for case in every),
        answered=sum(sample.answer is not None for sample in samples),
        cases_planned=len(manifest.suite.cases),
        cases_answered=sum(any(s.answer is not None for s in found) for found in first.values()),
        failures=failure_counts(samples),
        served=served_names(samples),
        fingerprints=fingerprints(samples),
    )


def _enough(side: SideCoverage, limits: Limits) -> bool:
    if side.planned == 0 or side.answered < limits.min_coverage * side.planned - 1e-9:
        return False
    return side.cases_answered >= limits.min_cases * side.cases_planned - 1e-9


def _coverage(sides: Sequence[SideCoverage], cases: Sequence[UpgradeCase]) -> Coverage:
    """Count both sides together; a case counts as answered where both sides answered it."""
    both = sum(bool(case.reference_runs and case.candidate_runs) for case in cases)
    answered = sum(side.answered for side in sides)
    return Coverage(
        planned=sum(side.planned for side in sides),
        answered=answered,
        measured=answered,
        compared=sum(
            case.reference_runs + case.candidate_runs
            for case in cases
            if case.reference_runs and case.candidate_runs
        ),
        cases_planned=len(cases),
        cases_answered=both,
        cases_compared=both,
    )


def _judge_lost(record: RunRecord, values: Sequence[CaseValues]) -> str | None:
    """Say why the judge's word is missing where it was to be heard."""
    sides = record.manifest.upgrade
    assert sides is not None
    judged = record.judged.get(sides.candidate)
    if judged is None:
        return None
    if judged.void is not None:
        return judged.void
    if judged.stopped is not None:
        return f"questions were left: {judged.stopped}"
    missing = sum(pair.preferred is None for one in values for pair in one.pairs)
    pairs = sum(len(one.pairs) for one in values)
    allowed = pairs - ceil(record.manifest.policy.limits.min_coverage * pairs - 1e-9)
    return f"{missing} of {pairs} pairs have no verdict" if missing > allowed else None


def _case_findings(
    target: str, cases: Sequence[UpgradeCase], values: Sequence[CaseValues]
) -> Iterator[Finding]:
    tasks = {one.case for one in values if one.is_task}
    for case in cases:
        if case.outcome is Outcome.STABLE:
            continue
        yield Finding(
            signal="task" if case.case in tasks else "case",
            target=target,
            case=case.case,
            outcome=case.outcome,
            severity=Severity.WARN if case.warns else Severity.BLOCK,
            p_value=case.p_value,
            n_reference=case.reference_runs,
            n_candidate=case.candidate_runs,
            effect=Effect(
                reference=case.reference_held / case.reference_runs if case.reference_runs else None,
                candidate=case.candidate_held / case.candidate_runs if case.candidate_runs else None,
                unit="rate",
            ),
            because=case.because,
        )


def _signal_findings(target: str, signals: Sequence[UpgradeSignal]) -> Iterator[Finding]:
    for one in signals:
        if one.outcome in (Outcome.REGRESSED, Outcome.IMPROVED):
            yield Finding(
                signal=one.signal,
                target=target,
                outcome=one.outcome,
                p_value=one.p_value,
                n_reference=one.cases,
                n_candidate=one.cases,
                because=one.because,
            )


def _ratio_findings(target: str, ratios: Sequence[UpgradeRatio]) -> Iterator[Finding]:
    for one in ratios:
        if one.beyond:
            yield Finding(
                signal=one.name,
                target=target,
                outcome=Outcome.REGRESSED,
                n_reference=len(one.ratios),
                n_candidate=len(one.ratios),
                because=f"{one.name.capitalize()}: {one.median:.2f} times the old model's, median over "
                f"{len(one.ratios)} cases; the gate is at {one.gate:g}.",
            )


def outcome_of(
    findings: Sequence[Finding], cases: Sequence[UpgradeCase], *, factorial_lost: bool, enough: bool
) -> Outcome:
    """Return the worst that was seen; what is missing goes before what is fine."""
    seen = Counter(f.outcome for f in findings if f.severity is Severity.BLOCK)
    if seen[Outcome.REGRESSED]:
        return Outcome.REGRESSED
    if seen[Outcome.CHANGED]:
        return Outcome.CHANGED
    untold = any(case.outcome is Outcome.INCONCLUSIVE for case in cases)
    if not enough or untold or factorial_lost or not cases:
        return Outcome.INCONCLUSIVE
    return max((f.outcome for f in findings), key=lambda outcome: outcome.weight, default=Outcome.STABLE)


def _visible(
    cases: Sequence[UpgradeCase], values: Sequence[CaseValues], signals: Sequence[UpgradeSignal]
) -> Iterator[tuple[str, str]]:
    """Say what could have been seen: of one case by itself, and of every signal over all cases."""
    usual = Counter(
        (case.reference_held, case.reference_runs, case.visible, case.candidate_runs)
        for case in cases
        if case.visible is not None and case.reference_runs
    ).most_common(1)
    if usual:
        (held, runs, most, of), _ = usual[0]
        yield "one case by itself", f"{held}/{runs} → {most}/{of} or lower"
    for one in signals:
        found, noise = differences(one.signal, values)
        seen = visible_difference(found, noise)
        if seen is not None:
            yield (
                f"{one.title.lower()}, all",
                f"{100 * seen:.0f} points or more" if seen >= 0.01 else "1 point or more",
            )
