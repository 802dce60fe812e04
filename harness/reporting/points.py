"""What a verdict has to say, one point at a time: what annotations, SARIF and JUnit are made of. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from harness.core.findings import Finding, Outcome, Severity
from harness.core.golden_records import Gated, GateProblem, TaskReading
from harness.core.run import Manifest
from harness.core.suite import Case
from harness.core.verdict import TargetVerdict, Verdict, exit_code_of
from harness.core.wording import target_headline
from harness.reporting.golden_words import golden_status, mend_text, what_it_is_text
from harness.reporting.model import Status
from harness.reporting.wording import is_open, muted_text, target_status

CONFIG_FILE = "drift.yaml"


class Level(StrEnum):
    """What a point does to the run."""

    ERROR = "error"
    """Fails it: there is one exactly where the exit code is not 0."""
    WARNING = "warning"
    NOTE = "note"


class Rule(StrEnum):
    """The kinds of point."""

    REGRESSION = "regression"
    CHANGE = "change"
    IMPROVEMENT = "improvement"
    NOT_TOLD = "not-told"
    ACCEPTED_CHANGE = "accepted-change"
    OTHER_RULES = "other-rules"
    PLAIN_RULE = "plain-rule"
    MISSING_BASELINE = "missing-baseline"
    UNEXPLAINED_BASELINE = "unexplained-baseline"
    NOT_REPRODUCED = "not-reproduced"
    CONFIG_CHANGED = "config-changed"
    MODEL_MOVED = "model-moved"
    MUTED = "muted"
    RUN = "run"
    """The run as a whole fails, for a reason that no other point names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Lines of a file; both None where only the file is known."""

    path: str
    line: int | None = None
    end_line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One thing to say."""

    level: Level
    rule: Rule
    target: str
    case: str | None = None
    signal: str = ""
    message: str
    mend: str = ""
    """What to do; empty where the message says all."""
    place: Place | None = None
    task_file: str | None = None


def points_of(verdict: Verdict, manifest: Manifest) -> tuple[Point, ...]:
    """Return all that a verdict has to say, errors first; in each level in the verdict's order."""
    places = Places.of(manifest)
    said = [point for target in verdict.targets for point in _target_points(target, verdict, places)]
    if verdict.exit_code and not any(point.level is Level.ERROR for point in said):
        said.append(Point(level=Level.ERROR, rule=Rule.RUN, target="", message=verdict.headline))
    return tuple(sorted(said, key=lambda point: _FROM_WORST.index(point.level)))


_FROM_WORST = tuple(Level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where in the project cases and their prompts lie, as far as a run knows."""

    cases: Mapping[str, Case]
    base_cases: Mapping[str, Case]
    changed: tuple[str, ...]

    @classmethod
    def of(cls, manifest: Manifest) -> "Places":
        """Read them off a manifest."""
        base = {case.id: case for case in manifest.base_cases}
        return cls(
            cases={**base, **{case.id: case for case in manifest.suite.cases}},
            base_cases=base,
            changed=manifest.pull.changed if manifest.pull is not None else (),
        )

    def prompt(self, case_id: str | None) -> Place | None:
        """Return the prompt file of a case, and the lines that differ from the merge base's."""
        case = self.cases.get(case_id or "")
        if case is None or case.prompt is None:
            return None
        base = self.base_cases.get(case.id)
        before = base.prompt if base is not None else None
        if before is None or before.path != case.prompt.path or before.text == case.prompt.text:
            return Place(path=case.prompt.path)
        first, last = changed_lines(before.text, case.prompt.text)
        return Place(path=case.prompt.path, line=first, end_line=last)

    def task_file(self, case_id: str | None) -> str | None:
        """Return the file of a task, where the pull request changes it; else a run does not know it."""
        names = {f"{case_id}.yaml", f"{case_id}.yml"}
        return next((path for path in self.changed if path.rpartition("/")[2] in names), None)

    def first_below(self, folder: str) -> Place | None:
        """Return the first changed file below a folder."""
        return next((Place(path=path) for path in self.changed if path.startswith(folder)), None)


def changed_lines(reference: str, candidate: str) -> tuple[int, int]:
    """Return the first and last line of `candidate`, from 1, between the lines that both texts begin and end with."""
    before, now = reference.splitlines(), candidate.splitlines()
    shortest = min(len(before), len(now))
    start = next((place for place in range(shortest) if before[place] != now[place]), shortest)
    end = 0
    while end < shortest - start and before[-1 - end] == now[-1 - end]:
        end += 1
    first = min(start + 1, max(1, len(now)))
    return first, max(first, len(now) - end)


def fails_run(finding: Finding, target: TargetVerdict, verdict: Verdict) -> bool:
    """Say whether a finding is one of those that make the exit code 1."""
    gates = verdict.policy.gates
    if (
        target.awaiting_confirmation
        or target.rejected
        or target.muted
        or finding.outcome is not target.outcome
    ):
        return False
    if finding.outcome is Outcome.REGRESSED:
        return gates.regression == "fail" and finding.severity is Severity.BLOCK
    if finding.outcome is Outcome.CHANGED:
        return gates.undirected_drift == "fail" and not target.tasks
    return False


def target_code(target: TargetVerdict, verdict: Verdict) -> int:
    """Return what one target contributes to the exit code, an open incident on a scheduled night included."""
    code = exit_code_of(target, verdict.policy)
    quiet = target.awaiting_confirmation or target.outcome in (Outcome.STABLE, Outcome.IMPROVED)
    fails = verdict.scheduled and quiet and is_open(target) and not muted_text(target)
    return 1 if fails and code in (0, 3, 4) else code


def shown_status(target: TargetVerdict, verdict: Verdict) -> Status:
    """Return what is shown for a target; quiet only where its exit code is 0."""
    return golden_status(target, verdict, None) if target.tasks else target_status(target, verdict)


def _target_points(target: TargetVerdict, verdict: Verdict, places: Places) -> Iterator[Point]:
    found = [
        *_finding_points(target, verdict, places),
        *(_gated_point(gated, target, verdict, places) for gated in target.gated),
        *_plain_points(target, verdict),
        *_muted_points(target),
        *_accepted_points(target, places),
        *_other_rules(target),
        *_untold_points(target, places),
    ]
    if target_code(target, verdict) and not any(point.level is Level.ERROR for point in found):
        yield Point(level=Level.ERROR, rule=Rule.RUN, target=target.target, message=target_headline(target))
    yield from found


_OF_OUTCOME = {
    Outcome.REGRESSED: (Rule.REGRESSION, Level.WARNING),
    Outcome.CHANGED: (Rule.CHANGE, Level.WARNING),
    Outcome.INCONCLUSIVE: (Rule.NOT_TOLD, Level.WARNING),
    Outcome.IMPROVED: (Rule.IMPROVEMENT, Level.NOTE),
}


def _finding_points(target: TargetVerdict, verdict: Verdict, places: Places) -> Iterator[Point]:
    for finding in target.findings:
        if finding.outcome is Outcome.STABLE:
            continue
        rule, level = _OF_OUTCOME[finding.outcome]
        yield Point(
            level=Level.ERROR if fails_run(finding, target, verdict) else level,
            rule=rule,
            target=target.target,
            case=finding.case,
            signal=finding.signal,
            message=finding.because,
            place=places.prompt(finding.case),
            task_file=places.task_file(finding.case),
        )


_OF_PROBLEM = {
    GateProblem.MISSING_BASELINE: Rule.MISSING_BASELINE,
    GateProblem.UNEXPLAINED_BASELINE: Rule.UNEXPLAINED_BASELINE,
    GateProblem.NOT_REPRODUCED: Rule.NOT_REPRODUCED,
    GateProblem.CONFIG_CHANGED: Rule.CONFIG_CHANGED,
    GateProblem.MODEL_MOVED: Rule.MODEL_MOVED,
}


def _gated_point(gated: Gated, target: TargetVerdict, verdict: Verdict, places: Places) -> Point:
    first = gated.cases[0] if gated.cases else None
    match gated.problem:
        case GateProblem.CONFIG_CHANGED:
            place: Place | None = Place(path=CONFIG_FILE)
        case GateProblem.UNEXPLAINED_BASELINE:
            place = places.first_below("baselines/")
        case _:
            place = places.prompt(first)
    return Point(
        level=Level.ERROR,
        rule=_OF_PROBLEM[gated.problem],
        target=target.target,
        case=first if len(gated.cases) == 1 else None,
        message=gated.because,
        mend=mend_text(gated, verdict),
        place=place,
        task_file=places.task_file(first),
    )


def _plain_points(target: TargetVerdict, verdict: Verdict) -> Iterator[Point]:
    if not verdict.policy.plain_rules or target.awaiting_confirmation or target.muted:
        return
    for rule in target.plain:
        if rule.fails:
            yield Point(
                level=Level.ERROR,
                rule=Rule.PLAIN_RULE,
                target=target.target,
                signal=rule.rule,
                message=f"{rule.rule}: {rule.because}",
            )


def _muted_points(target: TargetVerdict) -> Iterator[Point]:
    if said := muted_text(target):
        yield Point(level=Level.WARNING, rule=Rule.MUTED, target=target.target, message=said)


def _accepted_points(target: TargetVerdict, places: Places) -> Iterator[Point]:
    for change in target.accepted:
        yield Point(
            level=Level.WARNING,
            rule=Rule.ACCEPTED_CHANGE,
            target=target.target,
            case=change.case,
            message=f"ACCEPTED CHANGE ({what_it_is_text(change, f'{change.would_be.value} against the merge base')}) by {change.by}: {change.reason}",
            place=places.prompt(change.case),
            task_file=places.task_file(change.case),
        )


def _other_rules(target: TargetVerdict) -> Iterator[Point]:
    if (score := target.under_base) is not None:
        regressed = f" ({', '.join(score.regressed)})" if score.regressed else ""
        yield Point(
            level=Level.WARNING,
            rule=Rule.OTHER_RULES,
            target=target.target,
            message=f"The pull request changes how it is graded: {target.outcome.value} by its own rules, "
            f"{score.outcome.value}{regressed} by the merge base's.",
        )


def _untold_points(target: TargetVerdict, places: Places) -> Iterator[Point]:
    told = {finding.case for finding in target.findings}
    for reading in target.tasks:
        if reading.outcome is Outcome.INCONCLUSIVE and reading.case not in told:
            yield Point(
                level=Level.WARNING,
                rule=Rule.NOT_TOLD,
                target=target.target,
                case=reading.case,
                signal="task",
                message=f"Could not tell: {untold(reading)}.",
                place=places.prompt(reading.case),
                task_file=places.task_file(reading.case),
            )


def untold(reading: TaskReading) -> str:
    """Say why a task could not be told."""
    return reading.because or ("too few runs" if reading.runs else "no run gave an answer")
