"""Run the benchmark of the PR check and print its table.

python -m bench.golden --prs 2000 --seed 7

Every figure is a share of simulated pull requests. A PR has a baseline of its own, so there is nothing to
cluster. All rules read the same runs, and the product's functions decide for ours.
"""

import argparse
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.core.detection.golden_rules import judge_tasks, needs_escalation, plain_rules
from harness.core.detection.golden_runs import GoldenLevels, TaskRuns
from harness.core.detection.golden_values import (
    ValueRule,
    ValueRuns,
    drop_rule,
    judge_values,
    ratio_rule,
    values_to_escalate,
)
from harness.core.stats.exact import Counts, fisher_p, stratified_p
from harness.core.stats.multiplicity import benjamini_hochberg

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TASKS, MOST_RUNS = 20, 8
LEVELS = GoldenLevels()
ONE_STAGE = 0.025
"""Level of the suite's test in one stage, over the first runs."""

OURS, SPECIFIED = "ours", "plain p"
RIVALS: Mapping[str, str] = {
    SPECIFIED: "as ours, with one stage for the suite at .025, and Fisher's plain p-values over all tasks",
    "one run": "a task that passed before fails its one run",
    "any of 3": "a task that passed before fails any of 3 runs",
    "most of 3": "a task that passed before fails most of 3 runs",
    "Fisher": "3 runs, Fisher's test per task at .05, not corrected",
    "suite -5": "the pass rate of the suite over 3 runs falls by over 5 points",
}
VALUE_RIVALS: Mapping[str, str] = {
    "one run": "one run is over the limit on any task",
    "of 3 runs": "the median (mean) of 3 runs is over the limit on any task",
    "beyond all": "the same, and beyond every reference run",
}


# --- passing and failing ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How many runs are made."""

    title: str
    reference: int
    samples: int
    escalate_to: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What the PR does to the pass rates."""

    title: str
    rates: Callable[[Floats, np.random.Generator], Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a cell is held to."""

    limit: float
    at_most: bool


SUITES: Mapping[str, tuple[str, Floats]] = {
    "95": ("every task passes 95 %", np.full(TASKS, 0.95)),
    "uneven": (
        "10 tasks always pass, 5 pass 95 %, 3 pass 90 %, 2 pass 75 %",
        np.repeat([1.0, 0.95, 0.9, 0.75], [10, 5, 3, 2]),
    ),
    "99": ("every task passes 99 %", np.full(TASKS, 0.99)),
}
DESIGNS: Mapping[str, Design] = {
    "12/3": Design(title="12 reference runs, 3 of the PR, 8 of what looks bad", reference=12, samples=3),
    "12/3 once": Design(
        title="12 reference runs, 3 of the PR, nothing run again", reference=12, samples=3, escalate_to=3
    ),
    "10/5": Design(
        title="10 reference runs (levels halved), 5 of the PR, 8 of what looks bad", reference=10, samples=5
    ),
    "12/1": Design(
        title="fast mode: 12 reference runs, 1 of the PR, 8 of what failed", reference=12, samples=1
    ),
}


def _unchanged(rates: Floats, _: np.random.Generator) -> Floats:
    return rates


def _all_lower(rates: Floats, _: np.random.Generator) -> Floats:
    return np.maximum(rates - 0.15, 0.0)


def _one_task_to(rate: float) -> Callable[[Floats, np.random.Generator], Floats]:
    def fallen(rates: Floats, rng: np.random.Generator) -> Floats:
        found = rates.copy()
        found[rng.integers(TASKS)] = rate
        return found

    return fallen


def _another_day(rates: Floats, rng: np.random.Generator) -> Floats:
    """Move every task's odds of failing by a factor of its own, e^N(0, .5)."""
    with np.errstate(divide="ignore"):
        odds = (1 - rates) / rates * np.exp(rng.normal(0, 0.5, TASKS))
    return np.asarray(1 / (1 + odds))


SCENARIOS: Mapping[str, Scenario] = {
    "unchanged": Scenario(title="unchanged", rates=_unchanged),
    "day": Scenario(title="unchanged, odds of failing x e^N(0, .5)", rates=_another_day),
    "broken": Scenario(title="one task never passes", rates=_one_task_to(0.0)),
    "to 10": Scenario(title="one task passes 10 %", rates=_one_task_to(0.1)),
    "to 50": Scenario(title="one task passes 50 %", rates=_one_task_to(0.5)),
    "-15": Scenario(title="all tasks -15 points", rates=_all_lower),
}
GOALS: Mapping[tuple[str, str], Goal] = {
    ("12/3", "unchanged"): Goal(limit=0.02, at_most=True),
    ("12/3", "broken"): Goal(limit=0.85, at_most=False),
    ("12/3", "-15"): Goal(limit=0.90, at_most=False),
    ("12/1", "unchanged"): Goal(limit=0.005, at_most=True),
    ("12/1", "to 10"): Goal(limit=0.88, at_most=False),
}
"""Limits by design and scenario, the same for every suite."""
MOST_FAST_CALLS = 1.5


@dataclass(slots=True, kw_only=True)
class Cell:
    """What was counted in one cell of the table."""

    prs: int = 0
    calls: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    """PRs failed, by rule; of ours also "suite" and "tasks"."""

    def share(self, rule: str) -> float:
        """Return the share of PRs that a rule failed."""
        return self.failed[rule] / self.prs


def count_cell(seed: int, suite: str, design: str, scenario: str, prs: int) -> Cell:
    """Simulate a cell. The runs depend on all of these names and on nothing else."""
    places = [
        tuple(names).index(name)
        for names, name in ((SUITES, suite), (DESIGNS, design), (SCENARIOS, scenario))
    ]
    rng = np.random.default_rng([seed, 1, *places])
    rates, plan, cell = SUITES[suite][1], DESIGNS[design], Cell()
    for _ in range(prs):
        moved = SCENARIOS[scenario].rates(rates, rng)
        reference = rng.random((TASKS, plan.reference)) >= rates[:, None]
        candidate = rng.random((TASKS, MOST_RUNS)) >= moved[:, None]
        _count_ours(cell, plan, reference, candidate)
        _count_rivals(cell, plan, reference, candidate)
        cell.prs += 1
    return cell


def _count_ours(cell: Cell, plan: Design, reference: Bools, candidate: Bools) -> None:
    levels = GoldenLevels(escalate_to=plan.escalate_to)
    tasks = _runs(reference, candidate[:, : plan.samples])
    again = needs_escalation(tasks, levels)
    if again:
        further = candidate[:, plan.samples : plan.escalate_to].tolist()
        tasks = [
            TaskRuns(
                case=task.case,
                reference=task.reference,
                first=task.first,
                further=tuple(further[place]) if task.case in again else (),
            )
            for place, task in enumerate(tasks)
        ]
    tests = judge_tasks(tasks, levels)
    cell.calls += sum(task.runs for task in tasks)
    cell.failed[OURS] += tests.failed
    cell.failed["suite"] += tests.suite is not None and tests.suite.failed
    cell.failed["tasks"] += any(task.regressed for task in tests.tasks)


def _runs(reference: Bools, first: Bools) -> list[TaskRuns]:
    return [
        TaskRuns(case=f"task-{place:02d}", reference=tuple(before), first=tuple(now))
        for place, (before, now) in enumerate(zip(reference.tolist(), first.tolist(), strict=True))
    ]


def _count_rivals(cell: Cell, plan: Design, reference: Bools, candidate: Bools) -> None:
    three = candidate[:, :3]
    plain = plain_rules(_runs(reference, three))
    cell.failed["one run"] += bool(plain.one_run)
    cell.failed["any of 3"] += bool(plain.any_run)
    cell.failed["most of 3"] += bool(plain.most_runs)
    cell.failed["Fisher"] += any(fisher_p(counts) <= 0.05 for counts in _counts(reference, three))
    cell.failed["suite -5"] += bool(three.mean() - reference.mean() > 0.05 + 1e-9)
    cell.failed[SPECIFIED] += _plain_p_values(plan, reference, candidate)


def _plain_p_values(plan: Design, reference: Bools, candidate: Bools) -> bool:
    """Decide as ours does, without its second stage and without its allowance for what was selected."""
    first = candidate[:, : plan.samples]
    share = LEVELS.share(plan.reference)
    if plan.samples > 1 and stratified_p(_counts(reference, first)) <= ONE_STAGE * share:
        return True
    runs = np.where(first.any(axis=1), max(plan.escalate_to, plan.samples), plan.samples)
    shown = np.where(np.arange(MOST_RUNS) < runs[:, None], candidate, False)
    counts = [
        Counts(
            reference_failed=int(before.sum()),
            reference_runs=plan.reference,
            candidate_failed=int(now.sum()),
            candidate_runs=int(made),
        )
        for before, now, made in zip(reference, shown, runs, strict=True)
    ]
    return any(benjamini_hochberg([fisher_p(one) for one in counts], rate=LEVELS.task * share))


def _counts(reference: Bools, candidate: Bools) -> list[Counts]:
    return [
        Counts(
            reference_failed=int(before),
            reference_runs=reference.shape[1],
            candidate_failed=int(now),
            candidate_runs=candidate.shape[1],
        )
        for before, now in zip(reference.sum(axis=1), candidate.sum(axis=1), strict=True)
    ]


# --- numbers ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """One kind of number, how it scatters, and how it moves."""

    title: str
    rule: ValueRule
    draw: Callable[[np.random.Generator, tuple[int, int]], Floats]
    change: str
    move: Callable[[Floats], Floats]
    """What the change does to the candidate's numbers."""
    bounds: tuple[float, float] = (0.0, np.inf)


def _latencies(sigma: float) -> Numbers:
    return Numbers(
        title=f"latencies, log-normal with sigma {sigma}",
        rule=ratio_rule(2.0),
        draw=lambda rng, shape: rng.lognormal(7.0, sigma, shape),
        change="3x",
        move=lambda values: values * 3.0,
    )


def _scores(spread: float) -> Numbers:
    return Numbers(
        title=f"scores of 80 with standard deviation {spread:g}",
        rule=drop_rule(20.0),
        draw=lambda rng, shape: rng.normal(80.0, spread, shape),
        change="-40",
        move=lambda values: values - 40.0,
        bounds=(0.0, 100.0),
    )


NUMBERS: Mapping[str, Numbers] = {
    **{f"latency {sigma}": _latencies(sigma) for sigma in (0.3, 0.5, 0.8)},
    **{f"score {spread:g}": _scores(spread) for spread in (10.0, 20.0, 30.0)},
}
MOST_FALSE_VALUES = 0.005


def count_numbers(seed: int, name: str, moved_tasks: int, prs: int) -> Cell:
    """Simulate PRs that move the numbers of the first so many tasks."""
    kind, cell = NUMBERS[name], Cell()
    rng = np.random.default_rng([seed, 2, tuple(NUMBERS).index(name), moved_tasks])
    for _ in range(prs):
        reference, candidate = kind.draw(rng, (TASKS, 12)), kind.draw(rng, (TASKS, MOST_RUNS))
        candidate[:moved_tasks] = kind.move(candidate[:moved_tasks])
        reference, candidate = (np.clip(values, *kind.bounds) for values in (reference, candidate))
        _count_values(cell, kind.rule, reference, candidate)
        cell.prs += 1
    return cell


def _count_values(cell: Cell, rule: ValueRule, reference: Floats, candidate: Floats) -> None:
    tasks = [
        ValueRuns(case=str(place), reference=tuple(before), first=tuple(now[:3]))
        for place, (before, now) in enumerate(zip(reference.tolist(), candidate.tolist(), strict=True))
    ]
    again = values_to_escalate(tasks, rule, LEVELS)
    made = [
        ValueRuns(
            case=task.case,
            reference=task.reference,
            first=task.first,
            further=tuple(candidate[place, 3:].tolist()) if task.case in again else (),
        )
        for place, task in enumerate(tasks)
    ]
    cell.calls += sum(len(task.candidate) for task in made)
    cell.failed[OURS] += any(test.regressed for test in judge_values(made, rule, LEVELS))
    over = [task for task in tasks if rule.is_over_limit(task.reference, task.first)]
    cell.failed["one run"] += any(rule.is_over_limit(task.reference, task.first[:1]) for task in tasks)
    cell.failed["of 3 runs"] += bool(over)
    cell.failed["beyond all"] += any(_is_beyond_all(task, rule) for task in over)


def _is_beyond_all(task: ValueRuns, rule: ValueRule) -> bool:
    centre = rule.centre(task.first)
    return centre > max(task.reference) if rule.up_is_worse else centre < min(task.reference)


# --- the table -------------------------------------------------------------------------------


def wilson(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, 1927)."""
    z = 1.959964
    middle = (count + z * z / 2) / (total + z * z)
    half = z * (count * (total - count) / total + z * z / 4) ** 0.5 / (total + z * z)
    return max(0.0, middle - half), min(1.0, middle + half)


Counted = Mapping[tuple[str, ...], Cell]


def render(cells: Counted) -> str:
    """Return the whole table as text."""
    lines = [f"{TASKS} tasks; per cent of the PRs that are failed, 95 % intervals in brackets"]
    for suite, (title, _) in SUITES.items():
        for design, plan in DESIGNS.items():
            own = {key[2]: cell for key, cell in cells.items() if key[:2] == (suite, design)}
            if own:
                lines += ["", f"== {title}; {plan.title}", *_design_lines(own)]
    lines += _number_lines(cells)
    lines += ["", "Other rules", *(f"  {name:<16}{what}" for name, what in RIVALS.items())]
    lines += [f"  {name:<16}{what}" for name, what in VALUE_RIVALS.items()]
    return "\n".join([*lines, "", "Goals", *goal_lines(cells)])


def _design_lines(cells: Mapping[str, Cell]) -> list[str]:
    heads = (OURS, "by the suite", "by a task", "calls a task", *RIVALS)
    lines = [
        f"{'':<42}" + "".join(f"{head:>24}" if n == 0 else f"{head:>14}" for n, head in enumerate(heads))
    ]
    for name, scenario in SCENARIOS.items():
        if name in cells:
            cell = cells[name]
            shown = [_percent(cell, "suite"), _percent(cell, "tasks"), f"{cell.calls / cell.prs / TASKS:.2f}"]
            shown += [_percent(cell, rule) for rule in RIVALS]
            lines.append(
                f"  {scenario.title:<40}{_interval(cell, OURS):>24}" + "".join(f"{s:>14}" for s in shown)
            )
    return lines


def _number_lines(cells: Counted) -> list[str]:
    lines = []
    for name, kind in NUMBERS.items():
        own = {key[2]: cell for key, cell in cells.items() if key[:2] == ("numbers", name)}
        if own:
            heads = "".join(f"{head:>14}" for head in ("calls a task", *VALUE_RIVALS))
            lines += ["", f"== {kind.title}; 12 reference runs, 3 of the PR, 8 of what is over the limit"]
            lines.append(f"{'':<42}{OURS:>24}" + heads)
        for moved, cell in own.items():
            what = {"0": "unchanged", "1": f"one task {kind.change}"}.get(moved, f"all tasks {kind.change}")
            shown = [f"{cell.calls / cell.prs / TASKS:.2f}", *(_percent(cell, rule) for rule in VALUE_RIVALS)]
            lines.append(f"  {what:<40}{_interval(cell, OURS):>24}" + "".join(f"{s:>14}" for s in shown))
    return lines


def goal_lines(cells: Counted) -> list[str]:
    """Return one line for every goal that the cells can speak of."""
    lines = []
    for (design, scenario), goal in GOALS.items():
        for suite, (title, _) in SUITES.items():
            cell = cells.get((suite, design, scenario))
            if cell is not None:
                what = f"{design}, {title}: {SCENARIOS[scenario].title}"
                lines.append(_goal_line(what, cell, goal))
    for suite, (title, _) in SUITES.items():
        cell = cells.get((suite, "12/1", "unchanged"))
        if cell is not None:
            calls = cell.calls / cell.prs / TASKS
            said = "yes" if calls <= MOST_FAST_CALLS else "NO"
            what = f"12/1, {title}: calls a task, unchanged"
            lines.append(f"  {what:<90}{calls:>22.2f}{f'<= {MOST_FAST_CALLS}':>12}   {said}")
    for key, cell in cells.items():
        if key[0] == "numbers" and key[2] == "0":
            goal = Goal(limit=MOST_FALSE_VALUES, at_most=True)
            lines.append(_goal_line(f"{NUMBERS[key[1]].title}: unchanged", cell, goal))
    return lines


def _goal_line(what: str, cell: Cell, goal: Goal) -> str:
    low, high = wilson(cell.failed[OURS], cell.prs)
    met = cell.share(OURS) <= goal.limit if goal.at_most else cell.share(OURS) >= goal.limit
    open_yet = low <= goal.limit if goal.at_most else high >= goal.limit
    said = "yes" if met else "cannot tell: too few PRs" if open_yet else "NO"
    limit = f"{'<=' if goal.at_most else '>='} {100 * goal.limit:g} %"
    return f"  {what:<90}{_interval(cell, OURS):>24}{limit:>12}   {said}"


def _percent(cell: Cell, rule: str) -> str:
    return f"{100 * cell.share(rule):.1f}"


def _interval(cell: Cell, rule: str) -> str:
    low, high = wilson(cell.failed[rule], cell.prs)
    return f"{100 * cell.share(rule):.2f} [{100 * low:.2f}, {100 * high:.2f}]"


# --- running ---------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Count every cell and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.golden", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--prs", type=int, default=2000, help="pull requests a cell")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    options = parser.parse_args(arguments)
    keys: list[tuple[str, ...]] = [
        (suite, design, scenario) for suite in SUITES for design in DESIGNS for scenario in SCENARIOS
    ]
    keys += [("numbers", name, moved) for name in NUMBERS for moved in ("0", "1", str(TASKS))]
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        counted = pool.starmap(_count, [(options.seed, options.prs, key) for key in keys], chunksize=1)
    print(render(dict(zip(keys, counted, strict=True))))
    return 0


def _count(seed: int, prs: int, key: tuple[str, ...]) -> Cell:
    if key[0] == "numbers":
        return count_numbers(seed, key[1], int(key[2]), prs)
    return count_cell(seed, key[0], key[1], key[2], prs)


if __name__ == "__main__":
    sys.exit(main())
