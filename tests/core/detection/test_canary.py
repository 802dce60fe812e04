"""Test the nightly decision: quiet when nothing changed, loud when it did, and never sure of what it did not see."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.detection.canary import NightDecision, decide_night, pool, shown, test_signals
from harness.core.findings import Outcome
from harness.core.measures import Comparison, MeasuredSample, Measures
from harness.core.policy import Policy
from harness.core.signals import SIGNALS, Direction, Kernel, all_signals
from tests.support.cases import make_measures, make_sides, noisy_sides, swapped
from tests.support.records import make_case

# pytest would take the function for a test of its own.
signal_tests = test_signals
del test_signals

SIGNAL_LIST = all_signals()
POLICY, QUICK = Policy(), Policy(permutations=199, alpha=0.4)
Change = Callable[[Measures], Measures]


def drifted(comparison: Comparison, change: Change, cases: Sequence[int] | None = None) -> Comparison:
    """Change the candidate's samples, in some cases or in all."""
    return replace(
        comparison,
        cases=tuple(
            replace(m, candidate=tuple(replace(s, measures=change(s.measures)) for s in m.candidate))
            if cases is None or n in cases
            else m
            for n, m in enumerate(comparison.cases)
        ),
    )


def refuses(measures: Measures) -> Measures:
    return replace(measures, refused=1.0)


def complies(measures: Measures) -> Measures:
    return replace(measures, refused=0.0)


def unreadable(measures: Measures) -> Measures:
    return replace(measures, refused=None)


def decide(
    first: Comparison, confirm: Comparison | None = None, policy: Policy = POLICY, seed: int = 1
) -> NightDecision:
    return decide_night(SIGNAL_LIST, first, confirm, policy, seed)


def outcomes(decision: NightDecision) -> dict[str, Outcome]:
    return {reading.signal: reading.outcome for reading in decision.readings}


# --- false alarms -------------------------------------------------------------------------------------


def test_quiet_nights_raise_no_more_first_alarms_than_their_budget() -> None:
    nights = 300
    alarms = sum(decide(noisy_sides(seed, cases=4), seed=seed).wants_confirmation for seed in range(nights))
    assert alarms <= scipy.stats.binom.isf(0.001, nights, POLICY.alpha)


def test_the_budget_is_what_decides_how_often_a_quiet_night_strays() -> None:
    nights, loose = 100, Policy(permutations=199, alpha=0.4)
    alarms = sum(
        decide(noisy_sides(seed, cases=4), policy=loose, seed=seed).wants_confirmation
        for seed in range(nights)
    )
    assert scipy.stats.binom.isf(0.999, nights, 0.1) <= alarms <= scipy.stats.binom.isf(0.001, nights, 0.4)


def test_the_same_samples_on_both_sides_are_stable() -> None:
    comparison = noisy_sides(1)
    same = replace(comparison, cases=tuple(replace(m, candidate=m.reference) for m in comparison.cases))
    decision = decide(same)
    assert set(outcomes(decision).values()) == {Outcome.STABLE}
    assert (decision.findings, decision.wants_confirmation, decision.confirmed) == ((), False, None)
    assert all(r.p_value is not None and r.p_value > 0.5 for r in decision.readings)


# --- properties ---------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(6)), st.randoms(use_true_random=False))
def test_the_order_of_cases_and_samples_does_not_change_the_shift(
    seed: int, order: list[int], random: object
) -> None:
    comparison = noisy_sides(seed)

    def shuffle(samples: tuple[MeasuredSample, ...]) -> tuple[MeasuredSample, ...]:
        mixed = list(samples)
        random.shuffle(mixed)  # type: ignore[attr-defined]
        return tuple(mixed)

    turned = replace(
        comparison,
        cases=tuple(
            replace(m, reference=shuffle(m.reference), candidate=shuffle(m.candidate))
            for m in (comparison.cases[n] for n in order)
        ),
    )
    one, other = (signal_tests(SIGNAL_LIST, c, QUICK, 1) for c in (comparison, turned))
    for name, test in one.items():
        assert test.shift == pytest.approx(other[name].shift, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_swapping_the_sides_flips_the_direction(seed: int) -> None:
    comparison = noisy_sides(seed, reference=6, candidate=4)
    one, other = (signal_tests(SIGNAL_LIST, c, QUICK, 1) for c in (comparison, swapped(comparison)))
    for signal in SIGNAL_LIST:
        sign = 1 if isinstance(signal.reads, Kernel) else -1
        assert other[signal.name].shift == pytest.approx(sign * one[signal.name].shift, abs=1e-9)


def test_swapping_the_sides_turns_worse_into_better() -> None:
    worse = drifted(noisy_sides(2, reference=9, candidate=9), refuses)
    decisions = decide(worse, worse), decide(swapped(worse), swapped(worse))
    assert [outcomes(d)["refusal"] for d in decisions] == [Outcome.REGRESSED, Outcome.IMPROVED]


@pytest.mark.parametrize(
    ("signal", "change", "outcome"),
    [
        ("refusal", refuses, Outcome.REGRESSED),
        ("refusal", complies, Outcome.IMPROVED),
        ("format", lambda m: replace(m, invalid=1.0), Outcome.REGRESSED),
        ("format", lambda m: replace(m, invalid=0.0), Outcome.IMPROVED),
        ("quality", lambda m: replace(m, quality=0.0), Outcome.REGRESSED),
        ("quality", lambda m: replace(m, quality=1.0), Outcome.IMPROVED),
        ("length", lambda m: replace(m, length=9.0), Outcome.CHANGED),
        ("length", lambda m: replace(m, length=0.0), Outcome.CHANGED),
    ],
)
def test_each_signal_sees_its_own_drift_and_knows_its_direction(
    signal: str, change: Change, outcome: Outcome
) -> None:
    strayed = drifted(noisy_sides(3, cases=20, candidate=6), change)
    decision = decide(strayed, strayed)
    assert {name for name, found in outcomes(decision).items() if found is not Outcome.STABLE} == {signal}
    assert outcomes(decision)[signal] is outcome
    assert {finding.signal for finding in decision.findings} == {signal}


def test_other_words_are_seen_by_what_reads_words_alone() -> None:
    before = [make_measures(text) for text in ("It is blue now.", "It is navy now.", "It is blue now.")] * 5
    strayed = make_sides({f"c{n}": (before, [make_measures("A dark red one.")] * 3) for n in range(6)})
    found = outcomes(decide(strayed, strayed))
    assert {name for name, outcome in found.items() if outcome is Outcome.CHANGED} == {"embedding", "string"}
    assert found["hash"] is Outcome.STABLE


def test_the_more_cases_drift_the_larger_the_shift_and_the_smaller_the_p_value() -> None:
    comparison = make_sides({f"c{n}": ([make_measures()] * 15, [make_measures()] * 3) for n in range(8)})
    tests = [
        signal_tests(SIGNAL_LIST, drifted(comparison, refuses, range(n)), POLICY, 1)["refusal"]
        for n in (0, 1, 2, 8)
    ]
    shifts, p_values = [t.shift for t in tests], [t.p_value or 0.0 for t in tests]
    assert shifts == sorted(shifts)
    assert p_values == sorted(p_values, reverse=True)
    assert p_values[-1] == 0.001


def test_the_seed_decides() -> None:
    comparison = noisy_sides(5)
    assert decide(comparison, seed=3) == decide(comparison, seed=3)
    tests = [signal_tests(SIGNAL_LIST, comparison, POLICY, seed) for seed in (3, 4)]
    assert tests[0] != tests[1]
    assert all(abs((tests[0][n].p_value or 0) - (tests[1][n].p_value or 0)) < 0.1 for n in tests[0])


def test_a_level_that_no_p_value_could_reach_draws_more_permutations() -> None:
    strayed = drifted(noisy_sides(3, cases=12), refuses)
    few = Policy(permutations=99, alpha=0.01)
    assert decide(strayed, policy=few).wants_confirmation
    tiny = Policy(permutations=99, alpha=0.001)
    assert decide(strayed, policy=tiny).wants_confirmation


# --- confirmation -------------------------------------------------------------------------------------


def test_what_strays_once_waits_for_a_second_batch() -> None:
    decision = decide(drifted(noisy_sides(6, cases=12), refuses))
    assert (decision.wants_confirmation, decision.confirmed, decision.findings) == (True, None, ())
    assert outcomes(decision)["refusal"] is Outcome.STABLE


def test_a_confirmation_that_does_not_hold_leaves_it_stable() -> None:
    comparison = noisy_sides(6, cases=12)
    decision = decide(drifted(comparison, refuses), noisy_sides(7, cases=12))
    assert (decision.wants_confirmation, decision.confirmed, decision.findings) == (False, False, ())
    assert set(outcomes(decision).values()) == {Outcome.STABLE}


def test_a_confirmation_the_other_way_does_not_hold() -> None:
    comparison = noisy_sides(6, cases=24)
    first, second = drifted(comparison, refuses), drifted(comparison, complies)
    tests = [signal_tests(SIGNAL_LIST, c, POLICY, 1)["refusal"].p_value or 1.0 for c in (first, second)]
    assert max(tests) <= POLICY.alpha / 6
    assert (decide(first, second).confirmed, decide(first, first).confirmed) == (False, True)


def test_another_signal_in_the_second_batch_confirms_nothing() -> None:
    comparison = noisy_sides(6, cases=12)
    second = drifted(comparison, lambda m: replace(m, invalid=1.0))
    decision = decide(drifted(comparison, refuses), second)
    assert (decision.confirmed, decision.findings) == (False, ())


def test_a_second_batch_is_not_asked_for_where_nothing_strayed_or_the_policy_does_not_want_it() -> None:
    assert not decide(noisy_sides(1)).wants_confirmation
    decision = decide(drifted(noisy_sides(6, cases=12), refuses), policy=Policy(confirm=False))
    assert (decision.wants_confirmation, decision.confirmed) == (False, True)
    assert outcomes(decision)["refusal"] is Outcome.REGRESSED


def test_a_second_batch_that_could_not_be_read_is_no_all_clear() -> None:
    first = drifted(noisy_sides(6, cases=12), refuses)
    decision = decide(first, drifted(first, unreadable))
    assert (decision.confirmed, decision.wants_confirmation) == (None, False)
    assert outcomes(decision)["refusal"] is Outcome.INCONCLUSIVE


# --- findings -----------------------------------------------------------------------------------------


def test_the_cases_that_moved_are_named_and_the_others_are_not() -> None:
    strayed = drifted(noisy_sides(8, cases=12, reference=42), refuses, range(6))
    decision = decide(strayed, strayed)
    suite = [f for f in decision.findings if f.case is None]
    named = {f.case for f in decision.findings if f.case is not None}
    assert [f.signal for f in suite] == ["refusal"]
    assert named <= {f"case-{n}" for n in range(6)}
    assert len(named) >= 4
    assert all(f.n_candidate == 6 and f.n_reference == 42 for f in decision.findings if f.case is not None)


def test_cases_that_became_better_are_named_too() -> None:
    worse = make_sides(
        {f"c{n}": ([make_measures(refused=1.0)] * 15, [make_measures()] * 3) for n in range(6)}
    )
    named = {f.case: f.outcome for f in decide(worse, worse).findings if f.case is not None}
    assert named == {f"c{n}": Outcome.IMPROVED for n in range(6)}


def test_a_finding_says_from_where_to_where() -> None:
    quiet = make_sides({f"c{n}": ([make_measures()] * 15, [make_measures()] * 3) for n in range(6)})
    (suite, *_) = decide(drifted(quiet, refuses), drifted(quiet, refuses)).findings
    assert suite.because == "Refusal: share of replies that decline went from 0 % to 100 %."
    assert suite.effect is not None
    assert (suite.effect.reference, suite.effect.candidate, suite.effect.unit) == (0.0, 1.0, "rate")
    assert (suite.n_reference, suite.n_candidate) == (90, 18)


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [(None, "rate", "not measured"), (0.256, "rate", "26 %"), (0.5, "score", "50 of 100"),
     (float(np.log1p(120)), "log-characters", "120 characters"), (0.126, "distance", "0.13")],
)  # fmt: skip
def test_a_value_is_shown_in_the_readers_unit(value: float | None, unit: str, said: str) -> None:
    assert shown(value, unit) == said


def test_pooling_adds_the_second_batch_to_the_cases_of_the_first() -> None:
    first, confirm = noisy_sides(1, cases=3), noisy_sides(2, cases=2, candidate=5)
    assert [len(m.candidate) for m in pool(first, confirm).cases] == [8, 8, 3]
    assert pool(first, None) is first


# --- missing ------------------------------------------------------------------------------------------


def test_a_signal_that_tonight_cannot_be_read_is_inconclusive_and_never_drift() -> None:
    comparison = drifted(noisy_sides(1, cases=8), unreadable)
    decision = decide(comparison)
    assert outcomes(decision)["refusal"] is Outcome.INCONCLUSIVE
    assert next(r for r in decision.readings if r.signal == "refusal").p_value is None
    assert not decision.wants_confirmation


@pytest.mark.parametrize(("lost", "outcome"), [(2, Outcome.STABLE), (3, Outcome.INCONCLUSIVE)])
def test_over_a_quarter_of_the_cases_unread_is_too_little(lost: int, outcome: Outcome) -> None:
    comparison = drifted(noisy_sides(1, cases=8), unreadable, range(lost))
    assert outcomes(decide(comparison))["refusal"] is outcome


def test_a_signal_that_the_baseline_never_had_is_not_missed() -> None:
    bare = [make_measures(invalid=None, quality=None)] * 15
    found = outcomes(decide(make_sides({f"c{n}": (bare, bare[:3]) for n in range(4)})))
    assert set(found.values()) == {Outcome.STABLE}


def test_a_baseline_that_is_mostly_unread_makes_nothing_of_a_night_that_is_too() -> None:
    reference = [make_measures(refused=None)] * 14 + [make_measures()]
    found = outcomes(decide(make_sides({f"c{n}": (reference, reference[:3]) for n in range(4)})))
    assert found["refusal"] is Outcome.STABLE


def test_a_missing_encoder_leaves_the_embedding_alone_inconclusive() -> None:
    found = outcomes(decide(replace(noisy_sides(1), vectors={})))
    assert {name for name, outcome in found.items() if outcome is Outcome.INCONCLUSIVE} == {"embedding"}


def test_texts_that_were_never_kept_are_not_missed() -> None:
    reference = [make_measures(text=None)] * 15
    comparison = make_sides({f"c{n}": (reference, [make_measures("x")] * 3) for n in range(4)})
    assert outcomes(decide(replace(comparison, vectors={})))["string"] is Outcome.STABLE


def test_one_missing_sample_does_not_silence_the_others() -> None:
    comparison = noisy_sides(1, cases=12)
    gaps = replace(
        comparison,
        cases=tuple(
            replace(
                m,
                candidate=(
                    replace(m.candidate[0], measures=unreadable(m.candidate[0].measures)),
                    *m.candidate[1:],
                ),
            )
            for m in drifted(comparison, refuses).cases
        ),
    )
    assert decide(gaps).wants_confirmation


def test_a_constant_prompt_has_nothing_to_say() -> None:
    constant = make_sides(
        {f"c{n}": ([make_measures("42")] * 15, [make_measures("42")] * 3) for n in range(4)}
    )
    for name, test in signal_tests(SIGNAL_LIST, constant, POLICY, 1).items():
        assert (test.p_value, test.shift) == (1.0, pytest.approx(0.0, abs=1e-12)), name


def test_no_case_at_all_is_no_statement() -> None:
    decision = decide(make_sides({}))
    assert all(r.p_value is None and r.tonight is None for r in decision.readings)
    assert not decision.wants_confirmation


# --- which signals may gate a case --------------------------------------------------------------------


def limited(signals: tuple[str, ...], comparison: Comparison) -> Comparison:
    return replace(
        comparison,
        cases=tuple(replace(m, case=make_case(m.case.id, signals=signals)) for m in comparison.cases),
    )


def test_a_case_is_gated_by_the_signals_it_names_alone() -> None:
    strayed = drifted(noisy_sides(9, cases=12), refuses)
    assert not decide(limited(("length",), strayed)).wants_confirmation
    assert not decide(limited((), strayed)).wants_confirmation
    assert decide(limited(("refusal",), strayed)).wants_confirmation


def test_a_signal_that_no_case_lets_gate_is_not_missed() -> None:
    for signals in ((), ("refusal",)):
        comparison = limited(signals, replace(noisy_sides(9), vectors={}))
        assert set(outcomes(decide(comparison)).values()) == {Outcome.STABLE}


def test_the_hash_is_shown_and_never_decides() -> None:
    def other_last_letter(m: Measures) -> Measures:
        text = f"{(m.text or '')[:-1]}!"
        return make_measures(text, refused=m.refused, invalid=m.invalid, quality=m.quality, length=m.length)

    hashed = tuple(signal for signal in SIGNAL_LIST if signal.name in ("hash", "refusal"))
    strayed = drifted(noisy_sides(10, cases=12), other_last_letter)
    decision = decide_night(hashed, strayed, strayed, POLICY, 1)
    found = next(r for r in decision.readings if r.signal == "hash")
    assert (found.p_value, found.outcome) == (0.001, Outcome.STABLE)
    assert (decision.findings, decision.wants_confirmation) == ((), False)
    assert SIGNALS.load("hash").direction is Direction.NONE
