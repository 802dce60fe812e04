"""Which cases are better, worse, the same, or cannot be told: exact tests of a handful of replies on either side.

A case has at most three tests: replies in which every check holds (Fisher's exact test), replies that decline
where no rule speaks of it (the same, two-sided), and which answer of a pair a judge prefers (the sign test).
All that could be for the worse share one level, all that could be for the better another.

With eight replies a side most cases can show nothing, whatever is behind them: a case that held 15 times in 16
has no p-value below .5. Correcting for those would cost the others their power. Given how many replies failed
in all, the smallest p-value that a test can reach is known before it is known on which side they failed; so only
tests that could be significant are corrected for (Tarone, "A Modified Bonferroni Method for Discrete Data",
Biometrics 46, 1990; with the false discovery rate Gilbert, "A Modified False Discovery Rate Multiple-Comparisons
Procedure for Discrete Data", Applied Statistics 54, 2005).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, comb

from harness.core.findings import Outcome
from harness.core.stats.exact import Counts, fisher_p
from harness.core.stats.multiplicity import benjamini_hochberg_adjusted
from harness.core.upgrade.values import CaseValues
from harness.core.upgrade_records import Preferred, Unclear, UpgradeCase

LEVEL = 0.025
"""Of all tests for the worse together, and of all for the better: so many upgrades of a model to itself stray, at most."""
MATTERS = 0.5
"""A fall of the share of replies that hold by more than this has to be visible, or the case was not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One test: its p-value, and the smallest that it could have had."""

    p_value: float
    least: float


def adjusted(
    hypotheses: Mapping[tuple[str, str], Hypothesis], level: float
) -> Mapping[tuple[str, str], float]:
    """Return the p-values adjusted over those that could be significant at `level`; the others are not in it.

    Gilbert (2005): with K the smallest number such that at most K tests could reach `level`/K, these are
    adjusted after Benjamini and Hochberg.
    """
    many = 1
    while sum(one.least <= level / many for one in hypotheses.values()) > many:
        many += 1
    told = {key: one.p_value for key, one in hypotheses.items() if one.least <= level / many}
    return dict(zip(told, benjamini_hochberg_adjusted(list(told.values())), strict=True))


def sign_p(wins: int, losses: int) -> float:
    """Return p of at least so many wins among the pairs that were told apart, one-sided."""
    pairs = wins + losses
    return float(sum(comb(pairs, count) for count in range(wins, pairs + 1)) / 2**pairs)


def judge_cases(cases: Sequence[CaseValues], *, min_coverage: float) -> tuple[UpgradeCase, ...]:
    """Decide every case. The order of cases and replies changes nothing."""
    worse: dict[tuple[str, str], Hypothesis] = {}
    better: dict[tuple[str, str], Hypothesis] = {}
    for values in cases:
        worse |= {(values.case, name): one for name, one in _tests(values, better=False).items()}
        better |= {(values.case, name): one for name, one in _tests(values, better=True).items()}
    falls, rises = adjusted(worse, LEVEL), adjusted(better, LEVEL)
    return tuple(_decided(values, worse, falls, rises, min_coverage) for values in cases)


def least_visible(counts: Counts) -> int | None:
    """Return how many candidate replies may hold at most for their fall to be significant by itself; None for never."""
    for failed in range(1, counts.candidate_runs + 1):
        if fisher_p(replace(counts, candidate_failed=failed)) <= LEVEL:
            return counts.candidate_runs - failed
    return None


def _tests(values: CaseValues, *, better: bool) -> Mapping[str, Hypothesis]:
    found: dict[str, Hypothesis] = {}
    counts = values.counts
    if values.ruled and counts.reference_runs and counts.candidate_runs:
        turned = counts.swapped if better else counts
        found["checks"] = Hypothesis(p_value=fisher_p(turned), least=fisher_p(turned.worst))
    declines = values.declines
    if not better and declines is not None:
        found["refusal"] = Hypothesis(
            p_value=_two_sided(declines),
            least=min(1.0, 2 * min(fisher_p(declines.worst), fisher_p(declines.swapped.worst))),
        )
    wins, losses = _preferences(values)
    if wins + losses:
        wanted, other = (wins, losses) if better else (losses, wins)
        found["judge"] = Hypothesis(p_value=sign_p(wanted, other), least=sign_p(wins + losses, 0))
    return found


def _two_sided(counts: Counts) -> float:
    return min(1.0, 2 * min(fisher_p(counts), fisher_p(counts.swapped)))


def _preferences(values: CaseValues) -> tuple[int, int]:
    preferred = [pair.preferred for pair in values.pairs]
    return preferred.count(1), preferred.count(-1)


def _decided(
    values: CaseValues,
    worse: Mapping[tuple[str, str], Hypothesis],
    falls: Mapping[tuple[str, str], float],
    rises: Mapping[tuple[str, str], float],
    min_coverage: float,
) -> UpgradeCase:
    counts, declines = values.counts, values.declines
    outcome, test, unclear = _outcome(values, worse, falls, rises, min_coverage)
    of = rises if outcome is Outcome.IMPROVED else falls
    own = worse.get((values.case, test))
    p_value = own.p_value if own is not None else None
    if outcome is Outcome.IMPROVED:
        p_value = _tests(values, better=True)[test].p_value
    return UpgradeCase(
        case=values.case,
        suite=values.suite,
        outcome=outcome,
        warns=values.warns,
        planned=values.planned,
        reference_held=counts.reference_runs - counts.reference_failed,
        reference_runs=counts.reference_runs,
        candidate_held=counts.candidate_runs - counts.candidate_failed,
        candidate_runs=counts.candidate_runs,
        checked=values.ruled,
        reference_declined=declines.reference_failed if declines is not None else None,
        candidate_declined=declines.candidate_failed if declines is not None else None,
        p_value=p_value,
        adjusted_p_value=of.get((values.case, test)),
        judge=_preferred(values),
        unclear=unclear,
        visible=least_visible(counts) if values.ruled and counts.reference_runs else None,
        because=_because(values, outcome, test, unclear),
    )


def _outcome(
    values: CaseValues,
    worse: Mapping[tuple[str, str], Hypothesis],
    falls: Mapping[tuple[str, str], float],
    rises: Mapping[tuple[str, str], float],
    min_coverage: float,
) -> tuple[Outcome, str, Unclear | None]:
    """Return what became of a case, by which test, and why it could not be told."""

    def first(found: Mapping[tuple[str, str], float], *tests: str) -> str | None:
        told = [test for test in tests if found.get((values.case, test), 1.0) <= LEVEL]
        return min(told, key=lambda test: found[values.case, test]) if told else None

    if (test := first(falls, "checks", "judge")) is not None:
        return Outcome.REGRESSED, test, None
    if (test := first(falls, "refusal")) is not None:
        return Outcome.CHANGED, test, None
    counts = values.counts
    fewest = max(1, ceil(min_coverage * values.planned - 1e-9))
    if min(counts.reference_runs, counts.candidate_runs) < fewest:
        return Outcome.INCONCLUSIVE, "checks", Unclear.FEW_REPLIES
    if (test := first(rises, "checks", "judge")) is not None:
        return Outcome.IMPROVED, test, None
    if values.ruled:
        held = 1 - counts.reference_failed / counts.reference_runs
        nothing = replace(counts, candidate_failed=counts.candidate_runs)
        if held > MATTERS and fisher_p(nothing) > LEVEL:
            return Outcome.INCONCLUSIVE, "checks", Unclear.TOO_FEW_RUNS
        if worse[values.case, "checks"].p_value <= LEVEL:
            return Outcome.INCONCLUSIVE, "checks", Unclear.UNCONFIRMED
    return Outcome.STABLE, "checks" if values.ruled else "refusal", None


def _preferred(values: CaseValues) -> Preferred | None:
    if not values.pairs:
        return None
    wins, losses = _preferences(values)
    preferred = [pair.preferred for pair in values.pairs]
    told = wins + losses > 0
    return Preferred(
        candidate=wins,
        reference=losses,
        ties=preferred.count(0),
        missing=preferred.count(None),
        p_worse=sign_p(losses, wins) if told else None,
        p_better=sign_p(wins, losses) if told else None,
    )


def _because(values: CaseValues, outcome: Outcome, test: str, unclear: Unclear | None) -> str:
    counts = values.counts
    sides = (
        (counts.reference_runs - counts.reference_failed, counts.reference_runs),
        (counts.candidate_runs - counts.candidate_failed, counts.candidate_runs),
    )
    held = (
        f"Every check held in {sides[0][0]} of {sides[0][1]} replies, now in {sides[1][0]} of {sides[1][1]}."
    )
    match unclear:
        case Unclear.FEW_REPLIES:
            return f"{counts.reference_runs} and {counts.candidate_runs} of {values.planned} replies came back: too few."
        case Unclear.TOO_FEW_RUNS:
            return f"{held} So few replies would not show a fall to nothing: ask for more."
        case Unclear.UNCONFIRMED:
            return f"{held} Alone that would be a fall; among so many cases it may be chance: ask for more."
        case _:
            pass
    if test == "judge":
        wins, losses = _preferences(values)
        return f"The judge preferred the new answer in {wins} of {wins + losses} pairs that it tells apart."
    if test == "refusal" and outcome is Outcome.CHANGED:
        found = values.declines
        assert found is not None
        return (
            f"Declined in {found.reference_failed} of {found.reference_runs} replies, "
            f"now in {found.candidate_failed} of {found.candidate_runs}; no rule says which is right."
        )
    return held if values.ruled else "It has no rule that could break; it declines as often as before."
