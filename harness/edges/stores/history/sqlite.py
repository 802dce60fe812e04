"""The history in one SQLite file. Nothing to install, and safe with several processes on one machine."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from harness.edges.stores.history.store import WRITES, SqlHistoryStore
from harness.edges.stores.safe_paths import check_own_file
from harness.errors import HistoryUnavailable

BUSY_TIMEOUT_S = 30.0
_DAMAGE = (
    "SQLITE_NOTADB",
    "SQLITE_CORRUPT",
    "SQLITE_ERROR",
    "SQLITE_FORMAT",
    "SQLITE_MISMATCH",
    "SQLITE_TOOBIG",
)
_MOST_VALUE_BYTES = 16_000_000
"""Of one value; a night and target is 2 kB."""
_NOT_OURS = "SELECT count(*) FROM sqlite_master WHERE type NOT IN ('table', 'index')"


def open_history(
    place: str, redact: Callable[[str], str], *, busy_timeout_s: float = BUSY_TIMEOUT_S
) -> SqlHistoryStore:
    """Return the history in the file `place`, in a folder of a project; nothing is opened yet."""
    return SqlHistoryStore(SqliteFile(Path(place), busy_timeout_s), redact)


class SqliteFile:
    """One file. Its writers wait for each other, `busy_timeout_s` seconds at most.

    Its folder may be a link inside the project; neither the file nor what SQLite lays beside it is one.
    """

    def __init__(self, path: Path, busy_timeout_s: float) -> None:
        self._path = path
        self.place = str(path)
        self.engine = _engine(path, busy_timeout_s)

    def exists(self) -> bool:
        """Say whether there is a file: to look into a history must not make one. Raises SetupError for a link."""
        self._check_places()
        return self._path.exists()

    def prepare(self) -> None:
        """Make the folder. Raises MeasurementError, SetupError for a link."""
        self._check_places()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HistoryUnavailable(f"cannot make {self._path.parent}: {error.strerror}") from error

    def lock(self, connection: Connection) -> None:
        """Nothing to do: a transaction that writes has locked the file when it began."""

    def is_damage(self, error: BaseException) -> bool:
        """Tell a file that has to be made anew from one that is in use or out of reach."""
        return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorname", "").startswith(_DAMAGE)

    def discard(self) -> bool:
        """Delete a damaged file, so that it can be made anew. Raises MeasurementError."""
        try:
            for path in self._places():
                path.unlink(missing_ok=True)
        except OSError as error:
            raise HistoryUnavailable(f"cannot delete {self._path}: {error.strerror}") from error
        return True

    def _places(self) -> Iterator[Path]:
        return (self._path.with_name(self._path.name + suffix) for suffix in ("", "-journal", "-wal", "-shm"))

    def _check_places(self) -> None:
        for path in self._places():
            check_own_file(path, self._path.parent.parent)


def _engine(path: Path, busy_timeout_s: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        connect_args={"timeout": busy_timeout_s},
        hide_parameters=True,
    )

    # sqlite3 begins a transaction by itself, at the first write. Then two writers that have both read meet,
    # and one of them fails at once instead of waiting.
    @event.listens_for(engine, "connect")
    def _leave_transactions_to_us(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_VALUE_BYTES)
        # What is no UTF-8 becomes half characters, which no JSON holds, instead of an error without a code.
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
        # A view can give rows without end, and a trigger can work without end.
        if connection.exec_driver_sql(_NOT_OURS).scalar():
            raise ValueError("holds views or triggers, which are not ours")

    return engine
