"""Baselines in git: canonical JSON, a sample a line, written whole and checked to the byte.

::

    baselines/<suite>/<target>/
        identity.json        identities of the cases, encoder, schema, sha256 of every other file and of itself
        <case>.jsonl         a sample a line
        acceptances.jsonl    who accepted what, when and why
        self-test.json       how often the gate would cry wolf, where that was asked
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from harness.core.batch import Baseline
from harness.edges.stores.baseline_files import (
    MOST_BYTES,
    MOST_FILE_BYTES,
    baseline_files,
    parse_baseline,
    refuse_too_large,
)
from harness.edges.stores.safe_paths import inside, regular_file, size_of
from harness.errors import (
    Busy,
    CannotWrite,
    DamagedRecord,
    MeasurementError,
    UnknownName,
    UnsafePath,
)

LOCK_TIMEOUT_S = 30.0


class FileBaselineStore:
    """Reads and writes the folder `baselines/`. Links that lead out of the project are refused (SetupError)."""

    def __init__(
        self,
        folder: Path,
        *,
        lock: Path,
        redact: Callable[[str], str],
        lock_timeout_s: float = LOCK_TIMEOUT_S,
    ) -> None:
        self._folder = folder
        self._root = folder.parent
        self._lock_path = lock
        # One object, because only then a save within `locked` does not wait for itself.
        self._lock = FileLock(lock, timeout=lock_timeout_s)
        self._redact = redact

    def names(self) -> tuple[tuple[str, str], ...]:
        """List (suite, target) of every baseline."""
        return tuple(
            sorted(
                {(path.parent.parent.name, path.parent.name) for path in self._folder.glob("[!.]*/[!.]*/*")}
            )
        )

    def load(self, suite: str, target: str) -> Baseline | None:
        """Return the baseline, or None where nothing was accepted. Raises DamagedRecord, SetupError."""
        folder = self._place(suite, target)
        before = _state(folder)
        try:
            found = self._loaded(folder, suite, target)
        except (DamagedRecord, FileNotFoundError):
            if _state(folder) == before:
                raise
        else:
            if found is not None or (_state(folder) == before and not _set_aside(folder).exists()):
                return found
        # Somebody is writing it, or died doing so: what was read is half of the old one and half of the new.
        with self.locked():
            _recover(folder)
            return self._loaded(folder, suite, target)

    def save(self, baseline: Baseline) -> bool:
        """Write a baseline whole or not at all; say whether anything changed. One writer at a time.

        Raises MeasurementError where what would be written could not be read again.
        """
        folder = self._place(baseline.suite, baseline.target)
        files = baseline_files(baseline, self._redact)
        try:
            parse_baseline(files, folder=str(folder), suite=baseline.suite, target=baseline.target)
        except DamagedRecord as error:
            raise MeasurementError(f"this cannot become a baseline: {error}") from error
        with self.locked():
            _recover(folder)
            if folder.exists() and self._files(folder) == files:
                return False
            self._swap(folder, files)
        return True

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other writer away while a baseline is loaded, changed and saved.

        A reader that mends comes here too: who looks between the two renames of another would put the old one
        back. Raises MeasurementError where another process does not let go.
        """
        inside(self._root, self._lock_path.parent)
        if self._lock_path.is_symlink():
            raise UnsafePath(f"{self._lock_path}: is a link; delete it")
        try:
            self._lock_path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise Busy(
                f"another process has held {self._lock_path} for {self._lock.timeout:.0f} s; when it is done, run again"
            ) from error
        except OSError as error:
            raise self._unusable(error) from error
        try:
            yield
        except OSError as error:
            raise self._unusable(error) from error
        finally:
            self._lock.release()

    def _unusable(self, error: OSError) -> MeasurementError:
        return CannotWrite(
            f"{self._folder} cannot be read or written: {error.strerror}; the baseline is as it was"
        )

    def _place(self, suite: str, target: str) -> Path:
        for name in (suite, target):
            if not name or Path(name).name != name or name.startswith("."):
                raise UnknownName(f"'{name}' is no name of a suite or target")
        return inside(self._root, self._folder / suite / target)

    def _loaded(self, folder: Path, suite: str, target: str) -> Baseline | None:
        files = self._files(folder) if folder.exists() else {}
        return parse_baseline(files, folder=str(folder), suite=suite, target=target) if files else None

    def _files(self, folder: Path) -> dict[str, bytes]:
        paths = sorted(folder.iterdir())
        # Before any is read: a hole in a file takes no room on disk, and all of it in memory.
        refuse_too_large({path.name: size_of(path) or 0 for path in paths}, str(folder))
        files, left = {}, MOST_BYTES
        for path in paths:
            if path.is_dir() and not path.is_symlink():
                raise DamagedRecord(f"{path}: not part of the baseline; remove it")
            files[path.name] = regular_file(path, self._root, min(left, MOST_FILE_BYTES))
            left -= len(files[path.name])
        return files

    def _swap(self, folder: Path, files: dict[str, bytes]) -> None:
        fresh, old = folder.with_name(f".{folder.name}.new"), _set_aside(folder)
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            for name, content in files.items():
                with (fresh / name).open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            if folder.exists():
                shutil.rmtree(old, ignore_errors=True)
                folder.rename(old)
            fresh.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            shutil.rmtree(fresh, ignore_errors=True)
            _recover(folder)
            raise CannotWrite(
                f"cannot write {folder}: {error.strerror}; the baseline is as it was"
            ) from error


def _state(folder: Path) -> tuple[int, int] | None:
    """Return what is another one once the folder was replaced; None where there is none. A number comes again."""
    with suppress(FileNotFoundError, NotADirectoryError):
        found = folder.stat()
        return found.st_ino, found.st_mtime_ns
    return None


def _set_aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def _recover(folder: Path) -> None:
    """Put back what a crash between the two renames left aside."""
    old = _set_aside(folder)
    if old.exists() and not folder.exists():
        old.rename(folder)
