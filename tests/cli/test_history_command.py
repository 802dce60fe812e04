"""`drift history`: what the terminal shows of the nights, and how the index is made again."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from harness.core.batch import Acceptance, Baseline
from harness.core.findings import Outcome
from harness.core.run import RunRecord
from harness.core.verdict import State, Verdict
from harness.edges.stores.baselines import FileBaselineStore
from harness.edges.stores.runs import FileRunStore
from harness.reporting.escape import columns
from harness.reporting.json_format import render
from tests.cli.conftest import Drift, edit, files_of
from tests.support.records import make_finding, make_record, make_target_verdict, make_verdict

CONFIG = """\
version: 1
targets:
  sonnet: {model: simulated/steady, params: {temperature: 0, max_tokens: 512}}
  gpt: {model: simulated/typical, params: {temperature: 0, max_tokens: 512}}
suites:
  canary: {path: canaries/, targets: [sonnet], samples: 3}
"""
FIRST = date(2026, 11, 1)
SINCE = "2026-11-05T12:00:00+00:00"


@pytest.fixture
def nights(tmp_path: Path) -> Path:
    """A project with eight nights: two quiet, two that drifted, one lost, three quiet."""
    root = tmp_path / "project"
    (root / "canaries").mkdir(parents=True)
    (root / "drift.yaml").write_text(CONFIG, encoding="utf-8")
    for number, word in enumerate("QQDD?QQQ"):
        write_night(root, number, word)
    return root


def write_night(root: Path, number: int, word: str) -> Path:
    """Write the folder of a run, decided; return it."""
    night = (FIRST + timedelta(days=number)).isoformat()
    record, verdict = decided_night(night, f"{night.replace('-', '')}T031700Z-canary-9be2", word)
    runs = FileRunStore(root / "reports", redact=str)
    runs.create(record.manifest, {}, {})
    return runs.write(record.manifest.run, "verdict.json", render(record, verdict)).parent


def decided_night(night: str, run: str, word: str) -> tuple[RunRecord, Verdict]:
    """Make a night that is quiet (Q), drifted (D) or could not tell (?)."""
    record = make_record()
    finding = make_finding(None, signal="refusal", target="sonnet")
    said = {
        "Q": {},
        "D": {"outcome": Outcome.REGRESSED, "findings": (finding,), "confirmed": True},
        "?": {"outcome": Outcome.INCONCLUSIVE, "state": State.ARMED},
    }[word]
    target = make_target_verdict(record, "sonnet", accepted_at="2026-10-31T09:00:00+00:00", **said)
    manifest = record.manifest.model_copy(
        update={"run": run, "night": night, "started_at": f"{night}T03:17:00+00:00"}
    )
    record = RunRecord(manifest=manifest, end=record.end, batches={}, references={}, stale={}, vectors={})
    return record, make_verdict(record, target, run=run, night=night)


def test_before_the_first_night_it_says_what_to_do(new_project: Path, drift: Drift) -> None:
    done = drift("history")
    assert (done.code, done.err) == (0, "")
    assert "`drift check SUITE --scheduled`" in done.out
    assert not (new_project / "reports").exists()


def test_a_rebuild_reads_the_run_folders(nights: Path, drift: Drift) -> None:
    before = files_of(nights)
    done = drift("history", "rebuild")
    assert (done.code, done.out) == (0, "8 nights from 8 runs; 1 incident, 1 open\n")
    after = files_of(nights)
    assert after.keys() - before.keys() == {"reports/history.sqlite"}
    assert {name: after[name] for name in before} == before


def test_the_table_shows_every_night_and_what_is_open(nights: Path, drift: Drift) -> None:
    drift("history", "rebuild")
    done = drift("history", "canary")
    assert done.code == 0
    assert done.out == (
        "canary/sonnet  8 nights\n"
        "night       outcome         state        signals                    incident\n"
        "2026-11-01  QUIET           armed\n"
        "2026-11-02  QUIET           armed\n"
        "2026-11-03  DRIFT           armed        refusal                    opened\n"
        "2026-11-04  DRIFT           armed        refusal                    goes on\n"
        "2026-11-05  COULD NOT TELL  armed                                   open\n"
        "2026-11-06  QUIET           armed                                   open, quiet\n"
        "2026-11-07  QUIET           armed                                   open, quiet\n"
        "2026-11-08  QUIET           armed                                   open, quiet\n"
        "OPEN canary-sonnet-20261103: refusal, last on 2026-11-04.\n"
        "  3 of 7 quiet nights so far; it closes then, or when accepted.\n"
    )
    assert all(columns(line) <= 80 for line in done.out.splitlines())


def test_a_night_whose_baseline_was_stale_is_shown_as_stale(project: Path, drift: Drift) -> None:
    edit(
        project / "drift.yaml",
        "steady: {model: simulated/steady, params: {temperature: 0,",
        "steady: {model: simulated/steady, params: {temperature: 1,",
    )
    assert drift("check", "canary", "--scheduled", "--night", "2026-11-20").code == 4
    assert "2026-11-20  STALE           stale\n" in drift("history").out
    assert drift("history", "rebuild").code == 0
    assert json.loads(drift("--json", "history").out)["nights"][0]["baseline"] == "stale"


def test_an_acceptance_closes_the_incident(nights: Path, drift: Drift) -> None:
    acceptance = Acceptance(
        at=SINCE,
        by="someone",
        reason="It was looked at.",
        cases=tuple(f"case-{number}" for number in range(20)),
        runs=("r",),
        verdict="regressed",
        shown="5f1c",
    )
    baseline = Baseline(suite="canary", target="sonnet", encoder="e", cases={}, acceptances=(acceptance,))
    store = FileBaselineStore(nights / "baselines", lock=nights / "lock", redact=str)
    assert store.save(baseline)
    assert drift("history", "rebuild").out.endswith("1 incident, 0 open\n")
    assert "OPEN" not in drift("history").out
    assert json.loads(drift("--json", "history").out)["incidents"][0]["closed"] == "2026-11-05"


def test_it_shows_the_last_nights_of_the_target_asked_for(nights: Path, drift: Drift) -> None:
    drift("history", "rebuild")
    shown = json.loads(drift("--json", "history", "canary", "--target", "sonnet", "--last", "2").out)
    assert [night["night"] for night in shown["nights"]] == ["2026-11-07", "2026-11-08"]
    assert [incident["id"] for incident in shown["incidents"]] == ["canary-sonnet-20261103"]
    assert drift("history", "canary", "--target", "gpt").out.startswith("no nights yet")
    assert drift("history", "show", "canary", "--last", "1").out.startswith("canary/sonnet  1 night\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("canry",), "unknown suite 'canry', did you mean 'canary'?"),
        (("canary", "--target", "sonet"), "unknown target 'sonet', did you mean 'sonnet'?"),
        (("canary", "--last", "0"), "'--last'"),
    ],
)
def test_a_name_that_is_wrong_is_said(
    nights: Path, drift: Drift, arguments: tuple[str, ...], said: str
) -> None:
    done = drift("history", *arguments)
    assert done.code == 2
    assert said in done.err


def test_a_run_that_did_not_end_is_left_out_and_said(nights: Path, drift: Drift) -> None:
    folder = write_night(nights, 8, "D")
    (folder / "verdict.json").unlink()
    done = drift("history", "rebuild")
    assert (done.code, done.out) == (0, "8 nights from 8 runs; 1 incident, 1 open\n")
    assert f"left out {folder.name}: it did not end" in done.err


@pytest.mark.parametrize("name", ["verdict.json", "manifest.json"])
def test_a_damaged_run_is_named_and_the_others_are_there(nights: Path, drift: Drift, name: str) -> None:
    folder = write_night(nights, 8, "D")
    (folder / name).write_text("{", encoding="utf-8")
    (folder / "reference.json.gz").unlink()
    done = drift("history", "rebuild")
    assert done.code == 4
    assert str(folder) in done.err
    assert done.out == "8 nights from 8 runs; 1 incident, 1 open\n"
    assert len(json.loads(drift("--json", "history").out)["nights"]) == 8


def test_a_link_among_the_runs_is_named_not_followed_and_the_others_are_there(
    nights: Path, drift: Drift, tmp_path: Path
) -> None:
    one, two = write_night(nights, 8, "D"), write_night(nights, 9, "D")
    (one / "verdict.json").rename(tmp_path / "verdict.json")
    (one / "verdict.json").symlink_to(tmp_path / "verdict.json")
    two.rename(tmp_path / two.name)
    two.symlink_to(tmp_path / two.name)
    done = drift("history", "rebuild")
    assert (done.code, done.out) == (4, "8 nights from 8 runs; 1 incident, 1 open\n")
    assert f"{one.name}/verdict.json: is a link" in done.err
    assert f"{two.name}: leads out of" in done.err


def test_a_history_behind_a_link_is_refused_and_costs_no_verdict(
    project: Path, drift: Drift, tmp_path: Path
) -> None:
    (project / "reports").mkdir()
    (project / "reports" / "history.sqlite").symlink_to(tmp_path / "elsewhere.sqlite")
    done = drift("check", "canary", "--scheduled", "--night", "2026-11-20")
    assert (done.code, "QUIET" in done.out) == (0, True)
    assert "history.sqlite: is a link" in done.err
    assert (drift("history").code, drift("history", "rebuild").code) == (2, 2)
    assert not (tmp_path / "elsewhere.sqlite").exists()


def test_a_verdict_of_another_run_is_not_believed(nights: Path, drift: Drift) -> None:
    quiet, drifted = write_night(nights, 8, "Q"), write_night(nights, 9, "D")
    (quiet / "verdict.json").write_bytes((drifted / "verdict.json").read_bytes())
    assert "it did not end" in drift("history", "rebuild").err


def test_a_damaged_history_says_how_to_mend_it(nights: Path, drift: Drift) -> None:
    (nights / "reports" / "history.sqlite").write_bytes(
        b"not a database, and longer than a header of a hundred bytes" * 5
    )
    done = drift("history")
    assert (done.code, done.out) == (4, "")
    assert "`drift history rebuild`" in done.err
    assert drift("history", "rebuild").code == 0
    assert drift("history").code == 0


def test_a_url_is_named_by_its_variable_and_never_written(
    nights: Path, drift: Drift, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = nights / "drift.yaml"
    config.write_text(CONFIG + "history: {url_env: DRIFT_HISTORY_URL}\n", encoding="utf-8")
    monkeypatch.delenv("DRIFT_HISTORY_URL", raising=False)
    done = drift("history", "rebuild")
    assert done.code == 2
    assert "DRIFT_HISTORY_URL, which is not set" in done.err
    monkeypatch.setenv("DRIFT_HISTORY_URL", f"postgresql://drift:hunter22@/drift?host={nights}")
    done = drift("history", "rebuild")
    assert done.code == 3
    assert "cannot be used" in done.err
    assert "hunter22" not in done.err
    config.write_text(CONFIG + "history: {url_env: 'postgresql://drift:hunter22@db/x'}\n", encoding="utf-8")
    done = drift("history")
    assert done.code == 2
    assert "drift.yaml:7" in done.err
    assert "hunter22" not in done.err


def test_a_run_without_its_verdict_is_decided_again(project: Path, drift: Drift) -> None:
    drift("check", "canary", "--scheduled", "--night", "2026-11-20")
    (folder,) = (path.parent for path in project.glob("reports/*/manifest.json"))
    drift("history", "rebuild")
    before = drift("--json", "history").out
    (folder / "verdict.json").unlink()
    assert drift("history", "rebuild").out == "1 night from 1 run; 0 incidents, 0 open\n"
    assert drift("--json", "history").out == before
