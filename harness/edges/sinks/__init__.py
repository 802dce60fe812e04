"""Where people are told: GitHub by its own client, and everything else by a table of notifiers.

Every part of the table is a function ``open_notifier(places, environment, clock, redact) -> Notifier``. Opening one
checks what can be checked without a call; addresses and secrets come from the environment only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from harness.ports import Clock, Notifier
from harness.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Names of the variables that say where messages go."""

    url_env: str
    """Holds the address; of apprise, one or more."""
    secret_env: str | None = None
    """Holds what messages are signed with."""


class NotifierFactory(Protocol):
    """Makes a notifier."""

    def __call__(
        self, places: Places, environment: Mapping[str, str], clock: Clock, redact: Callable[[str], str]
    ) -> Notifier:
        """Return the notifier. Raises SetupError, UsageError."""
        ...


NOTIFIERS: Registry[NotifierFactory] = Registry(
    kind="notifier",
    group="harness.notifiers",
    table={
        "webhook": "harness.edges.sinks.webhook:open_notifier",
        "apprise": "harness.edges.sinks.apprise:open_notifier",
    },
)
