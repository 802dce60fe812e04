"""Slack, mail and whatever else apprise reaches. Needs the extra `notify`.

The addresses hold tokens and passwords, so they are read from the environment only, one a line or apart by spaces, and
never shown; apprise's own log, which would, is kept quiet.
"""

import logging
from collections.abc import Callable, Mapping

import apprise

from harness.core.incident_news import Notice
from harness.edges.redaction import Redactor
from harness.edges.sinks import Places
from harness.errors import MissingKey, NotDelivered
from harness.ports import Clock

_LOCAL = {"file", "syslog", "dbus", "gnome", "macosx", "windows", "kde", "qt", "glib"}
"""Schemes that reach this machine's own desktop or disk: nobody is told by them."""


def open_notifier(
    places: Places, environment: Mapping[str, str], clock: Clock, redact: Callable[[str], str]
) -> "AppriseNotifier":
    """Make the notifier. Raises SetupError for what is not set or not understood; no value is shown."""
    del clock
    said = environment.get(places.url_env, "").strip()
    if not said:
        raise MissingKey(f"{places.url_env} is not set; it has to hold one or more apprise URLs")
    # It says the whole address where it does not understand one.
    logging.getLogger("apprise").addHandler(logging.NullHandler())
    logging.getLogger("apprise").propagate = False
    urls = said.split()
    service = apprise.Apprise(
        asset=apprise.AppriseAsset(async_mode=False, secure_logging=True, plugin_paths=[])
    )
    added = [service.add(url) for url in urls]
    if not all(added):
        raise MissingKey(
            f"{places.url_env} holds what apprise does not understand; its documentation lists the services and the "
            "form of their URLs"
        )
    if any(url.partition(":")[0].strip().lower() in _LOCAL for url in urls):
        raise MissingKey(
            f"{places.url_env} names a service of this machine's desktop or disk; name one that tells people"
        )
    hidden = Redactor({places.url_env: said, **{f"{places.url_env} {n}": url for n, url in enumerate(urls)}})
    return AppriseNotifier(
        service=service,
        destination=f"apprise:{places.url_env}",
        redact=lambda text: redact(hidden.redact_values(text)),
    )


class AppriseNotifier:
    """Sends messages to one or more services. A `Notifier`."""

    def __init__(self, *, service: apprise.Apprise, destination: str, redact: Callable[[str], str]) -> None:
        self._service, self.destination, self._redact = service, destination, redact

    def deliver(self, notice: Notice) -> None:
        """Send one message to all services. Raises NotDelivered where one of them did not take it."""
        text = f"{self._redact(notice.text)}\n\n[{notice.key}]"
        taken = self._service.notify(
            title=self._redact(notice.title),
            body=text,
            body_format=apprise.NotifyFormat.TEXT,
            interpret_escapes=False,
        )
        if not taken:
            raise NotDelivered(
                f"{self.destination}: at least one service did not take the message, and apprise says no more; "
                "those that did get it again the next time, with the same key"
            )
