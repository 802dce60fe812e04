"""How often a reply breaks a rule of its case: JSON, schema, order, tool name and arguments."""

from harness.core.signals.signal import Direction, Noise, Scores, Signal

SIGNAL = Signal(
    name="format",
    title="Format",
    what="share of replies that break a rule",
    unit="rate",
    direction=Direction.UP_IS_WORSE,
    reads=Scores(score=lambda measures: measures.invalid),
    noise=Noise.RARE_RATE,
)
