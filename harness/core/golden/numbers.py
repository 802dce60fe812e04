"""What golden runs cost in time and tokens, and how a judge scored them, beside the baseline. Pure."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from statistics import fmean, median

from scipy.special import bdtrc

from harness.core.canonical import text_digest
from harness.core.detection.golden_runs import GoldenLevels
from harness.core.detection.golden_values import (
    ValueRule,
    ValueRuns,
    ValueTest,
    drop_rule,
    judge_values,
    ratio_rule,
    values_to_escalate,
)
from harness.core.golden.sides import TaskSides
from harness.core.golden_records import JudgedFall, Ratio
from harness.core.judging.records import Judged, PairOutcome, Standing
from harness.core.policy import Gates, Policy
from harness.core.replies import Answer
from harness.core.stats.multiplicity import benjamini_hochberg_adjusted

_ROUNDING = 1e-9
_NO_REFERENCE = "no accepted answer that keeps the rules is there for the judge to start from"
LEAST_JUDGED = 2 / 3
"""Share of a task's runs that need a score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskNumbers:
    """What the numbers of one task say."""

    latency: Ratio | None
    tokens: Ratio | None
    judge: JudgedFall | None
    because: tuple[str, ...]
    """A clause for each that is beyond its gate and its noise."""
    run_again: bool
    """Over a gate by its first runs, and not run often enough to call it."""
    unjudged: str | None = None
    """Why the judge said too little of the task; None where it has nothing to say, or said it."""

    @property
    def regressed(self) -> bool:
        """Say whether any of them is beyond its gate and its noise."""
        return bool(self.because)


def task_numbers(
    sides: Sequence[TaskSides],
    judged: Judged | None,
    policy: Policy,
    levels: GoldenLevels,
    *,
    no_reference: AbstractSet[str] = frozenset(),
) -> Mapping[str, TaskNumbers]:
    """Compare the numbers of every task, by case. Latency of a failed or missing run is none.

    `no_reference` are the tasks that a judge should speak of, and has no accepted answer to start from.
    """
    gates = policy.gates
    latency_rule, tokens_rule = ratio_rule(gates.latency_ratio), ratio_rule(gates.tokens_ratio)
    latencies, tokens = _values(sides, _latency), _values(sides, _tokens)
    slow = _tested(latencies, latency_rule, levels)
    wordy = _tested(tokens, tokens_rule, levels)
    again = {
        *values_to_escalate(latencies, latency_rule, levels),
        *values_to_escalate(tokens, tokens_rule, levels),
    }
    falls = _falls(sides, judged, gates.judge_drop_points, policy.task_level)
    found = {
        one.case.id: _numbers(one.case.id, slow, wordy, falls, run_again=one.case.id in again, levels=levels)
        for one in sides
    }
    return {
        one.case.id: replace(
            found[one.case.id],
            unjudged=_NO_REFERENCE if one.case.id in no_reference else _why_unjudged(one, judged, falls),
        )
        for one in sides
    }


def _why_unjudged(one: TaskSides, judged: Judged | None, falls: Mapping[str, "_Fall"]) -> str | None:
    """Say why too little is known of a task that the judge was asked about."""
    case = judged.case(one.case.id) if judged is not None else None
    if judged is None or case is None:
        return None
    different = [text for text in case.candidates if text.standing is Standing.JUDGED]
    if not different:
        return None
    if judged.void is not None:
        return f"nothing that the judge said counts: {judged.void}"
    runs = len(one.answers) + len(one.further_answers)
    scored = falls[one.case.id].runs if one.case.id in falls else 0
    return None if scored >= LEAST_JUDGED * runs - _ROUNDING else "the judge gave no verdict"


def over_beside(sides: TaskSides, unit: str, gates: Gates) -> bool:
    """Say whether latency (ms) or tokens are nearer to their gate than to the answers to the merge base's prompt.

    True, too, where no such answer came back: then nothing says that the prompt is not at fault.
    """
    number, limit = gated_numbers(gates)[unit]
    before = [value for value in map(number, sides.base_prompt_answers) if value is not None]
    now = [value for value in map(number, sides.tonight) if value is not None]
    return not before or not now or median(now) > limit**0.5 * median(before)


def gated_numbers(gates: Gates) -> Mapping[str, tuple[Callable[[Answer], float | None], float]]:
    """Return what is read of an answer and the ratio that it may reach, by unit."""
    return {"ms": (_latency, gates.latency_ratio), "tokens": (_tokens, gates.tokens_ratio)}


def _latency(answer: Answer) -> float | None:
    return answer.latency_ms


def _tokens(answer: Answer) -> float | None:
    return None if answer.usage.output_tokens is None else float(answer.usage.output_tokens)


def _values(sides: Sequence[TaskSides], number: Callable[[Answer], float | None]) -> list[ValueRuns]:
    def known(answers: Sequence[Answer]) -> tuple[float, ...]:
        return tuple(value for value in map(number, answers) if value is not None)

    return [
        ValueRuns(
            case=one.case.id,
            reference=known(one.reference_answers),
            first=known(one.answers),
            further=known(one.further_answers),
        )
        for one in sides
    ]


def _tested(runs: Sequence[ValueRuns], rule: ValueRule, levels: GoldenLevels) -> Mapping[str, ValueTest]:
    return {test.case: test for test in judge_values(runs, rule, levels)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fall:
    reference: float
    candidate: float
    over: bool
    beyond: bool
    runs: int


def _falls(
    sides: Sequence[TaskSides], judged: Judged | None, points: float, level: float
) -> Mapping[str, _Fall]:
    """Compare a judge's scores: the mean of the runs with the baseline's medoid answer.

    The baseline has one score only, so its noise is not known from scores. What a fall rests on are the runs that
    the judge finds worse than the medoid answer in both orders, against those it finds better: a one-sided sign
    test (Dixon and Mood, 1946; ties left out), Benjamini and Hochberg over the tasks that were scored.
    """
    if judged is None or judged.void is not None:
        return {}
    found: dict[str, _Fall] = {}
    p_values: dict[str, float] = {}
    for one in sides:
        case = judged.case(one.case.id)
        if case is None or case.reference is None or case.reference.score is None:
            continue
        scores, worse, better = [], 0, 0
        for answer in one.tonight:
            digest = text_digest(answer.measured_text)
            text = next((one for one in case.candidates if one.digest == digest), None)
            drop = case.drop(digest) if text is not None else None
            if text is None or drop is None:
                continue
            scores.append(case.reference.score - drop)
            outcome = text.pair.outcome if text.pair is not None else None
            worse += outcome is PairOutcome.WORSE or text.standing is Standing.NO_CONTENT
            better += outcome is PairOutcome.BETTER
        if not scores:
            continue
        over = drop_rule(points).is_over_limit((case.reference.score,), scores)
        # Within the gate a task counts as p = 1, so that looking at the gate first costs nothing.
        p_values[one.case.id] = float(bdtrc(worse - 1, worse + better, 0.5)) if over and worse else 1.0
        found[one.case.id] = _Fall(
            reference=case.reference.score,
            candidate=fmean(scores),
            over=over,
            beyond=False,
            runs=len(scores),
        )
    adjusted = dict(zip(p_values, benjamini_hochberg_adjusted(list(p_values.values())), strict=True))
    for case_id, p_value in adjusted.items():
        if p_value <= level:
            fall = found[case_id]
            found[case_id] = _Fall(
                reference=fall.reference, candidate=fall.candidate, over=True, beyond=True, runs=fall.runs
            )
    return found


def _numbers(
    case: str,
    slow: Mapping[str, ValueTest],
    wordy: Mapping[str, ValueTest],
    falls: Mapping[str, _Fall],
    *,
    run_again: bool,
    levels: GoldenLevels,
) -> TaskNumbers:
    latency, tokens, fall = _ratio(slow.get(case), "ms"), _ratio(wordy.get(case), "tokens"), falls.get(case)
    because = []
    if latency is not None and latency.beyond:
        because.append(f"takes {latency.candidate / latency.reference:.1f} times as long")
    if tokens is not None and tokens.beyond:
        because.append(f"writes {tokens.candidate / tokens.reference:.1f} times the tokens")
    if fall is not None and fall.beyond:
        because.append(f"the judge gives {fall.candidate:.0f} points, and {fall.reference:.0f} before")
    wants_judging = fall is not None and fall.over and fall.runs < levels.escalate_to
    return TaskNumbers(
        latency=latency,
        tokens=tokens,
        judge=None
        if fall is None
        else JudgedFall(reference=fall.reference, candidate=fall.candidate, beyond=fall.beyond),
        because=tuple(because),
        run_again=run_again or wants_judging,
    )


def _ratio(test: ValueTest | None, unit: str) -> Ratio | None:
    if test is None or test.reference is None or test.candidate is None:
        return None
    return Ratio(reference=test.reference, candidate=test.candidate, unit=unit, beyond=test.regressed)
