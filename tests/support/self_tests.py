"""Self-tests, and streams of nights as a floor reads them."""

from collections.abc import Sequence

import numpy as np

from harness.core.batch import Baseline
from harness.core.detection.scores import SignalScores
from harness.core.policy import Policy
from harness.core.self_test import Interval, SelfTest, SignalSelfTest, rules_of
from harness.core.signals import SIGNALS
from harness.core.signals.signal import Floats

PROMPTS = 12


def make_self_test(baseline: Baseline, policy: Policy | None = None, **fields: object) -> SelfTest:
    """Make a self-test of `baseline`, one that is far over its budget."""
    signal = SignalSelfTest(
        signal="string",
        nights=14,
        screened=2,
        dispersion=Interval(value=1.1, low=0.8, high=1.4),
        lasting=Interval(value=1.9, low=1.2, high=2.6),
        false_a_year=Interval(value=8.8, low=3.1, high=19.0),
        visible=2.4,
        unit="times",
        unsteady=("edge-00",),
    )
    known: dict[str, object] = {
        "samples": baseline.samples_digest,
        "rules": rules_of(policy or Policy()),
        "nights": 14,
        "floor_nights": 13,
        "cases": 20,
        "screened": 2,
        "budget_a_year": 2.7375,
        "over_budget": 0.97,
        "false_a_year": Interval(value=9.4, low=3.2, high=21.0),
        "signals": (signal,),
    }
    return SelfTest.model_validate({**known, **fields})


def stream(rng: np.random.Generator, nights: int, *, lasts: float = 1.0, share: float = 0.6) -> Floats:
    """Draw one score a night and prompt. A state that the prompts share goes on for `lasts` nights on average."""
    state, states = rng.normal(), np.empty(nights)
    for night in range(nights):
        if rng.random() < 1.0 / lasts:
            state = rng.normal()
        states[night] = state
    leaning = rng.choice((-1.0, 1.0), PROMPTS)
    return np.asarray(share * states[:, None] * leaning.clip(-0.2) + rng.normal(size=(nights, PROMPTS)))


def scores_of(
    values: Floats, floor: Sequence[int], out: Sequence[int], name: str = "length", usual: float | None = None
) -> SignalScores:
    """Put nights of a stream beside each other as a signal's scores; what is not `usual` is off."""
    before, now = values[list(floor)], values[list(out)]
    usual = np.nan if usual is None else usual
    return SignalScores(
        signal=SIGNALS.load(name),
        cases=tuple(f"case-{place:02d}" for place in range(values.shape[1])),
        baseline=before,
        tested=now,
        baseline_counts=np.full(before.shape, 3.0),
        tested_counts=np.full(now.shape, 3.0),
        samples=np.full(values.shape[1], 3.0),
        baseline_off=before != usual,
        tested_off=now != usual,
    )
