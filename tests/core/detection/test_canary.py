"""Test the nightly decision: quiet when nothing changed, loud when it did, and never sure of what it did not see."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.detection.canary import decide_night
from harness.core.detection.question import NightDecision
from harness.core.detection.report import shown
from harness.core.findings import Outcome
from harness.core.measures import Comparison, MeasuredSample, Measures
from harness.core.policy import Policy
from harness.core.signals import SIGNALS, Direction, all_signals
from harness.core.verdict import SignalReading
from tests.support.cases import asking, make_measures, make_sides, noisy_sides
from tests.support.records import make_case

SIGNAL_LIST = all_signals()
DECIDING = {signal.name for signal in SIGNAL_LIST if signal.decides and not signal.optional}
Change = Callable[[Measures], Measures]


def night(seed: int, cases: int = 8, **fields: int) -> Comparison:
    """Draw a quiet night against 14 others."""
    return noisy_sides(seed, cases=cases, **{"reference": 42, **fields})


def again(seed: int, of: Comparison) -> Comparison:
    """Draw another unchanged night of the same suite."""
    drawn = noisy_sides(seed, cases=len(of.cases), reference=3)
    return replace(drawn, cases=tuple(replace(m, reference=()) for m in drawn.cases))


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


def unreadable(measures: Measures) -> Measures:
    return replace(measures, refused=None)


def decide(
    tonight: Comparison,
    confirm: Comparison | None = None,
    earlier: Sequence[Comparison] = (),
    awaited: Comparison | None = None,
    *,
    policy: Policy | None = None,
    samples: int | None = None,
    widened: float = 1.0,
) -> NightDecision:
    comparison, question = asking(tonight, confirm, earlier, awaited, samples=samples, widened=widened)
    return decide_night(SIGNAL_LIST, comparison, question, policy or Policy())


def outcomes(decision: NightDecision) -> dict[str, Outcome]:
    return {reading.signal: reading.outcome for reading in decision.readings}


def reading(decision: NightDecision, signal: str) -> SignalReading:
    return next(found for found in decision.readings if found.signal == signal)


def p_values(decision: NightDecision) -> dict[str, float]:
    """Return the p-values of what was measured."""
    return {found.signal: found.p_value for found in decision.readings if found.p_value is not None}


# --- quiet nights, and each drift ---------------------------------------------------------------------


def test_a_night_that_repeats_a_baseline_night_is_stable() -> None:
    comparison = night(1)
    same = replace(comparison, cases=tuple(replace(m, candidate=m.reference[6:9]) for m in comparison.cases))
    decision = decide(same)
    assert set(outcomes(decision).values()) == {Outcome.STABLE}
    assert (decision.findings, decision.wants_confirmation, decision.confirmed) == ((), False, None)
    assert all(reading(decision, name).p_value is not None for name in DECIDING)


@pytest.mark.parametrize(
    ("signal", "change", "outcome"),
    [
        ("refusal", refuses, Outcome.REGRESSED),
        ("refusal", lambda m: replace(m, refused=0.0), Outcome.CHANGED),
        ("format", lambda m: replace(m, invalid=1.0), Outcome.REGRESSED),
        ("quality", lambda m: replace(m, quality=0.0), Outcome.REGRESSED),
        ("length", lambda m: replace(m, length=9.0), Outcome.CHANGED),
        ("length", lambda m: replace(m, length=0.0), Outcome.CHANGED),
    ],
)
def test_each_signal_sees_its_own_drift_and_knows_its_direction(
    signal: str, change: Change, outcome: Outcome
) -> None:
    strayed = drifted(night(3, cases=20, candidate=6), change)
    decision = decide(strayed, strayed)
    assert {name for name, found in outcomes(decision).items() if found is not Outcome.STABLE} == {signal}
    assert outcomes(decision)[signal] is outcome
    assert {finding.signal for finding in decision.findings} == {signal}


@pytest.mark.parametrize("change", [lambda m: replace(m, invalid=0.0), lambda m: replace(m, quality=1.0)])
def test_a_better_format_or_quality_is_no_drift(change: Change) -> None:
    better = drifted(night(3, cases=20, candidate=6), change)
    decision = decide(better, better)
    assert (decision.findings, set(outcomes(decision).values())) == ((), {Outcome.STABLE})


def test_other_words_are_seen_by_what_reads_words_alone() -> None:
    before = [make_measures(text) for text in ("It is blue now.", "It is navy now.", "It is blue now.")] * 14
    strayed = make_sides({f"c{n}": (before, [make_measures("A dark red one.")] * 3) for n in range(6)})
    found = outcomes(decide(strayed, strayed))
    changed = {name for name, outcome in found.items() if outcome is Outcome.CHANGED}
    assert {"embedding", "string"} <= changed <= {"embedding", "string", "spread"}
    assert found["hash"] is Outcome.STABLE


def test_a_night_that_varies_where_others_repeat_themselves_is_seen_by_the_spread_alone() -> None:
    # The same two wordings, as often as ever; but a night used to keep to one, and now it mixes them.
    texts = ("Forty-two, the table says it.", "The table has it: forty-two it is."[:29])
    rng = np.random.default_rng(4)
    sides = {}
    for place in range(20):
        of_night = [make_measures(f"{place} {texts[rng.integers(2)]}") for _ in range(28)]
        mixed = [make_measures(f"{place} {texts[n % 2]}") for n in range(6)]
        sides[f"c{place}"] = ([one for one in of_night for _ in range(6)], mixed)
    pure = make_sides(sides, k=6)
    decision = decide(pure, pure)
    assert p_values(decision)["spread"] == pytest.approx(1.0)
    turned = make_sides(
        {name: ([m for _ in range(28) for m in mixed], [mixed[0]] * 6) for name, (_, mixed) in sides.items()},
        k=6,
    )
    found = outcomes(decide(turned, turned))
    assert found["spread"] is Outcome.CHANGED
    assert found["length"] is Outcome.STABLE


# --- confirmation -------------------------------------------------------------------------------------


def test_what_strays_once_waits_for_a_second_batch() -> None:
    decision = decide(drifted(night(6), refuses))
    assert (decision.wants_confirmation, decision.confirmed, decision.findings) == (True, None, ())
    assert outcomes(decision)["refusal"] is Outcome.STABLE


def test_a_confirmation_that_does_not_hold_leaves_it_stable() -> None:
    comparison = night(6)
    decision = decide(drifted(comparison, refuses), again(7, comparison))
    assert (decision.wants_confirmation, decision.confirmed, decision.findings) == (False, False, ())
    assert set(outcomes(decision).values()) == {Outcome.STABLE}
    # Both together would be drift: the second batch has to lean the same way by itself.
    assert (reading(decision, "refusal").confirm_p_value or 1.0) < Policy().alpha / 7


def test_a_confirmation_the_other_way_does_not_hold() -> None:
    comparison = night(6, cases=20)
    longer = drifted(comparison, lambda m: replace(m, length=m.length + 3.0))
    shorter = drifted(comparison, lambda m: replace(m, length=m.length - 2.0))
    assert decide(shorter).wants_confirmation
    assert (decide(longer, shorter).confirmed, decide(longer, longer).confirmed) == (False, True)


def test_a_first_event_confirms_another_whatever_the_usual_ones_do() -> None:
    # Cases that never declined do so now, while the one that sometimes does is first above, then below its mean.
    before = [make_measures(refused=0.0)] * 42
    edge = [make_measures(refused=float(n % 3 == 0)) for n in range(42)]

    def suite(declines: float) -> Comparison:
        sides = {f"c{n}": (before, [make_measures(refused=1.0)] * 3) for n in range(8)}
        return make_sides({**sides, "edge": (edge, [make_measures(refused=declines)] * 3)})

    for first, second in ((1.0, 0.0), (0.0, 1.0)):
        decision = decide(suite(first), suite(second))
        assert (decision.confirmed, outcomes(decision)["refusal"]) == (True, Outcome.REGRESSED)


def test_another_signal_in_the_second_batch_confirms_nothing() -> None:
    comparison = night(6)
    second = drifted(again(8, comparison), lambda m: replace(m, length=m.length + 4.0))
    decision = decide(drifted(comparison, refuses), second)
    assert (decision.confirmed, decision.findings) == (False, ())


def test_a_second_batch_is_not_asked_for_where_nothing_strayed_or_the_policy_does_not_want_it() -> None:
    assert not decide(night(1)).wants_confirmation
    decision = decide(drifted(night(6), refuses), policy=Policy(confirm=False))
    assert (decision.wants_confirmation, decision.confirmed) == (False, True)
    assert outcomes(decision)["refusal"] is Outcome.REGRESSED


def test_a_single_batch_has_to_reach_the_level_of_drift_where_nothing_confirms_it() -> None:
    comparison = night(6)
    found = {}
    for step in range(1, 14):
        mild = drifted(comparison, lambda m, by=0.05 * step: replace(m, length=m.length + by))  # type: ignore[misc]
        p = p_values(decide(mild))["length"]
        found[Policy().alpha / 7 < p, p <= Policy().screen / 7] = mild
    assert decide(found[True, True]).wants_confirmation
    assert not decide(found[True, True], policy=Policy(confirm=False)).findings
    assert decide(found[False, True], policy=Policy(confirm=False)).findings


def test_a_second_batch_that_could_not_be_read_is_no_all_clear() -> None:
    first = drifted(night(6), refuses)
    decision = decide(first, drifted(first, unreadable))
    assert (decision.confirmed, decision.wants_confirmation) == (None, False)
    assert outcomes(decision)["refusal"] is Outcome.INCONCLUSIVE


def test_the_next_night_confirms_a_batch_that_was_not_asked_again() -> None:
    strayed = drifted(night(6), refuses)
    decision = decide(strayed, awaited=strayed)
    assert (decision.confirmed, outcomes(decision)["refusal"]) == (True, Outcome.REGRESSED)
    quiet = decide(night(6), awaited=strayed)
    assert (quiet.findings, quiet.wants_confirmation) == ((), False)


# --- the window ---------------------------------------------------------------------------------------


def small_drift(seed: int) -> Comparison:
    return drifted(night(seed, cases=20), lambda m: replace(m, length=m.length + 0.08))


def test_a_small_drift_that_stays_is_seen_by_the_last_five_nights() -> None:
    tonight = small_drift(1)
    others = [drifted(again(20 + n, tonight), lambda m: replace(m, length=m.length + 0.08)) for n in range(4)]
    decision = decide(tonight, earlier=others)
    found = reading(decision, "length")
    assert (decision.confirmed, found.outcome) == (True, Outcome.CHANGED)
    assert (found.window_p_value or 1.0) < Policy().alpha / 7 < (found.p_value or 0.0)
    assert [f.nights for f in decision.findings if f.signal == "length" and f.case is None] == [5]
    assert not decide(tonight).findings


def test_fewer_nights_than_the_window_holds_are_no_window() -> None:
    tonight = small_drift(1)
    others = [again(20 + n, tonight) for n in range(3)]
    assert reading(decide(tonight, earlier=others), "length").window_p_value is None
    assert reading(decide(tonight, earlier=others), "hash").window_p_value is None
    short = decide(tonight, earlier=others, policy=Policy(window_nights=4))
    assert reading(short, "length").window_p_value is not None


# --- findings -----------------------------------------------------------------------------------------


def test_the_cases_that_moved_are_named_and_the_others_are_not() -> None:
    strayed = drifted(night(8, cases=12), refuses, range(6))
    decision = decide(strayed, strayed)
    suite = [f for f in decision.findings if f.case is None]
    named = {f.case for f in decision.findings if f.case is not None}
    assert [f.signal for f in suite] == ["refusal"]
    assert named <= {f"case-{n}" for n in range(6)}
    assert len(named) >= 4
    assert all(f.n_candidate == 6 and f.n_reference == 42 for f in decision.findings if f.case is not None)


def test_a_case_that_mostly_breaks_a_rule_is_worse_whatever_names_it() -> None:
    longer = drifted(night(8, cases=12), lambda m: replace(m, length=9.0))
    broken = drifted(longer, lambda m: replace(m, invalid=1.0), range(1))
    decision = decide(broken, broken)
    named = {f.case: f.outcome for f in decision.findings if f.signal == "length" and f.case is not None}
    assert named["case-0"] is Outcome.REGRESSED
    assert {outcome for case, outcome in named.items() if case != "case-0"} == {Outcome.CHANGED}


def test_a_finding_says_from_where_to_where() -> None:
    quiet = make_sides({f"c{n}": ([make_measures()] * 42, [make_measures()] * 3) for n in range(6)})
    (suite, *_) = decide(drifted(quiet, refuses), drifted(quiet, refuses)).findings
    assert suite.because == "Refusal: share of replies that decline went from 0 % to 100 %."
    assert suite.effect is not None
    assert (suite.effect.reference, suite.effect.candidate, suite.effect.unit) == (0.0, 1.0, "rate")
    assert (suite.n_reference, suite.n_candidate) == (252, 18)


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [(None, "rate", "not measured"), (0.256, "rate", "26 %"), (0.5, "score", "50 of 100"),
     (float(np.log1p(120)), "log-characters", "120 characters"), (0.126, "distance", "0.13")],
)  # fmt: skip
def test_a_value_is_shown_in_the_readers_unit(value: float | None, unit: str, said: str) -> None:
    assert shown(value, unit) == said


def test_the_band_holds_what_is_not_screened() -> None:
    for seed in range(6):
        decision = decide(night(seed))
        for name in DECIDING - {"refusal", "format"}:
            found = reading(decision, name)
            assert found.floor is not None
            low = found.floor.low if found.floor.low is not None else -np.inf
            inside = low <= found.floor.tonight <= found.floor.high
            assert inside is ((found.p_value or 0.0) > Policy().screen / 7)


# --- missing ------------------------------------------------------------------------------------------


def test_a_signal_that_tonight_cannot_be_read_is_inconclusive_and_never_drift() -> None:
    decision = decide(drifted(night(1), unreadable))
    assert outcomes(decision)["refusal"] is Outcome.INCONCLUSIVE
    assert reading(decision, "refusal").p_value is None
    assert not decision.wants_confirmation


@pytest.mark.parametrize(("lost", "outcome"), [(2, Outcome.STABLE), (3, Outcome.INCONCLUSIVE)])
def test_over_a_quarter_of_the_cases_unread_is_too_little(lost: int, outcome: Outcome) -> None:
    comparison = drifted(night(1), unreadable, range(lost))
    assert outcomes(decide(comparison))["refusal"] is outcome


def test_a_signal_that_the_baseline_never_had_is_not_missed() -> None:
    bare = [make_measures(invalid=None, quality=None)] * 42
    found = outcomes(decide(make_sides({f"c{n}": (bare, bare[:3]) for n in range(4)})))
    assert set(found.values()) == {Outcome.STABLE}


def test_a_baseline_that_is_mostly_unread_makes_nothing_of_a_night_that_is_too() -> None:
    reference = [make_measures(refused=None)] * 41 + [make_measures()]
    found = outcomes(decide(make_sides({f"c{n}": (reference, reference[:3]) for n in range(4)})))
    assert found["refusal"] is Outcome.STABLE


def test_a_missing_encoder_leaves_the_embedding_alone_inconclusive() -> None:
    found = outcomes(decide(replace(night(1), vectors={})))
    assert {name for name, outcome in found.items() if outcome is Outcome.INCONCLUSIVE} == {"embedding"}


def test_texts_that_were_never_kept_are_not_missed() -> None:
    reference = [make_measures(text=None)] * 42
    comparison = make_sides({f"c{n}": (reference, [make_measures("x")] * 3) for n in range(4)})
    found = outcomes(decide(replace(comparison, vectors={})))
    assert (found["string"], found["spread"]) == (Outcome.STABLE, Outcome.STABLE)


def test_one_missing_sample_does_not_silence_the_others() -> None:
    comparison = drifted(night(1, cases=12), refuses)
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
            for m in comparison.cases
        ),
    )
    assert decide(gaps).wants_confirmation


@pytest.mark.parametrize("nights", [1, 2])
def test_a_baseline_too_short_for_a_floor_could_not_tell(nights: int) -> None:
    decision = decide(noisy_sides(1, reference=3 * nights))
    found = outcomes(decision)
    assert {found[name] for name in ("embedding", "string", "length", "quality")} == {Outcome.INCONCLUSIVE}
    assert not decision.findings


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sets(st.tuples(st.integers(0, 7), st.integers(0, 2)), max_size=20),
    st.booleans(),
)
def test_losing_samples_never_looks_more_certain(
    seed: int, gone: set[tuple[int, int]], refusing: bool
) -> None:
    whole = drifted(night(seed), refuses) if refusing else night(seed)
    left = replace(
        whole,
        cases=tuple(
            replace(m, candidate=tuple(s for s in m.candidate if (n, s.number) not in gone))
            for n, m in enumerate(whole.cases)
        ),
    )
    decision = decide(left, samples=3)
    measured = [m for m in left.cases if m.candidate]
    enough = len(measured) >= 0.75 * len(left.cases)
    if not enough:
        assert all(outcomes(decision)[name] is Outcome.INCONCLUSIVE for name in DECIDING)
    for found, before in zip(decision.readings, decide(whole).readings, strict=True):
        assert found.p_value is None or 0.0 <= found.p_value <= 1.0
        if gone and found.floor is not None and before.floor is not None and found.signal in ("length",):
            assert (found.floor.visible or np.inf) >= 0.5 * (before.floor.visible or 0.0)
    if refusing and enough and len(gone) <= 4:
        assert decision.wants_confirmation


def test_lost_samples_widen_the_band() -> None:
    comparison = night(4)
    fewer = replace(comparison, cases=tuple(replace(m, candidate=m.candidate[:1]) for m in comparison.cases))
    whole, left = decide(comparison), decide(fewer, samples=3)
    for name in ("embedding", "string", "length", "quality", "format", "refusal"):
        before, after = reading(whole, name).floor, reading(left, name).floor
        assert before is not None
        assert after is not None
        width = [f.high - float(np.mean(f.nights)) for f in (before, after)]
        assert width[1] > 1.2 * width[0], name


# --- screened with fewer samples ----------------------------------------------------------------------


def test_one_sample_a_case_is_held_against_the_floor_of_one_sample() -> None:
    comparison = night(4, cases=12)
    first = replace(comparison, cases=tuple(replace(m, candidate=m.candidate[:1]) for m in comparison.cases))
    alone = replace(
        first,
        cases=tuple(
            replace(m, reference=tuple(s for s in m.reference if s.number == 0)) for m in first.cases
        ),
    )
    one, other = p_values(decide(first)), p_values(decide(alone))
    # The width of the embedding's kernel is taken over all that was accepted.
    for name in DECIDING - {"embedding", "spread"}:
        assert one[name] == pytest.approx(other[name]), name
    assert decide(drifted(first, refuses), again(5, comparison)).confirmed is False
    assert decide(drifted(first, refuses), drifted(again(5, comparison), refuses)).confirmed is True


def test_a_baseline_nights_confirmation_does_not_thin_its_floor() -> None:
    # A night that was asked again has twice the samples, at two hours; tonight has the first ones only.
    comparison = night(4)
    doubled = replace(
        comparison,
        cases=tuple(
            replace(
                m,
                reference=(
                    *(replace(s, again=True, measures=n.measures) for s, n in
                      zip(m.reference, reversed(m.reference), strict=True)),
                    *m.reference,
                ),
            )
            for m in comparison.cases
        ),
    )  # fmt: skip
    one, other = p_values(decide(comparison)), p_values(decide(doubled))
    # The width of the embedding's kernel is taken over all that was accepted.
    for name in DECIDING - {"embedding", "spread"}:
        assert one[name] == pytest.approx(other[name], abs=1e-12), name


# --- cases accepted anew ------------------------------------------------------------------------------


def accepted_anew(comparison: Comparison, cases: int, nights: int) -> Comparison:
    """Give the first cases other nights of their own, so many."""
    return replace(
        comparison,
        cases=tuple(
            replace(m, reference=tuple(replace(s, batch=f"new-{s.batch}") for s in m.reference[: 3 * nights]))
            if n < cases
            else m
            for n, m in enumerate(comparison.cases)
        ),
    )


def test_a_case_accepted_anew_does_not_blind_the_others() -> None:
    mild = drifted(night(6, cases=12), refuses, range(2, 10))
    whole, split = decide(mild, mild), decide(accepted_anew(mild, 1, 6), mild)
    assert whole.confirmed is split.confirmed is True
    one, other = reading(whole, "refusal").confirm_p_value, reading(split, "refusal").confirm_p_value
    assert one is not None
    assert other is not None
    assert other < 30 * one


def test_a_case_accepted_anew_is_judged_against_its_own_nights() -> None:
    comparison = accepted_anew(night(6, cases=6), 1, 8)
    declines = drifted(comparison, lambda m: replace(m, length=m.length + 6.0), range(1))
    decision = decide(declines, declines)
    assert {f.case for f in decision.findings if f.case is not None} <= {"case-0"}
    assert {f.signal for f in decision.findings} == {"length"}
    assert reading(decision, "length").floor is not None


# --- constants, and other odd suites ------------------------------------------------------------------


def repeated(*suite: str) -> Comparison:
    """Give every case one reply only, on all nights and tonight."""
    return make_sides(
        {f"c{n}": ([make_measures(text)] * 42, [make_measures(text)] * 3) for n, text in enumerate(suite)}
    )


CONSTANT: dict[str, Comparison] = {
    "all prompts constant": repeated("42", "43", "44", "45"),
    "empty answers": repeated("", "", "", ""),
    "one constant prompt": repeated("42"),
    "no case": make_sides({}),
    "one case refuses always": make_sides(
        {
            "a": ([make_measures(refused=1.0)] * 42, [make_measures(refused=1.0)] * 3),
            "b": ([make_measures(refused=0.0)] * 42, [make_measures(refused=0.0)] * 3),
        }
    ),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("comparison", CONSTANT.values(), ids=CONSTANT)
def test_a_suite_that_never_varies_breaks_nothing_and_raises_no_alarm(comparison: Comparison) -> None:
    decision = decide(comparison, comparison, [comparison] * 4)
    assert decision.findings == ()
    for found in decision.readings:
        assert {found.p_value, found.confirm_p_value, found.window_p_value} <= {None, 1.0}


def distinct(seed: int) -> Comparison:
    """Draw a suite of which no reply comes twice."""
    rng = np.random.default_rng(seed)
    drawn = [[make_measures(rng.bytes(20).hex()) for _ in range(45)] for _ in range(5)]
    return make_sides({f"c{n}": (one[:42], one[42:]) for n, one in enumerate(drawn)})


ODD: dict[str, Callable[[int], Comparison]] = {
    "one prompt": lambda seed: noisy_sides(seed, cases=1, reference=42),
    "one night": lambda seed: noisy_sides(seed, reference=3),
    "two nights": lambda seed: noisy_sides(seed, reference=6),
    "three nights": lambda seed: noisy_sides(seed, reference=9),
    "all replies distinct": distinct,
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("draw", ODD.values(), ids=ODD)
def test_an_odd_suite_breaks_nothing(draw: Callable[[int], Comparison]) -> None:
    for seed in range(3):
        decision = decide(draw(seed), draw(seed), [draw(seed)] * 4)
        for found in decision.readings:
            numbers = [found.p_value, found.confirm_p_value, found.window_p_value, found.tonight]
            numbers += [found.floor.high, found.floor.visible] if found.floor else []
            assert all(number is None or np.isfinite(number) for number in numbers)


@pytest.mark.filterwarnings("error")
def test_replies_that_are_all_distinct_are_usual_where_they_always_were() -> None:
    screened = [decide(distinct(seed)).wants_confirmation for seed in range(12)]
    assert sum(screened) <= 3


@pytest.mark.filterwarnings("error")
def test_one_sample_a_night_breaks_nothing() -> None:
    rng = np.random.default_rng(3)
    single = make_sides(
        {
            f"c{n}": ([make_measures(f"{n} {rng.integers(3)}") for _ in range(14)], [make_measures(f"{n} 1")])
            for n in range(8)
        },
        k=1,
    )
    decision = decide(single, single, [single] * 4)
    assert decision.findings == ()
    assert all(0 < p <= 1 for p in p_values(decision).values())


@pytest.mark.filterwarnings("error")
@settings(max_examples=10, deadline=None)
@given(st.integers(5, 40), st.integers(0, 1000))
def test_five_to_forty_baseline_nights_are_decided(nights: int, seed: int) -> None:
    comparison = noisy_sides(seed, cases=4, reference=3 * nights)
    decision = decide(comparison)
    assert all(0 < p_values(decision)[name] <= 1 for name in DECIDING)
    swapped = drifted(comparison, lambda m: make_measures("Computed: row 17, forty-two in all, so it says."))
    assert decide(swapped).wants_confirmation


@pytest.mark.filterwarnings("error")
def test_a_constant_prompt_beside_others_takes_nothing_from_them() -> None:
    rest = night(6, cases=7)
    constant = make_sides({"constant": ([make_measures("42")] * 42, [make_measures("42")] * 3)})
    both = replace(rest, cases=(*rest.cases, *constant.cases), vectors={**rest.vectors, **constant.vectors})
    assert not decide(both).wants_confirmation
    assert decide(drifted(both, refuses, range(7))).wants_confirmation


def test_a_constant_suite_that_changes_is_seen() -> None:
    swap = make_sides({f"c{n}": ([make_measures("42")] * 42, [make_measures("No.")] * 3) for n in range(8)})
    decision = decide(swap, swap)
    assert decision.confirmed
    assert {"string", "embedding", "length"} <= {f.signal for f in decision.findings}


def test_one_odd_reply_of_a_suite_that_hardly_moves_is_no_drift() -> None:
    odd = [make_measures("42"), make_measures("42"), make_measures("The answer is 42.")]
    one = make_sides(
        {
            f"c{n}": ([make_measures("42")] * 42, odd if n == 0 else [make_measures("42")] * 3)
            for n in range(20)
        }
    )
    again_ = make_sides({f"c{n}": ([make_measures("42")] * 42, [make_measures("42")] * 3) for n in range(20)})
    assert decide(one, again_, [again_] * 4).findings == ()


def test_one_evenings_floor_is_widened() -> None:
    comparison = drifted(night(6, cases=12), lambda m: replace(m, length=m.length + 0.25))
    plain, wide = decide(comparison), decide(comparison, widened=4.5)
    assert plain.wants_confirmation
    assert not wide.wants_confirmation
    narrow, broad = reading(plain, "length").floor, reading(wide, "length").floor
    assert narrow is not None
    assert broad is not None
    assert broad.high - np.mean(broad.nights) == pytest.approx(
        4.5 * (narrow.high - np.mean(narrow.nights)), rel=1e-3
    )


# --- which signals may gate a case --------------------------------------------------------------------


def limited(signals: tuple[str, ...], comparison: Comparison) -> Comparison:
    return replace(
        comparison,
        cases=tuple(replace(m, case=make_case(m.case.id, signals=signals)) for m in comparison.cases),
    )


def test_a_case_is_gated_by_the_signals_it_names_alone() -> None:
    strayed = drifted(night(9), refuses)
    assert not decide(limited(("length",), strayed)).wants_confirmation
    assert not decide(limited((), strayed)).wants_confirmation
    assert decide(limited(("refusal",), strayed)).wants_confirmation


def test_a_signal_that_no_case_lets_gate_is_not_missed() -> None:
    for signals in ((), ("refusal",)):
        comparison = limited(signals, replace(night(9), vectors={}))
        assert set(outcomes(decide(comparison)).values()) == {Outcome.STABLE}


def test_the_hash_is_shown_and_never_decides() -> None:
    hashed = tuple(signal for signal in SIGNAL_LIST if signal.name in ("hash", "refusal"))
    strayed = drifted(night(10), lambda m: replace(m, digest="0" * 64))
    comparison, question = asking(strayed, strayed)
    decision = decide_night(hashed, comparison, question, Policy())
    found = reading(decision, "hash")
    assert (found.tonight, found.p_value, found.outcome) == (1.0, None, Outcome.STABLE)
    assert max(found.nights) < 1.0
    assert (decision.findings, decision.wants_confirmation) == ((), False)
    assert SIGNALS.load("hash").direction is Direction.NONE


# --- order, names, swaps ------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(6)), st.randoms(use_true_random=False))
def test_the_order_of_cases_and_samples_does_not_matter(seed: int, order: list[int], random: object) -> None:
    comparison = noisy_sides(seed, reference=24)

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
    assert p_values(decide(turned)) == pytest.approx(p_values(decide(comparison)), rel=1e-6)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(8)))
def test_neither_the_order_nor_the_names_of_nights_and_cases_matter(seed: int, order: list[int]) -> None:
    comparison = noisy_sides(seed, reference=24)
    nights = sorted({s.batch for m in comparison.cases for s in m.reference})
    renamed = {night: f"night-{order[place]}" for place, night in enumerate(nights)}
    other = replace(
        comparison,
        cases=tuple(
            replace(
                m,
                case=make_case(f"renamed-{m.case.id}"),
                reference=tuple(replace(s, batch=renamed[s.batch]) for s in m.reference),
            )
            for m in comparison.cases
        ),
    )
    assert p_values(decide(other)) == pytest.approx(p_values(decide(comparison)), rel=1e-6)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000))
def test_a_batch_and_its_confirmation_may_be_swapped(seed: int) -> None:
    one = night(seed)
    other = again(seed + 1, one)
    back = replace(
        other, cases=tuple(replace(o, reference=m.reference) for o, m in zip(other.cases, one.cases, strict=True)),
        vectors={**one.vectors, **other.vectors},
    )  # fmt: skip
    found, turned = decide(one, other), decide(back, one)
    for name in DECIDING:
        before, after = reading(found, name).confirm_p_value, reading(turned, name).confirm_p_value
        assert before is not None
        assert before == pytest.approx(after, rel=1e-6), name


def seen_twice(comparison: Comparison, twice: int) -> Comparison:
    """Enter one baseline night a second time under another date."""
    nights = slice(3 * twice, 3 * twice + 3)
    return replace(
        comparison,
        cases=tuple(
            replace(
                m, reference=(*m.reference, *(replace(s, batch="2026-10-99") for s in m.reference[nights]))
            )
            for m in comparison.cases
        ),
    )


def test_a_baseline_night_seen_twice_moves_no_p_value_by_half_a_decade() -> None:
    moved = []
    for seed in range(6):
        comparison = night(seed, cases=20)
        one, other = p_values(decide(comparison)), p_values(decide(seen_twice(comparison, seed * 5 % 14)))
        moved += [abs(float(np.log10(one[name] / other[name]))) for name in DECIDING]
    # A copy counts once; only the width of the embedding's kernel is still over both.
    assert max(moved) <= 0.05


@pytest.mark.parametrize(
    ("signal", "change"),
    [
        ("refusal", refuses),
        ("format", lambda m: replace(m, invalid=1.0)),
        ("quality", lambda m: replace(m, quality=0.0)),
        ("length", lambda m: replace(m, length=9.0)),
        ("string", lambda m: make_measures("Computed: row 17, so there is no more to say of it.")),
        ("embedding", lambda m: make_measures("Computed: row 17, so there is no more to say of it.")),
    ],
)
def test_more_drifted_samples_never_have_a_larger_p_value(signal: str, change: Change) -> None:
    for seed in (2, 5):
        comparison = night(seed, cases=6)
        places = [(case, number) for case in range(6) for number in range(3)]
        np.random.default_rng(seed).shuffle(places)
        found = []
        for count in (0, 2, 4, 8, 12, 18):
            moved = set(map(tuple, places[:count]))
            strayed = replace(
                comparison,
                cases=tuple(
                    replace(
                        m,
                        candidate=tuple(
                            replace(s, measures=change(s.measures)) if (n, s.number) in moved else s
                            for s in m.candidate
                        ),
                    )
                    for n, m in enumerate(comparison.cases)
                ),
            )
            comparison_, question = asking(strayed)
            comparison_ = replace(comparison_, vectors={**comparison_.vectors, **EXTRA_VECTORS})
            decision = decide_night([SIGNALS.load(signal)], comparison_, question, Policy())
            found.append((reading(decision, signal).tonight, reading(decision, signal).p_value))
        p = [value for _, value in found if value is not None]
        # Below its mean a signal may be split the other way: only a rise is followed.
        rising = p[int(np.argmax(p)) :]
        assert rising == sorted(rising, reverse=True), (signal, seed, p)
        assert p[-1] < Policy().screen / 7


EXTRA_VECTORS = make_sides(
    {"x": ([], [make_measures("Computed: row 17, so there is no more to say of it.")])}
).vectors
