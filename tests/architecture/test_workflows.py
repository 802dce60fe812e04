"""The workflows: pinned, with the least rights, keys in the step that calls and nowhere else."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.scaffold import scaffold_files

ROOT = Path(__file__).parents[2]
FILES = sorted(
    [*(ROOT / ".github").rglob("*.yml"), *(ROOT / "harness/scaffold/files/dot-github").rglob("*.yml")]
)
WORKFLOWS = [path for path in FILES if path.parent.name == "workflows"]
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.relative_to(ROOT).as_posix())
SIGNS = {"attestations", "id-token"}
"""To attest is to sign as this workflow, and to store what was signed."""
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+\Z")


def read(path: Path) -> Mapping[Any, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def jobs(path: Path) -> Mapping[str, Mapping[str, Any]]:
    return dict(read(path)["jobs"])


def steps(path: Path) -> Iterator[Mapping[str, Any]]:
    content = read(path)
    if "runs" in content:
        yield from content["runs"]["steps"]
    for job in content.get("jobs", {}).values():
        yield from job["steps"]


@each_file
def test_every_action_is_pinned_by_commit_with_its_version_beside_it(path: Path) -> None:
    used = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    foreign = [name for name in used if not name.startswith("./.github/actions/drift ")]
    assert used or path.name == "none"
    assert [name for name in foreign if not PINNED.match(name)] == []


@each_workflow
def test_rights_are_few_at_the_top_and_named_in_every_job(path: Path) -> None:
    assert read(path)["permissions"] in ({}, {"contents": "read"})
    for job in jobs(path).values():
        rights = job.get("permissions", read(path)["permissions"])
        may_write = {name for name, right in rights.items() if right == "write"}
        # What may write holds no key, and runs nothing that a pull request brings.
        assert not (may_write and "secrets." in str(job))
        assert len(may_write) <= 1 or may_write == SIGNS
        assert job["timeout-minutes"] <= 60


@each_file
def test_a_key_is_seen_by_the_step_that_calls_and_by_no_other(path: Path) -> None:
    for step in steps(path):
        if "secrets." in str(step):
            calls = str(step.get("run", "")).startswith("drift check") or "keys" in step.get("with", {})
            assert calls, step
            assert "secrets." not in str(step.get("run", "")), "a key on a command line"


@each_file
def test_nothing_from_an_event_is_put_into_a_script(path: Path) -> None:
    scripts = [str(step.get("run", "")) for step in steps(path)]
    assert not [script for script in scripts if "${{" in script]


@each_file
def test_every_script_is_bash(path: Path) -> None:
    for step in steps(path):
        if "run" in step:
            done = subprocess.run(
                ["bash", "-n"], input=step["run"], text=True, capture_output=True, check=False
            )
            assert done.returncode == 0, done.stderr


@each_workflow
def test_no_checkout_leaves_its_token_behind(path: Path) -> None:
    for step in steps(path):
        if "actions/checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_the_prompt_check_reports_on_every_pull_request_and_in_the_merge_queue() -> None:
    # YAML 1.1 reads `on` as true.
    on = read(ROOT / ".github/workflows/prompt-check.yml")[True]
    assert on == {"pull_request": None, "merge_group": None}


def test_a_strangers_pull_request_runs_nothing_of_its_own_where_there_are_keys() -> None:
    path = ROOT / ".github/workflows/prompt-check-trusted.yml"
    on = read(path)[True]
    assert set(on) == {"pull_request_target"}
    assert "synchronize" in on["pull_request_target"]["types"], "a push has to take the label away"
    for step in steps(path):
        if "actions/checkout" in step.get("uses", ""):
            assert step["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert "secrets." not in str(jobs(path)["unlabel"])
    assert "checkout" not in str(jobs(path)["unlabel"])


def test_the_nightly_is_off_the_hour_alone_and_only_where_it_belongs() -> None:
    content = read(ROOT / ".github/workflows/nightly-canary.yml")
    (schedule,) = content[True]["schedule"]
    assert schedule["cron"].split()[0] not in ("0", "00", "30")
    assert "workflow_dispatch" in content[True]
    assert content["concurrency"] == {"group": "nightly-canary", "cancel-in-progress": False}
    assert "repository.fork" in content["jobs"]["canary"]["if"]


def test_a_release_is_built_once_tried_and_published_by_jobs_that_run_nothing_else() -> None:
    path = ROOT / ".github/workflows/release.yml"
    content, found = read(path), jobs(path)
    assert content[True] == {"push": {"tags": ["v*"]}}
    assert content["permissions"] == {}
    assert content["concurrency"] == {"group": "release-${{ github.ref }}", "cancel-in-progress": False}
    assert "repository.fork" in found["build"]["if"]
    assert {name: job["permissions"] for name, job in found.items()} == {
        "build": {"contents": "read"},
        "try": {"contents": "read"},
        "attest": {"attestations": "write", "id-token": "write"},
        "publish": {"id-token": "write"},
    }
    assert (found["try"]["needs"], found["attest"]["needs"], found["publish"]["needs"]) == (
        "build",
        ["build", "try"],
        "attest",
    )
    assert found["publish"]["environment"] == "release"
    assert "secrets." not in path.read_text(encoding="utf-8")
    used = {
        name: [step.get("uses", "").partition("@")[0] for step in job["steps"]] for name, job in found.items()
    }
    assert used["attest"] == [*["actions/download-artifact"] * 2, "actions/attest-build-provenance"]
    assert used["publish"] == ["actions/download-artifact", "pypa/gh-action-pypi-publish"]
    assert [str(job).count('uv" build') for job in found.values()] == [1, 0, 0, 0]
    assert found["publish"]["steps"][1]["with"]["attestations"] is True


@pytest.mark.parametrize(("tag", "code"), [("v{}", 0), ("{}", 1), ("v{}.1", 1), ("v", 1)])
def test_a_tag_that_is_not_the_version_is_no_release(tag: str, code: int) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    found = jobs(ROOT / ".github/workflows/release.yml")["build"]["steps"]
    (script,) = [step["run"] for step in found if step.get("name") == "The tag is the version"]
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = {"PATH": path, "GITHUB_REF_NAME": tag.format(version)}
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert done.returncode == code


def test_a_new_project_gets_the_action_the_workflows_and_the_owners() -> None:
    names = {name for name in scaffold_files() if name.startswith(".github/")}
    assert names == {
        ".github/CODEOWNERS",
        ".github/actions/drift/action.yml",
        ".github/workflows/nightly-canary.yml",
        ".github/workflows/prompt-check.yml",
        ".github/workflows/prompt-check-trusted.yml",
    }
    assert "/baselines/" in scaffold_files()[".github/CODEOWNERS"]


@pytest.mark.parametrize(
    "arguments", [("actionlint",), ("zizmor", "--offline", ".github")], ids=lambda a: a[0]
)
def test_the_linters_are_silent(arguments: tuple[str, ...]) -> None:
    program, *rest = arguments
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed here; CONTRIBUTING.md says how to get it")
    done = subprocess.run([program, *rest], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
