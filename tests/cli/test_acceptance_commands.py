"""`drift review`, `drift accept`, `drift baseline`: from a change to what is normal, and no way around."""

import json
import re
import shutil
import subprocess
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from harness.cli.app import run
from tests.cli.conftest import CLOCK, TONIGHT, Done, Drift, files_of, runs_of

OWNER = ("--baseline-of", "steady")
"""The run that strayed is of another target, which is compared with this one's baseline."""
REASON = "The new model was tried on the support cases; it is fine."


@pytest.fixture
def project(drifted_project: Path, tmp_path: Path) -> Path:
    """A project with an armed baseline and a run that strayed from it."""
    return Path(shutil.copytree(drifted_project, tmp_path / "project"))


@pytest.fixture(scope="module")
def digest(drifted_project: Path) -> str:
    """What `review`, which changes nothing, prints for a confirmed drift: another model behind the name."""
    with redirect_stdout(StringIO()) as out:
        run(["-C", str(drifted_project), "review", "last"], clock=CLOCK)
    shown = re.search(r"--digest (\S+)", out.getvalue())
    assert shown
    return shown[1]


def accept(drift: Drift, digest: str, *more: str, reason: str = REASON) -> Done:
    return drift("accept", "last", "--digest", digest, "--reason", reason, *OWNER, *more)


def test_what_was_accepted_is_quiet_from_then_on(project: Path, drift: Drift, digest: str) -> None:
    done = accept(drift, digest, "--case", "*")
    assert done.code == 0
    assert "10 cases accepted" in done.out
    log = drift("baseline", "log", "canary", "steady").out
    assert REASON in log
    assert "verdict then: regressed" in log
    # One night is known of the new behaviour, so it is learnt anew: no alarm, and no pass either.
    night = drift("check", "canary", "--target", "swapped", "--night", "2026-11-21")
    assert (night.code, "LEARNING" in night.out) == (0, True)


def test_accepting_again_writes_nothing(project: Path, drift: Drift, digest: str) -> None:
    accept(drift, digest, "--case", "*")
    held = files_of(project / "baselines")
    # The run keeps the baseline that it was compared with, so it still shows what it showed.
    again = accept(drift, digest, "--case", "*")
    assert again.code == 0
    assert "already says so" in again.out
    assert files_of(project / "baselines") == held


def test_only_the_cases_named_are_touched(project: Path, drift: Drift, digest: str) -> None:
    before = files_of(project / "baselines")
    assert accept(drift, digest, "--case", "tool-weather", "--case", "edge-near-*").code == 0
    after = files_of(project / "baselines")
    assert {Path(name).name for name in after if after[name] != before[name]} == {
        "tool-weather.jsonl",
        "edge-near-empty.jsonl",
        "acceptances.jsonl",
        "identity.json",
    }


def test_nothing_is_accepted_that_was_not_looked_at(project: Path, drift: Drift, digest: str) -> None:
    before = files_of(project / "baselines")
    other = f"{int(digest[0], 16) ^ 1:x}{digest[1:]}"
    for done, said in (
        (accept(drift, other, "--case", "*"), "is not the digest of what this run shows"),
        (accept(drift, digest[:4], "--case", "*"), "is not the digest of what this run shows"),
        (accept(drift, digest, "--case", "*", reason="ok"), "10 characters"),
        (accept(drift, digest, "--case", "*", reason="          "), "10 characters"),
        (accept(drift, digest), "name what to accept with --case"),
        (accept(drift, digest, "--case", "tool-wether"), "did you mean 'tool-weather'?"),
        (accept(drift, digest, "--case", "*", "--target", "steady"), "has no target 'steady'"),
        (drift("accept", "last", "--case", "*", "--reason", REASON), "--digest"),
        (drift("accept", "nosuch", "--digest", digest, "--reason", REASON), "no run is called 'nosuch'"),
    ):
        assert (done.code, said in done.err) == (2, True), done
        assert "drift" in done.err
    assert files_of(project / "baselines") == before


def test_the_nights_that_showed_the_change_before_are_accepted_with_it(
    project: Path, drift: Drift, digest: str
) -> None:
    run = runs_of(project)[0].name
    for night in ("2026-11-18", "2026-11-19", "2026-11-21"):
        assert drift("check", "--target", "swapped", "--scheduled", "--night", night).code == 1
    done = drift("accept", run, "--digest", digest, "--reason", REASON, "--case", "*", *OWNER)
    assert "10 cases accepted from the night of 2026-11-20 and 2 nights before it" in done.out
    assert "tool-weather  3 nights" in drift("baseline", "show", "canary", "steady").out


def test_another_ones_baseline_is_not_replaced_unasked(project: Path, drift: Drift, digest: str) -> None:
    before = files_of(project / "baselines")
    asked = ("accept", "last", "--digest", digest, "--reason", REASON, "--case", "*")
    done = drift(*asked)
    assert (done.code, "compared with the baseline of 'steady'" in done.err) == (2, True), done
    assert "add --baseline-of steady" in done.err
    done = drift(*asked, "--baseline-of", "fresh")
    assert (done.code, "compared with the baseline of 'steady'" in done.err) == (2, True), done
    assert files_of(project / "baselines") == before


def test_a_night_that_is_no_date_is_refused(project: Path, drift: Drift, digest: str) -> None:
    done = accept(drift, digest, "--case", "*", "--since", "yesterday")
    assert (done.code, "--since 'yesterday' is not a date" in done.err) == (2, True), done
    done = accept(drift, digest, "--case", "*", "--since", "2026-12-01")
    assert (done.code, "is after the night" in done.err) == (2, True), done


def test_a_partial_run_is_never_accepted(project: Path, drift: Drift) -> None:
    assert drift("--json", "check", "--target", "down", "--case", "tool-*", "--night", TONIGHT).code == 3
    shown = json.loads(drift("--json", "report", "last").out)["shown"]
    before = files_of(project / "baselines")
    done = accept(drift, shown, "--case", "*")
    assert done.code == 2
    assert "partial or failed" in done.err
    assert files_of(project / "baselines") == before


def test_a_run_of_several_targets_wants_one_named(project: Path, drift: Drift) -> None:
    drift("check", "canary", "--target", "steady", "--target", "swapped", "--night", TONIGHT)
    done = accept(drift, "0" * 8, "--case", "*")
    assert done.code == 2
    assert "name one with --target" in done.err


def test_a_copied_run_is_reviewed_and_accepted_where_it_lies(
    project: Path, drift: Drift, digest: str, tmp_path: Path
) -> None:
    run = runs_of(project)[0].rename(tmp_path / runs_of(project)[0].name)
    assert digest in drift("review", run).out
    done = drift("accept", run, "--digest", digest, "--reason", REASON, "--case", "tool-weather", *OWNER)
    assert done.code == 0


def test_review_changes_no_file_and_offers_nothing_on_a_quiet_night(project: Path, drift: Drift) -> None:
    drift("check", "canary", "--night", TONIGHT)
    before = files_of(project)
    done = drift("review")
    assert done.code == 0
    assert "accept with" not in done.out
    shown = json.loads(drift("--json", "report", "last").out)["shown"]
    assert f"digest {shown[:8]}\n" in done.out
    assert files_of(project) == before


def test_the_command_that_review_prints_can_be_pasted(project: Path, drift: Drift, digest: str) -> None:
    shown = drift("review").out
    assert "this replaces the baseline of steady by what swapped does" in shown
    command = shown.rpartition("accept with:\ndrift ")[2]
    assert max(map(len, command.splitlines())) < 100
    # A shell's own reading of it, lines that go on included.
    said = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {command.replace('…', REASON)}"],
        capture_output=True,
        text=True,
        check=True,
    )
    pasted = said.stdout.splitlines()
    assert drift(*pasted).code == 0


def test_json_says_what_became_of_the_baseline(project: Path, drift: Drift, digest: str) -> None:
    more = ("--digest", digest, "--reason", REASON, "--case", "tool-weather", *OWNER)
    done = drift("--json", "accept", "last", *more)
    said = json.loads(done.out)
    assert (done.code, said["written"], said["target"], said["cases"]) == (
        0,
        True,
        "steady",
        ["tool-weather"],
    )


def test_baselines_are_listed_and_shown(project: Path, drift: Drift) -> None:
    listed = drift("baseline", "list")
    assert (listed.code, "canary/steady  10 cases, 14 nights, ARMED" in listed.out) == (0, True)
    shown = drift("baseline", "show", "canary", "steady").out
    assert "tool-weather  14 nights, 42 samples" in shown
    facts = json.loads(drift("--json", "baseline", "show", "canary", "steady").out)
    assert facts["nights"] == 14
    assert facts["digest"].startswith(re.search(r"digest (\S+)", shown)[1])  # type: ignore[index]
    assert json.loads(drift("--json", "baseline", "list").out) == [facts]
    assert json.loads(drift("--json", "baseline", "log", "canary", "steady").out) == facts["acceptances"]


def test_where_nothing_was_accepted_it_says_what_to_do(new_project: Path, drift: Drift) -> None:
    assert "drift calibrate" in drift("baseline", "list").out
    assert drift("baseline", "verify").code == 0
    for command in ("show", "log"):
        done = drift("baseline", command, "canary", "steady")
        assert (done.code, "drift calibrate canary --target steady" in done.err) == (4, True)


@pytest.mark.parametrize("name", ["identity.json", "tool-weather.jsonl", "acceptances.jsonl"])
def test_verify_finds_damage_and_names_the_file(project: Path, drift: Drift, name: str) -> None:
    assert drift("baseline", "verify").out == "1 baseline verified\n"
    path = project / "baselines" / "canary" / "steady" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    done = drift("baseline", "verify")
    assert done.code == 4
    assert name in done.err
    assert "git checkout" in done.err
    assert drift("baseline", "list").code == 4


def test_verify_names_every_damaged_baseline(project: Path, drift: Drift) -> None:
    drift("calibrate", "canary", "--target", "fresh", "--nights", "2", "--night", TONIGHT)
    for target in ("steady", "fresh"):
        (project / "baselines" / "canary" / target / "tool-weather.jsonl").unlink()
    done = drift("baseline", "verify")
    assert done.code == 4
    assert done.err.count("tool-weather.jsonl: missing") == 2
