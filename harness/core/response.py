"""What to do about a drift: the rules that lead from what was measured to what is recommended. Pure.

===============  ====================================================================================================
could-not-tell   too little was measured now: nothing is recommended on no evidence
quiet-now        the drift is not there now: nothing to do but to watch it
pinned-earlier   another model is served than before the drift, and the earlier one has a name: roll back to it
quiet-elsewhere  another target has no open incident, and held up when it was asked too, where it was: fail over
one-place        the drift is in a minority of the cases or of the kinds: adjust the prompts of these
everywhere       it is in the whole suite and no other target is known to be quiet: adjust prompts, or add a target
===============  ====================================================================================================

Rules are tried in this order, and the first that applies leads; those after it are alternatives.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.core.findings import Outcome
from harness.core.history import NightEntry
from harness.core.incidents import Incident, open_incidents
from harness.core.suite import Case
from harness.core.verdict import BaselineState, State, TargetVerdict, Verdict, enough_measured

_DRIFT = (Outcome.CHANGED, Outcome.REGRESSED)


class Action(StrEnum):
    """What can be done."""

    WAIT = "wait"
    ASK_AGAIN = "ask again"
    ROLL_BACK = "roll back"
    FAIL_OVER = "fail over"
    ADJUST_PROMPTS = "adjust prompts"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindNow:
    """One kind of case, in the run that was made to respond."""

    kind: str
    affected: bool
    """Whether the incident was seen in it before."""
    cases: int
    moved: tuple[str, ...]
    """Cases that drift now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """Another target that could answer instead."""

    target: str
    quiet: bool
    why: str
    asked: bool = False
    """Whether it answered the suite just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One thing to do, and the rule that led there."""

    action: Action
    rule: str
    because: str
    target: str | None = None
    """Of a fail-over: who answers instead."""
    model: str | None = None
    """Of a roll-back: what was served before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What is recommended, first what leads."""

    kinds: tuple[KindNow, ...]
    options: tuple[Option, ...]
    served_before: tuple[str, ...]
    served_now: tuple[str, ...]
    advice: tuple[Advice, ...]


def kinds_now(cases: Iterable[Case], target: TargetVerdict, affected: Sequence[str]) -> tuple[KindNow, ...]:
    """Count what drifts now by kind of case, the kinds of the incident first."""
    drifting = {f.case for f in target.findings if f.case is not None and f.outcome in _DRIFT}
    by_kind: dict[str, list[str]] = {}
    for case in cases:
        by_kind.setdefault(case.kind.value, []).append(case.id)
    found = [
        KindNow(
            kind=kind,
            affected=kind in affected,
            cases=len(ids),
            moved=tuple(case_id for case_id in ids if case_id in drifting),
        )
        for kind, ids in by_kind.items()
    ]
    return tuple(sorted(found, key=lambda one: (not one.affected, one.kind)))


def served_before(nights: Iterable[NightEntry], incident: Incident) -> tuple[str, ...]:
    """Name the models that were served on the last night without drift before an incident; empty where none is known."""
    quiet = [night for night in nights if night.night < incident.opened and not night.drift and night.served]
    return quiet[-1].served if quiet else ()


def options_of(
    names: Iterable[str],
    incidents: Iterable[Incident],
    nights: Mapping[str, Sequence[NightEntry]],
    verdict: Verdict,
) -> tuple[Option, ...]:
    """Say of every other target whether it is quiet: by its own incidents and nights, and by what it just answered."""
    still = {incident.target: incident for incident in open_incidents(incidents)}
    asked = {target.target: target for target in verdict.targets}
    return tuple(
        _option(name, still.get(name), nights.get(name, ()), asked.get(name), verdict) for name in names
    )


def _option(
    name: str,
    incident: Incident | None,
    nights: Sequence[NightEntry],
    asked: TargetVerdict | None,
    verdict: Verdict,
) -> Option:
    told = [night for night in nights if night.measured]
    if incident is not None:
        return Option(
            target=name, quiet=False, why=f"its own incident {incident.id} is open", asked=asked is not None
        )
    if asked is None:
        if not told:
            return Option(target=name, quiet=False, why="no night of it could tell anything yet")
        return Option(
            target=name,
            quiet=True,
            why=f"no incident of it is open, and its night of {told[-1].night} was measured",
        )
    if asked.rejected or asked.cut_short or not enough_measured(asked.coverage, verdict.policy):
        came = f"{asked.coverage.measured} of {asked.coverage.planned} replies came back"
        return Option(target=name, quiet=False, why=f"asked just now, {came}", asked=True)
    if asked.outcome in _DRIFT:
        return Option(
            target=name, quiet=False, why="asked just now, it drifts from its own baseline too", asked=True
        )
    if asked.baseline is BaselineState.PRESENT and asked.state is not State.LEARNING:
        if asked.outcome is Outcome.INCONCLUSIVE or asked.awaiting_confirmation:
            return Option(target=name, quiet=False, why="asked just now, it could not be told", asked=True)
        return Option(
            target=name, quiet=True, why="asked just now, it behaves as in its own baseline", asked=True
        )
    return Option(
        target=name,
        quiet=True,
        why="asked just now, it breaks no contract; it has no baseline to drift from, so look at its replies",
        asked=True,
    )


def respond(
    *,
    incident: Incident,
    target: TargetVerdict,
    verdict: Verdict,
    cases: Sequence[Case],
    before: Sequence[str],
    options: Sequence[Option],
) -> Response:
    """Apply the rules of this module's table to what was measured now."""
    kinds = kinds_now(cases, target, incident.kinds)
    return Response(
        kinds=kinds,
        options=tuple(options),
        served_before=tuple(before),
        served_now=target.served,
        advice=tuple(_advice(target, verdict, kinds, tuple(before), options)),
    )


def _advice(
    target: TargetVerdict,
    verdict: Verdict,
    kinds: Sequence[KindNow],
    before: tuple[str, ...],
    options: Sequence[Option],
) -> list[Advice]:
    coverage = target.coverage
    untold = target.awaiting_confirmation or target.outcome is Outcome.INCONCLUSIVE
    if untold or target.rejected or not enough_measured(coverage, verdict.policy):
        came = f"{coverage.measured} of {coverage.planned} replies came back"
        why = "it strayed and is not confirmed" if target.awaiting_confirmation else came
        return [
            Advice(
                action=Action.ASK_AGAIN,
                rule="could-not-tell",
                because=f"What {target.target} does now is not known: {why}.",
            ),
            *_fail_over(target, options),
        ]
    if target.outcome not in _DRIFT:
        return [
            Advice(
                action=Action.WAIT,
                rule="quiet-now",
                because=f"{target.target} behaves as in its baseline just now; the incident ends by itself after quiet nights.",
            )
        ]
    moved = sum(len(kind.moved) for kind in kinds)
    total = sum(kind.cases for kind in kinds)
    hit = [kind.kind for kind in kinds if kind.moved]
    found = [*_roll_back(target, before), *_fail_over(target, options)]
    if moved and (2 * moved < total or 2 * len(hit) < len(kinds)):
        why = f"{moved} of {total} cases drift, of kind {', '.join(hit)}; the rest is within its own noise."
        found.append(Advice(action=Action.ADJUST_PROMPTS, rule="one-place", because=why))
    else:
        where = (
            f"{moved} of {total} cases drift" if moved else "the suite drifts and no single case can be named"
        )
        found.append(
            Advice(
                action=Action.ADJUST_PROMPTS,
                rule="everywhere",
                because=f"{where}; prompts would have to be adjusted in all of it, so a rollback or another target is better where there is one.",
            )
        )
    return found


def _roll_back(target: TargetVerdict, before: tuple[str, ...]) -> list[Advice]:
    gone = [name for name in before if name not in target.served]
    if not gone or not target.served:
        return []
    return [
        Advice(
            action=Action.ROLL_BACK,
            rule="pinned-earlier",
            because=f"{', '.join(gone)} was served before the drift, and {', '.join(target.served)} is served now.",
            model=gone[0],
        )
    ]


def _fail_over(target: TargetVerdict, options: Sequence[Option]) -> list[Advice]:
    # Who answered just now is known better than who was quiet some night.
    quiet = sorted((one for one in options if one.quiet), key=lambda one: not one.asked)
    return [
        Advice(
            action=Action.FAIL_OVER,
            rule="quiet-elsewhere",
            because=f"{one.target} could answer instead of {target.target}: {one.why}.",
            target=one.target,
        )
        for one in quiet[:3]
    ]
