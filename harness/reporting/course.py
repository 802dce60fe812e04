"""How a signal's night went: within its noise, strayed and denied, drift, and what decided."""

from enum import StrEnum

from harness.core.findings import Outcome
from harness.core.verdict import SignalReading, TargetVerdict
from harness.reporting.model import Status
from harness.reporting.wording import WORDS, status_of

_QUIET = (Outcome.STABLE, Outcome.IMPROVED)


class Course(StrEnum):
    """How a signal's night went; worst first."""

    CONFIRMED = "confirmed"
    """Drift: tonight and its second batch."""
    CONFIRMS = "confirms"
    """Drift: an earlier night that strayed, and tonight."""
    LASTING = "lasting"
    """Drift: the last nights together."""
    ALONE = "alone"
    """Drift: one batch, under a policy that asks for no second one."""
    UNANSWERED = "unanswered"
    """It strayed, and the second batch did not measure it."""
    UNMEASURED = "unmeasured"
    WAITING = "waiting"
    """It strayed, and a second batch decides."""
    UNASKED = "unasked"
    """It strayed, and nobody asked again."""
    UNJUDGED = "unjudged"
    """Measured, with no floor to hold it against."""
    DENIED = "denied"
    """It strayed, and a second batch did not show it again, or in a single case only."""
    UNUSUAL = "unusual"
    """Outside its band, and not rare enough to ask again."""
    WITHIN = "within"

    @property
    def rank(self) -> int:
        """Order from worst to quiet."""
        return list(Course).index(self)

    @property
    def strayed(self) -> bool:
        """Say whether it strayed tonight without being drift."""
        return self in (Course.UNANSWERED, Course.WAITING, Course.UNASKED, Course.DENIED)


WORD_OF = {
    Course.UNANSWERED: "Could not tell",
    Course.UNMEASURED: "Not measured",
    Course.WAITING: "Awaiting confirmation",
    Course.UNASKED: "Unconfirmed",
    Course.UNJUDGED: "Not judged",
    Course.DENIED: "Not confirmed",
    Course.UNUSUAL: "Within noise",
    Course.WITHIN: "Within noise",
}
_STATUS_OF = {
    Course.UNANSWERED: Status.INCONCLUSIVE,
    Course.UNMEASURED: Status.INCONCLUSIVE,
    Course.WAITING: Status.AWAITING,
    Course.UNASKED: Status.AWAITING,
    Course.UNJUDGED: Status.NO_BASELINE,
}


def course_of(target: TargetVerdict, reading: SignalReading) -> Course:
    """Say how a signal's night went."""
    if reading.outcome is Outcome.INCONCLUSIVE:
        return Course.UNANSWERED if reading.strayed and reading.tonight is not None else Course.UNMEASURED
    if reading.outcome not in _QUIET:
        return _drift(target, reading)
    if reading.tonight is None:
        return Course.UNMEASURED
    if reading.p_value is None:
        return Course.UNJUDGED
    if reading.strayed:
        if target.awaiting_confirmation:
            return Course.WAITING
        return Course.UNASKED if reading.confirmation is None else Course.DENIED
    return Course.UNUSUAL if is_outside(reading) else Course.WITHIN


def course_status(course: Course, reading: SignalReading) -> Status:
    """Return what a signal is shown as."""
    if reading.outcome not in (*_QUIET, Outcome.INCONCLUSIVE):
        return status_of(reading.outcome)
    return _STATUS_OF.get(course, Status.STABLE)


def course_word(course: Course, reading: SignalReading) -> str:
    """Name how a signal's night went."""
    return WORD_OF.get(course) or WORDS[course_status(course, reading)]


def is_outside(reading: SignalReading) -> bool:
    """Say whether tonight is drawn outside its band."""
    floor = reading.floor
    if floor is not None:
        return floor.tonight > floor.high or (floor.low is not None and floor.tonight < floor.low)
    if reading.tonight is None or not reading.nights:
        return False
    return not min(reading.nights) <= reading.tonight <= max(reading.nights)


def nights_together(target: TargetVerdict, reading: SignalReading) -> int:
    """Count the nights that it took to see a signal drift; 1 for tonight, its confirmation included."""
    found = [f.nights for f in target.findings if f.case is None and f.signal == reading.signal]
    return min(found, default=1)


def _drift(target: TargetVerdict, reading: SignalReading) -> Course:
    if nights_together(target, reading) > 1:
        return Course.LASTING
    if reading.confirm_p_value is None:
        return Course.ALONE
    return Course.CONFIRMS if reading.confirmation is None else Course.CONFIRMED
