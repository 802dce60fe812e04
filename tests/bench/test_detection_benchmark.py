"""Hold the detector to its false alarms and its power on the benchmark's streams: few of them, on fixed seeds."""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pytest
import scipy.stats

from bench.detection.drifts import DRIFTS, quiet
from bench.detection.experiment import Task, incidents, run
from bench.detection.figures import false_incidents, power
from bench.detection.ours import StreamBatches, decide_stream
from bench.detection.streams import MISSING, WEATHERS, Batches, Stream
from bench.detection.suites import PROFILES, Suite, make_suite
from harness.core.canonical import text_digest
from harness.core.detection.canary import decide_night
from harness.core.detection.occasions import Asked, Occasion
from harness.core.detection.question import Question
from harness.core.graders.refusal import Refusal
from harness.core.measures import Comparison, MeasuredCase, MeasuredSample, Measures
from harness.core.policy import Policy
from harness.core.signals import all_signals
from tests.support.records import make_case

MOVING = ("steady", "zero", "one")
SUITES, NIGHTS = 10, 20
PROMISED = 0.0075
THREE = np.full(20, 3)


def most_incidents(nights: int) -> int:
    """Return how many a detector within its promise passes once in a thousand seeds."""
    return int(scipy.stats.binom.isf(1e-3, nights, PROMISED))


def make_stream(profile: str, seed: int, weather: str = "plain") -> tuple[Suite, Stream]:
    suite = make_suite(PROFILES[profile], "5-4-5-3-3", np.random.default_rng([seed, 1]))
    return suite, Stream(suite, WEATHERS[weather], np.random.default_rng([seed, 2]))


@cache
def quiet_stream(profile: str, seed: int) -> tuple[Suite, StreamBatches]:
    suite, stream = make_stream(profile, seed)
    baseline, _ = stream.nights([quiet(suite)] * 14, THREE)
    first, confirm = stream.nights([quiet(suite)] * NIGHTS, THREE)
    return suite, StreamBatches(baseline=baseline, first=first, confirm=confirm)


def drifted_stream(
    profile: str, seed: int, drift: str, weather: str = "plain"
) -> tuple[Suite, StreamBatches]:
    """Four quiet nights, then three that drifted."""
    suite, stream = make_stream(profile, seed, weather)
    baseline, _ = stream.nights([quiet(suite)] * 14, THREE)
    sources = [DRIFTS[drift].sources(suite, night, np.random.default_rng(1)) for night in range(3)]
    first, confirm = stream.nights([quiet(suite)] * 4 + sources, THREE)
    return suite, StreamBatches(baseline=baseline, first=first, confirm=confirm)


def quiet_incidents(*, widened: float, suites: int) -> int:
    total = 0
    for profile in MOVING:
        for seed in range(suites):
            suite, tested = quiet_stream(profile, seed)
            total += len(incidents(decide_stream(suite, tested, Policy(), widened=widened).drift))
    return total


# --- what is promised -----------------------------------------------------------------------------------


def test_quiet_nights_open_no_more_incidents_than_promised() -> None:
    assert quiet_incidents(widened=1.0, suites=SUITES) <= most_incidents(len(MOVING) * SUITES * NIGHTS)


def test_a_floor_of_a_third_of_its_width_breaks_that_promise_on_a_fifth_of_the_nights() -> None:
    suites = SUITES // 5
    assert quiet_incidents(widened=1 / 3, suites=suites) > most_incidents(len(MOVING) * suites * NIGHTS)


def test_suites_that_hardly_move_stay_quiet() -> None:
    opened = 0
    for seed in range(5):
        suite, tested = quiet_stream("still", seed)
        opened += len(incidents(decide_stream(suite, tested, Policy()).drift))
    assert opened <= most_incidents(5 * NIGHTS)


@pytest.mark.parametrize("profile", PROFILES)
def test_another_model_is_caught_on_its_first_night(profile: str) -> None:
    for seed in range(3):
        suite, tested = drifted_stream(profile, seed, "swap")
        assert decide_stream(suite, tested, Policy()).drift[4]


def test_a_floor_that_is_far_too_wide_does_not_see_another_model() -> None:
    suite, tested = drifted_stream("zero", 0, "swap")
    assert not decide_stream(suite, tested, Policy(), widened=30.0).drift.any()


# --- the benchmark decides as the product does ------------------------------------------------------------


@pytest.mark.parametrize("weather", ["plain", "errors"])
@pytest.mark.parametrize("screened_with", [None, 1])
@pytest.mark.parametrize("profile", ["zero", "still"])
def test_arrays_and_texts_give_the_same_p_values(
    profile: str, screened_with: int | None, weather: str
) -> None:
    suite, tested = drifted_stream(profile, 3, "misroute", weather)
    tested = StreamBatches(
        baseline=tested.baseline, first=tested.first, confirm=tested.confirm, screened_with=screened_with
    )
    ours = decide_stream(suite, tested, Policy())
    compared = 0
    for night in (4, 5, 6):
        confirming = bool(ours.screened[night])
        comparison, question = as_product(suite, tested, night, confirming=confirming)
        decision = decide_night(all_signals(), comparison, question, Policy())
        for reading in decision.readings:
            ruling = ours.rulings[night].get(reading.signal)
            if ruling is None:
                assert reading.p_value is None
                continue
            pooled = ruling.confirmed.pooled.p_value if ruling.confirmed else None
            assert ruling.window is not None
            assert reading.p_value == pytest.approx(ruling.tonight.p_value, rel=1e-6)
            assert reading.confirm_p_value == (None if pooled is None else pytest.approx(pooled, rel=1e-6))
            assert reading.window_p_value == pytest.approx(ruling.window.p_value, rel=1e-6)
            compared += 1
        assert bool(decision.confirmed) == bool(ours.drift[night])
    assert compared >= 18


def as_product(
    suite: Suite, tested: StreamBatches, night: int, *, confirming: bool
) -> tuple[Comparison, Question]:
    """Return one night as the product reads it: texts, measures, vectors and what was asked."""
    few = tested.screened_with or 3
    first = tested.first.first(few)
    batches = [("tonight", Occasion.TONIGHT, first, night)]
    batches += [("again", Occasion.CONFIRM, tested.confirm, night)] if confirming else []
    batches += [(f"before-{n}", Occasion.EARLIER, first, n) for n in range(night - 1, night - 5, -1)]
    vectors: dict[str, np.ndarray] = {}
    cases = []
    for number in range(len(suite.prompts)):
        base = [
            sample
            for row in range(len(tested.baseline))
            for sample in _samples(suite, tested.baseline, row, number, f"2026-10-{row + 1:02}", vectors)
        ]
        asked = [
            sample
            for name, _, of, row in batches
            for sample in _samples(suite, of, row, number, name, vectors)
        ]
        case = make_case(f"p{number:02}")
        cases.append(MeasuredCase(case=case, reference=tuple(base), candidate=tuple(asked)))
    asked_for = tuple(
        Asked(batch=name, occasion=occasion, samples={case.case.id: int(of.samples[0]) for case in cases})
        for name, occasion, of, _ in batches
    )
    comparison = Comparison(target="bench", cases=tuple(cases), vectors=vectors)
    return comparison, Question(asked=asked_for)


def _samples(
    suite: Suite, batches: Batches, row: int, number: int, name: str, vectors: dict[str, np.ndarray]
) -> Sequence[MeasuredSample]:
    prompt, found = suite.prompts[number], []
    for place, answer in enumerate(batches.answer[row, number]):
        if answer == MISSING:
            continue
        # Padding up to its length would make short texts alike, so a text is its 64 symbols and no more.
        text = "".join(chr(65 + symbol) for symbol in prompt.symbols[answer])
        digest = text_digest(text)
        vectors[digest] = prompt.vectors[answer]
        score = batches.score[row, number, place]
        measures = Measures(
            text=text,
            digest=digest,
            refusal=Refusal.REFUSED if prompt.refused[answer] else Refusal.COMPLIED,
            refused=float(prompt.refused[answer]),
            invalid=float(prompt.invalid[answer]) if prompt.checked else None,
            quality=None if np.isnan(score) else float(score),
            length=float(prompt.length[answer] + batches.longer[row, number]),
        )
        found.append(MeasuredSample(batch=name, number=place, measures=measures))
    return found


# --- the streams and the figures --------------------------------------------------------------------------


def test_nights_differ_as_the_profiles_say() -> None:
    ratios = {}
    for profile in PROFILES:
        records = [run(make_task(profile, suite, nights=0)) for suite in range(4)]
        ratios[profile] = sum(r["chi_squared"] for r in records) / sum(r["freedom"] for r in records)
    assert 1.7 < ratios["steady"] < 2.4
    assert 1.1 < ratios["zero"] < 1.35
    assert 0.95 < ratios["one"] < 1.1
    assert 0.9 < ratios["still"] < 1.1


def make_task(profile: str, suite: int, **fields: object) -> Task:
    known: Mapping[str, object] = {"seed": 5, "calls": "60", "weather": "plain", "layout": "5-4-5-3-3"}
    known = {**known, "baseline": 14, "nights": 5, "rules": ("ours", "hash-baseline"), "drifts": ()}
    return Task(profile=profile, suite=suite, **{**known, **fields})  # type: ignore[arg-type]


def test_the_same_task_gives_the_same_record() -> None:
    def counted() -> dict[str, object]:
        record = run(make_task("zero", 0, drifts=("format25",)))
        for rule in record["quiet"].values():
            rule.pop("cpu_ms")
        return record

    assert counted() == counted()


def test_at_temperature_0_the_hash_rule_alarms_every_night() -> None:
    assert run(make_task("zero", 1))["quiet"]["hash-baseline"]["alarms"] == 5


@pytest.mark.parametrize(
    ("alarms", "opened"),
    [([], []), ([3], [3]), ([3, 4, 9], [3]), ([0, 7], [0]), ([0, 8], [0, 8]), ([0, 6, 12, 20], [0, 20])],
)
def test_an_incident_is_open_until_seven_nights_in_a_row_were_quiet(
    alarms: list[int], opened: list[int]
) -> None:
    nights = np.zeros(30, dtype=np.bool_)
    nights[alarms] = True
    assert incidents(nights) == opened


def make_records(counts: Sequence[int]) -> list[dict[str, object]]:
    return [{"nights": 60, "quiet": {"ours": {"incidents": count}}} for count in counts]


def test_incidents_that_cluster_in_few_suites_widen_the_limits() -> None:
    spread, clustered = (
        false_incidents(make_records(counts), "ours") for counts in ([1] * 20, [20] + [0] * 19)
    )
    assert spread[0] == clustered[0]
    assert spread[2] - spread[1] < clustered[2] - clustered[1]


def test_no_incident_at_all_has_the_exact_limit_of_a_count_of_nought() -> None:
    rate, low, high = false_incidents(make_records([0] * 10), "ours")
    assert (rate, low) == (0.0, 0.0)
    assert scipy.stats.poisson.cdf(0, high / 100 * 600) == pytest.approx(0.025)


def test_power_counts_the_first_night_that_was_seen() -> None:
    records = [{"drifts": {"swap": {"ours": night}}} for night in (1, 2, 5, 6, None)]
    assert [power(records, "swap", "ours", within) for within in (1, 5)] == [
        (0.2, pytest.approx(0.1789, abs=1e-4)),
        (0.6, pytest.approx(0.2191, abs=1e-4)),
    ]
    assert power(records, "swap", "bound", 1) is None
