"""`drift push` and `drift fetch`: a night on one machine, its baseline on another."""

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Drift, runs_of

pytest.importorskip("fsspec", reason="needs the extra `fsspec`")


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("DRIFT_RUNS_URL", raising=False)
    return f"file://{tmp_path}/shared"


def test_a_night_of_one_machine_becomes_the_baseline_of_another(
    new_project: Path, drift: Drift, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (1, 2):
        drift("check", "canary", "--scheduled", "--night", f"2026-11-{day:02d}")
    done = drift("push", *(run.name for run in runs_of(new_project)), "--to", url)
    assert (done.code, done.out.count("sent")) == (0, 2)
    assert drift("push", "last", "--to", url).out.endswith("is there already\n")
    other = tmp_path / "other"
    shutil.copytree(new_project, other)
    shutil.rmtree(other / "reports")
    monkeypatch.setenv("DRIFT_RUNS_URL", url)
    assert drift("fetch", "--since", "2027-01-05", folder=other).out.startswith("0 runs fetched")
    assert drift("fetch", folder=other).out.startswith("2 runs fetched")
    assert drift("fetch", folder=other).out.startswith("0 runs fetched")
    assert drift("history", "rebuild", folder=other).out.startswith("2 nights from 2 runs")
    assert drift("calibrate", "canary", "--from-runs", "last:2", folder=other).code == 0
    assert drift("baseline", "verify", folder=other).code == 0


def test_without_a_place_it_says_how_to_name_one(new_project: Path, drift: Drift, url: str) -> None:
    assert new_project
    assert url
    done = drift("fetch")
    assert (done.code, "DRIFT_RUNS_URL" in done.err) == (2, True)


def test_what_is_no_run_is_not_sent(new_project: Path, drift: Drift, url: str, tmp_path: Path) -> None:
    folder = tmp_path / "20261101T031700Z-canary-00aa"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    done = drift("push", folder, "--to", url)
    assert (done.code, (tmp_path / "shared").exists()) == (4, False)
    assert new_project


def test_a_folder_with_the_manifest_of_another_run_is_not_sent(
    new_project: Path, drift: Drift, url: str
) -> None:
    drift("check", "canary", "--scheduled", "--night", "2026-11-01")
    (run,) = runs_of(new_project)
    manifest = run / "manifest.json"
    manifest.write_text(manifest.read_text().replace(run.name, "20261101T031700Z-canary-ffff"))
    assert drift("push", run, "--to", url).code == 4
