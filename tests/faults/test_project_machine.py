"""A project that lives for months, with everything that people and machines do to it, in any order."""

import json
import random
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from harness.edges.stores.journal import read_journal
from harness.simulator.spec import FaultKind
from tests.faults.reference import OF_THE_ATTEMPT
from tests.faults.stages import clock_at
from tests.support.faults import Played, Schedule, Strike, play

FIRST_NIGHT = date(2026, 11, 15)
MOST_NIGHTS = 30
REASON = "The longer answers are wanted, says the owner."
CHANGED = ({"kind": "length", "size": 0.9},)
OUTAGES = (FaultKind.UNAVAILABLE, FaultKind.GARBAGE, FaultKind.HANG, FaultKind.UNAUTHORIZED)
CASE = "canaries/edge-quoted-injection.yaml"
CONTRACT = "canaries/tool-weather.yaml"


class ProjectLife(RuleBasedStateMachine):
    """What is done to a project, and what must hold whatever was done."""

    template: Path
    folder: Path
    lives = 0

    @initialize()
    def begin(self) -> None:
        """Copy the project; without the contract, which nobody can accept a break of."""
        type(self).lives += 1
        self.root = self.folder / f"life-{self.lives}"
        shutil.copytree(self.template, self.root)
        text = (self.root / CONTRACT).read_text(encoding="utf-8")
        (self.root / CONTRACT).write_text(text.replace("always: true\n", ""), encoding="utf-8")
        self.clock = clock_at()
        self.night = FIRST_NIGHT
        self.drift: tuple[dict[str, object], ...] = ()
        self.baseline = self._baseline()
        self.history_is_whole = True
        self.edited = 0

    def teardown(self) -> None:
        """Leave nothing behind."""
        if hasattr(self, "root"):
            shutil.rmtree(self.root)

    @precondition(lambda self: (self.night - FIRST_NIGHT).days < MOST_NIGHTS)
    @rule(outage=st.sampled_from((None, None, None, *OUTAGES)), rate=st.sampled_from((1.0, 0.4, 0.1)))
    def a_night(self, outage: FaultKind | None, rate: float) -> None:
        """Let the scheduled run of a night run, perhaps through an outage."""
        self.night += timedelta(days=1)
        strikes = () if outage is None else (Strike(kind=outage, rate=rate, retry_after_s=0.0),)
        asked = ("check", "canary", "--scheduled", "--night", self.night.isoformat())
        done = self._play(*asked, schedule=Schedule(drift=self.drift, strikes=strikes))
        assert done.code in (0, 1, 2, 3), done.err
        if outage is FaultKind.UNAUTHORIZED and rate == 1.0:
            assert done.code == 2, done.err

    @precondition(lambda self: self._newest() is not None)
    @rule(share=st.floats(0, 1))
    def a_kill(self, share: float) -> None:
        """Leave of the newest run what a kill at a byte of its journal leaves."""
        run = self._newest()
        assert run is not None
        whole = (run / "journal.jsonl").read_bytes()
        (run / "journal.jsonl").write_bytes(whole[: int(share * len(whole))])
        for name in ("verdict.json", "report.html", "vectors.npz"):
            (run / name).unlink(missing_ok=True)
        (self.root / "reports" / "response-ids.txt").unlink(missing_ok=True)
        self.history_is_whole = False

    @precondition(lambda self: self._newest() is not None)
    @rule(only_errors=st.booleans())
    def going_on(self, only_errors: bool) -> None:
        """Resume the newest run: nothing that it recorded is lost or asked again."""
        run = self._newest()
        assert run is not None
        before = read_journal(run / "journal.jsonl")
        kept = (run / "journal.jsonl").read_bytes()[: before.good_bytes]
        more = ("--only-errors",) if only_errors else ()
        done = self._play("check", "canary", "--resume", run.name, *more)
        assert done.code in (0, 1, 2, 3, 4), done.err
        assert done.code != 2 or "start a new run" in done.err, done.err
        assert (run / "journal.jsonl").read_bytes().startswith(kept)
        answered = {key for key, given in before.completions.items() if given.type == "answer"}
        assert not {told.asked.key for told in done.stage.told} & answered
        self.history_is_whole &= done.code != 2

    @precondition(lambda self: self._drifted() is not None)
    @rule(right=st.booleans())
    def accepting(self, right: bool) -> None:
        """Accept what drifted, with the digest that was shown or another one."""
        run = self._drifted()
        assert run is not None
        shown = json.loads(self._play("--json", "review", run.name).out)["shown"]
        digest = shown[:12] if right else "0" * 12
        options = ("--case", "*", "--digest", digest, "--reason", REASON)
        done = self._play("accept", run.name, *options)
        assert done.code in ((0, 2, 3, 4) if right else (2,)), done.err
        if done.code == 0:
            assert right
            self.baseline = self._baseline()
            self.history_is_whole = False  # it learns of an acceptance with the next night

    @rule()
    def calibrating(self) -> None:
        """Promote the quiet nights."""
        done = self._play("calibrate", "canary", "--from-runs", "last:14")
        assert done.code in (0, 2, 3, 4), done.err
        if done.code == 0:
            self.history_is_whole &= self._baseline() == self.baseline
            self.baseline = self._baseline()

    @rule()
    def editing_a_case(self) -> None:
        """Ask something else."""
        self.edited += 1
        path = self.root / CASE
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("id: edge", f"# edited {self.edited}\nid: edge"), encoding="utf-8")

    @rule(pick=st.randoms(use_true_random=False))
    def editing_the_baseline(self, pick: random.Random) -> None:
        """Flip a byte of the baseline: it is refused with 4 until it is restored."""
        path = self.root / pick.choice(sorted(self.baseline))
        content = path.read_bytes()
        place = pick.randrange(len(content))
        path.write_bytes(
            content[:place] + bytes([content[place] ^ (1 << pick.randrange(8))]) + content[place + 1 :]
        )
        try:
            assert self._play("baseline", "verify").code == 4
            done = self._play("check", "canary")
            assert (done.code, done.stage.told) == (4, []), done.err
        finally:
            path.write_bytes(content)

    @precondition(lambda self: self._newest() is not None)
    @rule()
    def losing_a_run(self) -> None:
        """Delete a run folder."""
        run = self._newest()
        assert run is not None
        shutil.rmtree(run)
        self.history_is_whole = False

    @rule(on=st.booleans())
    def changing_the_model(self, on: bool) -> None:
        """Have another model behind the name, or the old one again."""
        self.drift = CHANGED if on else ()

    @rule(hours=st.sampled_from((-49, -1, 1, 25)))
    def setting_the_clock(self, hours: int) -> None:
        """Set the wall clock."""
        self.clock.jump(3600 * hours)

    @precondition(lambda self: self._newest() is not None)
    @rule()
    def two_at_once(self) -> None:
        """Go on with a run that another process is at work on."""
        run = self._newest()
        assert run is not None
        # With a limit: one that waits for ever is refused where this process had the lock in another thread.
        with FileLock(run / ".journal.lock", timeout=10):
            done = self._play("check", "canary", "--resume", run.name)
        assert done.code == 2, done.err
        assert "another process" in done.err or "start a new run" in done.err
        assert done.stage.told == []

    @precondition(lambda self: self._ended() is not None)
    @rule()
    def reporting(self) -> None:
        """Decide a run again: it is the same verdict."""
        run = self._ended()
        assert run is not None
        before = _verdict(run)
        done = self._play("report", run.name)
        assert done.code == before["exit_code"], done.err
        assert _verdict(run) == before

    @rule()
    def rebuilding(self) -> None:
        """Make the history again: it says what it said, unless what it was made of changed."""
        before = self._history()
        done = self._play("history", "rebuild")
        assert done.code == 0, done.err
        if self.history_is_whole:
            assert self._history() == before
        self.history_is_whole = True

    @invariant()
    def the_baseline_changes_only_where_somebody_accepts(self) -> None:
        """Hold the files against those of the last acceptance."""
        if hasattr(self, "root"):
            assert self._baseline() == self.baseline

    @invariant()
    def one_drift_is_one_incident(self) -> None:
        """Look for a second one that is open."""
        if hasattr(self, "root") and (self.root / "reports" / "history.sqlite").exists():
            still_open = [one["id"] for one in self._history()["incidents"] if one["closed"] is None]
            assert len(still_open) <= 1, still_open

    def _play(self, *arguments: str, schedule: Schedule | None = None) -> Played:
        self.clock.advance(60)
        played = play(
            self.root, *arguments, clock=self.clock, schedule=schedule or Schedule(drift=self.drift)
        )
        assert played.code in (0, 1, 2, 3, 4), played.err
        assert "Traceback" not in played.err
        return played

    def _baseline(self) -> dict[str, bytes]:
        paths = self.root.glob("baselines/canary/steady/*")
        return {str(path.relative_to(self.root)): path.read_bytes() for path in paths}

    def _runs(self) -> list[Path]:
        return sorted(path.parent for path in self.root.glob("reports/*/manifest.json"))

    def _newest(self) -> Path | None:
        return next((run for run in reversed(self._runs()) if (run / "journal.jsonl").exists()), None)

    def _ended(self) -> Path | None:
        return next((run for run in reversed(self._runs()) if (run / "verdict.json").exists()), None)

    def _drifted(self) -> Path | None:
        run = self._ended()
        return run if run is not None and _verdict(run)["exit_code"] == 1 else None

    def _history(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._play("--json", "history", "--last", "99").out)
        return found


def _verdict(run: Path) -> dict[str, Any]:
    verdict: dict[str, Any] = json.loads((run / "verdict.json").read_text(encoding="utf-8"))
    for name in OF_THE_ATTEMPT:
        verdict["run_end"].pop(name, None)
    return verdict


@pytest.fixture
def life(template: Path, tmp_path: Path) -> Iterator[type[ProjectLife]]:
    """The machine, with a folder to work in."""
    yield type("ProjectLife", (ProjectLife,), {"template": template, "folder": tmp_path})


def live(life: type[ProjectLife], *, lives: int, steps: int) -> None:
    kept = settings(
        max_examples=lives,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(life, settings=kept)


def test_a_project_keeps_its_promises_whatever_is_done_to_it(life: type[ProjectLife]) -> None:
    live(life, lives=3, steps=10)


@pytest.mark.soak
def test_a_project_keeps_its_promises_for_longer(life: type[ProjectLife]) -> None:
    live(life, lives=20, steps=20)
