"""Test whole streams of simulated nights: how often quiet ones cry wolf, and that a swap is seen at once."""

from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.core.detection.canary import decide_night
from harness.core.measures import Comparison, MeasuredCase, MeasuredSample, Measures, Vectors
from harness.core.policy import Policy
from harness.core.signals import all_signals
from harness.core.suite import Case
from tests.support.cases import asking, make_measures, unit_vectors
from tests.support.records import make_case

SIGNALS = all_signals()
NIGHTS, SAMPLES, WORDINGS = 14, 3, 10
RUN = 24
"""Nights of a stream, the first four of which only fill the window."""


@cache
def case_of(number: int) -> Case:
    return make_case(f"case-{number:02d}")


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A suite, and which of its wordings came back: shape (nights, cases, samples)."""

    replies: tuple[tuple[Measures, ...], ...]
    drawn: NDArray[np.intp]

    @cached_property
    def vectors(self) -> Vectors:
        """Give every reply a direction."""
        return unit_vectors(sorted({m.text or "" for replies in self.replies for m in replies}))

    def night(self, number: int) -> Comparison:
        """Hold one night against the first `NIGHTS`."""
        cases = []
        for case, replies in enumerate(self.replies):
            before, tonight = (
                tuple(
                    MeasuredSample(batch=f"night-{night:03d}", number=k, measures=replies[self.drawn[night, case, k]])
                    for night in nights
                    for k in range(SAMPLES)
                )
                for nights in (range(NIGHTS), (number,))
            )  # fmt: skip
            cases.append(MeasuredCase(case=case_of(case), reference=before, candidate=tonight))
        return Comparison(target="simulated", cases=tuple(cases), vectors=self.vectors)

    def swapped(self) -> "Stream":
        """Let another model answer after the baseline: the same questions in other words."""
        other = tuple(
            tuple(
                replace(
                    make_measures(f"Result: {(m.text or '')[::-1]}"), refused=m.refused, invalid=m.invalid
                )
                for m in replies
            )
            for replies in self.replies
        )
        later = self.drawn.copy()
        later[NIGHTS:] += WORDINGS
        return Stream(
            replies=tuple(one + two for one, two in zip(self.replies, other, strict=True)), drawn=later
        )


def stream(seed: int, cases: int, nights: int) -> Stream:
    """Draw a suite and its nights: each night has its own mixture of wordings, as load and batching make it."""
    rng = np.random.default_rng(seed)
    words = np.array(
        [
            "alpha",
            "beta",
            "gamma",
            "delta",
            "then",
            "so",
            "the",
            "a",
            "of",
            "it",
            "is",
            "step",
            "first",
            "answer",
            "table",
            "row",
        ]
    )
    replies = tuple(
        tuple(
            make_measures(
                " ".join(rng.choice(words, int(rng.integers(12, 24)))),
                refused=float(rng.random() < 0.15),
                invalid=float(rng.random() < 0.08),
                quality=float(rng.choice([0.5, 0.75, 1.0])),
            )
            for _ in range(WORDINGS)
        )
        for _ in range(cases)
    )
    usual = rng.dirichlet(np.full(WORDINGS, 0.6), cases)
    # Each night leans to some wordings of every case, so that its samples agree more than chance has it.
    mixture = rng.gamma(1e-6 + 25.0 * usual, size=(nights, cases, WORDINGS))
    shares = np.cumsum(mixture / mixture.sum(axis=-1, keepdims=True), axis=-1)
    drawn = (rng.random((nights, cases, SAMPLES, 1)) > shares[:, :, None, :]).sum(axis=-1)
    return Stream(replies=replies, drawn=np.minimum(drawn, WORDINGS - 1))


@pytest.fixture(scope="module")
def quiet() -> tuple[int, int, int]:
    """Decide quiet nights as a run does: (nights, screened, false incidents)."""
    nights = screened = incidents = 0
    for suite in range(8):
        whole = stream(100 + suite, 8 + suite % 3 * 2, NIGHTS + 2 * RUN)
        # Each batch is confirmed by another night: as far from it as a confirmation can be.
        known = [whole.night(number) for number in range(NIGHTS, NIGHTS + 2 * RUN)]
        for number in range(4, RUN):
            earlier = [known[number - back] for back in range(1, 5)]
            comparison, question = asking(known[number], earlier=earlier)
            decision = decide_night(SIGNALS, comparison, question, Policy())
            nights += 1
            screened += decision.wants_confirmation
            if decision.wants_confirmation:
                comparison, question = asking(known[number], known[number + RUN], earlier)
                decision = decide_night(SIGNALS, comparison, question, Policy())
            incidents += bool(decision.findings)
    return nights, screened, incidents


def test_at_most_one_quiet_night_in_seven_is_asked_again(quiet: tuple[int, int, int]) -> None:
    nights, screened, _ = quiet
    assert nights == 160
    # And some are: a rule that never asks would see nothing.
    assert 0.01 <= screened / nights <= 0.15


def test_hardly_a_quiet_night_is_drift(quiet: tuple[int, int, int]) -> None:
    nights, _, incidents = quiet
    assert incidents / nights <= 0.0125


@pytest.mark.parametrize("seed", range(8))
def test_a_swap_is_seen_on_its_first_night(seed: int) -> None:
    tonight = stream(seed, 8, NIGHTS + 2).swapped()
    comparison, question = asking(tonight.night(NIGHTS), tonight.night(NIGHTS + 1))
    decision = decide_night(SIGNALS, comparison, question, Policy())
    assert decision.confirmed
    assert {"string", "embedding"} & {finding.signal for finding in decision.findings}
