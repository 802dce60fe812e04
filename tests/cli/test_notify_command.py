"""`drift notify` and `--format github` on the command line, against a real server on loopback that plays GitHub."""

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.conftest import Drift, runs_of
from tests.support.github_server import BOT, REPOSITORY, TOKEN, FakeGitHub, Mood, github_server


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeGitHub]:
    with github_server() as running:
        monkeypatch.setenv("GITHUB_API_URL", running.url)
        monkeypatch.setenv("GITHUB_REPOSITORY", REPOSITORY)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        event = tmp_path / "event.json"
        event.write_text(json.dumps({"pull_request": {"number": 7, "title": "::error::x"}}), encoding="utf-8")
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
        yield running


@pytest.fixture
def drifted(drifted_project: Path) -> Path:
    return drifted_project


def test_a_run_becomes_one_comment(fake: FakeGitHub, drifted: Path, drift: Drift) -> None:
    before = {path: path.read_bytes() for path in drifted.rglob("*") if path.is_file()}
    for _ in range(2):
        done = drift("notify", "github-pr", "last", folder=drifted)
        assert (done.code, done.out) == (0, "")
    (only,) = fake.comments[7]
    assert only["body"].startswith("<!-- drift:canary -->\n<!-- drift-run:")
    assert "exit 1" in only["body"]
    assert {path: path.read_bytes() for path in drifted.rglob("*") if path.is_file()} == before


def test_a_verdict_file_needs_no_project(
    fake: FakeGitHub, drifted: Path, drift: Drift, tmp_path: Path
) -> None:
    (run,) = runs_of(drifted)
    (tmp_path / "verdict.json").write_bytes((run / "verdict.json").read_bytes())
    done = drift("notify", "github-pr", "verdict.json", "--pr", "9", folder=tmp_path)
    assert done.code == 0, done.err
    assert len(fake.comments[9]) == 1


def test_an_issue_is_opened_by_a_drift(fake: FakeGitHub, drifted: Path, drift: Drift) -> None:
    for _ in range(2):
        assert drift("notify", "github-issue", folder=drifted).code == 0
    (issue,) = fake.issues
    assert issue["body"].startswith("<!-- drift-issue:canary/swapped -->")
    assert issue["labels"] == [{"name": "drift"}]


def test_nothing_to_ask_updates_a_comment_and_makes_none(
    fake: FakeGitHub, tmp_path: Path, drift: Drift
) -> None:
    assert drift("notify", "github-pr", "--unchanged", "golden", folder=tmp_path).code == 0
    assert fake.comments == {}
    fake.comment(7, "<!-- drift:golden -->\nold", login=BOT)
    assert drift("notify", "github-pr", "--unchanged", "golden", folder=tmp_path).code == 0
    assert "nothing to ask" in fake.comments[7][0]["body"]


def test_a_failure_ends_in_3_and_shows_no_token(fake: FakeGitHub, drifted: Path, drift: Drift) -> None:
    fake.moods.append(Mood(status=401, body=f'{{"message": "bad {TOKEN}"}}'.encode()))
    done = drift("notify", "github-pr", "last", folder=drifted)
    assert done.code == 3
    assert "wrong or has expired" in done.err
    assert TOKEN not in done.err + done.out


@pytest.mark.parametrize(
    "event",
    [
        "",
        "{",
        "[]",
        '{"pull_request": []}',
        '{"pull_request": {"number": "7"}}',
        '{"pull_request": {"number": true}}',
        '{"pull_request": {"number": -1}}',
        '{"pull_request": {"number": 1e99}}',
        "[" * 200_000,
        "\x00",
    ],
)
def test_a_hostile_event_is_refused(fake: FakeGitHub, tmp_path: Path, drift: Drift, event: str) -> None:
    (tmp_path / "event.json").write_text(event, encoding="utf-8")
    done = drift("notify", "github-pr", "--unchanged", "golden", folder=tmp_path)
    assert done.code == 2
    assert "--pr NUMBER" in done.err
    assert fake.asked == []


def test_an_event_that_is_a_link_or_not_there_is_refused(
    fake: FakeGitHub, tmp_path: Path, drift: Drift
) -> None:
    (tmp_path / "event.json").rename(tmp_path / "real.json")
    assert drift("notify", "github-pr", "--unchanged", "golden", folder=tmp_path).code == 2
    (tmp_path / "event.json").symlink_to(tmp_path / "real.json")
    assert drift("notify", "github-pr", "--unchanged", "golden", folder=tmp_path).code == 2
    assert fake.asked == []


@pytest.mark.parametrize(
    "options",
    [
        ("--api-url", "http://api.example.org"),
        ("--repo", "nowhere"),
        ("--token-env", TOKEN),
        ("--token-env", "NOT_SET_ANYWHERE"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    fake: FakeGitHub, tmp_path: Path, drift: Drift, options: tuple[str, str]
) -> None:
    done = drift("notify", "github-pr", "--unchanged", "golden", *options, folder=tmp_path)
    assert done.code == 2
    assert TOKEN not in done.err
    assert fake.asked == []


def test_format_github_writes_everything(
    project: Path, drift: Drift, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output.txt"))
    done = drift("check", "canary", "--target", "swapped", "--format", "github", "--night", "2026-11-20")
    assert done.code == 1
    assert "\n::error " in done.out
    (run,) = runs_of(project)
    assert {"junit.xml", "drift.sarif", "comment.md", "report.html"} <= {path.name for path in run.iterdir()}
    assert int(ET.parse(run / "junit.xml").getroot().get("failures", "0")) > 0
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").startswith("<!-- drift:canary -->")
    told = dict(line.split("=", 1) for line in (tmp_path / "output.txt").read_text().splitlines())
    assert told == {"run": run.name, "exit-code": "1", "outcome": told["outcome"], "folder": str(run)}
    assert drift("report", "last", "--format", "github", "--format", "html", "--out", "told").code == 1
    assert {path.name for path in (project / "told").iterdir()} == {
        "annotations.txt",
        "junit.xml",
        "drift.sarif",
        "comment.md",
        "report.html",
    }


def test_a_summary_that_cannot_be_written_changes_no_verdict(
    project: Path, drift: Drift, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "folder.md"))
    done = drift("check", "canary", "--format", "github", "--night", "2026-11-20")
    assert done.code == 0
    assert "folder.md" in done.err
