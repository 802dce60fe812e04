"""A server on loopback that plays GitHub's API: comments and issues of one repository, and its moods."""

import json
import re
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "ghs_" + "t0k3nT0K3N" * 4
BOT = "github-actions[bot]"
REPOSITORY = "acme/support"


@dataclass(kw_only=True)
class Mood:
    """An answer other than the usual one, for the next request that fits."""

    method: str = ""
    path: str = ""
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    does_it: bool = False
    """Does what was asked all the same, and does not say so."""
    hangs_up: bool = False


@dataclass
class FakeGitHub:
    """What the repository holds, and what was asked."""

    login: str | None = None
    """None is an app's token, which has no user."""
    page: int = 2
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    issues: list[dict[str, Any]] = field(default_factory=list)
    moods: deque[Mood] = field(default_factory=deque)
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    drops_labels: bool = False
    url: str = ""
    before: dict[str, Any] = field(default_factory=dict)
    """By method: done once, just before the first such request is answered."""
    _id: int = 1000

    def comment(self, number: int, body: str, login: str = BOT) -> dict[str, Any]:
        self._id += 1
        made = {"id": self._id, "body": body, "user": {"login": login}}
        self.comments.setdefault(number, []).append(made)
        return made

    def issue(self, body: str, title: str = "x", login: str = BOT, **more: Any) -> dict[str, Any]:
        number = len(self.issues) + 1
        made = {
            "id": 5000 + number,
            "number": number,
            "title": title,
            "body": body,
            "state": "open",
            "labels": [{"name": "drift"}],
            "user": {"login": login},
            **more,
        }
        self.issues.append(made)
        return made

    def writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path, _, _ in self.asked if method != "GET"]

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any, bool]:
        """Return status, JSON, and whether another page follows."""
        if path == "/user":
            return (200, {"login": self.login}, False) if self.login else (403, {"message": "no"}, False)
        root = f"/repos/{REPOSITORY}"
        if not path.startswith(root):
            return 404, {"message": "Not Found"}, False
        rest = path.removeprefix(root)
        if found := re.fullmatch(r"/issues/(\d+)/comments", rest):
            number = int(found[1])
            if method == "POST":
                return 201, self.comment(number, body["body"]), False
            return self._paged(self.comments.get(number, []), query)
        if found := re.fullmatch(r"/issues/comments/(\d+)", rest):
            return self._one_comment(method, int(found[1]), body)
        if rest == "/issues":
            if method == "POST":
                labels = [] if self.drops_labels else [{"name": name} for name in body["labels"]]
                return 201, self.issue(body["body"], body["title"], labels=labels), False
            label = query.get("labels")
            listed = [i for i in self.issues if not label or {"name": label} in i["labels"]]
            return self._paged(listed, query)
        if found := re.fullmatch(r"/issues/(\d+)", rest):
            issue = self.issues[int(found[1]) - 1]
            issue.update(body)
            return 200, issue, False
        return 404, {"message": "Not Found"}, False

    def _one_comment(self, method: str, wanted: int, body: Any) -> tuple[int, Any, bool]:
        for kept in self.comments.values():
            for one in kept:
                if one["id"] == wanted:
                    if method == "DELETE":
                        kept.remove(one)
                        return 204, None, False
                    one["body"] = body["body"]
                    return 200, one, False
        return 404, {"message": "Not Found"}, False

    def _paged(self, things: list[Any], query: dict[str, str]) -> tuple[int, Any, bool]:
        start = (int(query["page"]) - 1) * self.page
        return 200, things[start : start + self.page], start + self.page < len(things)


class _Handler(BaseHTTPRequestHandler):
    fake: FakeGitHub
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        fake, method = self.fake, self.command
        fake.asked.append((method, parts.path, {k.lower(): v for k, v in self.headers.items()}, body))
        mood = next((m for m in fake.moods if m.method in ("", method) and m.path in parts.path), None)
        if mood is not None:
            fake.moods.remove(mood)
            if mood.does_it:
                fake.answer(method, parts.path, dict(parse_qsl(parts.query)), body)
            if mood.hangs_up:
                self.close_connection = True
                return
            self._reply(mood.status, mood.body, mood.headers)
            return
        if happens := fake.before.pop(method, None):
            happens()
        status, found, more = fake.answer(method, parts.path, dict(parse_qsl(parts.query)), body)
        link = {"Link": f'<{fake.url}/elsewhere>; rel="next"'} if more else {}
        self._reply(status, b"" if found is None else json.dumps(found).encode(), link)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815  # what the library calls

    def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def github_server() -> Iterator[FakeGitHub]:
    """Serve a fresh repository on loopback."""
    fake = FakeGitHub()
    handler = type("Handler", (_Handler,), {"fake": fake})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
