"""The shell of the scaffold's nightly workflow, on a real repository: a night finds the nights before it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cli.app import run
from harness.scaffold import scaffold_files
from tests.cli.conftest import write_project

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the workflow runs on Linux")
NAME = ".github/workflows/nightly-canary.yml"


@pytest.fixture(scope="module")
def workflow() -> Mapping[str, Any]:
    """The workflow, read."""
    return dict(yaml.safe_load(scaffold_files()[NAME]))


class Runner:
    """Runs jobs as a hosted machine does: every one in a workspace of its own."""

    def __init__(self, root: Path, workflow: Mapping[str, Any]) -> None:
        self.root, self.workflow = root, workflow
        self.origin = root / "origin.git"
        self.git("init", "--quiet", "--bare", str(self.origin))

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], env=self.environment(), capture_output=True, text=True, check=True
        )
        return done.stdout

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "DATA_BRANCH": self.workflow["env"]["DATA_BRANCH"],
            "ORIGIN": str(self.origin),
            "TOKEN": "no-token",
            "RUNNER_TEMP": str(self.root),
            "GITHUB_OUTPUT": str(self.root / "output"),
        }

    def step(self, job: str, name: str, workspace: Path) -> None:
        (script,) = [s["run"] for s in self.workflow["jobs"][job]["steps"] if s.get("name") == name]
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-c", script],
            cwd=workspace,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def night(self, date: str) -> Path:
        """Run both jobs of a night; return the workspace of the first."""
        workspace, second = self.root / f"canary-{date}", self.root / f"keep-{date}"
        workspace.mkdir()
        second.mkdir()
        write_project(workspace)
        self.git("init", "--quiet", str(workspace))
        self.step("canary", "Bring the nights before", workspace)
        assert run(["-q", "-C", str(workspace), "check", "canary", "--scheduled", "--night", date]) == 0
        self.step("canary", "Set tonight aside, its page apart", workspace)
        shutil.copytree(workspace / "tonight", second / "tonight")
        self.step("keep", "Keep the night on the data branch", second)
        return workspace


def runs_in(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("*/manifest.json"))


def test_the_second_night_finds_the_first_and_both_can_be_promoted(
    tmp_path: Path, workflow: Mapping[str, Any]
) -> None:
    runner = Runner(tmp_path, workflow)
    first = runner.night("2026-11-01")
    second = runner.night("2026-11-02")
    assert len(runs_in(first / "reports")) == 1
    assert len(runs_in(second / "reports")) == 2
    assert runs_in(second / "tonight" / "reports") == runs_in(second / "reports")[1:]
    assert [path.name for path in (second / "page").rglob("*.html")] == ["report.html"]
    assert (tmp_path / "output").read_text(encoding="utf-8").split() == ["runs=1", "runs=1"]
    kept = runner.git("-C", str(runner.origin), "ls-tree", "-r", "--name-only", "drift-data").splitlines()
    assert not [name for name in kept if name.endswith(".html") or "/." in name]
    assert runner.git("-C", str(runner.origin), "rev-list", "--count", "drift-data").strip() == "2"

    somebody = tmp_path / "somebody"
    somebody.mkdir()
    write_project(somebody)
    runner.git("-C", str(runner.origin), "archive", "-o", str(somebody / "kept.tar"), "drift-data")
    subprocess.run(["tar", "-xf", "kept.tar"], cwd=somebody, check=True)
    assert run(["-q", "-C", str(somebody), "calibrate", "canary", "--from-runs", "last:14"]) == 0
    runs = [
        name for line in (somebody / "baselines").rglob("acceptances.jsonl") for name in [line.read_text()]
    ]
    assert all(name in runs[0] for name in runs_in(second / "reports"))


def test_the_job_that_may_write_holds_no_key_and_the_one_with_a_key_may_not_write(
    workflow: Mapping[str, Any],
) -> None:
    assert workflow["permissions"] == {}
    jobs = workflow["jobs"]
    assert {name: job["permissions"] for name, job in jobs.items()} == {
        "canary": {"contents": "read"},
        "keep": {"contents": "write"},
        "tell": {"contents": "read", "issues": "write"},
    }
    assert "secrets." in str(jobs["canary"])
    assert "secrets." not in str(jobs["keep"])
    assert "secrets." not in str(jobs["tell"])
    assert "checkout" not in str(jobs["keep"]), "nothing of the repository runs where it may be written"
    assert "repository.fork" in jobs["canary"]["if"]
    uses = [step["uses"] for job in jobs.values() for step in job["steps"] if "uses" in step]
    uses = [name for name in uses if name != "./.github/actions/drift"]
    assert all(len(name.partition("@")[2]) == 40 for name in uses), "actions are pinned by commit"
