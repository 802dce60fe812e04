"""Damage to the files of a run: found at any byte, and told from what a kill leaves behind."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.core.canonical import text_digest
from harness.core.decision import decide
from harness.edges.stores.run_files import read_manifest, sealed
from harness.edges.stores.runs import FileRunStore
from harness.errors import DamagedRecord
from tests.edges.stores.test_runs import NAMES, a_record, store_in, write_run

RUN = NAMES[1]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> FileRunStore:
    """A run that nobody touched, with its verdict."""
    store = store_in(tmp_path_factory.mktemp("template"))
    write_run(store, a_record())
    store.write_vectors(RUN, {text_digest("answer 0"): np.array([0.6, 0.8], dtype=np.float32)})
    store.write(RUN, "verdict.json", json.dumps({"run": RUN, "run_end": {"cost_usd": 0.394}}))
    return store


@pytest.fixture
def store(template: FileRunStore, tmp_path: Path) -> FileRunStore:
    """A copy of it, to be spoilt."""
    shutil.copytree(template.folder, tmp_path / "reports")
    return store_in(tmp_path)


def flips(content: bytes, *, every: int = 1) -> Iterator[bytes]:
    chance = random.Random(20261121)
    for place in range(0, len(content), every):
        yield content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :]


def test_every_flip_in_a_manifest_is_found(store: FileRunStore) -> None:
    path = store.path(RUN, "manifest.json")
    content = path.read_bytes()
    head, rest = content[:100], content[100:]
    for spoilt in (*(start + rest for start in flips(head)), *(head + end for end in flips(rest, every=13))):
        path.write_bytes(spoilt)
        with pytest.raises(DamagedRecord) as caught:
            read_manifest(path, store.folder.parent)
        assert caught.value.exit_code == 4
    path.write_bytes(content)
    assert store.manifest(RUN) == a_record().manifest


@pytest.mark.parametrize("name", ["reference.json.gz", "journal.jsonl", "vectors.npz"])
def test_a_flip_in_what_a_manifest_stands_beside_is_found_or_changes_nothing(
    store: FileRunStore, name: str
) -> None:
    path = store.path(RUN, name)
    content, whole = path.read_bytes(), decide(store.load(RUN))
    for spoilt in flips(content, every=max(1, len(content) // 60)):
        path.write_bytes(spoilt)
        try:
            read = store.load(RUN)
        except DamagedRecord:
            continue
        assert decide(read) == whole


def test_a_sum_covers_what_was_written_after_secrets_were_taken_out(tmp_path: Path) -> None:
    record = a_record()
    secret = record.manifest.started_at
    store = FileRunStore(tmp_path / "reports", redact=lambda text: text.replace(secret, "[WHEN]"))
    store.create(record.manifest, record.references, {})
    assert store.manifest(RUN) == record.manifest.model_copy(update={"started_at": "[WHEN]"})


@pytest.mark.parametrize("plain", [b"{}", b'{\n "sum": 7\n}\n', b'{"schema_version": 2, "sum": "0"}'])
def test_a_manifest_without_its_sum_is_damage(store: FileRunStore, plain: bytes) -> None:
    path = store.path(RUN, "manifest.json")
    path.write_bytes(plain)
    with pytest.raises(DamagedRecord, match="does not match its sum"):
        store.manifest(RUN)
    path.write_bytes(sealed(plain))
    with pytest.raises(DamagedRecord, match="cannot be read as a manifest"):
        store.manifest(RUN)


# --- a journal that a verdict was made of ----------------------------------------------------------


def _gone(path: Path) -> None:
    path.unlink()


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _halved(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) // 2]))


SPOILT = pytest.mark.parametrize(
    "spoil", [_gone, _emptied, _zeroed, _halved], ids=["gone", "emptied", "zeroed", "halved"]
)


@SPOILT
def test_a_journal_that_lacks_what_its_verdict_was_made_of_is_damage(
    store: FileRunStore, spoil: Callable[[Path], None]
) -> None:
    spoil(store.path(RUN, "journal.jsonl"))
    for read in (store.load, store.journal_state):
        with pytest.raises(DamagedRecord, match=r"journal\.jsonl.*restore it, or start a new run"):
            read(RUN)


def test_the_verdict_of_another_run_says_nothing_about_a_journal(store: FileRunStore) -> None:
    store.write(RUN, "verdict.json", json.dumps({"run": NAMES[0], "run_end": {"cost_usd": 0.394}}))
    store.path(RUN, "journal.jsonl").write_bytes(b"")
    assert store.load(RUN).end is None


@SPOILT
def test_a_verdict_that_was_rendered_of_a_killed_run_does_not_keep_it_from_going_on(
    store: FileRunStore, spoil: Callable[[Path], None]
) -> None:
    store.write(RUN, "verdict.json", json.dumps({"run": RUN, "run_end": None}))
    spoil(store.path(RUN, "journal.jsonl"))
    assert store.journal_state(RUN).end is None


@SPOILT
def test_without_a_verdict_it_is_what_a_kill_leaves(
    store: FileRunStore, spoil: Callable[[Path], None]
) -> None:
    store.path(RUN, "verdict.json").unlink()
    spoil(store.path(RUN, "journal.jsonl"))
    assert store.load(RUN).end is None
