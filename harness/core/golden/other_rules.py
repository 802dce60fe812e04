"""A run scored by the merge base's rules, where the pull request changes how its own tasks are graded. Pure."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from harness.core.batch import Baseline
from harness.core.findings import Outcome
from harness.core.golden.weighing import Weighed
from harness.core.golden_records import BaseScore
from harness.core.policy import Policy
from harness.core.run import RunRecord, RunTarget
from harness.core.suite import Case, TaskSeverity


def by_base_rules(
    record: RunRecord, target: RunTarget, policy: Policy, reference: Baseline | None
) -> Weighed | None:
    """Weigh the run by the merge base's rules too, where the pull request changes the rules of its own tasks."""
    manifest = record.manifest
    base = {case.id: case for case in manifest.base_cases}
    gone = manifest.pull.deleted if manifest.pull is not None else ()
    if not gone and not any(
        _rules(base[case.id]) != _rules(case) for case in manifest.suite.cases if case.id in base
    ):
        return None
    # The head's question, prompt and tools: only how it is judged is the merge base's.
    cases = [_judged_as(case, base.get(case.id)) for case in manifest.suite.cases]
    return Weighed.of(record, target, policy, cases, reference)


def would_be(case: str, weighed: Weighed, scored: Weighed | None) -> Outcome:
    """Return what an accepted task is against the merge base: the worse of its own rules and the merge base's."""
    found = [weighed.outcome_of(case)]
    found += [scored.outcome_of(case)] if scored is not None else []
    sides = next((one for one in weighed.sides if one.case.id == case), None)
    tonight = (*sides.first, *sides.further) if sides is not None else ()
    if sides is not None and sides.case.always and 2 * sum(tonight) > len(tonight):
        found.append(Outcome.REGRESSED)  # a contract that breaks needs no runs to compare with
    return max(found, key=lambda outcome: outcome.weight)


def under_base_rules(
    record: RunRecord, scored: Weighed | None, settled: AbstractSet[str], gone: Sequence[str]
) -> BaseScore | None:
    """Say what the merge base's rules make of the run: of all tasks, and without those that are settled."""
    if scored is None:
        return None
    manifest = record.manifest
    base = {case.id: case for case in manifest.base_cases}
    changed = [
        case.id for case in manifest.suite.cases if case.id in base and _rules(base[case.id]) != _rules(case)
    ]
    open_ = scored.without(settled)
    suite = open_.tests.suite
    whole = scored.tests.suite
    failed = bool(scored.regressed()) or bool(gone) or (whole is not None and whole.failed)
    return BaseScore(
        cases=(*changed, *(manifest.pull.deleted if manifest.pull is not None else ())),
        outcome=Outcome.REGRESSED if failed else Outcome.STABLE,
        regressed=tuple(sorted(scored.regressed())),
        blocking=tuple(
            sorted(
                sides.case.id
                for sides in open_.sides
                if sides.case.id in open_.regressed() and sides.case.severity is TaskSeverity.BLOCK
            )
        ),
        suite_failed=suite is not None and suite.failed,
    )


def _rules(case: Case) -> tuple[object, ...]:
    return case.expect, case.rubric, case.severity, case.always, case.samples


def _judged_as(case: Case, base: Case | None) -> Case:
    if base is None:
        return case
    return case.model_copy(
        update={
            "expect": base.expect,
            "rubric": base.rubric,
            "severity": base.severity,
            "always": base.always,
        }
    )
