"""Test the whole decision against the reference outcomes: y, s and p of six recorded suites, to 1e-6."""

import gzip
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.canonical import text_digest
from harness.core.detection.canary import decide_night
from harness.core.detection.gather import gather
from harness.core.detection.occasions import Asked, Occasion, groups
from harness.core.detection.question import Question
from harness.core.detection.stray import strays
from harness.core.measures import Comparison, MeasuredCase, MeasuredSample
from harness.core.policy import Policy
from harness.core.signals import all_signals
from tests.support.cases import make_measures
from tests.support.records import make_case

DATA = Path(os.environ.get("DRIFT_TEST_DATA") or Path(__file__).parents[3].parent / "shared" / "data")
FOLDER = DATA / "detection"
SUITES = range(1, 7)
FAMILIES = ("string", "embedding", "refusal", "format", "quality", "length", "spread")
REASONING = range(9, 14)
"""The prompts of which the reference counts the quality."""
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"no reference outcomes in {FOLDER}; set DRIFT_TEST_DATA to a folder that holds detection/",
)


@cache
def recorded(suite: int) -> dict[str, Any]:
    with gzip.open(FOLDER / f"nights-{suite:02d}.json.gz") as file:
        found: dict[str, Any] = json.load(file)
    return found


@cache
def comparison_of(suite: int) -> Comparison:
    """Take the recorded samples for replies: a token is a character, and each reply has its own vector."""
    sides = {
        name: {key: np.array(value) for key, value in recorded(suite)[name].items()}
        for name in ("baseline", "tonight_then_confirmations")
    }
    vectors: dict[str, Any] = {}

    def sample(side: str, night: int, case: int, number: int) -> MeasuredSample:
        at = {key: values[night, case, number] for key, values in sides[side].items()}
        text = "".join(chr(0x4E00 + int(token)) for token in at["tokens"])
        digest = text_digest(f"{text} {at['embedding'].tolist()}")
        vectors[digest] = at["embedding"]
        measures = make_measures(
            text,
            digest=digest,
            refused=float(at["refusal"]),
            invalid=float(1 - at["format_valid"]),
            quality=float(at["quality"]) if case in REASONING else None,
            length=float(at["log_length"]),
        )
        name = f"2026-10-{1 + night:02d}" if side == "baseline" else f"tested-{night}"
        return MeasuredSample(batch=name, number=number, measures=measures)

    def samples(side: str, case: int) -> tuple[MeasuredSample, ...]:
        nights, _, k = sides[side]["refusal"].shape
        return tuple(sample(side, night, case, number) for night in range(nights) for number in range(k))

    prompts = sides["baseline"]["refusal"].shape[1]
    cases = tuple(
        MeasuredCase(
            case=make_case(f"case-{case:02d}"),
            reference=samples("baseline", case),
            candidate=samples("tonight_then_confirmations", case),
        )
        for case in range(prompts)
    )
    return Comparison(target="reference", cases=cases, vectors=vectors)


def asked(suite: int, *nights: tuple[int, Occasion]) -> tuple[Asked, ...]:
    planned = {measured.case.id: recorded(suite)["k"] for measured in comparison_of(suite).cases}
    return tuple(
        Asked(batch=f"tested-{night}", occasion=occasion, samples=planned) for night, occasion in nights
    )


@pytest.mark.parametrize("suite", SUITES)
def test_y_and_s_are_the_references(suite: int) -> None:
    comparison, expected = comparison_of(suite), recorded(suite)["expected"]
    nights = asked(suite, *((night, Occasion.TONIGHT) for night in range(10)))
    (scores,) = gather(all_signals(), comparison, groups(comparison), nights).scores
    for name in FAMILIES:
        found = [strays(of)(place) for of, place in scores[name].values()]
        statistics = [stray.statistic for stray in found if stray is not None and stray.statistic is not None]
        assert len(statistics) == 10
        y = [*statistics[0].baseline, *(statistic.tested[0] for statistic in statistics)]
        assert y == pytest.approx(expected["y"][name], abs=1e-6), name
        for statistic in statistics:
            assert statistic.sd == pytest.approx(expected["s"][name], abs=1e-6), name


@pytest.mark.parametrize("suite", SUITES)
def test_the_p_values_of_a_night_its_confirmation_and_the_window_are_the_references(suite: int) -> None:
    comparison, expected = comparison_of(suite), recorded(suite)["expected"]
    for night in range(5):
        nights = asked(
            suite,
            (night, Occasion.TONIGHT),
            (night + 5, Occasion.CONFIRM),
            *((earlier, Occasion.EARLIER) for earlier in reversed(range(night))),
        )
        decision = decide_night(all_signals(), comparison, Question(asked=nights), Policy())
        found = {reading.signal: reading for reading in decision.readings}
        for name in FAMILIES:
            one = found[name]
            assert one.p_value == pytest.approx(expected["p_tonight"][name][night], abs=1e-6), name
            assert one.confirm_p_value == pytest.approx(expected["p_pooled"][name][night], abs=1e-6), name
            if night == 4:
                window = expected["p_window_night_5"][name]
                assert one.window_p_value == pytest.approx(window, abs=1e-6), name


@pytest.mark.parametrize(("suite", "signal"), [(4, "format"), (5, "refusal"), (6, "string")])
def test_each_recorded_drift_is_confirmed_on_some_night(suite: int, signal: str) -> None:
    comparison = comparison_of(suite)
    confirmed = [
        decide_night(
            all_signals(),
            comparison,
            Question(asked=asked(suite, (night, Occasion.TONIGHT), (night + 5, Occasion.CONFIRM))),
            Policy(),
        )
        for night in range(2)
    ]
    assert any(signal in {f.signal for f in decision.findings} for decision in confirmed)


@pytest.mark.parametrize("suite", [1, 2, 3])
def test_the_recorded_quiet_nights_raise_no_alarm(suite: int) -> None:
    for night in range(5):
        nights = asked(suite, (night, Occasion.TONIGHT), (night + 5, Occasion.CONFIRM))
        assert not decide_night(
            all_signals(), comparison_of(suite), Question(asked=nights), Policy()
        ).findings
