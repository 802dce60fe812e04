"""What users, and those who wish them ill, put where something else was meant."""

import json
import tempfile
from pathlib import Path

import pytest

from harness.edges.redaction import Redactor
from harness.reporting.escape import log_safe
from tests.cli.conftest import Drift, edit

KEY = "sk-ant-api03-abcDEF123456ghiJKL7890mnoPQR"
NIGHT = ("--night", "2026-11-21")


@pytest.mark.parametrize("value", ["inf", "1e400", "nan", "-inf", "-1", "1e9"])
@pytest.mark.parametrize("command", ["check", "calibrate"])
def test_infinity_is_no_cap(project: Path, drift: Drift, command: str, value: str) -> None:
    done = drift(command, "canary", f"--max-cost={value}")
    assert (done.code, done.out) == (2, "")
    assert not (project / "reports").exists()


def test_a_folder_that_looks_like_a_key_is_refused_once_and_never_shown(project: Path, drift: Drift) -> None:
    edit(project / "drift.yaml", "path: canaries/", f'path: "{KEY}"')
    done = drift("validate")
    assert (done.code, KEY in done.err, "[secret-in-file]" in done.err) == (2, False, True)


@pytest.mark.parametrize(
    "line",
    [
        f'id: "{KEY.lower()}"',
        'expect: {checks: [{matches: "(5f4dcc3b5aa765d61d8327deb882cf99"}]}',
        f'expect: {{checks: [{{matches: "({KEY}"}}]}}',
    ],
)
def test_a_case_that_holds_a_key_does_not_say_it(project: Path, drift: Drift, line: str) -> None:
    path = project / "canaries" / "edge-near-empty.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("id: edge-near-empty", line) if line.startswith("id") else f"{text}\n{line}\n",
        encoding="utf-8",
    )
    done = drift("validate")
    assert done.code == 2
    assert KEY not in done.err
    assert "5f4dcc3b5aa765d61d8327deb882cf99" not in done.err


@pytest.mark.parametrize("value", ["Tr0ub4dor&3", "my secret pass phrase 12", "FOO=bar", "a-b", ""])
@pytest.mark.parametrize("field", ["key_env: {}", "env: [{}]"])
def test_a_key_in_the_place_of_its_name_is_refused_and_not_said(
    project: Path, drift: Drift, field: str, value: str
) -> None:
    edit(project / "drift.yaml", "key_env: DRIFT_TEST_KEY", field.format(f'"{value}"'))
    done = drift("validate")
    assert (done.code, "never the key itself" in done.err) == (2, True), done.err
    assert not value or value not in done.err


@pytest.mark.parametrize("key", ['Qz7-key/with+odd"chars=é9x', "back\\slash\tand\nline7"])
def test_a_key_is_found_however_often_it_was_escaped(key: str) -> None:
    redactor, text = Redactor({"KEY": key}), key
    for _ in range(3):
        text = json.dumps(text)[1:-1]
        assert redactor.redact_values(f"x {text} y") == "x [KEY] y"


def test_where_no_temporary_file_can_be_made_it_says_so(
    project: Path, drift: Drift, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    monkeypatch.setattr("harness.edges.git.program.TemporaryFile", full)
    done = drift("check", "canary", "--since", "main")
    assert (done.code, "TMPDIR" in done.err, "[cannot-write]" in done.err) == (3, True, True)


def test_many_line_ends_cost_no_more_than_their_number() -> None:
    text = "x" + "\n" * 200_000 + "::y"
    assert log_safe(text).endswith("\\x3a:y")


@pytest.mark.parametrize(("field", "guess"), [("min_coverage: 30", "0.3"), ("min_cases: 75", "0.75")])
def test_a_share_out_of_range_says_the_range_and_guesses(
    project: Path, drift: Drift, field: str, guess: str
) -> None:
    edit(project / "drift.yaml", "suites:\n", f"limits: {{{field}}}\nsuites:\n")
    done = drift("validate")
    assert "out of range 0 to 1" in done.err
    assert f"did you mean {guess}?" in done.err


def test_a_name_of_any_length_is_one_short_line(project: Path, drift: Drift) -> None:
    done = drift("check", "x" * 100_000)
    assert done.code == 2
    assert len(done.err) < 5_000
