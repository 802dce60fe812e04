"""`drift doctor`: everything that would go wrong tonight, and it looks at all of it."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import TONIGHT, Drift, edit


@pytest.fixture
def healthy(project: Path) -> Path:
    """A project without the target that needs a key."""
    lines = (project / "drift.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
    (project / "drift.yaml").write_text(
        "".join(line for line in lines if "keyed:" not in line), encoding="utf-8"
    )
    return project


def test_a_healthy_project_is_good(healthy: Path, drift: Drift) -> None:
    done = drift("doctor")
    assert done.code == 0
    assert "FAIL" not in done.out
    assert "baseline canary/steady: 14 nights, ARMED" in done.out
    assert max(map(len, done.out.splitlines())) <= 100


def test_a_missing_key_is_named_and_never_shown(
    project: Path, drift: Drift, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DRIFT_TEST_KEY", raising=False)
    done = drift("doctor")
    assert done.code == 2
    assert "FAIL  keyed: DRIFT_TEST_KEY is not set" in done.out
    monkeypatch.setenv("DRIFT_TEST_KEY", "a-value-nobody-should-see")
    set_ = drift("doctor")
    assert "keyed: DRIFT_TEST_KEY is set" in set_.out
    assert "a-value-nobody" not in set_.out + set_.err
    assert "targets.keyed.price" in set_.out


def test_everything_wrong_is_found_in_one_go(healthy: Path, drift: Drift) -> None:
    edit(healthy / "canaries" / "tool-weather.yaml", "id: tool-weather", "id: tool-wether")
    (healthy / "baselines" / "canary" / "steady" / "tool-weather.jsonl").unlink()
    (healthy / "reports" / "20260101T000000Z-canary-0000").mkdir(parents=True)
    (healthy / "reports" / "20260101T000000Z-canary-0000" / "manifest.json").write_text("{", encoding="utf-8")
    done = drift("--json", "doctor")
    assert done.code == 2
    wrong = [found["what"] for found in json.loads(done.out) if found["health"] == "FAIL"]
    assert len(wrong) == 3
    for found, said in zip(
        wrong, ("suite canary", "baseline canary/steady", "run folder is damaged"), strict=True
    ):
        assert said in found


def test_cases_past_their_review_date_are_noted(healthy: Path, drift: Drift) -> None:
    path = healthy / "canaries" / "tool-weather.yaml"
    lines = [
        'review_by: "2020-01-01"' if line.startswith("review_by") else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    done = drift("doctor")
    assert done.code == 0
    assert "canary/tool-weather: past its review date 2020-01-01" in done.out


def test_git_and_the_last_night_are_looked_at(healthy: Path, drift: Drift) -> None:
    assert "not in a git repository" in drift("doctor").out
    subprocess.run(["git", "-C", healthy, "init", "--quiet"], check=True)
    assert "not committed" in drift("doctor").out
    assert "no scheduled run yet" in drift("doctor").out
    drift("check", "canary", "--scheduled", "--night", TONIGHT)
    assert "ok    last scheduled run 0 h ago" in drift("doctor").out


def test_online_asks_every_target_once(healthy: Path, drift: Drift) -> None:
    done = drift("doctor", "--online")
    assert "steady: answers, served simulated-steady" in done.out
    assert "FAIL  down: server_error" in done.out
    assert done.code == 2
    assert not (healthy / "reports").exists()


def test_online_asks_nobody_while_something_is_wrong(healthy: Path, drift: Drift) -> None:
    edit(healthy / "canaries" / "tool-weather.yaml", "id: tool-weather", "id: tool-wether")
    done = drift("doctor", "--online")
    assert done.code == 2
    assert "no target was asked" in done.out
    assert "answers, served" not in done.out


def test_a_burst_is_provisional_for_doctor_as_for_the_verdict(healthy: Path, drift: Drift) -> None:
    (healthy / "drift.yaml").write_text(
        (healthy / "drift.yaml").read_text(encoding="utf-8").replace("targets: [steady]", "targets: [fresh]"),
        encoding="utf-8",
    )
    assert drift("calibrate", "canary", "--nights", "6", "--night", "2026-11-01").code == 0
    assert "baseline canary/fresh: 1 night, in one evening, PROVISIONAL" in drift("doctor").out
    assert drift("check", "canary", "--night", TONIGHT).code == 0


def test_a_baseline_of_other_parameters_is_stale_for_doctor_as_for_the_verdict(
    healthy: Path, drift: Drift
) -> None:
    edit(
        healthy / "drift.yaml",
        "steady: {model: simulated/steady, params: {temperature: 0, max_tokens: 512}}",
        "steady: {model: simulated/steady, params: {temperature: 0, max_tokens: 511}}",
    )
    done = drift("doctor")
    assert drift("check", "canary", "--night", TONIGHT).code == 4
    assert "FAIL  baseline canary/steady" in done.out
    assert "STALE" in done.out
    assert done.code == 2


def test_a_target_that_cannot_be_set_up_is_told_and_the_others_are_asked(healthy: Path, drift: Drift) -> None:
    edit(
        healthy / "drift.yaml",
        "  fresh:",
        "  nowhere: {model: direct/x, params: {max_tokens: 5}, price: {input_usd_per_million: 0, "
        "output_usd_per_million: 0}}\n  fresh:",
    )
    done = drift("doctor", "--online")
    assert done.code == 2
    assert "FAIL  nowhere: direct/x: say where it answers" in done.out
    assert "steady: answers" in done.out
