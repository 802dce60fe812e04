"""`drift demo`: what a newcomer sees first."""

import re
from pathlib import Path

from tests.cli.conftest import Drift, files_of, runs_of


def test_the_demo_stays_quiet_for_a_week_and_catches_the_swap(tmp_path: Path, drift: Drift) -> None:
    done = drift("demo", "here", folder=tmp_path)
    assert done.code == 0
    assert done.err == ""
    assert "14 nights, 20 cases" in done.out
    assert re.findall(r"  (2026-11-\d\d)  exit (\d)", done.out) == [
        (f"2026-11-{d}", "0") for d in range(15, 22)
    ]
    week, caught = done.out.split("another model behind the same name")
    assert "DRIFT" not in week
    assert "DRIFT" in caught
    assert "exit code 1" in caught
    paths = (str(tmp_path), "report ")
    lines = [line for line in done.out.splitlines() if not any(path in line for path in paths)]
    assert max(map(len, lines)) <= 80
    assert len(runs_of(tmp_path / "here")) == 22
    assert drift("report", folder=tmp_path / "here").code == 1, "the last run is not the one shown"


def test_the_demo_never_works_in_a_project_of_yours(project: Path, drift: Drift) -> None:
    before = files_of(project)
    done = drift("demo", project)
    assert done.code == 2
    assert "name a new folder" in done.err
    assert files_of(project) == before
