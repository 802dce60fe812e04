"""Vectors by content address: derived, kept so that no text is encoded twice, safe to delete at any time.

One file for each encoder digest holds a header line, then records of one size::

    crc32 of the rest (4 bytes) | sha256 of the text (32 bytes) | vector (dimension x float16)

All little-endian. The digests are the index: they are read on opening, with every checksum. A record is only
ever appended; from the first one that is torn or damaged on, the file is cut off, and what is lost is encoded
again. A header that is not ours throws the whole file away, and so does a vector that is not of length 1.

Nothing of this proves where a vector came from: whoever can write the file can move the embedding signal. So
it lies where no checkout can put one; see `vectors_folder`.
"""

import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from harness.core.canonical import canonical_json, text_digest
from harness.core.measures import Vectors
from harness.edges.stores.atomic import write_whole
from harness.edges.stores.run_vectors import are_unit, by_key
from harness.errors import Busy, CannotWrite, EncoderFailed, HarnessError
from harness.ports import Encoder, VectorCache

SCHEMA: Final = 1
ENCODED_AT_ONCE: Final = 512
"""Texts encoded, then written, at a time: what an interruption can cost."""
_LOCK_TIMEOUT_S = 900.0
_KEY_BYTES = 32
_CHECK_BYTES = 4
_MOST_HEADER_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorStore:
    """The vectors of one encoder in one folder, shared by any number of processes."""

    folder: Path
    encoder_digest: str
    lock_timeout_s: float = _LOCK_TIMEOUT_S

    @property
    def path(self) -> Path:
        """Return the encoder's own file: vectors of two encoders never meet."""
        return self.folder / f"{text_digest(self.encoder_digest)[:24]}.v{SCHEMA}.vectors"

    def vectors(self, texts: Mapping[str, str], encoder: Encoder) -> Vectors:
        """Return the float32 vector of every text, by digest, encoding only what is not kept yet.

        `texts` maps `text_digest(text)` to the text. What is returned was rounded to float16, whether it was
        encoded now or a year ago, so that deciding again sees the same numbers; its length is 1 to within
        1e-3. What is missing is encoded once, in the order of the digests, under a lock that other processes
        wait for. Raises MeasurementError where the encoder fails or the lock is not let go.
        """
        _check_encoder(self.encoder_digest, encoder)
        wanted = sorted(texts)
        if not wanted:
            return {}
        with self._locked():
            held = self._held(texts, wanted, encoder)
            if not are_unit(held):
                self.path.unlink()
                held = self._held(texts, wanted, encoder)
        return by_key(wanted, held)

    def _held(self, texts: Mapping[str, str], wanted: Sequence[str], encoder: Encoder) -> NDArray[np.float16]:
        rows = _rows(self.path, self.encoder_digest)
        missing = [key for key in wanted if key not in rows]
        for start in range(0, len(missing), ENCODED_AT_ONCE):
            block = missing[start : start + ENCODED_AT_ONCE]
            self._append(block, _encoded([_checked_text(key, texts[key]) for key in block], encoder))
        if missing:
            rows = _rows(self.path, self.encoder_digest)
        return _read(self.path, [rows[key] for key in wanted])

    def _append(self, keys: Sequence[str], vectors: NDArray[np.float16]) -> None:
        dimension = vectors.shape[1]
        if not self.path.exists():
            write_whole(self.path, _header_line(self.encoder_digest, dimension))
        header = _header(self.path, self.encoder_digest)
        if header is None or header.dimension != dimension:
            raise EncoderFailed(
                f"the encoder {self.encoder_digest} gives vectors of {dimension} numbers, but gave others before: it "
                f"changed under its name. Delete {self.path} and learn a new baseline with it"
            )
        records = np.zeros(len(keys), dtype=_record(dimension))
        records["text"] = [np.frombuffer(bytes.fromhex(key), dtype=np.uint8) for key in keys]
        records["vector"] = vectors
        raw = records.view(np.uint8).reshape(len(keys), -1)
        records["check"] = [zlib.crc32(row[_CHECK_BYTES:].tobytes()) for row in raw]
        with self.path.open("ab") as stream:
            stream.write(records.tobytes())
            stream.flush()
            os.fsync(stream.fileno())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self.path.with_suffix(".lock")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(lock, timeout=self.lock_timeout_s):
                yield
        except Timeout as error:
            raise Busy(
                f"another process has held {lock} for {self.lock_timeout_s:.0f} s; when it is done, run again"
            ) from error
        except OSError as error:
            raise CannotWrite(
                f"vectors cannot be kept in {self.folder}: {error.strerror or error}; make room or rights, run again"
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class UnkeptVectors:
    """The vectors of one encoder, for as long as the process lasts."""

    encoder_digest: str
    _known: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def vectors(self, texts: Mapping[str, str], encoder: Encoder) -> Vectors:
        """Return what `VectorStore.vectors` returns, encoding each text once."""
        _check_encoder(self.encoder_digest, encoder)
        missing = sorted(texts.keys() - self._known.keys())
        for start in range(0, len(missing), ENCODED_AT_ONCE):
            block = missing[start : start + ENCODED_AT_ONCE]
            vectors = _encoded([_checked_text(key, texts[key]) for key in block], encoder)
            self._known.update(by_key(block, vectors))
        return {key: self._known[key] for key in sorted(texts)}


def vector_cache(folder: Path | None, encoder_digest: str) -> VectorCache:
    """Return the vectors kept in `folder`; where there is none, or it cannot be written, vectors that are not kept."""
    if folder is None or not _is_writable(folder):
        return UnkeptVectors(encoder_digest=encoder_digest)
    return VectorStore(folder=folder, encoder_digest=encoder_digest)


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _check_encoder(digest: str, encoder: Encoder) -> None:
    if encoder.digest != digest:
        raise HarnessError(f"vectors of {digest} were asked of {encoder.digest}")


@dataclass(frozen=True, slots=True)
class _Header:
    dimension: int
    size: int
    """Bytes before the first record."""


def _record(dimension: int) -> np.dtype[np.void]:
    return np.dtype([("check", "<u4"), ("text", "u1", (_KEY_BYTES,)), ("vector", "<f2", (dimension,))])


def _header_line(encoder_digest: str, dimension: int) -> bytes:
    fields = {"drift": "vectors", "schema": SCHEMA, "encoder": encoder_digest, "dimension": dimension}
    return (canonical_json(fields) + "\n").encode("utf-8")


def _header(path: Path, encoder_digest: str) -> _Header | None:
    """Read the header, or None where it is not exactly what we would write for this encoder."""
    with path.open("rb") as stream:
        line = stream.readline(_MOST_HEADER_BYTES)
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    dimension = fields.get("dimension") if isinstance(fields, dict) else None
    if not isinstance(dimension, int) or line != _header_line(encoder_digest, dimension):
        return None
    return _Header(dimension, len(line))


def _rows(path: Path, encoder_digest: str) -> dict[str, int]:
    """Return the record number of every text kept, after cutting off what is torn or damaged."""
    if not path.exists():
        return {}
    header = _header(path, encoder_digest)
    if header is None or header.dimension < 1:
        path.unlink()
        return {}
    size = _record(header.dimension).itemsize
    rows: dict[str, int] = {}
    with path.open("r+b") as stream:
        stream.seek(header.size)
        good = 0
        while len(record := stream.read(size)) == size:
            if zlib.crc32(record[_CHECK_BYTES:]) != int.from_bytes(record[:_CHECK_BYTES], "little"):
                break
            rows.setdefault(record[_CHECK_BYTES : _CHECK_BYTES + _KEY_BYTES].hex(), good)
            good += 1
        if path.stat().st_size > header.size + good * size:
            stream.truncate(header.size + good * size)
    return rows


def _read(path: Path, rows: Sequence[int]) -> NDArray[np.float16]:
    """Read single records through a memory map, which is let go before anything is appended."""
    with path.open("rb") as stream:
        header = json.loads(stream.readline(_MOST_HEADER_BYTES))
        start = stream.tell()
        records = np.memmap(stream, dtype=_record(header["dimension"]), mode="r", offset=start)
        held = np.array(records["vector"][list(rows)])
        del records
    return held


def _checked_text(key: str, text: str) -> str:
    if text_digest(text) != key:
        raise HarnessError(f"a text was handed over under the digest {key[:12]}, which is not its own")
    return text


def _encoded(texts: Sequence[str], encoder: Encoder) -> NDArray[np.float16]:
    vectors = encoder.encode(texts)
    fits = vectors.ndim == 2 and len(vectors) == len(texts) and vectors.shape[1] > 0
    if not fits or not np.isfinite(vectors).all():
        raise EncoderFailed(
            f"the encoder {encoder.digest} did not give one finite vector for each of {len(texts)} texts"
        )
    if np.abs(np.linalg.norm(vectors, axis=1) - 1).max() > 1e-3:
        raise EncoderFailed(f"the encoder {encoder.digest} gave vectors that are not of length 1")
    return vectors.astype("<f2")
