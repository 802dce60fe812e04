"""Let one case take another's place, in the files that git keeps."""

from pathlib import Path

from harness.edges.files.rotation import RETIRED, retired_line
from harness.edges.files.suites import case_files
from harness.edges.stores.atomic import write_whole
from harness.edges.stores.safe_paths import inside, regular_file
from harness.errors import CannotWrite, GitFailed, NotAcceptable, UnknownName
from harness.wiring.workshop import Workshop

_MOST_BYTES = 1_000_000


def retire(workshop: Workshop, suite: str, old: str, new: str, day: str) -> Path:
    """Write down that a case gave way, and delete its file. Returns the file.

    Raises UsageError, SetupError where git does not hold the file as it is: nothing may be lost.
    """
    root = workshop.project.root
    folder = root / workshop.project.config.suites[suite].path
    path = next((path for path in case_files(folder, root=root) if path.stem == old), None)
    if path is None:
        raise UnknownName(f"the suite '{suite}' has no file of a case '{old}'")
    inside(root, path)
    changed = workshop.uncommitted(str(folder))
    if changed is None:
        raise GitFailed(
            f"{folder} is in no git repository, so a case that gave way would be lost; commit it first"
        )
    if changed:
        raise NotAcceptable(f"{folder} has changes that git does not hold; commit them first")
    listed = folder / RETIRED
    try:
        before = regular_file(listed, root, _MOST_BYTES)
    except FileNotFoundError:
        before = b""
    # First, so that the id is never free.
    write_whole(listed, before + retired_line(old, day, new).encode(), root=root)
    try:
        path.unlink()
    except OSError as error:
        raise CannotWrite(f"cannot delete {path}: {error.strerror}; {listed} lists it already") from error
    return path
