"""The files of a commit, read in two processes whatever their number, and written where loaders can read them."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.edges.git.program import Reply, ask_git
from harness.errors import DocumentError, GitFailed, Problem, ProblemCode, SetupError, one_line

MOST_FILES = 20_000
MOST_FILE_BYTES = 8_000_000
MOST_TOTAL_BYTES = 64_000_000
"""Of what is read at one commit."""

_REGULAR = frozenset({"100644", "100755"})
_HEAD_BYTES = 120
"""More than the line before a blob has."""
# What a file system may take for `.git`: HFS+ reads over some characters, NTFS has short names and streams.
_IGNORED_BY_HFS = dict.fromkeys(
    [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF]
)
_GIT_FOLDER = re.compile(r"(?:\.git|git~[0-9]+)[ .]*(?::.*)?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blobs:
    """Files at a commit, by path, and the paths of what is no plain file."""

    commit: str
    files: Mapping[str, bytes]
    refused: tuple[str, ...]
    """Links and submodules, which are never followed, and names that could lead out of a folder."""


def read_blobs(root: Path, commit: str, paths: Sequence[str], *, prefix: str) -> Blobs:
    """Return the files at or below `paths` at a commit; with no path, all of them.

    `paths` are the repository's, the names returned are relative to `prefix`. Raises DocumentError for more or
    larger files than are read, SetupError for content that is not there.
    """
    said = ask_git(root, "ls-tree", "-r", "-l", "-z", "--full-tree", commit, "--", *paths)
    if said.code != 0:
        raise _unreadable(commit, said)
    listed = {entry.path: entry for entry in _entries(said.out, prefix)}
    plain = [entry for entry in listed.values() if entry.is_plain]
    _refuse_large(plain, commit)
    contents = _contents(root, plain, commit)
    return Blobs(
        commit=commit,
        files={entry.path: content for entry, content in zip(plain, contents, strict=True)},
        refused=tuple(sorted(listed.keys() - {entry.path for entry in plain})),
    )


def write_blobs(blobs: Blobs, into: Path) -> None:
    """Write files below `into`, a new or an empty folder, for this user alone.

    Raises SetupError where they cannot be written: `into` is not empty, the disk is full, or two names are one
    to this file system.
    """
    try:
        _make_private(into)
        made = {into}
        for path, content in blobs.files.items():
            place = into / path
            inner = place.parents[: len(PurePosixPath(path).parts) - 1]
            for folder in reversed(inner):
                if folder not in made:  # if it is there all the same, it is there in another spelling
                    folder.mkdir(mode=0o700)
                    made.add(folder)
            with open(place, "xb", opener=_open_private) as file:
                file.write(content)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file can have its name"
        name = one_line(str(getattr(error, "filename", None) or into))
        raise GitFailed(
            f"cannot write {name}, to read what stands at {blobs.commit[:12]} ({reason}); "
            "make room in the folder for temporary files, or name another one with TMPDIR"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    path: str
    mode: str
    blob: str
    size: int

    @property
    def is_plain(self) -> bool:
        """Say whether this is a file, with a name that stays in its folder wherever it is written."""
        return self.mode in _REGULAR and "\\" not in self.path and all(map(_is_plain, self.path.split("/")))


def _is_plain(part: str) -> bool:
    return part not in ("", ".", "..") and not _GIT_FOLDER.fullmatch(part.translate(_IGNORED_BY_HFS))


def _entries(out: bytes, prefix: str) -> Iterator[_Entry]:
    """Read `git ls-tree -l -z`: `mode type id size`, a tab, the path."""
    for line in out.split(b"\0")[:-1]:
        about, _, name = line.partition(b"\t")
        mode, _, blob, size = about.decode("ascii").split()
        path = name.decode("utf-8", "surrogateescape").removeprefix(prefix)
        yield _Entry(path=path, mode=mode, blob=blob, size=int(size) if size.isdigit() else 0)


def _refuse_large(entries: Sequence[_Entry], commit: str) -> None:
    problems = [
        Problem(
            file=entry.path,
            message=f"has {entry.size:,} bytes at {commit[:12]}, at most {MOST_FILE_BYTES:,} are read: split it",
            code=ProblemCode.TOO_LARGE,
        )
        for entry in entries
        if entry.size > MOST_FILE_BYTES
    ]
    total = sum(entry.size for entry in entries)
    if not problems and (len(entries) > MOST_FILES or total > MOST_TOTAL_BYTES):
        message = (
            f"{len(entries):,} files of {total:,} bytes are too many; at most {MOST_FILES:,} files of "
            f"{MOST_TOTAL_BYTES:,} bytes are read: keep other files out of the folders that drift reads"
        )
        problems.append(Problem(file=f"commit {commit[:12]}", message=message, code=ProblemCode.TOO_LARGE))
    if problems:
        raise DocumentError(tuple(problems))


def _contents(root: Path, entries: Sequence[_Entry], commit: str) -> Iterator[bytes]:
    """Yield the content of every blob, in order."""
    if not entries:
        return
    lines = "".join(f"{entry.blob}\n" for entry in entries).encode("ascii")
    expected = sum(entry.size + _HEAD_BYTES for entry in entries)
    said = ask_git(root, "cat-file", "--batch", lines=lines, most_bytes=expected)
    start = 0
    for entry in entries:
        head, _, _ = said.out[start : start + _HEAD_BYTES].partition(b"\n")
        start += len(head) + 1
        end = start + entry.size
        if head != f"{entry.blob} blob {entry.size}".encode() or end >= len(said.out):
            raise _unreadable(commit, said)
        yield said.out[start:end]
        start = end + 1


def _unreadable(commit: str, said: Reply) -> SetupError:
    return GitFailed(
        f"git cannot read the files of {commit[:12]} ({said.err or 'an object is missing'}); "
        "clone again, as a whole (no --filter)"
    )


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if folder.is_symlink() or not folder.is_dir() or any(folder.iterdir()):
            raise
        folder.chmod(0o700)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
