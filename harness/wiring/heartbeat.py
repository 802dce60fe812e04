"""The part that sends the word after a scheduled run; its library is imported when there is one to send."""

from collections.abc import Callable
from typing import Protocol

from harness.registry import Registry


class Sender(Protocol):
    """Sends a word."""

    def __call__(self, url: str, body: str, *, name: str, failed: bool, redact: Callable[[str], str]) -> None:
        """Send it. Raises SetupError, MeasurementError."""
        ...


_SENDERS: Registry[Sender] = Registry(
    kind="heartbeat",
    group="harness.heartbeats",
    table={"http": "harness.edges.sinks.heartbeat:send_heartbeat"},
)


def send_heartbeat(url: str, body: str, *, name: str, failed: bool, redact: Callable[[str], str]) -> None:
    """Send a word over HTTP. Raises SetupError, MeasurementError."""
    _SENDERS.load("http")(url, body, name=name, failed=failed, redact=redact)
