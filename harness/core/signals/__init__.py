"""Signals, one file each. What decides is listed first, what is only shown last."""

from harness.core.signals.signal import Direction, Kernel, Noise, Scores, Signal, Tokens
from harness.registry import Registry

__all__ = ["SIGNALS", "Direction", "Kernel", "Noise", "Scores", "Signal", "Tokens", "all_signals"]

SIGNALS: Registry[Signal] = Registry(
    kind="signal",
    group="harness.signals",
    table={
        "refusal": "harness.core.signals.refusal:SIGNAL",
        "format": "harness.core.signals.format:SIGNAL",
        "quality": "harness.core.signals.quality:SIGNAL",
        "embedding": "harness.core.signals.embedding:SIGNAL",
        "string": "harness.core.signals.string:SIGNAL",
        "length": "harness.core.signals.length:SIGNAL",
        "spread": "harness.core.signals.spread:SIGNAL",
        "logprob": "harness.core.signals.logprob:SIGNAL",
        "hash": "harness.core.signals.hash:SIGNAL",
    },
)


def all_signals() -> tuple[Signal, ...]:
    """Load every built-in signal, in the table's order."""
    return tuple(SIGNALS.load(name) for name in SIGNALS.names())
