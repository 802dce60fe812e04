"""Make the calls of a plan: one owner of retries, total deadlines, adaptive concurrency, budget, journal."""

import asyncio
import random
from asyncio import Future, ensure_future
from collections import deque
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from harness.core.conversation import turn_count
from harness.core.plan import Request, next_request
from harness.core.policy import Limits
from harness.core.replies import Answer, Failure, FailureKind
from harness.core.slimming import slim_completion
from harness.flows.budget import Ledger
from harness.flows.limiter import AdaptiveLimiter
from harness.ports import Clock, Journal, Progress, Provider

MOST_ATTEMPTS = 3
FIRST_BACKOFF_S = 0.5
GRACE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallParts:
    """What calls are made with."""

    providers: Mapping[str, Provider]
    """By target name."""
    journal: Journal
    ledger: Ledger
    limits: Limits
    clock: Clock
    jitter: random.Random
    progress: Progress
    scrub: Callable[[Answer | Failure], Answer | Failure]
    """Take secrets out of what came back, before it is used: memory and disk must say the same."""
    seen_response_ids: AbstractSet[str]
    """Ids of answers in earlier runs: one that comes back was replayed from a cache."""


@dataclass(slots=True, kw_only=True)
class CallResults:
    """What a round of calls gave."""

    completions: dict[str, Answer | Failure]
    """By request key; a request without one was never made."""
    stopped: str | None = None
    """Why requests are left: the budget, the time cap."""
    fatal: dict[str, Failure] = field(default_factory=dict)
    """Targets that cannot answer at all: a rejected key, an unknown model."""


async def make_calls(
    requests: Sequence[Request],
    parts: CallParts,
    *,
    known: Mapping[str, Answer | Failure],
    stop_at: float,
) -> CallResults:
    """Answer every request that `known` does not answer yet.

    `stop_at` is a time on the clock's monotonic scale after which no call starts. Each call is on disk
    as an intent before it leaves, and its completion before it is returned.
    """
    results = CallResults(completions={})
    lanes: dict[str, deque[Request]] = {}
    for first in requests:
        request = unanswered(first, known, results.completions)
        if request is not None:
            lanes.setdefault(lane_of(request), deque()).append(request)
    async with asyncio.TaskGroup() as group:
        for queue in lanes.values():
            limiter, workers = _lane_limits(parts, queue)
            for _ in range(min(workers, len(queue))):
                group.create_task(_work(queue, limiter, parts, results, stop_at))
    return results


def unanswered(
    request: Request,
    known: Mapping[str, Answer | Failure],
    found: MutableMapping[str, Answer | Failure] | None = None,
) -> Request | None:
    """Return the first turn of a request that `known` does not answer, or None; put what it answers into `found`."""
    left: Request | None = request
    while left is not None and (completion := known.get(left.key)) is not None:
        if found is not None:
            found[left.key] = completion
        left = next_request(left, completion) if isinstance(completion, Answer) else None
    return left


def lane_of(request: Request) -> str:
    """Name what shares a rate limit: the provider's part of the model's name, and the endpoint."""
    return f"{request.target.model.split('/', 1)[0]} {request.target.api_base or ''}"


def _lane_limits(parts: CallParts, queue: deque[Request]) -> tuple[AdaptiveLimiter, int]:
    asked = parts.limits.concurrency
    start = parts.providers[queue[0].target_name].traits.concurrency if asked == "auto" else asked
    most = (
        start
        if asked != "auto" or not parts.providers[queue[0].target_name].traits.latency_at_transport
        else 5 * start
    )
    return AdaptiveLimiter(start, most), most


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answered:
    """A call that gave something, on its way to the disk."""

    request: Request
    completion: Answer | Failure
    written: Future[None]


async def _work(
    queue: deque[Request], limiter: AdaptiveLimiter, parts: CallParts, results: CallResults, stop_at: float
) -> None:
    # The line of one call and the intent of the next go to disk together: what is awaited in between is
    # the intent alone, and it is written after the line.
    before: _Answered | None = None
    while queue:
        await limiter.acquire()
        try:
            if not queue:
                break
            request = queue.popleft()
            if request.target_name in results.fatal:
                continue
            affordable = await parts.ledger.reserve_in_turn(request)
            late = parts.clock.monotonic() >= stop_at
            if late or not affordable:
                parts.ledger.release(request)
                results.stopped = (
                    "the time cap was reached" if late else "the next call could have passed the cost cap"
                )
                queue.clear()
                break
            answered = await _answer(request, limiter, parts, results)
        finally:
            limiter.release()
        await _use(before, parts, results)
        before = await _continued(answered, queue, parts, results)
    await _use(before, parts, results)


async def _continued(
    answered: _Answered | None, queue: deque[Request], parts: CallParts, results: CallResults
) -> _Answered | None:
    """Put the next turn of a conversation before all that waits; return what is still to be used."""
    if answered is None or turn_count(answered.request.case) == 1:
        return answered
    await _use(answered, parts, results)
    if isinstance(answered.completion, Answer):
        request = next_request(answered.request, answered.completion)
        if request is not None and not results.stopped:
            queue.appendleft(request)
    return None


async def _answer(
    request: Request, limiter: AdaptiveLimiter, parts: CallParts, results: CallResults
) -> _Answered | None:
    await parts.journal.intend(request.key)
    if (turned_away := results.fatal.get(request.target_name)) is not None:
        # Said on disk, too: an intent without an end looks like a call that a kill cut off, and may be billed.
        never_made = turned_away.model_copy(update={"attempts": 0})
        parts.ledger.release(request)
        written = ensure_future(parts.journal.record(request.key, never_made))
        return _Answered(request=request, completion=never_made, written=written)
    completion = parts.scrub(_unless_replayed(await _ask(request, limiter, parts, results), request, parts))
    if isinstance(completion, Failure) and completion.kind.ends_target:
        results.fatal.setdefault(request.target_name, completion)
    written = ensure_future(parts.journal.record(request.key, completion))
    parts.ledger.settle(request, completion)
    return _Answered(request=request, completion=completion, written=written)


async def _use(answered: _Answered | None, parts: CallParts, results: CallResults) -> None:
    """Hand a completion on once its line is on disk."""
    if answered is None:
        return
    await answered.written
    results.completions[answered.request.key] = answered.completion
    parts.progress.finished_call(answered.request, answered.completion)


async def _ask(
    request: Request, limiter: AdaptiveLimiter, parts: CallParts, results: CallResults
) -> Answer | Failure:
    """Ask until there is an answer, a failure that asking again cannot mend, no time or no money."""
    provider, clock = parts.providers[request.target_name], parts.clock
    deadline = clock.monotonic() + parts.limits.timeout_s
    attempt = made = 0
    while True:
        attempt += 1
        completion = await _attempt(provider, request, max(0.001, deadline - clock.monotonic()))
        made += completion.attempts
        counted = _counted(completion, made)
        if isinstance(counted, Answer):
            limiter.succeeded()
            return counted
        if counted.kind is FailureKind.RATE_LIMITED:
            limiter.slow_down()
        pause = _pause(counted, attempt, parts.jitter)
        if not counted.kind.retryable or attempt == MOST_ATTEMPTS or clock.monotonic() + pause >= deadline:
            return counted
        await asyncio.sleep(pause)
        if request.target_name in results.fatal:
            return counted
        if counted.kind.may_be_billed and not parts.ledger.lose(request):
            return counted


def _counted(completion: Answer | Failure, attempts: int) -> Answer | Failure:
    """Return a completion with its number of requests."""
    counted = completion.model_copy(update={"attempts": attempts})
    slim_completion(counted)  # it stays in memory to the end of the run
    return counted


async def _attempt(provider: Provider, request: Request, deadline_s: float) -> Answer | Failure:
    try:
        async with asyncio.timeout(deadline_s + GRACE_S):
            return await provider.complete(request, deadline_s=deadline_s)
    except TimeoutError:
        return Failure(kind=FailureKind.TIMEOUT, detail=f"no answer within {deadline_s:.0f} s")
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        # A response that a provider's reader did not expect is one failed call, not the end of the night.
        return Failure(kind=FailureKind.MALFORMED, detail=f"cannot be read: {type(error).__name__}")
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # Nobody cancelled us: it leaked out of the provider, and would end this worker without a word.
        return Failure(kind=FailureKind.TRANSPORT, detail="the client library cancelled the call")


def _pause(failure: Failure, attempt: int, jitter: random.Random) -> float:
    if failure.retry_after_s is not None:
        return failure.retry_after_s + jitter.random() * 0.1
    return FIRST_BACKOFF_S * 2.0 ** (attempt - 1) * (0.5 + jitter.random())


def _unless_replayed(completion: Answer | Failure, request: Request, parts: CallParts) -> Answer | Failure:
    replays = parts.providers[request.target_name].traits.replays
    if isinstance(completion, Failure) or replays or completion.response_id not in parts.seen_response_ids:
        return completion
    return Failure(
        kind=FailureKind.REPLAYED,
        detail=f"response id {completion.response_id} was seen in an earlier run: a cache answered",
        attempts=completion.attempts,
    )
