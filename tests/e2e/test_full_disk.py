"""A disk that is full at some write: what was there stays whole, it is said plainly, and the run goes on later."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.app import run as run_command
from tests.e2e.test_kill_and_resume import CASE, CHECK, CONFIGURATION, NAMES, keys_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)), resource.RLIM_INFINITY))
from harness.__main__ import main
sys.exit(main())
"""
MANY = (*CHECK, "--samples", "6")
CALLS = 36
"""Six cases, six samples, so that the journal is the largest file; without a baseline nothing is confirmed."""


def project_in(root: Path) -> Path:
    (root / "canaries").mkdir(parents=True)
    (root / "drift.yaml").write_text(CONFIGURATION, encoding="utf-8")
    for name in NAMES:
        (root / "canaries" / f"{name}.yaml").write_text(CASE.format(name=name), encoding="utf-8")
    return root


def journal_of(project: Path) -> Path:
    return next(iter(project.glob("reports/*/journal.jsonl")))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> int:
    """The size of a journal that nothing disturbed."""
    project = project_in(tmp_path_factory.mktemp("whole"))
    assert run_command(["-C", str(project), "-q", *MANY]) == 0
    return journal_of(project).stat().st_size


@pytest.mark.parametrize("share", [0.5, 0.98])
def test_a_disk_that_is_full_in_the_middle_of_a_run_ends_in_3_and_the_run_goes_on_later(
    tmp_path: Path, whole: int, share: float
) -> None:
    project = project_in(tmp_path / "project")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(int(whole * share)), "-C", str(project), *MANY],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3, done
    assert "journal.jsonl" in done.stderr
    assert "can be resumed" in done.stderr
    assert "Traceback" not in done.stderr
    journal = journal_of(project)
    before = keys_of(journal, "completion")
    assert 0 < len(before) <= CALLS
    assert run_command(["-C", str(project), "-q", *CHECK, "--resume", "last"]) == 0
    completions = keys_of(journal, "completion")
    assert before.keys() <= completions.keys()
    assert len(completions) == CALLS
    assert set(completions.values()) == {1}, "nothing that was recorded is asked again"


def test_a_disk_that_is_full_before_the_first_call_says_that_nothing_was_asked(tmp_path: Path) -> None:
    project = project_in(tmp_path / "project")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "500", "-C", str(project), *CHECK],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3, done
    assert "manifest.json" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(project.glob("reports/*/manifest.json"))
    assert not list(project.glob("reports/*/.*.tmp"))
    assert run_command(["-C", str(project), "-q", *CHECK]) == 0, "and what is left over is in nobody's way"
