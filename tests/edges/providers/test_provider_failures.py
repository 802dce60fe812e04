"""One reading of HTTP errors: what each provider's words end in."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.replies import Answer, Failure, FailureKind, FinishReason
from harness.edges.providers.failures import (
    HttpError,
    failure,
    host_and_port,
    read_http_error,
    read_retry_after,
    transport_failure,
    used_fallback,
)
from harness.edges.redaction import Redactor

NOW = datetime(2026, 10, 21, 7, 28, tzinfo=UTC)
GOOGLE_LIMIT = (
    '{"error": {"code": 429, "message": "You exceeded your current quota", "status": "RESOURCE_EXHAUSTED", "details": ['
    '{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPer%sPerProject"}]},'
    '{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "27s"}]}}'
)


def read(status: int, body: str, **headers: str) -> Answer | Failure:
    return read_http_error(HttpError(status=status, body=body, headers=headers), Redactor({}), now=NOW)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, '{"error": {"code": "insufficient_quota", "message": "m"}}', FailureKind.QUOTA),
        (402, '{"error": {"message": "Insufficient Balance"}}', FailureKind.QUOTA),
        (
            400,
            '{"error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}}',
            FailureKind.QUOTA,
        ),
        (429, GOOGLE_LIMIT % "Day", FailureKind.QUOTA),
        (429, GOOGLE_LIMIT % "Minute", FailureKind.RATE_LIMITED),
        (
            400,
            '{"error": {"message": "bad", "details": [{"reason": "API_KEY_INVALID"}]}}',
            FailureKind.AUTHENTICATION,
        ),
        (400, '{"error": {"message": "Invalid model name passed in model=x"}}', FailureKind.UNKNOWN_MODEL),
        (404, '{"error": {"code": "DeploymentNotFound", "message": "m"}}', FailureKind.UNKNOWN_MODEL),
        (408, "", FailureKind.TIMEOUT),
        (504, "<html>gateway</html>", FailureKind.TIMEOUT),
        (422, '{"detail": [{"loc": ["body", "x"]}]}', FailureKind.BAD_REQUEST),
        (400, '[{"error": {"code": 400, "message": "in a list"}}]', FailureKind.BAD_REQUEST),
        (400, '{"error": "as a text"}', FailureKind.BAD_REQUEST),
        (400, '{"error": {"message": "the prompt says content_filter"}}', FailureKind.BAD_REQUEST),
        (429, '{"error": {"code": "content_filter", "message": "m"}}', FailureKind.RATE_LIMITED),
        (400, "[" * 100_000, FailureKind.BAD_REQUEST),
    ],
)
def test_an_error_has_one_meaning(status: int, body: str, kind: FailureKind) -> None:
    reply = read(status, body)
    assert isinstance(reply, Failure)
    assert (reply.kind, reply.status) == (kind, status)
    assert reply.detail


@pytest.mark.parametrize(
    "body",
    [
        '{"error": {"code": "content_filter", "message": "m"}}',
        '{"error": {"code": "x", "message": "m", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}',
        '{"error": {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"}}',
        '{"error": {"code": "content_policy_violation", "message": "Your request was rejected"}}',
    ],
)
def test_a_content_filter_is_an_answer(body: str) -> None:
    assert read(400, body) == Answer(text="", finish_reason=FinishReason.CONTENT_FILTER)


def test_google_says_when_to_come_back_in_the_body() -> None:
    reply = read(429, GOOGLE_LIMIT % "Minute")
    assert isinstance(reply, Failure)
    assert reply.retry_after_s == 27


def test_who_need_not_be_asked_again_names_no_time() -> None:
    reply = read(429, '{"error": {"code": "insufficient_quota", "message": "m"}}', **{"retry-after": "5"})
    assert isinstance(reply, Failure)
    assert reply.retry_after_s is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:20 GMT"}, 10.0),
        ({"retry-after": "Wed, 21 Oct 2020 07:28:30 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT"}, None),
        ({"retry-after": f"Mon, 01 Jan 2026 {'9' * 20}:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_each_form(headers: dict[str, str], seconds: float | None) -> None:
    assert read_retry_after(headers, now=NOW) == seconds


@pytest.mark.parametrize(
    ("value", "used"), [(None, False), ("0", False), ("None", False), ("1", True), ("2", True)]
)
def test_an_attempted_fallback_shows_in_the_headers(value: str | None, used: bool) -> None:
    assert used_fallback({} if value is None else {"x-litellm-attempted-fallbacks": value}) is used


@given(
    text=st.text()
    | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,30} [A-Z][a-z]{2} [0-9]{1,30} [0-9:]{1,30} [A-Z+0-9]*")
)
def test_whatever_retry_after_says_is_a_time_to_wait_or_none(text: str) -> None:
    seconds = read_retry_after({"retry-after": text, "date": text}, now=NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("no way to http://robot:hunter2-hunter2@proxy.test:3128", "proxy.test:3128"),
        ("no way to robot:hunter2-hunter2@proxy.test:3128", "proxy.test:3128"),
        ("no way to 'robot:hunter2-hunter2@[::1]:3128'", "[::1]:3128"),
        ("https://hunter2-hunter2@models.test/v1 is down", "models.test/v1"),
    ],
)
def test_the_credentials_of_an_address_are_never_told(said: str, kept: str) -> None:
    told = failure(FailureKind.TRANSPORT, said, Redactor({})).detail
    assert "hunter2" not in told
    assert kept in told


def test_an_address_without_credentials_stays_as_it_is() -> None:
    said = "Cannot connect to host models.test:8000, see https://models.test/help"
    assert failure(FailureKind.TRANSPORT, said, Redactor({})).detail == said


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://127.0.0.1:8000/v1/chat", "127.0.0.1:8000"),
        ("https://robot:secret-secret@models.test/v1", "models.test:443"),
        ("http://models.test", "models.test:80"),
        ("http://[::1", ""),
        ("", ""),
    ],
)
def test_a_connection_that_fails_names_its_host_and_port(url: str, place: str) -> None:
    assert host_and_port(url) == place
    told = transport_failure(ConnectionResetError("gone"), url, Redactor({})).detail
    assert told == ("ConnectionResetError: gone" + (f" ({place})" if place else ""))
    again = transport_failure(ConnectionResetError(f"no {place}"), url, Redactor({})).detail
    assert again.count(place or "no") == 1
