"""The verdict of a golden suite: which tasks regressed, whose fault it is, and what was accepted. Pure."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from harness.core.batch import Acceptance, Baseline, Batch
from harness.core.findings import Finding, Outcome, Severity
from harness.core.golden.blame import tasks_the_model_moved
from harness.core.golden.findings import by_other_rules, gone_findings, suite_findings, task_findings
from harness.core.golden.other_rules import (
    accepted_as_suite,
    asked_otherwise,
    by_base_rules,
    under_base_rules,
    would_be,
)
from harness.core.golden.plain import plain_golden_rules
from harness.core.golden.pull_request import (
    Brought,
    accepted_deletions,
    brought_by,
    config_problem,
    missing_problem,
    unexplained_problem,
)
from harness.core.golden.readings import task_reading
from harness.core.golden.reproduction import Reproduction, reproduction, unproved_problems
from harness.core.golden.sides import TaskSides
from harness.core.golden.weighing import FEWEST_RUNS, FULL_RUNS, Weighed
from harness.core.golden_records import AcceptedChange, BaseScore, Gated, GateProblem
from harness.core.plan import Round
from harness.core.policy import Policy
from harness.core.provenance import failure_counts, fingerprints, samples_of, served_names
from harness.core.run import RunRecord, RunTarget
from harness.core.verdict import BaselineState, Coverage, State, TargetVerdict, enough_measured


def decide_golden(record: RunRecord, target: RunTarget, policy: Policy) -> TargetVerdict:
    """Decide one target of a golden suite."""
    manifest, batch = record.manifest, record.batches.get(target.name)
    reference, proposed = record.references.get(target.name), record.earlier.proposed.get(target.name)
    cases = manifest.suite.cases
    weighed = Weighed.of(record, target, policy, cases, reference)
    brought = _brought(record, target, reference, proposed)
    again = reproduction(record, target, policy, brought, proposed)
    # More runs of the same replace nothing: the task is held to what it was held to before.
    replaced = again.reproduced - brought.added.keys()
    effective = weighed.without(replaced)
    moved = tasks_the_model_moved(effective, policy)
    blamed = effective.without(moved)
    taken_out = manifest.pull.deleted if manifest.pull is not None else ()
    lost = (*taken_out, *asked_otherwise(manifest, reference))
    deleted = accepted_deletions(taken_out, reference, proposed)
    gone = tuple(case for case in lost if case not in deleted and case not in replaced)
    readings = tuple(
        task_reading(sides, effective, weighed, moved=sides.case.id in moved) for sides in weighed.sides
    )
    scored = by_base_rules(record, target, policy, reference)
    settled = {*replaced, *moved, *deleted}
    as_suite = accepted_as_suite(weighed, scored, replaced)
    under_base = under_base_rules(record, scored, settled, lost)
    findings = (
        *task_findings(target.name, readings, effective),
        *suite_findings(target.name, blamed),
        *gone_findings(target.name, gone, record.cases.keys(), reference),
        *by_other_rules(target.name, under_base, blamed, settled),
    )
    coverage = _coverage(record, batch, weighed)
    enough = enough_measured(coverage, policy) and record.end is not None and not record.end.stopped
    gated = _gated(record, brought, again, moved, effective, measured=coverage.measured > 0)
    samples = samples_of(batch)
    return TargetVerdict(
        target=target.name,
        outcome=_outcome(findings, blamed, under_base, moved=bool(moved), enough=enough),
        state=_state(weighed.sides),
        nights=min((len(sides.reference) for sides in weighed.sides), default=0),
        baseline=BaselineState.PRESENT
        if any(sides.reference for sides in weighed.sides)
        else BaselineState.MISSING,
        accepted_at=reference.acceptances[-1].at if reference and reference.acceptances else None,
        coverage=coverage,
        cut_short=record.end is None or bool(record.end.stopped),
        findings=findings,
        failures=failure_counts(samples),
        served=served_names(samples),
        fingerprints=fingerprints(samples),
        tasks=readings,
        suite_p_value=weighed.tests.suite.p_value if weighed.tests.suite else None,
        suite_visible=weighed.tests.suite.visible if weighed.tests.suite else None,
        accepted=(
            *(
                _accepted(
                    case,
                    acceptance,
                    would_be(case, weighed, scored, as_suite=as_suite),
                    brought,
                    lost,
                    (
                        *(["all tasks together fail more often"] if as_suite else ()),
                        *_fewer_runs(case, reference, proposed),
                    ),
                )
                for case, acceptance in brought.accepted.items()
                if case in again.reproduced
            ),
            *(
                _accepted(case, acceptance, Outcome.REGRESSED, brought, lost)
                for case, acceptance in deleted.items()
            ),
        ),
        gated=gated,
        under_base=under_base,
        plain=plain_golden_rules([sides.runs for sides in weighed.sides], weighed.numbers, policy.gates),
    )


def _brought(
    record: RunRecord, target: RunTarget, reference: Baseline | None, proposed: Baseline | None
) -> Brought:
    if record.manifest.pull is None:
        missing = () if reference is not None else tuple(case.id for case in record.manifest.suite.cases)
        return Brought(accepted={}, added={}, missing=missing, unexplained=())
    return brought_by(record.manifest, target, reference, proposed)


def _accepted(
    case: str,
    acceptance: Acceptance,
    outcome: Outcome,
    brought: Brought,
    lost: Sequence[str],
    said: Sequence[str] = (),
) -> AcceptedChange:
    """Say what was accepted; a task or a question of the merge base that was not asked is lost, whatever else is said."""
    because = "; ".join(said)
    if case in lost:
        outcome = Outcome.REGRESSED
        because = f"the merge base's {'question' if case in brought.accepted else 'task'} was not asked"
    return AcceptedChange(
        case=case,
        by=acceptance.by,
        at=acceptance.at,
        reason=acceptance.reason,
        would_be=outcome,
        because=because,
        added=brought.added.get(case, 0),
    )


def _fewer_runs(case: str, reference: Baseline | None, proposed: Baseline | None) -> Iterator[str]:
    """Say that a task is held to fewer runs from now on."""
    before, now = (
        len(one.cases[case].samples) if one is not None and case in one.cases else 0
        for one in (reference, proposed)
    )
    if now < before:
        yield f"{before} accepted runs became {now}"


def _coverage(record: RunRecord, batch: Batch | None, weighed: Weighed) -> Coverage:
    cases = record.manifest.suite.cases
    first = batch.of_round(Round.FIRST).samples if batch is not None else {}
    answered = {case.id: sum(s.answer is not None for s in first.get(case.id, ())) for case in cases}
    compared = {sides.case.id for sides in weighed.sides if sides.reference}
    return Coverage(
        planned=sum(case.samples or record.manifest.samples for case in cases),
        answered=sum(answered.values()),
        measured=sum(answered.values()),
        compared=sum(count for case, count in answered.items() if case in compared),
        cases_planned=len(cases),
        cases_answered=sum(1 for count in answered.values() if count),
        cases_compared=sum(1 for case, count in answered.items() if count and case in compared),
    )


def _state(sides: Sequence[TaskSides]) -> State:
    fewest = min((len(one.reference) for one in sides), default=0)
    if fewest < FEWEST_RUNS:
        return State.LEARNING
    return State.ARMED if fewest >= FULL_RUNS else State.PROVISIONAL


def _outcome(
    findings: Sequence[Finding],
    weighed: Weighed,
    under_base: BaseScore | None,
    *,
    moved: bool,
    enough: bool,
) -> Outcome:
    if any(f.outcome is Outcome.REGRESSED and f.severity is Severity.BLOCK for f in findings):
        return Outcome.REGRESSED
    if moved:
        return Outcome.CHANGED
    if not enough or weighed.untold() or (under_base is not None and under_base.untold):
        return Outcome.INCONCLUSIVE
    return max((finding.outcome for finding in findings), key=lambda o: o.weight, default=Outcome.STABLE)


def _gated(
    record: RunRecord,
    brought: Brought,
    again: Reproduction,
    moved: AbstractSet[str],
    effective: Weighed,
    *,
    measured: bool,
) -> tuple[Gated, ...]:
    manifest, found = record.manifest, []
    # Where nothing was asked, as on a fork, there is no behaviour yet that somebody could accept.
    if brought.missing and (measured or manifest.pull is None):
        found.append(
            missing_problem(manifest, brought.missing)
            if manifest.pull is not None
            else Gated(
                problem=GateProblem.MISSING_BASELINE,
                cases=brought.missing,
                because="Nothing was accepted yet, so there is nothing to compare with.",
                mend=f"drift calibrate {manifest.suite.name}, then commit baselines/",
            )
        )
    if brought.unexplained:
        found.append(unexplained_problem(brought.unexplained))
    if measured:
        found.extend(unproved_problems(manifest, brought, again))
    if manifest.pull is not None and manifest.pull.config_changed:
        found.append(config_problem(manifest, manifest.pull.config_changed))
    if moved and set(effective.regressed()) <= moved:
        found.append(
            Gated(
                problem=GateProblem.MODEL_MOVED,
                cases=tuple(sorted(moved)),
                because="The tasks fail as often with the merge base's prompt: the model moved, not the prompt.",
                mend="look at the nightly canary, and accept its incident once it is understood",
            )
        )
    return tuple(found)
