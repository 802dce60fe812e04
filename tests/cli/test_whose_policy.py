"""By whose rules a run is accepted: by this project's, whatever rules the run's folder brings along."""

import json
import re
import shutil
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from harness.cli.app import run
from tests.cli.conftest import CLOCK, TONIGHT, Done, Drift, edit, files_of, runs_of, write_project
from tests.support.manifests import forge

REASON = "The new model was tried on the support cases; it is fine."
SWAPPED = ("--target", "swapped", "--night", TONIGHT)


@pytest.fixture
def project(drifted_project: Path, tmp_path: Path) -> Path:
    """A project with an armed baseline and a run that strayed from it."""
    return Path(shutil.copytree(drifted_project, tmp_path / "project"))


def policy_file(project: Path, text: str) -> str:
    (project / "other.yaml").write_text(text, encoding="utf-8")
    return "other.yaml"


def on_the_page(folder: Path) -> str:
    """The digest in the commands of a run's page."""
    (digest,) = set(re.findall(r"--digest (\w+)", (folder / "report.html").read_text(encoding="utf-8")))
    return digest


def reviewed(drift: Drift, named: Path | str = "last") -> str:
    """The digest that `review` prints."""
    (digest,) = set(re.findall(r"digest (\w{8})\b", drift("review", named).out))
    return digest


def accept(drift: Drift, digest: str, named: Path | str = "last") -> Done:
    more = ("--digest", digest, "--reason", REASON, "--case", "*", "--baseline-of", "steady")
    return drift("accept", named, *more)


def test_where_the_rules_are_the_same_every_output_prints_the_digest_that_is_accepted(
    project: Path, drift: Drift
) -> None:
    (folder,) = runs_of(project)
    shown = json.loads(drift("--json", "report").out)["shown"]
    assert on_the_page(folder) == reviewed(drift) == shown[:8]
    assert json.loads(drift("--json", "review").out)["shown"] == shown
    assert "NOTE" not in drift("review").err
    done = accept(drift, on_the_page(folder))
    assert (done.code, done.err) == (0, ""), done


def test_what_only_limits_the_making_of_a_run_is_no_other_rule(project: Path, drift: Drift) -> None:
    more = ("--max-cost", "1.5", "--confirm-after", "now", "--format", "json")
    assert drift("check", *SWAPPED, *more).code == 1
    edit(project / "drift.yaml", "encoder: {name", "limits: {max_minutes: 7, concurrency: 3}\nencoder: {name")
    folder = runs_of(project)[-1]
    assert on_the_page(folder) == reviewed(drift)
    assert "NOTE" not in drift("report").err
    assert accept(drift, on_the_page(folder)).code == 0


def test_a_digest_shown_under_other_rules_is_refused_with_the_way_to_the_right_one(
    project: Path, drift: Drift
) -> None:
    other = policy_file(project, "alpha: 0.02\n")
    assert drift("check", *SWAPPED, "--policy", other).code == 1
    folder, before = runs_of(project)[-1], files_of(project / "baselines")
    assert on_the_page(folder) != reviewed(drift)
    done = accept(drift, on_the_page(folder))
    assert (done.code, files_of(project / "baselines")) == (2, before)
    assert "under this project's drift.yaml" in done.err
    assert "alpha 0.02 (here 0.0075)" in done.err
    assert f"`drift review {folder.name}`" in done.err
    done = accept(drift, reviewed(drift))
    assert done.code == 0
    assert "NOTE" in done.err
    assert "alpha 0.02 (here 0.0075)" in done.err


def test_a_page_that_was_rendered_under_another_policy_points_to_the_right_digest(
    project: Path, drift: Drift
) -> None:
    other, before = policy_file(project, "alpha: 0.02\n"), files_of(project / "baselines")
    drift("report", "--policy", other, "--format", "html", "--out", "elsewhere")
    assert on_the_page(project / "elsewhere") != reviewed(drift)
    done = accept(drift, on_the_page(project / "elsewhere"))
    assert (done.code, files_of(project / "baselines")) == (2, before)
    assert "look at it with `drift review" in done.err
    drift("report", "--project-policy", "--format", "html", "--out", "elsewhere")
    assert on_the_page(project / "elsewhere") == reviewed(drift)


def test_review_and_report_say_by_whose_rules_they_decide(project: Path, drift: Drift) -> None:
    other = policy_file(project, "gates: {regression: warn, undirected_drift: warn}\n")
    assert drift("check", *SWAPPED, "--policy", other).code == 0
    review, report = drift("-q", "review"), drift("-q", "report")
    assert "exit 1" not in report.out, "a report is the run's own"
    for done in (review, report):
        (note,) = [line for line in done.err.splitlines() if "NOTE" in line]
        assert "gates.regression warn (here fail)" in note
    assert "by this project's drift.yaml, not by the run's own policy" in review.err
    assert "decided by the run's own policy" in report.err
    assert "`drift review` prints" in report.err
    ours = json.loads(drift("--json", "report", "--project-policy").out)
    assert json.loads(drift("--json", "review").out) == ours
    assert "NOTE" not in drift("report", "--project-policy").err


def test_a_partial_run_is_not_accepted_by_its_own_lax_rules(project: Path, drift: Drift) -> None:
    edit(
        project / "drift.yaml",
        '  down:\n    model: simulated/down\n    options: {faults: [{kind: "503", retry_after_s: 0.01}]}',
        '  down:\n    model: simulated/steady\n    options: {faults: [{kind: "garbage", rate: 0.6}]}',
    )
    lax = policy_file(project, "limits: {min_coverage: 0.01, min_cases: 0.01}\n")
    drift("check", "--target", "down", "--night", TONIGHT, "--policy", lax)
    before = files_of(project / "baselines")
    done = accept(drift, reviewed(drift))
    assert (done.code, files_of(project / "baselines")) == (2, before), done
    assert "partial or failed" in done.err
    assert "limits.min_coverage 0.01 (here 0.6666666666666666)" in done.err


@pytest.fixture(scope="module")
def moving_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose model is replaced behind its name on the 20th, and a baseline of six nights before."""
    root = tmp_path_factory.mktemp("moving") / "project"
    root.mkdir()
    write_project(root)
    edit(
        root / "drift.yaml",
        "steady: {model: simulated/steady, params: {temperature: 0, max_tokens: 512}}",
        "steady: {model: simulated/steady, params: {temperature: 0, max_tokens: 512}, "
        "options: {drift: {kind: swap, start: '2026-11-20'}}}",
    )
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        for night in range(1, 7):
            arguments = ["check", "canary", "--scheduled", "--night", f"2026-11-{night:02d}"]
            assert run(["-C", str(root), *arguments], clock=CLOCK) == 0
        assert run(["-C", str(root), "calibrate", "canary", "--from-runs", "last:6"], clock=CLOCK) == 0
    shutil.rmtree(root / "reports")
    return root


@pytest.fixture
def drifted_night(moving_project: Path, tmp_path: Path, drift: Drift) -> Path:
    """The folder of a scheduled night that drifted, whose own policy calls it quiet."""
    shutil.rmtree(tmp_path / "project", ignore_errors=True)
    shutil.copytree(moving_project, tmp_path / "project")
    assert drift("check", "--scheduled", "--night", TONIGHT).code == 1
    (folder,) = runs_of(tmp_path / "project")
    forge(folder / "manifest.json", ('"learning_below": 5', '"learning_below": 1000'))
    return folder


def test_a_night_that_its_own_rules_call_quiet_is_not_promoted(drifted_night: Path, drift: Drift) -> None:
    baselines = drifted_night.parents[1] / "baselines"
    before = files_of(baselines)
    done = drift("-q", "calibrate", "--from-runs", "last:14")
    assert (done.code, files_of(baselines)) == (2, before), done
    (note,) = [line for line in done.err.splitlines() if "NOTE" in line]
    assert f"the night of {TONIGHT} ran under another policy than this project's drift.yaml" in note
    assert "learning_below 1000 (here 5)" in note


def test_a_night_before_is_not_taken_along_by_its_own_rules(drifted_night: Path, drift: Drift) -> None:
    assert drift("check", "--scheduled", "--night", "2026-11-21").code == 1
    done = drift(*("accept", "last", "--digest", reviewed(drift), "--reason", REASON, "--case", "*"))
    assert "from the night of 2026-11-21 and 1 night before it" in done.out, (
        "it drifted, by this project's rules"
    )
    assert "learning_below 1000 (here 5)" in done.err


def test_a_calibration_from_elsewhere_goes_on_under_this_projects_rules(project: Path, drift: Drift) -> None:
    edit(project / "drift.yaml", "  fresh: {model: simulated/typical,", "  fresh: {model: simulated/down,")
    edit(
        project / "drift.yaml",
        "params: {temperature: 0, max_tokens: 512}}\n  priced",
        'params: {temperature: 0, max_tokens: 512}, options: {faults: [{kind: "garbage", rate: 0.6}]}}\n  priced',
    )
    assert drift("calibrate", "--target", "fresh", "--nights", "2", "--samples", "2").code == 3
    folder = runs_of(project)[-1]
    forge(
        folder / "manifest.json",
        ('"min_coverage": 0.6666666666666666', '"min_coverage": 0.01'),
        ('"min_cases": 0.75', '"min_cases": 0.01'),
    )
    done = drift("calibrate", "--resume", "last")
    assert (done.code, "nothing was accepted" in done.err) == (3, True), done
    assert not (project / "baselines" / "canary" / "fresh").exists()
