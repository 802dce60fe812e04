"""How alike two replies are, letter by letter."""

from collections.abc import Sequence

import numpy as np

from harness.core.measures import Measures, Vectors
from harness.core.signals.signal import Direction, Floats, Kernel, Signal

MOST_CHARACTERS = 20_000
_PAD = np.uint32(0xFFFFFFFF)


def hamming_gram(measures: Sequence[Measures], _vectors: Vectors) -> Floats | None:
    """Return the share of equal characters at equal positions, over the longer text of each pair.

    The Hamming kernel of Gao et al., "Model Equality Testing", arXiv 2410.20247. Two empty texts are
    equal. Texts are read up to `MOST_CHARACTERS`. None where a text was not kept.
    """
    texts = [measure.text for measure in measures]
    if any(text is None for text in texts):
        return None
    unique = {text: index for index, text in enumerate(dict.fromkeys(texts))}
    codes = [_codes(text or "") for text in unique]
    longest = max((code.size for code in codes), default=0)
    padded = np.full((len(codes), longest), _PAD, dtype=np.uint32)
    for row, code in enumerate(codes):
        padded[row, : code.size] = code
    sizes = np.array([code.size for code in codes], dtype=np.float64)
    share = np.empty((len(codes), len(codes)))
    for row in range(len(codes)):
        here = int(sizes[row])
        equal = np.count_nonzero(padded[:, :here] == padded[row, :here], axis=1)
        longer = np.maximum(sizes, sizes[row])
        share[row] = np.where(longer > 0, equal / np.maximum(longer, 1.0), 1.0)
    rows = np.array([unique[text] for text in texts], dtype=np.intp)
    return share[np.ix_(rows, rows)]


def _codes(text: str) -> "np.ndarray[tuple[int], np.dtype[np.uint32]]":
    return np.frombuffer(text[:MOST_CHARACTERS].encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


SIGNAL = Signal(
    name="string",
    title="String",
    what="distance in wording from the baseline",
    unit="distance",
    direction=Direction.NONE,
    reads=Kernel(gram=hamming_gram),
)
