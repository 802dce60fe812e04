"""The encoder with its weights, loaded once for all tests of a process that only ask it for vectors."""

from functools import cache

from harness.core.config import EncoderSpec
from harness.edges.encoders import ENCODERS
from harness.edges.encoders.sentence_transformers import SentenceEncoder

NAME = "sentence-transformers/all-MiniLM-L6-v2"
OFFLINE = {"HF_HUB_OFFLINE": "1"}


@cache
def minilm() -> SentenceEncoder:
    """Return it as a run builds it. Its weights are loaded when it is first asked."""
    made = ENCODERS.load("sentence-transformers")(EncoderSpec(name=NAME), environment=OFFLINE)
    assert isinstance(made, SentenceEncoder)
    return made
