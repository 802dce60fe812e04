"""Write a file whole or not at all."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from harness.edges.stores.safe_paths import inside
from harness.errors import CannotWrite


def write_whole(path: Path, content: bytes, *, root: Path | None = None) -> None:
    """Replace `path` by `content`: after a crash at any moment the old file or the new one is there, whole.

    A link in its place is replaced, never followed. Raises SetupError where its folder lies outside `root`,
    and MeasurementError where the disk does not take it.
    """
    if root is not None:
        inside(root, path.parent)
    # A name that nobody can guess, and "x": a link laid in its way would be written through.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise CannotWrite(
            f"cannot write {path}: {error.strerror}; what was there before is untouched"
        ) from error
