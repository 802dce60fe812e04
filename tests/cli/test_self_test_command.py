"""`drift calibrate --aa`, and what `doctor` and the reports say of a gate that cries wolf."""

import json
from pathlib import Path

import pytest

from harness.core.batch import Baseline
from harness.edges.stores.baselines import FileBaselineStore
from tests.cli.conftest import TONIGHT, Drift, edit, files_of, runs_of
from tests.support.self_tests import make_self_test


def store_of(project: Path) -> FileBaselineStore:
    return FileBaselineStore(project / "baselines", lock=project / "lock", redact=str)


def baseline_of(project: Path) -> Baseline:
    found = store_of(project).load("canary", "steady")
    assert found is not None
    return found


@pytest.fixture
def wolf(project: Path) -> Path:
    """A project whose gate was found to be over its budget."""
    lines = (project / "drift.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
    (project / "drift.yaml").write_text(
        "".join(line for line in lines if "keyed:" not in line), encoding="utf-8"
    )
    baseline = baseline_of(project)
    store_of(project).save(baseline.model_copy(update={"self_test": make_self_test(baseline)}))
    return project


def test_it_says_how_often_the_gate_would_cry_wolf_and_keeps_that_beside_the_baseline(
    project: Path, drift: Drift
) -> None:
    done = drift("calibrate", "canary", "--aa")
    assert done.code == 0, done.err
    said = " ".join(done.out.split())
    assert "canary/steady: on its own 14 nights this gate would cry wolf" in said
    assert "nights a year and target (95 %: " in said
    assert "budget of 2.7" in said
    assert "refusal" in said
    assert max(map(len, done.out.splitlines())) <= 120
    kept = baseline_of(project).self_test
    assert kept is not None
    assert kept.samples == baseline_of(project).samples_digest
    assert "review and commit baselines/" in said
    assert not runs_of(project), "it asked somebody"
    assert drift("baseline", "verify").code == 0
    held = files_of(project / "baselines")
    assert "review and commit" not in drift("calibrate", "canary", "--aa").out
    assert files_of(project / "baselines") == held


def test_programs_get_all_of_it(project: Path, drift: Drift) -> None:
    done = drift("--json", "calibrate", "canary", "--aa", "--target", "swapped")
    (found,) = json.loads(done.out)
    assert (found["suite"], found["target"], found["nights"], found["written"]) == (
        "canary",
        "steady",
        14,
        True,
    )
    assert found["false_a_year"]["low"] <= found["false_a_year"]["value"] <= found["false_a_year"]["high"]
    assert {"exceeds", "within", "over_budget"} <= set(found)
    assert {"string", "refusal", "spread"} <= {signal["signal"] for signal in found["signals"]}


def test_a_change_of_the_samples_drops_it(wolf: Path, drift: Drift) -> None:
    assert baseline_of(wolf).self_test is not None
    drift("check", "canary", "--scheduled", "--night", TONIGHT)
    assert drift("calibrate", "canary", "--from-runs", "last:14").code == 0
    assert baseline_of(wolf).self_test is None
    assert not (wolf / "baselines" / "canary" / "steady" / "self-test.json").exists()


def test_nights_that_ran_since_count_too_and_enter_no_baseline(project: Path, drift: Drift) -> None:
    nights = {sample.night for case in baseline_of(project).cases.values() for sample in case.samples}
    for night in ("2026-11-20", "2026-11-21"):
        assert drift("check", "canary", "--scheduled", "--night", night).code == 0
    done = drift("--json", "calibrate", "canary", "--aa", "--from-runs", "last:5")
    (found,) = json.loads(done.out)
    assert (found["nights"], found["floor_nights"], found["written"]) == (16, 14, True)
    assert nights == {s.night for case in baseline_of(project).cases.values() for s in case.samples}


def test_without_a_baseline_it_ends_in_4(new_project: Path, drift: Drift) -> None:
    done = drift("calibrate", "canary", "--aa")
    assert (done.code, "nothing was accepted for canary/steady" in done.err) == (4, True)


def test_too_few_nights_end_in_3(new_project: Path, drift: Drift) -> None:
    for night in ("2026-11-01", "2026-11-02"):
        drift("calibrate", "canary", "--night", night)
    done = drift("calibrate", "canary", "--aa")
    assert (done.code, "on 6 nights or more, and there are 2" in done.err) == (3, True), done.err


def test_one_evening_is_no_night_to_hold_out(new_project: Path, drift: Drift) -> None:
    drift("calibrate", "canary", "--target", "fresh", "--nights", "8", "--night", TONIGHT)
    done = drift("calibrate", "canary", "--aa", "--target", "fresh")
    assert (done.code, "taken in one evening" in done.err) == (3, True), done.err


@pytest.mark.parametrize(
    "options",
    [("--nights", "3"), ("--samples", "2"), ("--case", "edge-*"), ("--reason", "Because of a test.")],
)
def test_what_asks_or_accepts_does_not_go_with_it(
    project: Path, drift: Drift, options: tuple[str, ...]
) -> None:
    done = drift("calibrate", "canary", "--aa", *options)
    assert (done.code, "--aa asks nobody" in done.err) == (2, True)


def test_doctor_names_a_gate_that_is_over_its_budget(wolf: Path, drift: Drift) -> None:
    done = drift("doctor")
    assert done.code == 0
    assert (
        "note  baseline canary/steady: On its own nights this gate would cry wolf about 9.4 nights a year "
        "(95 %: 3.2 to 21), over its budget of 2.7" in done.out
    )


def test_doctor_is_silent_about_a_gate_within_its_budget(project: Path, drift: Drift) -> None:
    drift("calibrate", "canary", "--aa")
    assert "cry wolf" not in drift("doctor").out


def test_every_report_of_a_gate_over_its_budget_says_so(wolf: Path, drift: Drift) -> None:
    done = drift(
        "check", "canary", "--night", TONIGHT, "--format", "text", "--format", "markdown", "--format", "json",
        "--out", wolf / "out",
    )  # fmt: skip
    assert done.code == 0, done.err
    (run,) = runs_of(wolf)
    for report in [run / "verdict.json", run / "report.html", *(wolf / "out").iterdir()]:
        assert "would cry wolf about 9.4 nights a year" in " ".join(
            report.read_text(encoding="utf-8").split()
        ), report


def test_a_changed_self_test_is_damage(wolf: Path, drift: Drift) -> None:
    edit(wolf / "baselines" / "canary" / "steady" / "self-test.json", '"value": 9.4', '"value": 0.4')
    done = drift("baseline", "verify")
    assert (done.code, "self-test.json" in done.err) == (4, True)
