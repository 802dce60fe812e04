"""The webhook: what it sends, to whom, how often, and what it never does. A real receiver on loopback."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from harness.core.incident_news import Notice
from harness.edges.sinks import Places
from harness.edges.sinks.webhook import MOST_ATTEMPTS, Webhook, open_notifier
from harness.errors import MissingKey, NotDelivered
from tests.support.fakes import RunningClock
from tests.support.receiver import Receiver, Reply, receiving

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
CLOCK = RunningClock(NOW)
NOTICE = Notice(key="canary-sonnet-20261121/opened", title="t", text="x", payload={"id": "k", "text": "ü<"})
SECRET = base64.b64encode(b"s" * 24).decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def sender(url: str, waited: list[float] | None = None, **secret: str) -> Webhook:
    places = Places(url_env="WHERE", secret_env="SECRET" if secret else None)
    hook = open_notifier(places, {"WHERE": url, **secret}, CLOCK, str)
    hook.sleep = (waited if waited is not None else []).append
    return hook


def test_the_message_is_json_with_its_key_in_the_headers(receiver: Receiver) -> None:
    sender(f"{receiver.url}/a/b?c=d").deliver(NOTICE)
    ((path, headers, body),) = receiver.asked
    assert path == "/a/b?c=d"
    assert json.loads(body) == {"id": "k", "text": "ü<"}
    assert headers["content-type"] == "application/json"
    assert headers["idempotency-key"] == headers["webhook-id"] == NOTICE.key
    assert "webhook-signature" not in headers


def test_words_of_the_address_stay_in_the_message(receiver: Receiver) -> None:
    payload = {"incident": {"id": "canary-sonnet-20261121"}, "event": "incident.opened", "text": "canary"}
    notice = Notice(key="canary-sonnet-20261121/opened", title="t", text="x", payload=payload)
    sender(f"{receiver.url}/canary/incident?event=opened").deliver(notice)
    ((_, _, body),) = receiver.asked
    assert json.loads(body) == payload


@pytest.mark.parametrize(("value", "key"), [(f"whsec_{SECRET}", b"s" * 24), ("plain words", b"plain words")])
def test_a_secret_signs_it_as_standard_webhooks_has_it(receiver: Receiver, value: str, key: bytes) -> None:
    sender(receiver.url, SECRET=value).deliver(NOTICE)
    ((_, headers, body),) = receiver.asked
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(headers["webhook-timestamp"]) - NOW.timestamp()) < 3600


@pytest.mark.parametrize("value", ["", "whsec_not base64"])
def test_a_secret_that_is_none_is_refused(receiver: Receiver, value: str) -> None:
    with pytest.raises(MissingKey, match="SECRET"):
        sender(receiver.url, SECRET=value)


def test_a_busy_receiver_is_asked_again_after_as_long_as_it_says(receiver: Receiver) -> None:
    in_a_while = format_datetime(NOW + timedelta(seconds=20), usegmt=True)
    receiver.replies += [
        Reply(status=429, headers={"Retry-After": "7"}),
        Reply(status=503, headers={"Retry-After": in_a_while}),
        Reply(status=500),
        Reply(status=200, body=b"ok"),
    ]
    waited: list[float] = []
    sender(receiver.url, waited).deliver(NOTICE)
    assert len(receiver.asked) == 4
    assert len({headers["idempotency-key"] for _, headers, _ in receiver.asked}) == 1
    assert waited[0] == 7
    assert 0 < waited[1] <= 20
    assert len(receiver.taken) == 1


def test_one_that_stays_busy_is_given_up(receiver: Receiver) -> None:
    receiver.replies += [Reply(status=503)] * 10
    with pytest.raises(NotDelivered, match=f"answered 503, {MOST_ATTEMPTS} times"):
        sender(receiver.url).deliver(NOTICE)
    assert len(receiver.asked) == MOST_ATTEMPTS


def test_more_patience_than_there_is_ends_at_once(receiver: Receiver) -> None:
    receiver.replies.append(Reply(status=429, headers={"Retry-After": "9999"}))
    with pytest.raises(NotDelivered, match="429, 1 times"):
        sender(receiver.url).deliver(NOTICE)


def test_a_connection_that_breaks_is_tried_again(receiver: Receiver) -> None:
    receiver.replies.append(Reply(status=200, hangs_up=True))
    sender(receiver.url).deliver(NOTICE)
    assert len(receiver.asked) == 2


def test_a_redirect_on_the_same_host_is_followed_with_the_message(receiver: Receiver) -> None:
    receiver.replies.append(Reply(status=308, headers={"Location": "/new"}))
    sender(f"{receiver.url}/old").deliver(NOTICE)
    assert [path for path, _, _ in receiver.asked] == ["/old", "/new"]
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_leads_to_another_host(receiver: Receiver, status: int) -> None:
    with receiving() as other:
        receiver.replies.append(Reply(status=status, headers={"Location": f"{other.url}/stolen"}))
        with pytest.raises(NotDelivered, match="redirects"):
            sender(receiver.url).deliver(NOTICE)
        assert other.asked == []


def test_redirects_in_a_circle_end(receiver: Receiver) -> None:
    receiver.replies += [Reply(status=307, headers={"Location": "/"})] * 9
    with pytest.raises(NotDelivered, match="without end"):
        sender(receiver.url).deliver(NOTICE)
    assert len(receiver.asked) <= 4


@pytest.mark.parametrize("url", ["http://hooks.example.org/x", "http://10.0.0.7/x", "ftp://127.0.0.1/x"])
def test_it_sends_over_tls_or_to_this_machine(url: str) -> None:
    with pytest.raises(MissingKey, match="https only"):
        sender(url)


def test_nobody_there_is_said_without_the_address(receiver: Receiver) -> None:
    with pytest.raises(NotDelivered, match="cannot be reached") as raised:
        sender("http://127.0.0.1:9/hidden-path-1234").deliver(NOTICE)
    assert "hidden-path" not in str(raised.value)
