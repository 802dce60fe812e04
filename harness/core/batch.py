"""What was gathered: samples by case, batches by night, and the baseline that somebody accepted."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from harness.core.canonical import Record, digest, text_digest
from harness.core.graders.refusal import Refusal
from harness.core.plan import Round
from harness.core.policy import Policy
from harness.core.replies import Answer, Failure, Reply, Transcript
from harness.core.self_test import SelfTest, rules_of
from harness.core.suite import Identifier, IsoDate

LONGEST_LOG_LENGTH = 50.0


class JudgeScore(Record):
    """What a judge gave an answer in the run that it is from."""

    points: Annotated[float, Field(ge=0, le=100)]
    by: str
    """Digest of the judge: scores of two judges are never compared."""


class Sample(Record):
    """One of the k replies to a case."""

    number: Annotated[int, Field(ge=0)]
    round: Round = Round.FIRST
    reply: Reply
    judged: JudgeScore | None = None
    """Of a canary with a rubric, where a judge was asked and could be believed."""

    @property
    def answer(self) -> Answer | None:
        """The last answer, or None where the call failed."""
        return self.reply.answer if isinstance(self.reply, Transcript) else None

    @property
    def failure(self) -> Failure | None:
        """The failure, or None where an answer came back."""
        return self.reply if isinstance(self.reply, Failure) else None


class Batch(Record):
    """All samples of a suite from one target on one occasion."""

    suite: Identifier
    target: Identifier
    night: IsoDate
    run: str
    samples: Mapping[Identifier, tuple[Sample, ...]]
    """By case."""

    def of_round(self, round_: Round) -> "Batch":
        """Keep the samples of one round."""
        kept = {
            case: tuple(s for s in samples if s.round is round_) for case, samples in self.samples.items()
        }
        return self.model_copy(
            update={"samples": {case: samples for case, samples in kept.items() if samples}}
        )


class StoredMeasures(Record):
    """Deterministic measures, stored where the text itself is not."""

    refusal: Refusal
    invalid: Annotated[float, Field(ge=0, le=1)] | None
    quality: Annotated[float, Field(ge=0, le=1)] | None
    length: Annotated[float, Field(ge=0, le=LONGEST_LOG_LENGTH)]
    """Logarithm of one plus the characters."""


class StoredSample(Record):
    """One accepted reply, a line of a baseline file."""

    night: IsoDate
    run: str
    sample: Annotated[int, Field(ge=0)]
    round: Round = Round.FIRST
    burst: bool = False
    """Taken in one evening, so its nights hide the night-to-night noise."""
    task: bool = False
    """A run of a golden task: such runs make no nights, however many there are on a date."""
    answer: Answer | None = None
    """None where the store keeps digests only."""
    text_digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """sha256 of the measured text."""
    made_by: str | None = None
    """Provider and version of the library that asked, such as "litellm 1.105.3"; None in lines from before it was kept."""
    measures: StoredMeasures | None = None
    """Only beside a missing answer."""
    judged: JudgeScore | None = None

    @model_validator(mode="after")
    def _measured(self) -> "StoredSample":
        if self.answer is None and self.measures is None:
            raise ValueError("a line without an answer needs its measures")
        return self

    @property
    def batch(self) -> str:
        """Name the batch that the sample belongs to: a burst has many on one date, and so have golden runs."""
        return f"{self.night}#{self.run}" if self.burst or self.task else self.night


def stored(
    answer: Answer, *, night: str, run: str, sample: int, burst: bool, made_by: str | None = None
) -> StoredSample:
    """Make a baseline line of an answer."""
    return StoredSample(
        night=night,
        run=run,
        sample=sample,
        burst=burst,
        made_by=made_by,
        answer=answer,
        text_digest=text_digest(answer.measured_text),
    )


class CaseIdentity(Record):
    """What makes two batches of a case comparable."""

    question: str
    treatment: str
    ruler: str
    prompt: str | None = None
    """Digest of the prompt file in it, so that a changed model can be told from a changed prompt."""


class CaseBaseline(Record):
    """The accepted samples of one case; cases may differ in how many nights they have."""

    identity: CaseIdentity
    samples: tuple[StoredSample, ...]

    def nights(self) -> tuple[str, ...]:
        """Name the batches, oldest first."""
        return tuple(sorted({sample.batch for sample in self.samples}))


class Acceptance(Record):
    """Who accepted what, when and why. `by` is a claim taken from git; authority is the review of the change."""

    at: str
    by: str
    reason: Annotated[str, Field(min_length=10)]
    cases: tuple[Identifier, ...]
    runs: tuple[str, ...]
    verdict: str
    """The outcome that was on the table."""
    shown: str
    """Digest of what was shown."""
    incident: str | None = None
    """The drift that it accepts."""
    upgrade_from: Identifier | None = None
    """The target that this one is to replace, where the two were compared side by side."""
    worse: tuple[Identifier, ...] = ()
    """Cases that were worse than with that target, and are accepted all the same."""


class Baseline(Record):
    """The accepted batches of a suite and target."""

    suite: Identifier
    target: Identifier
    encoder: str
    """Digest of the encoder that measured it."""
    cases: Mapping[Identifier, CaseBaseline]
    acceptances: tuple[Acceptance, ...] = ()
    self_test: SelfTest | None = None
    """How often its gate would cry wolf; made of these very samples, and dropped when they change."""

    @property
    def digest(self) -> str:
        """Digest of all of it."""
        return digest(self.model_dump(mode="json"))

    @property
    def samples_digest(self) -> str:
        """Digest of what was accepted, whoever signed it."""
        return digest(
            {
                case_id: [
                    case.identity.model_dump(exclude_none=True),
                    sorted([s.batch, s.round.value, s.sample, s.text_digest] for s in case.samples),
                ]
                for case_id, case in self.cases.items()
            }
        )

    def tested_under(self, policy: Policy) -> SelfTest | None:
        """Return its self-test, where that was made of these samples and of what `policy` decides by."""
        found = self.self_test
        if found is None or found.rules != rules_of(policy) or found.samples != self.samples_digest:
            return None
        return found

    def night_count(self) -> int:
        """Count the nights that every case has: the pooled statistics use a full rectangle.

        A burst counts as one night, because its batches share one evening.
        """
        return min((len({s.night for s in case.samples}) for case in self.cases.values()), default=0)
