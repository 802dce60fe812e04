"""What was told of incidents: a file `told.jsonl` in the folder of the run that it was told about.

So it goes wherever the run folders go, a data branch of CI included, and no rebuild of the history forgets it.
A line that cannot be read was not told: a message twice is better than none.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from harness.core.canonical import canonical_json
from harness.core.incident_news import Told
from harness.edges.stores.safe_paths import inside, open_to_append, regular_file
from harness.edges.stores.untrusted_json import parse_untrusted
from harness.errors import Busy, CannotWrite, DamagedRecord, UnsafePath

FILE_NAME = "told.jsonl"
MOST_BYTES = 1_000_000
LOCK_TIMEOUT_S = 300.0
_SCHEMA_VERSION = Told.model_fields["schema_version"].default


class ToldFiles:
    """What was told, in all `folders` below `root`; what is told now is written into `folder`. A `ToldStore`."""

    def __init__(
        self,
        *,
        root: Path,
        folder: Path,
        folders: Callable[[], Iterable[Path]],
        lock: Path,
        redact: Callable[[str], str],
        lock_timeout_s: float = LOCK_TIMEOUT_S,
    ) -> None:
        self._root, self._folder, self._folders = root, folder, folders
        self._lock, self._redact, self._lock_timeout_s = lock, redact, lock_timeout_s

    def told(self, sink: str) -> tuple[Told, ...]:
        """Return what was told through a sink, oldest first."""
        found = [
            one
            for folder in dict.fromkeys([*self._folders(), self._folder])
            for one in self._read(folder / FILE_NAME)
            if one.sink == sink
        ]
        return tuple(sorted(found, key=lambda one: one.at))

    def record(self, told: Told) -> None:
        """Write down that a message was delivered. Raises SetupError for a link, MeasurementError for a full disk."""
        path = self._folder / FILE_NAME
        line = canonical_json(told.model_dump(mode="json"))
        try:
            with open_to_append(path, self._root) as file:
                # A line that a crash cut off must not swallow this one.
                file.write(f"\n{self._redact(line)}\n".encode())
                os.fsync(file.fileno())
        except OSError as error:
            raise CannotWrite(
                f"{told.key} was delivered, and {path} does not take that it was ({error.strerror}): "
                "it will be sent once more"
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one teller in at a time. Raises Busy."""
        inside(self._root, self._lock.parent)
        try:
            self._lock.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._lock, timeout=self._lock_timeout_s):
                yield
        except Timeout as error:
            raise Busy(f"{self._lock}: somebody else is telling; run it again when that is done") from error

    def _read(self, path: Path) -> Iterator[Told]:
        try:
            content = regular_file(path, self._root, MOST_BYTES)
        except (OSError, DamagedRecord, UnsafePath):
            return
        for line in content.splitlines():
            try:
                one = Told.model_validate(parse_untrusted(line))
            except ValueError:
                continue
            if one.schema_version == _SCHEMA_VERSION:
                yield one
