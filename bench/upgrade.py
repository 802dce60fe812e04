"""Run the benchmark of the comparison of two models and print its table.

python -m bench.upgrade --runs 2000 --seed 7

Every figure is a share of simulated comparisons: 20 canaries and 20 golden tasks, 10 of them with a rubric, answered
by models whose every rate is known. The product's functions decide.
"""

import argparse
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.core.findings import Outcome
from harness.core.policy import Gates
from harness.core.upgrade.case_tests import judge_cases
from harness.core.upgrade.decision import findings_of, outcome_of
from harness.core.upgrade.ratios import weigh_ratios
from harness.core.upgrade.signals import weigh_signals
from harness.core.upgrade.values import CaseValues, PairValues, ReplyValues

CANARIES, TASKS, JUDGED = 20, 20, 10
REPLIES = 8
COVERAGE = 2 / 3
TARGET = "candidate"

Floats = NDArray[np.float64]

SUITES: Mapping[str, str] = {
    "stable": "every case holds 97 to 100 times in 100",
    "mixed": "half of the cases always hold, a quarter hold 90, a quarter 50 to 80 times in 100",
    "flaky": "every case holds 80 times in 100",
    "even": "every case holds 65 times in 100",
}
CHANGES: Mapping[str, str] = {
    "same": "the model compared with itself",
    "one broken": "one case that held falls to 10 times in 100",
    "one halved": "one case that held falls to 50 times in 100",
    "three halved": "three cases that held fall to 50 times in 100",
    "all -10": "every case holds 10 points less often",
    "tasks -20": "every golden task holds 20 points less often",
    "judged -15": "answers are judged 15 points worse",
    "one mended": "one case that held 20 times in 100 holds 95 times",
}
NOISE_POINTS = 0.10
"""Standard deviation of a score from one answer of the same worth to another."""
TIE = 0.05
"""Scores that lie closer are no preference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What came of many comparisons of one kind."""

    suite: str
    change: str
    runs: int
    regressed: int
    changed: int
    inconclusive: int
    improved: int
    named: int
    """In which the case that fell, or that was mended, is named as such."""
    misnamed: int
    """In which a case is called worse that is not."""

    @property
    def alarms(self) -> int:
        """Comparisons that fail: worse, or changed."""
        return self.regressed + self.changed


def count_cell(seed: int, suite: str, change: str, runs: int, replies: int = REPLIES) -> Cell:
    """Make so many comparisons and count what comes of them."""
    outcomes: Counter[Outcome] = Counter()
    named = misnamed = 0
    for number in range(runs):
        rng = np.random.default_rng([seed, number, list(SUITES).index(suite), list(CHANGES).index(change)])
        values, moved = draw(rng, suite, change, replies)
        cases = judge_cases(values, min_coverage=COVERAGE)
        signals = weigh_signals(values, seed=number)
        ratios = weigh_ratios(values, Gates())
        findings = findings_of(TARGET, values, cases, signals, ratios)
        outcomes[outcome_of(findings, cases, factorial_lost=False, enough=True)] += 1
        wanted = Outcome.IMPROVED if change == "one mended" else Outcome.REGRESSED
        told = {case.case for case in cases if case.outcome is wanted}
        named += bool(moved & told)
        misnamed += any(case.outcome is Outcome.REGRESSED and case.case not in moved for case in cases)
    return Cell(
        suite=suite,
        change=change,
        runs=runs,
        regressed=outcomes[Outcome.REGRESSED],
        changed=outcomes[Outcome.CHANGED],
        inconclusive=outcomes[Outcome.INCONCLUSIVE],
        improved=outcomes[Outcome.IMPROVED],
        named=named,
        misnamed=misnamed,
    )


def draw(
    rng: np.random.Generator, suite: str, change: str, replies: int
) -> tuple[tuple[CaseValues, ...], set[str]]:
    """Draw both sides of every case, and name the cases that moved."""
    size = CANARIES + TASKS
    before = _rates(rng, suite, size)
    after, moved = _changed(before, change)
    return tuple(
        _case(rng, place, float(before[place]), float(after[place]), change, replies) for place in range(size)
    ), moved


def _rates(rng: np.random.Generator, suite: str, size: int) -> Floats:
    match suite:
        case "stable":
            rates = rng.uniform(0.97, 1.0, size)
        case "mixed":
            kinds = rng.permutation(np.arange(size) % 4)
            low = rng.uniform(0.5, 0.8, size)
            rates = np.where(kinds < 2, 1.0, np.where(kinds == 2, 0.9, low))
        case "flaky":
            rates = np.full(size, 0.8)
        case _:
            rates = np.full(size, 0.65)
    return np.asarray(rates, dtype=np.float64)


def _changed(before: Floats, change: str) -> tuple[Floats, set[str]]:
    after, held = before.copy(), np.argsort(-before)
    match change:
        case "one broken":
            chosen, rate = held[:1], 0.1
        case "one halved":
            chosen, rate = held[:1], 0.5
        case "three halved":
            chosen, rate = held[:3], 0.5
        case "one mended":
            before[held[0]], chosen, rate = 0.2, held[:1], 0.95
        case "all -10":
            return np.clip(before - 0.1, 0, 1), {f"case-{place}" for place in range(before.size)}
        case "tasks -20":
            tasks = np.arange(before.size) >= CANARIES
            moved = {f"case-{place}" for place in np.flatnonzero(tasks)}
            return np.where(tasks, np.clip(before - 0.2, 0, 1), before), moved
        case "judged -15":
            return after, {f"case-{place}" for place in range(before.size) if _is_judged(place)}
        case _:
            return after, set()
    after[chosen] = rate
    return after, {f"case-{place}" for place in chosen}


def _case(
    rng: np.random.Generator, place: int, before: float, after: float, change: str, replies: int
) -> CaseValues:
    task, judged = place >= CANARIES, _is_judged(place)
    declines = 0.3 if not task and place % 5 == 0 else 0.02
    return CaseValues(
        case=f"case-{place}",
        suite="golden" if task else "canary",
        planned=replies,
        reference=_replies(rng, before, declines, replies),
        candidate=_replies(rng, after, declines, replies),
        pairs=_pairs(rng, 0.15 if change == "judged -15" else 0.0, replies) if judged else (),
        is_task=task,
        free_to_decline=not task,
    )


def _is_judged(place: int) -> bool:
    return place % ((CANARIES + TASKS) // JUDGED) == 0


def _replies(rng: np.random.Generator, rate: float, declines: float, replies: int) -> tuple[ReplyValues, ...]:
    held = rng.random(replies) < rate
    refused = rng.random(replies) < declines
    tokens = rng.lognormal(4, 0.3, replies)
    latency = rng.lognormal(6, 0.5, replies)
    return tuple(
        ReplyValues(
            held=bool(held[n]),
            refused=float(refused[n]),
            invalid=float(not held[n]),
            tokens=float(tokens[n]),
            latency_ms=float(latency[n]),
        )
        for n in range(replies)
    )


def _pairs(rng: np.random.Generator, drop: float, replies: int) -> tuple[PairValues, ...]:
    scores = np.clip(0.75 + rng.normal(0, NOISE_POINTS, (replies, 2)) - [0.0, drop], 0, 1)
    return tuple(
        PairValues(
            preferred=0 if abs(new - old) < TIE else 1 if new > old else -1,
            reference=float(old),
            candidate=float(new),
        )
        for old, new in scores
    )


def wilson(count: int, runs: int) -> tuple[float, float]:
    """Return a 95 % interval of a share (Wilson, 1927)."""
    z, share = 1.959964, count / runs
    middle = (share + z * z / (2 * runs)) / (1 + z * z / runs)
    half = z * ((share * (1 - share) + z * z / (4 * runs)) / runs) ** 0.5 / (1 + z * z / runs)
    return max(0.0, middle - half), min(1.0, middle + half)


def render(cells: list[Cell]) -> str:
    """Return the table, shares in percent."""
    lines = [
        f"{'suite':8} {'change':14} {'fails':>7} {'95 %':>13} {'untold':>7} {'better':>7} {'named':>7} {'misnamed':>9}"
    ]
    for cell in cells:
        low, high = wilson(cell.alarms, cell.runs)
        shares = [
            100 * count / cell.runs for count in (cell.inconclusive, cell.improved, cell.named, cell.misnamed)
        ]
        lines.append(
            f"{cell.suite:8} {cell.change:14} {100 * cell.alarms / cell.runs:7.1f} {100 * low:6.1f}–{100 * high:5.1f} "
            f"{shares[0]:8.1f} {shares[1]:7.1f} {shares[2]:7.1f} {shares[3]:9.1f}"
        )
    return "\n".join(lines)


def _count(arguments: tuple[int, str, str, int, int]) -> Cell:
    return count_cell(*arguments)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--replies", type=int, default=REPLIES)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only-same", action="store_true", help="false alarms alone")
    given = parser.parse_args()
    changes = ["same"] if given.only_same else list(CHANGES)
    wanted = [
        (given.seed, suite, change, given.runs, given.replies) for suite in SUITES for change in changes
    ]
    with multiprocessing.Pool(given.jobs) as pool:
        cells = pool.map(_count, wanted, chunksize=1)
    print(
        f"{given.replies} against {given.replies} replies a case, seed {given.seed}, {given.runs} runs a row\n"
    )
    print(render(cells))
    return 0


if __name__ == "__main__":
    sys.exit(main())
