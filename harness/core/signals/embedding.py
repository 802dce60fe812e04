"""How alike two replies are in meaning."""

from collections.abc import Sequence

import numpy as np

from harness.core.measures import Measures, Vectors
from harness.core.signals.signal import Direction, Floats, Kernel, Signal

SMALLEST_WIDTH = 0.01
_SAME = 1e-6


def embedding_gram(measures: Sequence[Measures], vectors: Vectors) -> Floats | None:
    """Return exp(−‖u−v‖²/m), m the median of the positive squared distances, at least `SMALLEST_WIDTH`.

    The width is taken over all samples of the case, so that it does not depend on which are the
    reference's. None where a sample's text was not encoded, or its vector is not a number.
    """
    digests = [measure.digest for measure in measures]
    unique = {name: index for index, name in enumerate(dict.fromkeys(digests))}
    if any(name not in vectors for name in unique):
        return None
    matrix = np.stack([vectors[name] for name in unique]).astype(np.float64)
    if not np.isfinite(matrix).all():
        return None
    squared = np.maximum(2.0 - 2.0 * (matrix @ matrix.T), 0.0)
    rows = np.array([unique[name] for name in digests], dtype=np.intp)
    between = squared[np.ix_(rows, rows)]
    positive = between[between > _SAME]
    width = max(float(np.median(positive)), SMALLEST_WIDTH) if positive.size else 1.0
    return np.asarray(np.exp(-between / width))


SIGNAL = Signal(
    name="embedding",
    title="Embedding",
    what="distance in meaning from the baseline",
    unit="distance",
    direction=Direction.NONE,
    reads=Kernel(gram=embedding_gram),
)
