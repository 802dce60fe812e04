"""`drift check`: what each situation ends in, and that nothing is asked or written too early."""

import json
import re
from pathlib import Path

import pytest

from harness.cli.output import FILE_NAMES
from harness.reporting import FORMATS
from tests.cli.conftest import TONIGHT, Drift, edit, files_of, runs_of

NIGHT = ("--night", TONIGHT)


def test_an_unchanged_model_is_quiet(project: Path, drift: Drift) -> None:
    done = drift("check", "canary", *NIGHT)
    assert done.code == 0
    assert done.out.splitlines()[-1] == "exit 0"
    assert "QUIET" in done.out
    assert "10 cases x 1 target x 3 samples (2 cases have their own number): 36 calls" in done.err


def test_another_model_behind_the_name_is_drift(project: Path, drift: Drift) -> None:
    done = drift("check", "canary", "--target", "swapped", *NIGHT)
    assert done.code == 1
    assert done.out.splitlines()[-1] == "exit 1"
    assert "DRIFT" in done.out
    assert "asking again to confirm" in done.err


def test_a_model_that_never_answers_is_neither_drift_nor_a_pass(project: Path, drift: Drift) -> None:
    done = drift("check", "canary", "--target", "down", "--case", "tool-*", *NIGHT)
    assert done.code == 3
    assert "COULD NOT TELL" in done.out
    assert "not a pass, and it is not drift" in done.out


def test_retries_cure_a_flaky_provider(project: Path, drift: Drift) -> None:
    done = drift("check", "canary", "--target", "flaky", *NIGHT)
    assert done.code == 0
    assert "36/36 measured" in done.out
    journal = (runs_of(project)[0] / "journal.jsonl").read_text(encoding="utf-8")
    assert '"attempts":2' in journal, "no call was retried: the test tests nothing"


def test_a_night_without_a_baseline_learns(new_project: Path, drift: Drift) -> None:
    done = drift("check", "canary", "--target", "fresh", *NIGHT)
    assert done.code == 0
    assert "LEARNING" in done.out
    assert "no verdict yet" in done.out


def test_a_broken_contract_counts_while_learning(new_project: Path, drift: Drift) -> None:
    case = new_project / "canaries" / "edge-near-empty.yaml"
    text = case.read_text(encoding="utf-8").split("\nexpect:")[0]
    case.write_text(f"{text}\nalways: true\nexpect: {{checks: [{{equals: never said}}]}}\n", encoding="utf-8")
    done = drift("check", "canary", *NIGHT)
    assert done.code == 1
    assert "contract" in done.out


def test_a_plan_asks_and_writes_nothing(project: Path, drift: Drift) -> None:
    before = files_of(project)
    done = drift("check", "canary", "--plan", "--target", "priced")
    assert done.code == 0
    assert "nothing was asked: 36 calls" in done.out
    assert "at most" in done.out
    assert files_of(project) == before


def test_a_plan_says_when_the_run_would_not_start(project: Path, drift: Drift) -> None:
    done = drift("--json", "check", "--plan", "--target", "priced", "--max-cost", "0.001")
    planned = json.loads(done.out)
    assert done.code == 0
    assert planned["calls"] == 36
    assert not planned["within_cap"]
    assert drift("check", "--target", "priced", "--max-cost", "0.001").code == 2


def test_over_the_cap_nothing_is_spent(project: Path, drift: Drift) -> None:
    before = files_of(project)
    done = drift("check", "canary", "--target", "priced", "--max-cost", "0.001")
    assert done.code == 2
    assert "over the cap" in done.err
    assert "--max-cost" in done.err
    assert done.out == ""
    assert files_of(project) == before


def test_an_unknown_price_names_the_field_to_set(
    project: Path, drift: Drift, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIFT_TEST_KEY", "not-a-real-key")
    before = files_of(project)
    done = drift("check", "canary", "--target", "keyed")
    assert done.code == 2
    assert "targets.keyed.price" in done.err
    assert files_of(project) == before


def test_a_missing_key_is_named_before_any_call(
    project: Path, drift: Drift, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DRIFT_TEST_KEY", raising=False)
    before = files_of(project)
    done = drift("check", "canary", "--target", "keyed", "--target", "steady")
    assert done.code == 2
    assert "DRIFT_TEST_KEY" in done.err
    assert "keyed" in done.err
    assert files_of(project) == before


def test_a_key_can_come_from_a_file_that_is_named(
    project: Path, drift: Drift, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DRIFT_TEST_KEY", raising=False)
    (project / "keys.env").write_text("# keys\nexport DRIFT_TEST_KEY='not-a-real-key'\n", encoding="utf-8")
    (project / ".env").write_text("DRIFT_TEST_KEY=never-read\n", encoding="utf-8")
    assert "DRIFT_TEST_KEY" in drift("check", "canary", "--target", "keyed").err
    named = drift("--env-file", "keys.env", "check", "canary", "--target", "keyed")
    assert "DRIFT_TEST_KEY" not in named.err
    assert "price" in named.err


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\xff=1\n", "not UTF-8"), (b"just a word\n", "expected NAME=value"), (None, "cannot be read")],
)
def test_an_unreadable_env_file_is_a_mistake_of_the_command_line(
    project: Path, drift: Drift, content: bytes | None, said: str
) -> None:
    if content is not None:
        (project / "keys.env").write_bytes(content)
    done = drift("--env-file", "keys.env", "check", "canary")
    assert done.code == 2
    assert said in done.err
    assert "keys.env" in done.err


def test_a_missing_encoder_extra_is_said_before_the_first_call(
    project: Path, drift: Drift, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    revision = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
    edit(
        project / "drift.yaml",
        "{name: hashed}",
        f"{{name: sentence-transformers/all-MiniLM-L6-v2, revision: {revision}}}",
    )
    done = drift("check", "canary")
    assert done.code == 2
    assert "encoder" in done.err
    assert "sentence-transformers" in done.err
    assert not runs_of(project)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nosuch",), "there are: canary"),
        (("canray",), "did you mean 'canary'?"),
        (("canary", "--target", "stedy"), "did you mean 'steady'?"),
        (("canary", "--case", "tool-wether"), "did you mean 'tool-weather'?"),
        (("canary", "--night", "2026-02-30"), "is not a date such as"),
        (("canary", "--format", "jsno"), "did you mean 'json'?"),
        (("canary", "--format", "text", "--format", "json"), "--out DIR"),
        (("canary", "--samples", "0"), "--samples"),
        (("canary", "--policy", "nosuch.yaml"), "nosuch.yaml is not there"),
        (("canary", "--out", "drift.yaml"), "is a file; name a folder"),
        (("canary", "--resume", "nosuch"), "no run is called 'nosuch'"),
    ],
)
def test_a_mistaken_command_line_says_what_is_meant_and_writes_nothing(
    project: Path, drift: Drift, arguments: tuple[str, ...], said: str
) -> None:
    before = files_of(project)
    done = drift("check", *arguments)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert files_of(project) == before


def test_without_a_configuration_it_says_how_to_get_one(tmp_path: Path, drift: Drift) -> None:
    done = drift("check", folder=tmp_path)
    assert done.code == 2
    assert "drift init" in done.err


def test_cases_and_samples_can_be_chosen(project: Path, drift: Drift) -> None:
    done = drift("check", "canary", "--case", "tool-*", "--case", "edge-near-empty", "--samples", "2", *NIGHT)
    assert "3 cases x 1 target x 2 samples: 6 calls" in done.err
    manifest = json.loads((runs_of(project)[0] / "manifest.json").read_text(encoding="utf-8"))
    assert [case["id"] for case in manifest["suite"]["cases"]] == [
        "edge-near-empty",
        "tool-move-meeting",
        "tool-weather",
    ]


def test_every_format_can_be_written_and_all_agree(project: Path, drift: Drift, tmp_path: Path) -> None:
    formats = [word for name in FORMATS.names() for word in ("--format", name)]
    done = drift("check", "canary", "--target", "swapped", *NIGHT, *formats, "--out", tmp_path / "out")
    assert done.code == 1
    assert sorted(files_of(tmp_path / "out")) == sorted(FILE_NAMES.values())
    verdict = json.loads((tmp_path / "out" / "verdict.json").read_text(encoding="utf-8"))
    assert verdict["exit_code"] == 1
    for name in ("report.txt", "report.md", "report.html"):
        assert "swapped" in (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert str(tmp_path / "out" / name) in done.err


def test_out_and_policy_are_looked_for_in_the_folder_of_the_option_c(project: Path, drift: Drift) -> None:
    (project / "lenient.yaml").write_text("gates: {undirected_drift: warn}\n", encoding="utf-8")
    done = drift("check", "canary", *NIGHT, "--policy", "lenient.yaml", "--out", "out", "--format", "json")
    assert done.code == 0, done.err
    assert (project / "out" / "verdict.json").exists()


@pytest.mark.parametrize(("target", "code"), [("steady", 0), ("swapped", 1), ("down", 3)])
def test_json_on_stdout_parses_and_agrees_with_the_exit_code(
    project: Path, drift: Drift, target: str, code: int
) -> None:
    done = drift("--json", "check", "canary", "--target", target, *NIGHT)
    verdict = json.loads(done.out)
    assert (done.code, verdict["exit_code"]) == (code, code)
    held = json.loads((runs_of(project)[0] / "verdict.json").read_text(encoding="utf-8"))
    assert held == verdict


def test_what_is_on_stderr_can_be_turned_off(project: Path, drift: Drift) -> None:
    done = drift("-q", "check", "canary", *NIGHT)
    assert done.err == ""
    assert "QUIET" in done.out


def test_a_damaged_baseline_is_not_compared_with(project: Path, drift: Drift) -> None:
    line = project / "baselines" / "canary" / "steady" / "tool-weather.jsonl"
    line.write_bytes(line.read_bytes()[:-20])
    done = drift("check", "canary", *NIGHT)
    assert done.code == 4
    assert "tool-weather.jsonl: cut off" in done.err
    assert "git checkout" in done.err
    assert not runs_of(project)


def test_changed_questions_make_the_baseline_stale(project: Path, drift: Drift) -> None:
    changed = 0
    for case in (project / "canaries").glob("re*.yaml"):
        text, count = re.subn(r"content: (\S+)\n( +)", r"content: \1\n\2Hello. ", case.read_text("utf-8"))
        case.write_text(text, encoding="utf-8")
        changed += count > 0
    assert changed == 4
    done = drift("check", "canary", *NIGHT)
    assert done.code == 4
    assert "STALE BASELINE" in done.out
    assert "changed since the baseline was accepted" in done.out


def test_changed_parameters_make_the_baseline_stale(project: Path, drift: Drift) -> None:
    edit(
        project / "drift.yaml",
        "steady: {model: simulated/steady, params: {temperature: 0, max_tokens: 512}}",
        "steady: {model: simulated/steady, params: {temperature: 1, max_tokens: 512}}",
    )
    done = drift("check", "canary", *NIGHT)
    assert done.code == 4
    assert "STALE BASELINE" in done.out


def test_two_targets_are_decided_in_one_run(project: Path, drift: Drift) -> None:
    done = drift("check", "canary", "--target", "steady", "--target", "swapped", *NIGHT)
    assert done.code == 1
    verdict = json.loads((runs_of(project)[0] / "verdict.json").read_text(encoding="utf-8"))
    assert {t["target"]: t["outcome"] for t in verdict["targets"]}["steady"] == "stable"


def test_a_file_where_the_run_folders_should_be_is_no_bug_of_drift(project: Path, drift: Drift) -> None:
    (project / "reports").write_text("not a folder\n", encoding="utf-8")
    done = drift("check", "canary", *NIGHT)
    assert done.code == 3
    assert str(project / "reports") in done.err


def test_the_terminal_gets_at_most_80_columns(project: Path, drift: Drift) -> None:
    for target in ("steady", "swapped", "fresh"):
        done = drift("check", "canary", "--target", target, *NIGHT)
        lines = [line for line in done.out.splitlines() if not line.startswith("report ")]
        assert max(map(len, lines)) <= 80
