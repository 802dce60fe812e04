"""Old and new prompt on old and new model: how much of a change each of the two explains."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean

from harness.core.upgrade.values import CaseValues, ReplyValues
from harness.core.upgrade_records import (
    Factorial,
    FactorialCell,
    FactorialEffect,
    UpgradeSides,
)

_NORMAL_95 = 1.959964
_CELLS = ((0, 0), (1, 0), (0, 1), (1, 1))
"""(model, prompt), 0 the old one."""
_EFFECTS: Mapping[str, Mapping[tuple[int, int], float]] = {
    "model": {(0, 0): -0.5, (1, 0): 0.5, (0, 1): -0.5, (1, 1): 0.5},
    "prompt": {(0, 0): -0.5, (1, 0): -0.5, (0, 1): 0.5, (1, 1): 0.5},
    "interaction": {(0, 0): 1.0, (1, 0): -1.0, (0, 1): -1.0, (1, 1): 1.0},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCells:
    """One task under the old prompt and under the new one, each on both models."""

    old: CaseValues
    new: CaseValues

    def replies(self, cell: tuple[int, int]) -> tuple[ReplyValues, ...]:
        """Return the replies of one of the four."""
        values = self.new if cell[1] else self.old
        return values.candidate if cell[0] else values.reference


def weigh_factorial(tasks: Sequence[TaskCells], sides: UpgradeSides) -> Factorial | None:
    """Split the change of the pass rate, mean over the tasks; None where nobody asked for it.

    Main effects are means over both levels of the other factor; the interaction is how much more the model
    changes with the new prompt than with the old one. What model and prompt explain of the whole change are
    their main effects, which add up to it: the Shapley values of two players (Shapley 1953). Intervals are
    normal, from the binomial spread within each cell, (failures + .5)/(runs + 1) standing in for its rate.
    """
    if sides.prompts is None:
        return None
    whole = [task for task in tasks if all(task.replies(cell) for cell in _CELLS)]
    names = {0: sides.reference, 1: sides.candidate}
    refs = {0: sides.prompts.reference, 1: sides.prompts.candidate}
    cells = tuple(
        FactorialCell(
            target=names[cell[0]],
            prompt=refs[cell[1]],
            passed=sum(reply.held for task in whole for reply in task.replies(cell)),
            runs=sum(len(task.replies(cell)) for task in whole),
            rate=_mean_rate(whole, cell),
        )
        for cell in _CELLS
        if whole
    )
    effects = tuple(_effect(name, weights, whole) for name, weights in _EFFECTS.items() if whole)
    total = _mean_rate(whole, (1, 1)) - _mean_rate(whole, (0, 0)) if whole else None
    return Factorial(
        tasks=len(whole),
        left_out=len(tasks) - len(whole),
        cells=cells,
        effects=effects,
        total=total,
        model_share=effects[0].effect if effects else None,
        prompt_share=effects[1].effect if effects else None,
        sentence=_sentence(effects, total, len(whole)),
    )


def _rate(replies: Sequence[ReplyValues]) -> float:
    return fmean(float(reply.held) for reply in replies)


def _mean_rate(tasks: Sequence[TaskCells], cell: tuple[int, int]) -> float:
    return fmean(_rate(task.replies(cell)) for task in tasks)


def _effect(
    name: str, weights: Mapping[tuple[int, int], float], tasks: Sequence[TaskCells]
) -> FactorialEffect:
    effect = sum(weight * _mean_rate(tasks, cell) for cell, weight in weights.items())
    half = _NORMAL_95 * sqrt(sum(_variances(weights, tasks))) / len(tasks)
    return FactorialEffect(name=name, effect=effect, low=effect - half, high=effect + half)


def _variances(weights: Mapping[tuple[int, int], float], tasks: Sequence[TaskCells]) -> Iterator[float]:
    for task in tasks:
        for cell, weight in weights.items():
            replies = task.replies(cell)
            failed = sum(not reply.held for reply in replies)
            rate = (failed + 0.5) / (len(replies) + 1)
            yield weight**2 * rate * (1 - rate) / len(replies)


def _sentence(effects: Sequence[FactorialEffect], total: float | None, tasks: int) -> str:
    if total is None or not effects:
        return "No task was answered in all four cells, so nothing can be said of model and prompt."
    model, prompt, interaction = effects
    over = f"over {tasks} task{'' if tasks == 1 else 's'}"
    said = (
        f"Of {_points(total)} points in the pass rate {over}, the model explains {_points(model.effect)} "
        f"and the prompt {_points(prompt.effect)}"
    )
    if interaction.low > 0 or interaction.high < 0:
        more = "better" if interaction.effect > 0 else "worse"
        return f"{said}; the new prompt suits the new model {more} than the old one by {abs(100 * interaction.effect):.0f}."
    return f"{said}; no interaction of the two can be seen."


def _points(share: float) -> str:
    text = f"{100 * share:+.0f}"
    return "0" if text in ("+0", "-0") else text.replace("-", "−")
