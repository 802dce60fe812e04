"""One target that is turned away for good ends alone: the others keep their night, and everything stays resumable."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import TONIGHT, Drift, edit, files_of, runs_of
from tests.support.model_server import ModelServer, Play

KEY = "a-key-that-is-made-up"


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture
def hosted(project: Path, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a target behind HTTP."""
    monkeypatch.setenv("DRIFT_TEST_KEY", KEY)
    edit(
        project / "drift.yaml",
        '  keyed: {model: direct/anything, key_env: DRIFT_TEST_KEY, api_base: "http://127.0.0.1:9/v1"}\n',
        f'  keyed: {{model: direct/anything, key_env: DRIFT_TEST_KEY, api_base: "{server.url}/v1", '
        "price: {input_usd_per_million: 0, output_usd_per_million: 0}}\n",
    )
    return project


def both(*more: str) -> tuple[str, ...]:
    return ("check", "canary", "--target", "keyed", "--target", "steady", "--night", TONIGHT, *more)


def verdict_of(run: Path) -> dict[str, object]:
    targets = json.loads((run / "verdict.json").read_text(encoding="utf-8"))["targets"]
    return {target["target"]: target for target in targets}


@pytest.mark.parametrize("play", [Play.UNAUTHORISED, Play.NOT_FOUND])
def test_the_good_target_keeps_its_verdict_and_the_bad_one_is_told(
    hosted: Path, server: ModelServer, drift: Drift, play: Play
) -> None:
    server.play(play)
    done = drift("-q", *both())
    assert done.code == 2
    (run,) = runs_of(hosted)
    found = verdict_of(run)
    assert found["steady"]["outcome"] == "stable"  # type: ignore[index]
    assert found["steady"]["coverage"]["answered"] == 36  # type: ignore[index]
    assert found["keyed"]["coverage"]["answered"] == 0  # type: ignore[index]
    assert (run / "report.html").exists()
    assert len(server.requests) <= 20, "no more than were under way when the first answer came"
    (said,) = [line for line in done.err.splitlines() if "keyed" in line]
    assert ("--resume" if play is Play.UNAUTHORISED else "targets.keyed.model") in said
    assert "no further call was made" in said
    assert KEY not in done.err + done.out


def test_a_run_says_the_same_when_it_is_decided_again(
    hosted: Path, server: ModelServer, drift: Drift
) -> None:
    server.play(Play.UNAUTHORISED)
    first = drift(*both())
    before = (runs_of(hosted)[0] / "verdict.json").read_bytes()
    again = drift("report", "last")
    assert (first.code, again.code) == (2, 2)
    assert again.out.splitlines()[-1] == "exit 2"
    assert (runs_of(hosted)[0] / "verdict.json").read_bytes() == before


def test_with_the_key_mended_the_run_goes_on_where_it_stopped(
    hosted: Path, server: ModelServer, drift: Drift
) -> None:
    server.play(Play.UNAUTHORISED)
    # Cases without a contract, which the server's one answer would break.
    assert drift(*both("--case", "refusal-*", "--case", "reasoning-*")).code == 2
    server.play(Play.ANSWER)
    done = drift("check", "canary", "--resume", "last")
    assert done.code == 0, done.err
    (run,) = runs_of(hosted)
    assert {target["coverage"]["answered"] for target in verdict_of(run).values()} == {18}  # type: ignore[index]
    journal = [json.loads(line)["body"] for line in (run / "journal.jsonl").read_text().splitlines()]
    asked = [line["key"] for line in journal if line["t"] == "intent" and line["key"].startswith("steady:")]
    assert len(asked) == len(set(asked)), "what was answered is not asked again"


def test_where_all_are_turned_away_at_once_the_run_stops_early(
    hosted: Path, server: ModelServer, drift: Drift
) -> None:
    server.play(Play.UNAUTHORISED)
    done = drift("check", "canary", "--target", "keyed", "--night", TONIGHT)
    assert done.code == 2
    assert "keyed: authentication" in done.err
    assert done.out == ""
    assert len(server.requests) <= 20
    assert drift("report", "last").code == 2


# --- while gathering a baseline --------------------------------------------------------------------

GATHER = ("calibrate", "canary", "--target", "keyed", "--target", "steady", "--night", TONIGHT)
WITHOUT_CONTRACT = ("--case", "refusal-*", "--case", "reasoning-*")


@pytest.mark.parametrize("more", [(), WITHOUT_CONTRACT], ids=["a night", "some cases"])
def test_what_the_good_target_answered_becomes_its_baseline_and_the_bad_one_is_named(
    hosted: Path, server: ModelServer, drift: Drift, more: tuple[str, ...]
) -> None:
    server.play(Play.UNAUTHORISED)
    done = drift("-q", *GATHER, *more)
    assert (done.code, "steady: one night added" in done.out) == (2, True), done
    (said,) = done.err.splitlines()
    assert "keyed: authentication" in said
    assert f"`drift calibrate canary --resume {runs_of(hosted)[0].name}`" in said
    assert KEY not in done.err + done.out
    assert "reasoning-state-steps  15 nights" in drift("baseline", "show", "canary", "steady").out
    assert drift("baseline", "show", "canary", "keyed").code == 4


def test_with_the_key_mended_the_bad_target_gets_its_baseline_and_nobody_is_asked_twice(
    hosted: Path, server: ModelServer, drift: Drift
) -> None:
    server.play(Play.UNAUTHORISED)
    assert drift(*GATHER, *WITHOUT_CONTRACT).code == 2
    held = files_of(hosted / "baselines" / "canary" / "steady")
    server.play(Play.ANSWER)
    done = drift("calibrate", "--resume", "last")
    assert (done.code, "keyed: one night added" in done.out) == (0, True), done
    assert "steady: no new night" in done.out
    assert files_of(hosted / "baselines" / "canary" / "steady") == held
    journal = (runs_of(hosted)[0] / "journal.jsonl").read_text().splitlines()
    asked = [json.loads(line)["body"].get("key", "") for line in journal if '"intent"' in line]
    assert sum(key.startswith("steady:") for key in asked) == 18


def test_an_evening_keeps_the_good_target_too(hosted: Path, server: ModelServer, drift: Drift) -> None:
    server.play(Play.UNAUTHORISED)
    more = ("--nights", "2", "--samples", "1", "--night", TONIGHT)
    done = drift("calibrate", "canary", "--target", "keyed", "--target", "fresh", *more)
    assert (done.code, "fresh: 2 batches of one evening" in done.out) == (2, True), done
    assert "keyed: authentication" in done.err


def test_a_target_that_is_not_quiet_keeps_no_other_from_its_baseline(hosted: Path, drift: Drift) -> None:
    edit(
        hosted / "drift.yaml",
        "retry_after_s: 0.01}]}\n    baseline_of: steady\n  fresh",
        "retry_after_s: 0.01}]}\n  fresh",
    )
    both = ("--target", "down", "--target", "steady")
    done = drift("calibrate", "canary", *both, "--night", TONIGHT)
    assert (done.code, "steady: one night added" in done.out) == (3, True), done
    assert "down: not a quiet, fully measured night" in done.err
    nights = drift("calibrate", "canary", *both, "--from-runs", "last:3")
    assert (nights.code, "steady: no new night" in nights.out) == (2, True), nights
    assert "is a quiet, fully measured night of 'down'" in nights.err
