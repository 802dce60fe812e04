"""The sentence that every output says of two models side by side."""

from collections.abc import Sequence

from harness.core.findings import Outcome
from harness.core.upgrade_records import UpgradeReading

_WORSE = {
    "refusal": "declines more often",
    "format": "breaks more formats",
    "quality": "is judged worse",
    "golden": "breaks more golden checks",
    "tokens": "needs more tokens than the gate allows",
    "latency": "is slower than the gate allows",
}
_BETTER = {
    "refusal": "declines less often",
    "format": "keeps more formats",
    "quality": "is judged better",
    "golden": "keeps more golden checks",
}
_NAMED = 3


def upgrade_headline(reading: UpgradeReading, outcome: Outcome, *, cut_short: bool) -> str:
    """Say in one sentence what became of a comparison."""
    name, other = reading.candidate, reading.reference
    better, worse = len(reading.of(Outcome.IMPROVED)), len(reading.of(Outcome.REGRESSED))
    count = len(reading.cases)
    match outcome:
        case Outcome.REGRESSED:
            lost = [_WORSE[one] for one in _moved(reading, Outcome.REGRESSED)]
            gained = [_BETTER[one] for one in _moved(reading, Outcome.IMPROVED)]
            said = [f"is worse in {_of(worse, count)}"] if worse else []
            sentence = f"{name} {_listed([*said, *lost])}"
            if gained:
                return f"{sentence}, but {_listed(gained)}."
            mended = "1 is" if better == 1 else f"{better} are"
            return f"{sentence}; {mended} better." if better else f"{sentence}."
        case Outcome.CHANGED:
            moved = [one.case for one in reading.of(Outcome.CHANGED)]
            named = _listed(
                [*moved[:_NAMED], *([f"{len(moved) - _NAMED} more"] if len(moved) > _NAMED else [])]
            )
            return f"{name} declines otherwise than {other} in {named}, and no rule says which is right."
        case Outcome.IMPROVED:
            gained = [_BETTER[one] for one in _moved(reading, Outcome.IMPROVED)]
            said = [f"is better in {_of(better, count)}"] if better else []
            return f"{name} {_listed([*said, *gained])}, and worse in none."
        case Outcome.STABLE:
            return f"{name} does what {other} does, within noise, in {_all(len(reading.cases))}."
        case Outcome.INCONCLUSIVE:
            return f"{name} could not be compared with {other}: {_why(reading, cut_short=cut_short)}."


def _of(some: int, count: int) -> str:
    return f"{some} of {count} cases" if count != 1 else "the one case that was asked"


def _moved(reading: UpgradeReading, outcome: Outcome) -> list[str]:
    beyond = [one.name for one in reading.ratios if one.beyond and outcome is Outcome.REGRESSED]
    return [*(one.signal for one in reading.signals if one.outcome is outcome), *beyond]


def _why(reading: UpgradeReading, *, cut_short: bool) -> str:
    for side in reading.sides:
        if not side.answered:
            return f"none of {side.planned} replies of {side.target} came back"
    for side in reading.sides:
        if 3 * side.answered < 2 * side.planned:
            return f"only {side.answered} of {side.planned} replies of {side.target} came back"
    if cut_short:
        return "the run stopped early"
    if reading.judge_lost is not None:
        return "what the judge said does not count"
    untold = [one.case for one in reading.of(Outcome.INCONCLUSIVE)]
    if untold:
        more = [f"{len(untold) - _NAMED} more"] if len(untold) > _NAMED else []
        return f"{_listed([*untold[:_NAMED], *more])} could not be told"
    if reading.factorial is not None and reading.factorial.left_out:
        return "the replay of the prompts is not whole"
    return "too little came back"


def _all(count: int) -> str:
    return f"all {count} cases" if count != 1 else "its one case"


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
