"""The sentence about a golden suite that every output shares."""

from collections.abc import Sequence

from harness.core.findings import Outcome
from harness.core.golden_records import GateProblem, TaskReading
from harness.core.verdict import BaselineState, TargetVerdict

_NAMED = 2
_GATED = {
    GateProblem.CONFIG_CHANGED: "was not tested as the change would have it: drift.yaml asks another model, or otherwise",
    GateProblem.UNEXPLAINED_BASELINE: "has a baseline that changed by itself",
    GateProblem.NOT_REPRODUCED: "does not answer as the accepted baseline says",
    GateProblem.MISSING_BASELINE: "regressed in no task, and nobody has accepted what changed",
}
"""What is said first, where several hold."""


def golden_headline(target: TargetVerdict) -> str:
    """Say in one sentence what became of a target's golden tasks."""
    name, tasks = target.target, target.tasks
    problems = {gated.problem for gated in target.gated}
    regressed = [task for task in tasks if task.outcome is Outcome.REGRESSED]
    if target.outcome is Outcome.REGRESSED:
        return f"{name} {_regressed(target, regressed)}."
    if GateProblem.MODEL_MOVED in problems:
        moved = [task for task in tasks if task.outcome is Outcome.CHANGED]
        failed = [task.case for task in moved if task.failed]
        said = f"{_listed(failed)} {_fails(failed)} as often" if failed else "time or tokens are the same"
        return f"{name} moved by itself: {said} with the merge base's prompt."
    if target.rejected or not target.coverage.answered:
        return f"{name} could not be measured: none of {_many(target.coverage.planned, 'reply', 'replies')} came back."
    if target.baseline is BaselineState.MISSING and not target.accepted:
        return f"{name} has no accepted runs to be compared with."
    for problem, said in _GATED.items():
        if problem in problems:
            cases = next(gated.cases for gated in target.gated if gated.problem is problem)
            return f"{name} {said}{f': {_listed(cases)}' if cases else ''}."
    if target.outcome is Outcome.INCONCLUSIVE:
        untold = [task.case for task in tasks if task.outcome is Outcome.INCONCLUSIVE]
        if not untold and target.under_base is not None and target.under_base.untold:
            return f"{name} could not be told by the merge base's rules: {_listed(target.under_base.untold)}."
        why = f": {_listed(untold)}" if untold and not target.cut_short else ""
        early = f"the run stopped early, with {target.coverage.answered} of {_many(target.coverage.planned, 'reply', 'replies')}"
        return (
            f"{name} could not be told{why}."
            if not target.cut_short
            else f"{name} could not be told: {early}."
        )
    accepted = [
        change.case
        for change in target.accepted
        if change.would_be in (Outcome.REGRESSED, Outcome.INCONCLUSIVE)
    ]
    if accepted:
        return f"{name} changed as accepted in {_listed(accepted)}, and regressed nowhere else."
    better = [task.case for task in tasks if task.outcome is Outcome.IMPROVED]
    if better:
        return f"{name} passes more often in {_listed(better)}, and regressed in no task."
    return f"{name} regressed in none of {_many(len(tasks), 'task')}."


def _regressed(target: TargetVerdict, tasks: Sequence[TaskReading]) -> str:
    named = [task.case for task in tasks]
    score = target.under_base
    others = [
        finding.case
        for finding in target.findings
        if finding.case and finding.outcome is Outcome.REGRESSED and finding.case not in named
    ]
    known = {task.case for task in target.tasks}
    gone = [case for case in others if case not in known]
    otherwise = [case for case in others if score is not None and case in score.asked_otherwise]
    by_base = [case for case in others if case not in gone and case not in otherwise]
    said = []
    if named and not others and len(named) == 1:
        said.append(f"regressed in {named[0]}{f': {tasks[0].because}' if tasks[0].because else ''}")
    elif named:
        said.append(f"regressed in {len(named)} of {_many(len(target.tasks), 'task')}: {_listed(named)}")
    if by_base:
        said.append(f"regressed by the merge base's rules in {_listed(by_base)}")
    if gone and said:
        said.append(f"{_listed(gone)} {'is' if len(gone) == 1 else 'are'} gone")
    elif gone:
        said.append(f"lost {_many(len(gone), 'task')} that nobody agreed to lose: {_listed(gone)}")
    if otherwise:
        of = f"no longer asks what the merge base asks in {_listed(otherwise)}"
        said.append(of if said else f"{of}, and nobody accepted that")
    if said:
        return "; ".join(said)
    return f"fails more often over all {_many(len(target.tasks), 'task')}, and no single one can be named"


def _fails(cases: Sequence[str]) -> str:
    return "fails" if len(cases) == 1 else "fail"


def _listed(cases: Sequence[str]) -> str:
    left = len(cases) - _NAMED
    if left > 1:
        return f"{', '.join(cases[:_NAMED])} and {left} more"
    return " and ".join([", ".join(cases[:-1]), cases[-1]]) if len(cases) > 1 else "".join(cases)


def _many(count: int, singular: str, plural: str | None = None) -> str:
    return f"{count} {singular if count == 1 else plural or singular + 's'}"
