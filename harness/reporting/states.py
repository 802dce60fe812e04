"""How much a baseline knows, which drift is open, and which nights were decided together: in words."""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from harness.core.baseline_state import Knowledge, knowledge
from harness.core.findings import Outcome
from harness.core.incidents import QUIET_NIGHTS
from harness.core.policy import Policy
from harness.core.run import RunRecord, RunTarget
from harness.core.verdict import BaselineState, OpenIncident, State, TargetVerdict, Verdict
from harness.core.wording import mute_text
from harness.reporting.counting import listed, many
from harness.reporting.course import Course, course_of
from harness.reporting.escape import one_line
from harness.reporting.golden_words import accepted_runs_text
from harness.reporting.seen import could_have_seen
from harness.reporting.wording import is_open, night_text, signal_named, signal_title

_LOGPROB = "logprob"


def knowledge_of(record: RunRecord, verdict: Verdict, target: TargetVerdict) -> Knowledge | None:
    """Return what the baseline of a target knows of tonight's cases; None for a target that the run does not name."""
    run = _run_target(record, target.target)
    if run is None:
        return None
    baseline = record.references.get(target.target)
    return knowledge(record.manifest.suite.cases, run, baseline, verdict.policy)


def state_text(target: TargetVerdict, policy: Policy, *, burst: bool) -> str:
    """Say how much the baseline knows of the suite's own noise."""
    if target.tasks:
        return accepted_runs_text(target)
    if target.upgrade is not None:
        return "two models side by side"
    word = target.state.value.upper()
    if target.baseline is BaselineState.STALE:
        return "STALE, nothing to compare with"
    match target.state:
        case State.LEARNING:
            return f"{word} night {max(target.nights, target.nights_run)} of {policy.armed_from}"
        case State.PROVISIONAL if burst:
            return f"{word} one evening: gross changes only"
        case _:
            return f"{word} {many(target.nights, 'night')}"


def incident_text(target: TargetVerdict) -> str:
    """Say which drift was open when the run began, and what becomes of it; empty where none was."""
    incident = target.incident
    if incident is None:
        return ""
    drifted = f"{_signals(incident)} drifted on {night_text(incident.opened)}"
    name = one_line(incident.id, 120)
    if not is_open(target):
        return f"Incident {name} is over: {drifted}, and {QUIET_NIGHTS} quiet nights have passed."
    if muted := mute_text(incident):
        fails = f"It is {muted}. Until then a night fails only where something else drifts, or worse."
    else:
        fails = "A scheduled night exits 1 until it is accepted, muted, or those nights have passed."
    return f"{incident.severity} incident {name} is open: {drifted}; {incident.quiet_nights} of {QUIET_NIGHTS} quiet nights since. {fails}"


def stray_texts(target: TargetVerdict) -> Iterator[str]:
    """Say what strayed tonight without being drift, and what became of it."""
    strayed: dict[Course, list[str]] = {}
    for reading in target.readings:
        signal = signal_named(reading.signal)
        course = course_of(target, reading)
        if course.strayed and (signal is None or signal.decides):
            strayed.setdefault(course, []).append(signal_title(reading.signal).lower())
    for course, names in sorted(strayed.items(), key=lambda found: found[0].rank):
        said = listed(names)
        match course:
            case Course.DENIED:
                quiet = ": quiet" if target.outcome in (Outcome.STABLE, Outcome.IMPROVED) else ""
                yield f"{_capital(said)} strayed in the first batch; a second batch did not confirm it{quiet}."
            case Course.WAITING:
                yield f"{_capital(said)} strayed in one batch; a second one decides."
            case Course.UNASKED:
                yield f"{_capital(said)} strayed tonight too, and nobody asked again: that is not decided."
            case _:
                yield f"{_capital(said)} strayed, and too little of the second batch measured it."


def confirmed_by(verdict: Verdict) -> str:
    """Say what confirms a night that waits for it."""
    again = f"drift check {shlex.quote(verdict.suite)} --resume {shlex.quote(verdict.run)}"
    return f"the next scheduled run, or `{again}`" if verdict.scheduled else f"`{again}`"


def denied_night(record: RunRecord, target: TargetVerdict) -> str | None:
    """Name the earlier night that strayed and that tonight did not confirm; None where there is none."""
    awaited = record.earlier.awaited.get(target.target)
    if awaited is None or not target.readings or target.state is State.LEARNING:
        return None
    courses = {course_of(target, reading) for reading in target.readings}
    return None if Course.CONFIRMS in courses else awaited.night


def window_text(target: TargetVerdict) -> str:
    """Name the earlier nights that were decided with tonight; empty where there were none."""
    nights = sorted(set(target.window))
    if not nights:
        return ""
    named = [night_text(night, year=False) for night in nights[:-1]] + [night_text(nights[-1])]
    if len({night[:7] for night in nights}) == 1:
        named[:-1] = [name.split(" ")[0] for name in named[:-1]]
    return f"Tonight was decided by itself and with {'the night' if len(nights) == 1 else 'the nights'} of {listed(named)}."


def window_lines(verdict: Verdict) -> tuple[str, ...]:
    """Name them for a whole run, a line a target that has some."""
    found = [(target.target, window_text(target)) for target in verdict.targets]
    several = len(found) > 1
    return tuple(f"{name}: {said}" if several else said for name, said in found if said)


def budget_text(verdict: Verdict) -> str:
    """Say what several targets add up to; empty for one, whose budget is the policy's."""
    targets = len(verdict.targets)
    if targets < 2:
        return ""
    per_target = 100 * verdict.policy.alpha
    return (
        f"False alarms are budgeted for each target, at {per_target:.3g} in 100 nights: "
        f"{targets * per_target:.3g} for these {targets}."
    )


def in_words(record: RunRecord, verdict: Verdict) -> Mapping[str, Mapping[str, object]]:
    """Say of every target what its numbers mean, for a reader of the JSON."""
    return {target.target: _words_of(record, verdict, target) for target in verdict.targets}


def _words_of(record: RunRecord, verdict: Verdict, target: TargetVerdict) -> Mapping[str, object]:
    known = knowledge_of(record, verdict, target)
    denied = denied_night(record, target)
    return {
        "state": state_text(target, verdict.policy, burst=known is not None and known.burst),
        "could_have_seen": list(could_have_seen(target)),
        "strayed": list(stray_texts(target)),
        "confirmed_by": confirmed_by(verdict) if target.awaiting_confirmation else None,
        "not_confirmed_night": denied,
        "incident": incident_text(target) or None,
        "window": window_text(target) or None,
        "changed": list(what_changed(record, target.target, known)),
        "not_measured": list(unmeasured_texts(record, target)),
    }


def unmeasured_texts(record: RunRecord, target: TargetVerdict) -> Iterator[str]:
    """Name the signals that had nothing to read in the whole suite, and say why."""
    if target.state is State.LEARNING or not target.readings:
        return
    unread = [
        reading.signal
        for reading in target.readings
        if (signal := signal_named(reading.signal)) is not None
        and signal.decides
        and not reading.nights
        and reading.p_value is None
        and (reading.signal != _LOGPROB or _asks_for_logprobs(record, target.target))
    ]
    texts = [name for name in unread if name in ("string", "embedding", "spread")]
    if texts and keeps_digests(record, target.target):
        yield f"{_capital(_titles(texts))} {_are(texts)} not measured: the baseline keeps digests, not what was said."
        unread = [name for name in unread if name not in texts]
    rules = [name for name in unread if name in ("format", "quality")]
    if rules:
        yield f"{_capital(_titles(rules))} {_are(rules)} not measured: no case has the rules for it."
    rest = [name for name in unread if name not in rules]
    if rest:
        yield f"{_capital(_titles(rest))} {_are(rest)} not measured: the baseline has nothing of it."


def what_changed(record: RunRecord, target: str, knows: Knowledge | None) -> Iterator[str]:
    """Say what is another one than the baseline's, for the cases that are not compared for it."""
    run, baseline = _run_target(record, target), record.references.get(target)
    if run is None or baseline is None or knows is None or not knows.comparable.changed:
        return
    cases = record.cases
    shared = [
        (case, baseline.cases[case.id].identity) for case in cases.values() if case.id in baseline.cases
    ]
    other = [case for case, before in shared if before.treatment != run.target.treatment(case)]
    of = many(len(shared), "case")
    prompts = sum(before.question != case.question for case, before in shared)
    rules = sum(before.ruler != case.ruler for case, before in shared)
    if prompts:
        yield f"The prompt of {prompts} of {of} is another one than the baseline's."
    if other and run.name == run.baseline_of:
        if len(other) == len(shared):
            yield "The target's model, parameters or options are other ones than the baseline's."
        else:
            # The model and its parameters are every case's: where one has kept them, only tools can differ.
            yield f"The tools of {len(other)} of {of} are other ones than the baseline's."
    if rules and keeps_digests(record, target):
        yield f"The rules of {rules} of {of} are other ones, and replies kept as digests cannot be measured again."


def keeps_digests(record: RunRecord, target: str) -> bool:
    """Say whether a baseline keeps only the digests of some replies."""
    baseline = record.references.get(target)
    cases = baseline.cases.values() if baseline else ()
    return any(sample.answer is None for case in cases for sample in case.samples)


def _run_target(record: RunRecord, name: str) -> RunTarget | None:
    return next((one for one in record.manifest.targets if one.name == name), None)


def _asks_for_logprobs(record: RunRecord, name: str) -> bool:
    run = _run_target(record, name)
    return run is not None and bool(run.target.params.get("logprobs"))


def _signals(incident: OpenIncident) -> str:
    return _titles(incident.signals) if incident.signals else "a signal"


def _titles(names: Sequence[str]) -> str:
    return listed([signal_title(name).lower() for name in names])


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 and names[0] != _LOGPROB else "are"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
