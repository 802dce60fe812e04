"""The answer that stands for many."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from harness.core.signals.string import MOST_CHARACTERS, equal_shares


def medoid(texts: Sequence[str]) -> str:
    """Return the text that is most like all others under the string kernel, each as often as it was said.

    Of several, the one said most often, then the first of the alphabet, so that the order of `texts` does not
    matter. Raises ValueError where there is none.
    """
    if not texts:
        raise ValueError("no text, so none is in the middle")
    counted = sorted(Counter(texts).items(), key=lambda said: (-said[1], said[0]))
    times = np.array([count for _, count in counted], dtype=np.float64)
    # Texts that differ only behind the end of what the kernel reads are alike to it.
    alike = equal_shares([text[:MOST_CHARACTERS] for text, _ in counted]) @ times
    # Sums of the same numbers in another order differ in their last bits, which must not decide.
    return counted[int(np.argmax(np.round(alike, 9)))][0]
