"""What a signal has to say."""

from enum import StrEnum

from harness.core.canonical import Record


class Outcome(StrEnum):
    """What happened to a behaviour."""

    STABLE = "stable"
    IMPROVED = "improved"
    CHANGED = "changed"
    INCONCLUSIVE = "inconclusive"
    REGRESSED = "regressed"

    @property
    def weight(self) -> int:
        """Order from quiet to worst, as exit codes have it: drift that was seen goes before what could not be told."""
        return _FROM_QUIET_TO_WORST.index(self)


_FROM_QUIET_TO_WORST = (
    Outcome.STABLE,
    Outcome.IMPROVED,
    Outcome.INCONCLUSIVE,
    Outcome.CHANGED,
    Outcome.REGRESSED,
)


class Severity(StrEnum):
    """Whether a finding may fail the run."""

    BLOCK = "block"
    WARN = "warn"
    INFO = "info"


class Channel(StrEnum):
    """Where drift comes from."""

    MODEL = "model"
    PROMPT = "prompt"
    CODE = "code"
    CONFIG = "config"


class Effect(Record):
    """How large a change is, in the reader's unit."""

    reference: float | None
    candidate: float | None
    unit: str
    """rate, score, characters or distance."""


class Finding(Record):
    """One thing to say: what changed, by how much, and how sure we are."""

    channel: Channel = Channel.MODEL
    signal: str
    target: str
    case: str | None = None
    """None where the finding is about the whole suite."""
    outcome: Outcome
    severity: Severity = Severity.BLOCK
    p_value: float | None = None
    confirm_p_value: float | None = None
    """Of tonight and its confirmation, pooled."""
    window_p_value: float | None = None
    """Of the last nights' mean."""
    nights: int = 1
    """Nights that it took, tonight included."""
    n_reference: int
    n_candidate: int
    effect: Effect | None = None
    because: str
    """One sentence for a person."""
