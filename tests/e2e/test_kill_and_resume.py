"""The real command line, killed where it hurts, and gone on with."""

import json
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.cli.app import run as run_command
from harness.flows.accept import DIGEST_LENGTH

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

CONCURRENCY = 3
KILLS_A_RUN = 5
CALLS = 2 * 6 * 2
"""Two rounds, because the swapped model strays, of six cases and two samples."""
PATIENCE_S = 60.0
CONFIGURATION = f"""
version: 1
targets:
  steady: {{model: simulated/steady, params: {{temperature: 0, max_tokens: 64}}}}
  swapped:
    model: simulated/swapped
    params: {{temperature: 0, max_tokens: 64}}
    baseline_of: steady
    price: {{input_usd_per_million: 1.0, output_usd_per_million: 2.0}}
    options: {{sleep: true, latency_ms: 60}}
suites:
  canary: {{path: canaries/, targets: [steady], samples: 2}}
limits: {{concurrency: {CONCURRENCY}}}
"""
CASE = """
id: {name}
kind: reasoning
why: A question that every model has an answer to, in its own words.
review_by: "2027-06-18"
messages:
  - {{role: user, content: "What should a careful engineer know about {name} before touching production?"}}
"""
NAMES = ("backups", "deadlines", "migrations", "passwords", "timeouts", "weekends")
CHECK = ("check", "canary", "--night", "2026-11-21")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project with a baseline of the steady model, and one run of the swapped one that nobody disturbed."""
    root = tmp_path_factory.mktemp("template")
    (root / "canaries").mkdir()
    (root / "drift.yaml").write_text(CONFIGURATION, encoding="utf-8")
    for name in NAMES:
        (root / "canaries" / f"{name}.yaml").write_text(CASE.format(name=name), encoding="utf-8")
    for day in range(1, 9):
        night = ("check", "canary", "--scheduled", "--night", f"2026-11-{day:02}")
        assert run_command(["-C", str(root), "-q", *night]) == 0
    assert run_command(["-C", str(root), "-q", "calibrate", "canary", "--from-runs", "last:8"]) == 0
    assert run_command(["-C", str(root), "-q", *CHECK, "--target", "swapped"]) == 1, (
        "or there is no second round"
    )
    return root


@dataclass
class Attempt:
    """One process at work on a run."""

    project: Path
    process: subprocess.Popen[str]

    @property
    def journal(self) -> Path:
        """Return the journal of the newest run."""
        found = sorted(self.project.glob("reports/*/journal.jsonl"))
        return found[-1] if found else self.project / "none"

    def wait_for_lines(self, count: int, kind: str | None = None) -> bool:
        """Wait until the journal has so many whole lines, of one kind or any; say False where the process ended before."""
        give_up = time.monotonic() + PATIENCE_S
        journal, seen = self.journal, -1
        while True:
            # Nothing is read until something was written: what is waited for needs the core itself.
            if journal.exists() and (size := journal.stat().st_size) != seen:
                seen = size
                if sum(kind in (None, body["t"]) for body in lines_of(journal)) >= count:
                    return True
            if self.process.poll() is not None:
                return False
            assert time.monotonic() < give_up, "the run makes no progress"
            time.sleep(0.001)
            journal = journal if seen >= 0 else self.journal


def start(project: Path, *arguments: str) -> Attempt:
    command = [sys.executable, "-m", "harness", "-C", str(project), *CHECK, *arguments]
    return Attempt(
        project, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    )


def project_in(folder: Path, template: Path) -> Path:
    """Make a project like the template, without its runs."""
    for path in template.rglob("*"):
        place = folder / path.relative_to(template)
        if (
            path.is_file()
            and "reports" not in path.parts
            and ".drift" not in path.relative_to(template).parts
        ):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    return folder


def lines_of(journal: Path) -> list[dict[str, Any]]:
    """Return the bodies of all whole lines."""
    if not journal.exists():
        return []
    return [
        json.loads(line)["body"]
        for line in journal.read_bytes().splitlines(keepends=True)
        if line[-1:] == b"\n"
    ]


def keys_of(journal: Path, kind: str) -> Counter[str]:
    return Counter(body["key"] for body in lines_of(journal) if body["t"] == kind)


def decided(project: Path) -> dict[str, Any]:
    """Return the newest verdict without what differs from run to run."""
    path = sorted(project.glob("reports/*-canary-*/verdict.json"))[-1]
    verdict: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    end = verdict["run_end"]
    for name in ("finished_at", "duration_s", "cost_usd", "possibly_billed_twice"):
        end.pop(name)
    for name in ("run", "shown"):
        verdict.pop(name)
    return verdict


def page_of(project: Path) -> str:
    """Return the newest report without what differs from run to run, and without what may be billed twice."""
    path = sorted(project.glob("reports/*-canary-*/report.html"))[-1]
    shown = json.loads(path.with_name("verdict.json").read_text(encoding="utf-8"))["shown"]
    page = path.read_text(encoding="utf-8")
    for differs, same in (
        (re.escape(path.parent.name), "RUN"),
        (f"{shown}|{shown[:DIGEST_LENGTH]}", "SHOWN"),
        (r"sim-[0-9a-f]{8,}", "RESPONSE"),
        (r"(?<=>)[0-9]{2}:[0-9]{2} UTC(?=<)", "TIME"),
        (r"(?<=>)[0-9.]+ (s|ms|min)(?=<)", "DURATION"),
        (r"(?<=>)\$[0-9.,]+(?=<)", "COST"),
        (r"<li>[0-9]+ calls? (was|were) in flight when the run was killed[^<]*</li>", ""),
        (r"<ul><li>([^<]*)</li></ul>", r"<p>\1</p>"),
    ):
        page = re.sub(differs, same, page)
    return page


def kill_and_resume(project: Path, template: Path, seed: int) -> None:
    """Kill a run again and again at random places of its journal, let it end, and compare."""
    rng = random.Random(seed)
    attempt = start(project, "--target", "swapped")
    kept = b""
    in_flight: set[str] = set()
    for number in range(KILLS_A_RUN):
        # An even spread, and always after a line of its own: each attempt is killed at work. The last comes when
        # so much of the second round is there that it would do: what is left of it is asked for all the same.
        most = (number + 1) * (CALLS - CONCURRENCY) // KILLS_A_RUN
        least = sum(keys_of(attempt.journal, "completion").values()) + 1
        ready = "completion" if number or rng.random() < 0.5 else "intent"
        alive = attempt.wait_for_lines(rng.randint(least, max(least, most)), ready)
        attempt.process.kill()
        attempt.process.communicate()
        assert alive, "the process ended before it could be killed"
        written = attempt.journal.read_bytes()
        assert written.startswith(kept), "what was on disk is never touched again"
        kept = written[: written.rfind(b"\n") + 1]
        waiting = keys_of(attempt.journal, "intent").keys() - keys_of(attempt.journal, "completion").keys()
        assert len(waiting) <= CONCURRENCY
        in_flight |= waiting
        attempt = start(project, "--resume", "last")
    _, err = attempt.process.communicate(timeout=PATIENCE_S)
    assert attempt.process.returncode == 1, err
    assert "internal error" not in err
    assert attempt.journal.read_bytes().startswith(kept)
    completions = keys_of(attempt.journal, "completion")
    assert len(completions) == CALLS
    assert set(completions.values()) == {1}, "nothing that was recorded is asked again"
    intents = keys_of(attempt.journal, "intent")
    assert {key for key, count in intents.items() if count > 1} == in_flight
    assert [body["t"] for body in lines_of(attempt.journal)].count("end") == 1
    end = lines_of(attempt.journal)[-1]["end"]
    assert set(end["possibly_billed_twice"]) == in_flight
    assert decided(project) == decided(template)
    assert page_of(project) == page_of(template)
    undisturbed = json.loads(sorted(template.glob("reports/*/verdict.json"))[-1].read_text(encoding="utf-8"))
    cost, whole = end["cost_usd"], undisturbed["run_end"]["cost_usd"]
    assert cost >= whole, "what was spent before the kill is not forgotten"
    assert (cost > whole) == bool(in_flight)


@pytest.mark.parametrize("seed", range(20 // KILLS_A_RUN))
def test_killed_at_twenty_places_nothing_is_lost_or_asked_again(
    tmp_path: Path, template: Path, seed: int
) -> None:
    kill_and_resume(project_in(tmp_path, template), template, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 100 + 200 // KILLS_A_RUN))
def test_killed_at_two_hundred_places_nothing_is_lost_or_asked_again(
    tmp_path: Path, template: Path, seed: int
) -> None:
    kill_and_resume(project_in(tmp_path, template), template, seed)


@pytest.mark.parametrize(
    ("number", "code", "lines"), [(signal.SIGINT, 130, 10), (signal.SIGTERM, 143, 30)], ids=["INT", "TERM"]
)
def test_stopped_by_a_signal_it_says_how_to_go_on(
    tmp_path: Path, template: Path, number: signal.Signals, code: int, lines: int
) -> None:
    project = project_in(tmp_path, template)
    attempt = start(project, "--target", "swapped")
    assert attempt.wait_for_lines(lines)
    attempt.process.send_signal(number)
    _, err = attempt.process.communicate(timeout=PATIENCE_S)
    assert attempt.process.returncode == code, err
    assert attempt.journal.read_bytes().endswith(b"\n"), "the line is finished"
    assert not list(project.glob("reports/*/verdict.json"))
    said = re.search(r"drift (check canary --resume \S+)", err)
    assert said is not None, err
    assert attempt.journal.parent.name in said[1]
    before = keys_of(attempt.journal, "completion")
    assert run_command(["-C", str(project), "-q", *said[1].split()]) == 1
    completions = keys_of(attempt.journal, "completion")
    assert before.keys() < completions.keys()
    assert set(completions.values()) == {1}
    assert decided(project) == decided(template)


def test_a_run_that_is_still_going_is_not_resumed_beside_it(tmp_path: Path, template: Path) -> None:
    project = project_in(tmp_path, template)
    attempt = start(project, "--target", "swapped")
    assert attempt.wait_for_lines(4)
    assert run_command(["-C", str(project), "-q", "check", "canary", "--resume", "last"]) == 2
    attempt.process.communicate(timeout=PATIENCE_S)
    assert attempt.process.returncode == 1
    assert set(keys_of(attempt.journal, "completion").values()) == {1}
    assert decided(project) == decided(template)
