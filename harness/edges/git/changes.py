"""What git says of files that are not what they were."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class ChangeKind(StrEnum):
    """What happened to a file."""

    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"
    RENAMED = "renamed"
    """And perhaps modified, too."""
    TYPE = "type"
    """A link or a submodule stands where a file stood, or the other way round."""


_KINDS = {
    "A": ChangeKind.ADDED,
    "D": ChangeKind.DELETED,
    "M": ChangeKind.MODIFIED,
    "R": ChangeKind.RENAMED,
    "T": ChangeKind.TYPE,
    "U": ChangeKind.MODIFIED,  # a merge is under way, and the file holds both sides
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file that is not what it was."""

    path: str
    """Where it is; for a deleted file, where it was."""
    before: str | None
    """Where it was; None for an added file."""
    kind: ChangeKind


def raw_changes(out: bytes) -> Iterator[FileChange]:
    """Read `git diff --raw -z`: modes, ids and a status, then one path, or two of a rename."""
    fields = iter(out.split(b"\0")[:-1])
    for about in fields:
        kind = _KINDS.get(about.decode("ascii").split()[-1][:1], ChangeKind.MODIFIED)
        first = decoded(next(fields))
        path = decoded(next(fields)) if kind is ChangeKind.RENAMED else first
        yield FileChange(path=path, before=None if kind is ChangeKind.ADDED else first, kind=kind)


def decoded(name: bytes) -> str:
    """Read a path as git holds it."""
    return name.decode("utf-8", "surrogateescape")
