"""Ask a judge: through the same calls as everything else, so that journal, budget, retries and deadlines hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.core.judged_runs import judge_items, judge_options
from harness.core.judging.keys import is_judge_key
from harness.core.judging.planning import (
    JUDGE_CASE_ID,
    MOST_ASKED,
    JudgeItem,
    JudgeOptions,
    JudgePlan,
    judge_requests,
    most_questions,
    plan_judging,
)
from harness.core.judging.reading import judged, to_ask_again
from harness.core.judging.records import Judged
from harness.core.plan import Estimate, Request, output_limit
from harness.core.replies import Answer, Failure
from harness.core.run import JudgeSetup, RunRecord
from harness.core.suite import Price
from harness.flows.budget import cost
from harness.flows.calls import CallParts, CallResults, make_calls

Completions = dict[str, Answer | Failure]
_USUAL_INPUT = 1200.0
"""Tokens of a question: the judge's instructions, a rubric and two answers."""
_USUAL_TOKENS = 150.0
"""Of a reply: the prompt asks for at most 100 words of rationale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeResult:
    """What a judge said, and the replies that say it."""

    judged: Judged
    completions: Mapping[str, Answer | Failure]
    """By journal key; with the same items and options, `judged_again` reads the same out of them."""


async def judge(
    items: Sequence[JudgeItem],
    options: JudgeOptions,
    parts: CallParts,
    *,
    known: Mapping[str, Answer | Failure],
    stop_at: float,
) -> JudgeResult:
    """Ask what `known` does not answer yet, and once more what was answered with no verdict.

    With nothing to judge nothing is asked. A judge that fails raises nothing: its verdicts are missing, and
    `judged.void` says so. `parts` needs the provider and the price of `options.target_name`.
    """
    plan = plan_judging(items, options)
    completions: Completions = {}
    stopped: str | None = None
    for ask in range(MOST_ASKED):
        questions = plan.questions if ask == 0 else to_ask_again(plan, completions)
        requests = judge_requests(plan, questions, ask=ask)
        if not requests or stopped is not None:
            break
        results = await _asked(requests, parts, known, stop_at)
        completions.update(results.completions)
        stopped = results.stopped
        if results.fatal:
            break
    return JudgeResult(judged=judged(plan, completions, stopped=stopped), completions=completions)


async def judge_run(
    record: RunRecord, parts: CallParts, completions: Completions, stop_at: float
) -> str | None:
    """Have the answers of a run judged that deserve it, and add what came back to `completions`.

    Return why questions are left, or None: the budget, the time cap. A judge that turned this run away for good is
    asked no more.
    """
    manifest = record.manifest
    for target in manifest.targets:
        items = judge_items(record, target.name)
        if items and not _is_turned_away(completions):
            result = await judge(items, judge_options(manifest), parts, known=completions, stop_at=stop_at)
            completions.update(result.completions)
            if result.judged.stopped is not None:
                return result.judged.stopped
    return None


def _is_turned_away(completions: Completions) -> bool:
    return any(
        isinstance(given, Failure) and given.kind.ends_target
        for key, given in completions.items()
        if is_judge_key(key)
    )


def judge_requests_of(record: RunRecord, known: Mapping[str, Answer | Failure]) -> Iterator[Request]:
    """Yield the calls to the judge that an earlier attempt at a run may have made, for its cost."""
    manifest = record.manifest
    if manifest.judge is None:
        return
    for target in manifest.targets:
        items = judge_items(record, target.name)
        if items:
            yield from possible_judge_requests(plan_judging(items, judge_options(manifest)), known)


def with_judge(
    estimate: Estimate, setup: JudgeSetup, price: Price | None, *, tasks: int, samples: int
) -> Estimate:
    """Add what judging so many tasks with a rubric may cost: at most every answer is new; about half of them are."""
    options = JudgeOptions(
        run="",
        target_name=setup.name,
        target=setup.target,
        both_orders=setup.both_orders,
        anchors=setup.anchors,
    )
    most = most_questions(tasks, samples, options)
    known = price or Price(input_usd_per_million=0, output_usd_per_million=0)
    once = cost(known, _USUAL_INPUT, _USUAL_TOKENS)
    return replace(
        estimate,
        judge_calls=most,
        first_usd=estimate.first_usd + most / 2 * once,
        expected_usd=estimate.expected_usd + most / 2 * once,
        worst_usd=estimate.worst_usd + most * cost(known, 2 * _USUAL_INPUT, output_limit(options.target)),
    )


def judged_again(
    items: Sequence[JudgeItem],
    options: JudgeOptions,
    completions: Mapping[str, Answer | Failure],
    *,
    stopped: str | None = None,
) -> Judged:
    """Read once more what a judge said in a run that is over; no call is made."""
    return judged(plan_judging(items, options), completions, stopped=stopped)


def possible_judge_requests(plan: JudgePlan, known: Mapping[str, Answer | Failure]) -> tuple[Request, ...]:
    """Return the calls that an earlier attempt at a run may have made, for its cost."""
    return (*judge_requests(plan), *judge_requests(plan, to_ask_again(plan, known), ask=1))


def usual_judge_output(options: JudgeOptions) -> Mapping[str, Mapping[str, float]]:
    """Return how many tokens a judge's reply has, by target and the case that stands in for it, for an estimate."""
    return {options.target_name: {JUDGE_CASE_ID: _USUAL_TOKENS}}


async def _asked(
    requests: Sequence[Request], parts: CallParts, known: Mapping[str, Answer | Failure], stop_at: float
) -> CallResults:
    missing = sum(request.key not in known for request in requests)
    if missing:
        await parts.providers[requests[0].target_name].prepare()
    recorded = len(requests) - missing
    parts.progress.started(
        len(requests), f"to the judge{f', {recorded} recorded before' if recorded else ''}"
    )
    return await make_calls(requests, parts, known=known, stop_at=stop_at)
