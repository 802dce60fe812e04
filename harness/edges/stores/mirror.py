"""Run folders at another place that several machines share, on any file system that fsspec knows.

::

    <url>/<run>/<digest>/manifest.json, journal.jsonl, …   the folder, without what can be rendered again
    <url>/<run>/<digest>.json                               written last: what has to be there, with its sha256

The digest is that of the content. So two machines that push at once never write different bytes to one place, an
upload that was cut off is no run until somebody makes it whole, and nothing is ever overwritten by anything else.
Of a run that was pushed, gone on with and pushed again, the longest journal counts: the others are its beginning.
"""

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.core.canonical import canonical_json
from harness.edges.stores.atomic import write_whole
from harness.edges.stores.safe_paths import inside, regular_file, size_of
from harness.edges.stores.untrusted_json import parse_untrusted
from harness.errors import (
    CannotWrite,
    DamagedRecord,
    HarnessError,
    MissingPackage,
    OtherRun,
    UsageError,
    one_line,
)

MANIFEST, JOURNAL = "manifest.json", "journal.jsonl"
KEPT = (MANIFEST, "reference.json.gz", JOURNAL, "vectors.npz", "verdict.json")
"""What a run is made of; everything else in its folder is rendered from it."""
_TEXTS = (MANIFEST, JOURNAL, "verdict.json")
MOST_FILE_BYTES = 2_000_000_000
SCHEMA_VERSION = 1
_MOST_MARKER_BYTES = 10_000
_RUN = re.compile(r"[0-9]{8}T[0-9]{6}Z-[a-z0-9][a-z0-9._-]{0,80}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{16}", re.ASCII)
_USER = re.compile(r"://[^/]*@")
_MOST_SHOWN = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    """One complete copy of a run at the other place."""

    run: str
    digest: str
    files: Mapping[str, tuple[int, str]]
    """Bytes and sha256, by name."""


class RunMirror:
    """Run folders at a URL. Everything that is sent was redacted when it was written, and is checked again."""

    def __init__(self, url: str, *, redact: Callable[[str], str]) -> None:
        """Open the place; nothing is asked yet. Raises SetupError, UsageError."""
        self._redact = redact
        self.place = one_line(redact(url))[:_MOST_SHOWN]
        if _USER.search(url):
            raise UsageError(
                "a URL with a user or a password in it would stand in the shell's history: leave them out, and set "
                "the variables that the storage's own library reads"
            )
        self._files, self._root = _file_system(url)

    def names(self) -> tuple[str, ...]:
        """List the runs that are there whole, oldest first. Raises MeasurementError."""
        with self._named():
            if not self._files.exists(self._root):
                return ()
            found = {_last(path) for path in self._files.ls(self._root, detail=False)}
            return tuple(sorted(run for run in found if _RUN.fullmatch(run) and any(self._markers(run))))

    def push(self, folder: Path, root: Path) -> bool:
        """Copy a run's folder there; say whether anything was new. Raises HarnessError."""
        contents = {
            name: self._read(folder / name, root) for name in KEPT if size_of(folder / name) is not None
        }
        if MANIFEST not in contents or not _RUN.fullmatch(folder.name):
            raise UsageError(f"{folder} is no run folder of drift's")
        sums = {name: (len(held), hashlib.sha256(held).hexdigest()) for name, held in contents.items()}
        digest = hashlib.sha256(canonical_json(sums).encode()).hexdigest()[:16]
        with self._named():
            others = [copy for copy in self._copies(folder.name) if copy.digest != digest]
            if any(copy.digest == digest for copy in self._copies(folder.name)):
                return False
            for other in others:
                if not self._continues(contents.get(JOURNAL, b""), other):
                    raise OtherRun(
                        f"{self.place} holds another run called {folder.name}; nothing was sent. Fetch it into another "
                        "folder, and keep the one that counts"
                    )
            place = f"{self._root}/{folder.name}/{digest}"
            self._files.makedirs(place, exist_ok=True)
            for name, held in contents.items():
                self._files.pipe_file(f"{place}/{name}", held)
            marker = {"schema_version": SCHEMA_VERSION, "run": folder.name, "files": sums}
            self._files.pipe_file(f"{place}.json", canonical_json(marker).encode())
        return True

    def fetch(self, run: str, into: Path, root: Path) -> bool:
        """Bring a run into the folder `into`; say whether it was not there. What is there is left alone.

        Raises DamagedRecord where a file is not what its marker says, MeasurementError, SetupError.
        """
        inside(root, into)
        place = into / run
        if size_of(place) is not None:
            return False
        with self._named():
            copy = self._newest(run)
            if copy is None:
                raise DamagedRecord(
                    f"{self.place} holds no whole copy of {one_line(run[:80])}; push it again"
                )
            contents = {name: self._checked(copy, name) for name in copy.files}
        temporary = into / f".{run}.{secrets.token_hex(8)}.tmp"
        try:
            into.mkdir(parents=True, exist_ok=True)
            temporary.mkdir()
            for name, held in contents.items():
                write_whole(temporary / name, held, root=root)
            with suppress(FileExistsError):
                os.rename(temporary, place)  # noqa: PTH104  # Path.rename would replace an empty folder too
                return True
        except OSError as error:
            if size_of(place) is None:
                raise CannotWrite(f"cannot write {place}: {error.strerror}") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return False  # somebody else brought it meanwhile

    def _read(self, path: Path, root: Path) -> bytes:
        held = regular_file(path, root, MOST_FILE_BYTES)
        if path.name in _TEXTS:
            text = held.decode("utf-8", "replace")
            if self._redact(text) != text:
                raise DamagedRecord(
                    f"{path}: holds what this project keeps secret, so it was not sent; make the run anew"
                )
        return held

    def _newest(self, run: str) -> _Copy | None:
        """Return the copy with the longest journal. Raises OtherRun where another one is not its beginning."""
        copies = sorted(
            self._copies(run), key=lambda copy: (copy.files.get(JOURNAL, (0, ""))[0], copy.digest)
        )
        if not copies:
            return None
        newest = copies.pop()
        if copies:
            journal = self._checked(newest, JOURNAL) if JOURNAL in newest.files else b""
            for other in copies:
                if not self._continues(journal, other):
                    raise OtherRun(
                        f"{self.place} holds two runs called {run}, {newest.digest} and {other.digest}; "
                        "delete the one that does not count"
                    )
        return newest

    def _continues(self, journal: bytes, other: _Copy) -> bool:
        """Say whether a journal begins with all of another copy's."""
        size, digest = other.files.get(JOURNAL, (0, hashlib.sha256(b"").hexdigest()))
        return len(journal) >= size and hashlib.sha256(journal[:size]).hexdigest() == digest

    def _checked(self, copy: _Copy, name: str) -> bytes:
        size, digest = copy.files[name]
        path = f"{self._root}/{copy.run}/{copy.digest}/{name}"
        try:
            held = bytes(self._files.cat_file(path, start=0, end=size + 1))
        except FileNotFoundError:
            held = b""
        if len(held) != size or hashlib.sha256(held).hexdigest() != digest:
            raise DamagedRecord(
                f"{self.place}: {copy.run}/{name} is not what was sent; delete its folder there, and push it again"
            )
        return held

    def _copies(self, run: str) -> list[_Copy]:
        return [copy for digest in self._markers(run) if (copy := self._copy(run, digest)) is not None]

    def _markers(self, run: str) -> Iterator[str]:
        folder = f"{self._root}/{run}"
        with suppress(FileNotFoundError, NotADirectoryError):
            for path in self._files.ls(folder, detail=False):
                stem, _, ending = _last(path).rpartition(".")
                if ending == "json" and _DIGEST.fullmatch(stem):
                    yield stem

    def _copy(self, run: str, digest: str) -> _Copy | None:
        """Read a marker; None for one that was cut off: its copy is not whole, and a push makes it so."""
        path = f"{self._root}/{run}/{digest}.json"
        with suppress(FileNotFoundError, ValueError, TypeError, AttributeError, KeyError):
            held = bytes(self._files.cat_file(path, start=0, end=_MOST_MARKER_BYTES + 1))
            told: Any = parse_untrusted(held)
            files = {str(name): (int(size), str(found)) for name, (size, found) in told["files"].items()}
            known = set(files) <= set(KEPT) and MANIFEST in files
            right = told["schema_version"] == SCHEMA_VERSION and told["run"] == run
            if known and right and all(0 <= size <= MOST_FILE_BYTES for size, _ in files.values()):
                return _Copy(run=run, digest=digest, files=files)
        return None

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Turn what a storage's library raises into our own words, without a secret."""
        try:
            yield
        except HarnessError:
            raise
        except ImportError as error:
            raise _missing(error) from error
        except Exception as error:  # noqa: BLE001  # every storage's library has errors of its own
            said = one_line(self._redact(str(error) or type(error).__name__))[:_MOST_SHOWN]
            raise CannotWrite(f"{self.place} cannot be used: {said}; nothing here was changed") from None


def _file_system(url: str) -> tuple[Any, str]:
    try:
        files, root = import_module("fsspec.core").url_to_fs(url)
    except ImportError as error:
        raise _missing(error) from error
    except (ValueError, TypeError) as error:
        raise UsageError(
            "the URL of the shared runs is of no kind that fsspec knows; expected such as s3://BUCKET/FOLDER or "
            "file:///FOLDER"
        ) from error
    return files, str(root).rstrip("/")


def _missing(error: ImportError) -> MissingPackage:
    return MissingPackage(
        f"shared runs need the extra `fsspec` and the library of the storage ({one_line(str(error))[:200]}): "
        "pip install 'drift-harness[fsspec]'"
    )


def _last(path: object) -> str:
    return str(path).rstrip("/").rpartition("/")[2]
