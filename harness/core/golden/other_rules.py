"""A run scored by the merge base's rules, where the pull request changes how its own tasks are graded. Pure."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from harness.core.batch import Baseline
from harness.core.findings import Outcome
from harness.core.golden.sides import TaskSides
from harness.core.golden.weighing import Weighed
from harness.core.golden_records import BaseScore
from harness.core.policy import Policy
from harness.core.run import Manifest, RunRecord, RunTarget
from harness.core.suite import Case, TaskSeverity


def by_base_rules(
    record: RunRecord, target: RunTarget, policy: Policy, reference: Baseline | None
) -> Weighed | None:
    """Weigh the run by the merge base's rules too, where the pull request changes its own tasks or their rules."""
    manifest = record.manifest
    gone = manifest.pull.deleted if manifest.pull is not None else ()
    if not (gone or _regraded(manifest) or asked_otherwise(manifest, reference)):
        return None
    cases, often = base_ruled(manifest), asked_less_often(manifest)
    return Weighed.of(record, target, policy, cases, reference, at_once=often)


def base_ruled(manifest: Manifest) -> tuple[Case, ...]:
    """Return the head's tasks, its questions, prompts and tools, as the merge base judges them."""
    base = _base_cases(manifest)
    return tuple(_judged_as(case, base.get(case.id)) for case in manifest.suite.cases)


def asked_less_often(manifest: Manifest) -> frozenset[str]:
    """Name the tasks that the pull request asks less often than the merge base does; they are always run again."""
    base = _base_cases(manifest)
    return frozenset(
        case.id
        for case in manifest.suite.cases
        if case.id in base and _samples(case, manifest) < _samples(base[case.id], manifest)
    )


def asked_otherwise(manifest: Manifest, reference: Baseline | None) -> tuple[str, ...]:
    """Name the tasks whose question the pull request changes, so that they are held against nothing any more."""
    base = _base_cases(manifest)
    known = reference.cases if reference is not None else {}
    return tuple(
        case.id
        for case in manifest.suite.cases
        if case.id in base
        and base[case.id].question != case.question
        and case.id in known
        and known[case.id].identity.question != case.question
    )


def would_be(case: str, weighed: Weighed, scored: Weighed | None, *, as_suite: bool) -> Outcome:
    """Return what an accepted task is against the merge base: the worse of its own rules and the merge base's.

    With `as_suite` it is accepted among tasks that fail more often together, so that one that fails has its share.
    """
    found = []
    for one in (weighed, scored):
        sides = next((sides for sides in one.sides if sides.case.id == case), None) if one else None
        if one is not None and sides is not None:
            # A contract that breaks needs no runs to compare with.
            shares = as_suite and any(sides.failed)
            found.append(Outcome.REGRESSED if shares or _breaks_contract(sides) else one.outcome_of(case))
    return max(found, key=lambda outcome: outcome.weight, default=Outcome.STABLE)


def accepted_as_suite(weighed: Weighed, scored: Weighed | None, left: AbstractSet[str]) -> bool:
    """Say whether all tasks together fail more often, and no longer do without those that are `left` out."""
    return any(one is not None and _fails(one) and not _fails(one.without(left)) for one in (weighed, scored))


def _fails(weighed: Weighed) -> bool:
    return weighed.tests.suite is not None and weighed.tests.suite.failed


def under_base_rules(
    record: RunRecord,
    scored: Weighed | None,
    settled: AbstractSet[str],
    gone: Sequence[str],
) -> BaseScore | None:
    """Say what the merge base's rules make of the run: of all tasks, and without those that are settled.

    `gone` are the tasks of the merge base that were not asked as it asks them, accepted or not.
    """
    if scored is None:
        return None
    manifest = record.manifest
    base = _base_cases(manifest)
    open_ = scored.without(settled)
    suite, whole = open_.tests.suite, scored.tests.suite
    failed = bool(scored.regressed()) or bool(gone) or (whole is not None and whole.failed)
    known = base.keys() - set(gone)
    short = {
        sides.case.id
        for sides in scored.sides
        if sides.case.id in known
        and len(sides.failed) < min(_samples(base[sides.case.id], manifest), scored.levels.escalate_to)
    } & asked_less_often(manifest)
    told = Outcome.INCONCLUSIVE if known & set(scored.untold()) or short else Outcome.STABLE
    return BaseScore(
        cases=tuple(dict.fromkeys((*_regraded(manifest), *gone))),
        asked_otherwise=tuple(case for case in gone if case in record.cases),
        outcome=Outcome.REGRESSED if failed else told,
        regressed=tuple(sorted(scored.regressed())),
        blocking=tuple(
            sorted(
                sides.case.id
                for sides in open_.sides
                if sides.case.id in open_.regressed() and sides.case.severity is TaskSeverity.BLOCK
            )
        ),
        suite_failed=suite is not None and suite.failed,
        untold=tuple(sorted((known & set(open_.untold())) | (short - settled))),
    )


def _breaks_contract(sides: TaskSides) -> bool:
    return sides.case.always and 2 * sum(sides.failed) > len(sides.failed)


def _base_cases(manifest: Manifest) -> Mapping[str, Case]:
    return {case.id: case for case in manifest.base_cases}


def _samples(case: Case, manifest: Manifest) -> int:
    return case.samples or manifest.samples


def _regraded(manifest: Manifest) -> tuple[str, ...]:
    """Name the tasks whose rules are other ones than at the merge base."""
    base = _base_cases(manifest)
    return tuple(
        case.id for case in manifest.suite.cases if case.id in base and _rules(base[case.id]) != _rules(case)
    )


def _rules(case: Case) -> tuple[object, ...]:
    """Return what a task is judged by. The rules by their digest: as Python compares them true is 1, and
    `equals: null` is `not_equals: null`. The sentence where a judge reads it."""
    sentence = case.task if case.rubric is not None else None
    return case.ruler, case.severity, case.always, case.samples, sentence


def _judged_as(case: Case, base: Case | None) -> Case:
    if base is None:
        return case
    kept = ("expect", "rubric", "task", "severity", "always")
    return case.model_copy(update={name: getattr(base, name) for name in kept})
