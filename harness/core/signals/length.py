"""How long replies are, on a logarithmic scale."""

from harness.core.signals.signal import Direction, Noise, Scores, Signal

SIGNAL = Signal(
    name="length",
    title="Length",
    what="characters of a reply",
    unit="log-characters",
    direction=Direction.NONE,
    reads=Scores(score=lambda measures: measures.length),
    noise=Noise.DIFFERENCE,
    up=0.5,
)
