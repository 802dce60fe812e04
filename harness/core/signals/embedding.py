"""How alike two replies are in meaning."""

from collections.abc import Sequence

import numpy as np

from harness.core.measures import Measures, Vectors
from harness.core.signals.signal import Direction, Floats, Kernel, Noise, Signal

SMALLEST_WIDTH = 0.01
_SAME = 1e-6
_ONE_CORE = 250_000
"""Multiplications of a product that is done by one core."""


def embedding_gram(measures: Sequence[Measures], n_reference: int, vectors: Vectors) -> Floats | None:
    """Return exp(−‖u−v‖²/m), m the median of the positive squared distances, at least `SMALLEST_WIDTH`.

    The width is taken over the pairs of the reference's samples only, so that it is frozen with the
    baseline; 1 where they are all the same. None where a sample's text was not encoded, or its vector is
    not a number.
    """
    digests = [measure.digest for measure in measures]
    unique = {name: index for index, name in enumerate(dict.fromkeys(digests))}
    if any(name not in vectors for name in unique):
        return None
    matrix = np.stack([vectors[name] for name in unique]).astype(np.float64)
    if not np.isfinite(matrix).all():
        return None
    lengths = (matrix**2).sum(axis=1)
    squared = np.maximum(lengths[:, None] + lengths[None, :] - 2.0 * _products(matrix), 0.0)
    rows = np.array([unique[name] for name in digests], dtype=np.intp)
    own = squared[np.ix_(rows[:n_reference], rows[:n_reference])]
    positive = own[own > _SAME]
    width = max(float(np.median(positive)), SMALLEST_WIDTH) if positive.size else 1.0
    return np.asarray(np.exp(-squared / width)[np.ix_(rows, rows)])


def _products(matrix: Floats) -> Floats:
    """Return matrix @ matrix.T, in tiles.

    A product of this size is cut among all cores otherwise, and waiting for them costs more than it does.
    """
    count, dimension = matrix.shape
    step = max(1, int(np.sqrt(_ONE_CORE / max(dimension, 1))))
    found = np.empty((count, count))
    for row in range(0, count, step):
        for column in range(0, row + 1, step):
            tile = matrix[row : row + step] @ matrix[column : column + step].T
            found[row : row + step, column : column + step] = tile
            found[column : column + step, row : row + step] = tile.T
    return found


SIGNAL = Signal(
    name="embedding",
    title="Embedding",
    what="distance in meaning from the baseline",
    unit="distance",
    direction=Direction.NONE,
    reads=Kernel(grams=(embedding_gram,)),
    noise=Noise.SURPRISE,
    up=0.75,
)
