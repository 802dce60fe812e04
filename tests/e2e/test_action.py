"""The shell of the action and of the trusted check, on real commands and a real repository."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Upstream:
    """A repository, and a clone of it in which the trusted check's step lays the head's data over the base."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "upstream"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def output(self) -> Path:
        return self.folder / "output"

    def git(self, *arguments: str, cwd: Path | None = None, **environment: str) -> str:
        known = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_GLOBAL": os.devnull}
        done = subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments],
            cwd=cwd or self.root,
            env={**known, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def commit(self, message: str, **environment: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message, **environment)
        return self.git("rev-parse", "HEAD")

    def lay(self, base: str, head: str) -> subprocess.CompletedProcess[str]:
        self.git("clone", "--quiet", str(self.root), str(self.work), cwd=self.folder)
        return bash(
            script(
                ".github/workflows/prompt-check-trusted.yml",
                "Lay the head's prompts and tasks over the merge base",
            ),
            self.work,
            BASE=base,
            HEAD=head,
            DATA="prompts golden baselines",
            ORIGIN=str(self.root),
            TOKEN="no-token",
            GITHUB_OUTPUT=str(self.output),
        )


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    made = Upstream(tmp_path)
    made.root.mkdir()
    made.git("init", "--quiet", "--initial-branch", "main")
    files = {"prompts/a.md": "old", "prompts/gone.md": "gone", "golden/t.yaml": "old"}
    made.write({**files, "code.py": "ours", "drift.yaml": "version: 1"})
    made.commit("base")
    return made


def test_the_heads_prompts_are_laid_over_the_merge_base_as_data(upstream: Upstream) -> None:
    base = upstream.git("rev-parse", "HEAD")
    upstream.git("checkout", "--quiet", "-b", "head")
    upstream.write(
        {"prompts/a.md": "new", "golden/u.yaml": "added", "code.py": "theirs", "evil.py": "theirs"}
    )
    (upstream.root / "prompts" / "gone.md").unlink()
    (upstream.root / "prompts" / "link.md").symlink_to("/etc/passwd")
    head = upstream.commit("head")
    upstream.git("checkout", "--quiet", "main")
    upstream.write({"prompts/a.md": "meanwhile", "code.py": "ours, later"})
    done = upstream.lay(upstream.commit("main goes on"), head)
    work = upstream.work
    assert done.returncode == 0, done.stderr
    assert "2 changed files outside of prompts golden baselines are no part" in done.stdout
    assert upstream.output.read_text() == f"base={base}\n"
    assert upstream.git("rev-parse", "HEAD", cwd=work) == base
    assert (work / "code.py").read_text() == "ours"
    assert not (work / "evil.py").exists()
    assert (work / "prompts" / "a.md").read_text() == "new"
    assert (work / "golden" / "u.yaml").read_text() == "added"
    assert not (work / "prompts" / "gone.md").exists()
    assert not (work / "prompts" / "link.md").is_symlink()
    assert (work / "prompts" / "link.md").read_text() == "/etc/passwd"
    assert "prompts/link.md" in upstream.git("ls-files", cwd=work).split("\n")


@pytest.mark.parametrize("name", ["drift.yaml", ".gitmodules", ".gitattributes", "prompts/.gitattributes"])
def test_a_head_that_changes_what_is_not_laid_over_is_refused(upstream: Upstream, name: str) -> None:
    base = upstream.git("rev-parse", "HEAD")
    upstream.git("checkout", "--quiet", "-b", "head")
    upstream.write({name: "theirs"})
    done = upstream.lay(base, upstream.commit("head"))
    assert (done.returncode, "which are not laid over" in done.stdout) == (1, True), done.stdout
    assert not upstream.output.exists()


def test_code_that_the_base_branch_never_was_in_does_not_run_with_keys(upstream: Upstream) -> None:
    upstream.git("checkout", "--quiet", "-b", "first")
    upstream.write({"code.py": "evil"})
    start = upstream.commit("something bad")
    upstream.write({"code.py": "ours"})
    upstream.commit("and taken back")
    upstream.git("checkout", "--quiet", "main")
    upstream.git("merge", "--quiet", "--no-ff", "--message", "merged", "first")
    tip = upstream.git("rev-parse", "HEAD")
    upstream.git("checkout", "--quiet", "-b", "second", start)
    upstream.write({"prompts/a.md": "new"})
    done = upstream.lay(tip, upstream.commit("head"))
    assert (done.returncode, "rebase it" in done.stdout) == (1, True), done.stdout


def test_of_several_merge_bases_the_head_chooses_none(upstream: Upstream) -> None:
    upstream.git("checkout", "--quiet", "-b", "first")
    upstream.write({"code.py": "theirs"})
    crossed = upstream.commit("crossed", GIT_COMMITTER_DATE="2030-01-01T00:00:00")
    upstream.git("checkout", "--quiet", "main")
    upstream.write({"prompts/a.md": "a rule more"})
    before = upstream.commit("a rule")
    upstream.git("merge", "--quiet", "--no-ff", "--message", "merged", "first")
    tip = upstream.git("rev-parse", "HEAD")
    upstream.git("checkout", "--quiet", "-b", "second", crossed)
    upstream.git("merge", "--quiet", "--strategy", "ours", "--message", "crossed again", before)
    done = upstream.lay(tip, upstream.git("rev-parse", "HEAD"))
    assert (done.returncode, "rebase it" in done.stdout) == (1, True), done.stdout
