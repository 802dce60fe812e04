"""The sentences that every output shares."""

from collections.abc import Sequence

from harness.core.findings import Outcome
from harness.core.verdict import BaselineState, State, TargetVerdict

_SAYS = {
    ("refusal", Outcome.REGRESSED): "declines more often",
    ("refusal", Outcome.IMPROVED): "declines less often",
    ("format", Outcome.REGRESSED): "breaks more rules",
    ("format", Outcome.IMPROVED): "breaks fewer rules",
    ("quality", Outcome.REGRESSED): "answers worse",
    ("quality", Outcome.IMPROVED): "answers better",
    ("embedding", Outcome.CHANGED): "says something else",
    ("string", Outcome.CHANGED): "words its replies differently",
    ("length", Outcome.CHANGED): "writes replies of another length",
    ("contract", Outcome.REGRESSED): "breaks a contract",
}


def headline(targets: Sequence[TargetVerdict]) -> str:
    """Say in one sentence what happened, worst target first."""
    if not targets:
        return "Nothing was measured: the run has no target."
    # Drift that was seen goes before what could not be told, as its exit code does.
    drifted = [t for t in targets if _has_drifted(t)]
    worst = max(drifted or targets, key=lambda target: target.outcome.weight)
    others = [t.target for t in drifted if t is not worst]
    also = f" Also moved: {', '.join(others)}." if others else ""
    return target_headline(worst) + also


def _has_drifted(target: TargetVerdict) -> bool:
    return target.outcome in (Outcome.REGRESSED, Outcome.CHANGED) and not target.awaiting_confirmation


def target_headline(target: TargetVerdict) -> str:
    """Say in one sentence what happened to one target."""
    name = target.target
    if target.awaiting_confirmation:
        return f"{name} strayed from its baseline; a second batch has yet to confirm it."
    if target.outcome in (Outcome.REGRESSED, Outcome.CHANGED, Outcome.IMPROVED):
        return f"{name} {_what_moved(target)}."
    if not target.coverage.answered:
        return f"{name} could not be measured: no reply of {target.coverage.planned} came back."
    if target.baseline is BaselineState.STALE:
        return f"{name} could not be compared: its baseline belongs to other cases, parameters or rules."
    if target.outcome is Outcome.INCONCLUSIVE and (why := _why_untold(target)):
        return f"{name} could not be told: {why}."
    if target.state is State.LEARNING:
        return f"{name} is still learning, no verdict yet: {target.nights} nights accepted."
    return f"{name} behaves as it did in its baseline."


def _why_untold(target: TargetVerdict) -> str:
    """Say what is missing; nothing where a baseline that is still learning is all there is to say."""
    coverage = target.coverage
    if target.cut_short:
        return f"the run stopped early, with {coverage.answered} of {coverage.planned} replies"
    learning = target.state is State.LEARNING
    if coverage.answered < coverage.planned * 2 / 3 or (not learning and not target.readings):
        cases = f", in {coverage.cases_answered} of {coverage.cases_planned} cases"
        few_cases = coverage.cases_answered < coverage.cases_planned
        return f"{coverage.answered} of {coverage.planned} replies came back{cases if few_cases else ''}"
    missing = [r.signal for r in target.readings if r.outcome is Outcome.INCONCLUSIVE]
    if missing:
        return f"{' and '.join(missing)} {'was' if len(missing) == 1 else 'were'} not measured"
    return "" if learning else "it strayed from its baseline, and too little of the confirmation came back"


def _what_moved(target: TargetVerdict) -> str:
    said = [_SAYS.get(moved, f"moved in {moved[0]}") for moved in _said(target)]
    if _is_like_another_model(target):
        cases = _cases_of(target, ("string", "embedding"))
        directed = [
            word for word, moved in zip(said, _said(target), strict=True) if moved[1] is Outcome.REGRESSED
        ]
        where = f"answers like another model in {len(cases)} of {target.coverage.cases_planned} cases"
        return f"{where} and {directed[-1]}" if directed else where
    return (" and ".join(said) or "moved") + _where(target)


def _is_like_another_model(target: TargetVerdict) -> bool:
    """Say whether wording and meaning both moved in three quarters of the cases: the mark of a swap."""
    return all(
        4 * len(_cases_of(target, (signal,))) >= 3 * target.coverage.cases_planned > 0
        for signal in ("string", "embedding")
    )


def _cases_of(target: TargetVerdict, signals: Sequence[str]) -> set[str]:
    return {f.case for f in target.findings if f.case is not None and f.signal in signals}


def _said(target: TargetVerdict) -> list[tuple[str, Outcome]]:
    """Pick what the sentence names: the two worst of what moved in the whole suite."""
    moved = [f for f in target.findings if f.case is None or f.signal == "contract"]
    ordered = sorted(moved, key=lambda finding: -finding.outcome.weight)
    return list(dict.fromkeys((f.signal, f.outcome) for f in ordered))[:2]


def _where(target: TargetVerdict) -> str:
    said = _said(target)
    cases = {f.case for f in target.findings if f.case is not None and (f.signal, f.outcome) in said}
    if not cases:
        return ""
    return f" in {len(cases)} of {target.coverage.cases_planned} cases"
