"""One history in PostgreSQL, written by several machines: real processes, real kills."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.core.history import NightEntry
from harness.core.incidents import Accepted, follow
from harness.edges.stores.history.postgresql import open_history
from harness.errors import HistoryUnavailable
from tests.support.history import accepted, make_entry
from tests.support.postgres import PostgresServer

ROOT = Path(__file__).parents[2]
NIGHTS = 50
STORY = "Q" * 10 + "DDD" + "Q" * 9 + "?D" + "Q" * 12 + "WUDD" + "Q" * 10
"""Of a target; three drifts, a night that could not tell among the calm ones."""
SINCE = "2026-11-14T08:00:00+00:00"
RECORDS = """\
import sys
from harness.core.history import NightEntry
from harness.core.incidents import Accepted
from harness.edges.stores.history.postgresql import open_history
store = open_history(sys.argv[1], str)
accepted = [Accepted.model_validate_json(sys.argv[2])]
print("ready", flush=True)
for line in sys.stdin:
    store.record([NightEntry.model_validate_json(line)], accepted)
    print("recorded", flush=True)
"""
STOPS_INSIDE = """\
import sys, time
from harness.edges.stores.history import store as module
from harness.edges.stores.history.postgresql import open_history
from harness.core.history import NightEntry
follow = module.follow
def halted(*arguments):
    print("inside", flush=True)
    sys.stdin.readline()
    return follow(*arguments)
module.follow = halted  # after the night is written, before its incidents are
store = open_history(sys.argv[1], str, gone_after_s=float(sys.argv[2]))
store.record([NightEntry.model_validate_json(sys.argv[3])], [])
"""


def story(target: str) -> tuple[NightEntry, ...]:
    """Make the nights of a target."""
    return tuple(make_entry(number, word, target=target) for number, word in enumerate(STORY))


@contextmanager
def machine(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a writer of its own; killed at the end, if it still lives."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def told(process: subprocess.Popen[str], entries: Sequence[NightEntry]) -> None:
    """Hand nights to a writer, which takes them one by one."""
    assert process.stdin is not None
    process.stdin.write("".join(entry.model_dump_json() + "\n" for entry in entries))
    process.stdin.flush()


def heard(process: subprocess.Popen[str], word: str) -> None:
    """Wait until a writer says the word."""
    assert process.stdout is not None
    assert process.stdout.readline() == f"{word}\n"


def of(target: str) -> Accepted:
    """Make an acceptance between the drifts."""
    return accepted(SINCE, target=target)


def test_the_story_is_as_long_as_it_says_and_holds_incidents() -> None:
    assert len(STORY) == NIGHTS
    assert len(follow(story("sonnet"), [of("sonnet")])) == 3


@pytest.mark.parametrize(
    "targets",
    [
        pytest.param(("sonnet", "gpt"), id="apart", marks=pytest.mark.soak),
        pytest.param(("sonnet", "sonnet"), id="together", marks=pytest.mark.soak),
    ],
)
def test_two_machines_that_write_fifty_nights_each_leave_what_one_would(
    server: PostgresServer, targets: tuple[str, str]
) -> None:
    """Two targets of their own, or the same nights of one target, each from both machines."""
    place, alone = server.new_schema(), server.new_schema()
    with (
        machine(RECORDS, place, of(targets[0]).model_dump_json()) as first,
        machine(RECORDS, place, of(targets[1]).model_dump_json()) as second,
    ):
        for process in (first, second):
            heard(process, "ready")
        told(first, story(targets[0]))
        told(second, story(targets[1])[::-1])
        assert [len(process.communicate()[0].splitlines()) for process in (first, second)] == [NIGHTS] * 2
        assert [process.returncode for process in (first, second)] == [0, 0]
    once = {entry.target: entry for entry in (make_entry(0, target=name) for name in targets)}
    one_writer = open_history(alone, str)
    for name in sorted(once):
        for entry in story(name):
            one_writer.record([entry], [of(name)])
    both = open_history(place, str)
    assert both.nights() == one_writer.nights()
    assert len(both.nights()) == NIGHTS * len(once)
    assert both.incidents() == one_writer.incidents()
    assert {name: len(both.incidents(target=name)) for name in once} == dict.fromkeys(once, 3)


def test_a_machine_that_is_killed_loses_at_most_the_night_that_it_was_writing(server: PostgresServer) -> None:
    place, entries = server.new_schema(), story("sonnet")
    with machine(RECORDS, place, of("sonnet").model_dump_json()) as killed:
        heard(killed, "ready")
        told(killed, entries[:30])
        for _ in range(12):
            heard(killed, "recorded")
        killed.kill()
        killed.wait()
    store = open_history(place, str)
    kept = store.nights()
    assert len(kept) >= 12
    assert kept == entries[: len(kept)]
    assert store.incidents() == follow(kept, [of("sonnet")])
    for entry in entries:  # the machine comes back, and its folders are recorded again
        store.record([entry], [of("sonnet")])
    assert store.nights() == entries
    assert store.incidents() == follow(entries, [of("sonnet")])


def test_a_machine_that_is_killed_within_a_night_leaves_nothing_of_it_and_no_lock(
    server: PostgresServer,
) -> None:
    place, entries = server.new_schema(), story("sonnet")[:12]
    store = open_history(place, str)
    store.record(entries[:11], [])
    with machine(STOPS_INSIDE, place, "20", entries[11].model_dump_json()) as killed:
        heard(killed, "inside")
        with pytest.raises(HistoryUnavailable, match=r"cannot be used: .*lock"):
            open_history(place, str, lock_timeout_s=0.05).record(entries[11:], [])
        assert open_history(place, str).nights() == entries[:11]
        killed.kill()
        killed.wait()
    store.record(entries[11:], [])
    assert store.nights() == entries
    assert store.incidents() == follow(entries)


def test_a_machine_that_freezes_within_a_night_holds_nobody_up(server: PostgresServer) -> None:
    """As one does that loses its power: nobody closes its connection."""
    place, entries = server.new_schema(), story("sonnet")[:12]
    open_history(place, str).record(entries[:11], [])
    with machine(STOPS_INSIDE, place, "0.2", entries[11].model_dump_json()) as frozen:
        heard(frozen, "inside")
        frozen.send_signal(signal.SIGSTOP)
        open_history(place, str).record(entries[11:], [])
        frozen.send_signal(signal.SIGCONT)
        _, said = frozen.communicate("go on\n")
        assert frozen.returncode != 0
        assert "HistoryUnavailable" in said
    assert open_history(place, str).nights() == entries
