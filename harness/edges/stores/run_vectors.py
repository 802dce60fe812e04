"""The vectors that a run used, in its folder: an uncompressed .npz of float16, equal bytes for equal vectors."""

import io
import os
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from harness.core.measures import Vectors
from harness.edges.stores.atomic import write_whole
from harness.edges.stores.safe_paths import open_regular
from harness.errors import DamagedRecord, OtherVersion

SCHEMA: Final = 1
_KEY_BYTES = 32
_NAMES = ("schema", "texts", "vectors")
_MOST_NAMES_BYTES = 1000
"""Of the table of three names at the end of the file."""
_END = struct.Struct("<4s4H2LH")
_HEADER = re.compile(
    # numpy's own reader takes headers that are Python, in ways that end in any exception.
    rb"\x93NUMPY\x01\x00..\{'descr': '(?P<dtype><i4|\|u1|<f2)', 'fortran_order': False, "
    rb"'shape': \((?P<shape>(?:[0-9]{1,12},? ?){0,2})\), \} *\n",
    re.DOTALL,
)
_LENGTH_TOLERANCE = 5e-3
"""An encoder's 1e-3, and what float16 rounds."""


def save_vectors(path: Path, vectors: Vectors, *, root: Path | None = None) -> None:
    """Write the vectors a run used, as float16 in an .npz: equal vectors give equal bytes.

    What a `VectorStore` returned comes back exactly.
    """
    keys = sorted(vectors)
    held = np.stack([vectors[key] for key in keys]) if keys else np.zeros((0, 0), dtype=np.float32)
    digests = np.frombuffer(bytes.fromhex("".join(keys)), dtype=np.uint8).reshape(len(keys), _KEY_BYTES)
    arrays = (np.array(SCHEMA, dtype="<i4"), digests, held.astype("<f2"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, array in zip(_NAMES, arrays, strict=True):
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.create_system = 3  # the same bytes on Windows
            plain = io.BytesIO()
            np.lib.format.write_array(plain, array, version=(1, 0), allow_pickle=False)
            archive.writestr(member, plain.getvalue())
    write_whole(path, packed.getvalue(), root=root)


def load_vectors(path: Path, root: Path | None = None) -> Vectors:
    """Read what `save_vectors` wrote, as float32 by digest: finite, each of length 1.

    Raises DamagedRecord, and SetupError for what is no regular file below `root`, else below its folder.
    """
    try:
        with open_regular(path, root or path.parent) as file:
            schema, texts, held = _arrays(file)
    except (OSError, ValueError, KeyError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile) as error:
        raise DamagedRecord(
            f"{path} cannot be read ({error}); delete it, and the run is decided without its vectors"
        ) from error
    if schema.shape != () or schema != SCHEMA:
        raise OtherVersion(f"{path} has schema {schema}, and this version reads {SCHEMA}: use a newer drift")
    fits = texts.dtype == np.uint8 and texts.ndim == 2 and texts.shape[1] == _KEY_BYTES
    if not fits or held.dtype != np.float16 or held.ndim != 2 or len(held) != len(texts):
        raise DamagedRecord(
            f"{path} does not hold vectors by text; delete it, and the run is decided without them"
        )
    rows = held.astype(np.float16)
    if not are_unit(rows):
        raise DamagedRecord(
            f"{path} holds vectors that are not of length 1, which no encoder of drift's gives; delete it, "
            "and the run is decided without them"
        )
    return by_key([row.tobytes().hex() for row in texts], rows)


def are_unit(held: NDArray[np.float16]) -> bool:
    """Say whether every row is finite and of length 1, as far as float16 can hold it."""
    if not held.size:
        return not len(held)
    lengths = np.sqrt(np.einsum("ij,ij->i", held, held, dtype=np.float32))
    return bool(np.all(np.abs(lengths - 1) < _LENGTH_TOLERANCE))  # never true of NaN


def by_key(keys: list[str], held: NDArray[np.float16]) -> Mapping[str, NDArray[np.float32]]:
    """Return read-only float32 rows by their keys."""
    wide = held.astype(np.float32)
    wide.flags.writeable = False
    return dict(zip(keys, wide, strict=True))


def _arrays(file: BinaryIO) -> list[NDArray[np.generic]]:
    """Read the three arrays, each no larger than its bytes in the file. Raises ValueError for anything else."""
    size = file.seek(0, os.SEEK_END)
    file.seek(-min(size, _END.size), os.SEEK_END)
    end = _END.unpack(file.read().ljust(_END.size, b"\0"))
    # Looked at before `zipfile` reads a table of any length that the file claims.
    if end[0] != b"PK\5\6" or end[4] != len(_NAMES) or end[5] > _MOST_NAMES_BYTES:
        raise ValueError("no archive of three arrays")
    with zipfile.ZipFile(file) as archive:
        members = [archive.getinfo(f"{name}.npy") for name in _NAMES]
        if any(m.compress_type != zipfile.ZIP_STORED or m.file_size != m.compress_size for m in members):
            raise ValueError("packed, which drift does not")
        if sum(member.file_size for member in members) > size:
            raise ValueError("its arrays overlap")
        return [_array(archive.read(member)) for member in members]


def _array(content: bytes) -> NDArray[np.generic]:
    found = _HEADER.match(content)
    if found is None:
        raise ValueError("an array that drift does not write")
    shape = tuple(int(length) for length in found["shape"].split(b",") if length.strip())
    dtype = np.dtype(found["dtype"].decode())
    return np.frombuffer(content, dtype=dtype, offset=found.end()).reshape(shape)
