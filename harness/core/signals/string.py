"""How alike two replies are, letter by letter."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.measures import Measures, Vectors
from harness.core.signals.signal import Direction, Floats, Kernel, Noise, Signal

MOST_CHARACTERS = 20_000
_WORD = 64
"""Bits of a machine word."""
_ROWS = 64
"""Texts compared with all others in one step; what fits in a processor's cache is fastest."""


def hamming_gram(measures: Sequence[Measures], _n_reference: int, _vectors: Vectors) -> Floats | None:
    """Return the share of equal characters at equal positions, over the longer text of each pair.

    The Hamming kernel of Gao et al., "Model Equality Testing", arXiv 2410.20247. Two empty texts are
    equal. Texts are read up to `MOST_CHARACTERS`. None where a text was not kept.
    """
    texts = [measure.text[:MOST_CHARACTERS] for measure in measures if measure.text is not None]
    if len(texts) < len(measures):
        return None
    unique = {text: index for index, text in enumerate(dict.fromkeys(texts))}
    rows = np.array([unique[text] for text in texts], dtype=np.intp)
    return equal_shares(list(unique))[np.ix_(rows, rows)]


def equal_shares(texts: Sequence[str]) -> Floats:
    """Return the share of equal characters at equal positions of every two texts, as a square matrix."""
    sizes = np.array([len(text) for text in texts], dtype=np.int64)
    longer = np.maximum(sizes[:, None], sizes[None, :])
    padded = _padded(texts, sizes)
    # Behind both texts there is padding, equal too.
    equal = _equal_places(padded) - (padded.shape[1] - longer)
    return np.where(longer > 0, equal / np.maximum(longer, 1), 1.0)


def _padded(texts: Sequence[str], sizes: NDArray[np.int64]) -> NDArray[Any]:
    """Return one text a row, each character as a small number and 0 behind the end."""
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    used = np.zeros(int(points.max(initial=0)) + 1, dtype=np.bool_)
    used[points] = True
    known = np.flatnonzero(used)
    codes = np.zeros(used.size, dtype=np.min_scalar_type(known.size))
    codes[known] = np.arange(1, known.size + 1)
    width = -(-int(sizes.max(initial=0)) // _WORD) * _WORD
    padded = np.zeros((len(texts), width), dtype=codes.dtype)
    padded[np.arange(width) < sizes[:, None]] = codes[points]
    return padded


def _equal_places(padded: NDArray[Any]) -> NDArray[np.int64]:
    """Return in how many columns two rows are equal; the columns are a multiple of `_WORD`.

    Every bit of the characters is a plane of its own, of which one machine word holds `_WORD` columns: two
    rows differ in a column where any plane does.
    """
    count, width = padded.shape
    bits = int(padded.max(initial=0)).bit_length()
    planes = [_words((padded >> bit) & 1) for bit in range(bits)]
    differ = np.zeros((count, count), dtype=np.int64)
    for first in range(0, count, _ROWS):
        rows = slice(first, first + _ROWS)
        for word in range(width // _WORD):
            found = np.zeros((len(padded[rows]), count - first), dtype=np.uint64)
            for plane in planes:
                found |= plane[word, rows, None] ^ plane[word, None, first:]
            differ[rows, first:] += np.bitwise_count(found)
    equal: NDArray[np.int64] = width - differ
    lower: NDArray[np.int64] = np.triu(equal, 1).T
    return np.triu(equal) + lower


def _words(plane: NDArray[Any]) -> NDArray[np.uint64]:
    return np.ascontiguousarray(np.packbits(plane, axis=1).view(np.uint64).T)


SIGNAL = Signal(
    name="string",
    title="String",
    what="distance in wording from the baseline",
    unit="distance",
    direction=Direction.NONE,
    reads=Kernel(grams=(hamming_gram,)),
    noise=Noise.SURPRISE,
    up=0.75,
)
