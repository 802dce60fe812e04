"""Tell somebody of an incident once: what is due is worked out, delivered and written down, one after the other."""

from collections.abc import Callable, Iterable, Sequence

from harness.core.history import NightEntry, entries_of
from harness.core.incident_news import (
    News,
    Notice,
    Standing,
    news_of,
    standing_of,
    standings_of,
    told_before,
    told_of,
)
from harness.core.incidents import Accepted, follow
from harness.core.mutes import Mute, mute_in_force
from harness.core.run import Manifest
from harness.core.verdict import Verdict
from harness.errors import HarnessError, Interrupted
from harness.ports import Clock, Notifier, ToldStore

MOST_FAILURES = 3


def standings_after(
    verdict: Verdict,
    manifest: Manifest,
    nights: Iterable[NightEntry],
    accepted: Sequence[Accepted],
    mutes: Sequence[Mute] = (),
) -> tuple[Standing, ...]:
    """Say how the incidents of a run's targets stand now, by all nights that are known, this run among them."""
    own = entries_of(verdict, manifest)
    known = {(night.run, night.target): night for night in nights}
    known |= {(night.run, night.target): night for night in own}
    targets = {(night.suite, night.target) for night in own}
    incidents = follow(
        (night for night in known.values() if (night.suite, night.target) in targets), accepted
    )
    return tuple(
        standing_of(incident, mute_in_force(mutes, incident.id, verdict.night)) for incident in incidents
    )


def tell(
    standings: Sequence[Standing],
    notifier: Notifier,
    store: ToldStore,
    clock: Clock,
    word: Callable[[News], Notice],
) -> tuple[News, ...]:
    """Deliver what is due and return it. Raises MeasurementError where a message did not go through.

    What fails of one incident keeps no other from being told. A message is written down after it was delivered: what fails is due again the next time. A crash between the two
    sends it once more, under the same key.
    """
    sink = notifier.destination
    with store.locked():
        due = news_of(standings, store.told(sink))
        failed = _deliver_each(due, notifier, store, clock, word)
    if failed:
        raise failed[0]
    return due


def tell_of_verdict(
    verdict: Verdict, notifier: Notifier, store: ToldStore, clock: Clock, word: Callable[[News], Notice]
) -> tuple[News, ...]:
    """Do the same by a verdict alone, which knows of each target the incident that was open before its night."""
    sink = notifier.destination
    delivered: list[News] = []
    failed: list[HarnessError] = []
    for standing, before in standings_of(verdict):
        with store.locked():
            told = store.told(sink)
            if before is not None:
                told = (told_before(standing, before, sink), *told)
            due = news_of([standing], told)
            if len(failed) < MOST_FAILURES:
                failed += _deliver_each(due, notifier, store, clock, word)
                delivered += due
    if failed:
        raise failed[0]
    return tuple(delivered)


def _deliver_each(
    due: Sequence[News], notifier: Notifier, store: ToldStore, clock: Clock, word: Callable[[News], Notice]
) -> list[HarnessError]:
    """Deliver each, and write down that it was; return what failed. After `MOST_FAILURES` nobody seems to be there."""
    failed: list[HarnessError] = []
    for news in due:
        if len(failed) == MOST_FAILURES:
            break
        try:
            notifier.deliver(word(news))
            store.record(told_of(news, notifier.destination, f"{clock.now():%Y-%m-%dT%H:%M:%S+00:00}"))
        except Interrupted:
            raise
        except HarnessError as error:
            failed.append(error)
    return failed
