"""What the detector is held to, and whether the records at hand say that it gets there."""

from dataclasses import dataclass

import numpy as np

from bench.detection.drifts import DRIFTS
from bench.detection.figures import OURS, Records, false_incidents, power
from bench.detection.suites import PROFILES

MOST_RATE, MOST_LIMIT, MOST_EVENING = 0.75, 1.0, 0.05
ENOUGH_NIGHTS = 4500
"""Of a profile; fewer cannot show that a rate of .75 stays under a limit of 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A least power at one budget, over all profiles that move."""

    calls: str
    drift: str
    within: int
    least: float


GOALS = (
    Goal(calls="60", drift="swap", within=1, least=0.98),
    Goal(calls="60", drift="format25", within=1, least=0.90),
    Goal(calls="60", drift="format25", within=5, least=0.98),
    Goal(calls="60", drift="quality40", within=1, least=0.50),
    Goal(calls="60", drift="quality40", within=5, least=0.90),
    Goal(calls="60", drift="quality20", within=5, least=0.60),
    Goal(calls="72", drift="refusal60", within=5, least=0.95),
    Goal(calls="72", drift="refusal30", within=5, least=0.60),
    Goal(calls="60", drift="refusal15", within=1, least=0.95),
    Goal(calls="60", drift="misroute", within=5, least=0.85),
    Goal(calls="20", drift="swap", within=1, least=0.99),
    Goal(calls="20", drift="format25", within=5, least=0.90),
)


def goal_lines(records: Records) -> list[str]:
    """Return one line for every goal that the records can speak of."""
    plain = [r for r in records if r["weather"] == "plain" and r["baseline"] == 14]
    lines = [*_rates(plain), *_evenings(plain), *_powers(plain)]
    return ["", "Goals (nights apart, 14 baseline nights)", *lines] if lines else []


def _rates(records: Records) -> list[str]:
    lines = []
    for calls in sorted({r["calls"] for r in records}, key=int):
        for profile in PROFILES:
            own = [r for r in records if r["calls"] == calls and r["profile"] == profile]
            own = [r for r in own if OURS in r.get("quiet", {})]
            if own:
                rate, _, high = false_incidents(own, OURS)
                met = rate <= MOST_RATE and high <= MOST_LIMIT
                open_yet = rate <= MOST_LIMIT and sum(r["nights"] for r in own) < ENOUGH_NIGHTS
                what = f"{calls} calls, {PROFILES[profile].title}: false incidents per 100 nights"
                figure = f"{rate:.2f}, limit {high:.2f}"
                goal = f"<= {MOST_RATE}, limit <= {MOST_LIMIT:g}"
                lines.append(_line(what, figure, goal, met=met, open_yet=open_yet))
    return lines


def _evenings(records: Records) -> list[str]:
    lines = []
    for calls in sorted({r["calls"] for r in records}, key=int):
        found = [night > 0 for r in records if r["calls"] == calls for night in r.get("evening", ())]
        if found:
            what = f"{calls} calls, one-evening baseline: any false drift within a week"
            share = float(np.mean(found))
            error = (share * (1.0 - share) / len(found)) ** 0.5
            met, open_yet = share <= MOST_EVENING, share - 2.0 * error <= MOST_EVENING
            figure = f"{share:.3f} +- {error:.3f}"
            lines.append(_line(what, figure, f"<= {MOST_EVENING}", met=met, open_yet=open_yet))
    return lines


def _powers(records: Records) -> list[str]:
    lines = []
    for goal in GOALS:
        own = [r for r in records if r["calls"] == goal.calls and r["profile"] != "still"]
        found = power(own, goal.drift, OURS, goal.within)
        if found is not None:
            when = "on night 1" if goal.within == 1 else f"within {goal.within}"
            what = f"{goal.calls} calls, {DRIFTS[goal.drift].title}, {when}"
            figure = f"{found[0]:.2f} +- {found[1]:.2f}"
            met, open_yet = found[0] >= goal.least, found[0] + 2.0 * found[1] >= goal.least
            lines.append(_line(what, figure, f">= {goal.least}", met=met, open_yet=open_yet))
    return lines


def _line(what: str, figure: str, goal: str, *, met: bool, open_yet: bool) -> str:
    said = "yes" if met else "cannot tell: too few runs" if open_yet else "NO"
    return f"  {what:<78}{figure:>20}{goal:>24}   {said}"
