"""The history in a database. Only one process writes at a time, so incidents are derived from all nights."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    delete,
    func,
    insert,
    inspect,
    select,
    true,
    tuple_,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from harness.core.canonical import Record
from harness.core.history import NightEntry, counted
from harness.core.incidents import Accepted, Incident, follow
from harness.edges.stores.history.tables import (
    INCIDENTS,
    RUNS,
    SCHEMA,
    SCHEMA_VERSION,
    TABLES,
    incident_row,
    run_row,
)
from harness.edges.stores.untrusted_json import holds_too_much, parse_untrusted
from harness.errors import DamagedRecord, HistoryUnavailable, one_line

WRITES = "drift_writes"
"""Execution option of a connection that is going to write."""
_REBUILD = "`drift history rebuild` makes it again from the run folders"
_MOST_SHOWN = 300
_MOST_CHARACTERS = 64_000_000
"""Of all that one reading takes; a night and target is 2 kB, so these are a hundred targets for a year."""

R = TypeVar("R", bound=Record)
Track = tuple[str, str]


class DamagedHistory(DamagedRecord):
    """The database itself has to be made again."""


class Database(Protocol):
    """What the databases differ in."""

    place: str
    """Named in errors; without a password."""
    engine: Engine

    def exists(self) -> bool:
        """Say whether there is anything to read."""
        ...

    def prepare(self) -> None:
        """Make what a database needs before it can be opened for writing."""
        ...

    def lock(self, connection: Connection) -> None:
        """Wait until no other process writes."""
        ...

    def is_damage(self, error: BaseException) -> bool:
        """Tell what a rebuild mends from what is busy, out of reach or refused."""
        ...

    def discard(self) -> bool:
        """Delete what is damaged, where it is drift's own; say whether that was done."""
        ...


class SqlHistoryStore:
    """Nights and incidents in a database; a `HistoryStore`."""

    def __init__(self, database: Database, redact: Callable[[str], str]) -> None:
        self._database = database
        self._redact = redact

    def record(self, entries: Sequence[NightEntry], accepted: Sequence[Accepted]) -> None:
        """Add the entries of one run and derive its targets' incidents again, in one transaction."""
        with self._writing() as connection:
            if not self._has_tables(connection):
                _make_tables(connection)
            _add(connection, entries, accepted)

    def rebuild(self, entries: Sequence[NightEntry], accepted: Sequence[Accepted]) -> None:
        """Replace all that is kept, also where it is damaged or of another schema."""
        try:
            self._replace(entries, accepted)
        except DamagedHistory:
            if not self._database.discard():
                raise
            self._replace(entries, accepted)

    def nights(
        self,
        suite: str | None = None,
        target: str | None = None,
        *,
        last: int | None = None,
        since: str | None = None,
    ) -> tuple[NightEntry, ...]:
        """Return the nights that count, from `since` on, at most `last` of a suite and target."""
        conditions = _of(RUNS, suite, target) & (RUNS.c.scheduled == true())
        if since is not None:
            conditions &= RUNS.c.night >= since
        if last is not None:
            conditions &= tuple_(RUNS.c.suite, RUNS.c.target, RUNS.c.night).in_(_last_dates(conditions, last))
        nights: dict[Track, list[NightEntry]] = {}
        for night in counted(self._rows(NightEntry, RUNS.c.entry, conditions)):
            nights.setdefault((night.suite, night.target), []).append(night)
        return tuple(
            night for found in nights.values() for night in (found if last is None else _last(found, last))
        )

    def incidents(self, suite: str | None = None, target: str | None = None) -> tuple[Incident, ...]:
        """Return all incidents, open and closed."""
        found = self._rows(Incident, INCIDENTS.c.incident, _of(INCIDENTS, suite, target))
        return tuple(sorted(found, key=lambda incident: (incident.suite, incident.target, incident.opened)))

    def pull_requests(self, since: str | None = None) -> tuple[NightEntry, ...]:
        """Return the runs on pull requests, by suite and target, oldest first."""
        conditions = RUNS.c.pull_request == true()
        if since is not None:
            conditions &= RUNS.c.night >= since
        found = self._rows(NightEntry, RUNS.c.entry, conditions)
        return tuple(sorted(found, key=lambda entry: (entry.suite, entry.target, entry.run)))

    def _replace(self, entries: Sequence[NightEntry], accepted: Sequence[Accepted]) -> None:
        with self._writing() as connection:
            TABLES.drop_all(connection)
            _make_tables(connection)
            _add(connection, entries, accepted)

    def _rows(self, kind: type[R], column: Column[str], condition: ColumnElement[bool]) -> list[R]:
        if not self._database.exists():
            return []
        with self._named_errors(), self._database.engine.begin() as connection:
            return _records(connection, kind, column, condition) if self._has_tables(connection) else []

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        self._database.prepare()
        engine = self._database.engine.execution_options(**{WRITES: True})
        with self._named_errors(), engine.begin() as connection:
            self._database.lock(connection)
            yield connection

    def _has_tables(self, connection: Connection) -> bool:
        """Say whether the tables are there. Raises DamagedRecord where they are of another schema."""
        if not inspect(connection).has_table(SCHEMA.name):
            return False
        versions = list(connection.scalars(select(SCHEMA.c.version).limit(2)))
        if versions != [SCHEMA_VERSION]:
            raise DamagedHistory(
                f"{self._database.place}: schema {one_line(', '.join(map(str, versions)))[:20] or 'unknown'}, "
                f"this drift reads {SCHEMA_VERSION}; run `drift history rebuild`"
            )
        return True

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Turn what the database says into our own words, without a password."""
        try:
            yield
        except DBAPIError as error:
            cause = error.orig or error
            if self._database.is_damage(cause):
                raise DamagedHistory(
                    f"{self._database.place} is damaged ({self._said(cause)}); {_REBUILD}"
                ) from None
            raise HistoryUnavailable(
                f"{self._database.place} cannot be used: {self._said(cause)}; once it can, {_REBUILD}"
            ) from None
        except ValueError as error:
            raise DamagedHistory(f"{self._database.place} holds what cannot be read; {_REBUILD}") from error
        except SQLAlchemyError as error:
            raise HistoryUnavailable(f"{self._database.place} cannot be used: {self._said(error)}") from None

    def _said(self, error: BaseException) -> str:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        return one_line(self._redact(first))[:_MOST_SHOWN]


def _make_tables(connection: Connection) -> None:
    TABLES.create_all(connection)
    connection.execute(insert(SCHEMA), [{"version": SCHEMA_VERSION}])


def _records(
    connection: Connection, kind: type[R], column: Column[str], condition: ColumnElement[bool]
) -> list[R]:
    """Read records. Raises ValueError, pydantic's included, for what is none, or more than any history holds."""
    texts = connection.scalars(select(column).where(condition))
    found: list[R] = []
    left = _MOST_CHARACTERS
    for text in texts:
        # SQLite keeps in a column what it is given, and a view gives rows without end.
        if not isinstance(text, str):
            raise ValueError("no text")
        left -= len(text)
        if left < 0:
            raise ValueError("larger than any history")
        found.append(_record(kind, text.encode("utf-8", "surrogatepass")))
    return found


def _record(kind: type[R], content: bytes) -> R:
    """Read one record. Raises ValueError.

    By pydantic's own parser, which needs a third of the time; what that does not take, such as half a pair of
    surrogates in what a provider calls its model, is read as all other files are.
    """
    if holds_too_much(content):
        raise ValueError("holds more values than drift writes")
    try:
        return kind.model_validate_json(content)
    except ValueError:
        return kind.model_validate(parse_untrusted(content))


def _add(connection: Connection, entries: Sequence[NightEntry], accepted: Sequence[Accepted]) -> None:
    for entry in entries:
        connection.execute(delete(RUNS).where(_of(RUNS, entry.suite, entry.target), RUNS.c.run == entry.run))
    _insert(connection, RUNS, [run_row(entry) for entry in _latest(entries)])
    tracks = {(one.suite, one.target) for one in entries} | {(one.suite, one.target) for one in accepted}
    for suite, target in sorted(tracks):
        held = [one for one in accepted if (one.suite, one.target) == (suite, target)]
        nights = _records(connection, NightEntry, RUNS.c.entry, _of(RUNS, suite, target))
        connection.execute(delete(INCIDENTS).where(_of(INCIDENTS, suite, target)))
        _insert(connection, INCIDENTS, [incident_row(incident) for incident in follow(nights, held)])


def _last_dates(conditions: ColumnElement[bool], last: int) -> Select[tuple[str, str, str]]:
    """Choose the last dates of every suite and target in the database: the rest of a long history is never read."""
    dates = (
        select(RUNS.c.suite, RUNS.c.target, RUNS.c.night)
        .where(conditions)
        .group_by(RUNS.c.suite, RUNS.c.target, RUNS.c.night)
        .subquery()
    )
    place = func.row_number().over(
        partition_by=(dates.c.suite, dates.c.target), order_by=dates.c.night.desc()
    )
    ranked = select(dates, place.label("place")).subquery()
    return select(ranked.c.suite, ranked.c.target, ranked.c.night).where(ranked.c.place <= last)


def _latest(entries: Sequence[NightEntry]) -> Iterable[NightEntry]:
    return {(entry.suite, entry.target, entry.run): entry for entry in entries}.values()


def _insert(connection: Connection, table: Table, rows: Sequence[dict[str, object]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _of(table: Table, suite: str | None, target: str | None) -> ColumnElement[bool]:
    found: ColumnElement[bool] = true()
    if suite is not None:
        found &= table.c.suite == suite
    return found if target is None else found & (table.c.target == target)


def _last(nights: Sequence[NightEntry], last: int) -> Sequence[NightEntry]:
    return nights[max(0, len(nights) - last) :]
