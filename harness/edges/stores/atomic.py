"""Write a file whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from harness.errors import MeasurementError


def write_whole(path: Path, content: bytes) -> None:
    """Replace `path` by `content`: after a crash at any moment the old file or the new one is there, whole.

    Raises MeasurementError where the disk does not take it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise MeasurementError(
            f"cannot write {path}: {error.strerror}; what was there before is untouched"
        ) from error
