"""One JSON POST to an address of the user's, signed where there is a secret.

The address is a secret itself: it is read from the environment, sent to over TLS (or to this machine) and never shown.
Headers and signature are those of Standard Webhooks (https://www.standardwebhooks.com, version 1): `webhook-id`,
`webhook-timestamp`, and `webhook-signature`, an HMAC-SHA256 of ``ID.TIMESTAMP.BODY`` in base64, so that libraries for
it verify ours. `Idempotency-Key` holds the id once more.
"""

import base64
import binascii
import hashlib
import hmac
import json
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import httpx

from harness.core.incident_news import Notice
from harness.edges.redaction import Redactor
from harness.edges.sinks import Places
from harness.edges.sinks.github_address import is_this_machine
from harness.errors import MissingKey, NotDelivered, one_line
from harness.ports import Clock

MOST_ATTEMPTS = 5
DEADLINE_S = 120.0
CALL_S = 20.0
MOST_REDIRECTS = 3
MOST_ANSWER_BYTES = 100_000
_LONGEST_ERROR = 200
_AGAIN = (408, 425, 429, 500, 502, 503, 504, 529)
_SAME_METHOD = (307, 308)
_SIGNED_PREFIX = "whsec_"


def open_notifier(
    places: Places, environment: Mapping[str, str], clock: Clock, redact: Callable[[str], str]
) -> "Webhook":
    """Make the notifier. Raises SetupError for what is not set, or is no address to send to; no value is shown."""
    url = environment.get(places.url_env, "").strip()
    if not url:
        raise MissingKey(f"{places.url_env} is not set; it has to hold the address of the webhook")
    said = environment.get(places.secret_env or "", "").strip()
    secret = _secret(said, places.secret_env) if places.secret_env is not None else b""
    signed = {places.secret_env: said} if places.secret_env and said else {}
    whole = Redactor({places.url_env: url, **signed})
    hidden = Redactor({**_named_parts(url, places.url_env), **signed})
    return Webhook(
        url=_address(url, places.url_env),
        destination=f"webhook:{places.url_env}",
        secret=secret,
        clock=clock,
        redact_body=lambda text: redact(whole.redact_values(text)),
        redact=lambda text: redact(hidden.redact_values(text)),
    )


@dataclass(kw_only=True)
class Webhook:
    """Posts messages to one address, each with a deadline over all of its attempts. A `Notifier`."""

    url: str = field(repr=False)
    destination: str
    secret: bytes = field(repr=False)
    clock: Clock
    redact_body: Callable[[str], str]
    """Of what is sent. Not the parts of the address: `…/drift/incident` must not take the words out of a message."""
    redact: Callable[[str], str]
    """Of what the receiver says, which may be parts of the address."""
    sleep: Callable[[float], None] = time.sleep
    jitter: random.Random = field(default_factory=random.Random)
    deadline_s: float = DEADLINE_S
    call_s: float = CALL_S

    def deliver(self, notice: Notice) -> None:
        """Post one message; again where the other side is busy. Raises NotDelivered."""
        body = self.redact_body(json.dumps(notice.payload, ensure_ascii=True, sort_keys=True)).encode()
        ends = self.clock.monotonic() + self.deadline_s
        # A proxy would read what goes to this machine without TLS.
        local = is_this_machine(urlsplit(self.url).hostname or "")
        with httpx.Client(follow_redirects=False, trust_env=not local) as client:
            for attempt in range(1, MOST_ATTEMPTS + 1):
                wait = 0.0
                try:
                    status, after, said = self._once(client, body, notice.key, ends)
                except httpx.HTTPError as error:
                    trouble = f"cannot be reached ({type(error).__name__})"
                else:
                    if 200 <= status < 300:
                        return
                    trouble = f"answered {status}"
                    if status not in _AGAIN:
                        raise NotDelivered(self._said(f"{trouble}, so nothing was delivered: {said}"))
                    wait = after or 0.0
                wait = wait or min(2 ** (attempt - 1), 8) * (1 + self.jitter.random() / 4)
                if attempt == MOST_ATTEMPTS or self.clock.monotonic() + wait >= ends:
                    raise NotDelivered(self._said(f"{trouble}, {attempt} times; run it again later"))
                self.sleep(wait)

    def _once(
        self, client: httpx.Client, body: bytes, key: str, ends: float
    ) -> tuple[int, float | None, str]:
        """Send once; return the status, how long it asks to wait, and what it said. Raises httpx.HTTPError."""
        url = self.url
        for _ in range(MOST_REDIRECTS + 1):
            left = min(self.call_s, ends - self.clock.monotonic())
            if left <= 0:
                raise NotDelivered(self._said(f"took over {self.deadline_s:g} s"))
            until = self.clock.monotonic() + left
            request = client.build_request("POST", url, content=body, headers=self._headers(key, body))
            request.extensions["timeout"] = httpx.Timeout(max(0.05, left)).as_dict()
            response = client.send(request, stream=True)
            try:
                if 300 <= response.status_code < 400:
                    url = self._next(url, response)
                    continue
                return response.status_code, self._after(response), self._answer(response, until)
            finally:
                response.close()
        raise NotDelivered(self._said("redirects without end"))

    def _headers(self, key: str, body: bytes) -> dict[str, str]:
        at = str(int(self.clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "drift-harness",
            "Idempotency-Key": key,
            "webhook-id": key,
            "webhook-timestamp": at,
        }
        if self.secret:
            headers["webhook-signature"] = signature(self.secret, key, at, body)
        return headers

    def _next(self, url: str, response: httpx.Response) -> str:
        """Return where a redirect leads on the same host, by the same method. Raises NotDelivered for any other."""
        try:
            target = str(urljoin(url, response.headers.get("location", "")))
            here, there = urlsplit(url), urlsplit(target)
            same = (here.scheme, here.hostname, here.port) == (there.scheme, there.hostname, there.port)
        except ValueError:
            same, target = False, url
        if response.status_code not in _SAME_METHOD or not same:
            raise NotDelivered(
                self._said(
                    f"answered {response.status_code} and redirects; the message is not sent on: name the address "
                    "that it leads to"
                )
            )
        return target

    def _answer(self, response: httpx.Response, until: float) -> str:
        """Read the beginning of an answer: a sentence for the error, and never more than there is time for."""
        kept = bytearray()
        for chunk in response.iter_bytes():
            kept += chunk
            if len(kept) > MOST_ANSWER_BYTES or self.clock.monotonic() > until:
                break
        return kept[:_LONGEST_ERROR].decode("utf-8", "replace")

    def _after(self, response: httpx.Response) -> float | None:
        """Read Retry-After, seconds or a date."""
        said = response.headers.get("retry-after", "").strip()
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", said):
            return float(said)
        try:
            when = parsedate_to_datetime(said)
        except (ValueError, TypeError):
            return None
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return max(0.0, (when - self.clock.now()).total_seconds())

    def _said(self, text: str) -> str:
        return one_line(self.redact(f"{self.destination}: the receiver {text}"))


def signature(secret: bytes, key: str, at: str, body: bytes) -> str:
    """Return the signature of a message, as Standard Webhooks has it: ``v1,BASE64``."""
    signed = b".".join((key.encode(), at.encode(), body))
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def _address(url: str, variable: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        raise MissingKey(f"{variable} holds no address such as https://hooks.example.org/drift")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_this_machine(host)):
        raise MissingKey(f"{variable}: messages are sent over https only, or to this machine")
    return url


def _named_parts(url: str, variable: str) -> dict[str, str]:
    """Return the address and the parts of it that a receiver may say back: of chat services these are the token."""
    parts = urlsplit(url)
    pieces = [piece for piece in re.split(r"[/?&=;,]", f"{parts.path}?{parts.query}") if piece]
    return {variable: url, **{f"part {place} of {variable}": piece for place, piece in enumerate(pieces)}}


def _secret(value: str, variable: str) -> bytes:
    """Return the key to sign with: what follows `whsec_` is base64, anything else is taken as it is."""
    if not value:
        raise MissingKey(f"{variable} is not set; it has to hold what messages are signed with")
    if not value.startswith(_SIGNED_PREFIX):
        return value.encode()
    try:
        return base64.b64decode(value.removeprefix(_SIGNED_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise MissingKey(f"{variable}: what follows whsec_ is no base64") from None
