"""What a golden run asks next: more runs of what failed, then the merge base's prompt. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from harness.core.findings import Outcome
from harness.core.golden.other_rules import asked_less_often, by_base_rules
from harness.core.golden.pull_request import brought_by
from harness.core.golden.reproduction import reproduction
from harness.core.golden.weighing import Weighed
from harness.core.plan import Request, Round, planned_requests
from harness.core.policy import Policy
from harness.core.rounds import NextRound
from harness.core.run import RunRecord, RunTarget
from harness.core.suite import Case
from harness.core.verdict import TargetVerdict, Verdict


def next_golden_round(
    record: RunRecord, verdict: Verdict, targets: Sequence[RunTarget], asked: AbstractSet[Round]
) -> NextRound | None:
    """Return what to ask of `targets` after the rounds `asked`, or None where the verdict stands."""
    return _escalation(record, verdict, targets, asked) or _base_prompt(record, verdict, targets, asked)


def _escalation(
    record: RunRecord, verdict: Verdict, targets: Sequence[RunTarget], asked: AbstractSet[Round]
) -> NextRound | None:
    if Round.ESCALATE in asked:
        return None
    again: dict[str, AbstractSet[str]] = {}
    for target in targets:
        again[target.name] = to_run_again(record, target, verdict.policy)
    requests = tuple(_requests_of(record, targets, record.manifest.suite.cases, again, Round.ESCALATE))
    names = sorted(set().union(*again.values()))
    why = f"{', '.join(names[:5])}{' and more' if len(names) > 5 else ''} failed a run, went over a gate or answered otherwise than accepted: asking again"
    return NextRound(round=Round.ESCALATE, requests=requests, why=why) if requests else None


def to_run_again(record: RunRecord, target: RunTarget, policy: Policy) -> frozenset[str]:
    """Name the tasks to run again before anything is called, by the head's rules or by the merge base's.

    And those whose baseline the pull request brings, where the first runs leave a doubt that it comes back.
    """
    manifest, reference = record.manifest, record.references.get(target.name)
    weighed = Weighed.of(record, target, policy, manifest.suite.cases, reference)
    scored = by_base_rules(record, target, policy, reference)
    again = weighed.to_run_again() | asked_less_often(manifest)
    again |= scored.to_run_again() if scored is not None else frozenset()
    if manifest.pull is None:
        return again
    proposed = record.earlier.proposed.get(target.name)
    brought = brought_by(manifest, target, reference, proposed)
    return again | reproduction(record, target, policy, brought, proposed).in_doubt


def _base_prompt(
    record: RunRecord, verdict: Verdict, targets: Sequence[RunTarget], asked: AbstractSet[Round]
) -> NextRound | None:
    manifest = record.manifest
    if Round.BASE_PROMPT in asked or not manifest.base_cases:
        return None
    found = {target.target: target for target in verdict.targets}
    failing = {target.name: set(_failing(found[target.name])) for target in targets}
    heads = {case.id: case for case in manifest.suite.cases}
    requests = tuple(
        request
        for target in targets
        for request in _requests_of(
            record,
            [target],
            [case for case in manifest.base_cases if _comparable(case, heads.get(case.id), target)],
            failing,
            Round.BASE_PROMPT,
        )
    )
    why = "asking with the merge base's prompt, to tell a changed prompt from a changed model"
    return NextRound(round=Round.BASE_PROMPT, requests=requests, why=why) if requests else None


def _failing(target: TargetVerdict) -> Iterator[str]:
    """Yield the tasks that may be the prompt's fault: those that regressed, or where only the suite did all that failed."""
    regressed = [task.case for task in target.tasks if task.outcome is Outcome.REGRESSED]
    if regressed or target.outcome is not Outcome.REGRESSED:
        yield from regressed
    else:
        yield from (task.case for task in target.tasks if task.failed)


def _comparable(base: Case, head: Case | None, target: RunTarget) -> bool:
    """Say whether a task asks the same as at the merge base, in another way."""
    return (
        head is not None
        and base.question == head.question
        and target.target.treatment(base) != target.target.treatment(head)
    )


def _requests_of(
    record: RunRecord,
    targets: Sequence[RunTarget],
    cases: Sequence[Case],
    wanted: Mapping[str, AbstractSet[str]],
    round_: Round,
) -> Iterator[Request]:
    manifest = record.manifest
    for target in targets:
        chosen = [case for case in cases if case.id in wanted[target.name]]
        yield from planned_requests(
            chosen,
            {target.name: target.target},
            samples=manifest.samples,
            round_=round_,
            further_to=manifest.escalate_to,
        )
