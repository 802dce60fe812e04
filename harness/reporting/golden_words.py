"""Golden runs in the reader's words: outcomes, counts, what is compared with what, and what to do next."""

import shlex
from collections.abc import Iterator, Sequence

from harness.core.findings import Outcome
from harness.core.golden_records import AcceptedChange, Gated, GateProblem, Ratio, TaskReading
from harness.core.run import Manifest, RunEnd, RunRecord
from harness.core.verdict import BaselineState, State, TargetVerdict, Verdict, exit_code_of
from harness.reporting.counting import listed, many
from harness.reporting.escape import one_line
from harness.reporting.model import Status
from harness.reporting.wording import night_text

NAMED = 3
"""Tasks, files and rules that a sentence names."""
FULL_BASELINE = 12
NOT_EVALUATED = "not evaluated"
_RAREST = 0.0001
PROBLEMS = {
    GateProblem.MODEL_MOVED: Status.MOVED,
    GateProblem.CONFIG_CHANGED: Status.NOT_EVALUATED,
    GateProblem.UNEXPLAINED_BASELINE: Status.REFUSED,
    GateProblem.NOT_REPRODUCED: Status.REFUSED,
    GateProblem.MISSING_BASELINE: Status.NOT_ACCEPTED,
}
"""In the order in which the headline says them; the first two alone mean exit 3, the others 4."""


def is_golden(record: RunRecord, verdict: Verdict) -> bool:
    """Say whether a run asked golden tasks."""
    return record.manifest.suite.golden or any(target.tasks for target in verdict.targets)


def golden_status(target: TargetVerdict, verdict: Verdict, end: RunEnd | None) -> Status:
    """Say what is shown for a target, in the order of what its exit code rests on; quiet only where that is 0."""
    code = exit_code_of(target, verdict.policy)
    problems = {gated.problem for gated in target.gated}
    if target.rejected or target.shard is not None:
        return Status.INCONCLUSIVE
    if target.outcome is Outcome.REGRESSED:
        return Status.WARNED if code == 0 else Status.REGRESSED
    if GateProblem.MODEL_MOVED in problems:
        return Status.MOVED
    if code == 1:
        return Status.PLAIN
    if not target.coverage.answered:
        return Status.NOT_EVALUATED if was_not_evaluated(end) else Status.INCONCLUSIVE
    for problem in (one for one in PROBLEMS if one in problems):
        return PROBLEMS[problem]
    if target.baseline is BaselineState.MISSING and not target.accepted:
        return Status.NOT_ACCEPTED
    if was_not_evaluated(end):
        return Status.NOT_EVALUATED
    if code or target.cut_short or target.outcome is Outcome.INCONCLUSIVE:
        return Status.INCONCLUSIVE
    if any(change.would_be in (Outcome.REGRESSED, Outcome.INCONCLUSIVE) for change in target.accepted):
        return Status.ACCEPTED
    return Status.STABLE


def golden_word(status: Status, plain_word: str) -> str:
    """Name the outcome of a golden target or run."""
    return "Passes" if status in (Status.STABLE, Status.IMPROVED) else plain_word


def was_not_evaluated(end: RunEnd | None) -> bool:
    """Say whether nobody was asked on purpose: a fork without keys, or a configuration that is not trusted."""
    return end is not None and (end.stopped or "").startswith(NOT_EVALUATED)


def failed_text(failed: int, runs: int) -> str:
    """Count failures, as 2/8."""
    return f"{failed}/{runs}" if runs else "none"


def counts_text(reading: TaskReading) -> str:
    """Say how often a task failed before, now, and with the merge base's prompt."""
    before = failed_text(reading.reference_failed, reading.reference_runs)
    said = f"failed {before} → {failed_text(reading.failed, reading.runs)}"
    if reading.base_runs:
        base = failed_text(reading.base_failed, reading.base_runs)
        said += f", with the merge base's prompt {base}"
    return said


def p_text(p_value: float | None) -> str:
    """Write a p-value with three digits; empty where there is none."""
    if p_value is None:
        return ""
    if p_value < _RAREST:
        return "p < .0001"
    return f"p = {p_value:.2g}".replace("0.", ".")


def values_text(reading: TaskReading) -> str:
    """Say which numbers are beyond their gate and their noise; empty where none is."""
    said = [
        f"{name} {ratio_text(ratio)}"
        for name, ratio in (("latency", reading.latency), ("tokens", reading.tokens))
        if ratio is not None and ratio.beyond
    ]
    if reading.judge is not None and reading.judge.beyond:
        said.append(f"judge {reading.judge.reference:.0f} → {reading.judge.candidate:.0f} of 100")
    return ", ".join(said)


def ratio_text(ratio: Ratio) -> str:
    """Write both medians of a ratio and how many times the one is the other."""
    times = f" ({ratio.candidate / ratio.reference:.1f}x)" if ratio.reference > 0 else ""
    return f"{ratio.reference:,.0f} → {ratio.candidate:,.0f} {ratio.unit}{times}"


def accepted_runs_text(target: TargetVerdict) -> str:
    """Say how much the baseline knows of a target's tasks."""
    known = [task.reference_runs for task in target.tasks if task.reference_runs]
    if not known:
        return "no accepted runs"
    runs = f"{min(known)}" if min(known) == max(known) else f"{min(known)} to {max(known)}"
    one = "" if max(known) == 1 else "s"
    said = f"{runs} accepted run{one} a task"
    lacking = len(target.tasks) - len(known)
    if lacking:
        said += f", none of {many(lacking, 'task')}"
    if min(known) < FULL_BASELINE:
        kind = "provisional" if target.state is State.PROVISIONAL else "too few to tell much"
        said += f" ({kind}: {FULL_BASELINE} are a full baseline)"
    return said


def compared_with(record: RunRecord) -> Iterator[str]:
    """Say what a run is held against, and why just these tasks were asked."""
    manifest = record.manifest
    pull = manifest.pull
    asked = len(manifest.suite.cases)
    if pull is None:
        yield f"Held against the accepted baseline: all {many(asked, 'task')} asked."
        return
    trusted = "targets, gates and limits are the head's, as it is trusted" if pull.trust_head else ""
    yield f"Held against merge base {merge_base_text(manifest)}{f'; {trusted}' if trusted else ''}."
    evaluated = not was_not_evaluated(record.end)
    verb = ("was" if asked == 1 else "were") + (" asked" if evaluated else " to be asked")
    files = files_text(pull.changed)
    because = f", because {files} changed" if files else ""
    yield f"{asked} of {many(asked + pull.untouched, 'task')} {verb}{because}."
    if pull.deleted:
        yield f"{many(len(pull.deleted), 'task is', 'tasks are')} deleted: {named(pull.deleted, 'task')}."


def merge_base_text(manifest: Manifest) -> str:
    """Name the merge base: its commit, and the ref that it was found with."""
    pull = manifest.pull
    return f"{one_line(pull.base, 40)[:7]} ({one_line(pull.ref, 60)})" if pull is not None else ""


def named(names: Sequence[str], noun: str, most: int = NAMED) -> str:
    """Name a few, and count the rest."""
    left = len(names) - most
    shown = [one_line(name, 200) for name in (names[:most] if left > 1 else names)]
    return f"{', '.join(shown)} and {left} more {noun}s" if left > 1 else listed(shown)


def seen_texts(target: TargetVerdict) -> tuple[str, ...]:
    """Say the smallest rise of failures that would have been seen: of one task, and of all together."""
    found = [task.visible for task in target.tasks if task.visible is not None]
    said = []
    if found:
        low, high = _points(min(found)), _points(max(found))
        said.append(f"one task failing {low if low == high else f'{low} to {high}'} points more often")
    if target.suite_visible is not None:
        said.append(f"all tasks together {_points(target.suite_visible)} points")
    return tuple(said)


def _points(share: float) -> int:
    return -int(-(100 * share - 1e-9) // 1)


def plain_text(target: TargetVerdict, verdict: Verdict) -> str:
    """Say what the plain rules would have made of a target; empty where they could say nothing."""
    if not target.plain or not target.coverage.answered:
        return ""
    failing = [rule for rule in target.plain if rule.fails]
    fails = exit_code_of(target, verdict.policy) != 0
    if not failing:
        return f"plain rules would have passed it{'' if fails else ' too'}"
    decides = verdict.policy.plain_rules and not target.awaiting_confirmation
    start = (
        "plain rules fail it, and decide under this policy" if decides else "plain rules would have failed it"
    )
    start += " too" if fails and not decides else ""
    rules = "; ".join(f"{one_line(rule.rule, 60)} ({one_line(rule.because, 200)})" for rule in failing)
    return f"{start}: {rules}"


def plain_lines(verdict: Verdict) -> tuple[str, ...]:
    """Say it for a whole run, a line a target."""
    several = len(verdict.targets) > 1
    found = [(target.target, plain_text(target, verdict)) for target in verdict.targets]
    return tuple(f"{one_line(name, 80)}: {said}" if several else said for name, said in found if said)


_OUTCOMES = {
    Outcome.REGRESSED: "a regression",
    Outcome.CHANGED: "a change",
    Outcome.INCONCLUSIVE: "not told",
    Outcome.IMPROVED: "an improvement",
    Outcome.STABLE: "a pass",
}


def outcome_text(outcome: Outcome) -> str:
    """Name an outcome as what something would have been."""
    return _OUTCOMES[outcome]


def two_verdicts(target: TargetVerdict) -> str:
    """Say both verdicts where a pull request changes its own rules; empty where it does not."""
    score = target.under_base
    if score is None:
        return ""
    regressed = f" in {named(score.regressed, 'task')}" if score.regressed else ""
    known = {task.case for task in target.tasks}
    asked = score.asked_otherwise
    graded = [case for case in score.cases if case in known and case not in asked]
    gone = [case for case in score.cases if case not in known]
    does = [f"changes how {named(graded, 'task')} {'is' if len(graded) == 1 else 'are'} graded"] * bool(
        graded
    )
    does += [f"deletes {named(gone, 'task')}"] * bool(gone)
    does += [f"no longer asks what the merge base asks in {named(asked, 'task')}"] * bool(asked)
    return (
        f"The pull request {listed(does)}: by its own rules this is {outcome_text(target.outcome)}, "
        f"by the merge base's {outcome_text(score.outcome)}{regressed}."
    )


def what_it_is_text(change: AcceptedChange, word: str) -> str:
    """Say what an accepted change is: `word` for its outcome, and what that rests on."""
    added = f"{many(change.added, 'run')} added" if change.added else ""
    return ", ".join(part for part in (word, added, change.because) if part)


def acceptance_text(change: AcceptedChange) -> str:
    """Say who accepted a change, when and why, as a sentence."""
    reason = one_line(change.reason, 300)
    stop = "" if reason.endswith((".", "!", "?")) else "."
    added = f"{many(change.added, 'run')} added to its baseline. " if change.added else ""
    return f"{added}Accepted by {one_line(change.by, 80)} on {night_text(change.at[:10])}: “{reason}{stop}”"


def files_text(paths: Sequence[str]) -> str:
    """Name the files that decide what is asked: prompts and tasks by name, baselines as a number."""
    own = [one_line(path, 120) for path in paths if not path.startswith("baselines/")]
    baselines = len(paths) - len(own)
    left = len(own) - NAMED
    more = [f"{many(left, 'more file')}"] if left > 0 else []
    counted = [f"{many(baselines, 'file')} of baselines/"] if baselines else []
    return listed([*own[:NAMED], *more, *counted])


def mend_text(gated: Gated, verdict: Verdict) -> str:
    """Say how a problem is mended, with the digest that `accept` asks for."""
    return gated.mend.replace("DIGEST", shlex.quote(verdict.shown[:8]))
