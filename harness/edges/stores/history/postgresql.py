"""The history in PostgreSQL, for nights that run on several machines. Needs the extra `postgres`."""

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote, quote_plus

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from harness.edges.stores.history.store import SqlHistoryStore
from harness.errors import MissingKey, MissingPackage

CONNECT_TIMEOUT_S = 10
LOCK_TIMEOUT_S = 30
GONE_AFTER_S = 20
"""A writer that says nothing for so long is gone: less than others wait, so that a machine that lost its power while
it wrote holds nobody up. Between two statements of one writer lie milliseconds."""
_LOCK = 0x64726966  # any number that others do not use: "drif"
_SYNTAX_OR_RIGHTS = "42"
_RIGHTS = "42501"


def open_history(
    place: str,
    redact: Callable[[str], str],
    *,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
    gone_after_s: float = GONE_AFTER_S,
) -> SqlHistoryStore:
    """Return the history in the database at the URL `place`; nothing is opened yet. Raises SetupError."""
    try:
        url = make_url(place).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise MissingKey(
            "the URL of the history database cannot be read; expected postgresql://USER:PASSWORD@HOST/NAME"
        ) from None  # the library's own text may quote it
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(CONNECT_TIMEOUT_S)})
    secrets = [value for value in (url.password, *_hidden(url)) if value]
    return SqlHistoryStore(
        PostgresDatabase(url, lock_timeout_s, gone_after_s), lambda text: _without(secrets, redact(text))
    )


class PostgresDatabase:
    """One database. Its writers wait for each other, `lock_timeout_s` seconds at most."""

    def __init__(self, url: URL, lock_timeout_s: float, gone_after_s: float) -> None:
        self._lock_timeout_s = lock_timeout_s
        self._gone_after_s = gone_after_s
        where = url.host or url.query.get("host") or "localhost"
        self.place = f"the history database '{url.database}' on {where}"
        self.engine = _engine(url)

    def exists(self) -> bool:
        """Say that there is a database; whether it can be reached shows when it is."""
        return True

    def prepare(self) -> None:
        """Nothing to do."""

    def lock(self, connection: Connection) -> None:
        """Let one writer in at a time, so that incidents are derived from all nights, not from those before."""
        connection.execute(text(f"SET LOCAL lock_timeout = {int(1000 * self._lock_timeout_s)}"))
        gone_after_ms = int(1000 * self._gone_after_s)
        connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = {gone_after_ms}"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})

    def is_damage(self, error: BaseException) -> bool:
        """Tell tables that have to be made anew from a server that is busy, out of reach or refuses."""
        state = getattr(error, "sqlstate", None) or ""
        return state.startswith(_SYNTAX_OR_RIGHTS) and state != _RIGHTS

    def discard(self) -> bool:
        """Leave the database alone: it is not drift's own, and its tables are dropped by name."""
        return False


def _hidden(url: URL) -> Iterator[str]:
    """Find what the URL's options hold of secrets, such as ``?password=``."""
    for name, value in url.query.items():
        if "pass" in name.lower():
            yield from (value,) if isinstance(value, str) else value


def _without(secrets: Sequence[str], text: str) -> str:
    """Take out secrets of any length: a short password is a password."""
    for secret in sorted({*secrets, *map(quote, secrets), *map(quote_plus, secrets)}, key=len, reverse=True):
        text = text.replace(secret, "[password]")
    return text


def _engine(url: URL) -> Engine:
    try:
        return create_engine(url, poolclass=NullPool, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise MissingPackage(
            "a history in PostgreSQL needs the extra `postgres`: pip install 'drift-harness[postgres]'"
        ) from error
