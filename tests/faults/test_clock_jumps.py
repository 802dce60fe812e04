"""Clocks that jump while a run goes on: durations never shrink, nights are those of the start, names sort."""

import json
import random
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.simulator.spec import FaultKind
from tests.faults.stages import TONIGHT, run_of
from tests.support.fakes import ManualClock
from tests.support.faults import Schedule, Strike, play

CHECK = ("check", "canary", "--target", "tonight")
LIMITED = Schedule(
    strikes=(Strike(kind=FaultKind.RATE_LIMITED, attempts=1, retry_after_s=7.0),),
)
"""Every call waits once, seven seconds."""
FAR = (timedelta(days=400), timedelta(hours=26), timedelta(hours=1), timedelta(seconds=1))


class JumpingClock(ManualClock):
    """A wall clock that somebody sets, forth and back, whenever it is looked at after the first time."""

    def __init__(self, start: datetime, seed: int) -> None:
        super().__init__(start)
        self._rng = random.Random(seed)
        self._looks = 0

    def now(self) -> datetime:
        """Return the wall's time, and set it to another."""
        seen = super().now()
        self._looks += 1
        self.jump(self._rng.choice((1, -1)) * self._rng.choice(FAR).total_seconds())
        return seen


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 40))]
)
def test_a_clock_that_is_set_while_a_run_waits_changes_neither_its_verdict_nor_its_duration(
    root: Path, seed: int
) -> None:
    clock = JumpingClock(TONIGHT, seed)
    before = clock.monotonic()
    played = play(root, *CHECK, "--night", "2026-11-15", clock=clock, schedule=LIMITED)
    assert played.code == 0, played.err
    verdict = json.loads((run_of(root) / "verdict.json").read_text(encoding="utf-8"))
    took = verdict["run_end"]["duration_s"]
    assert 7 <= took <= clock.monotonic() - before + 0.001
    assert verdict["night"] == "2026-11-15"
    assert all(told.asked.attempt <= 2 for told in played.stage.told)


@pytest.mark.parametrize(
    "start",
    [
        datetime(2026, 11, 15, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, 58, tzinfo=UTC),
        datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 59, 55, tzinfo=UTC),
        datetime(2024, 2, 28, 23, 59, 59, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 30, 23, 59, 59, tzinfo=UTC),
    ],
    ids=["midnight", "new-year", "leap-second", "summer-time-ends", "leap-day", "epoch", "the-last-days"],
)
def test_a_run_belongs_to_the_utc_date_of_its_start(
    root: Path, monkeypatch: pytest.MonkeyPatch, start: datetime
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        clock = ManualClock(start)
        played = play(root, *CHECK, clock=clock, schedule=LIMITED)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert played.code in (0, 1), played.err  # a simulated night of that date need not be a quiet one
    run = run_of(root)
    assert re.fullmatch(r"[0-9]{8}T[0-9]{6}Z-canary-[0-9a-f]{4}", run.name)
    assert run.name.startswith(f"{start:%Y%m%dT%H%M%SZ}")
    verdict = json.loads((run / "verdict.json").read_text(encoding="utf-8"))
    assert verdict["night"] == start.date().isoformat()
    assert verdict["run_end"]["duration_s"] >= 7


@pytest.mark.parametrize("later", [timedelta(days=-30), timedelta(hours=-1), timedelta(days=400)])
def test_a_run_is_gone_on_with_whatever_the_clock_says_by_then(root: Path, later: timedelta) -> None:
    down = Schedule(strikes=(Strike(kind=FaultKind.GARBAGE),))
    assert play(root, *CHECK, "--night", "2026-11-15", clock=ManualClock(TONIGHT), schedule=down).code == 3
    again = play(
        root, "check", "canary", "--resume", "last", "--only-errors", clock=ManualClock(TONIGHT + later)
    )
    assert again.code == 0, again.err
    verdict = json.loads((run_of(root) / "verdict.json").read_text(encoding="utf-8"))
    assert verdict["run_end"]["duration_s"] >= 0
    assert verdict["night"] == "2026-11-15"


@pytest.mark.parametrize("year", [2026, 9999])
def test_runs_sort_by_when_they_began(root: Path, year: int) -> None:
    clock = ManualClock(datetime(year, 12, 30, 23, 59, 59, tzinfo=UTC))
    names = []
    for seconds in (0, 0.0001, 0.5, 1, 3600):
        clock.advance(seconds)
        assert play(root, *CHECK, "--case", "tool-weather", "--samples", "1", clock=clock).code in (0, 3)
        names.append(max(path.parent.name for path in root.glob("reports/*/manifest.json")))
    assert names == sorted(names)
    assert len(set(names)) == len(names)
