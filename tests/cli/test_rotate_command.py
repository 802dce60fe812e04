"""A new canary runs beside an old one, decides nothing until it has its nights, and then takes its place."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from harness.edges.files.suites import load_suite
from harness.edges.stores.baselines import FileBaselineStore
from tests.cli.conftest import TONIGHT, Drift, runs_of

NEW, OLD = "tool-forecast", "tool-weather"


def add_new(project: Path, *, nights: int, broken: bool = False) -> None:
    """Add a case that replaces another, with so many accepted nights; `broken` means that its contract never holds."""
    text = (project / "canaries" / f"{OLD}.yaml").read_text(encoding="utf-8")
    text = text.replace(f"id: {OLD}", f"id: {NEW}\nreplaces: {OLD}").replace("Weather", "Forecast")
    if broken:
        text = text[: text.index("expect:")] + 'expect: {checks: [{contains: "never said"}]}\n'
        text += "" if "always: true" in text else "always: true\n"
    (project / "canaries" / f"{NEW}.yaml").write_text(text, encoding="utf-8")
    store = FileBaselineStore(project / "baselines", lock=project / "baselines.lock", redact=str)
    baseline = store.load("canary", "steady")
    assert baseline is not None
    known = baseline.cases[OLD]
    dates = sorted({sample.night for sample in known.samples})[:nights]
    cases = load_suite("canary", project / "canaries", root=project).cases
    case = next(one for one in cases if one.id == NEW)
    identity = known.identity.model_copy(update={"question": case.question, "ruler": case.ruler})
    held = known.model_copy(
        update={
            "identity": identity,
            "samples": tuple(sample for sample in known.samples if sample.night in dates),
        }
    )
    if nights:
        store.save(baseline.model_copy(update={"cases": {**baseline.cases, NEW: held}}))
    (project / "baselines.lock").unlink(missing_ok=True)


def commit(project: Path) -> None:
    """Put all of a project into git."""
    me = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    known = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "All.")):
        subprocess.run(["git", *me, "-C", str(project), *command], check=True, env=known)


@pytest.mark.parametrize("nights", [0, 5, 13])
def test_it_decides_nothing_before_it_has_its_nights(project: Path, drift: Drift, nights: int) -> None:
    add_new(project, nights=nights, broken=True)
    done = drift("check", "canary", "--night", TONIGHT)
    told = json.loads((runs_of(project)[-1] / "verdict.json").read_text())
    assert (done.code, told["outcome"]) == (0, "stable"), done.out
    assert not any(finding["case"] == NEW for target in told["targets"] for finding in target["findings"])
    assert told["targets"][0]["state"] == "armed"


def test_once_it_has_them_it_decides_like_every_case(project: Path, drift: Drift) -> None:
    add_new(project, nights=14, broken=True)
    assert drift("check", "canary", "--night", TONIGHT).code == 0  # broken in what was accepted, too
    told = json.loads((runs_of(project)[-1] / "verdict.json").read_text())
    assert told["targets"][0]["coverage"]["cases_compared"] == 11


def test_health_says_how_far_it_is_and_rotate_waits_for_it(project: Path, drift: Drift) -> None:
    add_new(project, nights=13)
    commit(project)
    said = " ".join(drift("suite", "health", "canary").out.split())
    assert f"ROTATION {NEW}, {OLD}: {NEW} runs beside {OLD} and decides nothing yet: 13 of 14 nights" in said
    done = drift("suite", "rotate", NEW, "--yes")
    assert (done.code, "13 of 14 nights on steady" in done.err) == (2, True)
    assert (project / "canaries" / f"{OLD}.yaml").exists()


def test_it_takes_the_place_of_the_old_one(
    project: Path, drift: Drift, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Broken in what was accepted, too: the simulated model knows no answer to the new question.
    add_new(project, nights=14, broken=True)
    old = (project / "canaries" / f"{OLD}.yaml").read_text(encoding="utf-8")
    said = " ".join(drift("suite", "health", "canary").out.split())
    assert f"{NEW} may replace {OLD} now: 14 of 14 nights on steady" in said
    done = drift("suite", "rotate", NEW, "--yes")
    assert (done.code, "no git repository" in done.err) == (2, True)
    commit(project)
    (project / "canaries" / f"{OLD}.yaml").write_text(f"{old}# edited\n", encoding="utf-8")
    done = drift("suite", "rotate", NEW, "--yes")
    assert (done.code, "git does not hold" in done.err) == (2, True)
    (project / "canaries" / f"{OLD}.yaml").write_text(old, encoding="utf-8")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "schedule")
    assert drift("suite", "rotate", NEW, "--yes").code == 2
    monkeypatch.delenv("GITHUB_EVENT_NAME")
    assert drift("--no-input", "suite", "rotate", NEW).code == 2
    done = drift("suite", "rotate", NEW, "--yes")
    assert done.code == 0, done.err
    assert not (project / "canaries" / f"{OLD}.yaml").exists()
    assert (project / "canaries" / "retired.txt").read_text() == f"{OLD} 2027-01-04 {NEW}\n"
    assert drift("validate").code == 0
    assert drift("baseline", "verify").code == 0
    assert drift("check", "canary", "--night", TONIGHT).code == 0
    assert drift("suite", "rotate", NEW, "--yes").code == 2
    (project / "canaries" / f"{OLD}.yaml").write_text(old, encoding="utf-8")
    done = drift("validate")
    assert (done.code, "an id is never reused" in done.err) == (2, True)


def test_a_case_that_replaces_nothing_or_is_none_is_said(project: Path, drift: Drift) -> None:
    assert project
    assert "runs beside no case" in drift("suite", "rotate", OLD, "--yes").err
    assert "no suite has a case" in drift("suite", "rotate", "nobody", "--yes").err
