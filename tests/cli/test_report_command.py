"""`drift report`: the same from the same folder, anywhere, and by other rules when asked."""

import json
import shutil
from pathlib import Path

import pytest

from harness.cli.output import FILE_NAMES
from tests.cli.conftest import TONIGHT, Drift, files_of, runs_of, write_project
from tests.support.manifests import forge


@pytest.fixture
def project(drifted_project: Path, tmp_path: Path) -> Path:
    """A project with an armed baseline and a run that strayed from it."""
    return Path(shutil.copytree(drifted_project, tmp_path / "project"))


@pytest.fixture
def run(project: Path) -> Path:
    """The folder of a run that found drift."""
    return runs_of(project)[0]


def every_format(drift: Drift, run: Path | str, out: Path, folder: Path | None = None) -> dict[str, bytes]:
    formats = [word for name in FILE_NAMES for word in ("--format", name)]
    done = drift("report", run, *formats, "--out", out, folder=folder)
    assert done.code == 1
    return files_of(out)


def test_the_same_run_gives_the_same_bytes(project: Path, drift: Drift, run: Path, tmp_path: Path) -> None:
    page = (run / "report.html").read_bytes()
    first = every_format(drift, "last", tmp_path / "one")
    assert first == every_format(drift, run.name, tmp_path / "two")
    assert first["report.html"] == page
    assert first["verdict.json"] == (run / "verdict.json").read_bytes()


def test_a_run_is_whole_without_its_baseline_and_in_another_project(
    project: Path, new_project_elsewhere: Path, drift: Drift, run: Path, tmp_path: Path
) -> None:
    here = every_format(drift, "last", tmp_path / "one")
    shutil.rmtree(project / "baselines")
    assert every_format(drift, "last", tmp_path / "two") == here
    moved = Path(shutil.copytree(run, tmp_path / "download" / run.name))
    shutil.rmtree(project)
    assert every_format(drift, moved, tmp_path / "three", new_project_elsewhere) == here


@pytest.fixture
def new_project_elsewhere(tmp_path: Path) -> Path:
    root = tmp_path / "elsewhere"
    root.mkdir()
    write_project(root)
    return root


def test_another_policy_decides_again_and_leaves_the_run_as_it_was(
    project: Path, drift: Drift, run: Path
) -> None:
    before = files_of(run)
    lenient = "name: lenient\ngates: {regression: warn, undirected_drift: warn}\n"
    (project / "lenient.yaml").write_text(lenient, encoding="utf-8")
    done = drift("report", "last", "--policy", "lenient.yaml")
    assert (done.code, done.out.splitlines()[-1]) == (0, "exit 0")
    assert (
        json.loads(drift("--json", "report", "--policy", "lenient.yaml").out)["policy"]["name"] == "lenient"
    )
    assert files_of(run) == before
    assert drift("report", "last").code == 1


def test_a_run_that_is_decided_by_other_rules_than_the_projects_says_so(
    project: Path, drift: Drift, run: Path
) -> None:
    assert "NOTE" not in drift("report").err
    forge(
        run / "manifest.json",
        ('"regression": "fail"', '"regression": "warn"'),
        ('"undirected_drift": "fail"', '"undirected_drift": "warn"'),
        ('"max_minutes": 20', '"max_minutes": 21'),
    )
    lenient = drift("-q", "report")
    assert lenient.code == 0
    (note,) = [line for line in lenient.err.splitlines() if "NOTE" in line]
    assert "gates.regression warn (here fail), gates.undirected_drift warn (here fail)" in note
    assert "max_minutes" not in note, "it decides nothing any more"
    assert "--project-policy" in note
    before = files_of(run)
    strict = drift("report", "--project-policy")
    assert (strict.code, strict.err) == (1, "")
    assert files_of(run) == before, "the run keeps what it said"
    assert drift("report", "--project-policy", "--policy", "x.yaml").code == 2


def test_a_policy_with_errors_says_where(project: Path, drift: Drift, run: Path) -> None:
    (project / "mine.yaml").write_text("alhpa: 0.01\ngates: {regression: ignore}\n", encoding="utf-8")
    done = drift("report", "--policy", "mine.yaml")
    assert done.code == 2
    assert "mine.yaml:1:1: unknown key 'alhpa', did you mean 'alpha'?" in done.err
    assert "mine.yaml:2:21:" in done.err


def test_json_parses_and_agrees(project: Path, drift: Drift, run: Path) -> None:
    done = drift("--json", "report")
    assert json.loads(done.out)["exit_code"] == done.code == 1


def test_the_latest_of_two_runs_in_one_second_is_the_last(project: Path, drift: Drift) -> None:
    for target in ("steady", "fresh", "steady", "fresh", "steady", "fresh"):
        drift("check", "canary", "--target", target, "--case", "tool-weather", "--night", TONIGHT)
        said = json.loads(drift("--json", "report", "last").out)
        assert [t["target"] for t in said["targets"]] == [target]


@pytest.mark.parametrize(
    ("named", "said"), [("nosuch", "no run is called 'nosuch'"), ("2", "2 runs begin with '2'")]
)
def test_a_run_that_cannot_be_found_is_named(project: Path, drift: Drift, named: str, said: str) -> None:
    drift("check", "canary", "--case", "tool-weather", "--night", TONIGHT)
    done = drift("report", named)
    assert (done.code, said in done.err) == (2, True), done


def test_without_any_run_it_says_how_to_make_one(new_project_elsewhere: Path, drift: Drift) -> None:
    done = drift("report", folder=new_project_elsewhere)
    assert done.code == 2
    assert "drift check" in done.err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"samples": 3', '"samples": 100000000'),
        ('"samples": 3', '"samples": -3'),
        ('"night": "2026-11-20"', '"night": "tonight"'),
    ],
)
def test_a_run_that_nobody_made_is_refused_wherever_it_is_read(
    project: Path, drift: Drift, run: Path, old: str, new: str
) -> None:
    forge(run / "manifest.json", (old, new))
    for command in (("report",), ("review",), ("compare", "last", "last"), ("check", "--resume", "last")):
        done = drift(*command)
        assert (done.code, "manifest.json" in done.err) == (4, True), (command, done)


def test_reports_that_lie_outside_the_project_are_refused(
    project: Path, drift: Drift, run: Path, tmp_path: Path
) -> None:
    (project / "reports").rename(tmp_path / "elsewhere")
    (project / "reports").symlink_to(tmp_path / "elsewhere")
    before = files_of(tmp_path / "elsewhere")
    for command in (("report",), ("report", project / "reports" / run.name), ("check", "--night", TONIGHT)):
        done = drift(*command)
        assert (done.code, "reports: leads out of" in done.err) == (2, True), (command, done)
    assert files_of(tmp_path / "elsewhere") == before


@pytest.mark.parametrize("name", ["manifest.json", "reference.json.gz", "journal.jsonl", "vectors.npz"])
def test_a_damaged_run_is_not_rendered(project: Path, drift: Drift, run: Path, name: str) -> None:
    content = (run / name).read_bytes()
    (run / name).write_bytes(
        content[: len(content) // 2] + b"\n<<<<<<< HEAD\n" + content[len(content) // 2 :]
    )
    done = drift("report", run)
    assert done.code == 4
    assert name in done.err
