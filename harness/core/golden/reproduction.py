"""Whether a baseline that a pull request brings comes back: tonight's answers against what it says they are. Pure."""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from statistics import fmean, median

from harness.core.batch import Baseline, CaseBaseline
from harness.core.canonical import text_digest
from harness.core.golden.numbers import gated_numbers
from harness.core.golden.other_rules import base_ruled
from harness.core.golden.pull_request import Brought, alike
from harness.core.golden.sides import TaskSides, task_sides
from harness.core.golden.weighing import FEWEST_RUNS
from harness.core.golden_records import Gated, GateProblem
from harness.core.judged_runs import Judgeable, judgeable_tasks
from harness.core.judging.prompts import readable
from harness.core.judging.records import JudgedCase, Standing
from harness.core.policy import Gates, Policy
from harness.core.replies import Answer
from harness.core.run import Manifest, RunRecord, RunTarget

CLOSE = 0.25
"""Shares of runs that differ by no more than this are taken for the same without a test."""
ENOUGH_ANSWERED = 2 / 3
"""Of the runs of a task, for its new baseline to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """What became of the tasks whose new baseline comes with the pull request."""

    reproduced: AbstractSet[str]
    """They answer as it says."""
    without_answers: AbstractSet[str]
    """It came without the answers, so nobody can look."""
    in_doubt: AbstractSet[str]
    """They answer otherwise, or too few runs can tell: more runs may."""


def reproduction(
    record: RunRecord, target: RunTarget, policy: Policy, brought: Brought, proposed: Baseline | None
) -> Reproduction:
    """Hold tonight's answers against every baseline that was accepted in the pull request."""
    reference = record.references.get(target.name)
    batch = record.batches.get(target.name)
    cases = [case for case in record.manifest.suite.cases if case.id in brought.accepted]
    sides = task_sides(cases, proposed, batch)
    # By the merge base's rules, too: what they would tell apart must not wait for them to come back.
    by_base = task_sides(
        [c for c in base_ruled(record.manifest) if c.id in brought.accepted], proposed, batch
    )
    # A model that is held against another one's baseline need not be as fast or as wordy; that one answers for it.
    own = target.baseline_of not in {one.name for one in record.manifest.targets} - {target.name}
    doubted = {one.case.id for one in sides if not _runs_come_back(one, policy.gates, own=own)}
    doubted |= {one.case.id for one in sides if _half_answered(one, record.manifest)}
    doubted |= {one.case.id for one in by_base if one.reference and not comes_back(one.reference, one.failed)}
    textless = frozenset(
        one.case.id for one in sides if _lost_its_answers(one.case.id, record, reference, proposed)
    )
    unlike = set(_judged_otherwise(record, target, policy.gates)) if cases and own else set()
    return Reproduction(
        reproduced=frozenset(brought.accepted.keys() - doubted - textless - unlike),
        without_answers=textless,
        in_doubt=frozenset(doubted - textless),
    )


def unproved_problems(manifest: Manifest, brought: Brought, again: Reproduction) -> Iterator[Gated]:
    """Say which new baselines nothing that was seen tonight stands for."""
    unlike = brought.accepted.keys() - again.reproduced - again.without_answers
    cases = [case for case in brought.accepted if case in unlike]
    if cases:
        yield Gated(
            problem=GateProblem.NOT_REPRODUCED,
            cases=tuple(cases),
            because="What was accepted does not come back: the tasks answer otherwise than the baseline that comes with "
            "the change, or too little came back to tell.",
            mend=f"look at it with `drift review {manifest.run}` and accept this run, or take the acceptance back",
        )
    textless = tuple(case for case in brought.accepted if case in again.without_answers)
    if textless:
        ref = manifest.pull.ref if manifest.pull is not None else "REF"
        yield Gated(
            problem=GateProblem.NOT_REPRODUCED,
            cases=textless,
            because="What was accepted came without its answers, and the merge base keeps them: nobody can tell "
            "whether it comes back.",
            mend=f"drift check {manifest.suite.name} --since {ref} --trust-head, run by somebody who trusts the "
            "change; or accept the answers, too",
        )


def comes_back(brought: Sequence[bool], tonight: Sequence[bool]) -> bool:
    """Say whether as large a share of tonight's runs is off as of those that a pull request brings.

    Shares that differ by more than a quarter have to be told alike, by runs that could have told them apart, so
    that a few passing runs are no proof of a baseline that fails, nor the other way round. So have all shares
    where there are under five runs in the baseline.
    """
    if not brought or not tonight:
        return False
    before, now = sum(brought) / len(brought), sum(tonight) / len(tonight)
    if abs(before - now) <= CLOSE and len(brought) >= FEWEST_RUNS:
        return True
    furthest = [now > before] if now != before else [True, False]
    could_tell = any(not alike(brought, [end] * len(tonight)) for end in furthest)
    return could_tell and alike(brought, tonight)


def _runs_come_back(sides: TaskSides, gates: Gates, *, own: bool) -> bool:
    """Say whether a task passes as often, and, of its own baseline, says as much in as much time.

    Tokens by the root of the gate's ratio: what is off by it now and by it again next time is off by the whole.
    Time is the provider's, and differs by day.
    """
    return comes_back(sides.reference, sides.failed) and (
        not own
        or all(
            _numbers_come_back(sides, number, limit**0.5 if unit == "tokens" else limit)
            for unit, (number, limit) in gated_numbers(gates).items()
        )
    )


def _half_answered(sides: TaskSides, manifest: Manifest) -> bool:
    """Say whether so few answers came back that what is missing could be what was to be looked at."""
    return ENOUGH_ANSWERED * (sides.case.samples or manifest.samples) > len(sides.failed)


def _numbers_come_back(sides: TaskSides, number: Callable[[Answer], float | None], limit: float) -> bool:
    """Say whether no more runs are off by a ratio, up or down, than tonight's are."""
    tonight = [number(answer) for answer in sides.tonight]
    known = [value for value in tonight if value is not None]
    if not known or not sides.reference_answers:
        return True
    middle = median(known)

    def is_off(value: float | None) -> bool:
        return value is None or value > limit * middle or limit * value < middle

    return comes_back(
        [is_off(number(answer)) for answer in sides.reference_answers], [is_off(value) for value in tonight]
    )


def _lost_its_answers(
    case_id: str, record: RunRecord, reference: Baseline | None, proposed: Baseline | None
) -> bool:
    """Say whether lines came without an answer where the merge base keeps answers: nothing in them can be looked at."""
    if record.manifest.pull is None or record.manifest.pull.trust_head or _keeps_digests(reference):
        return False
    return proposed is not None and _has_digests(proposed.cases[case_id])


def _keeps_digests(baseline: Baseline | None) -> bool:
    return baseline is not None and any(_has_digests(case) for case in baseline.cases.values())


def _has_digests(case: CaseBaseline) -> bool:
    return any(line.answer is None for line in case.samples)


def _judged_otherwise(record: RunRecord, target: RunTarget, gates: Gates) -> Iterator[str]:
    """Yield the tasks whose new baseline the judge scores otherwise than tonight's answers, or not at all."""
    if record.manifest.judge is None:
        return
    said = record.judged.get(target.name)
    for one in judgeable_tasks(record, target.name):
        if not one.brought or _is_said_tonight(one):
            continue
        case = said.case(one.case.id) if said is not None and said.void is None else None
        scores = _scores(one, case) if case is not None else None
        if scores is None or abs(scores.brought - scores.tonight) > gates.judge_drop_points:
            yield one.case.id


def _is_said_tonight(one: Judgeable) -> bool:
    """Say whether the answer that stands for the new baseline was given tonight, word for word."""
    return one.proposed is not None and readable(one.proposed) in map(readable, one.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scores:
    brought: float
    tonight: float


def _scores(one: Judgeable, case: JudgedCase) -> _Scores | None:
    """Return what the judge gives the new baseline and tonight's answers; None where it gave nothing."""
    points: dict[str, float | None] = {}
    for text in case.candidates:
        same = text.standing is Standing.SAME_AS_REFERENCE
        points[text.digest] = case.reference.score if same and case.reference is not None else text.score
    tonight = [
        score for score in (points.get(text_digest(text)) for text in one.answers) if score is not None
    ]
    brought = points.get(text_digest(one.proposed)) if one.proposed is not None else None
    return _Scores(brought=brought, tonight=fmean(tonight)) if brought is not None and tonight else None
