"""Whether replies are the same to the letter. Shown beside its own floor; it never decides."""

from collections.abc import Sequence

import numpy as np

from harness.core.measures import Measures, Vectors
from harness.core.signals.signal import Direction, Floats, Kernel, Signal


def equality_gram(measures: Sequence[Measures], _n_reference: int, _vectors: Vectors) -> Floats:
    """Return 1 where two measured texts are equal, else 0."""
    known: dict[str, int] = {}
    names = np.array([known.setdefault(measure.digest, len(known)) for measure in measures])
    return np.asarray(names[:, None] == names[None, :], dtype=np.float64)


SIGNAL = Signal(
    name="hash",
    title="Exact text",
    what="share of pairs with the baseline that differ",
    unit="distance",
    direction=Direction.NONE,
    reads=Kernel(grams=(equality_gram,)),
    noise=None,
)
