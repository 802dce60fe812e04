"""The repository's own suite on its own baseline: no night alarms, the swap always does."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Drift

FIRST = date(2026, 12, 1)
NIGHTS = 28
"""The simulated model repeats itself after so many."""
SHARES = 4
"""A check plays the first; `make soak` plays them all."""
shares = pytest.mark.parametrize(
    "share", [0, *(pytest.param(share, marks=pytest.mark.soak) for share in range(1, SHARES))]
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """What `drift check canary` reads in a fresh checkout."""
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(ROOT / "drift.yaml", project)
    for folder in ("canaries", "golden", "prompts", "baselines"):
        shutil.copytree(ROOT / folder, project / folder)
    return project


@shares
def test_no_unchanged_night_alarms(repository: Path, drift: Drift, share: int) -> None:
    alarms = {}
    for number in range(share, NIGHTS, SHARES):
        night = (FIRST + timedelta(days=number)).isoformat()
        done = drift("-q", "check", "canary", "--night", night)
        if done.code != 0:
            alarms[night] = (done.code, done.out)
        shutil.rmtree(repository / "reports")
    assert not alarms, "\n\n".join(f"{night} exit {code}\n{out}" for night, (code, out) in alarms.items())


@pytest.mark.parametrize("night", [FIRST, FIRST + timedelta(days=13)], ids=str)
def test_a_swap_always_alarms(repository: Path, drift: Drift, night: date) -> None:
    done = drift("check", "canary", "--target", "swapped", "--night", night.isoformat())
    assert (done.code, "DRIFT" in done.out) == (1, True), done


@shares
def test_the_golden_tasks_pass_on_every_date(repository: Path, drift: Drift, share: int) -> None:
    failed = {}
    for number in range(share, NIGHTS, SHARES):
        night = (FIRST + timedelta(days=number)).isoformat()
        done = drift("-q", "check", "golden", "--night", night)
        if done.code != 0:
            failed[night] = (done.code, done.out)
        shutil.rmtree(repository / "reports")
    assert not failed, "\n\n".join(f"{night} exit {code}\n{out}" for night, (code, out) in failed.items())


@pytest.mark.parametrize(
    ("prompt", "rule", "task"),
    [
        ("support.md", "4. The return window", "support-refund-late"),
        ("reviewer.md", "8. ", "review-leaked-key"),
    ],
)
def test_a_rule_that_is_deleted_turns_the_suite_red(
    repository: Path, drift: Drift, prompt: str, rule: str, task: str
) -> None:
    path = repository / "prompts" / prompt
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(rule)), encoding="utf-8")
    done = drift("check", "golden", "--night", FIRST.isoformat())
    assert (done.code, task in done.out) == (1, True), done
