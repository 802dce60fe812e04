"""Test what every signal reads, which way is worse, and that kernels are kernels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.measures import Measures, Vectors
from harness.core.signals import SIGNALS, Direction, Kernel, Scores, Signal, all_signals
from harness.core.signals.embedding import embedding_gram
from harness.core.signals.signal import Gram
from harness.core.signals.string import MOST_CHARACTERS, hamming_gram
from tests.support.cases import make_measures, unit_vectors
from tests.support.records import make_case

TEXTS = st.lists(st.text(st.characters(), max_size=12) | st.text("ab", max_size=4), min_size=1, max_size=9)
KERNELS = tuple(signal for signal in all_signals() if isinstance(signal.reads, Kernel))
SPREAD = SIGNALS.load("spread").reads
assert isinstance(SPREAD, Kernel)
SCORES = tuple(signal for signal in all_signals() if isinstance(signal.reads, Scores))


def measured(texts: list[str]) -> tuple[list[Measures], Vectors]:
    return [make_measures(text) for text in texts], unit_vectors(texts, 4)


def gram_of(signal: Signal, texts: list[str]) -> np.ndarray:  # type: ignore[type-arg]
    assert isinstance(signal.reads, Kernel)
    measures, vectors = measured(texts)
    found = signal.reads.gram(measures, len(measures), vectors)
    assert found is not None
    return found


# --- the table ----------------------------------------------------------------------------------------


def test_every_signal_goes_by_its_own_name_and_what_decides_comes_first() -> None:
    signals = all_signals()
    assert [signal.name for signal in signals] == list(SIGNALS.names())
    decides = [signal.decides for signal in signals]
    assert decides == sorted(decides, reverse=True)


def test_the_hash_alone_never_decides() -> None:
    assert [signal.name for signal in all_signals() if not signal.decides] == ["hash"]


def test_only_refusal_format_and_quality_know_which_way_is_worse() -> None:
    directed = {signal.name: signal.direction for signal in all_signals() if signal.direction != "none"}
    assert directed == {
        "refusal": Direction.UP_IS_WORSE,
        "format": Direction.UP_IS_WORSE,
        "quality": Direction.DOWN_IS_WORSE,
    }


@pytest.mark.parametrize(
    ("allowed", "may"), [(None, True), (("refusal",), True), (("format",), False), ((), False)]
)
def test_a_case_may_say_which_signals_gate_it(allowed: tuple[str, ...] | None, may: bool) -> None:
    assert SIGNALS.load("refusal").may_gate(make_case("a", signals=allowed)) is may


@pytest.mark.parametrize(
    ("name", "field"),
    [("refusal", "refused"), ("format", "invalid"), ("quality", "quality"), ("length", "length")],
)
def test_a_score_reads_its_own_measure_and_keeps_missing_missing(name: str, field: str) -> None:
    reads = SIGNALS.load(name).reads
    assert isinstance(reads, Scores)
    assert reads.score(make_measures(**{field: 0.375})) == 0.375
    assert reads.score(make_measures(**{field: None})) is None
    assert {signal.name for signal in SCORES} >= {name}


# --- kernels ------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(TEXTS)
@pytest.mark.parametrize("signal", KERNELS, ids=lambda signal: signal.name)
def test_a_gram_matrix_is_symmetric_positive_semidefinite_and_one_on_its_diagonal(
    signal: Signal, texts: list[str]
) -> None:
    gram = gram_of(signal, texts)
    assert gram.shape == (len(texts), len(texts))
    assert np.array_equal(gram, gram.T)
    assert isinstance(signal.reads, Kernel)
    most = len(signal.reads.grams)
    assert np.allclose(np.diag(gram), most, atol=1e-6)
    assert gram.min() >= 0.0
    assert gram.max() <= most + 1e-9
    # A kernel test needs no more than this, and the Hamming share over the longer text gives no less.
    assert np.linalg.eigvalsh(gram).min() >= -1e-6


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.randoms(use_true_random=False))
@pytest.mark.parametrize("signal", KERNELS, ids=lambda signal: signal.name)
def test_the_order_of_samples_only_turns_the_matrix(signal: Signal, texts: list[str], random: object) -> None:
    places = list(range(len(texts)))
    random.shuffle(places)  # type: ignore[attr-defined]
    turned = gram_of(signal, [texts[place] for place in places])
    assert np.allclose(turned, gram_of(signal, texts)[np.ix_(places, places)])


@given(st.text(st.characters()), st.text(st.characters()))
def test_the_hash_says_equal_or_not(one: str, other: str) -> None:
    assert gram_of(SIGNALS.load("hash"), [one, other])[0, 1] == float(one == other)


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ("", "", 1), ("a", "", 0), ("abcd", "abcd", 1), ("abcd", "abXd", 0.75), ("ab", "abcd", 0.5),
        ("xabc", "abc", 0), ("é", "e", 0), ("\ud800", "\ud800x", 0.5), ("😀b", "😀c", 0.5),
        ("\uffff", "", 0),
    ],
)  # fmt: skip
def test_the_hamming_share_is_over_the_longer_text(one: str, other: str, share: float) -> None:
    assert gram_of(SIGNALS.load("string"), [one, other])[0, 1] == pytest.approx(share)


@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_the_hamming_share_is_counted_right(one: str, other: str) -> None:
    equal = sum(a == b for a, b in zip(one, other, strict=False))
    longer = max(len(one), len(other))
    assert gram_of(SIGNALS.load("string"), [one, other])[0, 1] == pytest.approx(
        equal / longer if longer else 1
    )


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.text(st.sampled_from("abc é😀\ud800\U0010ffff\x00"), max_size=200), min_size=1, max_size=90)
)
def test_every_pair_of_many_texts_is_counted_right(texts: list[str]) -> None:
    gram = gram_of(SIGNALS.load("string"), texts)
    for row, one in enumerate(texts):
        for column, other in enumerate(texts):
            equal = sum(a == b for a, b in zip(one, other, strict=False))
            longer = max(len(one), len(other))
            assert gram[row, column] == (equal / longer if longer else 1.0)


def test_more_different_characters_than_a_byte_holds_are_told_apart() -> None:
    texts = ["".join(chr(0x4E00 + n) for n in range(start, start + 300)) for start in (0, 1, 300)]
    gram = gram_of(SIGNALS.load("string"), [*texts, texts[0]])
    assert gram[0].tolist() == [1.0, 0.0, 0.0, 1.0]


def test_very_long_texts_are_read_by_their_beginning() -> None:
    long = "a" * (MOST_CHARACTERS + 5)
    assert gram_of(SIGNALS.load("string"), [long, long[:-1] + "b"])[0, 1] == 1.0


def test_a_text_that_was_not_kept_cannot_be_compared_by_its_letters() -> None:
    measures, vectors = measured(["a", "b"])
    gone = [measures[0], make_measures("b", text=None)]
    assert hamming_gram(gone, 2, vectors) is None
    assert embedding_gram(gone, 2, vectors) is not None


def test_a_text_without_a_vector_leaves_the_whole_case_unmeasured() -> None:
    measures, vectors = measured(["a", "b", "c"])
    few = {name: vector for name, vector in vectors.items() if name != measures[1].digest}
    assert embedding_gram(measures, 3, few) is None
    assert embedding_gram(measures, 3, {}) is None
    assert embedding_gram(measures[:1], 1, few) is not None


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_vector_that_is_no_number_is_not_measured(bad: float) -> None:
    measures, vectors = measured(["a", "b"])
    broken = {**vectors, measures[0].digest: np.full(4, bad, dtype=np.float32)}
    assert embedding_gram(measures, 2, broken) is None


def test_the_width_is_the_median_distance_so_that_noise_is_half_way() -> None:
    measures, _ = measured(["a", "b", "c"])
    directions = np.eye(3, dtype=np.float32)
    gram = embedding_gram(measures, 3, {m.digest: directions[place] for place, m in enumerate(measures)})
    assert gram is not None
    assert gram[0, 1] == pytest.approx(np.exp(-1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 40), st.integers(1, 40))
def test_the_embedding_kernel_is_the_formula(seed: int, reference: int, candidate: int) -> None:
    rng = np.random.default_rng(seed)
    measures = [make_measures(f"text {n}") for n in rng.integers(0, 30, reference + candidate)]
    vectors = {m.digest: rng.normal(size=600).astype(np.float32) / 25 for m in measures}
    found = embedding_gram(measures, reference, vectors)
    drawn = [vectors[m.digest].astype(np.float64) for m in measures]
    squared = [[float(((u - v) ** 2).sum()) for v in drawn] for u in drawn]
    positive = [d for row in squared[:reference] for d in row[:reference] if d > 1e-6]
    width = max(float(np.median(positive)), 0.01) if positive else 1.0
    assert found is not None
    assert np.allclose(found, np.exp(-np.array(squared) / width), atol=1e-9)


def test_the_width_is_frozen_with_the_baseline() -> None:
    measures, vectors = measured(["a", "b", "c", "far", "farther"])
    whole, alone = embedding_gram(measures, 3, vectors), embedding_gram(measures[:3], 3, vectors)
    assert whole is not None
    assert alone is not None
    assert np.allclose(whole[:3, :3], alone)


def test_the_spread_reads_what_is_there_of_wording_and_meaning() -> None:
    measures, vectors = measured(["abcd", "abXd"])
    both, words = SPREAD.gram(measures, 2, vectors), SPREAD.gram(measures, 2, {})
    assert both is not None
    assert words is not None
    assert words[0, 1] == 0.75
    assert both[0, 0] == pytest.approx(2.0)
    assert SPREAD.gram([make_measures("x", text=None)], 1, {}) is None


def test_what_was_read_of_the_same_samples_is_not_read_again() -> None:
    measures, vectors = measured(["abcd", "abXd"])
    known: dict[Gram, np.ndarray | None] = {}  # type: ignore[type-arg]
    one = SPREAD.gram(measures, 2, vectors, known)
    assert set(known) == set(SPREAD.grams)
    other = SPREAD.gram(measures, 2, {}, known)
    assert one is not None
    assert other is not None
    assert np.array_equal(one, other)


def test_texts_that_are_all_but_equal_are_not_blown_up() -> None:
    measures, _ = measured(["a", "b"])
    near = np.array([1.0, 0.001], dtype=np.float32) / np.float32(np.hypot(1, 0.001))
    gram = embedding_gram(
        measures, 2, {measures[0].digest: np.array([1, 0], dtype=np.float32), measures[1].digest: near}
    )
    assert gram is not None
    assert gram[0, 1] > 0.99
    same, vectors = measured(["a", "a"])
    found = embedding_gram(same, 2, vectors)
    assert found is not None
    assert np.allclose(found, 1.0)
