"""How often the model declines."""

from harness.core.signals.signal import Direction, Noise, Scores, Signal

SIGNAL = Signal(
    name="refusal",
    title="Refusal",
    what="share of replies that decline",
    unit="rate",
    direction=Direction.UP_IS_WORSE,
    reads=Scores(score=lambda measures: measures.refused),
    noise=Noise.EDGE_RATE,
    up=0.75,
)
