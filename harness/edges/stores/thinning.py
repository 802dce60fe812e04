"""Take out of an old run's folder what only deciding it again would need."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from harness.edges.stores.atomic import write_whole
from harness.edges.stores.runs import JOURNAL, LOCK, REFERENCE, THINNED, VECTORS
from harness.edges.stores.safe_paths import check_own_file, inside
from harness.errors import CannotWrite

_RENDERED = (
    "report.html",
    "report.txt",
    "report.md",
    "comment.md",
    "junit.xml",
    "drift.sarif",
    "annotations.txt",
)
TAKEN = (JOURNAL, REFERENCE, VECTORS, *_RENDERED)
"""What goes. The manifest and the verdict stay, and so does everything that drift did not write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinned:
    """What a run's folder lost, or would lose."""

    files: int
    freed_bytes: int
    in_use: bool = False
    """Another process writes the run, so nothing was touched."""


def thin_run(folder: Path, root: Path, *, dry_run: bool) -> Thinned:
    """Thin a run's folder below `root`. Doing it again does nothing more.

    Raises SetupError where the folder is a link or leads out; a link in the place of a file is taken out itself, and
    what it leads to is left alone. Raises MeasurementError where the disk does not let go.
    """
    inside(root, folder)
    found = {}
    for name in TAKEN:
        with suppress(FileNotFoundError, NotADirectoryError):
            found[name] = (folder / name).lstat().st_size
    done = Thinned(files=len(found), freed_bytes=sum(found.values()))
    if dry_run or not found:
        return done
    check_own_file(folder / LOCK, root)
    try:
        with FileLock(folder / LOCK, timeout=0):
            # First, so that a run which is cut off here is known for what it is.
            write_whole(folder / THINNED, json.dumps({"schema_version": 1}).encode() + b"\n", root=root)
            for name in found:
                (folder / name).unlink(missing_ok=True)
    except Timeout:
        return Thinned(files=0, freed_bytes=0, in_use=True)
    except OSError as error:
        raise CannotWrite(f"cannot thin {folder}: {error.strerror}; run it again") from error
    return done
