"""GitHub's REST API, as far as a comment and an issue need it.

The token goes to the one host that was named, over TLS (or to this machine), and nowhere else: no redirect is
followed, no address in an answer is used. What fails is a `MeasurementError`, which ends in 3 and changes no verdict.

Reading, changing and deleting may be asked twice, making may not: where it is not known whether something was made,
`Unclear` is raised, and who asked looks for it first.
"""

import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from harness.edges.sinks.github_address import API_URL, api_address, is_this_machine, repository_named
from harness.edges.sinks.github_answers import Json
from harness.edges.stores.untrusted_json import parse_untrusted
from harness.errors import GitHubFailed, one_line
from harness.ports import Clock

API_VERSION = "2022-11-28"
MOST_BYTES = 20_000_000
MOST_PAGES = 100
PAGE = 100
MOST_ATTEMPTS = 5
DEADLINE_S = 120.0
CALL_S = 20.0
_AGAIN = (500, 502, 503, 504)
_LONGEST_ERROR = 300


class Unclear(GitHubFailed):
    """A connection broke, or the server failed, while something was being made: it may be there."""


class Gone(GitHubFailed):
    """What was asked for is not there, or not to be seen with this token."""


@dataclass(kw_only=True)
class GitHub:
    """A client for one repository, with a deadline over all of its calls."""

    repository: str
    token: str
    clock: Clock
    redact: Callable[[str], str]
    api_url: str = API_URL
    sleep: Callable[[float], None] = time.sleep
    jitter: random.Random = field(default_factory=random.Random)
    deadline_s: float = DEADLINE_S
    call_s: float = CALL_S

    def __post_init__(self) -> None:
        """Check the address and open the client."""
        self.api_url = api_address(self.api_url)
        repository_named(self.repository)
        local = is_this_machine(urlsplit(self.api_url).hostname or "")
        self._ends = self.clock.monotonic() + self.deadline_s
        self._client = httpx.Client(
            follow_redirects=False,
            # A proxy would read what goes to this machine without TLS.
            trust_env=not local,
            headers={
                "Authorization": f"Bearer {self.token}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": API_VERSION,
                "User-Agent": "drift-harness",
            },
        )

    def __enter__(self) -> "GitHub":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def login(self) -> str | None:
        """Return the user that the token belongs to; None for an app's token, which may not ask."""
        try:
            answer = self.call("GET", "/user")
        except Gone:
            return None
        login = answer.get("login") if isinstance(answer, dict) else None
        return login if isinstance(login, str) else None

    def pages(self, path: str, **query: str) -> Iterator[Json]:
        """Return every object of a list, page by page, for a path below the repository."""
        for page in range(1, MOST_PAGES + 1):
            wanted = {**query, "per_page": str(PAGE), "page": str(page)}
            response, found = self._send("GET", f"/repos/{self.repository}{path}", None, wanted)
            if not isinstance(found, list):
                raise GitHubFailed(f"GitHub answered GET {path} with something else than a list")
            yield from (one for one in found if isinstance(one, dict))
            if 'rel="next"' not in response.headers.get("link", "") and len(found) < PAGE:
                return
        raise GitHubFailed(f"GET {path} goes on after {MOST_PAGES} pages of {PAGE}; nothing was written")

    def get(self, path: str) -> Json:
        """Read one object below the repository. Raises Gone."""
        return self._object("GET", path, None)

    def make(self, path: str, body: Json) -> Json:
        """Make something below the repository. Raises Unclear where it may be there or not."""
        return self._object("POST", path, body)

    def change(self, path: str, body: Json) -> Json:
        """Change something below the repository. Raises Gone."""
        return self._object("PATCH", path, body)

    def delete(self, path: str) -> None:
        """Delete something below the repository; what is gone already is fine."""
        try:
            self.call("DELETE", f"/repos/{self.repository}{path}")
        except Gone:
            return

    def call(self, method: str, path: str, body: Json | None = None) -> object:
        """Send one request and return the JSON of its answer, None where there is none."""
        return self._send(method, path, body, {})[1]

    def _object(self, method: str, path: str, body: Json | None) -> Json:
        found = self.call(method, f"/repos/{self.repository}{path}", body)
        if not isinstance(found, dict):
            raise GitHubFailed(f"GitHub answered {method} {path} with something else than an object")
        return found

    def _send(
        self, method: str, path: str, body: Json | None, query: Mapping[str, str]
    ) -> tuple[httpx.Response, object]:
        """Send a request, again where that is of use, until the deadline. Raises MeasurementError, Unclear, Gone."""
        content = None if body is None else self.redact(json.dumps(body)).encode()
        for attempt in range(1, MOST_ATTEMPTS + 1):
            trouble, wait, sent = "", 0.0, True
            try:
                response, text = self._once(method, path, content, query)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                trouble, sent = f"cannot be reached ({type(error).__name__})", False
            except httpx.HTTPError as error:
                trouble = f"did not answer ({type(error).__name__})"
            else:
                limited = self._limited(response, text)
                if limited is None and response.status_code not in _AGAIN:
                    return response, self._read(method, path, response, text)
                trouble = f"answered {response.status_code}"
                # What is refused was not made.
                wait, sent = limited or 0.0, limited is None
            if method == "POST" and sent:
                raise Unclear(
                    self._said(f"{self._host} {trouble} to POST {path}; whether it was made is not known")
                )
            if attempt == MOST_ATTEMPTS:
                raise GitHubFailed(self._said(f"{self._host} {trouble} to {method} {path}, {attempt} times"))
            self._wait(wait or min(2 ** (attempt - 1), 8) * (1 + self.jitter.random() / 4), trouble)
        raise AssertionError("the last attempt raises")

    def _once(
        self, method: str, path: str, content: bytes | None, query: Mapping[str, str]
    ) -> tuple[httpx.Response, bytes]:
        """Send once and read the answer, no longer than the call and the whole may take. Raises httpx.HTTPError."""
        left = min(self.call_s, self._ends - self.clock.monotonic())
        if left <= 0:
            raise GitHubFailed(
                self._said(f"{self._host} took over {self.deadline_s:g} s; nothing more was sent")
            )
        until = self.clock.monotonic() + left
        headers = {"Content-Type": "application/json"} if content is not None else {}
        request = self._client.build_request(
            method, f"{self.api_url}{path}", content=content, params=dict(query) or None, headers=headers
        )
        request.extensions["timeout"] = httpx.Timeout(max(0.05, left)).as_dict()
        response = self._client.send(request, stream=True)
        try:
            kept = bytearray()
            for chunk in response.iter_bytes():
                kept += chunk
                if len(kept) > MOST_BYTES:
                    raise GitHubFailed(f"{self._host} sent over {MOST_BYTES:,} bytes to {method} {path}")
                if self.clock.monotonic() > until:
                    raise httpx.ReadTimeout("drips", request=request)
            return response, bytes(kept)
        finally:
            response.close()

    def _limited(self, response: httpx.Response, text: bytes) -> float | None:
        """Return how long a rate limit asks to wait, in seconds; None where the answer is about something else."""
        if response.status_code not in (403, 429):
            return None
        headers = response.headers
        after = _seconds(headers.get("retry-after"))
        if after is not None:
            return max(1.0, after)
        if headers.get("x-ratelimit-remaining") == "0":
            reset = _seconds(headers.get("x-ratelimit-reset"))
            return max(1.0, (reset or 0) - self.clock.now().timestamp())
        if response.status_code == 429 or b"secondary rate limit" in text[:2000].lower():
            return 60.0
        return None

    def _wait(self, seconds: float, why: str) -> None:
        if self.clock.monotonic() + seconds >= self._ends:
            raise GitHubFailed(
                self._said(
                    f"{self._host} {why} and asks for {seconds:.0f} s of patience, more than is left of {self.deadline_s:g} s"
                )
            )
        self.sleep(seconds)

    def _read(self, method: str, path: str, response: httpx.Response, text: bytes) -> object:
        status = response.status_code
        if 300 <= status < 400:
            raise GitHubFailed(
                self._said(
                    f"{self._host} redirects {method} {path}, and the token is not sent on; is it renamed?"
                )
            )
        if status in (404, 410):
            raise Gone(
                self._said(
                    f"{self._host} knows no {path} for this token; check --repo, the number and the token's rights"
                )
            )
        if status == 403 and path == "/user":
            raise Gone("an app's token has no user")
        if status >= 400:
            raise GitHubFailed(self._said(self._refusal(method, path, status, text)))
        if not text.strip():
            return None
        try:
            return parse_untrusted(text)
        except ValueError as error:
            raise GitHubFailed(f"{self._host} answered {method} {path} with what is no JSON") from error

    def _refusal(self, method: str, path: str, status: int, text: bytes) -> str:
        said = text[:_LONGEST_ERROR].decode("utf-8", "replace")
        hint = ""
        if status == 401:
            hint = "; the token is wrong or has expired"
        elif status == 403:
            hint = "; the token may not write here, as in a pull request from a fork: `permissions: pull-requests: write`"
        return f"{self._host} answered {status} to {method} {path}{hint}: {said}"

    @property
    def _host(self) -> str:
        return urlsplit(self.api_url).hostname or "GitHub"

    def _said(self, text: str) -> str:
        return one_line(self.redact(text))


def _seconds(text: str | None) -> float | None:
    """Read a whole number of seconds; None for anything else."""
    return float(text) if text is not None and re.fullmatch(r"[0-9]{1,12}", text) else None
