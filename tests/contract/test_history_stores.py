"""One contract for every database that holds the history: the same content, the same answers, the same errors."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import inspect, text

from harness.core.history import counted
from harness.core.incidents import follow
from harness.core.night_facts import Facts, GoldenCounts
from harness.edges.stores.history import HISTORY_STORES
from harness.edges.stores.history.postgresql import open_history as open_postgresql
from harness.edges.stores.history.sqlite import open_history as open_sqlite
from harness.edges.stores.history.store import SqlHistoryStore
from harness.errors import DamagedRecord, HarnessError, MeasurementError
from harness.ports import HistoryStore
from tests.support.history import accepted, make_entries, make_entry, stories
from tests.support.postgres import PASSWORD, PostgresServer

ROOT = Path(__file__).parents[2]
SINCE = "2026-11-03T08:00:00+00:00"
WRITER = """\
import sys
from harness.core.history import NightEntry
from harness.edges.stores.history import HISTORY_STORES
kind, place = sys.argv[1:]
store = HISTORY_STORES.load(kind)(place, lambda text: text)
print("ready", flush=True)
for line in sys.stdin:
    store.record([NightEntry.model_validate_json(line)], [])
"""


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A kind of database, and how to get an empty one."""

    kind: str
    new_place: Callable[[], str]

    def open(self, place: str | None = None) -> SqlHistoryStore:
        """Open an empty database, or one that is there."""
        opened = HISTORY_STORES.load(self.kind)(place or self.new_place(), lambda text: text)
        assert isinstance(opened, SqlHistoryStore)
        return opened


@pytest.fixture(params=HISTORY_STORES.names())
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Every database that is registered."""
    if request.param == "sqlite":
        files = (tmp_path / f"reports-{number}" / "history.sqlite" for number in range(10_000))
        return Backend(kind="sqlite", new_place=lambda: str(next(files)))
    server: PostgresServer = request.getfixturevalue("server")
    return Backend(kind="postgresql", new_place=server.new_schema)


@pytest.fixture
def store(backend: Backend) -> SqlHistoryStore:
    """A store on an empty database."""
    return backend.open()


def content(store: SqlHistoryStore) -> dict[str, list[tuple[object, ...]]]:
    """Read every row of every table."""
    with store._database.engine.begin() as connection:
        tables = sorted(name for name in inspect(connection).get_table_names() if name.startswith("drift_"))
        return {
            name: sorted(map(tuple, connection.execute(text(f"SELECT * FROM {name}")))) for name in tables
        }


def run_sql(store: SqlHistoryStore, *statements: str) -> None:
    """Do to the database what drift would not."""
    with store._database.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


class TestHistoryStore:
    """What every database must do."""

    def test_it_is_a_history_store_and_empty_at_first(self, store: HistoryStore) -> None:
        assert store.nights() == ()
        assert store.incidents("canary", "sonnet") == ()

    def test_to_look_into_a_history_makes_none(self, store: SqlHistoryStore) -> None:
        store.nights()
        if store._database.exists():
            assert content(store) == {}

    def test_what_was_recorded_comes_back_as_it_was(self, store: SqlHistoryStore) -> None:
        odd = make_entry(2, served=("half a pair \ud83d", "nul \0"), fingerprints=("é'\"\\%;--",))
        entries = [*make_entries("QD"), odd]
        for entry in entries:
            store.record([entry], [])
        assert store.nights() == tuple(entries)
        assert store.incidents() == follow(entries)

    def test_the_last_nights_are_the_last_of_each_suite_and_target(self, store: SqlHistoryStore) -> None:
        by_hand = make_entry(9, scheduled=False)
        again = make_entry(4, run="20261105T231700Z-canary-ffff")
        gpt = make_entries("QQQ", target="gpt")
        store.rebuild([*make_entries("QDDQQ"), by_hand, again, *gpt], [])
        assert store.nights("canary", "sonnet", last=2) == make_entries("QDDQQ")[-2:]
        assert store.nights(last=1) == (gpt[-1], make_entry(4))
        assert store.nights("golden") == store.nights("canary", "other") == ()

    def test_nights_from_a_date_on_and_the_last_of_them(self, store: SqlHistoryStore) -> None:
        nights = make_entries("QDDQQ")
        store.rebuild(nights, [])
        assert store.nights(since=nights[2].night) == nights[2:]
        assert store.nights(since=nights[2].night, last=2) == nights[3:]
        assert store.nights(since="2027-01-01") == ()

    def test_runs_on_pull_requests_are_no_nights_and_are_found_by_themselves(
        self, store: SqlHistoryStore
    ) -> None:
        counts = GoldenCounts(pull_request=True, tasks=3, regressed=("a",), exit_code=1)
        pull = make_entry(3, "D", scheduled=False, suite="golden", facts=Facts(golden=counts))
        store.rebuild([*make_entries("QQ"), pull], [])
        assert store.pull_requests() == store.pull_requests(since=pull.night) == (pull,)
        assert store.pull_requests(since="2027-01-01") == ()
        assert (store.nights("golden"), store.incidents()) == ((), ())

    def test_recording_a_run_twice_changes_nothing(self, store: SqlHistoryStore) -> None:
        entries = make_entries("QDDQ")
        for entry in entries:
            store.record([entry], [accepted(SINCE)])
        before = content(store)
        store.record([entries[1]], [accepted(SINCE)])
        assert content(store) == before

    def test_a_run_that_was_resumed_takes_the_place_of_what_it_was(self, store: SqlHistoryStore) -> None:
        store.record([make_entry(0, "U")], [])
        store.record([make_entry(0, "D")], [])
        assert store.nights() == (make_entry(0, "D"),)
        assert len(store.incidents()) == 1

    def test_an_acceptance_by_itself_closes_the_incident(self, store: SqlHistoryStore) -> None:
        store.record(make_entries("QDD"), [])
        store.record([], [accepted(SINCE)])
        assert [incident.closed for incident in store.incidents()] == ["2026-11-03"]

    def test_an_acceptance_that_was_taken_back_closes_nothing(self, store: SqlHistoryStore) -> None:
        store.record(make_entries("QDD"), [accepted(SINCE)])
        store.record([make_entry(3, "D")], [])
        assert [incident.closed for incident in store.incidents()] == [None]

    def test_it_holds_what_a_rebuild_would_make_whatever_order_runs_came_in(self, backend: Backend) -> None:
        most = 10 if backend.kind == "sqlite" else 2

        @settings(max_examples=most, deadline=None, suppress_health_check=list(HealthCheck))
        @given(stories(most=12).filter(bool), stories(most=6), st.randoms(use_true_random=False))
        def check(words: str, others: str, random) -> None:
            entries = [*make_entries(words), *make_entries(others, target="gpt")]
            acceptances = {target: [accepted(SINCE, target=target)] for target in ("sonnet", "gpt")}
            rebuilt, recorded = backend.open(), backend.open()
            here = {entry.target for entry in entries}
            rebuilt.rebuild(entries, [one for name in here for one in acceptances[name]])
            random.shuffle(entries)
            for entry in entries:
                recorded.record([entry], acceptances[entry.target])
            assert content(recorded) == content(rebuilt)
            assert recorded.nights() == counted(entries)

        check()

    def test_two_processes_at_once_lose_nothing(self, backend: Backend) -> None:
        place, entries = backend.new_place(), make_entries("QQQQDDQQQQQQ")
        command = [sys.executable, "-c", WRITER, backend.kind, place]
        started = [
            subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        assert [process.stdout.readline() for process in started if process.stdout] == ["ready\n"] * 2
        for first, process in enumerate(started):
            assert process.stdin is not None
            process.stdin.write("".join(entry.model_dump_json() + "\n" for entry in entries[first::2]))
            process.stdin.close()
        assert [process.wait(timeout=60) for process in started] == [0, 0]
        for process in started:
            assert process.stdout is not None
            process.stdout.close()
        store = backend.open(place)
        assert store.nights() == entries
        assert store.incidents() == follow(entries)

    def test_a_run_is_recorded_whole_or_not_at_all(self, store: SqlHistoryStore) -> None:
        store.record(make_entries("Q"), [])
        before = content(store)
        with pytest.raises(DamagedRecord, match="date is no ISO 8601 time"):
            store.record([make_entry(1, "D")], [accepted("never")])
        assert content(store) == before

    def test_another_schema_is_refused_and_a_rebuild_replaces_it(self, store: SqlHistoryStore) -> None:
        store.record(make_entries("Q"), [])
        run_sql(store, "UPDATE drift_schema SET version = 3")
        for attempt in (store.nights, store.incidents, lambda: store.record(make_entries("Q"), [])):
            with pytest.raises(
                DamagedRecord, match=r"schema 3, this drift reads 2; run `drift history rebuild`"
            ):
                attempt()
        store.rebuild(make_entries("QD"), [])
        assert store.nights() == make_entries("QD")

    @pytest.mark.parametrize(
        "damage",
        [
            "UPDATE drift_runs SET entry = 'no JSON'",
            "UPDATE drift_runs SET entry = '{}'",
            "DROP TABLE drift_runs",
            "ALTER TABLE drift_runs RENAME COLUMN entry TO body",
        ],
    )
    def test_damage_is_named_and_a_rebuild_mends_it(self, store: SqlHistoryStore, damage: str) -> None:
        store.record(make_entries("QD"), [])
        run_sql(store, damage)
        for attempt in (store.nights, lambda: store.record(make_entries("Q"), [])):
            with pytest.raises(DamagedRecord, match="`drift history rebuild`"):
                attempt()
        store.rebuild(make_entries("QD"), [])
        assert store.nights() == make_entries("QD")

    def test_a_rebuild_that_cannot_be_done_leaves_what_was_there(self, store: SqlHistoryStore) -> None:
        store.record(make_entries("QD"), [])
        before = content(store)
        with pytest.raises(DamagedRecord, match="date is no ISO 8601 time"):
            store.rebuild(make_entries("Q"), [accepted("never")])
        assert content(store) == before

    def test_what_is_not_drifts_own_is_left_alone(self, store: SqlHistoryStore) -> None:
        store.record(make_entries("Q"), [])
        run_sql(store, "CREATE TABLE runs (kept INTEGER)", "INSERT INTO runs VALUES (1)")
        store.rebuild([], [])
        run_sql(store, "UPDATE runs SET kept = 2 WHERE kept = 1")
        assert store.nights() == ()


def test_both_databases_hold_the_same(tmp_path: Path, server: PostgresServer) -> None:
    entries, acceptances = make_entries("LLQDDQ?WU" + 8 * "Q" + "DD"), [accepted(SINCE)]
    found = []
    for store in (
        open_sqlite(str(tmp_path / "history.sqlite"), str),
        open_postgresql(server.new_schema(), str),
    ):
        for entry in entries:
            store.record([entry], acceptances)
        found.append(content(store))
    lite, postgres = found
    assert lite["drift_runs"] == [tuple(row) for row in postgres["drift_runs"]]
    assert lite == postgres
    assert all(lite.values())


def test_a_locked_database_is_waited_for_and_then_said(tmp_path: Path, server: PostgresServer) -> None:
    for store in (
        open_sqlite(str(tmp_path / "history.sqlite"), str, busy_timeout_s=0.05),
        open_postgresql(server.new_schema(), str, lock_timeout_s=0.05),
    ):
        store.record(make_entries("Q"), [])
        with store._writing(), pytest.raises(MeasurementError, match=r"cannot be used: .*loc"):
            store.record(make_entries("D"), [])
        store.record(make_entries("D"), [])


@pytest.mark.parametrize("secret", [PASSWORD, "pw", "hunter2%!"])
def test_a_password_is_never_shown(server: PostgresServer, secret: str) -> None:
    wrong = server.url("no_such_database", password=secret)
    for url in (
        wrong,
        wrong + "&password=" + quote(secret, safe=""),
        wrong + "&sslmode=" + quote(secret, safe=""),
    ):
        with pytest.raises(HarnessError) as raised:
            open_postgresql(url, str).nights()
        assert secret not in str(raised.value)
        assert quote(secret, safe="") not in str(raised.value)
        assert raised.value.__cause__ is None


def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    store = open_postgresql(f"postgres://drift:secret@/drift?host={tmp_path}", str)
    with pytest.raises(MeasurementError, match=f"'drift' on {tmp_path} cannot be used: .*once it can"):
        store.record(make_entries("Q"), [])


def test_a_user_without_rights_is_told_so_and_not_to_rebuild(server: PostgresServer) -> None:
    url = server.new_schema()
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
    with pytest.raises(MeasurementError, match=r"cannot be used: .*(permission|schema)"):
        open_postgresql(url.replace("drift:", "reader:"), str).record(make_entries("Q"), [])
