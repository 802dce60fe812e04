"""What a tile says below its drawing: why tonight lies where it does, and what became of it."""

from harness.core.signals import Noise
from harness.core.verdict import SignalReading, TargetVerdict
from harness.reporting.course import Course, is_outside, nights_together
from harness.reporting.natural import floor_of, in_unit
from harness.reporting.wording import chance, signal_named


def sentence(course: Course, target: TargetVerdict, reading: SignalReading) -> str:
    """Explain a signal of a target; empty where there is nothing to explain."""
    name, tonight = target.target, in_unit(reading.tonight, reading)
    again = in_unit(reading.confirmation, reading)
    twice = f"{name}: {tonight} tonight" + (f", {again} again" if reading.confirmation is not None else "")
    match course:
        case Course.WITHIN:
            return ""
        case Course.UNUSUAL:
            often = chance(reading.p_value if reading.p_value is not None else 1.0)
            return (
                f"{name}: outside its band, and still not rare: unchanged nights come to this {often}, "
                "all cases weighed."
            )
        case Course.DENIED:
            return f"{name}: strayed in the first batch ({tonight}); a second batch ({again}) did not confirm it: quiet.{_hidden(reading)}"
        case Course.WAITING:
            return f"{name}: strayed ({tonight}); a second batch has yet to decide.{_hidden(reading)}"
        case Course.UNASKED:
            return f"{name}: strayed ({tonight}), and nobody asked again: not decided.{_hidden(reading)}"
        case Course.UNANSWERED:
            return f"{name}: strayed ({tonight}), and too little of the second batch measured it."
        case Course.UNMEASURED if reading.tonight is None:
            return ""
        case Course.UNMEASURED:
            return f"{name}: measured in too few of its cases to tell."
        case Course.UNJUDGED:
            return f"{name}: not judged; the baseline gives no floor for it."
        case Course.LASTING if not reading.strayed:
            nights = nights_together(target, reading)
            return f"{name}: {tonight} tonight, which alone is no reason to ask again; the last {nights} nights together are."
        case Course.LASTING:
            return (
                f"{twice}{_past(reading)}, as on the last {nights_together(target, reading)} nights together."
            )
        case Course.CONFIRMS:
            return f"{twice}{_past(reading)}, after an earlier night that strayed too."
        case _:
            return f"{twice}{_past(reading)}.{_hidden(reading)}"


def _past(reading: SignalReading) -> str:
    """Say where tonight lies among the baseline nights, in the reader's unit."""
    floor = floor_of(reading)
    if floor is None or floor.low is None or reading.tonight is None:
        return ""
    past = "above" if reading.tonight > floor.high else "below" if reading.tonight < floor.low else ""
    if not past:
        return "; the mean is like the baseline's, and case by case it differs"
    edge = floor.high if past == "above" else floor.low
    return f"; no baseline night was {past} {in_unit(edge, reading)}"


def _hidden(reading: SignalReading) -> str:
    """Explain a stray that the drawing does not show."""
    signal = signal_named(reading.signal)
    if reading.floor is None or is_outside(reading) or not reading.strayed:
        return ""
    if signal is not None and signal.noise in (Noise.RARE_RATE, Noise.EDGE_RATE):
        return " The drawing does not show it: these are cases that never did so before."
    return " The drawing does not show it: these are cases with nights of their own."
