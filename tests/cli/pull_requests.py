"""A project in a git repository, on a branch that a check can be held against: what pull requests are told on."""

import json
import shutil
import subprocess
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from harness.cli.app import run
from tests.cli.conftest import CLOCK, ROOT, Done, Drift, runs_of

TASKS = (
    "support-refund-late",
    "support-refund-agreed",
    "support-german",
    "support-legal-advice",
    "support-internal-note",
    "support-warranty-brief",
)
CONFIG = """\
version: 1
targets:
  steady: {model: simulated/steady, params: {temperature: 0, max_tokens: 512}}
suites:
  golden: {path: golden/, targets: [steady], samples: 3, affects: ["prompts/**"]}
"""
GIT = """\
[user]
\tname = Tester
\temail = tester@example.org
[gc]
\tauto = 0
[maintenance]
\tauto = false
[core]
\tfsync = none
"""
NO_EXCEPTIONS = "4. The return window has no exceptions"
"""The rule without which support-refund-late gives money away."""
REASON = "Refunds are generous from now on."


@dataclass(frozen=True)
class Project:
    """A project in a repository of its own."""

    root: Path

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, message: str = "A change.") -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", message)

    def edit(self, path: str, before: str, after: str) -> None:
        place = self.root / path
        text = place.read_text(encoding="utf-8")
        assert before in text
        place.write_text(text.replace(before, after), encoding="utf-8", newline="\n")

    def drop_line(self, path: str, start: str) -> None:
        place = self.root / path
        lines = place.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(start)]
        assert len(kept) == len(lines) - 1
        place.write_text("".join(kept), encoding="utf-8", newline="\n")

    def verdict(self) -> dict[str, object]:
        text = (runs_of(self.root)[-1] / "verdict.json").read_text(encoding="utf-8")
        found = json.loads(text)
        return dict(found.get("verdict", found))

    def target(self) -> dict[str, list[dict[str, object]]]:
        targets = self.verdict()["targets"]
        assert isinstance(targets, list)
        return dict(targets[0])

    def regressed(self) -> list[object]:
        return [task["case"] for task in self.target()["tasks"] if task["outcome"] == "regressed"]

    def problems(self) -> list[object]:
        return [gated["problem"] for gated in self.target()["gated"]]


def repository(root: Path, message: str = "All of it.") -> Project:
    """Make a folder a repository, with all that is in it on `main` and a branch `change` to work on."""
    made = Project(root)
    made.git("init", "-q", "-b", "main", "--template=", ".")
    (root / ".git" / "info").mkdir()
    with (root / ".git" / "config").open("a", encoding="utf-8") as file:
        file.write(GIT)
    made.commit(message)
    made.git("switch", "-qc", "change")
    return made


def check_in(root: Path) -> None:
    """Write six tasks of the support prompt with 12 accepted runs, on a branch of a repository."""
    for folder in ("schemas", "tools"):
        shutil.copytree(ROOT / "golden" / folder, root / "golden" / folder)
    for task in TASKS:
        shutil.copy(ROOT / "golden" / f"{task}.yaml", root / "golden")
    shutil.copytree(ROOT / "prompts", root / "prompts")
    (root / "drift.yaml").write_text(CONFIG, encoding="utf-8", newline="\n")
    (root / ".gitignore").write_text("reports/\n.drift/\n", encoding="utf-8", newline="\n")
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()) as err:
        code = run(["-C", str(root), "calibrate", "golden", "--night", "2026-12-20"], clock=CLOCK)
        assert code == 0, err.getvalue()
    shutil.rmtree(root / "reports")
    repository(root, "The suite and its baseline.")


@pytest.fixture
def project(checked_in: Path, tmp_path: Path) -> Project:
    """A copy to do with as one likes."""
    return Project(Path(shutil.copytree(checked_in, tmp_path / "project", symlinks=True)))


Check = Callable[..., Done]


@pytest.fixture
def check(drift: Drift) -> Check:
    """What the check says of the branch."""
    return lambda *arguments: drift("check", "golden", "--since", "main", *arguments)


def accept(project: Project, drift: Drift, *cases: str, reason: str = REASON) -> Done:
    """Accept what the last run showed."""
    shown = str(project.verdict()["shown"])[:8]
    named = [part for case in cases or ("*",) for part in ("--case", case)]
    done = drift(
        "accept", runs_of(project.root)[-1].name, *named, "--reason", reason, "--digest", shown, "--yes"
    )
    assert done.code == 0, done.err
    return done


def on_main(project: Project, *edits: tuple[str, str, str]) -> None:
    """Let the target branch have been so, and begin the branch of the change anew."""
    project.git("switch", "-q", "main")
    for edit in edits:
        project.edit(*edit)
    project.commit()
    project.git("switch", "-qC", "change")
