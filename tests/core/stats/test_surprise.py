"""Test surprise and spread against the formulas written out in loops, with samples and nights missing."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.core.stats.surprise import Nights, PromptScores, spread, surprise

Floats = NDArray[np.float64]


@st.composite
def prompts(draw: st.DrawFn, fewest: int = 0) -> tuple[Floats, Nights, int]:
    """Draw similarities of one prompt's samples, in any order, some nights without any."""
    baseline, tested = draw(st.integers(2, 7)), draw(st.integers(1, 3))
    usual = draw(st.integers(1, 4))
    sizes = draw(
        st.lists(
            st.integers(fewest, usual + 1) | st.just(usual),
            min_size=baseline + tested,
            max_size=baseline + tested,
        )
    )
    of_sample = np.repeat(np.arange(baseline + tested), sizes)
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    rng.shuffle(of_sample)
    answers = rng.integers(0, draw(st.integers(1, 4)), of_sample.size)
    alike = rng.uniform(0, 1, (4, 4))
    alike = (alike + alike.T) / 2
    np.fill_diagonal(alike, 1.0)
    return (
        alike[np.ix_(answers, answers)],
        Nights(of_sample=of_sample, baseline=baseline, tested=tested),
        usual,
    )


def slow_surprise(similarity: Floats, nights: Nights) -> list[float]:
    """Return u of every night, as the method is written."""
    rows = [list(np.flatnonzero(nights.of_sample == n)) for n in range(nights.baseline + nights.tested)]
    there = [n for n in range(nights.baseline) if rows[n]]

    def u(x: int, left_out: int) -> float:
        others = [j for n in there if n != left_out for j in rows[n]]
        if not others:
            return math.nan
        return -math.log(sum(similarity[x, j] for j in others) / len(others) + 0.5 / len(others))

    found = []
    for night, samples in enumerate(rows):
        if night < nights.baseline:
            scores = [u(x, night) for x in samples]
        else:
            scores = [sum(u(x, b) for b in there) / len(there) if there else math.nan for x in samples]
        found.append(sum(scores) / len(scores) if scores else math.nan)
    return found


def slow_spread(similarity: Floats, nights: Nights) -> list[float]:
    """Return V of every night, as the method is written; every night has the same samples, or none."""
    rows = [list(np.flatnonzero(nights.of_sample == n)) for n in range(nights.baseline + nights.tested)]
    there = [n for n in range(nights.baseline) if rows[n]]

    def g(a: int, b: int) -> float:
        return float(np.mean([similarity[i, j] for i in rows[a] for j in rows[b]]))

    def v(night: int, left_out: int) -> float:
        r = [n for n in there if n != left_out]
        if not r:
            return math.nan
        return (
            g(night, night)
            - 2 * sum(g(night, j) for j in r) / len(r)
            + sum(g(i, j) for i in r for j in r) / len(r) ** 2
        )

    found = []
    for night, samples in enumerate(rows):
        if not samples or len(there) < 2:
            found.append(math.nan)
        elif night < nights.baseline:
            found.append(v(night, night))
        else:
            found.append(sum(v(night, b) for b in there) / len(there))
    return found


def joined(scores: PromptScores) -> Floats:
    return np.concatenate([scores.baseline, scores.tested])


@pytest.mark.filterwarnings("error")
@settings(max_examples=80, deadline=None)
@given(prompts())
def test_surprise_is_the_formula(prompt: tuple[Floats, Nights, int]) -> None:
    similarity, nights, _ = prompt
    assert joined(surprise(similarity, nights)) == pytest.approx(
        slow_surprise(similarity, nights), nan_ok=True
    )


@pytest.mark.filterwarnings("error")
@settings(max_examples=80, deadline=None)
@given(prompts(), st.data())
def test_spread_is_the_formula(prompt: tuple[Floats, Nights, int], data: st.DataObject) -> None:
    similarity, nights, usual = prompt
    counts = np.bincount(nights.of_sample, minlength=nights.baseline + nights.tested)
    kept = np.isin(nights.of_sample, np.flatnonzero(counts == usual))
    same = Nights(of_sample=nights.of_sample[kept], baseline=nights.baseline, tested=nights.tested)
    similarity = similarity[np.ix_(kept, kept)]
    assert joined(spread(similarity, same, usual)) == pytest.approx(
        slow_spread(similarity, same), nan_ok=True, abs=1e-12
    )


@settings(max_examples=40, deadline=None)
@given(prompts(), st.randoms(use_true_random=False))
def test_the_order_of_samples_does_not_matter(prompt: tuple[Floats, Nights, int], random: object) -> None:
    similarity, nights, usual = prompt
    order = list(range(nights.of_sample.size))
    random.shuffle(order)  # type: ignore[attr-defined]
    turned = Nights(of_sample=nights.of_sample[order], baseline=nights.baseline, tested=nights.tested)
    shuffled = similarity[np.ix_(order, order)]
    assert joined(surprise(shuffled, turned)) == pytest.approx(
        joined(surprise(similarity, nights)), nan_ok=True
    )
    assert joined(spread(shuffled, turned, usual)) == pytest.approx(
        joined(spread(similarity, nights, usual)), nan_ok=True, abs=1e-12
    )


def test_a_night_that_lost_a_sample_is_not_more_spread_for_it() -> None:
    # Two wordings, half and half: with one sample fewer, a sample's likeness with itself would weigh more.
    rng = np.random.default_rng(2)
    seen: dict[int, list[float]] = {2: [], 4: []}
    for _ in range(400):
        for size, found in seen.items():
            of_sample = np.repeat(np.arange(9), [4] * 8 + [size])
            answers = rng.integers(0, 2, of_sample.size)
            similarity = (answers[:, None] == answers[None, :]).astype(float)
            found.append(
                float(spread(similarity, Nights(of_sample=of_sample, baseline=8, tested=1), 4).tested[0])
            )
    error = np.std(seen[2]) / np.sqrt(400)
    assert np.mean(seen[2]) == pytest.approx(np.mean(seen[4]), abs=4 * error)


def test_one_sample_where_more_are_usual_tells_no_spread() -> None:
    of_sample = np.array([0, 0, 1, 1, 2, 2, 3])
    found = spread(np.ones((7, 7)), Nights(of_sample=of_sample, baseline=3, tested=1), 2)
    assert np.isnan(found.tested[0])
    assert np.isfinite(found.baseline).all()


def test_a_reply_never_seen_before_is_the_most_surprising() -> None:
    of_sample = np.repeat(np.arange(6), 3)
    similarity = np.ones((18, 18))
    similarity[15:, :15] = similarity[:15, 15:] = 0.0
    found = surprise(similarity, Nights(of_sample=of_sample, baseline=5, tested=1))
    assert found.tested[0] == pytest.approx(-np.log(0.5 / 12))
    assert found.baseline == pytest.approx(np.full(5, -np.log(1 + 0.5 / 12)))
