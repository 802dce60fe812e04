"""How much of what a case asks for is there: the share of its rules that hold."""

from harness.core.signals.signal import Direction, Noise, Scores, Signal

SIGNAL = Signal(
    name="quality",
    title="Quality",
    what="share of a case's rules that hold",
    unit="score",
    direction=Direction.DOWN_IS_WORSE,
    reads=Scores(score=lambda measures: measures.quality),
    noise=Noise.DIFFERENCE,
)
