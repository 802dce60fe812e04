import hashlib
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.config import EncoderSpec
from harness.edges.encoders.hashed import DIMENSION, HashedEncoder, build
from harness.errors import SetupError

ENCODER = HashedEncoder()
_ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)


def test_vectors_are_the_same_bits_on_every_platform_and_version() -> None:
    texts = ["The refund was approved.", "I can't help.", "", "日本語", "x y " * 5000, "\ud800\x00😀"]
    found = hashlib.sha256(ENCODER.encode(texts).astype("<f4").tobytes()).hexdigest()
    assert found == "ec429abc5f61fd8cbef27871504c99fc077a873dc49e62a38ce28b19f14cc7eb", (
        "vectors changed: raise VERSION in hashed.py, then pin this anew"
    )


@given(st.lists(_ANY_TEXT, max_size=6))
def test_any_text_has_a_unit_vector_that_depends_on_nothing_else(texts: list[str]) -> None:
    vectors = ENCODER.encode(texts)
    assert vectors.shape == (len(texts), DIMENSION)
    for text, vector in zip(texts, vectors, strict=True):
        assert abs(float(np.linalg.norm(vector)) - 1) < 1e-6
        assert np.array_equal(ENCODER.encode([text])[0], vector)


def test_texts_are_cut_into_blocks_without_a_trace() -> None:
    texts = [f"text number {number} " + "filler " * (number % 90) for number in range(3000)]
    vectors = ENCODER.encode(texts)
    for place in (0, 1, 1023, 1024, 1025, 2047, 2048, 2999):
        assert np.array_equal(ENCODER.encode([texts[place]])[0], vectors[place])


def test_white_space_and_ascii_case_do_not_count() -> None:
    first, *others = ENCODER.encode(["Yes, of course", "yes,  of\n\tcourse ", " YES,\u00a0OF course"])
    for other in others:
        assert np.array_equal(first, other)


def test_one_changed_word_moves_a_text_less_than_another_text_does() -> None:
    base, changed, other = ENCODER.encode(
        ["The order ships on Monday.", "The order ships on Friday.", "No such account exists."]
    )
    assert base @ other < base @ changed < 1 - 1e-3


def test_short_texts_whose_pieces_cancel_are_not_blank() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    pairs = [f"{left} {right}" for left in letters for right in letters]
    blank = ENCODER.encode([""])[0]
    assert not (ENCODER.encode(pairs) == blank).all(axis=1).any()


@pytest.mark.soak
def test_20_000_short_texts_take_a_few_seconds() -> None:
    texts = [f"answer {number}: " + f"word{number % 97} and more " * 16 for number in range(20_000)]
    begun = time.process_time()
    ENCODER.encode([text[:300] for text in texts])
    assert time.process_time() - begun < 8


@pytest.mark.parametrize("option", ["revision", "path", "key_env", "api_base"])
def test_an_option_it_would_ignore_is_refused(option: str) -> None:
    with pytest.raises(SetupError, match="takes no options"):
        build(EncoderSpec(name="hashed", **{option: "x"}), environment={})
    with pytest.raises(SetupError, match="hashed/512"):
        build(EncoderSpec(name="hashed/512"), environment={})
