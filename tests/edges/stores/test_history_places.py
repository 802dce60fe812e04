"""Which database the history is in, and what is said where that one cannot be used."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.config import HistorySpec
from harness.edges.redaction import Redactor
from harness.edges.stores.history import open_configured
from harness.edges.stores.history.sqlite import open_history
from harness.errors import DamagedRecord, MeasurementError, SetupError
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
