"""What a fault looks like to a caller in process."""

from harness.core.replies import Answer, Failure, FailureKind, FinishReason
from harness.simulator.spec import Fault, FaultKind

NEVER_ANSWERS = (FaultKind.HANG, FaultKind.DRIP)
"""Faults that end when the caller's patience does."""

_FAILURES: dict[FaultKind, tuple[FailureKind, int | None, str]] = {
    FaultKind.RATE_LIMITED: (FailureKind.RATE_LIMITED, 429, "rate limit reached"),
    FaultKind.SERVER_ERROR: (FailureKind.SERVER_ERROR, 500, "internal server error"),
    FaultKind.UNAVAILABLE: (FailureKind.SERVER_ERROR, 503, "service unavailable"),
    FaultKind.OVERLOADED: (FailureKind.SERVER_ERROR, 529, "overloaded"),
    FaultKind.TIMEOUT: (FailureKind.TIMEOUT, 504, "gateway timeout"),
    FaultKind.HANG: (FailureKind.TIMEOUT, None, "no answer within the deadline"),
    FaultKind.DRIP: (FailureKind.TIMEOUT, 200, "the body did not end within the deadline"),
    FaultKind.RESET: (FailureKind.TRANSPORT, None, "connection reset by peer"),
    FaultKind.CUT_OFF: (FailureKind.TRANSPORT, 200, "the body ended before its announced length"),
    FaultKind.GARBAGE: (FailureKind.MALFORMED, 200, "the body is not JSON"),
    FaultKind.HTML: (FailureKind.MALFORMED, 200, "the body is a web page"),
    FaultKind.OVERSIZED: (FailureKind.TOO_LARGE, 200, "the body is larger than allowed"),
    FaultKind.EMPTY_CHOICES: (FailureKind.EMPTY_CHOICES, 200, "no choice in the answer"),
    FaultKind.UNAUTHORIZED: (FailureKind.AUTHENTICATION, 401, "incorrect API key provided"),
    FaultKind.UNKNOWN_MODEL: (FailureKind.UNKNOWN_MODEL, 404, "the model does not exist"),
    FaultKind.QUOTA: (FailureKind.QUOTA, 429, "insufficient quota"),
    FaultKind.FALLBACK: (FailureKind.FALLBACK, 200, "answered by a fallback of the gateway"),
}


def failure(fault: Fault) -> Failure | None:
    """Return what a fault ends in, or None where it still gives an answer."""
    found = _FAILURES.get(fault.kind)
    if found is None:
        return None
    kind, status, detail = found
    return Failure(kind=kind, detail=f"simulated: {detail}", status=status, retry_after_s=fault.retry_after_s)


def spoilt(answer: Answer, fault: Fault) -> Answer:
    """Return an answer as a fault leaves it, where the fault still gives one."""
    match fault.kind:
        case FaultKind.EMPTY_TEXT:
            changes: dict[str, object] = {"text": "", "tool_calls": (), "logprobs": ()}
        case FaultKind.CONTENT_FILTER | FaultKind.CONTENT_FILTER_400:
            changes = {
                "text": "",
                "tool_calls": (),
                "logprobs": (),
                "finish_reason": FinishReason.CONTENT_FILTER,
            }
        case FaultKind.REPLAYED:
            changes = {"response_id": "sim-replayed"}
        case _:
            changes = {}
    return answer.model_copy(update=changes)
