"""The verdict in a run folder: read where it is one, passed over where it is none, and never through a link."""

import os
from pathlib import Path

import pytest

from harness.edges.stores.verdicts import read_verdict
from harness.errors import SetupError
from harness.reporting.json_format import render
from tests.support.records import make_record, make_verdict


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A verdict in a run folder of a project."""
    record = make_record()
    found = tmp_path / "project" / "reports" / "run" / "verdict.json"
    found.parent.mkdir(parents=True)
    found.write_text(render(record, make_verdict(record)), encoding="utf-8")
    return found


@pytest.fixture
def root(path: Path) -> Path:
    return path.parents[2]


def test_a_verdict_is_read_as_it_was_decided(path: Path, root: Path) -> None:
    assert read_verdict(path, root) == make_verdict(make_record())


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"schema_version": 2}', b'{"schema_version": 1}', b"[" * 100_000, b"\xff"],
    ids=["empty", "cut off", "a list", "newer", "no fields", "deep", "no text"],
)
def test_what_is_no_verdict_that_this_version_reads_is_none(path: Path, root: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert read_verdict(path, root) is None
    path.unlink()
    assert read_verdict(path, root) is None


def test_a_file_larger_than_any_verdict_is_not_read_into_memory(path: Path, root: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(4_000_000_000)  # a hole, which takes no room on disk
    assert read_verdict(path, root) is None


def test_a_link_is_refused_wherever_it_leads(path: Path, root: Path, tmp_path: Path) -> None:
    moved = path.rename(tmp_path / "verdict.json")
    for target in (moved, tmp_path / "nothing", root / "drift.yaml"):
        path.symlink_to(target)
        with pytest.raises(SetupError, match=r"verdict\.json: is a link"):
            read_verdict(path, root)
        path.unlink()
    path.parent.rmdir()
    path.parent.symlink_to(moved.parent)
    with pytest.raises(SetupError, match="run: leads out of"):
        read_verdict(path, root)


@pytest.mark.timeout(20)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_nobody_waits_for_a_pipe(path: Path, root: Path) -> None:
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(SetupError, match="not a regular file"):
        read_verdict(path, root)
