"""Which database the history is in, and what is said where that one cannot be used."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.config import HistorySpec
from harness.edges.redaction import Redactor
from harness.edges.stores.history import open_configured
from harness.edges.stores.history.sqlite import open_history
from harness.errors import DamagedRecord, MeasurementError, SetupError
from harness.ports import HistoryStore
from tests.support.history import make_entries

NAME = "DRIFT_HISTORY_URL"


def test_without_a_setting_it_is_a_file_in_the_project(tmp_path: Path) -> None:
    file = tmp_path / "reports of ünï?#%41" / "history.sqlite"
    store = open_configured(HistorySpec(), {}, file, str)
    store.record(make_entries("Q"), [])
    assert file.is_file()
    assert open_configured(HistorySpec(), {}, file, str).nights() == make_entries("Q")
    assert [path.name for path in file.parent.iterdir()] == ["history.sqlite"]


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_variable_that_is_not_set_is_named(tmp_path: Path, value: str | None) -> None:
    environment = {} if value is None else {NAME: value}
    with pytest.raises(SetupError, match=f"{NAME}, which is not set"):
        open_configured(HistorySpec(url_env=NAME), environment, tmp_path / "h.sqlite", str)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///elsewhere.sqlite",
        "mysql://drift:hunter22@db/drift",
        "host=db password=hunter22",
        "postgresql://drift:hunter22@db:port/drift",
        "postgresql://drift:hunter22@db:99999999/drift?host=a&host=b",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_being_shown(tmp_path: Path, url: str) -> None:
    with pytest.raises((SetupError, MeasurementError), match=r"history|database") as raised:
        open_configured(HistorySpec(url_env=NAME), {NAME: url}, tmp_path / "h.sqlite", str).nights()
    assert "hunter22" not in str(raised.value)


def test_without_the_extra_it_says_which_one(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from harness.edges.stores.history.postgresql import open_history\n"
        "from harness.errors import SetupError\n"
        "try: open_history('postgresql://a:b@c/d', str)\n"
        "except SetupError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "drift-harness[postgres]" in done.stdout


def test_choosing_a_database_imports_none(tmp_path: Path) -> None:
    program = "import sys, harness.wiring; print([m for m in ('sqlalchemy', 'psycopg') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "damage", [b"no database at all, but long enough to look at" * 40, None], ids=["text", "torn"]
)
def test_a_damaged_file_is_named_and_a_rebuild_makes_it_again(tmp_path: Path, damage: bytes | None) -> None:
    file = tmp_path / "history.sqlite"
    store = open_history(str(file), str)
    for entry in make_entries("Q" * 40):
        store.record([entry], [])
    whole = file.read_bytes()
    file.write_bytes(damage or whole[:4096] + b"\xff" * (len(whole) - 4096))
    for attempt in (store.nights, lambda: store.record(make_entries("Q"), [])):
        with pytest.raises(DamagedRecord, match=r"history\.sqlite is damaged .*`drift history rebuild`"):
            attempt()
    store.rebuild(make_entries("QD"), [])
    assert store.nights() == make_entries("QD")


def test_a_file_of_another_program_is_not_taken_for_the_history(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE runs (run TEXT)")
    connection.close()
    assert open_history(str(file), str).nights() == ()


def test_an_empty_file_is_an_empty_history(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").touch()
    store = open_history(str(tmp_path / "history.sqlite"), str)
    assert store.nights() == ()
    store.record(make_entries("Q"), [])
    assert store.nights() == make_entries("Q")


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MeasurementError, match="cannot make"):
        open_history(str(tmp_path / "file" / "history.sqlite"), str).record(make_entries("Q"), [])
    (tmp_path / "history.sqlite").mkdir()
    with pytest.raises(MeasurementError, match=r"history\.sqlite cannot be used: unable to open"):
        open_history(str(tmp_path / "history.sqlite"), str).record(make_entries("Q"), [])


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_that_may_only_be_read_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite"
    store = open_history(str(file), str)
    store.record(make_entries("Q"), [])
    file.chmod(0o400)
    assert store.nights() == make_entries("Q")
    with pytest.raises(MeasurementError, match="readonly"):
        store.record(make_entries("D"), [])


def test_the_url_in_the_environment_is_redacted_everywhere() -> None:
    url = "postgresql://drift:hunter22@db/drift"
    assert "hunter22" not in Redactor({NAME: url}).redact(f"cannot reach {url}")


# --- links -----------------------------------------------------------------------------------------

USES: dict[str, Callable[[HistoryStore], object]] = {
    "nights": lambda store: store.nights(),
    "incidents": lambda store: store.incidents(),
    "record": lambda store: store.record(make_entries("QD"), []),
    "rebuild": lambda store: store.rebuild(make_entries("QD"), []),
}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Somebody's history, outside of the project."""
    (tmp_path / "elsewhere").mkdir()
    open_history(str(tmp_path / "elsewhere" / "history.sqlite"), str).record(make_entries("QQ"), [])
    (tmp_path / "project").mkdir()
    return tmp_path / "elsewhere"


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_history_that_lies_elsewhere_is_neither_read_nor_written(
    tmp_path: Path, elsewhere: Path, use: Callable[[HistoryStore], object]
) -> None:
    before = (elsewhere / "history.sqlite").read_bytes()
    reports = tmp_path / "project" / "reports"
    reports.symlink_to(elsewhere)
    with pytest.raises(SetupError, match=r"reports: leads out of .*project, to .*elsewhere"):
        use(open_history(str(reports / "history.sqlite"), str))
    reports.unlink()
    reports.mkdir()
    for target in (elsewhere / "history.sqlite", elsewhere / "nothing", reports / "another"):
        (reports / "history.sqlite").symlink_to(target)
        with pytest.raises(SetupError, match=r"history\.sqlite: is a link"):
            use(open_history(str(reports / "history.sqlite"), str))
        (reports / "history.sqlite").unlink()
    assert (elsewhere / "history.sqlite").read_bytes() == before
    assert [path.name for path in elsewhere.iterdir()] == ["history.sqlite"]
    assert not list(reports.iterdir())


@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm"])
@pytest.mark.parametrize("use", ["nights", "record", "rebuild"])
def test_what_sqlite_lays_beside_its_file_is_no_way_out_either(
    tmp_path: Path, elsewhere: Path, use: str, suffix: str
) -> None:
    file = tmp_path / "project" / "reports" / "history.sqlite"
    open_history(str(file), str).record(make_entries("Q"), [])
    (elsewhere / "secret").write_bytes(b"secret")
    file.with_name(file.name + suffix).symlink_to(elsewhere / "secret")
    with pytest.raises(SetupError, match=f"{suffix}: is a link"):
        USES[use](open_history(str(file), str))
    assert (elsewhere / "secret").read_bytes() == b"secret"


def test_reports_are_no_other_folder_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    (tmp_path / "project" / "reports").symlink_to(".git")
    store = open_history(str(tmp_path / "project" / "reports" / "history.sqlite"), str)
    with pytest.raises(SetupError, match="reports: is a link"):
        store.record(make_entries("Q"), [])
    assert not list((tmp_path / "project" / ".git").iterdir())


@pytest.mark.timeout(20)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_nobody_waits_for_a_pipe(tmp_path: Path, use: Callable[[HistoryStore], object]) -> None:
    os.mkfifo(tmp_path / "history.sqlite")
    with pytest.raises(SetupError, match="not a regular file"):
        use(open_history(str(tmp_path / "history.sqlite"), str))
