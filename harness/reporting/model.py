"""What a report says, decided once: every renderer only lays it out."""

from dataclasses import dataclass
from enum import StrEnum

from harness.reporting.diff import PhraseDiff, StructureDiff


class Status(StrEnum):
    """What is said of a run, a target, a signal or a case; worst first."""

    REGRESSED = "regressed"
    PLAIN = "plain-rules"
    """Of a golden run: only the plain rules fail it, and the policy lets them decide."""
    CHANGED = "changed"
    MOVED = "model-moved"
    """Of a golden run: the model's fault, not the prompt's."""
    REFUSED = "refused"
    """Of a golden run: a baseline that changed by itself, or that does not come back."""
    NOT_ACCEPTED = "not-accepted"
    """Of a golden run: what changed has no accepted baseline yet."""
    NOT_EVALUATED = "not-evaluated"
    """Of a golden run: nobody was asked, or not as the change would have it."""
    OPEN = "open"
    """Quiet itself, and a drift of earlier nights is still open."""
    STALE = "stale"
    INCONCLUSIVE = "inconclusive"
    AWAITING = "awaiting"
    NO_BASELINE = "no-baseline"
    LEARNING = "learning"
    WARNED = "warned"
    """Of a golden run: regressed, and it only warns."""
    ACCEPTED = "accepted"
    """Of a golden run: other than before, as somebody accepted."""
    IMPROVED = "improved"
    STABLE = "stable"

    @property
    def rank(self) -> int:
        """Order from worst to quiet."""
        return list(Status).index(self)


class Mark(StrEnum):
    """What is drawn for one sample."""

    HELD = "held"
    OTHER = "other"
    """Answered, but not what is usual; without a direction."""
    FAILED = "failed"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """A run of words; `strong` where the eye should land."""

    text: str
    strong: bool = False


Prose = tuple[Phrase, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """From `low` to `high`, both included."""

    low: float | None
    """None where it has no lower end."""
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A place on an axis that has a name."""

    place: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Ends of an axis, and what is written at them or at the places that have a name."""

    low: float
    high: float
    low_text: str = ""
    high_text: str = ""
    ticks: tuple[Tick, ...] = ()
    reach: float | None = None
    """What is further out than this is drawn here, with an arrow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRow:
    """One signal of one target: numbers for a drawing, and the same in words."""

    target: str
    status: Status
    nights: tuple[float, ...]
    """Baseline nights that are drawn, oldest first."""
    tonight: float | None
    confirmation: float | None
    floor: Range | None
    """Within it no confirmation is asked for; without a floor, from the lowest to the highest baseline night."""
    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One signal over all targets, on one axis."""

    signal: str
    name: str
    what: str
    status: Status
    word: str
    rows: tuple[SignalRow, ...]
    scale: Scale
    sentences: tuple[str, ...]
    """Only where something is outside its noise, or was not judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalProof:
    """The deciding signal, to be drawn large beside the headline."""

    name: str
    caption: str
    row: SignalRow
    scale: Scale
    tonight_text: str
    floor_text: str
    confirm_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyProof:
    """The replies themselves, to be drawn large beside the headline."""

    caption: str
    reference: tuple[Mark, ...]
    reference_text: str
    candidate: tuple[Mark, ...]
    candidate_text: str
    label: str
    between: tuple[Mark, ...] = ()
    """Runs with the merge base's prompt."""
    between_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The samples of one night."""

    name: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleGrid:
    """The samples of a case by night, reference and candidate."""

    reference: tuple[Column, ...]
    candidate: tuple[Column, ...]
    nights_left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Reference and candidate of a case as counts, or as values where it is a number that moved."""

    reference: str
    candidate: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A text as shown: safe, cut, with what was left out."""

    text: str
    characters_left_out: int = 0
    times: str = ""
    """How often it was said, such as 5 of 6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPair:
    """Reference and candidate answer side by side."""

    diff: PhraseDiff
    reference: Excerpt | None
    """None where there is none; its text is in `diff`."""
    candidate: Excerpt | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A structural difference under a name."""

    title: str
    caption: str
    diff: StructureDiff
    reference_times: str
    candidate_times: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message of the request."""

    role: str
    text: Excerpt


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """One rule of a golden task, and how many runs keep it."""

    name: str
    reference: str
    base_prompt: str
    """With the merge base's prompt; empty where nobody asked with it."""
    candidate: str
    broken: bool
    """Broken more often than before."""
    because: str
    """What a run that breaks it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsRow:
    """The runs of one side of a golden task, in numbers."""

    name: str
    failed: str
    latency: str
    tokens: str
    judge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """One comparison by a judge, in one order."""

    order: str
    verdict: str
    rationale: Excerpt


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What a judge said of one answer: its score and why, and both orders against the reference."""

    side: str
    score: str
    outcome: str
    """Against the reference; empty for the reference itself."""
    rationale: Excerpt
    orders: tuple[Preference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """The evidence of one case."""

    sure: tuple[Prose, ...]
    why_kept: str
    """Why the case is in the suite, in its owner's words."""
    reply: TextPair | None
    structures: tuple[Structure, ...]
    other_reference: tuple[Excerpt, ...]
    other_candidate: tuple[Excerpt, ...]
    others: str
    """How many other replies there are, in words; empty where there are none."""
    request: tuple[Said, ...]
    tools: tuple[str, ...]
    params: str
    raw: tuple[str, ...]
    """A line a candidate sample: what came with the text."""
    notes: tuple[str, ...]
    """What else there is to know about the replies."""
    nights: SampleGrid
    """More nights than a strip has room for."""
    marks: frozenset[Mark]
    """The marks that appear in `nights`."""
    rules: tuple[RuleRow, ...] = ()
    runs: tuple[RunsRow, ...] = ()
    opinions: tuple[Opinion, ...] = ()
    judge_note: str = ""
    """Why a judge was not asked, or does not count."""
    conversation: tuple[Said, ...] = ()
    """Of the run that is shown: what was said to the model and by it, with calls and results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command to copy; it may break between head and tail, and before an option."""

    head: str
    tail: str = ""

    @property
    def text(self) -> str:
        """The whole of it."""
        return f"{self.head} {self.tail}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What to do now, and the command that does it."""

    why: str
    command: Command | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """One case of one target that needs a decision."""

    case: str
    target: str
    kind: str
    status: Status
    word: str
    grid: SampleGrid
    grid_label: str
    counts: Counts | None
    why: str
    accept: Command | None
    detail: Detail | None
    """None past the number of cases that a page details."""
    owner: str = ""
    line: str = ""
    """The row on a terminal, where it says more than its counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietRow:
    """One case of one target that is within its own noise, or was not decided."""

    case: str
    target: str
    kind: str
    grid: SampleGrid
    grid_label: str
    answered: str
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietList:
    """Cases without anything to decide, folded into one list."""

    head: str
    tail: str
    status: Status
    rows: tuple[QuietRow, ...]
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyph:
    """One case in a target's ribbon."""

    case: str
    status: Status
    word: str
    linked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLine:
    """One target in the headline."""

    name: str
    status: Status
    word: str
    complete: bool
    """True only where nothing at all is missing."""
    ribbon: tuple[Glyph, ...]
    ribbon_left_out: int
    cases: int
    measured: str
    """Such as 58 of 60 replies."""
    missing: str
    """Failed calls by kind, in words."""
    served: tuple[str, ...]
    fingerprint: str
    """How it changed, or empty."""
    accepted: str
    """Such as baseline of 1 Nov 2026; empty where nothing was accepted."""
    state: str
    """How much the baseline knows of the suite's noise, such as ARMED 14 nights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A short answer to one of the reader's questions."""

    title: str
    lines: tuple[Prose, ...]


class HappeningKind(StrEnum):
    """What changed around a model, and is marked above its trends."""

    BASELINE = "baseline"
    MODEL = "model"
    FINGERPRINT = "fingerprint"
    PROMPT = "prompt"
    LIBRARY = "library"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One change around a model, on one night."""

    place: int
    """Which of the nights, from 0."""
    kind: HappeningKind
    when: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One signal of one target over the last nights, to be drawn as a small line."""

    name: str
    values: tuple[float | None, ...]
    """One a night, oldest first, tonight last; None where the night is missing."""
    floor: Range | None
    """From the lowest to the highest baseline night."""
    low: float
    high: float
    value: str
    """Tonight's, in the reader's unit."""
    status: Status
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendColumn:
    """The last nights of one target."""

    target: str
    rows: tuple[Trend, ...]
    happenings: tuple[Happening, ...]
    untold: tuple[int, ...]
    """Nights that could not be told, by place."""
    first: str
    last: str
    """Dates at both ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRow:
    """One kind of failed call."""

    target: str
    what: str
    calls: int
    said: str
    failed: bool = True
    """False for the calls that were answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRow:
    """What a run was made with, beside what its baseline was made with."""

    name: str
    reference: str
    candidate: str
    compared: bool = True
    """False where the reference is not known, so nothing is said about a difference."""

    @property
    def equal(self) -> bool:
        """Tell whether both sides are known and the same."""
        return self.compared and self.reference == self.candidate


class ChangeKind(StrEnum):
    """What became of a line."""

    KEPT = "kept"
    OUT = "out"
    IN = "in"
    GAP = "gap"
    """Stands for lines that are not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedLine:
    """One line of a changed file."""

    kind: ChangeKind
    number: int
    """In the head; of a line that went, in the merge base. 0 for a gap."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """What a pull request changes in one prompt file."""

    path: str
    summary: str
    """Such as 1 line out, 2 lines in."""
    lines: tuple[ChangedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nouns:
    """What the parts of a page are called."""

    case: str = "case"
    cases: str = "cases"
    occasion: str = ""
    """Beside the suite at the top; empty is the night."""
    to_look_at: int = 4
    """Rows of the queue on a terminal."""
    word: str = ""
    """The outcome in a terminal's margin; empty is the status's own."""
    before: str = "Accepted"
    """Over the column of a rule's older side, and `now` over the newer one."""
    now: str = "Now"
    one_target: bool = False
    """All rows are of one target, however many stand above."""
    whole_commands: bool = False
    """Commands on a terminal break with a backslash, so that they can be copied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """Everything that a report says."""

    run: str
    suite: str
    night: str
    night_text: str
    when: str
    duration: str
    cost: str
    exit_code: int
    status: Status
    word: str
    qualifier: str
    complete: bool
    """True only where nothing is missing; nothing else may be shown in green."""
    headline: str
    lead: Prose
    next_step: NextStep | None
    proof: SignalProof | ReplyProof | None
    targets: tuple[TargetLine, ...]
    facts: tuple[Fact, ...]
    visible: tuple[str, ...]
    """The smallest changes that would have been seen, a line a target."""
    window: tuple[str, ...]
    """The earlier nights that were decided with tonight, a line a target that has some."""
    tiles: tuple[Tile, ...]
    always: tuple[Fact, ...]
    failures: tuple[FailureRow, ...]
    queue: tuple[QueueRow, ...]
    queue_left_out: int
    queue_note: str
    filters: tuple[Command, ...]
    """Filter token and the words on its button."""
    within: tuple[QuietList, ...]
    identity: tuple[IdentityRow, ...]
    identity_note: str
    again: Command
    versions: str
    policy: str
    cases: int
    plain: tuple[str, ...] = ()
    """What the plain rules would have said, a line a target."""
    further_steps: tuple[NextStep, ...] = ()
    changes: tuple[FileChange, ...] = ()
    """What a pull request changes in the prompt files of the tasks that it asks."""
    nouns: Nouns = Nouns()
    trends: tuple[TrendColumn, ...] = ()
