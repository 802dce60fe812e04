"""Character n-grams hashed into 512 numbers: the built-in encoder, which needs no model, download or key.

It sees wording, not meaning: two texts are near when they share pieces of words. All arithmetic up to the
last division is on integers, so a text has the same vector, bit for bit, on every platform.

The scheme is the hashing trick with signs (Weinberger et al., arXiv 0902.2206) over the n-grams inside words,
each word padded with a space on both sides; a count c weighs √c.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.core.config import EncoderSpec
from harness.errors import EncoderUnusable
from harness.ports import Vectors

VERSION = "1"
"""Changes with anything that changes a vector."""
DIMENSION = 512
_SIZES = (3, 4, 5)
_BLOCK_CHARACTERS = 250_000
_BLOCK_TEXTS = 1024

_Codes: TypeAlias = NDArray[np.uint32]
_Hashes: TypeAlias = NDArray[np.uint64]

# A fixed list, because `str.isspace` follows the Unicode tables of the Python at hand.
_WHITE_RANGES = (range(0x09, 0x0E), range(0x1C, 0x21), range(0x2000, 0x200B))
_WHITE_SINGLE = (0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
_WHITE = np.array([*(code for codes in _WHITE_RANGES for code in codes), *_WHITE_SINGLE], dtype=np.uint32)
_SPACE = np.uint32(0x20)
_HASH_BITS = np.uint64(54)
_BUCKET_BITS = np.uint64(9)
_TEXT_SHIFT = _HASH_BITS
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_WEIGHT_ONE = 1024


def build(
    spec: EncoderSpec,
    *,
    environment: Mapping[str, str],
    redact: Callable[[str], str] = str,  # noqa: ARG001  # it says nothing that could hold a key
) -> "HashedEncoder":
    """Return the built-in encoder, which takes nothing from its environment. Raises SetupError for an option."""
    del environment
    if spec != EncoderSpec(name="hashed"):
        given = sorted(spec.model_dump(exclude_defaults=True).values())
        raise EncoderUnusable(f"the encoder 'hashed' takes no options, but has: {', '.join(given)}")
    return HashedEncoder()


class HashedEncoder:
    """Turns texts into signed, hashed counts of their character n-grams, 3 to 5 long, within words.

    ASCII letters count without case; the order of words and the kind of white space do not count. A blank text
    is the first unit vector.
    """

    @property
    def digest(self) -> str:
        """Name the scheme and its version."""
        return f"hashed:{VERSION}"

    def prepare(self) -> None:
        """Do nothing: there is nothing to load."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 vectors of shape (len(texts), 512), each of length 1."""
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        for start, stop in _blocks(texts):
            vectors[start:stop] = _encode_block(texts[start:stop])
        return vectors


def _blocks(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Cut the texts into runs of bounded size, so that memory is bounded."""
    start = characters = 0
    for position, text in enumerate(texts):
        if position > start and (
            characters + len(text) > _BLOCK_CHARACTERS or position - start >= _BLOCK_TEXTS
        ):
            yield start, position
            start, characters = position, 0
        characters += len(text)
    if start < len(texts):
        yield start, len(texts)


def _encode_block(texts: Sequence[str]) -> Vectors:
    codes, owners = _characters(texts)
    keys, counts = _counted(_ngram_keys(codes, owners))
    hashes = keys & ((np.uint64(1) << _HASH_BITS) - np.uint64(1))
    rows = (keys >> _TEXT_SHIFT).astype(np.int64)
    buckets = (hashes >> (_HASH_BITS - _BUCKET_BITS)).astype(np.int64)
    signs = 1 - 2 * (hashes & np.uint64(1)).astype(np.int64)
    # √ of an exact integer is rounded the same way everywhere; floor makes the weight an integer again.
    weights = np.floor(np.sqrt(counts.astype(np.float64) * _WEIGHT_ONE**2)).astype(np.int64)
    size = len(texts) * DIMENSION
    summed = np.bincount(rows * DIMENSION + buckets, weights=signs * weights, minlength=size)
    sums = summed.astype(np.int64).reshape(len(texts), DIMENSION)
    # Pieces that cancel out leave nothing: such a text, and a blank one, gets a unit vector of its own.
    firsts = np.searchsorted(rows, np.arange(len(texts)))
    for row in np.flatnonzero(~sums.any(axis=1)):
        first = firsts[row]
        held = first < len(rows) and rows[first] == row
        sums[row, buckets[first] if held else 0] = 1
    lengths = np.sqrt(np.square(sums).sum(axis=1).astype(np.float64))
    vectors: Vectors = (sums / lengths[:, None]).astype(np.float32)
    return vectors


def _counted(keys: _Hashes) -> tuple[_Hashes, NDArray[np.int64]]:
    """Return the different keys, sorted, and how often each is there; `np.unique` would import `numpy.ma`."""
    ordered = np.sort(keys)
    starts = (
        np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if ordered.size else ordered
    )
    places = np.asarray(starts, dtype=np.int64)
    return ordered[places], np.diff(places, append=ordered.size)


def _characters(texts: Sequence[str]) -> tuple[_Codes, NDArray[np.int64]]:
    """Join the texts, each between two spaces, runs of white space made one; with the text each code is of."""
    encoded = [f" {text} ".encode("utf-32-le", "surrogatepass") for text in texts]
    codes = np.frombuffer(b"".join(encoded), dtype="<u4").astype(np.uint32)
    owners = np.repeat(np.arange(len(texts), dtype=np.int64), [len(piece) // 4 for piece in encoded])
    white = np.isin(codes, _WHITE)
    codes[white] = _SPACE
    capitals = (codes >= ord("A")) & (codes <= ord("Z"))
    codes[capitals] += np.uint32(ord("a") - ord("A"))
    repeated = np.zeros(len(codes), dtype=bool)
    repeated[1:] = white[1:] & white[:-1] & (owners[1:] == owners[:-1])
    return codes[~repeated], owners[~repeated]


def _ngram_keys(codes: _Codes, owners: NDArray[np.int64]) -> _Hashes:
    """Return a key for every n-gram inside a word: the text's number, then 54 bits of hash."""
    keys: list[_Hashes] = []
    space = codes == _SPACE
    for size in _SIZES:
        places = len(codes) - size + 1
        if places <= 0:
            break
        hashes = _mixed(np.full(places, size, dtype=np.uint64))
        for offset in range(size):
            hashes = _mixed(hashes ^ codes[offset : offset + places].astype(np.uint64))
        inside = ~space[1 : 1 + places]
        for offset in range(2, size - 1):
            inside &= ~space[offset : offset + places]
        # Two spaces meet only between two texts, so an n-gram whose inside has none lies within one text.
        owner = owners[:places].astype(np.uint64)
        keys.append(((owner << _TEXT_SHIFT) | (hashes >> (np.uint64(64) - _HASH_BITS)))[inside])
    return np.concatenate(keys) if keys else np.zeros(0, dtype=np.uint64)


def _mixed(values: _Hashes) -> _Hashes:
    """Spread every bit over all 64: multiply and shift, wrapping around."""
    values = values * _MULTIPLIER
    values = values ^ (values >> np.uint64(29))
    values = values * np.uint64(0xBF58476D1CE4E5B9)
    return values ^ (values >> np.uint64(32))
