"""The sentences that every output shares."""

from collections.abc import Sequence
from datetime import date

from harness.core.findings import Outcome
from harness.core.golden_wording import golden_headline
from harness.core.replies import FailureKind
from harness.core.upgrade_wording import upgrade_headline
from harness.core.verdict import BaselineState, OpenIncident, State, TargetVerdict
from harness.errors import one_line

_SAYS = {
    ("refusal", Outcome.REGRESSED): "declines more often",
    ("refusal", Outcome.CHANGED): "declines less often",
    ("format", Outcome.REGRESSED): "breaks more rules",
    ("quality", Outcome.REGRESSED): "answers worse",
    ("embedding", Outcome.CHANGED): "says something else",
    ("string", Outcome.CHANGED): "words its replies differently",
    ("length", Outcome.CHANGED): "writes replies of another length",
    ("spread", Outcome.CHANGED): "varies in another way",
    ("logprob", Outcome.CHANGED): "weighs its words differently",
    ("contract", Outcome.REGRESSED): "breaks a contract",
}


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_TURNED_AWAY = {
    FailureKind.AUTHENTICATION: "its key was rejected",
    FailureKind.UNKNOWN_MODEL: "its provider does not know the model",
}


def headline(targets: Sequence[TargetVerdict]) -> str:
    """Say in one sentence what happened, worst target first."""
    if not targets:
        return "Nothing was measured: the run has no target."
    # Drift that was seen goes before what could not be told, as its exit code does.
    drifted = [t for t in targets if _has_drifted(t)]
    together = _all_alike(targets)
    if together:
        return together
    worst = max(drifted or targets, key=lambda target: target.outcome.weight)
    others = [t.target for t in drifted if t is not worst]
    also = f" Also moved: {', '.join(others)}." if others else ""
    still = [t.target for t in targets if t is not worst and _is_quiet_and_open(t)]
    also += f" Drift still open: {', '.join(still)}." if still else ""
    return target_headline(worst) + also


def _all_alike(targets: Sequence[TargetVerdict]) -> str:
    """Say it of all targets at once where it is the same of all: a name alone would read as if it were of one."""
    if len(targets) < 2 or any(target.tasks for target in targets):
        return ""
    said = {target_headline(target).removeprefix(target.target) for target in targets}
    if len(said) > 1 or not all(target_headline(target).startswith(target.target) for target in targets):
        return ""
    names = [target.target for target in targets]
    all_of = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) < 4 else f"All {len(names)} targets"
    (what,) = said
    if what == " behaves as it did in its baseline.":
        return f"{all_of} behave as they did in their baselines."
    if what.startswith(" is still learning"):
        return f"{all_of} are{what.removeprefix(' is')}"
    return ""


def _has_drifted(target: TargetVerdict) -> bool:
    return target.outcome in (Outcome.REGRESSED, Outcome.CHANGED) and not target.awaiting_confirmation


def _is_quiet_and_open(target: TargetVerdict) -> bool:
    quiet = target.outcome in (Outcome.STABLE, Outcome.IMPROVED)
    return quiet and target.incident is not None and not target.incident.recovered


def target_headline(target: TargetVerdict) -> str:
    """Say in one sentence what happened to one target."""
    happened = _what_happened(target)
    return happened + _muted(target, told=happened.endswith(f"{_still_open(target)}."))


def _what_happened(target: TargetVerdict) -> str:
    if target.shard is not None:
        came = f"{target.coverage.answered} of {_many(target.coverage.planned, 'reply', 'replies')} came back"
        return f"{target.target} was asked in part, which decides nothing: {came}."
    if target.tasks:
        return golden_headline(target)
    if target.upgrade is not None:
        return upgrade_headline(target.upgrade, target.outcome, cut_short=target.cut_short)
    name = target.target
    if target.awaiting_confirmation:
        return f"{name} strayed from its baseline; a second batch has yet to confirm it."
    if target.outcome in (Outcome.REGRESSED, Outcome.CHANGED, Outcome.IMPROVED):
        return f"{name} {_what_moved(target)}{_since(target)}."
    if target.rejected:
        answered, planned = target.coverage.answered, target.coverage.planned
        return f"{name} was not asked to the end: {_TURNED_AWAY[target.rejected]} ({answered} of {_many(planned, 'reply', 'replies')})."
    if not target.coverage.answered:
        return f"{name} could not be measured: none of {_many(target.coverage.planned, 'reply', 'replies')} came back."
    if target.baseline is BaselineState.STALE:
        return f"{name} could not be compared: its baseline belongs to other cases, parameters or rules."
    if target.outcome is Outcome.INCONCLUSIVE and (why := _why_untold(target)):
        return f"{name} could not be told: {why}."
    if target.state is State.LEARNING:
        return f"{name} is still learning, no verdict yet: {_learnt(target)}."
    return f"{name} behaves as it did in its baseline{_still_open(target)}."


def _learnt(target: TargetVerdict) -> str:
    if target.nights_run > target.nights:
        return f"{_many(target.nights_run, 'night')} ran, and none is accepted"
    return f"{_many(target.nights, 'night')} accepted"


def _still_open(target: TargetVerdict) -> str:
    incident = target.incident
    if incident is None:
        return ""
    if incident.recovered:
        return f" again; the drift of {_day(incident.opened)} is over"
    since = f"{_many(incident.quiet_nights, 'quiet night')} since"
    return f" tonight; the drift of {_day(incident.opened)} is still open, {since}"


def mute_text(incident: OpenIncident) -> str:
    """Say until when an incident is muted, by whom and why; empty where no mute holds."""
    if incident.muted_until is None:
        return ""
    name = incident.muted_by.partition(" <")[0]
    by = f" by {_short(name, 60)}" if name else ""
    return f"muted until {_day(incident.muted_until)}{by} because: {_short(incident.muted_because, 160)}"


def _muted(target: TargetVerdict, *, told: bool) -> str:
    """Say of every night what a mute does to it, as long as it holds; `told` where the drift was named already."""
    incident = target.incident
    said = mute_text(incident) if incident is not None and not incident.recovered else ""
    if incident is None or not said:
        return ""
    beyond = target.outcome in (Outcome.REGRESSED, Outcome.CHANGED) and not target.muted
    tail = "; that does not cover this" if beyond else ""
    drift = "It" if told and not beyond else f"The drift of {_day(incident.opened)}"
    return f" {drift} is {said}{tail}."


def _short(text: str, most: int) -> str:
    # Somebody wrote it: it ends where the sentence does, and holds no line end.
    line = one_line(" ".join(text.split())).rstrip(".")
    return line if len(line) <= most else f"{line[:most]}…"


def _why_untold(target: TargetVerdict) -> str:
    """Say what is missing; nothing where a baseline that is still learning is all there is to say."""
    coverage = target.coverage
    if target.cut_short:
        return f"the run stopped early, with {coverage.answered} of {_many(coverage.planned, 'reply', 'replies')}"
    learning = target.state is State.LEARNING
    if coverage.answered < coverage.planned * 2 / 3 or (not learning and not target.readings):
        cases = f", in {coverage.cases_answered} of {_many(coverage.cases_planned, 'case')}"
        few_cases = coverage.cases_answered < coverage.cases_planned
        replies = _many(coverage.planned, "reply", "replies")
        return f"{coverage.answered} of {replies} came back{cases if few_cases else ''}"
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
        where = (
            f"answers like another model in {len(cases)} of {_many(target.coverage.cases_planned, 'case')}"
        )
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
    return f" in {len(cases)} of {_many(target.coverage.cases_planned, 'case')}"


def _since(target: TargetVerdict) -> str:
    """Say so where it took several nights together to see it."""
    named = [signal for signal, _ in _said(target)]
    if "contract" in named:
        return ""
    nights = min((f.nights for f in target.findings if f.case is None and f.signal in named), default=1)
    return f", seen over the last {nights} nights together" if nights > 1 else ""


def _day(night: str) -> str:
    """Write a night as 4 November; what is no date stays as it is."""
    try:
        day = date.fromisoformat(night)
    except ValueError:
        return night
    return f"{day.day} {_MONTHS[day.month - 1]}"


def _many(count: int, singular: str, plural: str | None = None) -> str:
    return f"{count} {singular if count == 1 else plural or singular + 's'}"
