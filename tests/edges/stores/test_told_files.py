"""What was told, in folders that anybody may have put something into."""

import os
from pathlib import Path

import pytest

from harness.core.incident_news import Stage, Told
from harness.edges.stores.told import FILE_NAME, ToldFiles
from harness.errors import UnsafePath

SINK = "webhook:HOOK"


def told(key: str, at: str = "2026-11-21T04:00:00+00:00") -> Told:
    return Told(
        key=key,
        incident=key.partition("/")[0],
        stage=Stage.OPENED,
        sink=SINK,
        at=at,
        signals=("refusal",),
        severity="P1",
    )


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "reports" / name for name in ("one", "two", "three")]
    for folder in made:
        folder.mkdir(parents=True)
    return made


def files(folders: list[Path], place: int) -> ToldFiles:
    root = folders[0].parents[1]
    return ToldFiles(
        root=root, folder=folders[place], folders=lambda: folders, lock=root / "told.lock", redact=str
    )


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "bytes", "nested", "huge"])
def test_what_lies_in_one_folder_keeps_nothing_from_being_told_of_another(
    folders: list[Path], kind: str, tmp_path: Path
) -> None:
    files(folders, 0).record(told("a/opened"))
    bad = folders[1] / FILE_NAME
    match kind:
        case "link":
            (tmp_path / "x").write_bytes(
                (folders[0] / FILE_NAME).read_bytes().replace(b"a/opened", b"b/opened")
            )
            bad.symlink_to(tmp_path / "x")
        case "pipe":
            os.mkfifo(bad)
        case "folder":
            bad.mkdir()
        case "bytes":
            bad.write_bytes(b"\xff\xfe\n")
        case "nested":
            bad.write_bytes(b"[" * 100_000 + b"\n")
        case _:
            bad.write_bytes(b"1" * 1_000_001)
    last = files(folders, 2)
    assert [one.key for one in last.told(SINK)] == ["a/opened"]
    last.record(told("c/opened", "2026-11-22T04:00:00+00:00"))
    assert [one.key for one in last.told(SINK)] == ["a/opened", "c/opened"]


def test_nothing_is_written_through_a_link(folders: list[Path], tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("", encoding="utf-8")
    (folders[0] / FILE_NAME).symlink_to(elsewhere)
    with pytest.raises(UnsafePath):
        files(folders, 0).record(told("a/opened"))
    assert elsewhere.read_text(encoding="utf-8") == ""
