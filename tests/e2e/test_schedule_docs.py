"""The examples of docs/schedule.md, as they stand there: cron's line, systemd's units, the steps of a workflow."""

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import write_project

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="cron and systemd as they are on Linux")
ROOT = Path(__file__).parents[2]
DRIFT = Path(sys.executable).with_name("drift")
DOCS = (ROOT / "docs" / "schedule.md").read_text(encoding="utf-8")
BARE = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "drift"}
"""What cron gives a job."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", DOCS)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A project where the examples have theirs, with a `drift` and a file of keys."""
    root = tmp_path / "srv"
    root.mkdir()
    write_project(root)
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "drift").symlink_to(DRIFT)
    (tmp_path / "drift.env").write_text("DRIFT_TEST_KEY=sk-of-the-file-0123456789\n", encoding="utf-8")
    return root


def here(text: str, place: Path) -> str:
    return text.replace("/srv/canary", str(place)).replace("/etc/drift.env", str(place.parent / "drift.env"))


def runs_of(place: Path) -> list[Path]:
    return sorted(place.glob("reports/*/verdict.json"))


def test_the_lines_of_cron_run_in_crons_environment(place: Path) -> None:
    (table,) = blocks("cron")
    jobs = [line for line in table.splitlines() if re.match(r"\d", line)]
    assert [re.match(r"((?:\S+\s+){5})", line) is not None for line in jobs] == [True, True]
    commands = [re.sub(r"^(?:\S+\s+){5}", "", line) for line in jobs]
    assert not any("%" in command for command in commands), "cron reads it as the end of the line"
    for command in commands:
        done = subprocess.run(
            ["/bin/sh", "-c", here(command, place)],
            cwd="/",
            env={**BARE, "HOME": str(place.parent)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert len(runs_of(place)) == 1
    assert "canary/steady  night" in done.stdout
    assert "LEARNING" in (place / "nights.log").read_text(encoding="utf-8")


def units(place: Path) -> dict[str, str]:
    """The units by their names, with the paths of this machine."""
    found = {}
    for block in blocks("ini"):
        first, _, text = block.partition("\n")
        found[first.rpartition("/")[2]] = here(text, place)
    return found


def read(unit: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit)
    return parser


def test_every_timer_has_its_service_and_every_service_runs(place: Path) -> None:
    found = units(place)
    assert sorted(found) == [
        f"drift-{name}.{kind}" for name in ("canary", "status") for kind in ("service", "timer")
    ]
    for name in ("canary", "status"):
        service = read(found[f"drift-{name}.service"])["Service"]
        environment = dict(BARE)
        if "EnvironmentFile" in service:
            lines = Path(service["EnvironmentFile"]).read_text(encoding="utf-8").split()
            environment |= dict(line.split("=", 1) for line in lines)
        done = subprocess.run(
            shlex.split(service["ExecStart"]),
            cwd=service["WorkingDirectory"],
            env={**environment, "HOME": str(place.parent)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert len(runs_of(place)) == 1


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed here")
def test_systemd_takes_the_units_and_their_times(place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "units"
    folder.mkdir()
    found = units(place)
    for name, text in found.items():
        (folder / name).write_text(text, encoding="utf-8")
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"}
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no"]
    done = subprocess.run(
        [*command, *(str(folder / name) for name in sorted(found))],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if "Failed to initialize manager" in done.stderr or "Failed to setup" in done.stderr:
        pytest.skip(f"systemd-analyze cannot verify here: {done.stderr.strip()[:200]}")
    said = [line for line in done.stderr.splitlines() if str(folder) in line or "drift-" in line]
    assert (done.returncode, said) == (0, [])
    for name, text in found.items():
        if name.endswith(".timer"):
            when = read(text)["Timer"]["OnCalendar"]
            subprocess.run(["systemd-analyze", "calendar", when], check=True, capture_output=True)


@pytest.mark.soak
def test_a_deployment_waits_for_what_the_nights_found(place: Path, tmp_path: Path) -> None:
    (steps,) = (yaml.safe_load(block)["steps"] for block in blocks("yaml") if block.startswith("steps:"))
    environment = {
        "PATH": f"{DRIFT.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "DATA_BRANCH": "drift-data",
        "ORIGIN": str(tmp_path / "origin.git"),
        "TOKEN": "no-token",
    }

    def sh(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-c", script],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    made = sh(
        "drift -q check canary --scheduled && git init -q --bare $ORIGIN && git init -q -b drift-data"
        " && git add -f reports && git -c user.name=M -c user.email=m@example.org commit -qm night"
        " && git push -q $ORIGIN drift-data",
        place,
    )
    assert made.returncode == 0, made.stderr
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    write_project(fresh)
    assert sh("git init -q", fresh).returncode == 0
    for step in steps:
        done = sh(step["run"], fresh)
        assert done.returncode == 0, done.stderr
    assert "OPEN FOR PROMOTION" in done.stdout
