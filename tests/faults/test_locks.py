"""Locks, held by processes of their own: the living are waited for or named, the dead are in nobody's way."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.edges.stores.baselines import FileBaselineStore
from harness.errors import MeasurementError
from tests.faults.schedules import QUIET_NIGHTS
from tests.faults.stages import ROOT, clock_at, run_of
from tests.support.faults import Schedule, play, write_entry_point

HOLDER = """
import sys
from filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
sys.stdin.readline()
lock.release()
print("let go", flush=True)
"""
CHANGED = Schedule(drift=({"kind": "length", "size": 0.9},))
REASON = "Longer answers are wanted now."


@contextmanager
def held(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Hold a lock by another process; a line on its standard input makes it let go."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def baselines_of(root: Path, *, patience_s: float) -> FileBaselineStore:
    return FileBaselineStore(
        root / "baselines", lock=root / ".drift" / "baselines.lock", redact=str, lock_timeout_s=patience_s
    )


def started(root: Path, *arguments: str) -> subprocess.Popen[str]:
    installed = root / ".installed"
    if not installed.exists():
        write_entry_point(installed)
    return subprocess.Popen(
        [sys.executable, "-m", "harness", "-q", "-C", str(root), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(installed)))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_lock_that_somebody_holds_is_named_and_the_baseline_is_untouched(root: Path) -> None:
    store = baselines_of(root, patience_s=0.05)
    before = {path: path.read_bytes() for path in root.glob("baselines/*/*/*")}
    baseline = store.load("canary", "steady")
    assert baseline is not None
    with (
        held(root / ".drift" / "baselines.lock"),
        pytest.raises(MeasurementError, match=r"another process has held .*baselines\.lock"),
    ):
        store.save(baseline)
    assert {path: path.read_bytes() for path in root.glob("baselines/*/*/*")} == before
    assert store.save(baseline) is False, "and now that it was killed, it is in nobody's way"


def test_who_waits_for_a_lock_gets_it_as_soon_as_it_is_let_go(root: Path) -> None:
    store = baselines_of(root, patience_s=60)
    baseline = store.load("canary", "steady")
    assert baseline is not None
    with held(root / ".drift" / "baselines.lock") as holder:
        assert holder.stdin is not None
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert store.save(baseline) is False


def test_a_run_whose_process_was_killed_is_gone_on_with_though_its_lock_is_still_there(root: Path) -> None:
    down = Schedule(encoder_down=True)
    clock = clock_at()
    assert play(root, "check", "canary", "--night", QUIET_NIGHTS[0], clock=clock, schedule=down).code == 3
    lock = run_of(root) / ".journal.lock"
    with held(lock):
        busy = play(root, "check", "canary", "--resume", "last", clock=clock)
        assert (busy.code, busy.stage.told) == (2, [])
        assert "is being written by another process; wait for it, or stop it first" in busy.err
    assert lock.exists()
    assert play(root, "check", "canary", "--resume", "last", clock=clock).code == 0


@pytest.mark.soak
def test_two_nights_at_once_are_both_in_the_history(root: Path) -> None:
    nights = [started(root, "check", "canary", "--scheduled", "--night", night) for night in QUIET_NIGHTS[:2]]
    for process in nights:
        _, err = process.communicate(timeout=110)
        assert (process.returncode, err) == (0, "")
    assert len(list(root.glob("reports/*/verdict.json"))) == 2
    before = json.loads(play(root, "--json", "history", clock=clock_at()).out)
    assert [night["night"] for night in before["nights"]] == list(QUIET_NIGHTS[:2])
    assert play(root, "history", "rebuild", clock=clock_at()).code == 0
    assert json.loads(play(root, "--json", "history", clock=clock_at()).out) == before


@pytest.mark.soak
def test_two_acceptances_at_once_both_stand(root: Path) -> None:
    night = ("check", "canary", "--scheduled", "--night", QUIET_NIGHTS[0])
    assert play(root, *night, clock=clock_at(), schedule=CHANGED).code == 1
    run = run_of(root)
    shown = json.loads((run / "verdict.json").read_text(encoding="utf-8"))["shown"][:12]
    cases = ("structure-release-order", "reasoning-shift-rota")
    options = ("--digest", shown, "--reason", REASON)
    people = [started(root, "accept", run.name, "--case", case, *options) for case in cases]
    for person in people:
        _, err = person.communicate(timeout=110)
        assert person.returncode == 0, err
    baseline = baselines_of(root, patience_s=1).load("canary", "steady")
    assert baseline is not None
    assert [baseline.cases[case].nights() for case in cases] == [(QUIET_NIGHTS[0],)] * 2
