"""What a response that is no answer means: one reading of HTTP errors for every provider."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from harness.core.replies import Answer, Failure, FailureKind, FinishReason
from harness.edges.redaction import Redactor

LONGEST_DETAIL = 300
MOST_ERROR_BYTES = 65_536
# `user:password@` of an address, such as a proxy's, with or without a scheme.
_USERINFO = re.compile(r"(?<=//)[^/\s@]{1,200}@|\b[^\s/:@'\"]{1,100}:[^\s/@'\"]{1,200}@(?=[\w.\[-])")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpError:
    """A response with an error in it. Header names are in lower case."""

    status: int
    body: str
    headers: Mapping[str, str]


def failure(
    kind: FailureKind,
    detail: str,
    redactor: Redactor,
    *,
    status: int | None = None,
    retry_after_s: float | None = None,
    attempts: int = 1,
) -> Failure:
    """Return a failure whose detail is on one line, without secrets, and at most `LONGEST_DETAIL` characters."""
    words = " ".join(_USERINFO.sub("[CREDENTIALS]@", redactor.redact(detail[:MOST_ERROR_BYTES])).split())
    said = words if words.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in words)
    cut = said if len(said) <= LONGEST_DETAIL else said[: LONGEST_DETAIL - 1] + "…"
    return Failure(kind=kind, detail=cut, status=status, retry_after_s=retry_after_s, attempts=attempts)


def transport_failure(
    error: BaseException, address: str, redactor: Redactor, *, status: int | None = None
) -> Failure:
    """Return the failure of a connection to `address`, a URL: its host and port are said, its credentials never."""
    said, place = f"{type(error).__name__}: {error}", host_and_port(address)
    at = "" if place in said else f" ({place})"
    return failure(FailureKind.TRANSPORT, f"{said}{at}", redactor, status=status)


def host_and_port(address: str) -> str:
    """Return ``host:port`` of a URL, empty where it has none."""
    try:
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return ""
    return f"{parts.hostname}:{port}" if parts.hostname else ""


def read_http_error(error: HttpError, redactor: Redactor, *, now: datetime) -> Answer | Failure:
    """Say what an HTTP error means. A content filter is an answer: the provider refused, and says so."""
    said = _read_body(error.body)
    if error.status not in _NEVER_FILTERED and said.names_any(_FILTERED, _FILTERED_SENTENCES):
        return Answer(text="", finish_reason=FinishReason.CONTENT_FILTER)
    kind = _kind(error.status, said)
    waits = kind in (FailureKind.RATE_LIMITED, FailureKind.SERVER_ERROR, FailureKind.TIMEOUT)
    retry_after_s = (read_retry_after(error.headers, now=now) or said.retry_after_s) if waits else None
    detail = said.message or f"HTTP {error.status} with an empty body"
    return failure(kind, detail, redactor, status=error.status, retry_after_s=retry_after_s)


def read_retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Return the seconds to wait that a response asks for: milliseconds, seconds, or an HTTP date.

    A date counts from the response's own `Date`, so that a wrong clock here does no harm. A LiteLLM gateway
    hands on what the provider behind it asked for under a name of its own.
    """
    for relayed in ("", "llm_provider-"):
        for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
            seconds = _number(headers.get(relayed + name), unit)
            if seconds is not None:
                return seconds
        until = _http_date(headers.get(f"{relayed}retry-after"))
        if until is not None:
            return max(0.0, (until - (_http_date(headers.get("date")) or now)).total_seconds())
    return None


def read_gateway(headers: Mapping[str, str], redactor: Redactor, *, status: int | None) -> Failure | None:
    """Return why an answer through a LiteLLM gateway is no sample: another model gave it, or a cache; or None."""
    if used_fallback(headers):
        detail = "the gateway answered from a fallback model"
        return failure(FailureKind.FALLBACK, detail, redactor, status=status)
    if used_cache(headers):
        detail = "the gateway answered from its cache; set options: {gateway: true} so that it is told not to"
        return failure(FailureKind.REPLAYED, detail, redactor, status=status)
    return None


def used_cache(headers: Mapping[str, str]) -> bool:
    """Say whether a LiteLLM gateway answered from its cache: only then it names the key."""
    key, hit = (headers.get(f"x-litellm-cache-{name}", "").strip() for name in ("key", "hit"))
    return key not in ("", "None") or hit.lower() == "true"


def used_fallback(headers: Mapping[str, str]) -> bool:
    """Say whether a LiteLLM gateway tried another model than the one asked for."""
    return headers.get("x-litellm-attempted-fallbacks", "0").strip() not in ("", "0", "None")


# A filter is reported with these codes: OpenAI, Azure (outer and inner), LiteLLM gateways.
_FILTERED = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "responsibleaipolicyviolation",
        "contentpolicyviolationerror",
    }
)
# … and in these sentences where there is no code: Azure, Anthropic, OpenAI, LiteLLM gateways.
_FILTERED_SENTENCES = (
    "azure openai's content management policy",
    "content management policy. please modify your prompt",
    "output blocked by content filtering policy",
    "flagged as potentially violating our usage policy",
    "rejected as a result of our safety system",
    "litellm.contentpolicyviolationerror: ",
)
_NEVER_FILTERED = frozenset({401, 402, 404, 408, 429, *range(500, 600)})
_QUOTA = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "budget_exceeded"}
)
_QUOTA_SENTENCES = (
    "credit balance is too low",
    "insufficient balance",
    "exceededbudget",
    "budget has been exceeded",
)
# The last is what a LiteLLM gateway without a database says of every key but its own.
_BAD_KEY = frozenset({"invalid_api_key", "api_key_invalid", "no_db_connection"})
_BAD_KEY_SENTENCES = ("api key not valid", "incorrect api key provided", "invalid x-api-key")
_NO_MODEL = frozenset({"model_not_found", "deploymentnotfound", "model_not_available"})
_NO_MODEL_SENTENCES = ("invalid model name passed in", "is not a valid model id", "model does not exist")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What an error body says, whoever wrote it."""

    message: str
    codes: frozenset[str]
    retry_after_s: float | None = None
    per_day: bool = False

    def names_any(self, codes: frozenset[str], sentences: tuple[str, ...]) -> bool:
        message = self.message.lower()
        return not self.codes.isdisjoint(codes) or any(sentence in message for sentence in sentences)


def _kind(status: int, said: _Said) -> FailureKind:
    if status == 402 or said.per_day or said.names_any(_QUOTA, _QUOTA_SENTENCES):
        return FailureKind.QUOTA
    if status in (401, 403) or (status == 400 and said.names_any(_BAD_KEY, _BAD_KEY_SENTENCES)):
        return FailureKind.AUTHENTICATION
    if status == 404 or (status == 400 and said.names_any(_NO_MODEL, _NO_MODEL_SENTENCES)):
        return FailureKind.UNKNOWN_MODEL
    if status == 429:
        return FailureKind.RATE_LIMITED
    if status in (
        408,
        504,
    ):  # a gateway that waited no longer: the model may have answered, and cost something
        return FailureKind.TIMEOUT
    if status >= 500:
        return FailureKind.SERVER_ERROR
    return FailureKind.BAD_REQUEST if status >= 300 else FailureKind.MALFORMED


def _read_body(body: str) -> _Said:
    try:
        payload: object = json.loads(body)
    except (ValueError, RecursionError):
        return _Said(message=body, codes=frozenset())
    if isinstance(payload, list) and payload:
        payload = payload[0]
    error = payload.get("error", payload) if isinstance(payload, dict) else payload
    if not isinstance(error, dict):
        return _Said(message=str(error), codes=frozenset())
    inner = error.get("innererror")
    details = (
        [detail for detail in error.get("details") or () if isinstance(detail, dict)]
        if _listed(error)
        else []
    )
    named = [error.get("code"), error.get("type"), *(detail.get("reason") for detail in details)]
    named += [inner.get("code")] if isinstance(inner, dict) else []
    codes = frozenset(code.lower() for code in named if isinstance(code, str))
    message = error.get("message") or error.get("detail") or body
    return _Said(
        message=message if isinstance(message, str) else json.dumps(message),
        codes=codes,
        retry_after_s=next((s for d in details if (s := _google_delay(d)) is not None), None),
        per_day=any("PerDay" in str(d.get("violations", "")) for d in details),
    )


def _listed(error: Mapping[str, object]) -> bool:
    return isinstance(error.get("details"), list)


def _google_delay(detail: Mapping[str, object]) -> float | None:
    delay = detail.get("retryDelay")
    return _number(delay[:-1], 1.0) if isinstance(delay, str) and delay.endswith("s") else None


def _number(text: str | None, unit: float) -> float | None:
    try:
        value = float(text or "") * unit
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _http_date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):  # the latter for a year or an hour of twenty digits
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
