"""A receiver of webhooks on loopback: keeps what was posted, and answers as it is told to."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.loopback import QuietHandler, serving


@dataclass(kw_only=True)
class Reply:
    """One answer other than 204."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hangs_up: bool = False


@dataclass
class Receiver:
    """What was posted."""

    url: str = ""
    replies: deque[Reply] = field(default_factory=deque)
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    """Path, headers by lower-case name, body; of every request."""
    taken: list[Any] = field(default_factory=list)
    """The JSON of those that were answered with 2xx."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def events(self) -> list[tuple[str, str]]:
        """The kind of every message taken, and the incident that it is about."""
        return [(one["event"], one["incident"]["id"]) for one in self.taken]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Receive on loopback."""
    receiver = Receiver()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with receiver.lock:
                receiver.asked.append(
                    (self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                )
                reply = receiver.replies.popleft() if receiver.replies else Reply(status=204)
                if 200 <= reply.status < 300 and not reply.hangs_up:
                    receiver.taken.append(json.loads(body))
            if reply.hangs_up:
                self.connection.close()
                return
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

    with serving(Handler) as url:
        receiver.url = url
        yield receiver
