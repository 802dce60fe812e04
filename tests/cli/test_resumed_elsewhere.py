"""A run's folder may have come with a branch: resuming it asks whom drift.yaml names, and nobody else."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.edges.stores.run_files import sealed
from tests.cli.conftest import TONIGHT, Drift, edit, runs_of
from tests.cli.pull_requests import NO_EXCEPTIONS, Project
from tests.support.model_server import ModelServer, Play

KEY = "a-key-that-is-made-up"


@pytest.fixture
def elsewhere() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture
def stopped(project: Path, drift: Drift, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a run that the target turned away, so that it can be resumed."""
    monkeypatch.setenv("DRIFT_TEST_KEY", KEY)
    with ModelServer() as running:
        edit(
            project / "drift.yaml",
            'api_base: "http://127.0.0.1:9/v1"}',
            f'api_base: "{running.url}/v1", price: {{input_usd_per_million: 0, output_usd_per_million: 0}}}}',
        )
        running.play(Play.UNAUTHORISED)
        assert drift("check", "canary", "--target", "keyed", "--night", TONIGHT).code == 2
        yield runs_of(project)[-1]


def test_an_endpoint_in_a_runs_manifest_gets_no_key(
    stopped: Path, drift: Drift, elsewhere: ModelServer
) -> None:
    path = stopped / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["targets"][0]["target"]["api_base"] = f"{elsewhere.url}/v1"
    del manifest["sum"]
    path.write_bytes(sealed(json.dumps(manifest).encode()))
    done = drift("check", "canary", "--resume", stopped.name)
    assert (done.code, "start a new run" in done.err) == (2, True), done
    assert elsewhere.requests == []


def test_a_pull_requests_run_is_resumed_with_its_merge_base(
    checked_in: Path, tmp_path: Path, drift: Drift
) -> None:
    root = Path(shutil.copytree(checked_in, tmp_path / "project", symlinks=True))
    project = Project(root)
    project.drop_line("prompts/support.md", NO_EXCEPTIONS)
    first = drift("check", "golden", "--since", "main")
    assert first.code == 1, first
    run = runs_of(root)[-1].name
    alone = drift("check", "golden", "--resume", run)
    command = f"drift check golden --since main --resume {run}"
    assert (alone.code, command in alone.err) == (2, True), alone
    (runs_of(root)[-1] / "verdict.json").unlink()
    cut_journal(runs_of(root)[-1] / "journal.jsonl")
    again = drift(*command.split()[1:])
    assert (again.code, len(runs_of(root))) == (1, 1), again


def cut_journal(path: Path) -> None:
    """Leave what a kill leaves: some calls, and no end."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) // 4]))
