"""How differently a night's replies vary, in wording and meaning: sees drifts that make no new output."""

from harness.core.signals.embedding import embedding_gram
from harness.core.signals.signal import Direction, Kernel, Noise, Signal
from harness.core.signals.string import hamming_gram

SIGNAL = Signal(
    name="spread",
    title="Spread",
    what="how differently a night's replies vary",
    unit="distance",
    direction=Direction.NONE,
    reads=Kernel(grams=(hamming_gram, embedding_gram)),
    noise=Noise.SPREAD,
)
