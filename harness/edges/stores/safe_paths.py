"""Files in folders that others can fill, such as a stranger's branch: no link is followed, and nothing is waited for.

A link would let a checkout choose which file of this machine is read or replaced, `.git` among them; a named pipe
or a device in the place of a file would hang whoever opens it.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from harness.errors import DamagedRecord, SetupError, UnsafePath

# Windows has neither, and no link that a checkout makes without the user's rights.
_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)


def inside(root: Path, path: Path) -> Path:
    """Return `path` where it lies below `root`, and no link of `root`'s is on the way. Raises SetupError naming the link."""
    try:
        end = path.resolve()
        if end.is_relative_to(root.resolve()):
            if (link := first_link(root, path)) is not None:
                raise UnsafePath(f"{link}: is a link; put a file or folder of its own in its place")
            return path
    except (OSError, RuntimeError) as error:  # links in a circle
        raise UnsafePath(f"{path}: its links lead nowhere; put files and folders in their place") from error
    raise UnsafePath(
        f"{_link(root, path)}: leads out of {root}, to {end}; put a file or folder of its own in its place"
    )


def first_link(root: Path, path: Path) -> Path | None:
    """Return the first part of `path` that is a link and lies below `root`: whoever fills `root` chose where it leads.

    Links outside are the machine's own, such as /tmp on macOS. Raises OSError, RuntimeError.
    """
    for place in reversed((path, *path.parents)):
        if place.is_symlink() and place.parent.resolve().is_relative_to(root.resolve()):
            return place
    return None


def work_tree(folder: Path) -> Path:
    """Return the outermost folder around `folder` that git keeps, or else the outermost with a drift.yaml.

    What lies in it may have come with a branch. Where there is none, `folder` itself.
    """
    around = (folder.resolve(), *folder.resolve().parents)
    for mark in (".git", "drift.yaml"):
        found = [place for place in around if (place / mark).exists()]
        if found:
            return found[-1]
    return around[0]


def regular_file(path: Path, root: Path, max_bytes: int) -> bytes:
    """Return the content of a regular file below `root`.

    Raises SetupError for a link, a pipe, a device or a folder, DamagedRecord for more than `max_bytes`, and
    OSError where the file is not there or cannot be read.
    """
    with open_regular(path, root) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise DamagedRecord(
            f"{path}: over {max_bytes:,} bytes, more than drift writes; restore it or delete it"
        )
    return content


def open_regular(path: Path, root: Path) -> BinaryIO:
    """Open a regular file below `root` for reading. Raises like `regular_file`."""
    inside(root, path.parent)
    _refuse_link(path)
    try:
        file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115  # the caller closes it
    except OSError as error:
        if isinstance(error, IsADirectoryError) or error.errno == errno.ENXIO:  # a socket
            raise _special(path) from error
        raise
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise _special(path)
    return file


def open_to_append(path: Path, root: Path) -> BinaryIO:
    """Open a file below `root` for appending, unbuffered; make it where there is none. Raises SetupError, OSError."""
    inside(root, path.parent)
    _refuse_link(path)
    return open(path, "ab", buffering=0, opener=_open_at_once)


def check_own_file(path: Path, root: Path) -> None:
    """Check the place of a file below `root` that a library is going to open by its name, or make.

    Raises SetupError for a link, a pipe or a device. What is put there afterwards is not seen; whoever could do
    that could also replace the library.
    """
    inside(root, path.parent)
    _refuse_link(path)
    with suppress(FileNotFoundError, NotADirectoryError):
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a folder, nobody can open
            raise _special(path)


def size_of(path: Path) -> int | None:
    """Return the size of what lies at `path` itself, a link not followed; None where there is nothing."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return path.lstat().st_size
    return None


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | _AT_ONCE, 0o666)


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise UnsafePath(f"{path}: is a link; put the file itself in its place, or delete it")


def _special(path: Path) -> SetupError:
    return UnsafePath(f"{path}: is not a regular file; delete it, or put the file in its place")


def _link(root: Path, path: Path) -> Path:
    """Name the first link on the way from `root` to `path`, which is what has to be mended."""
    if path.is_relative_to(root):
        way = [path, *path.parents]
        for place in reversed(way[: way.index(root)]):
            if place.is_symlink() and not place.resolve().is_relative_to(root.resolve()):
                return place
    return path
