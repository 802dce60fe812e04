import io
import resource
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.canonical import text_digest
from harness.edges.stores.run_vectors import load_vectors, save_vectors
from harness.errors import DamagedRecord


@given(st.dictionaries(st.text(max_size=5), st.integers(0, 2**31), max_size=6), st.integers(1, 9))
def test_saved_vectors_come_back_exactly_and_give_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, seeds: dict[str, int], dimension: int
) -> None:
    vectors = {}
    for text, seed in seeds.items():
        drawn = np.random.default_rng(seed).normal(size=dimension)
        unit = (drawn / np.linalg.norm(drawn)).astype(np.float16)
        vectors[text_digest(text)] = unit.astype(np.float32)
    folder = tmp_path_factory.mktemp("saved")
    save_vectors(folder / "one.npz", vectors)
    save_vectors(folder / "two.npz", dict(reversed(vectors.items())))
    assert (folder / "one.npz").read_bytes() == (folder / "two.npz").read_bytes()
    found = load_vectors(folder / "one.npz")
    assert set(found) == set(vectors)
    assert all(np.array_equal(found[key], vectors[key]) for key in vectors)


def test_saved_bytes_do_not_depend_on_the_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = {text_digest("a"): np.ones(4, dtype=np.float32) / 2}
    save_vectors(tmp_path / "now.npz", vectors)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2e9))
    save_vectors(tmp_path / "later.npz", vectors)
    assert (tmp_path / "now.npz").read_bytes() == (tmp_path / "later.npz").read_bytes()


def test_a_damaged_file_of_saved_vectors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.npz"
    save_vectors(path, {text_digest("a"): np.ones(4, dtype=np.float32) / 2})
    whole = path.read_bytes()
    for content in (
        b"",
        b"PK",
        whole[:40],
        whole[:-30],
        whole.replace(b"(4,)", b"(9,)").replace(b"(1, 4)", b"(9, 4)"),
    ):
        path.write_bytes(content)
        with pytest.raises(DamagedRecord):
            load_vectors(path)
    with pytest.raises(DamagedRecord, match="cannot be read"):
        load_vectors(tmp_path / "absent.npz")


def test_pickles_newer_schemas_and_foreign_arrays_are_refused(tmp_path: Path) -> None:
    texts = np.zeros((1, 32), dtype=np.uint8)
    held = np.zeros((1, 4), dtype=np.float16)
    for name, arrays in {
        "pickle": {"schema": np.array(1), "texts": np.array([{}], dtype=object), "vectors": held},
        "newer": {"schema": np.array(2), "texts": texts, "vectors": held},
        "fewer": {"schema": np.array(1), "texts": texts, "vectors": held[:0]},
        "wide": {"schema": np.array(1), "texts": texts, "vectors": held.astype(np.float64)},
        "short": {"schema": np.array(1), "texts": texts[:, :9], "vectors": held},
        "missing": {"schema": np.array(1), "texts": texts},
    }.items():
        np.savez(tmp_path / f"{name}.npz", **arrays)
        with pytest.raises(DamagedRecord):
            load_vectors(tmp_path / f"{name}.npz")


HOSTILE = {
    "zeros": np.zeros((1, 4), dtype=np.float16),
    "not a number": np.full((1, 4), np.nan, dtype=np.float16),
    "infinite": np.full((1, 4), np.inf, dtype=np.float16),
    "twice as long": np.ones((1, 4), dtype=np.float16),
    "no dimension": np.zeros((1, 0), dtype=np.float16),
    "columns first": np.asfortranarray(np.eye(4, dtype=np.float16)),
    "flat": np.ones(1, dtype=np.float16),
    "complex": np.ones((1, 1), dtype=np.complex64),
}


@pytest.mark.parametrize("held", HOSTILE.values(), ids=HOSTILE)
def test_what_no_encoder_gives_is_refused(tmp_path: Path, held: np.ndarray) -> None:
    texts = np.zeros((len(held), 32), dtype=np.uint8)
    np.savez(tmp_path / "v.npz", schema=np.array(1, dtype="<i4"), texts=texts, vectors=held)
    with pytest.raises(DamagedRecord):
        load_vectors(tmp_path / "v.npz")


def archive(path: Path, members: dict[str, bytes], packing: int) -> None:
    with zipfile.ZipFile(path, "w", packing) as file:
        for name, content in members.items():
            file.writestr(name, content)


def header(shape: str, dtype: str = "<f2") -> bytes:
    said = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + (len(said) + 1).to_bytes(2, "little") + said.encode() + b"\n"


def whole(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=(1, 0))
    return stream.getvalue()


GOOD = {
    "schema.npy": whole(np.array(1, dtype="<i4")),
    "texts.npy": whole(np.zeros((1, 32), dtype=np.uint8)),
    "vectors.npy": whole(np.array([[0.6, 0.8]], dtype=np.float16)),
}


def test_archives_that_unpack_to_more_than_they_are_cost_neither_time_nor_memory(tmp_path: Path) -> None:
    path = tmp_path / "v.npz"
    archive(path, GOOD, zipfile.ZIP_STORED)
    assert len(load_vectors(path)) == 1
    hostile: list[tuple[dict[str, bytes], int]] = [
        ({**GOOD, "vectors.npy": header("(100000000, 4)") + bytes(40_000_000)}, zipfile.ZIP_DEFLATED),
        ({**GOOD, "vectors.npy": header("(100000000000, 384)")}, zipfile.ZIP_STORED),
        ({**GOOD, "vectors.npy": header("(-1, 4)") + bytes(8)}, zipfile.ZIP_STORED),
        ({**GOOD, "vectors.npy": header("(1, 4)", "|O") + bytes(8)}, zipfile.ZIP_STORED),
        ({**GOOD, "vectors.npy": header("(" * 5000)}, zipfile.ZIP_STORED),
        ({**GOOD, **{f"{n}.npy": b"" for n in range(2000)}}, zipfile.ZIP_STORED),
        ({**GOOD, "x" * 60_000: b""}, zipfile.ZIP_STORED),
    ]
    for members, packing in hostile:
        archive(path, members, packing)
        before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        with pytest.raises(DamagedRecord):
            load_vectors(path)
        assert time.process_time() - begun < 1
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
