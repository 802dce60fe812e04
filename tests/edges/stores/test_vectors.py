import multiprocessing
import time
import zlib
from collections.abc import Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from harness.core.canonical import text_digest
from harness.edges.stores import vectors as store_module
from harness.edges.stores.vectors import UnkeptVectors, VectorStore, vector_cache
from harness.errors import HarnessError, MeasurementError
from harness.ports import Vectors


class CountingEncoder:
    """Gives every text a vector drawn from its digest; remembers what it was asked."""

    def __init__(self, digest: str = "counting:1", *, dimension: int = 8, log: Path | None = None) -> None:
        self.digest = digest
        self.dimension = dimension
        self.asked: list[str] = []
        self.log = log

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.asked.extend(texts)
        if self.log is not None:
            with self.log.open("a", encoding="utf-8") as stream:
                stream.writelines(f"{text}\n" for text in texts)
        drawn = [
            np.random.default_rng(int(text_digest(self.digest + text)[:8], 16)).normal(size=self.dimension)
            for text in texts
        ]
        held = np.array(drawn, dtype=np.float32).reshape(len(texts), self.dimension)
        unit: Vectors = (held / np.linalg.norm(held, axis=1, keepdims=True)).astype(np.float32)
        return unit


def addressed(*texts: str) -> dict[str, str]:
    return {text_digest(text): text for text in texts}


def store_in(folder: Path, digest: str = "counting:1") -> VectorStore:
    return VectorStore(folder=folder, encoder_digest=digest)


def test_a_text_is_never_encoded_twice(tmp_path: Path) -> None:
    encoder = CountingEncoder()
    first = store_in(tmp_path).vectors(addressed("a", "b"), encoder)
    second = store_in(tmp_path).vectors(addressed("b", "c", "a"), encoder)
    assert sorted(encoder.asked) == ["a", "b", "c"]
    for key in first:
        assert np.array_equal(first[key], second[key])


def test_all_kept_means_the_encoder_is_not_touched(tmp_path: Path) -> None:
    store_in(tmp_path).vectors(addressed("a", "b"), CountingEncoder())
    idle = CountingEncoder()
    store_in(tmp_path).vectors(addressed("a", "b"), idle)
    assert idle.asked == []


def test_the_order_of_encoding_does_not_depend_on_the_order_of_asking(tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(20)]
    asked = []
    for name, order in {"one": texts, "two": texts[::-1]}.items():
        encoder = CountingEncoder()
        store_in(tmp_path / name).vectors(addressed(*order), encoder)
        asked.append(encoder.asked)
    assert asked[0] == asked[1]
    assert store_in(tmp_path / "one").path.read_bytes() == store_in(tmp_path / "two").path.read_bytes()


def test_vectors_are_what_float16_holds_at_once_and_later(tmp_path: Path) -> None:
    encoder = CountingEncoder(dimension=64)
    key = text_digest("a")
    now = store_in(tmp_path).vectors({key: "a"}, encoder)[key]
    later = store_in(tmp_path).vectors({key: "a"}, encoder)[key]
    expected = encoder.encode(["a"])[0].astype(np.float16).astype(np.float32)
    assert now.dtype == np.float32
    assert np.array_equal(now, expected)
    assert np.array_equal(later, expected)
    assert abs(float(np.linalg.norm(now)) - 1) < 1e-3


def test_nothing_asked_touches_nothing(tmp_path: Path) -> None:
    assert store_in(tmp_path / "none").vectors({}, CountingEncoder()) == {}
    assert not (tmp_path / "none").exists()


def test_any_text_can_be_kept(tmp_path: Path) -> None:
    texts = addressed("", "\x00", "lone \ud800", "😀", "x" * 1_000_000)
    assert set(store_in(tmp_path).vectors(texts, CountingEncoder())) == set(texts)


def test_vectors_of_two_encoders_never_meet(tmp_path: Path) -> None:
    one, two = CountingEncoder("one:1"), CountingEncoder("two:1")
    first = store_in(tmp_path, "one:1").vectors(addressed("a"), one)
    second = store_in(tmp_path, "two:1").vectors(addressed("a"), two)
    assert one.asked == two.asked == ["a"]
    assert not np.array_equal(first[text_digest("a")], second[text_digest("a")])


def test_an_encoder_of_another_digest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"counting:1.*other:1"):
        store_in(tmp_path).vectors(addressed("a"), CountingEncoder("other:1"))


def test_a_file_of_another_encoder_under_this_name_is_thrown_away(tmp_path: Path) -> None:
    other = store_in(tmp_path, "other:1")
    other.vectors(addressed("a"), CountingEncoder("other:1"))
    other.path.rename(store_in(tmp_path).path)
    encoder = CountingEncoder()
    found = store_in(tmp_path).vectors(addressed("a"), encoder)
    assert encoder.asked == ["a"]
    assert np.array_equal(found[text_digest("a")], encoder.encode(["a"])[0].astype(np.float16))


def test_a_text_under_a_digest_that_is_not_its_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="not its own"):
        store_in(tmp_path).vectors({text_digest("a"): "b"}, CountingEncoder())


def test_an_encoder_whose_vectors_changed_length_under_its_name_is_refused(tmp_path: Path) -> None:
    store_in(tmp_path).vectors(addressed("a"), CountingEncoder())
    with pytest.raises(MeasurementError, match="changed under its name"):
        store_in(tmp_path).vectors(addressed("b"), CountingEncoder(dimension=9))


@pytest.mark.parametrize("fault", ["nan", "long", "fewer", "flat"])
def test_a_wrong_vector_is_refused_and_not_kept(tmp_path: Path, fault: str) -> None:
    class Wrong(CountingEncoder):
        def encode(self, texts: Sequence[str]) -> Vectors:
            right = super().encode(texts)
            return {
                "nan": right * np.float32(np.nan),
                "long": right * 2,
                "fewer": right[:-1],
                "flat": right[0],
            }[fault]

    with pytest.raises(MeasurementError):
        store_in(tmp_path).vectors(addressed("a", "b"), Wrong())
    encoder = CountingEncoder()
    store_in(tmp_path).vectors(addressed("a", "b"), encoder)
    assert len(encoder.asked) == 2


# --- what is not kept, and what is not believed ----------------------------------------------------


def test_where_nothing_can_be_kept_texts_are_encoded_once_a_process_and_give_the_same_vectors(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    kept = vector_cache(tmp_path / "kept", "counting:1")
    for folder in (None, tmp_path / "file" / "below"):
        encoder, unkept = CountingEncoder(), vector_cache(folder, "counting:1")
        assert isinstance(unkept, UnkeptVectors)
        first = unkept.vectors(addressed("a", "b"), encoder)
        second = unkept.vectors(addressed("b", "c"), encoder)
        assert encoder.asked == [*sorted("ab", key=text_digest), "c"]
        expected = kept.vectors(addressed("a", "b", "c"), CountingEncoder())
        for key, vector in {**first, **second}.items():
            assert np.array_equal(vector, expected[key])
        with pytest.raises(HarnessError, match="were asked of"):
            unkept.vectors(addressed("a"), CountingEncoder("other:1"))


@pytest.mark.parametrize("forged", [0.0, 2.0, np.nan, np.inf])
def test_a_vector_that_no_encoder_gives_throws_the_file_away(tmp_path: Path, forged: float) -> None:
    store = store_in(tmp_path)
    expected = store.vectors(addressed("a", "b"), CountingEncoder())
    whole = store.path.read_bytes()
    header = whole.index(b"\n") + 1
    rest = whole[header + 4 : header + 36] + np.full(8, forged, dtype="<f2").tobytes()
    store.path.write_bytes(
        whole[:header] + zlib.crc32(rest).to_bytes(4, "little") + rest + whole[header + 52 :]
    )
    encoder = CountingEncoder()
    found = store.vectors(addressed("a", "b"), encoder)
    assert sorted(encoder.asked) == ["a", "b"]
    assert all(np.array_equal(found[key], expected[key]) for key in expected)
    assert store.path.read_bytes() == whole


# --- crashes and damage -------------------------------------------------------------------------


def test_a_tail_torn_at_any_byte_costs_only_the_last_record(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    expected = {**store.vectors(addressed("a", "b"), CountingEncoder())}
    before = store.path.stat().st_size
    expected |= store.vectors(addressed("c"), CountingEncoder())
    whole = store.path.read_bytes()
    assert len(whole) > before
    for length in range(before, len(whole)):
        store.path.write_bytes(whole[:length])
        encoder = CountingEncoder()
        found = store.vectors(addressed("a", "b", "c"), encoder)
        assert encoder.asked == ["c"], length
        assert all(np.array_equal(found[key], expected[key]) for key in expected)
        assert store.path.read_bytes() == whole


def test_a_tail_of_zeros_as_after_a_power_cut_is_not_a_record(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.vectors(addressed("a"), CountingEncoder())
    with store.path.open("ab") as stream:
        stream.write(bytes(52 * 3))
    encoder = CountingEncoder()
    store.vectors(addressed("a", "b"), encoder)
    assert encoder.asked == ["b"]


def test_any_flipped_byte_is_seen_and_what_it_spoils_is_made_again(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    expected = store.vectors(addressed("a", "b"), CountingEncoder())
    whole = store.path.read_bytes()
    for place in range(len(whole)):
        store.path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        encoder = CountingEncoder()
        found = store.vectors(addressed("a", "b"), encoder)
        assert 1 <= len(encoder.asked) <= 2, place
        assert all(np.array_equal(found[key], expected[key]) for key in expected)
        assert store.path.read_bytes() == whole


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"[]\n", b"null\n", b"\xff\xfe", b"x" * 10_000])
def test_a_file_that_is_not_ours_is_thrown_away(tmp_path: Path, content: bytes) -> None:
    store = store_in(tmp_path)
    store.path.write_bytes(content)
    assert len(store.vectors(addressed("a"), CountingEncoder())) == 1


def test_what_was_encoded_before_a_failure_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "ENCODED_AT_ONCE", 4)

    class Failing(CountingEncoder):
        def encode(self, texts: Sequence[str]) -> Vectors:
            if len(self.asked) >= 8:
                raise MeasurementError("the provider is down")
            return super().encode(texts)

    texts = addressed(*(f"text {number}" for number in range(12)))
    failing, later = Failing(), CountingEncoder()
    with pytest.raises(MeasurementError, match="down"):
        store_in(tmp_path).vectors(texts, failing)
    store_in(tmp_path).vectors(texts, later)
    assert sorted(failing.asked + later.asked) == sorted(texts.values())


def test_a_folder_that_cannot_be_made_is_an_error_that_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(MeasurementError, match="cannot be kept"):
        store_in(tmp_path / "file" / "below").vectors(addressed("a"), CountingEncoder())


# --- two processes ------------------------------------------------------------------------------


def _encode_all(folder: Path, log: Path, barrier: Barrier) -> None:
    for number in range(30):
        barrier.wait(60)
        store_in(folder).vectors(addressed(f"text {number}"), CountingEncoder(log=log))


def test_two_processes_at_once_encode_every_text_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    log = tmp_path / "log"
    log.touch()
    barrier = context.Barrier(2)
    workers = [context.Process(target=_encode_all, args=(tmp_path / "store", log, barrier)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(100)
    assert [worker.exitcode for worker in workers] == [0, 0]
    asked = log.read_text(encoding="utf-8").splitlines()
    assert sorted(asked) == sorted(f"text {number}" for number in range(30))
    idle = CountingEncoder()
    assert len(store_in(tmp_path / "store").vectors(addressed(*asked), idle)) == 30
    assert idle.asked == []


def test_a_lock_that_is_not_let_go_is_an_error_that_names_it(tmp_path: Path) -> None:
    store = VectorStore(folder=tmp_path, encoder_digest="counting:1", lock_timeout_s=0.01)
    with FileLock(store.path.with_suffix(".lock")), pytest.raises(MeasurementError, match=r"\.lock"):
        store.vectors(addressed("a"), CountingEncoder())


def test_20_000_texts_are_kept_and_read_quickly(tmp_path: Path) -> None:
    class Quick(CountingEncoder):
        def encode(self, texts: Sequence[str]) -> Vectors:
            self.asked.extend(texts)
            held: Vectors = np.random.default_rng(1).normal(size=(len(texts), 384)).astype(np.float32)
            return held / np.linalg.norm(held, axis=1, keepdims=True)

    texts = addressed(*(f"text {number}" for number in range(20_000)))
    store_in(tmp_path).vectors(texts, Quick())
    idle = Quick()
    begun = time.process_time()
    found = store_in(tmp_path).vectors(texts, idle)
    assert time.process_time() - begun < 3
    assert len(found) == 20_000
    assert idle.asked == []
