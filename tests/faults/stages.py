"""A project to play schedules on: canaries, one that a judge scores, and golden tasks, each with a baseline."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from tests.support.fakes import ManualClock
from tests.support.faults import Played, Schedule, play

ROOT = Path(__file__).parents[2]
CANARIES = (
    "structure-release-order",
    "reasoning-shift-rota",
    "edge-quoted-injection",
    "refusal-kill-children",
    "tool-weather",
)
JUDGED = ("reasoning-state-steps", "edge-near-empty", "structure-acrostic", "reasoning-red-herring")
RUBRIC = 'rubric: |\n  1. Names the "answer". 2. Explains each "step" of it.\n'
TASKS = ("support-refund-late", "support-german", "support-json-only", "support-warranty-brief")
BASELINE_NIGHTS = 8
TONIGHT = datetime(2026, 12, 28, 3, 17, tzinfo=UTC)
NIGHTS = tuple(f"2026-11-{day:02d}" for day in range(15, 25))
SAMPLES = 3
_PRICED = (
    "params: {temperature: 0, max_tokens: 256}, price: {input_usd_per_million: 1, output_usd_per_million: 2}"
)
CONFIG = f"""\
version: 1
targets:
  steady: {{model: scheduled/steady, {_PRICED}}}
  tonight: {{model: scheduled/steady, {_PRICED}, baseline_of: steady}}
  twin: {{model: scheduled/steady, {_PRICED}, baseline_of: steady}}
  fresh: {{model: scheduled/typical, {_PRICED}}}
  judge: {{model: scheduled/judge-good, {_PRICED}}}
judge: {{target: judge, anchors: 5}}
encoder: {{name: scheduled}}
suites:
  canary: {{path: canaries/, targets: [steady], samples: {SAMPLES}}}
  judged: {{path: judged/, targets: [steady], samples: {SAMPLES}}}
  golden: {{path: golden/, targets: [steady], samples: {SAMPLES}}}
limits: {{timeout_s: 60, concurrency: 4, max_minutes: 600}}
"""
STAGES = {
    "canary": ("check", "canary", "--target", "tonight"),
    "two": ("check", "canary", "--target", "tonight", "--target", "twin"),
    "fresh": ("check", "canary", "--target", "fresh"),
    "judged": ("check", "judged", "--target", "tonight"),
    "golden": ("check", "golden", "--target", "tonight"),
}


def clock_at(at: datetime = TONIGHT) -> ManualClock:
    """Return a clock that stands still until something waits."""
    return ManualClock(at)


def build_project(root: Path) -> Path:
    """Write the project, and play the nights of its baselines."""
    for folder in ("tools", "schemas"):
        for suite, source in (("canaries", "canaries"), ("judged", "canaries"), ("golden", "golden")):
            shutil.copytree(ROOT / source / folder, root / suite / folder)
    for suite, source, names in (
        ("canaries", "canaries", CANARIES),
        ("judged", "canaries", JUDGED),
        ("golden", "golden", TASKS),
    ):
        for name in names:
            shutil.copy(ROOT / source / f"{name}.yaml", root / suite)
    shutil.copytree(ROOT / "prompts", root / "prompts")
    case = root / "judged" / f"{JUDGED[0]}.yaml"
    case.write_text(case.read_text(encoding="utf-8") + RUBRIC, encoding="utf-8")
    (root / "drift.yaml").write_text(CONFIG, encoding="utf-8")
    clock = clock_at()
    for suite in ("canary", "judged"):
        for day in range(1, BASELINE_NIGHTS + 1):
            clock.advance(60)
            night = f"2026-11-{day:02d}"
            done = play(root, "check", suite, "--scheduled", "--night", night, clock=clock)
            assert done.code == 0, done
        clock.advance(60)
        done = play(root, "calibrate", suite, "--from-runs", "last:14", clock=clock)
        assert done.code == 0, done.err
    clock.advance(60)
    done = play(root, "calibrate", "golden", "--night", "2026-11-01", clock=clock)
    assert done.code == 0, done.err
    shutil.rmtree(root / "reports")
    return root


def run_of(root: Path) -> Path:
    """Return the folder of the newest run."""
    return sorted(path.parent for path in root.glob("reports/*/manifest.json"))[-1]


def play_night(root: Path, stage: str, night: str, schedule: Schedule, *more: str) -> Played:
    """Play one night on a project without earlier runs."""
    shutil.rmtree(root / "reports", ignore_errors=True)
    return play(root, *STAGES[stage], "--night", night, *more, clock=clock_at(), schedule=schedule)
