"""The shell of the action and of the trusted check, on real commands and a real repository."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.scaffold import scaffold_files

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the workflows run on Linux")


def script(name: str, step: str) -> str:
    content: Mapping[str, Any] = yaml.safe_load(scaffold_files()[name])
    jobs = content["jobs"].values() if "jobs" in content else [content["runs"]]
    (found,) = [s["run"] for job in jobs for s in job["steps"] if s.get("name") == step and "run" in s]
    return str(found)


def bash(text: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {"PATH": os.environ["PATH"], "HOME": str(cwd), "GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", text],
        cwd=cwd,
        env={**known, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def called(tmp_path: Path) -> Path:
    """A `drift` that writes down what it was given, and ends in 3."""
    program = tmp_path / "bin" / "drift"
    program.parent.mkdir()
    program.write_text(
        '#!/usr/bin/env bash\nprintf "%s\\n" "$@" > "$RUNNER_TEMP/arguments"\ncat "$3" > "$RUNNER_TEMP/keys-seen"\n'
        'env > "$RUNNER_TEMP/environment"\nexit 3\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    return tmp_path


def test_the_action_gives_keys_to_drift_alone_and_ends_as_it_does(called: Path) -> None:
    secret = "sk-secret with = and 'quotes' $(touch owned)"
    done = bash(
        script(".github/actions/drift/action.yml", "Check"),
        called,
        PATH=f"{called / 'bin'}:{os.environ['PATH']}",
        RUNNER_TEMP=str(called),
        GITHUB_OUTPUT=str(called / "output"),
        KEYS=f"A_KEY={secret}\nEMPTY=\nnot a line; rm -rf /\n",
        SUITE="golden",
        SINCE="abc; touch owned",
        OUT="drift-out",
    )
    assert done.returncode == 3
    assert (called / "output").read_text() == "code=3\n"
    assert (called / "keys-seen").read_text() == f"A_KEY={secret}\n"
    assert secret not in (called / "environment").read_text()
    assert secret not in (called / "arguments").read_text()
    assert not list(called.glob("keys.*")), "the keys were left behind"
    assert not (called / "owned").exists()
    arguments = (called / "arguments").read_text().splitlines()
    assert arguments[-2:] == ["--since", "abc; touch owned"]
    assert arguments[3:5] == ["check", "golden"]


def test_the_action_writes_outside_the_checkout_where_no_folder_is_named(called: Path) -> None:
    for named, expected in (("", f"{called}/drift-out"), ("mine", "mine")):
        bash(
            script(".github/actions/drift/action.yml", "Check"),
            called,
            PATH=f"{called / 'bin'}:{os.environ['PATH']}",
            RUNNER_TEMP=str(called),
            GITHUB_OUTPUT=str(called / "output"),
            KEYS="",
            SUITE="golden",
            SINCE="",
            OUT=named,
        )
        arguments = (called / "arguments").read_text().splitlines()
        assert arguments[arguments.index("--out") + 1] == expected


def test_the_heads_prompts_are_laid_over_the_merge_base_as_data(tmp_path: Path) -> None:
    upstream, work = tmp_path / "upstream", tmp_path / "work"

    def git(*arguments: str, cwd: Path = upstream) -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments],
            cwd=cwd,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_GLOBAL": os.devnull},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def write(**files: str) -> None:
        for name, text in files.items():
            path = upstream / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    upstream.mkdir()
    git("init", "--quiet", "--initial-branch", "main")
    write(prompts__a_dot_md="old", prompts__gone_dot_md="gone", golden__t_dot_yaml="old", code_dot_py="ours")
    git("add", "--all")
    git("commit", "--quiet", "--message", "base")
    base = git("rev-parse", "HEAD")
    git("checkout", "--quiet", "-b", "head")
    write(prompts__a_dot_md="new", golden__u_dot_yaml="added", code_dot_py="theirs", evil_dot_py="theirs")
    (upstream / "prompts" / "gone.md").unlink()
    (upstream / "prompts" / "link.md").symlink_to("/etc/passwd")
    git("add", "--all")
    git("commit", "--quiet", "--message", "head")
    head = git("rev-parse", "HEAD")
    git("checkout", "--quiet", "main")
    write(prompts__a_dot_md="meanwhile", code_dot_py="ours, later")
    git("add", "--all")
    git("commit", "--quiet", "--message", "main goes on")
    tip = git("rev-parse", "HEAD")
    git("clone", "--quiet", str(upstream), str(work), cwd=tmp_path)

    done = bash(
        script(
            ".github/workflows/prompt-check-trusted.yml",
            "Lay the head's prompts and tasks over the merge base",
        ),
        work,
        BASE=tip,
        HEAD=head,
        DATA="prompts golden baselines",
        ORIGIN=str(upstream),
        TOKEN="no-token",
        GITHUB_OUTPUT=str(tmp_path / "output"),
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output").read_text() == f"base={base}\n"
    assert git("rev-parse", "HEAD", cwd=work) == base
    assert (work / "code.py").read_text() == "ours"
    assert not (work / "evil.py").exists()
    assert (work / "prompts" / "a.md").read_text() == "new"
    assert (work / "golden" / "u.yaml").read_text() == "added"
    assert not (work / "prompts" / "gone.md").exists()
    assert not (work / "prompts" / "link.md").is_symlink()
    assert (work / "prompts" / "link.md").read_text() == "/etc/passwd"
