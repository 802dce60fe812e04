"""What an error says on the terminal: with its code, and without what looks like a key."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import TONIGHT, Drift, edit, runs_of
from tests.support.model_server import ModelServer, Play

KEY = "sk-proj-abcdefghijklmnopqrstuvwxyz"


def test_a_page_that_cannot_be_written_has_a_code_and_leaves_the_verdict_its_own(
    project: Path, drift: Drift
) -> None:
    (project / "taken").write_text("", encoding="utf-8")
    for target, code in (("steady", 0), ("swapped", 1)):
        done = drift("check", "canary", "--target", target, "--night", TONIGHT, "--out", "taken/x")
        (said,) = [line for line in done.err.splitlines() if "taken" in line]
        assert (done.code, said.endswith("  [cannot-write]")) == (code, True), done
        assert "its exit code stands" in said
    assert [(run / "verdict.json").exists() for run in runs_of(project)] == [True, True]


@pytest.mark.parametrize("place", ["case", "configuration", "recording", "target"])
def test_a_name_that_looks_like_a_key_is_not_told(project: Path, drift: Drift, place: str) -> None:
    match place:
        case "case":
            (project / "canaries" / f"{KEY}.yaml").write_text("id: [\n", encoding="utf-8")
            done = drift("validate")
        case "configuration":
            done = drift("--config", f"{KEY}.yaml", "validate")
        case "recording":
            done = drift("compare", f"{KEY}.jsonl", f"{KEY}.jsonl", "--suite", "canary")
        case _:
            done = drift("check", "canary", "--target", KEY)
    assert done.code != 0
    assert "[REDACTED KEY]" in done.err
    assert KEY not in done.err + done.out


def test_after_a_key_was_turned_away_nothing_may_be_billed_twice(
    project: Path, drift: Drift, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIFT_TEST_KEY", "a-key-that-is-made-up")
    with ModelServer() as server:
        edit(
            project / "drift.yaml",
            'api_base: "http://127.0.0.1:9/v1"}',
            f'api_base: "{server.url}/v1", price: {{input_usd_per_million: 0, output_usd_per_million: 0}}}}',
        )
        server.play(Play.UNAUTHORISED)
        assert drift("check", "canary", "--target", "keyed", "--night", TONIGHT).code == 2
        server.play(Play.ANSWER)
        done = drift("check", "canary", "--resume", "last")
    assert "in flight" not in done.err + done.out
    (run,) = runs_of(project)
    end = json.loads((run / "verdict.json").read_text(encoding="utf-8"))["run_end"]
    assert end["possibly_billed_twice"] == []
    assert "in flight" not in (run / "report.html").read_text(encoding="utf-8")


def test_usage_errors_do_not_tell_a_key(drift: Drift) -> None:
    done = drift(KEY)
    assert done.code == 2
    assert KEY not in done.err


def test_a_journal_that_was_emptied_after_its_verdict_is_exit_4(project: Path, drift: Drift) -> None:
    assert drift("check", "canary", "--target", "steady", "--night", TONIGHT).code == 0
    (run,) = runs_of(project)
    whole = (run / "journal.jsonl").read_bytes()
    for content in (b"", bytes(len(whole))):
        (run / "journal.jsonl").write_bytes(content)
        for command in (("report", "last"), ("check", "canary", "--target", "steady", "--resume", "last")):
            done = drift(*command)
            assert (done.code, "[damaged-record]" in done.err) == (4, True), done
            assert "restore it, or start a new run" in done.err
