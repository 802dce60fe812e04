"""`drift prune`: old answers go; what was decided, and what somebody rests on, stays."""

import json
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from harness.edges.stores.baselines import FileBaselineStore
from harness.edges.stores.thinning import TAKEN
from tests.cli.conftest import NIGHTS, TONIGHT, Drift, files_of, runs_of
from tests.support.manifests import rewrite

OLD = "20250101T031700Z-canary-0abc"
KEEP = ("--keep", "400d")


def aged(run: Path, name: str = OLD, night: str = "2025-01-01") -> Path:
    """Copy a run as one that ran long ago."""
    old = run.with_name(name)
    shutil.copytree(run, old)
    rewrite(old / "manifest.json", lambda told: told.update(run=name, night=night))
    told = json.loads((old / "verdict.json").read_text(encoding="utf-8"))
    (old / "verdict.json").write_text(json.dumps(told | {"run": name, "night": night}), encoding="utf-8")
    return old


@pytest.fixture
def runs(project: Path, drift: Drift) -> tuple[Path, Path]:
    """An old night, and one of tonight."""
    assert drift("check", "canary", "--scheduled", "--night", TONIGHT).code == 0
    (young,) = runs_of(project)
    return aged(young), young


def test_an_old_run_is_thinned_and_its_night_stays_in_the_history(
    runs: tuple[Path, Path], drift: Drift
) -> None:
    old, young = runs
    drift("history", "rebuild")
    before = drift("--json", "history").out
    kept_young, sizes = (
        files_of(young),
        sum(len((old / name).read_bytes()) for name in TAKEN if (old / name).exists()),
    )
    told = json.loads(drift("--json", "prune", *KEEP).out)
    assert told == {"dry_run": False, "freed_bytes": sizes, "kept": {}, "thinned": [OLD]}
    left = {path.name for path in old.iterdir()} - {".journal.lock"}
    assert left == {"manifest.json", "verdict.json", "thinned.json"}
    assert {k: v for k, v in files_of(young).items() if "lock" not in k} == {
        k: v for k, v in kept_young.items() if "lock" not in k
    }
    assert drift("history", "rebuild").out.startswith("2 nights from 2 runs")
    assert drift("--json", "history").out == before
    done = drift("report", OLD)
    assert (done.code, "was thinned by `drift prune`" in done.err) == (4, True)
    assert drift("check", "canary", "--resume", OLD).code != 0
    assert drift("calibrate", "canary", "--from-runs", f"last:{NIGHTS + 1}").code in (0, 2)
    assert drift("check", "canary", "--scheduled", "--night", "2026-11-21").code == 0


def test_doing_it_again_does_nothing_and_so_does_a_dry_run(runs: tuple[Path, Path], drift: Drift) -> None:
    old, _ = runs
    before = files_of(old)
    dry = json.loads(drift("--json", "prune", *KEEP, "--dry-run").out)
    assert files_of(old) == before
    done = json.loads(drift("--json", "prune", *KEEP).out)
    assert (dry["freed_bytes"], dry["thinned"]) == (done["freed_bytes"], done["thinned"])
    after = files_of(old)
    again = drift("prune", *KEEP)
    assert again.out.startswith("0 runs from before 2025-11-30 thinned, which freed 0.0 kB")
    assert files_of(old) == after


def test_one_that_was_cut_off_is_ended(runs: tuple[Path, Path], drift: Drift) -> None:
    old, _ = runs
    (old / "thinned.json").write_text('{"schema_version": 1}\n')
    (old / "journal.jsonl").unlink()
    assert drift("prune", *KEEP).code == 0
    assert not (old / "vectors.npz").exists()


def test_the_evidence_of_a_baseline_stays_unless_all_is_said(
    runs: tuple[Path, Path], drift: Drift, project: Path
) -> None:
    old, _ = runs
    kept = aged(old, "20250102T031700Z-canary-0abc")
    store = FileBaselineStore(project / "baselines", lock=project / "baselines.lock", redact=str)
    baseline = store.load("canary", "steady")
    assert baseline is not None
    acceptance = baseline.acceptances[0].model_copy(update={"runs": (kept.name,)})
    store.save(baseline.model_copy(update={"acceptances": (acceptance,)}))
    told = json.loads(drift("--json", "prune", *KEEP).out)
    assert told["thinned"] == [OLD]
    assert "a baseline was accepted from it" in told["kept"][kept.name]
    assert (kept / "journal.jsonl").exists()
    assert json.loads(drift("--json", "prune", *KEEP, "--all").out)["thinned"] == [kept.name]


def test_where_the_baselines_cannot_say_what_they_rest_on_nothing_is_thinned(
    runs: tuple[Path, Path], drift: Drift, project: Path
) -> None:
    old, _ = runs
    path = project / "baselines" / "canary" / "steady" / "acceptances.jsonl"
    path.write_bytes(path.read_bytes().replace(b"a", b"b", 1))
    before = files_of(old)
    assert drift("prune", *KEEP).code == 4
    assert files_of(old) == before


def test_a_run_that_did_not_end_stays_whole(runs: tuple[Path, Path], drift: Drift) -> None:
    old, _ = runs
    (old / "verdict.json").unlink()
    before = files_of(old)
    assert "it did not end" in drift("prune", *KEEP).err
    assert files_of(old) == before


def test_a_run_that_is_being_written_is_left_alone(runs: tuple[Path, Path], drift: Drift) -> None:
    old, _ = runs
    with FileLock(old / ".journal.lock"):
        assert "another process writes it" in drift("prune", *KEEP).err
    assert (old / "journal.jsonl").exists()


def test_no_link_is_followed(runs: tuple[Path, Path], drift: Drift, tmp_path: Path) -> None:
    old, young = runs
    outside = tmp_path / "outside.jsonl"
    outside.write_text("Of somebody else.")
    (old / "journal.jsonl").unlink()
    (old / "journal.jsonl").symlink_to(outside)
    before = files_of(young)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(old, elsewhere, symlinks=True)
    linked = old.with_name("20250103T031700Z-canary-0abc")
    linked.symlink_to(elsewhere)
    inner = old.with_name("20250104T031700Z-canary-0abc")
    inner.symlink_to(young)
    done = drift("prune", *KEEP)
    assert outside.read_text() == "Of somebody else."
    assert (elsewhere / "vectors.npz").exists()
    assert {k: v for k, v in files_of(young).items() if "lock" not in k} == {
        k: v for k, v in before.items() if "lock" not in k
    }
    assert not (old / "journal.jsonl").is_symlink()
    assert "is a link" in done.err or "leads out" in done.err


@pytest.mark.parametrize("keep", ["400", "30d", "89d", "-1d", "0d", "1y", "9999999d", "٤٠٠d"])
def test_too_few_days_are_refused(project: Path, drift: Drift, keep: str) -> None:
    assert project
    done = drift("prune", f"--keep={keep}")
    assert (done.code, "expected days" in done.err) == (2, True)
