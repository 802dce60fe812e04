"""The action installs what the lock says, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ACTION: dict[str, Any] = yaml.safe_load(
    (ROOT / ".github/actions/drift/action.yml").read_text(encoding="utf-8")
)
LOCK = "requirements/core.lock"
WITHOUT_CHOICE = {"--no-deps", "--require-hashes"}


def installed(folder: Path, requirement: str) -> list[list[str]]:
    """Run the action's step on a `python` that writes down what it was given; return that, a call each."""
    program = folder / "bin" / "python"
    program.parent.mkdir()
    program.write_text(
        '#!/usr/bin/env bash\nprintf "%s\\037" "$@" >> called\necho >> called\n', encoding="utf-8"
    )
    program.chmod(0o755)
    (step,) = (step for step in ACTION["runs"]["steps"] if step.get("name") == "Install drift")
    path = os.pathsep.join((str(program.parent), os.environ["PATH"]))
    subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=folder,
        env={"PATH": path, "REQUIREMENT": requirement, "LOCK": ACTION["inputs"]["lock"]["default"]},
        check=True,
    )
    return [line.split("\037")[:-1] for line in (folder / "called").read_text(encoding="utf-8").splitlines()]


@pytest.mark.skipif(sys.platform != "linux", reason="the workflows run on Linux")
def test_with_a_lock_every_package_has_its_hash_and_nothing_else_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / LOCK).write_text("", encoding="utf-8")
    locked, own = installed(tmp_path, ". ; touch owned")
    assert {*locked} >= WITHOUT_CHOICE
    assert locked[-2:] == ["-r", LOCK]
    assert {*own} >= {"--no-deps", "--no-build-isolation"}
    assert own[-1] == ". ; touch owned"
    assert all(call[:3] == ["-I", "-m", "pip"] for call in (locked, own))


@pytest.mark.skipif(sys.platform != "linux", reason="the workflows run on Linux")
def test_a_project_without_a_lock_installs_the_release(tmp_path: Path) -> None:
    (only,) = installed(tmp_path, "drift-harness==0.1.0")
    assert only[-1] == "drift-harness==0.1.0"
    assert not {*only} & WITHOUT_CHOICE


def test_this_repository_has_the_lock_that_its_workflows_install() -> None:
    assert ACTION["inputs"]["lock"]["default"] == LOCK
    assert "\nhatchling==" in (ROOT / LOCK).read_text(encoding="utf-8"), (
        "it is built without fetching anything"
    )


@pytest.mark.parametrize("folder", [".github/workflows", "harness/scaffold/files/dot-github/workflows"])
def test_no_workflow_lets_pip_choose(folder: str) -> None:
    lines = [
        line
        for path in sorted((ROOT / folder).glob("*.yml"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if "pip install" in line
    ]
    assert [line for line in lines if "--require-hashes" not in line and "--no-index" not in line] == []
