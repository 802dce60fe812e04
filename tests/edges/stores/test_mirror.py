"""Runs at a place that several machines share: nothing half, nothing overwritten, nothing lost."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fsspec", reason="needs the extra `fsspec`")

from harness.edges.stores.mirror import KEPT, RunMirror
from harness.errors import (
    CannotWrite,
    DamagedRecord,
    HarnessError,
    MissingPackage,
    OtherRun,
    UnsafePath,
    UsageError,
)

ROOT = Path(__file__).parents[3]
RUN = "20261101T031700Z-canary-00aa"
LINE = b'{"sum":"0","body":{}}\n'
PUSHES = """\
import sys
from pathlib import Path
from harness.edges.stores.mirror import RunMirror
url, here = sys.argv[1:]
mirror = RunMirror(url, redact=str)
print("ready", flush=True)
sys.stdin.readline()
for folder in sorted(Path(here).iterdir()):
    mirror.push(folder, Path(here))
"""


@pytest.fixture(params=["file", "dir", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A place of every kind that needs no server."""
    if request.param == "memory":
        from fsspec.implementations.memory import MemoryFileSystem

        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]
        yield "memory://shared/runs"
        return
    chain = "dir::" if request.param == "dir" else ""
    yield f"{chain}file://{tmp_path}/shared"


def make_run(folder: Path, name: str = RUN, lines: int = 3) -> Path:
    """Make a run's folder, as far as a mirror looks into it."""
    run = folder / name
    run.mkdir(parents=True)
    (run / "manifest.json").write_text(f'{{"run": "{name}"}}')
    (run / "journal.jsonl").write_bytes(LINE * lines)
    (run / "vectors.npz").write_bytes(bytes(range(256)) * 8)
    (run / "verdict.json").write_text(f'{{"lines": {lines}}}')
    (run / "report.html").write_text("<p>A rendering.</p>")
    return run


def content(folder: Path) -> dict[str, bytes]:
    """Read what a mirror keeps of a run."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name in KEPT}


def mirror(url: str) -> RunMirror:
    """Open a place."""
    return RunMirror(url, redact=str)


def test_what_is_fetched_is_what_was_pushed_without_its_renderings(url: str, tmp_path: Path) -> None:
    run = make_run(tmp_path / "here")
    assert mirror(url).names() == ()
    assert mirror(url).push(run, tmp_path)
    assert not mirror(url).push(run, tmp_path)
    assert mirror(url).names() == (RUN,)
    there = tmp_path / "there"
    assert mirror(url).fetch(RUN, there, tmp_path)
    assert not mirror(url).fetch(RUN, there, tmp_path)
    assert content(there / RUN) == content(run)
    assert [path.name for path in there.iterdir()] == [RUN]
    assert not (there / RUN / "report.html").exists()


def test_a_run_that_was_gone_on_with_takes_the_place_of_its_beginning(url: str, tmp_path: Path) -> None:
    early, late = make_run(tmp_path / "a", lines=2), make_run(tmp_path / "b", lines=5)
    assert mirror(url).push(early, tmp_path)
    assert mirror(url).push(late, tmp_path)
    mirror(url).fetch(RUN, tmp_path / "there", tmp_path)
    assert content(tmp_path / "there" / RUN) == content(late)
    with pytest.raises(OtherRun, match="holds another run called"):
        mirror(url).push(make_run(tmp_path / "c", lines=1), tmp_path)


def test_another_run_of_the_same_name_is_never_overwritten(url: str, tmp_path: Path) -> None:
    first, second = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    (second / "journal.jsonl").write_bytes(LINE.replace(b"0", b"1") * 4)
    mirror(url).push(first, tmp_path)
    with pytest.raises(OtherRun):
        mirror(url).push(second, tmp_path)
    mirror(url).fetch(RUN, tmp_path / "there", tmp_path)
    assert content(tmp_path / "there" / RUN) == content(first)


def test_what_is_there_already_is_left_alone(url: str, tmp_path: Path) -> None:
    mirror(url).push(make_run(tmp_path / "a"), tmp_path)
    own = make_run(tmp_path / "b", lines=9)
    assert not mirror(url).fetch(RUN, own.parent, tmp_path)
    assert (own / "journal.jsonl").read_bytes() == LINE * 9


class TestOnDisk:
    """What a crash, damage or a stranger leaves at the other place."""

    @pytest.fixture
    def shared(self, tmp_path: Path) -> Path:
        """A place with one run."""
        mirror(f"file://{tmp_path}/shared").push(make_run(tmp_path / "here"), tmp_path)
        return tmp_path / "shared"

    def marker(self, shared: Path) -> Path:
        return next((shared / RUN).glob("*.json"))

    def fetch(self, shared: Path) -> bool:
        return mirror(f"file://{shared}").fetch(RUN, shared.parent / "there", shared.parent)

    def test_the_marker_is_written_last(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from fsspec.implementations.local import LocalFileSystem

        written: list[str] = []
        pipe: Any = LocalFileSystem.pipe_file
        monkeypatch.setattr(
            LocalFileSystem,
            "pipe_file",
            lambda self, path, value: (written.append(path), pipe(self, path, value)),
        )
        mirror(f"file://{tmp_path}/shared").push(make_run(tmp_path / "here"), tmp_path)
        assert written[-1].endswith(".json")
        assert Path(written[-1]).parent.name == RUN
        assert len(written) == 5

    def test_an_upload_that_was_cut_off_is_no_run_and_is_made_whole_by_the_next(self, shared: Path) -> None:
        whole = self.marker(shared).read_bytes()
        for left in (b"", whole[: len(whole) // 2], None):
            (self.marker(shared).unlink() if left is None else self.marker(shared).write_bytes(left))
            with pytest.raises(DamagedRecord, match="no whole copy"):
                self.fetch(shared)
        assert mirror(f"file://{shared}").names() == ()
        assert mirror(f"file://{shared}").push(shared.parent / "here" / RUN, shared.parent)
        assert self.fetch(shared)

    @pytest.mark.parametrize("name", ["manifest.json", "journal.jsonl", "vectors.npz"])
    @pytest.mark.parametrize("damage", ["flipped", "cut off", "longer", "gone"])
    def test_a_damaged_copy_is_refused_and_leaves_nothing(self, shared: Path, name: str, damage: str) -> None:
        path = next((shared / RUN).glob(f"*/{name}"))
        held = path.read_bytes()
        match damage:
            case "flipped":
                path.write_bytes(bytes([held[0] ^ 1]) + held[1:])
            case "cut off":
                path.write_bytes(held[:-1])
            case "longer":
                path.write_bytes(held + b"x")
            case _:
                path.unlink()
        with pytest.raises(DamagedRecord, match="is not what was sent"):
            self.fetch(shared)
        assert not (shared.parent / "there" / RUN).exists()
        assert not [*(shared.parent / "there").glob(".*")]

    @pytest.mark.parametrize("name", ["../../escaped.json", "report.html", ".journal.lock", "a/b"])
    def test_a_marker_that_names_other_files_is_none(self, shared: Path, name: str) -> None:
        text = self.marker(shared).read_text()
        self.marker(shared).write_text(text.replace('"vectors.npz"', f'"{name}"'))
        with pytest.raises(DamagedRecord, match="no whole copy"):
            self.fetch(shared)

    def test_folders_of_others_are_no_runs(self, shared: Path) -> None:
        for name in ("..", "notes", "20261101T031700Z-../../x", ".20261101T031700Z-canary-00aa.tmp"):
            (shared / name.replace("/", "_")).mkdir(exist_ok=True)
        (shared / "README").write_text("Runs.")
        assert mirror(f"file://{shared}").names() == (RUN,)

    def test_a_link_in_a_run_is_not_followed(self, tmp_path: Path) -> None:
        run = make_run(tmp_path / "here")
        (run / "journal.jsonl").unlink()
        (run / "journal.jsonl").symlink_to("/etc/hostname")
        with pytest.raises(UnsafePath):
            mirror(f"file://{tmp_path}/shared").push(run, tmp_path)
        assert not (tmp_path / "shared").exists()

    def test_what_the_project_keeps_secret_is_not_sent(self, tmp_path: Path) -> None:
        run = make_run(tmp_path / "here")
        (run / "journal.jsonl").write_bytes(LINE.replace(b"0", b"hunter2-hunter2"))
        careful = RunMirror(
            f"file://{tmp_path}/shared", redact=lambda text: text.replace("hunter2-hunter2", "…")
        )
        with pytest.raises(DamagedRecord, match="keeps secret"):
            careful.push(run, tmp_path)
        assert not (tmp_path / "shared").exists()

    def test_a_place_that_cannot_be_written_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "shared").write_text("A file.")
        with pytest.raises(CannotWrite, match="cannot be used"):
            mirror(f"file://{tmp_path}/shared/x").push(make_run(tmp_path / "here"), tmp_path)

    def test_two_processes_at_once_lose_nothing(self, tmp_path: Path) -> None:
        """Eight runs of its own from each, and eight that both have."""
        url, expected = f"file://{tmp_path}/shared", {}
        for side in ("one", "two"):
            for number in range(16):
                whose = side if number < 8 else "both"
                name = f"202611{number + 1:02d}T031700Z-canary-{whose}"
                expected[name] = content(make_run(tmp_path / side, name))
        started = [
            subprocess.Popen(
                [sys.executable, "-c", PUSHES, url, str(tmp_path / side)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for side in ("one", "two")
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            process.communicate("go\n", timeout=60)
            assert process.returncode == 0
        there = mirror(url)
        assert there.names() == tuple(sorted(expected))
        assert len(expected) == 24
        for name, held in expected.items():
            assert there.fetch(name, tmp_path / "there", tmp_path)
            assert content(tmp_path / "there" / name) == held


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("nope://x", UsageError),
        ("s3://user:password@bucket/x", UsageError),
        ("dir::ftp://user:password@host/x", UsageError),
        ("s3://bucket/x", MissingPackage),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_being_told(
    url: str, kind: type[HarnessError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(kind) as raised:
        mirror(url)
    assert "password@" not in str(raised.value)
