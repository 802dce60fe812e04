"""Once the verdict is on disk, the exit code is the verdict's: a page that cannot be written changes nothing."""

import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli.output import Outputs, finish, put
from harness.cli.session import Session
from harness.errors import UsageError
from harness.flows.check import CheckResult
from tests.cli.conftest import TONIGHT, Drift, runs_of
from tests.support.fakes import MemoryRunStore
from tests.support.records import drift_record, drift_verdict

SESSION = Session(
    folder=Path(),
    config=None,
    env_file=None,
    color="never",
    quiet=True,
    verbose=False,
    json=False,
    no_input=True,
)


class FullStore(MemoryRunStore):
    """A disk that takes no page."""

    def write(self, run: str, name: str, text: str) -> Path:
        if name == "report.html":
            raise OSError(28, "No space left on device", "report.html")
        return super().write(run, name, text)


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def result() -> CheckResult:
    record = drift_record()
    return CheckResult(record=record, verdict=drift_verdict(record))


def test_a_page_that_cannot_be_written_is_said_and_changes_no_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = result()
    assert (
        finish(SESSION, FullStore(), found, Outputs.of(SESSION, None, None)) == found.verdict.exit_code == 1
    )
    out, err = capsys.readouterr()
    assert "report.html: No space left on device" in err
    assert out.splitlines()[-1] == "exit 1"
    assert "report memory" not in out


def test_a_folder_that_cannot_be_written_is_said_and_changes_no_exit_code(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = result()
    outputs = Outputs.of(SESSION, ["markdown"], tmp_path / "out" / "there")
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    assert finish(SESSION, MemoryRunStore(), found, outputs) == 1
    assert "the verdict is on disk" in capsys.readouterr().err


@pytest.mark.parametrize("end", ["../outside", ".git", "nowhere"])
@pytest.mark.parametrize("named", ["drift-out", "drift-out/deeper", "drift-out/../out", "real/on"])
def test_a_folder_for_output_is_never_behind_a_link_of_the_project(
    tmp_path: Path, end: str, named: str
) -> None:
    root = tmp_path / "project"
    for folder in (root / ".git", root / "real", tmp_path / "outside"):
        folder.mkdir(parents=True)
    (root / "drift-out").symlink_to(end)
    (root / "real" / "on").symlink_to(f"../{end}")
    (tmp_path / "alias").symlink_to("project")
    for start, folder in (
        (root, named),
        (root / "real", f"../{named}"),
        (root, f"{root}/{named}"),
        (tmp_path / "alias", named),
    ):
        session = replace(SESSION, folder=start)
        with pytest.raises(UsageError, match=r"(drift-out|on): is a link"):
            Outputs.of(session, ["markdown"], Path(folder))
    assert not list((tmp_path / "outside").iterdir())


def test_a_folder_for_output_may_lie_elsewhere_behind_whatever_link(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "alias").symlink_to("tmp")
    session = replace(SESSION, folder=root)
    assert Outputs.of(session, ["markdown"], tmp_path / "alias" / "out").folder == tmp_path / "alias" / "out"
    assert Outputs.of(session, ["markdown"], Path("drift-out")).folder == root / "drift-out"


@pytest.mark.parametrize(
    ("color", "name", "coloured"),
    [
        ("always", "text", True),
        ("never", "text", False),
        ("auto", "text", False),
        ("always", "markdown", False),
    ],
)
def test_colour_is_for_the_text_of_a_terminal_that_wants_it(
    color: str, name: str, coloured: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    found, session = result(), replace(SESSION, color=color)
    put(session, found.record, found.verdict, Outputs.of(session, [name], None))
    assert ("\x1b[" in capsys.readouterr().out) is coloured


def test_a_file_never_has_colour(tmp_path: Path) -> None:
    found, session = result(), replace(SESSION, color="always")
    put(session, found.record, found.verdict, Outputs.of(session, ["text", "html"], tmp_path))
    for file in tmp_path.iterdir():
        assert b"\x1b" not in file.read_bytes()


@pytest.mark.parametrize(
    ("color", "environment", "coloured"),
    [
        ("auto", {"TERM": "xterm"}, True),
        ("auto", {"TERM": "dumb"}, False),
        ("auto", {"TERM": "xterm", "NO_COLOR": "1"}, False),
        ("always", {"TERM": "dumb", "NO_COLOR": "1"}, True),
        ("never", {"TERM": "xterm"}, False),
    ],
)
def test_a_terminal_says_whether_it_wants_colour(
    color: str, environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert replace(SESSION, color=color).colored is coloured


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this machine has no /dev/full")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_drift_is_1_though_nobody_takes_the_output(project: Path, stream: str) -> None:
    with Path("/dev/full").open("w") as full:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full}
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "harness",
                "-C",
                str(project),
                "check",
                "--target",
                "swapped",
                "--night",
                TONIGHT,
            ],
            env={**os.environ, "CI": ""},
            text=True,
            check=False,
            timeout=60,
            **pipes,  # type: ignore[call-overload]  # streams by name
        )
    assert done.returncode == 1, done.stderr
    (run,) = runs_of(project)
    assert (run / "verdict.json").exists()
    if stream == "stdout":
        assert "cannot write to <stdout>: No space left on device" in done.stderr
        assert "the verdict is on disk" in done.stderr


def test_the_verdict_on_disk_is_the_one_that_was_told(project: Path, drift: Drift) -> None:
    done = drift("--json", "check", "--target", "swapped", "--night", TONIGHT)
    assert done.code == 1
    assert (runs_of(project)[0] / "verdict.json").read_text(encoding="utf-8") == done.out
