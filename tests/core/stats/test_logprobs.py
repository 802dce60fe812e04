"""Test distances of log-probabilities: invariances, what is missing, and false alarms on simulated nights."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.stats.floor import NightStatistic
from harness.core.stats.logprobs import (
    RESOLUTION,
    USUAL_SD,
    Floats,
    NightScores,
    TopTokens,
    Vectors,
    align_nights,
    night_scores,
    night_statistic,
    permutation_p,
    prompt_scores,
)

LEVEL = 0.0075 / 7
SEEDS = st.integers(0, 2**32)


def quiet_night(
    rng: np.random.Generator,
    *,
    prompts: int = 5,
    calls: int = 2,
    tokens: int = 30,
    night: float = 0.03,
    call: float = 0.05,
    restless: float = 0.0,
    along: Floats | None = None,
) -> dict[str, Floats]:
    """Draw a night: what its calls share, `restless` more on some nights or `along` one direction, and noise."""
    scale = night * float(np.exp(restless * rng.normal()))
    step = rng.normal()
    return {
        f"p{place}": (scale * (rng.normal(size=tokens) if along is None else step * along[place]))
        + call * rng.normal(size=(calls, tokens))
        for place in range(prompts)
    }


def nights(rng: np.random.Generator, count: int, **shape: object) -> list[dict[str, Floats]]:
    return [quiet_night(rng, **shape) for _ in range(count)]  # type: ignore[arg-type]  # fields by name


def scored(baseline: Sequence[Vectors], *tested: Vectors) -> NightScores:
    found = night_scores(baseline, tested)
    assert found is not None
    return found


def p_values(statistic: NightStatistic) -> Floats:
    t = (statistic.tested - statistic.mean) / (statistic.sd * np.sqrt(1 + 1 / statistic.nights))
    return np.asarray(scipy.stats.t.sf(t, statistic.degrees))


# --- vectors ------------------------------------------------------------------------------------------

CALLS = st.lists(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(-20, 0)), max_size=5).map(
        lambda pairs: tuple(dict(pairs).items())
    ),
    max_size=4,
)


def test_a_token_that_a_call_does_not_list_gets_the_smallest_it_lists() -> None:
    first: TopTokens = (("a", -0.1), ("b", -3.0))
    second: TopTokens = (("a", -0.2), ("c", -2.5))
    one, two = align_nights([{"p": [first, second]}, {"p": [second]}])
    assert one["p"].tolist() == [[-0.1, -3.0, -3.0], [-0.2, -2.5, -2.5]]
    assert two["p"].tolist() == [[-0.2, -2.5, -2.5]]


def test_a_call_without_a_list_was_not_measured() -> None:
    one, two = align_nights([{"p": [(), (("a", -0.1),)], "q": [()]}, {"p": [], "q": [(("b", 0.0),)]}])
    assert one["p"].tolist() == [[-0.1]] and "q" not in one
    assert "p" not in two and two["q"].tolist() == [[0.0]]


def test_a_token_listed_twice_counts_with_its_larger_value() -> None:
    (night,) = align_nights([{"p": [(("�", -4.0), ("a", -0.1), ("�", -2.0))]}])
    assert night["p"].tolist() == [[-2.0, -0.1]]


@given(st.lists(CALLS, min_size=1, max_size=4))
def test_every_night_has_a_row_for_each_call_and_the_same_columns(calls: list[list[TopTokens]]) -> None:
    aligned = align_nights([{"p": night} for night in calls])
    union = {token for night in calls for call in night for token, _ in call}
    for night, vectors in zip(calls, aligned, strict=True):
        measured = [dict(call) for call in night if call]
        assert ("p" in vectors) == bool(measured)
        if measured:
            assert vectors["p"].shape == (len(measured), len(union))
            for row, call in zip(vectors["p"], measured, strict=True):
                assert sorted({*row}) == sorted({*call.values()})
                assert row.max() == max(call.values())


# --- distances ----------------------------------------------------------------------------------------


def test_distances_by_hand() -> None:
    baseline = [
        {"p": np.array([[0.0, -1.0]])},
        {"p": np.array([[0.0, -3.0]])},
        {"p": np.array([[0.0, -2.0]])},
    ]
    found = scored(baseline, {"p": np.array([[-1.0, -4.0]])})
    # Against the means -2.5, -1.5 and -2 of the other two, halved by the token that never moves.
    assert found.baseline.tolist() == pytest.approx([0.75, 0.75, 0.0])
    assert found.tested.tolist() == pytest.approx([np.mean([1 + 1.5, 1 + 2.5, 1 + 2.0]) / 2])


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_no_order_matters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    baseline, tonight = nights(rng, 6, calls=3), quiet_night(rng, calls=3)
    before = scored(baseline, tonight)
    turned, columns = rng.permutation(6), rng.permutation(30)

    def shuffled(night: Vectors) -> Vectors:
        return {
            prompt: night[prompt][rng.permutation(3)][:, columns] for prompt in rng.permutation(list(night))
        }

    after = scored([shuffled(baseline[n]) for n in turned], shuffled(tonight))
    assert after.baseline == pytest.approx(before.baseline[turned])
    assert after.tested == pytest.approx(before.tested)


@given(SEEDS, st.sampled_from([1, 2, 10]))
@settings(max_examples=10, deadline=None)
def test_a_tested_night_has_the_same_expectation_as_a_baseline_night(seed: int, calls: int) -> None:
    rng = np.random.default_rng(seed)
    found = [scored(drawn[:-1], drawn[-1]) for drawn in (nights(rng, 5, calls=calls) for _ in range(100))]
    held = np.array([one.baseline.mean() for one in found])
    tested = np.array([one.tested[0] for one in found])
    error = np.hypot(held.std(), tested.std()) / np.sqrt(len(found))
    assert abs(held.mean() - tested.mean()) < 4.5 * error


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_a_larger_drift_is_never_closer_once_it_is_over_the_noise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    baseline, quiet = nights(rng, 10), quiet_night(rng)
    way = {prompt: rng.normal(size=30) for prompt in quiet}
    sizes = (0.0, 0.1, 0.2, 0.5, 1.0, 5.0)
    tested = [{prompt: quiet[prompt] + size * way[prompt] for prompt in quiet} for size in sizes]
    found = scored(baseline, *tested).tested
    assert np.all(np.diff(found) > 0)
    statistic = night_statistic(scored(baseline, *tested))
    assert np.all(np.diff(p_values(statistic)) < 0)
    assert p_values(statistic)[-1] < LEVEL


def test_several_tested_nights_are_each_held_against_the_same_baseline() -> None:
    rng = np.random.default_rng(4)
    baseline, tested = nights(rng, 8), nights(rng, 3)
    together = scored(baseline, *tested)
    for place, night in enumerate(tested):
        alone = scored(baseline, night)
        assert alone.tested[0] == together.tested[place]
        assert np.array_equal(alone.baseline, together.baseline)


# --- what is missing ----------------------------------------------------------------------------------


def test_a_prompt_missing_tonight_is_left_out_of_the_baseline_too() -> None:
    rng = np.random.default_rng(5)
    baseline, tonight = nights(rng, 6), quiet_night(rng)
    less = {prompt: calls for prompt, calls in tonight.items() if prompt != "p3"}
    cut = [{prompt: night[prompt] for prompt in less} for night in baseline]
    found, wanted = scored(baseline, less), scored(cut, less)
    assert np.array_equal(found.baseline, wanted.baseline) and np.array_equal(found.tested, wanted.tested)
    scores = prompt_scores(baseline, [tonight, less])
    assert scores is not None and scores.prompts == ("p0", "p1", "p2", "p4")


def test_a_baseline_night_that_lacks_the_restless_prompt_is_not_the_quietest() -> None:
    rng = np.random.default_rng(6)
    drawn = nights(rng, 200)
    loud = [{**night, "p0": 20 * night["p0"]} for night in drawn]
    lacking = [
        {k: v for k, v in night.items() if k != "p0"} if n % 2 else night for n, night in enumerate(loud)
    ]
    found = scored(lacking, loud[0]).baseline
    assert found[1::2].mean() == pytest.approx(found[::2].mean(), rel=0.1)


def test_a_night_that_measured_nothing_has_no_score_and_changes_no_other() -> None:
    rng = np.random.default_rng(7)
    baseline, tonight = nights(rng, 6), quiet_night(rng)
    found = scored([*baseline[:3], {}, *baseline[3:]], tonight)
    wanted = scored(baseline, tonight)
    assert np.isnan(found.baseline[3])
    assert np.array_equal(np.delete(found.baseline, 3), wanted.baseline)
    assert night_statistic(found).sd == night_statistic(wanted).sd
    assert night_statistic(found).nights == 6


@pytest.mark.parametrize("count", [0, 1])
def test_with_fewer_than_two_baseline_nights_nothing_is_said(count: int) -> None:
    rng = np.random.default_rng(8)
    assert night_scores(nights(rng, count), [quiet_night(rng)]) is None


def test_where_nothing_was_measured_on_both_sides_nothing_is_said() -> None:
    rng = np.random.default_rng(9)
    baseline = nights(rng, 5)
    assert night_scores(baseline, [{}]) is None
    assert night_scores(baseline, []) is None
    assert night_scores(baseline, [{"other": np.zeros((2, 30))}]) is None
    assert night_scores(baseline, [{"p0": np.zeros((0, 30))}]) is None
    assert permutation_p(baseline[0], {"other": np.zeros((2, 30))}, rng, 9) is None


def test_a_night_of_fewer_or_more_calls_is_as_far_as_any_other() -> None:
    rng = np.random.default_rng(10)
    for night in (0.0, 0.03):
        for calls in (2, 5, 20):
            found = [
                scored(nights(rng, 8, calls=10, night=night), quiet_night(rng, calls=calls, night=night))
                for _ in range(60)
            ]
            ratio = np.mean([one.tested[0] / one.baseline.mean() for one in found])
            assert ratio == pytest.approx(1.0, abs=0.06)


def test_a_prompt_that_never_moves_breaks_nothing_and_shows_when_it_does() -> None:
    rng = np.random.default_rng(11)
    still = {"still": np.tile([0.0, -12.0], (2, 1))}
    baseline, tonight = [{**n, **still} for n in nights(rng, 14)], {**quiet_night(rng), **still}
    assert p_values(night_statistic(scored(baseline, tonight)))[0] > LEVEL
    only = scored([still] * 14, still)
    assert only.baseline.tolist() == [0.0] * 14 and only.tested.tolist() == [0.0]
    assert p_values(night_statistic(only))[0] == pytest.approx(0.5)
    for size, seen in ((RESOLUTION / 10, False), (0.1, True)):
        moved = {"still": still["still"] - size}
        assert (p_values(night_statistic(scored([still] * 14, moved)))[0] <= LEVEL) == seen


def test_the_deviation_is_never_below_what_was_seen() -> None:
    wild = NightScores(baseline=np.exp(np.linspace(-6.0, 0.0, 14)), tested=np.ones(1))
    assert night_statistic(wild).sd >= np.log(wild.baseline + RESOLUTION).std(ddof=1)
    calm = night_statistic(NightScores(baseline=np.full(14, 0.1), tested=np.ones(1)))
    assert 0 < calm.sd < USUAL_SD


def test_nights_that_stray_upwards_widen_the_floor_more_than_nights_that_stray_downwards() -> None:
    up, down = ([0.1] * 11 + [0.1 * factor] * 3 for factor in (4.0, 0.25))
    wider, narrower = (
        night_statistic(NightScores(baseline=np.array(found), tested=np.ones(1))).sd for found in (up, down)
    )
    assert wider > 1.2 * narrower


# --- false alarms -------------------------------------------------------------------------------------

KINDS: Mapping[str, Mapping[str, float]] = {
    "plain": {},
    "restless": {"restless": 0.25},
    "very restless": {"restless": 0.5},
    "one way": {},
}


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize(("prompts", "calls"), [(5, 2), (1, 10)])
def test_two_thousand_quiet_nights_raise_hardly_more_alarms_than_the_level(
    kind: str, prompts: int, calls: int
) -> None:
    rng = np.random.default_rng(12)
    found = []
    for _ in range(500):
        along = rng.normal(size=(prompts, 30)) if kind == "one way" else None
        shape = {"prompts": prompts, "calls": calls, "along": along, **KINDS[kind]}
        baseline, tested = nights(rng, 14, **shape), nights(rng, 4, **shape)
        found.append(p_values(night_statistic(scored(baseline, *tested))))
    p = np.concatenate(found)
    assert p.size == 2_000
    # Nights of one suite share a baseline, so alarms come in clusters. Where the noise of some nights is
    # e times that of others, a dozen nights cannot show it, and the rate is several times the level.
    limit = (5 if kind == "very restless" else 2) * LEVEL
    assert np.count_nonzero(p <= LEVEL) <= scipy.stats.binom.isf(0.01, 2_000, limit)
    assert np.mean(p <= 0.05) < 0.08
    if kind != "plain":
        assert np.mean(p <= 0.05) > 0.005


def test_a_plain_permutation_test_alarms_on_quiet_nights() -> None:
    rng = np.random.default_rng(13)
    alarms = 0
    for _ in range(60):
        *baseline, tonight = nights(rng, 15)
        pooled = {prompt: np.concatenate([night[prompt] for night in baseline]) for prompt in tonight}
        p = permutation_p(pooled, tonight, rng, 999)
        assert p is not None
        alarms += p <= LEVEL
    assert alarms / 60 > 50 * LEVEL


def test_a_drift_of_three_times_the_usual_distance_is_seen() -> None:
    rng = np.random.default_rng(14)
    seen = 0
    for _ in range(100):
        baseline, tonight = nights(rng, 14, restless=0.25), quiet_night(rng, restless=0.25)
        moved = {prompt: calls + 0.15 * rng.normal(size=30) for prompt, calls in tonight.items()}
        seen += int(p_values(night_statistic(scored(baseline, moved)))[0] <= LEVEL)
    assert seen >= 95


# --- permutation --------------------------------------------------------------------------------------


def test_the_permutation_test_keeps_its_level_where_calls_are_exchangeable() -> None:
    rng = np.random.default_rng(15)
    found = []
    for _ in range(300):
        reference, candidate = nights(rng, 2, night=0.0, calls=6, prompts=2)
        found.append(permutation_p(reference, candidate, rng, 99))
    p = np.array(found, dtype=np.float64)
    for level in (0.05, 0.2, 0.5):
        assert abs(np.mean(p <= level) - level) < 4 * np.sqrt(level * (1 - level) / 300)


def test_a_shift_of_any_prompt_lowers_the_permutation_p() -> None:
    rng = np.random.default_rng(16)
    reference, candidate = nights(rng, 2, night=0.0, calls=8, prompts=2)
    moved = {**candidate, "p1": candidate["p1"] + 0.5}
    assert permutation_p(reference, moved, rng, 999) == pytest.approx(0.001)


def test_equal_sides_have_p_1_even_with_a_large_common_value() -> None:
    side = {"p": np.tile([-1e3 / 3, -0.1], (5, 1))}
    assert permutation_p(side, side, np.random.default_rng(17), 99) == 1.0


def test_the_permutation_statistic_is_the_mean_absolute_difference_of_means() -> None:
    reference, candidate = {"p": np.array([[0.0], [0.0], [9.0]])}, {"p": np.array([[1.0]])}
    # |shifts| over the four ways to label one call: 2, 3 + 1/3, 3 + 1/3 and 8 + 2/3; the observed is the least.
    assert permutation_p(reference, candidate, np.random.default_rng(18), 500) == 1.0
    far = {"p": np.array([[20.0]])}
    p = permutation_p(reference, far, np.random.default_rng(18), 5_000)
    assert p == pytest.approx(0.25, abs=0.03)
