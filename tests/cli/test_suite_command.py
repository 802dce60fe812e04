"""`drift suite`: what cases have shown, read off real run folders."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import CASES, Drift, edit, runs_of


def night(drift: Drift, day: int) -> None:
    """Play a night."""
    done = drift("check", "canary", "--scheduled", "--night", f"2026-11-{day:02d}")
    assert done.code == 0, done.err


def test_without_nights_it_could_not_tell_and_says_what_is_overdue(new_project: Path, drift: Drift) -> None:
    edit(new_project / "canaries" / "tool-weather.yaml", 'review_by: "', 'review_by: "2025-01-01" #')
    done = drift("suite", "health")
    assert done.code == 3
    assert "REVIEW OVERDUE  tool-weather: was to be reviewed by 2025-01-01" in done.out
    assert "no run to judge by" in done.out


def test_it_reads_the_first_run_of_every_night(new_project: Path, drift: Drift) -> None:
    night(drift, 1)
    night(drift, 1)
    night(drift, 2)
    assert drift("check", "canary", "--night", "2026-11-03").code == 0
    done = drift("suite", "health", "--json")
    assert done.code == 2  # a global option
    done = drift("--json", "suite", "health", "canary")
    assert done.code == 0, done.err
    (found,) = json.loads(done.out)["suites"]
    assert (found["nights"], found["first"], found["last"]) == (2, "2026-11-01", "2026-11-02")
    assert [case["case"] for case in found["cases"]] == sorted(CASES)
    assert {case["nights"] for case in found["cases"]} == {2}
    (found,) = json.loads(drift("--json", "suite", "health", "--last", "1").out)["suites"]
    assert (found["nights"], found["first"]) == (1, "2026-11-02")


def test_two_cases_that_ask_the_same_are_found(new_project: Path, drift: Drift) -> None:
    text = (new_project / "canaries" / "tool-weather.yaml").read_text(encoding="utf-8")
    again = text.replace("id: tool-weather", "id: tool-again")
    (new_project / "canaries" / "tool-again.yaml").write_text(again, encoding="utf-8")
    night(drift, 1)
    found = " ".join(drift("suite", "health").out.split())
    assert "DUPLICATE tool-again, tool-weather: the questions are alike (cosine 1.00" in found
    assert found.count("DUPLICATE") == 1


def test_a_damaged_run_is_left_out_and_named(new_project: Path, drift: Drift) -> None:
    night(drift, 1)
    night(drift, 2)
    damaged = runs_of(new_project)[0]
    (damaged / "journal.jsonl").write_text("no journal\n")
    (damaged / "verdict.json").unlink(missing_ok=True)
    done = drift("suite", "health")
    assert done.code == 0
    assert "1 batch from 2026-11-02" in done.out
    assert "journal.jsonl:1" in done.out


@pytest.mark.parametrize(("day", "due"), [("2025-12-01", True), ("2026-06-01", False)])
def test_gates_that_nobody_touched_for_a_year_are_due(
    new_project: Path, drift: Drift, day: str, due: bool
) -> None:
    known = {**os.environ, "GIT_COMMITTER_DATE": f"{day}T12:00:00Z", "GIT_CONFIG_GLOBAL": os.devnull}
    me = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    for command in (("init", "-q"), ("add", "drift.yaml"), ("commit", "-qm", "Gates.")):
        subprocess.run(["git", *me, "-C", str(new_project), *command], check=True, env=known)
    assert (
        "drift.yaml: gates, limits and policy were last changed on" in drift("suite", "health").out
    ) is due
