"""What a reply might have begun with: sees a model that was quantised or tuned, where the words do not."""

from harness.core.signals.signal import Direction, Noise, Signal, Tokens

SIGNAL = Signal(
    name="logprob",
    title="Log-probabilities",
    what="distance of the first token's log-probabilities from the baseline",
    unit="nats",
    direction=Direction.NONE,
    reads=Tokens(top=lambda measures: measures.first_token or None),
    noise=Noise.TOKENS,
)
