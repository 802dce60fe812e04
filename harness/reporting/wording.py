"""Numbers, dates and statuses in the reader's words."""

import math
from datetime import date, datetime

from harness.core.findings import Outcome
from harness.core.replies import FailureKind
from harness.core.signals import SIGNALS, Signal
from harness.core.verdict import (
    BaselineState,
    State,
    TargetVerdict,
    Verdict,
    enough_measured,
    exit_code_of,
)
from harness.core.wording import mute_text
from harness.reporting.escape import one_line
from harness.reporting.model import Phrase, Prose, Status

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

WORDS = {
    Status.REGRESSED: "Regressed",
    Status.PLAIN: "Fails the plain rules",
    Status.CHANGED: "Changed",
    Status.REFUSED: "Refused",
    Status.NOT_ACCEPTED: "Not accepted yet",
    Status.MOVED: "Model moved",
    Status.NOT_EVALUATED: "Not evaluated",
    Status.OPEN: "Drift still open",
    Status.STALE: "Stale baseline",
    Status.INCONCLUSIVE: "Could not tell",
    Status.AWAITING: "Awaiting confirmation",
    Status.NO_BASELINE: "No baseline",
    Status.LEARNING: "Learning",
    Status.WARNED: "Regressed, only warns",
    Status.ACCEPTED: "Accepted change",
    Status.IMPROVED: "Improved",
    Status.STABLE: "Stable",
}
_OUTCOMES = {
    Outcome.REGRESSED: Status.REGRESSED,
    Outcome.CHANGED: Status.CHANGED,
    Outcome.INCONCLUSIVE: Status.INCONCLUSIVE,
    Outcome.IMPROVED: Status.IMPROVED,
    Outcome.STABLE: Status.STABLE,
}
_FAILURES = {
    FailureKind.TIMEOUT: ("timeout", "timeouts"),
    FailureKind.RATE_LIMITED: ("rate limit", "rate limits"),
    FailureKind.SERVER_ERROR: ("server error", "server errors"),
    FailureKind.TRANSPORT: ("broken connection", "broken connections"),
    FailureKind.MALFORMED: ("malformed response", "malformed responses"),
    FailureKind.TOO_LARGE: ("response too large", "responses too large"),
    FailureKind.EMPTY_CHOICES: ("response without an answer", "responses without an answer"),
    FailureKind.QUOTA: ("quota used up", "times quota used up"),
    FailureKind.AUTHENTICATION: ("key refused", "times the key was refused"),
    FailureKind.UNKNOWN_MODEL: ("unknown model", "times unknown model"),
    FailureKind.BAD_REQUEST: ("request refused", "requests refused"),
    FailureKind.REPLAYED: ("replayed response", "replayed responses"),
    FailureKind.FALLBACK: ("answer of another model", "answers of another model"),
    FailureKind.NOT_RECORDED: ("reply not recorded", "replies not recorded"),
}


def status_of(outcome: Outcome) -> Status:
    """Return the status that an outcome is shown as."""
    return _OUTCOMES[outcome]


def target_status(target: TargetVerdict, verdict: Verdict) -> Status:
    """Say what is shown for a target; only what its exit code allows is ever quiet."""
    policy = verdict.policy
    if target.shard is not None:
        return Status.INCONCLUSIVE
    if target.awaiting_confirmation:
        return Status.AWAITING
    if target.outcome in (Outcome.REGRESSED, Outcome.CHANGED):
        return status_of(target.outcome)
    if target.outcome in (Outcome.STABLE, Outcome.IMPROVED) and verdict.scheduled and is_open(target):
        return Status.OPEN
    if target.baseline is BaselineState.STALE:
        return Status.STALE
    if target.coverage.planned and not target.coverage.measured:
        return Status.INCONCLUSIVE
    if exit_code_of(target, policy) or target.cut_short or not enough_measured(target.coverage, policy):
        return Status.INCONCLUSIVE
    if target.state is State.LEARNING:
        return Status.LEARNING
    if target.baseline is BaselineState.MISSING:
        return Status.NO_BASELINE
    return status_of(target.outcome)


def is_open(target: TargetVerdict) -> bool:
    """Say whether a drift of earlier nights is open, and stays so after this one."""
    return target.incident is not None and not target.incident.recovered


def muted_text(target: TargetVerdict) -> str:
    """Say that a drift is open, and until when, by whom and why it is muted; empty where it is not."""
    incident = target.incident
    said = mute_text(incident) if incident is not None and is_open(target) else ""
    if incident is None or not said:
        return ""
    return f"{incident.severity} incident {one_line(incident.id, 200)} is open, {said}"


def signal_named(name: str) -> Signal | None:
    """Return the signal called `name`, or None for one that is not built in, such as a contract."""
    return SIGNALS.load(name) if name in SIGNALS.names() else None


def signal_title(name: str) -> str:
    """Name a signal for a reader."""
    signal = signal_named(name)
    return signal.title if signal else one_line(name, 40).capitalize()


def value_text(value: float | None, unit: str, span: float = math.inf) -> str:
    """Write a value with the digits that a difference of a tenth of `span` needs, and no more."""
    if value is None:
        return "none"
    match unit:
        case "rate":
            return f"{_fixed(100 * value, 100 * span)} %"
        case "score":
            return _fixed(100 * value, 100 * span)
        case "log-characters":
            return f"{max(0.0, math.expm1(min(value, 40.0))):,.0f}"
        case _:
            return _fixed(value, min(span, 0.5))


def unit_text(unit: str) -> str:
    """Name a unit after a number, where the number does not say it itself."""
    return {"score": "of 100", "log-characters": "characters", "rate": "", "distance": ""}.get(unit, unit)


RAREST = 1e-6
"""Rarer than this nobody has seen: the floor's own tail is not known so far out."""


def chance(p_value: float) -> str:
    """Say a p-value as a frequency, never rarer than `RAREST`."""
    if p_value >= 0.05:
        return f"{100 * p_value:.0f} times in 100"
    if p_value <= RAREST:
        return "less than once in a million"
    digits = max(0, len(str(round(1 / p_value))) - 2)
    return f"about once in {round(1 / p_value, -digits):,.0f}"


def failure_text(kind: str, count: int) -> str:
    """Say how many calls failed in one way."""
    known = next((forms for name, forms in _FAILURES.items() if name.value == kind), None)
    singular, plural = known or (one_line(kind, 40), one_line(kind, 40))
    return f"{count:,} {singular if count == 1 else plural}"


def night_text(night: str, *, weekday: bool = False, year: bool = True) -> str:
    """Write an ISO date as 21 Nov 2026; what is no date stays as it is."""
    try:
        day = date.fromisoformat(night[:10])
    except ValueError:
        return one_line(night, 40)
    words = f"{day.day} {_MONTHS[day.month - 1]}" + (f" {day.year}" if year else "")
    return f"{_DAYS[day.weekday()]} {words}" if weekday else words


def clock_text(moment: str) -> str:
    """Write the time of day of an ISO moment in UTC; what is no moment stays as it is."""
    try:
        parsed = datetime.fromisoformat(moment)
    except ValueError:
        return one_line(moment, 40)
    return f"{parsed:%H:%M} UTC"


def duration_text(seconds: float) -> str:
    """Write a duration as 4 min 41 s."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def cost_text(usd: float | None) -> str:
    """Write a cost; None is not known, and never zero."""
    if usd is None:
        return "cost not known"
    return f"${usd:.2f}" if usd == 0 or usd >= 0.01 else f"${usd:.4f}"


def prose(*parts: str | Phrase) -> Prose:
    """Put words and emphasised words together; what comes from outside is made safe by the caller."""
    return tuple(Phrase(text=part) if isinstance(part, str) else part for part in parts if part)


def strong(text: str) -> Phrase:
    """Mark words where the eye should land."""
    return Phrase(text=text, strong=True)


def plain(said: Prose) -> str:
    """Read prose without emphasis."""
    return "".join(phrase.text for phrase in said)


def _fixed(value: float, span: float) -> str:
    digits = 0 if span is math.inf or span <= 0 else min(max(math.ceil(-math.log10(span / 10)), 0), 3)
    text = f"{value:,.{digits}f}"
    if not text.strip("-0.,"):
        text = text.removeprefix("-")
    return text.replace("-", "−")
