"""Nights that are decided with the nights before them, on the real command line."""

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Done, Drift, edit, runs_of

LONGER = "{kind: length, size: 1.0}"
"""Without a broken contract, which waits for nobody."""
MISSING_FROM = "what tonight is decided with: "
NIGHTLY = ("check", "canary", "--scheduled", "--night")


def moody(project: Path, drift: str) -> None:
    """Let the target `moody` drift from the baseline of `steady`, on whatever night it is asked to."""
    target = f"{{model: simulated/steady, params: {{temperature: 0, max_tokens: 512}}, baseline_of: steady, options: {{drift: {drift}}}}}"
    edit(project / "drift.yaml", "encoder: {name: hashed}", f"  moody: {target}\nencoder: {{name: hashed}}")


def night(drift: Drift, date: str, *more: str) -> Done:
    return drift(*NIGHTLY, date, *more)


def test_a_run_folder_that_is_gone_costs_a_night_of_the_window_and_no_verdict(
    project: Path, drift: Drift
) -> None:
    assert night(drift, "2026-11-15").code == 0
    assert (project / "reports" / "history.sqlite").exists()
    (gone,) = (path for path in (project / "reports").iterdir() if path.is_dir())
    shutil.rmtree(gone)
    assert night(drift, "2026-11-16").code == 0


def spoil(path: Path) -> None:
    """Damage a file as a bad disk or a merge does."""
    content = path.read_bytes()
    half = len(content) // 2
    path.write_bytes(content[:half] + b"\n<<<<<<< HEAD\n" + content[half:])


@pytest.mark.parametrize("name", ["manifest.json", "reference.json.gz", "journal.jsonl", "vectors.npz"])
def test_a_night_that_cannot_be_read_is_named_on_the_terminal_and_in_the_report(
    project: Path, drift: Drift, name: str
) -> None:
    assert night(drift, "2026-11-15").code == 0
    (run,) = runs_of(project)
    spoil(run / name)
    done = night(drift, "2026-11-16")
    assert (done.code, "QUIET" in done.out) == (0, True)
    told = " ".join(done.out.split())
    assert f"NOTE The night of 2026-11-15 could not be read, so it is missing from {MISSING_FROM}" in told
    assert f"reports/{run.name}/{name}" in told
    page = (runs_of(project)[-1] / "report.html").read_text(encoding="utf-8")
    assert "The night of 2026-11-15 could not be read" in page
    assert "nothing to do" not in page + done.out
    assert drift("report", "last").out == done.out, "and so it stays, whatever becomes of that folder"


def test_a_night_whose_verdict_cannot_be_read_is_decided_again_and_not_missed(
    project: Path, drift: Drift
) -> None:
    assert night(drift, "2026-11-15").code == 0
    spoil(runs_of(project)[0] / "verdict.json")
    (project / "reports" / "history.sqlite").unlink()
    done = night(drift, "2026-11-16")
    assert "could not be read" not in done.out
    assert "Tonight was decided by itself and with the night of 15 Nov 2026" in " ".join(done.out.split())


def test_whether_a_night_has_its_run_already_is_said_where_it_cannot_be_known(
    project: Path, drift: Drift
) -> None:
    assert night(drift, "2026-11-15").code == 0
    spoil(runs_of(project)[0] / "manifest.json")
    done = night(drift, "2026-11-16")
    assert "whether the night 2026-11-16 has its run already is not known: " in done.err
    assert "manifest.json" in done.err


def test_a_later_run_confirms_what_an_earlier_night_left_waiting(project: Path, drift: Drift) -> None:
    moody(project, LONGER)
    waits = ("--target", "moody", "--confirm-after", "next-run")
    first = night(drift, "2026-11-15", *waits)
    assert (first.code, "AWAITING" in first.out) == (0, True)
    done = night(drift, "2026-11-16", *waits)
    assert (done.code, "Seen on two nights" in done.out) == (1, True)


def test_an_outage_between_two_nights_does_not_lose_the_one_that_waits(project: Path, drift: Drift) -> None:
    moody(project, LONGER)
    waits = ("--target", "moody", "--confirm-after", "next-run")
    assert night(drift, "2026-11-15", *waits).code == 0
    answers = (project / "drift.yaml").read_text(encoding="utf-8")
    edit(project / "drift.yaml", "moody: {model: simulated/steady", "moody: {model: simulated/down")
    edit(project / "drift.yaml", f"drift: {LONGER}", 'faults: [{kind: "503", retry_after_s: 0.01}]')
    assert night(drift, "2026-11-16", *waits).code == 3
    (project / "drift.yaml").write_text(answers, encoding="utf-8")
    assert night(drift, "2026-11-17", *waits).code == 1


def test_a_night_that_waits_does_not_pass_while_a_drift_is_open(project: Path, drift: Drift) -> None:
    moody(project, LONGER)
    waits = ("--target", "moody", "--confirm-after", "next-run")
    codes = [night(drift, f"2026-11-{day}", *waits).code for day in (15, 16, 17, 18)]
    assert codes == [0, 1, 1, 1]


def test_an_incident_opens_stays_open_and_ends_after_seven_quiet_nights(project: Path, drift: Drift) -> None:
    moody(project, "{kind: swap}")
    assert night(drift, "2026-11-15", "--target", "moody").code == 1
    edit(project / "drift.yaml", ", options: {drift: {kind: swap}}", "")
    codes = [night(drift, f"2026-11-{day}", "--target", "moody").code for day in range(16, 24)]
    assert codes == [1, 1, 1, 1, 1, 1, 0, 0]
    assert "recovered" in drift("history", "--target", "moody").out


@pytest.mark.parametrize("when", ["1h", "90m"])
def test_a_confirmation_that_comes_too_soon_is_refused(project: Path, drift: Drift, when: str) -> None:
    moody(project, LONGER)
    waiting = drift("check", "canary", "--target", "moody", "--confirm-after", when)
    assert waiting.code == 0
    early = drift("check", "canary", "--resume", "last")
    assert (early.code, "is to be confirmed from" in early.err) == (2, True)
