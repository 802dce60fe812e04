"""A self-test as text: how often a gate would cry wolf, signal by signal, and what to do about it."""

import math
from collections.abc import Iterator

from harness.core.self_test import Interval, SelfTest, SignalSelfTest, a_year
from harness.reporting.counting import many
from harness.reporting.wording import signal_title

_COLUMNS = ("signal", "held out", "asked again", "strays", "in a row", "false a year", "could see")
_MORE_NIGHTS = 28


def self_test_text(gate: str, suite: str, found: SelfTest) -> str:
    """Return all of it, ready to print; `gate` is a suite and target."""
    rows = [_COLUMNS, *(_row(signal) for signal in found.signals)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return "\n".join(
        [
            f"{gate}: on its own {many(found.nights, 'night')} this gate would cry wolf",
            f"{a_year(found.false_a_year, 'and target')}, {_beside_budget(found)}.",
            "",
            *(
                "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                for row in rows
            ),
            "",
            f"{many(found.screened, 'night')} of {found.nights} would have asked for a confirmation.",
            "Strays: how far nights stray, alone and several in a row; 1 is the benchmark's quiet nights.",
            *_advice(suite, found),
        ]
    )


def _beside_budget(found: SelfTest) -> str:
    budget = f"its budget of {found.budget_a_year:.1f}"
    if found.exceeds:
        return f"over {budget}"
    return (
        f"within {budget}"
        if found.within
        else f"and {found.nights} nights cannot tell whether that is within {budget}"
    )


def _row(signal: SignalSelfTest) -> tuple[str, ...]:
    return (
        signal_title(signal.signal).lower(),
        str(signal.nights),
        str(signal.screened),
        _times(signal.dispersion),
        _times(signal.lasting),
        f"{signal.false_a_year.value:.1f} ({signal.false_a_year.low:.1f} to {signal.false_a_year.high:.1f})",
        _visible(signal),
    )


def _times(interval: Interval) -> str:
    return f"{interval.value:.1f} ({interval.low:.1f} to {interval.high:.1f})"


def _visible(signal: SignalSelfTest) -> str:
    change = signal.visible
    if change is None:
        return "new behaviour only"
    match signal.unit:
        case "rate" if change <= 1:
            return f"+{many(_up(100 * change), 'point')}"
        case "score" if change <= 1:
            return f"−{many(_up(100 * change), 'point')}"
        case "log-characters" if change <= 5:
            return f"±{_up(100 * math.expm1(change))} %"
        case "times" if change <= 100:
            return f"{_up(10 * change) / 10:g} times as {'varied' if signal.signal == 'spread' else 'surprising'}"
        case _:
            return "nothing"


def _up(number: float) -> int:
    """Round up, so that no more is claimed than is true."""
    return math.ceil(number - 1e-9)


def _advice(suite: str, found: SelfTest) -> Iterator[str]:
    if found.within:
        return
    yield ""
    if found.nights < _MORE_NIGHTS:
        yield f"More nights say more: drift calibrate {suite} --aa --from-runs last:{_MORE_NIGHTS}"
    if not found.exceeds:
        return
    worst = max(found.signals, key=lambda signal: signal.false_a_year.value)
    name = signal_title(worst.signal).lower()
    yield f"Most of it comes from {name}."
    if worst.lasting.value > worst.dispersion.value:
        yield "Its nights resemble their neighbours: what a provider does for days, or a slow trend. A baseline"
        yield f"that has seen more of it has a wider floor: drift calibrate {suite} --from-runs last:{_MORE_NIGHTS}"
    else:
        yield f"More samples a night, at other hours, narrow it: samples of the suite {suite} in drift.yaml."
    if worst.unsteady:
        yield f"Its most unsteady {'case is' if len(worst.unsteady) == 1 else 'cases are'} {', '.join(worst.unsteady)}:"
        yield f"ask for something more definite there, or leave {worst.signal} out of `signals:` of the case."
