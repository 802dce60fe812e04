"""How large a fall of the pass rate the PR check would have seen with as many runs as it made."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from functools import lru_cache

import numpy as np

from harness.core.stats.exact import Counts, fisher_p_once_failed, stratified_p
from harness.core.stats.tails import binomial_masses

POWER = 0.8
STAGE_POWER = 0.85
"""Of either stage of the suite's test: they share runs, so that both together have `POWER` in simulation."""
_POINTS = 100
"""Falls are looked for in whole points: a finer one would claim more than is known of the rate it starts from."""


@lru_cache(maxsize=2**12)
def visible_task_fall(*, failed: int, reference: int, first: int, runs: int, level: float) -> float | None:
    """Return the smallest fall of a task's pass rate, 0..1, that its own test sees with probability `POWER`.

    `failed` of `reference` reference runs failed, and the fall is counted from their pass rate. The candidate
    has `first` runs, and `runs` in all where one of them fails; `level` is the p-value that is small enough.
    None where not even a task that never passes would be seen.
    """
    least = _fewest_failures(failed, reference, first, runs, level)
    if least is None:
        return None
    base = failed / reference

    def is_seen(fall: float) -> bool:
        rate = base + fall
        unnoticed = (1.0 - rate) ** first * _at_least(least, runs - first, rate)
        return _at_least(least, runs, rate) - unnoticed >= POWER

    return _smallest(is_seen, 1.0 - base)


def visible_suite_fall(
    tasks: Sequence[Counts], *, runs: int, screen: float | None, level: float
) -> float | None:
    """Return the smallest fall of every task's pass rate, 0..1, that the suite's test sees with probability `POWER`.

    `tasks` are the first runs. With `screen`, a suite whose p-value is at most that is run again, to `runs`
    runs a task, and its p-value over all of them must be at most `level`; without, that of the first runs.

    A fall is seen where as few failures as it brings in all but `STAGE_POWER` of the cases (`POWER`, where
    there is one stage) still have a small enough p-value. They are laid out evenly over the tasks; of one
    task that is exact, of more an approximation, held against simulation in the tests.
    """
    ordered = sorted(tasks, key=astuple)
    again = [replace(counts, candidate_runs=max(runs, counts.candidate_runs)) for counts in ordered]

    def is_seen(fall: float) -> bool:
        if screen is None:
            return stratified_p(_after_fall(ordered, fall, POWER)) <= level
        return (
            stratified_p(_after_fall(ordered, fall, STAGE_POWER)) <= screen
            and stratified_p(_after_fall(again, fall, STAGE_POWER)) <= level
        )

    return _smallest(is_seen, 1.0)


def _fewest_failures(failed: int, reference: int, first: int, runs: int, level: float) -> int | None:
    for found in range(1, runs + 1):
        counts = Counts(
            reference_failed=failed, reference_runs=reference, candidate_failed=found, candidate_runs=runs
        )
        if fisher_p_once_failed(counts, first) <= level:
            return found
    return None


def _at_least(count: int, runs: int, rate: float) -> float:
    return float(binomial_masses(runs, rate)[count:].sum())


def _smallest(is_seen: Callable[[float], bool], most: float) -> float | None:
    """Return the smallest fall in whole points that is seen, where every larger one up to `most` is."""
    none, all_of_it = 0, int(most * _POINTS + 1e-9)
    if not is_seen(all_of_it / _POINTS):
        return most if is_seen(most) else None
    while all_of_it - none > 1:
        middle = (none + all_of_it) // 2
        none, all_of_it = (none, middle) if is_seen(middle / _POINTS) else (middle, all_of_it)
    return all_of_it / _POINTS


def _after_fall(tasks: Sequence[Counts], fall: float, probability: float) -> list[Counts]:
    """Return the tasks with as many failures as there are at least with `probability` once all have fallen."""
    rates = [min(1.0, counts.reference_failed / counts.reference_runs + fall) for counts in tasks]
    expected = [counts.candidate_runs * rate for counts, rate in zip(tasks, rates, strict=True)]
    failures = _reached(
        Counter((rate, counts.candidate_runs) for counts, rate in zip(tasks, rates, strict=True)), probability
    )
    shares = [failures * one / sum(expected) if failures else 0.0 for one in expected]
    given = [min(int(share), counts.candidate_runs) for share, counts in zip(shares, tasks, strict=True)]
    by_rest = sorted(range(len(tasks)), key=lambda place: given[place] - shares[place])
    for place in (*by_rest, *by_rest):
        if sum(given) < failures and given[place] < tasks[place].candidate_runs:
            given[place] += 1
    return [replace(counts, candidate_failed=count) for counts, count in zip(tasks, given, strict=True)]


def _reached(groups: Counter[tuple[float, int]], probability: float) -> int:
    """Return how many failures there are at least with `probability`; `groups` counts tasks by rate and runs."""
    masses = np.ones(1)
    for (rate, runs), tasks in groups.items():
        masses = np.convolve(masses, binomial_masses(runs * tasks, rate))
    tails = masses[::-1].cumsum()[::-1]
    return int(np.flatnonzero(tails >= probability)[-1])
