"""What a baseline knows of today's cases: what a night is decided by, and what `doctor` says by day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.core.batch import Baseline, CaseBaseline
from harness.core.policy import Policy
from harness.core.run import RunTarget
from harness.core.suite import Case
from harness.core.verdict import BaselineState, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparable:
    """The part of a baseline that today's cases can be compared with."""

    cases: Mapping[str, CaseBaseline]
    changed: tuple[str, ...]
    """Cases whose question, treatment or rules are other ones than the baseline's."""
    unknown: tuple[str, ...]
    """Cases that the baseline does not hold."""
    few_nights: tuple[str, ...]
    """Cases still learning."""
    beside: frozenset[str] = frozenset()
    """Cases that run beside the one they are to replace: shown only, until they have the nights of an armed baseline."""


def comparable(
    cases: Sequence[Case], target: RunTarget, baseline: Baseline | None, policy: Policy
) -> Comparable:
    """Sort today's cases by what the baseline knows of them.

    The treatment must be equal too, unless the target is compared with another one's baseline: then the
    model is what is meant to differ.
    """
    beside = running_beside(cases)
    if baseline is None:
        unknown_all = tuple(case.id for case in cases)
        return Comparable(cases={}, changed=(), unknown=unknown_all, few_nights=(), beside=beside)
    kept, changed, unknown, few = {}, [], [], []
    own = target.name == target.baseline_of
    for case in cases:
        known = baseline.cases.get(case.id)
        if known is None or not known.samples:
            unknown.append(case.id)
        elif (
            known.identity.question != case.question
            or (own and known.identity.treatment != target.target.treatment(case))
            or (_kept_as_digest(known) and known.identity.ruler != case.ruler)
        ):
            changed.append(case.id)
        else:
            kept[case.id] = known
            if _is_learning(known, policy, beside=case.id in beside):
                few.append(case.id)
    return Comparable(
        cases=kept, changed=tuple(changed), unknown=tuple(unknown), few_nights=tuple(few), beside=beside
    )


def running_beside(cases: Sequence[Case]) -> frozenset[str]:
    """Name the cases that are to replace another one which is still asked."""
    asked = {case.id for case in cases}
    return frozenset(case.id for case in cases if case.replaces in asked)


def _is_learning(known: CaseBaseline, policy: Policy, *, beside: bool) -> bool:
    if beside:
        return _real_nights(known) < policy.armed_from
    return _real_nights(known) < policy.learning_below and not any(s.burst for s in known.samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What a target can be judged by today."""

    comparable: Comparable
    judged: Mapping[str, CaseBaseline]
    """The cases that are compared; empty where over a third of the suite is still learning."""
    state: State
    nights: int
    """Nights that two thirds of the cases have; a burst counts as one."""
    burst: bool
    """Some of what is compared was taken in one evening."""
    baseline: BaselineState


def knowledge(
    cases: Sequence[Case], target: RunTarget, baseline: Baseline | None, policy: Policy
) -> Knowledge:
    """Say what `baseline` knows of `cases`: every output's LEARNING, PROVISIONAL or ARMED is this one."""
    known = comparable(cases, target, baseline, policy)
    judged = _judged(known, cases, policy)
    nights = _shared_nights([case for case in cases if case.id not in known.beside], judged or known.cases)
    burst = any(sample.burst for case in judged.values() for sample in case.samples)
    state = State.LEARNING if not judged else State.PROVISIONAL if burst else state_of(nights, policy)
    most_changed = (1 - policy.limits.min_cases) * len(cases) + 1e-9
    learnt = any(_nights(case) >= policy.learning_below for case in known.cases.values())
    # A suite that has learnt and can no longer be judged is stale: learning is for what nobody accepted.
    if (learnt and not judged) or len(known.changed) > most_changed:
        found = BaselineState.STALE
    else:
        found = BaselineState.PRESENT if known.cases else BaselineState.MISSING
    return Knowledge(comparable=known, judged=judged, state=state, nights=nights, burst=burst, baseline=found)


def state_of(nights: int, policy: Policy) -> State:
    """Say how much a baseline of so many nights knows."""
    if nights < policy.learning_below:
        return State.LEARNING
    return State.ARMED if nights >= policy.armed_from else State.PROVISIONAL


def _judged(known: Comparable, cases: Sequence[Case], policy: Policy) -> Mapping[str, CaseBaseline]:
    """Return what is compared: a case still learning is shown only, and with over a third of them so is the suite."""
    # Who only runs beside another case makes nobody wait.
    if 3 * len({*known.few_nights, *known.unknown} - known.beside) > len(cases) - len(known.beside):
        return {}
    return {
        case_id: _without_burst(case, policy)
        for case_id, case in known.cases.items()
        if case_id not in known.few_nights
    }


def _without_burst(known: CaseBaseline, policy: Policy) -> CaseBaseline:
    """Leave out one evening's batches once enough real nights can stand in for them."""
    if _real_nights(known) < policy.learning_below or not any(s.burst for s in known.samples):
        return known
    return known.model_copy(update={"samples": tuple(s for s in known.samples if not s.burst)})


def _real_nights(known: CaseBaseline) -> int:
    return len({sample.night for sample in known.samples if not sample.burst})


def _nights(known: CaseBaseline) -> int:
    return len({sample.night for sample in known.samples})


def _shared_nights(cases: Sequence[Case], known: Mapping[str, CaseBaseline]) -> int:
    counts = sorted(_nights(known[case.id]) if case.id in known else 0 for case in cases)
    return counts[len(counts) // 3] if counts else 0


def _kept_as_digest(known: CaseBaseline) -> bool:
    return any(sample.answer is None for sample in known.samples)
