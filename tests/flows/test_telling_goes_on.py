"""A message that nobody takes, or that cannot be written down, keeps no other incident from being told of."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from harness.core.incident_news import News, Notice, Standing, Told, standing_of
from harness.core.incidents import follow
from harness.errors import CannotWrite, NotDelivered
from harness.flows.notify import MOST_FAILURES, tell
from tests.support.fakes import ManualClock
from tests.support.history import make_entry

SINK = "webhook:HOOK"


@dataclass
class Receiving:
    """Refuses some messages, as a receiver does that a payload is too much for."""

    refused: tuple[str, ...] = ()
    destination: str = SINK
    asked: list[str] = field(default_factory=list)

    def deliver(self, message: Notice) -> None:
        self.asked.append(message.key)
        if message.key.startswith(self.refused or ("-",)):
            raise NotDelivered(f"{message.key}: answered 400")


@dataclass
class Remembering:
    """What was told; the disk may be full."""

    full: bool = False
    lines: list[Told] = field(default_factory=list)

    def told(self, sink: str) -> tuple[Told, ...]:
        return tuple(self.lines)

    def record(self, told: Told) -> None:
        if self.full:
            raise CannotWrite("No space left on device")
        self.lines.append(told)

    @contextmanager
    def locked(self) -> Iterator[None]:
        yield


def standings(targets: Iterable[str]) -> list[Standing]:
    return [standing_of(follow([make_entry(0, "D", target=target)])[0]) for target in targets]


def word(news: News) -> Notice:
    return Notice(key=news.key, title="t", text="x", payload={})


def say(targets: str, notifier: Receiving, store: Remembering) -> None:
    tell(standings(targets), notifier, store, ManualClock(datetime(2026, 11, 21, tzinfo=UTC)), word)


def test_a_message_that_is_refused_keeps_no_other_from_being_told() -> None:
    notifier, store = Receiving(refused=("canary-a",)), Remembering()
    for _ in range(2):
        with pytest.raises(NotDelivered, match="canary-a"):
            say("abc", notifier, store)
    assert [one.incident.split("-")[1] for one in store.lines] == ["b", "c"]
    assert len(notifier.asked) == 4, "what was taken is not sent again"


def test_a_full_disk_keeps_no_alarm_back() -> None:
    notifier = Receiving()
    with pytest.raises(CannotWrite):
        say("ab", notifier, Remembering(full=True))
    assert len(notifier.asked) == 2


def test_a_receiver_that_is_not_there_is_not_asked_for_ever() -> None:
    notifier = Receiving(refused=("canary-",))
    with pytest.raises(NotDelivered):
        say("abcdefgh", notifier, Remembering())
    assert len(notifier.asked) == MOST_FAILURES
