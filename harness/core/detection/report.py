"""From a test that says drift to findings that a person can read."""

from collections.abc import Collection, Sequence

import numpy as np

from harness.core.detection.occasions import Asked, Occasion
from harness.core.detection.readings import SampleValues, named
from harness.core.findings import Effect, Finding, Outcome
from harness.core.measures import MeasuredCase
from harness.core.verdict import SignalReading

MOSTLY = 0.5


def suite_finding(
    values: SampleValues, asked: Sequence[Asked], reading: SignalReading, nights: int
) -> Finding:
    """Say that a signal drifted over the cases of `values`, on so many nights together."""
    signal, sides = values.signal, values.sides(named(asked, Occasion.TONIGHT))
    return Finding(
        signal=signal.name,
        target=values.target,
        outcome=reading.outcome,
        nights=nights,
        p_value=reading.p_value,
        confirm_p_value=reading.confirm_p_value,
        window_p_value=reading.window_p_value,
        n_reference=sides.n_reference,
        n_candidate=sides.n_candidate,
        effect=Effect(reference=sides.reference, candidate=sides.candidate, unit=signal.unit),
        because=(
            f"{signal.title}: {signal.what} went from {shown(sides.reference, signal.unit)} "
            f"to {shown(sides.candidate, signal.unit)}."
        ),
    )


def case_finding(
    alone: SampleValues, case_id: str, p_value: float, outcome: Outcome, asked: Sequence[Asked]
) -> Finding:
    """Say how the one case of `alone` moved, tonight and its confirmation taken together.

    A case that mostly breaks a rule which the baseline mostly kept is worse, whatever signal named it.
    """
    signal = alone.signal
    tonight = named(asked, Occasion.TONIGHT, Occasion.CONFIRM)
    sides = alone.sides(tonight)
    return Finding(
        signal=signal.name,
        target=alone.target,
        case=case_id,
        outcome=Outcome.REGRESSED if _breaks(alone.cases[0].measured, tonight) else outcome,
        p_value=p_value,
        n_reference=sides.n_reference,
        n_candidate=sides.n_candidate,
        effect=Effect(reference=sides.reference, candidate=sides.candidate, unit=signal.unit),
        because=(
            f"{signal.title}: {signal.what} {shown(sides.reference, signal.unit)} → "
            f"{shown(sides.candidate, signal.unit)}."
        ),
    )


def _breaks(measured: MeasuredCase, tonight: Collection[str]) -> bool:
    def share(samples: Sequence[float | None]) -> float:
        known = [value for value in samples if value is not None]
        return sum(known) / len(known) if known else 0.0

    before = share([sample.measures.invalid for sample in measured.reference])
    now = [sample.measures.invalid for sample in measured.candidate if sample.batch in tonight]
    return before < MOSTLY <= share(now)


def shown(value: float | None, unit: str) -> str:
    """Write a signal's value for a reader."""
    if value is None:
        return "not measured"
    match unit:
        case "rate":
            return f"{100 * value:.0f} %"
        case "score":
            return f"{100 * value:.0f} of 100"
        case "log-characters":
            return f"{np.expm1(value):.0f} characters"
        case _:
            return f"{value:.2f}"
