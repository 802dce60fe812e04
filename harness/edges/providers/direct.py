"""OpenAI-compatible endpoints over aiohttp: the bytes and headers are exactly ours."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from urllib.parse import urlsplit

import aiohttp

from harness.core.plan import Request
from harness.core.replies import Answer, Failure, FailureKind
from harness.core.suite import Price, Target
from harness.edges.providers import Surroundings
from harness.edges.providers.failures import (
    MOST_ERROR_BYTES,
    HttpError,
    failure,
    read_gateway,
    read_http_error,
    transport_failure,
)
from harness.edges.providers.openai_format import NoAnswer, NoChoices, parse_answer, request_body, strict_json
from harness.edges.providers.prepared import PerCase
from harness.edges.providers.targets import (
    MissingKeyError,
    check_settings,
    find_extra_body,
    find_gateway_fields,
    find_headers,
    find_secrets,
    inner_status,
)
from harness.edges.redaction import Redactor
from harness.errors import BadTarget, SetupError
from harness.ports import ProviderTraits

MOST_RESPONSE_BYTES = 8 * 1024 * 1024
OPTIONS = ("gateway", "headers", "extra_body")
REFUSED_PARAMS = ("model", "messages", "tools", "stream", "n")
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=None)
_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # what is counted is what was sent, and nothing unpacks into gigabytes
    "User-Agent": "drift-harness",
}


class DirectProvider:
    """Calls targets called ``direct/MODEL`` at their `api_base`.

    `environment` holds the keys, `targets` those to check in `prepare`; a response over
    `max_response_bytes` is a failure.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        redactor: Redactor,
        targets: Sequence[Target] = (),
        max_response_bytes: int = MOST_RESPONSE_BYTES,
    ) -> None:
        self._environment = environment
        self._redactor = redactor
        self._targets = targets
        self._max_response_bytes = max_response_bytes
        self._calls = PerCase(self._make_call)
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def build(cls, targets: Sequence[Target], surroundings: Surroundings) -> "DirectProvider":
        """Make the provider of `targets`."""
        return cls(
            environment=surroundings.environment,
            redactor=surroundings.redactor,
            targets=targets,
            max_response_bytes=surroundings.max_response_bytes,
        )

    @cached_property
    def traits(self) -> ProviderTraits:
        """Describe the provider."""
        return ProviderTraits(name="direct", version=f"aiohttp {version('aiohttp')}")

    def check(self) -> None:
        """Check settings and keys. Raises SetupError."""
        for target in self._targets:
            _check(target)
            find_secrets(target, self._environment)

    async def prepare(self) -> None:
        """Check settings and keys: nothing else is slow. Raises SetupError."""
        self.check()

    async def complete(self, request: Request, *, deadline_s: float) -> Answer | Failure:
        """Ask once, with one HTTP request, and return within `deadline_s` seconds."""
        try:
            call = self._calls.of(request)
        except SetupError as error:
            kind = (
                FailureKind.AUTHENTICATION if isinstance(error, MissingKeyError) else FailureKind.BAD_REQUEST
            )
            return failure(kind, str(error), self._redactor, attempts=0)
        try:
            async with asyncio.timeout(deadline_s):
                return await self._post(call)
        except TimeoutError:
            return failure(FailureKind.TIMEOUT, f"no whole answer within {deadline_s:g} s", self._redactor)
        except _TooLarge as error:
            return failure(FailureKind.TOO_LARGE, str(error), self._redactor, status=error.status)
        except (aiohttp.ClientError, OSError) as error:
            return transport_failure(error, call.url, self._redactor)
        except ValueError as error:  # a URL that aiohttp refuses
            return failure(FailureKind.BAD_REQUEST, str(error), self._redactor, attempts=0)

    def price(self, target: Target) -> Price | None:
        """Return the price that the target states: nobody else knows what an endpoint of its own costs."""
        return target.price

    async def aclose(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _post(self, call: "_Call") -> Answer | Failure:
        session = self._open_session()
        started = time.perf_counter()
        async with session.post(
            call.url,
            data=call.body,
            headers=call.headers,
            proxy=call.proxy,
            allow_redirects=False,
            timeout=_NO_TIMEOUT,
        ) as response:
            failed = response.status >= 300
            body = await _read(response, MOST_ERROR_BYTES if failed else self._max_response_bytes, cut=failed)
            latency_ms = (time.perf_counter() - started) * 1000
            if failed:
                return self._read_error(response, body)
            no_sample = read_gateway(response.headers, self._redactor, status=response.status)
        return no_sample or self._read_answer(call, response, body, latency_ms)

    def _read_answer(
        self, call: "_Call", response: aiohttp.ClientResponse, body: bytes, latency_ms: float
    ) -> Answer | Failure:
        try:
            payload = strict_json(body)
            if isinstance(payload, dict) and payload.get("error") and not payload.get("choices"):
                return self._read_error(response, body, status=inner_status(payload["error"]))
            return parse_answer(payload, latency_ms=latency_ms, sent=call.body)
        except NoChoices as error:
            return failure(FailureKind.EMPTY_CHOICES, str(error), self._redactor, status=response.status)
        except NoAnswer as error:
            return failure(FailureKind.MALFORMED, str(error), self._redactor, status=response.status)
        except ValueError as error:
            detail = f"the response is not JSON ({error}): {body[:200].decode('utf-8', 'replace')}"
            return failure(FailureKind.MALFORMED, detail, self._redactor, status=response.status)

    def _read_error(
        self, response: aiohttp.ClientResponse, body: bytes, *, status: int | None = None
    ) -> Answer | Failure:
        text = body.decode("utf-8", "replace")
        if response.status < 400 and "Location" in response.headers:
            text = f"redirected to {response.headers['Location']}; set api_base to the address that answers"
        headers = {name.lower(): value for name, value in response.headers.items()}
        error = HttpError(status=status or response.status, body=text, headers=headers)
        return read_http_error(error, self._redactor, now=datetime.now(UTC))

    def _make_call(self, request: Request) -> "_Call":
        target = request.target
        base = _check(target)
        key = find_secrets(target, self._environment).get(target.key_env or "")
        body = request_body(request, target.model.partition("/")[2])
        sent = json.dumps({**body, **find_extra_body(target), **find_gateway_fields(target)}).encode()
        return _Call(
            url=f"{base}/chat/completions",
            body=sent,
            headers={
                **_HEADERS,
                **({"Authorization": f"Bearer {key}"} if key else {}),
                **find_headers(target),
            },
            proxy=_find_proxy(base, self._environment),
        )

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),  # how many calls run at once is the flow's decision
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent",),
            )
        return self._session


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """Everything that goes out for a case, the same for each of its samples."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    proxy: str | None


class _TooLarge(Exception):  # caught in this module, never an error of its own
    def __init__(self, limit: int, status: int) -> None:
        super().__init__(f"the response is larger than {limit} bytes")
        self.status = status


async def _read(response: aiohttp.ClientResponse, limit: int, *, cut: bool) -> bytes:
    """Read a body of at most `limit` bytes; what is over is left out or raises."""
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        parts.append(part)
        if size > limit:
            if not cut:
                raise _TooLarge(limit, response.status)
            response.close()
            break
    return b"".join(parts)[:limit]


def _check(target: Target) -> str:
    """Return the target's base address. Raises SetupError where the target cannot be called."""
    check_settings(target, options=OPTIONS, refused_params=REFUSED_PARAMS)
    if not target.api_base:
        raise BadTarget(
            f"{target.model}: say where it answers, such as 'api_base: http://localhost:11434/v1'"
        )
    if urlsplit(target.api_base).scheme not in ("http", "https"):
        raise BadTarget(f"{target.model}: api_base must begin with http:// or https://")
    return target.api_base.rstrip("/")


def _find_proxy(url: str, environment: Mapping[str, str]) -> str | None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    named = {name.lower(): value for name, value in environment.items()}
    exempt = [name.strip().lstrip(".") for name in named.get("no_proxy", "").split(",") if name.strip()]
    if any(name in ("*", host) or host.endswith(f".{name}") for name in exempt):
        return None
    proxy = named.get(f"{parts.scheme}_proxy") or named.get("all_proxy") or None
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy
