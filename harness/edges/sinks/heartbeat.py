"""A word to whoever waits for one after every scheduled run. Its URL is a secret, and what fails changes no verdict."""

from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

from harness.edges.sinks.github_address import is_this_machine
from harness.errors import HeartbeatFailed, MissingKey, one_line

TIMEOUT_S = 10.0
MOST_BODY = 2_000


def send_heartbeat(
    url: str,
    body: str,
    *,
    name: str,
    failed: bool,
    redact: Callable[[str], str],
    timeout_s: float = TIMEOUT_S,
) -> None:
    """POST a line of text to a URL; with `failed`, to the same URL with /fail at the end of its path.

    `name` is the variable that holds it, which is all that is ever said of it. No redirect is followed. Raises
    MissingKey for what is no URL to send it to, HeartbeatFailed where nobody took it.
    """
    address = _checked(url.strip(), name)
    if failed:
        address = address.copy_with(path=f"{address.path.rstrip('/')}/fail")
    local = is_this_machine(address.host)
    try:
        with (
            # A proxy would read what goes to this machine without TLS.
            httpx.Client(follow_redirects=False, trust_env=not local, timeout=timeout_s) as client,
            client.stream(
                "POST",
                address,
                content=body[:MOST_BODY].encode("utf-8", "replace"),
                headers={"User-Agent": "drift-harness", "Content-Type": "text/plain; charset=utf-8"},
            ) as answer,
        ):
            status = answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        why = one_line(redact(f"{type(error).__name__}: {error}"))[:200]
        raise HeartbeatFailed(f"the heartbeat to {name} was not taken: {why}") from None
    if not 200 <= status < 300:
        raise HeartbeatFailed(f"the heartbeat to {name} was answered with HTTP {status}")


def _checked(url: str, name: str) -> httpx.URL:
    problem = MissingKey(f"{name} holds no https:// URL; a heartbeat goes over TLS, or to this machine")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        address = httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        raise problem from None  # the library's own text may quote it
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(host))):
        raise problem
    return address
