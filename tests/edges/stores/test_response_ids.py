"""An answer that comes back twice is a replay, however the run that had it first ended."""

import json
import os
import time
from pathlib import Path

import pytest

from harness.core.replies import Answer
from harness.edges.stores.runs import FileRunStore
from harness.errors import DamagedRecord, SetupError
from tests.edges.stores.test_runs import NAMES, a_record, store_in, write_run


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "reports" / "response-ids.txt"


def test_ids_of_all_runs_are_seen_and_made_again_where_the_index_is_gone(tmp_path: Path, index: Path) -> None:
    store = store_in(tmp_path)
    assert store.response_ids() == set()
    said = write_run(store, a_record(NAMES[0])) | write_run(store, a_record(NAMES[1]))
    seen = store.response_ids()
    assert len(seen) == 10
    assert {c.response_id for c in said.values() if isinstance(c, Answer)} <= seen
    index.unlink()
    assert store.response_ids() == seen
    assert index.exists()


def test_what_a_run_recorded_before_it_was_killed_is_seen(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    write_run(store, a_record(), end=False)
    journal = store.path(NAMES[1], "journal.jsonl")
    content = journal.read_bytes()
    ends = [place + 1 for place, byte in enumerate(content) if byte == 10]
    seen: set[str] = set()
    for cut in (0, ends[1], ends[1] + 40, ends[4] + 1, ends[6], len(content) - 1, len(content)):
        journal.write_bytes(content[:cut])
        found = store.response_ids()
        lines = [json.loads(line)["body"] for line in content[:cut].split(b"\n")[:-1]]
        answers = [line["completion"] for line in lines if line["t"] == "completion"]
        assert found == {answer["response_id"] for answer in answers if "response_id" in answer}, cut
        assert seen <= found
        seen = found
    assert len(seen) == 5


def test_an_index_cut_off_at_any_byte_loses_nothing(tmp_path: Path, index: Path) -> None:
    store = store_in(tmp_path)
    write_run(store, a_record(NAMES[0]))
    seen = store.response_ids()
    whole = index.read_bytes()
    for cut in range(len(whole)):
        index.write_bytes(whole[:cut])
        assert store.response_ids() == seen, cut
        assert store.response_ids() == seen, "and the next line is not glued to the torn one"


def test_what_was_read_once_is_not_read_again(tmp_path: Path, index: Path) -> None:
    store = store_in(tmp_path)
    write_run(store, a_record(NAMES[0]))
    seen = store.response_ids()
    before = index.read_bytes()
    assert store.response_ids() == seen
    assert index.read_bytes() == before
    journal = store.path(NAMES[0], "journal.jsonl")
    journal.write_bytes(bytes(journal.stat().st_size))
    assert store.response_ids() == seen, "of the same length, so nobody looked"
    write_run(store, a_record(NAMES[1]))
    assert len(store.response_ids()) == 10
    assert index.read_bytes().startswith(before)


def test_ids_of_a_run_that_was_removed_stay(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    write_run(store, a_record(NAMES[0]))
    seen = store.response_ids()
    store.path(NAMES[0], "").rename(tmp_path / "away")
    assert store.response_ids() == seen


def test_no_id_is_no_id(tmp_path: Path, index: Path) -> None:
    store = store_in(tmp_path)
    write_run(store, a_record(), ids=False)
    index.write_bytes(b'"one"\n""\nnull\n\n12\n"two"\n[]\n{}\n')
    assert store.response_ids() == {"one", "two"}, "an empty id would make every answer without one a replay"


def test_a_damaged_index_or_journal_stops_nothing(tmp_path: Path, index: Path) -> None:
    store = store_in(tmp_path)
    write_run(store, a_record(NAMES[0]))
    index.write_bytes(b'"one"\n\xff\xfe\n"two"\n' + b"[" * 100_000 + b'\n{"run":1,"bytes":-4}\n"thr')
    assert {"one", "two"} <= store.response_ids()
    index.unlink()
    journal = store.path(NAMES[0], "journal.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:2], b"<<<<<<< HEAD\n", *lines[2:]]))
    assert len(store.response_ids()) == 5


def test_an_id_is_kept_whatever_is_in_it(tmp_path: Path, index: Path) -> None:
    store = store_in(tmp_path)
    odd = ["a b", 'say "x"', "\n", "{}", '{"run":"x","bytes":9}', "\u2028", "ü", "\ud800"]
    index.parent.mkdir()
    index.write_bytes(b"".join(json.dumps(name).encode() + b"\n" for name in odd))
    assert store.response_ids() == set(odd)


def test_an_index_larger_than_any_is_an_error_that_says_what_to_do(tmp_path: Path, index: Path) -> None:
    index.parent.mkdir()
    with index.open("wb") as file:
        file.truncate(2_000_000_000)
    begun = time.process_time()
    with pytest.raises(DamagedRecord, match="delete it"):
        store_in(tmp_path).response_ids()
    assert time.process_time() - begun < 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("place", ["response-ids.txt", f"{NAMES[1]}/journal.jsonl"])
def test_nobody_waits_for_a_pipe_and_no_link_is_read_or_written_through(tmp_path: Path, place: str) -> None:
    store = store_in(tmp_path)
    write_run(store, a_record())
    path = tmp_path / "reports" / place
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    if path.parent == store.folder:
        with pytest.raises(SetupError, match="not a regular file"):
            store.response_ids()
    else:
        assert store.response_ids() == set(), "an empty journal, as far as anyone can tell"
    path.unlink()
    secret = tmp_path / "secret"
    secret.write_bytes(b'"secret"\n')
    path.symlink_to(secret)
    with pytest.raises(SetupError, match="is a link"):
        store.response_ids()
    assert secret.read_bytes() == b'"secret"\n'


def test_400_nights_are_seen_quickly(tmp_path: Path, index: Path) -> None:
    store = store_in(tmp_path)
    write_run(store, a_record())
    folder = store.path(NAMES[1], "")
    lines = (folder / "journal.jsonl").read_bytes() * 20
    for number in range(400):
        night = tmp_path / "reports" / f"night-{number:03d}"
        night.mkdir()
        os.link(folder / "manifest.json", night / "manifest.json")
        (night / "journal.jsonl").write_bytes(lines)
    fresh = FileRunStore(tmp_path / "reports", redact=str)
    begun = time.process_time()
    fresh.response_ids()
    first = time.process_time() - begun
    fresh.response_ids()
    assert first < 6
    assert time.process_time() - begun - first < 0.5
