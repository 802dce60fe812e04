"""A judge as the quality of canaries: its scores are kept with the nights, and held against nights like any number."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Drift, edit

CASE = "reasoning-state-steps"
RUBRIC = 'rubric: |\n  1. Names the "answer". 2. Explains each "step" of it.\n'


@pytest.fixture
def judged(new_project: Path) -> Path:
    """A project whose one canary is scored by a judge."""
    config = new_project / "drift.yaml"
    edit(config, "encoder:", "judge: {target: judge}\nencoder:")
    edit(
        config, "  flaky:\n", "  judge: {model: simulated/judge-good, params: {max_tokens: 400}}\n  flaky:\n"
    )
    path = new_project / "canaries" / f"{CASE}.yaml"
    path.write_text(path.read_text(encoding="utf-8") + RUBRIC, encoding="utf-8", newline="\n")
    return new_project


def lines_of(project: Path) -> list[dict[str, object]]:
    text = (project / "baselines" / "canary" / "steady" / f"{CASE}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_what_the_judge_said_of_a_night_is_accepted_with_it(judged: Path, drift: Drift) -> None:
    for day in range(1, 7):
        done = drift("check", "canary", "--scheduled", "--night", f"2026-11-{day:02d}")
        assert done.code == 0, done.err
    assert drift("calibrate", "canary", "--from-runs", "last:6").code == 0
    scores = [line.get("judged") for line in lines_of(judged)]
    assert len(scores) == 18
    assert all(isinstance(score, dict) and 0 <= float(score["points"]) <= 100 for score in scores)
    done = drift("check", "canary", "--night", "2026-11-08", "--format", "json")
    verdict = json.loads(done.out)
    quality = next(r for r in verdict["targets"][0]["readings"] if r["signal"] == "quality")
    assert (done.code, quality["p_value"] is not None) == (0, True)


def test_nobody_is_judged_where_no_judge_is_configured(judged: Path, drift: Drift) -> None:
    edit(judged / "drift.yaml", "judge: {target: judge}\n", "")
    assert drift("check", "canary", "--scheduled", "--night", "2026-11-01").code == 0
    (journal,) = judged.glob("reports/*/journal.jsonl")
    assert "judge:" not in journal.read_text(encoding="utf-8")
