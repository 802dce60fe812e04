"""Exact tests for a handful of runs: pass or fail within tasks, and ranks.

Every p-value here is a share of labellings: had nothing changed, each way to say which of a task's runs were
the candidate's would have been as likely as the one seen. Counting them needs no random numbers and no
approximation. Ways are counted in whole numbers of any size, so a p-value of few runs is right to its last
digit; only the sum over many tasks is done in floating point, of positive terms.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from math import comb, gcd, lcm

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_CELLS = 2**18
"""Steps of the lattice that sums over tasks lie on: a few milliseconds, 2 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How often one task failed on either side."""

    reference_failed: int
    reference_runs: int
    candidate_failed: int
    candidate_runs: int

    @property
    def failed(self) -> int:
        """Failures of both sides."""
        return self.reference_failed + self.candidate_failed

    @property
    def worst(self) -> "Counts":
        """As many failures, as many of them as can be the candidate's: nothing else has as small a p-value."""
        moved = min(self.failed, self.candidate_runs)
        return replace(self, reference_failed=self.failed - moved, candidate_failed=moved)

    @property
    def swapped(self) -> "Counts":
        """The same with the sides changed over: what fails less is then what fails more."""
        return Counts(
            reference_failed=self.candidate_failed,
            reference_runs=self.candidate_runs,
            candidate_failed=self.reference_failed,
            candidate_runs=self.reference_runs,
        )


@lru_cache(maxsize=2**14)
def fisher_p(counts: Counts) -> float:
    """Return p that the candidate fails at least as often, given the failures of both (Fisher's exact test, one-sided)."""
    ways = [_ways(counts, failed) for failed in range(counts.candidate_runs + 1)]
    return sum(ways[counts.candidate_failed :]) / sum(ways)


@lru_cache(maxsize=2**14)
def fisher_p_once_failed(counts: Counts, first: int) -> float:
    """Return the same p where the task is looked at only because one of the candidate's `first` runs failed.

    Then the other labellings could have come up only if one of the first runs failed in them too, and they
    alone are counted: P(X ≥ x and one of the first failed)/P(one of the first failed). A p-value given the
    selection (Fithian, Sun and Taylor, "Optimal Inference After Model Selection", arXiv 1410.2597), which
    may be corrected for as many tests as were selected instead of as many tasks as there are.
    1 where no run of the candidate failed.
    """
    if not counts.candidate_failed:
        return 1.0
    ways = [_ways_once_failed(counts, first, failed) for failed in range(counts.candidate_runs + 1)]
    return sum(ways[counts.candidate_failed :]) / sum(ways)


def stratified_p(tasks: Iterable[Counts], *, cells: int = MOST_CELLS) -> float:
    """Return p of the sum over tasks of candidate minus reference failure rate, labels permuted within tasks.

    One-sided: a large sum counts; tasks weigh the same however many runs they have. Given its failures, the
    candidate's share of them in a task is hypergeometric, and the sum moves by (1/k + 1/n) for each; so its
    whole permutation distribution is a convolution over tasks of a few terms each: the p-value that
    infinitely many random permutations would give, without a seed.

    The terms lie on a common lattice, exact where it has at most `cells` steps (always where tasks have the
    same numbers of runs). Where the numbers of runs have no small common multiple, steps are rounded, and
    whatever lies within the rounding of what was observed counts as reaching it: p is never too small.
    """
    told = [counts for counts in tasks if 0 < counts.failed < counts.reference_runs + counts.candidate_runs]
    told = [counts for counts in told if counts.reference_runs and counts.candidate_runs]
    if not told:
        return 1.0
    lattice = _lattice(told, cells)
    distribution, observed = np.ones(1), 0
    for counts, step in zip(told, lattice.steps, strict=True):
        least, masses = _masses(counts)
        wider = np.zeros(distribution.size + step * (len(masses) - 1))
        for more, mass in enumerate(masses):
            wider[step * more : step * more + distribution.size] += mass * distribution
        distribution = wider
        observed += step * (counts.candidate_failed - least)
    return min(1.0, float(distribution[max(0, observed - lattice.slack) :].sum()))


def rank_sum_p(reference: Sequence[float], candidate: Sequence[float]) -> float:
    """Return p that the candidate's values rank at least as high, ties sharing their rank.

    The permutation distribution of the Wilcoxon–Mann–Whitney statistic, counted out: nothing is assumed of
    how the values scatter. 1 where a side has no value.
    """
    if not reference or not candidate:
        return 1.0
    ranks = _doubled_ranks([*reference, *candidate])
    observed = sum(ranks[len(reference) :])
    # ways[m, s]: how many ways to pick m of the ranks so far with sum s
    ways = np.zeros((len(candidate) + 1, sum(ranks) + 1))
    ways[0, 0] = 1.0
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, :-rank]
    return float(ways[-1, observed:].sum() / ways[-1].sum())


def _ways(counts: Counts, candidate_failed: int) -> int:
    """Count the ways to place the failures among the runs so that `candidate_failed` are the candidate's."""
    if candidate_failed > counts.failed:
        return 0
    on_reference = comb(counts.reference_runs, counts.failed - candidate_failed)
    return comb(counts.candidate_runs, candidate_failed) * on_reference


def _ways_once_failed(counts: Counts, first: int, candidate_failed: int) -> int:
    if candidate_failed > counts.failed:
        return 0
    later_only = comb(counts.candidate_runs - first, candidate_failed)
    on_reference = comb(counts.reference_runs, counts.failed - candidate_failed)
    return (comb(counts.candidate_runs, candidate_failed) - later_only) * on_reference


@lru_cache(maxsize=2**14)
def _masses(counts: Counts) -> tuple[int, tuple[float, ...]]:
    """Return the fewest failures that the candidate can have had, and the probability of that many and more."""
    least = max(0, counts.failed - counts.reference_runs)
    most = min(counts.failed, counts.candidate_runs)
    ways = [_ways(counts, failed) for failed in range(least, most + 1)]
    return least, tuple(way / sum(ways) for way in ways)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lattice:
    steps: tuple[int, ...]
    """By how many steps a task's failure moves the sum."""
    slack: int
    """Steps by which rounding may have moved the whole sum."""


def _lattice(told: Sequence[Counts], cells: int) -> _Lattice:
    sizes = [(counts.reference_runs, counts.candidate_runs) for counts in told]
    ranges = [len(_masses(counts)[1]) - 1 for counts in told]
    common = lcm(*{n * k for n, k in sizes})
    steps = [(n + k) * (common // (n * k)) for n, k in sizes]
    shared = gcd(*steps)
    width = sum(step * most for step, most in zip(steps, ranges, strict=True))
    if width <= cells * shared:
        return _Lattice(steps=tuple(step // shared for step in steps), slack=0)
    return _Lattice(steps=tuple(round(step * cells / width) for step in steps), slack=(sum(ranges) + 1) // 2)


def _doubled_ranks(values: Sequence[float]) -> list[int]:
    """Return twice each value's rank from 1, so that the mean rank of a tie is a whole number."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, before = [0] * len(values), 0
    for _, tied in groupby(order, key=values.__getitem__):
        places = list(tied)
        for place in places:
            ranks[place] = 2 * before + len(places) + 1
        before += len(places)
    return ranks
