"""A post-mortem of an incident in Markdown: what is known filled in, and marked blanks for people.

Whatever a model or a provider said is only text here: no markup, mention or link of theirs acts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from harness.core.batch import Acceptance
from harness.core.findings import Finding, Outcome
from harness.core.history import NightEntry
from harness.core.incidents import Incident
from harness.core.mutes import Mute
from harness.core.verdict import TargetVerdict
from harness.reporting.counting import many
from harness.reporting.escape import log_safe, one_line
from harness.reporting.markdown_text import code, inline
from harness.reporting.wording import value_text

BLANK = "**TO FILL IN**"
_DRIFT = (Outcome.CHANGED, Outcome.REGRESSED)
_MOST_CASES = 40
_MOST_NIGHTS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFacts:
    """All that is known of an incident."""

    incident: Incident
    nights: Sequence[NightEntry]
    """Of its suite and target, from some before it to its end, oldest first."""
    verdicts: Mapping[str, TargetVerdict]
    """By run, of those of its nights that can still be read."""
    costs_usd: Mapping[str, float | None]
    """By run; None where it is not known."""
    mutes: Sequence[Mute]
    acceptances: Sequence[Acceptance]
    """Of its baseline, since it opened."""


def postmortem(facts: IncidentFacts) -> str:
    """Write the whole file."""
    return "\n\n".join(log_safe(block) for block in _blocks(facts)) + "\n"


def _blocks(facts: IncidentFacts) -> Iterator[str]:
    one = facts.incident
    yield f"# Post-mortem: {_text(one.suite)} on {_text(one.target)}, {one.severity}"
    yield f"Incident {code(one.id)}. What `drift` knows is filled in; {BLANK} marks what people know.\n\nOwner: {BLANK}. Reviewed by: {BLANK}."
    yield "## In short"
    over = f"closed on {one.closed} ({one.because.value})" if one.closed and one.because else "still open"
    yield (
        f"- First night: {one.opened}; last night that drifted: {one.last_drift}; {over}.\n"
        f"- Signals: {', '.join(code(signal) for signal in one.signals)}.\n"
        f"- Kinds of case: {', '.join(map(_text, one.kinds)) or 'no case could be named'}; worst: "
        f"{', '.join(code(case) for case in one.worst) or 'none named'}.\n"
        f"- Detection: {_delay(facts)}\n"
        f"- What users noticed: {BLANK}\n"
        f"- Cause: {BLANK}"
    )
    yield "## Timeline"
    yield _timeline(facts)
    yield f"When people noticed, and what they did: {BLANK}"
    yield "## Signals, on the nights that drifted"
    yield _signals(facts)
    yield "## Cases"
    yield _cases(facts)
    yield "## What was served"
    yield "\n".join(_served(facts.nights))
    yield "## Mutes and acceptances"
    yield "\n".join(_decisions(facts))
    yield "## Cost"
    yield _cost(facts)
    yield "## What follows"
    yield (
        f"- What went well: {BLANK}\n- What went wrong: {BLANK}\n- Where we were lucky: {BLANK}\n"
        f"- Actions, each with an owner and a date: {BLANK}\n- Cases to add to the suite: {BLANK}"
    )


def _delay(facts: IncidentFacts) -> str:
    one = facts.incident
    told = [
        night for night in facts.nights if night.night < one.opened and night.measured and not night.drift
    ]
    if not told:
        before = "no night before it was measured, so when it began is not known"
    else:
        days = (date.fromisoformat(one.opened) - date.fromisoformat(told[-1].night)).days
        before = (
            f"the last quiet night is {told[-1].night}, so it went unseen for {many(days, 'day')} at most"
        )
    first = facts.verdicts.get(one.runs[0]) if one.runs else None
    nights = max((f.nights for f in first.findings if f.case is None), default=1) if first else 1
    lasting = (
        f"; it took {nights} nights together to see, so it may have begun {nights - 1} nights earlier"
        if nights > 1
        else ""
    )
    return f"{before}{lasting}."


def _timeline(facts: IncidentFacts) -> str:
    rows = [
        [
            night.night,
            "drift" if night.drift else "unconfirmed" if night.awaiting_confirmation else night.outcome.value,
            ", ".join(code(signal) for signal in night.signals) or "",
            ", ".join(code(case) for case in night.worst) or "",
            code(night.run),
        ]
        for night in facts.nights[-_MOST_NIGHTS:]
    ]
    return _table(["night", "outcome", "signals", "worst cases", "run"], rows)


def _signals(facts: IncidentFacts) -> str:
    rows = []
    for run in facts.incident.runs[-_MOST_CASES:]:
        target = facts.verdicts.get(run)
        if target is None:
            rows.append([code(run), "its folder cannot be read any more", "", "", ""])
            continue
        rows += [
            [code(run), code(f.signal), *_sides(f), _p(f)]
            for f in target.findings
            if f.outcome in _DRIFT and f.case is None
        ]
    return _table(["run", "signal", "reference", "candidate", "p, once and confirmed"], rows)


def _cases(facts: IncidentFacts) -> str:
    latest = next(
        (facts.verdicts[run] for run in reversed(facts.incident.runs) if run in facts.verdicts), None
    )
    if latest is None:
        return "No run of this incident can be read any more."
    found = [f for f in latest.findings if f.case is not None and f.outcome in _DRIFT]
    rows = [
        [code(f.case or ""), code(f.signal), *_sides(f), _text(f.because, 300)] for f in found[:_MOST_CASES]
    ]
    more = f"\n\nAnd {len(found) - len(rows)} more." if len(found) > len(rows) else ""
    return (
        "On the last night that drifted:\n\n"
        + _table(["case", "signal", "reference", "candidate", "what"], rows)
        + more
    )


def _served(nights: Sequence[NightEntry]) -> Iterator[str]:
    last: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    for night in nights:
        now = night.served, night.fingerprints
        if night.served and now != last:
            word = "served" if last is None else "then"
            marks = (
                f", fingerprint {', '.join(code(one) for one in night.fingerprints)}"
                if night.fingerprints
                else ""
            )
            yield f"- {night.night}: {word} {', '.join(code(name) for name in night.served)}{marks}"
            last = now
    if last is None:
        yield "No night says which model was served."


def _decisions(facts: IncidentFacts) -> Iterator[str]:
    for mute in facts.mutes:
        what = f"muted until {mute.until}" if mute.until is not None else "not muted any more"
        yield f"- {_text(mute.at, 40)}: {what} by {_text(mute.by, 100)}: {_text(mute.reason, 1000)}"
    for one in facts.acceptances:
        cases = many(len(one.cases), "case")
        yield f"- {_text(one.at, 40)}: {cases} accepted by {_text(one.by, 100)}: {_text(one.reason, 1000)}"
    if not facts.mutes and not facts.acceptances:
        yield "None."


def _cost(facts: IncidentFacts) -> str:
    known = [cost for cost in facts.costs_usd.values() if cost is not None]
    missing = len(facts.costs_usd) - len(known)
    left = f"; what {many(missing, 'more run')} cost is not known" if missing else ""
    return (
        f"Asking the suite on {many(len(known), 'night')} that drifted cost ${sum(known):.2f}, all targets of these runs "
        f"together{left}. What the drift itself cost: {BLANK}"
    )


def _sides(finding: Finding) -> tuple[str, str]:
    effect = finding.effect
    if effect is None:
        return f"n {finding.n_reference}", f"n {finding.n_candidate}"
    shown = [
        "not measured" if value is None else value_text(value, effect.unit, span=1.0)
        for value in (effect.reference, effect.candidate)
    ]
    return f"{_text(shown[0])}, n {finding.n_reference}", f"{_text(shown[1])}, n {finding.n_candidate}"


def _p(finding: Finding) -> str:
    values = [p for p in (finding.p_value, finding.confirm_p_value, finding.window_p_value) if p is not None]
    return ", ".join(f"{p:.2g}" for p in values) or "needs none"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "None."
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _text(text: str, most: int = 200) -> str:
    return inline(one_line(text, most))
