"""What a stranger's branch puts in the way of a file: links, pipes, devices."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.edges.stores.atomic import write_whole
from harness.edges.stores.safe_paths import inside, open_to_append, regular_file, size_of
from harness.errors import DamagedRecord, SetupError
from tests.edges.stores.test_runs import NAMES, a_record, store_in, write_run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "real").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    return tmp_path / "root"


def test_a_regular_file_is_read_and_what_is_not_there_is_said_plainly(root: Path) -> None:
    (root / "real" / "file").write_bytes(b"content")
    assert regular_file(root / "real" / "file", root, 7) == b"content"
    with pytest.raises(DamagedRecord, match="over 6 bytes"):
        regular_file(root / "real" / "file", root, 6)
    with pytest.raises(FileNotFoundError):
        regular_file(root / "real" / "nothing", root, 6)
    with pytest.raises(SetupError, match="not a regular file"):
        regular_file(root / "real", root, 6)
    assert (size_of(root / "real" / "file"), size_of(root / "nothing")) == (7, None)
    assert size_of(root / "real" / "file" / "below") is None


@pytest.mark.parametrize("start", ["root", "alias"])
def test_a_link_is_refused_though_it_stays_inside(root: Path, start: str) -> None:
    (root.parent / "alias").symlink_to(root)
    (root / "shortcut").symlink_to("real")
    place = root.parent / (root.name if start == "root" else "alias")
    assert inside(root, place / "real" / "new") == place / "real" / "new"
    for path in (place / "shortcut", place / "shortcut" / "new" / "file", place / "shortcut" / ".." / "real"):
        with pytest.raises(SetupError, match="shortcut: is a link"):
            inside(root, path)
    with pytest.raises(SetupError, match="shortcut: is a link"):
        write_whole(place / "shortcut" / "file", b"new", root=root)
    assert not list((root / "real").iterdir())


def test_links_never_lead_out(root: Path) -> None:
    for target in ("../outside", str(root.parent / "outside"), "../nothing", "real/../../outside", "/proc"):
        link = root / "real" / "way-out"
        link.symlink_to(target if target.startswith("/") else f"../{target}")
        with pytest.raises(SetupError, match=r"way-out: leads out of .*; put a file or folder"):
            inside(root, link / "file")
        with pytest.raises(SetupError):
            regular_file(link / "secret", root, 100)
        with pytest.raises(SetupError):
            write_whole(link / "secret", b"", root=root)
        with pytest.raises(SetupError):
            open_to_append(link / "secret", root)
        link.unlink()
    with pytest.raises(SetupError):
        inside(root, root / ".." / "outside")
    assert (root.parent / "outside" / "secret").read_bytes() == b"secret"
    assert [path.name for path in (root.parent / "outside").iterdir()] == ["secret"]


def test_a_root_that_is_reached_through_a_link_is_a_root_like_any_other(root: Path) -> None:
    (root.parent / "alias").symlink_to(root)
    (root / "file").write_bytes(b"x")
    assert regular_file(root.parent / "alias" / "file", root, 9) == b"x"
    assert regular_file(root / "file", root.parent / "alias", 9) == b"x"


def test_links_in_a_circle_lead_nowhere(root: Path) -> None:
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    with pytest.raises((SetupError, OSError)):
        regular_file(root / "one" / "file", root, 9)
    with pytest.raises(SetupError):
        regular_file(root / "one", root, 9)


def test_a_link_in_a_files_place_is_replaced_and_what_it_leads_to_is_untouched(root: Path) -> None:
    secret = root.parent / "outside" / "secret"
    (root / "file").symlink_to(secret)
    write_whole(root / "file", b"new", root=root)
    assert (root / "file").read_bytes() == b"new"
    assert not (root / "file").is_symlink()
    assert secret.read_bytes() == b"secret"
    (root / "log").symlink_to(secret)
    with pytest.raises(SetupError, match="is a link"):
        open_to_append(root / "log", root)
    assert secret.read_bytes() == b"secret"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_nobody_waits_for_a_pipe_or_a_device(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(SetupError, match="not a regular file"):
        regular_file(root / "pipe", root, 9)
    with pytest.raises(OSError):
        open_to_append(root / "pipe", root)
    write_whole(root / "pipe", b"new", root=root)
    assert (root / "pipe").read_bytes() == b"new"
    for device in ("/dev/zero", "/proc/kmsg"):
        (root / "device").symlink_to(device)
        with pytest.raises(SetupError, match="is a link"):
            regular_file(root / "device", root, 9)
        (root / "device").unlink()


# --- the run folders -------------------------------------------------------------------------------

USES: dict[str, Callable[..., object]] = {
    "names": lambda store: store.names(),
    "last": lambda store: store.resolve("last"),
    "manifest": lambda store: store.manifest(NAMES[1]),
    "load": lambda store: store.load(NAMES[1]),
    "ids": lambda store: store.response_ids(),
    "write": lambda store: store.write(NAMES[1], "report.html", ""),
    "vectors": lambda store: store.write_vectors(NAMES[1], {}),
    "journal": lambda store: store.journal(NAMES[1]),
    "create": lambda store: store.create(a_record(NAMES[0]).manifest, {}, {}),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_run_folders_that_lie_elsewhere_are_neither_read_nor_written(
    tmp_path: Path, use: Callable[..., object]
) -> None:
    away = tmp_path / "away"
    write_run(store_in(away), a_record())
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "reports").symlink_to(away / "reports")
    before = sorted(path for path in away.rglob("*"))
    with pytest.raises(SetupError, match=r"reports: leads out of .*project, to .*away"):
        use(store_in(tmp_path / "project"))
    assert sorted(path for path in away.rglob("*")) == before


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_run_folders_are_no_other_folder_of_the_project(tmp_path: Path, use: Callable[..., object]) -> None:
    write_run(store_in(tmp_path), a_record())
    (tmp_path / "reports").rename(tmp_path / ".git")
    (tmp_path / "reports").symlink_to(".git")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SetupError, match="reports: is a link"):
        use(store_in(tmp_path))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("use", ["manifest", "load", "ids", "write", "vectors", "journal"])
def test_one_run_that_lies_elsewhere_is_neither_read_nor_written(tmp_path: Path, use: str) -> None:
    away = tmp_path / "away"
    write_run(store_in(away), a_record())
    (tmp_path / "project" / "reports").mkdir(parents=True)
    (tmp_path / "project" / "reports" / NAMES[1]).symlink_to(away / "reports" / NAMES[1])
    before = sorted(path for path in away.rglob("*"))
    store = store_in(tmp_path / "project")
    assert store.resolve(str(tmp_path / "project" / "reports" / NAMES[1])) == NAMES[1], "by whatever name"
    with pytest.raises(SetupError, match=f"{NAMES[1]}: leads out of"):
        USES[use](store)
    assert sorted(path for path in away.rglob("*")) == before


@pytest.mark.parametrize("name", ["manifest.json", "reference.json.gz", "journal.jsonl", "vectors.npz"])
def test_a_link_in_the_place_of_a_runs_file_is_not_followed(tmp_path: Path, name: str) -> None:
    store = store_in(tmp_path)
    write_run(store, a_record())
    store.write_vectors(NAMES[1], {})
    path = store.path(NAMES[1], name)
    for target in ("/proc/kmsg", str(path.rename(tmp_path / name)), "/nothing"):
        path.symlink_to(target)
        with pytest.raises(SetupError, match=f"{name}: is a link"):
            store.load(NAMES[1])
        path.unlink()


def test_no_journal_is_made_behind_a_link_that_leads_to_nothing(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.create(a_record().manifest, {}, {})
    store.path(NAMES[1], "journal.jsonl").symlink_to(tmp_path / "made")
    with pytest.raises(SetupError):
        store.journal(NAMES[1])
    with pytest.raises(SetupError):
        store.journal_state(NAMES[1])
    assert not (tmp_path / "made").exists()
    store.path(NAMES[1], "journal.jsonl").unlink()
    store.journal(NAMES[1]).close()
