"""Encoders: what turns a measured text into a unit vector.

Every attribute is a factory ``build(spec, *, environment) -> Encoder``. Building checks whatever would keep
the encoder from working (an extra, the weights, a key) and is cheap; what is slow waits for `prepare` or the
first `encode`.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from harness.core.config import EncoderSpec
from harness.ports import Encoder
from harness.registry import Registry


class EncoderFactory(Protocol):
    """Makes an encoder from its specification."""

    def __call__(
        self, spec: EncoderSpec, *, environment: Mapping[str, str], redact: Callable[[str], str]
    ) -> Encoder:
        """Check that the encoder can work on this machine, and return it. Raises SetupError."""
        ...


ENCODERS: Registry[EncoderFactory] = Registry(
    kind="encoder",
    group="harness.encoders",
    table={
        "hashed": "harness.edges.encoders.hashed:build",
        "sentence-transformers": "harness.edges.encoders.sentence_transformers:build",
        "litellm": "harness.edges.encoders.litellm:build",
    },
)
