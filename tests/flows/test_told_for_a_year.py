"""A year of nights, told night by night: every incident of the script opens and closes with one message, nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.core.history import NightEntry, entries_of
from harness.core.incident_news import News, Notice, Stage, news_of, standing_of, told_of
from harness.core.incidents import follow
from harness.edges.stores.told import ToldFiles
from harness.flows.notify import standings_after, tell
from harness.reporting.notice import notice
from tests.support.fakes import ManualClock
from tests.support.history import make_entries, make_entry
from tests.support.stories import night_of
from tests.support.year import INCIDENTS, NIGHTS, accepted, accepted_at, nights

SINK = "webhook:HOOK"


@dataclass
class Collecting:
    """Takes every message; fails where it is told to."""

    destination: str = SINK
    taken: list[Notice] = field(default_factory=list)

    def deliver(self, message: Notice) -> None:
        self.taken.append(message)


def expected(count: int) -> Iterator[tuple[str, str]]:
    """Say what is to be told of so many nights: night by night, what opened and what closed."""
    for one in INCIDENTS:
        name = f"canary-{one.target}-{night_of(one.opened).replace('-', '')}"
        if one.opened < count:
            yield "incident.opened", name
        if one.because is not None and one.opened + one.nights + 10 < count:
            yield "incident.closed", name


@pytest.mark.parametrize("count", [60, pytest.param(NIGHTS, marks=pytest.mark.soak)])
def test_every_incident_opens_and_closes_with_exactly_one_message(count: int, tmp_path: Path) -> None:
    clock, notifier, known = ManualClock(datetime(2026, 1, 1, 3, 30, tzinfo=UTC)), Collecting(), []
    folders: list[Path] = []
    for _, record, verdict in nights(count):
        folder = tmp_path / verdict.run
        folder.mkdir()
        folders.append(folder)
        store = ToldFiles(
            root=tmp_path, folder=folder, folders=lambda: folders, lock=tmp_path / "lock", redact=str
        )
        now = [accepted()] if verdict.night >= accepted_at()[:10] else []
        for _ in range(2):  # whoever runs the command twice tells nobody twice
            standings = standings_after(verdict, record.manifest, known, now)
            tell(standings, notifier, store, clock, lambda news, v=verdict: notice(news, v))
        known.extend(entries_of(verdict, record.manifest))
        clock.advance(86_400)
    told = [(message.payload["event"], message.payload["incident"]["id"]) for message in notifier.taken]  # type: ignore[index]
    assert sorted(told) == sorted(expected(count))
    assert len({message.key for message in notifier.taken}) == len(told)


def story(words: str, **fields: object) -> list[News]:
    """Tell of nights one by one, and return what was said."""
    known: list[NightEntry] = []
    told, said = [], []
    for entry in make_entries(words, **fields):
        known.append(entry)
        for news in news_of([standing_of(one) for one in follow(known)], told):
            told.append(told_of(news, SINK, "2026-11-21T00:00:00+00:00"))
            said.append(news)
    return said


def test_an_incident_that_opens_again_by_itself_is_a_new_one() -> None:
    said = story("D" + 7 * "Q" + "D")
    assert [news.stage for news in said] == [Stage.OPENED, Stage.CLOSED, Stage.OPENED]
    assert len({news.standing.id for news in said}) == 2


def test_an_acceptance_that_was_taken_back_is_told_as_open_again() -> None:
    nights_ = [make_entry(0, "D")]
    told = []
    for acceptances in ([], [accepted_now()], [], [accepted_now()]):
        standings = [standing_of(one) for one in follow(nights_, acceptances)]
        told += [told_of(news, SINK, "") for news in news_of(standings, told)]
    assert [one.stage for one in told] == [Stage.OPENED, Stage.CLOSED, Stage.UPDATED, Stage.CLOSED]
    assert len({one.key for one in told}) == 4


def accepted_now():
    from tests.support.history import accepted as made

    return made("2026-11-02T00:00:00+00:00")


def test_two_sinks_are_told_apart() -> None:
    standing = standing_of(follow([make_entry(0, "D")])[0])
    (news,) = news_of([standing], [])
    assert news_of([standing], [told_of(news, SINK, "")]) == ()
    assert news.key == "canary-sonnet-20261101/opened"
