"""What a simulated model is like: profile, drifts, faults, and the models that have a name."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from harness.core.canonical import Record
from harness.core.suite import IsoDate, Share
from harness.errors import UnknownName, UsageError
from harness.registry import did_you_mean

SIMULATOR_VERSION = "1"
NIGHTS = 28


def night_index(night: date) -> int:
    """Return which of the 28 simulated nights a date is; the same for every date 28 days apart."""
    return night.toordinal() % NIGHTS


class Profile(Record):
    """How much a model differs from itself."""

    modal: Share
    """Share of the most common answer, over nights, for a middling prompt."""
    variety: Annotated[float, Field(ge=0)]
    """Standard deviation of the logit of `modal` between prompts."""
    night_effect: Share
    """Correlation of two samples of one night. With k samples a night X²/df is about 1 + (k - 1) times it."""
    logit_noise: Annotated[float, Field(ge=0)]
    """Standard deviation that each call adds to each logit. A night adds to it as `night_effect` says."""
    latency_ms: Annotated[float, Field(ge=0)] = 400
    """Median time of an answer of 40 tokens."""


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "steady": Profile(modal=0.8, variety=0.4, night_effect=0.1, logit_noise=0.02),
        "near-deterministic": Profile(modal=0.95, variety=0.5, night_effect=0.6, logit_noise=0.001),
        "typical": Profile(modal=0.5, variety=0.4, night_effect=0.1, logit_noise=0.05),
        "creative": Profile(modal=0.3, variety=0.2, night_effect=0.0, logit_noise=0.1),
    }
)


class JudgeShape(Record):
    """How well a model judges the answers of others."""

    noise_points: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation that each call adds to a score."""
    night_noise_points: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation of what all scores of a night share."""
    position_points: float = 0.0
    """How much better the answer that comes first looks in a pair."""
    fooled: bool = False
    """Takes a short answer that says nothing for a perfect one."""


class DriftKind(StrEnum):
    """What can change about a model; `size` says by how much."""

    SWAP = "swap"
    """Another model behind the name answers."""
    REFUSAL = "refusal"
    """Calls are declined."""
    FORMAT = "format"
    """Answers break their format."""
    QUALITY = "quality"
    """Answers have the right form and the wrong content."""
    LENGTH = "length"
    """Answers are longer by `size`."""
    BREVITY = "brevity"
    """Answers are shorter by `size`."""
    QUANTISATION = "quantisation"
    """Rare answers are a little less rare, every logit moves a little."""
    MISROUTING = "misrouting"
    """Some calls are answered by another model, which may say so."""
    SLOW = "slow"
    """Latency is 1 + 4 times `size` of what it was."""
    SERVED = "served"
    """The model reports another name and fingerprint, and answers as ever."""


class FaultKind(StrEnum):
    """What can go wrong with a call."""

    RATE_LIMITED = "429"
    SERVER_ERROR = "500"
    UNAVAILABLE = "503"
    OVERLOADED = "529"
    TIMEOUT = "timeout"
    """The gateway gives up: HTTP 504."""
    HANG = "hang"
    """Nothing comes back."""
    DRIP = "drip"
    """The body comes one byte at a time and does not end."""
    RESET = "reset"
    """The connection breaks."""
    CUT_OFF = "cut_off"
    """The body ends half-way."""
    GARBAGE = "garbage"
    """HTTP 200 with a body that is not JSON."""
    HTML = "html"
    """HTTP 200 with a web page."""
    OVERSIZED = "oversized"
    """A body of 64 MiB."""
    EMPTY_CHOICES = "empty_choices"
    """HTTP 200 without an answer in it."""
    EMPTY_TEXT = "empty_text"
    """An answer that says nothing: behaviour, not a failure."""
    CONTENT_FILTER = "content_filter"
    """The provider's filter blocks the answer: behaviour, not a failure."""
    CONTENT_FILTER_400 = "content_filter_400"
    """The same, said with HTTP 400."""
    UNAUTHORIZED = "401"
    UNKNOWN_MODEL = "unknown_model"
    QUOTA = "quota"
    """HTTP 429 that waiting does not cure."""
    REPLAYED = "replayed"
    """The same response id again."""
    FALLBACK = "fallback"
    """A gateway fell back to another vendor, and says so in a header."""


def _known(kind: str, values: tuple[str, ...]) -> BeforeValidator:
    def check(value: object) -> object:
        text = str(value) if isinstance(value, int) else value
        if isinstance(text, str) and text not in values:
            raise ValueError(f"unknown {kind} '{text}'{did_you_mean(text, values)}")
        return text

    return BeforeValidator(check)


def _one_or_many(value: object) -> object:
    match value:
        case None:
            return ()
        case Mapping():
            return (value,)
        case _:
            return value


def _known_profile(name: str) -> str:
    if name not in PROFILES:
        raise ValueError(f"unknown profile '{name}'{did_you_mean(name, tuple(PROFILES))}")
    return name


class Drift(Record):
    """One change of the model. Where two of a kind touch the same call, the larger counts."""

    kind: Annotated[DriftKind, _known("drift", tuple(DriftKind))]
    size: Share = 1.0
    """Share of the calls that are touched; for length, brevity, slow and quantisation, how strongly all are."""
    start: IsoDate | None = None
    """First night that shows it; always, where nothing is said."""
    cases: tuple[str, ...] | None = None
    """Cases of the answer data that it touches; all, where nothing is said."""
    served: str | None = None
    """What touched calls report as the model, for `served` and `misrouting`."""


class Fault(Record):
    """One way in which calls fail. The first that strikes an attempt decides."""

    kind: Annotated[FaultKind, _known("fault", tuple(FaultKind))]
    rate: Share = 1.0
    """Share of the attempts that it strikes."""
    attempts: Annotated[int, Field(ge=1)] | None = None
    """Only the first so many attempts of a call can be struck, so that a retry cures it."""
    retry_after_s: Annotated[float, Field(ge=0)] | None = None
    """What a 429, 503 or 529 asks to wait."""
    start: IsoDate | None = None
    """First night that shows it; always, where nothing is said."""


class ModelSpec(Record):
    """A simulated model. `options` of a target may set every field but `name`, `profile` and `judge`."""

    name: str
    profile: Annotated[str, AfterValidator(_known_profile)] = "steady"
    judge: JudgeShape | None = None
    """How it judges; None for a model that has not learnt to."""
    seed: int = 0
    night_effect: Share | None = None
    """Correlation of two samples of one night; the profile's, where nothing is said."""
    drift: Annotated[tuple[Drift, ...], BeforeValidator(_one_or_many)] = ()
    faults: Annotated[tuple[Fault, ...], BeforeValidator(_one_or_many)] = ()
    latency_ms: Annotated[float, Field(ge=0)] | None = None
    """Median latency of an answer of 40 tokens; the profile's, where nothing is said."""
    sleep: bool = False
    """Wait that long in process, too. The server always waits."""

    @property
    def shape(self) -> Profile:
        """The profile with what this model sets apart from it."""
        own = {"night_effect": self.night_effect, "latency_ms": self.latency_ms}
        return PROFILES[self.profile].model_copy(update={k: v for k, v in own.items() if v is not None})


OPTIONS = tuple(name for name in ModelSpec.model_fields if name not in ("name", "profile", "judge"))


def _drifting(name: str, kind: DriftKind, size: float, judge: JudgeShape | None = None) -> ModelSpec:
    return ModelSpec(name=name, judge=judge, drift=(Drift(kind=kind, size=size),))


MODELS: Mapping[str, ModelSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            ModelSpec(name="steady"),
            _drifting("swapped", DriftKind.SWAP, 1.0),
            _drifting("refusing", DriftKind.REFUSAL, 0.3),
            _drifting("sloppy", DriftKind.FORMAT, 0.25),
            _drifting("duller", DriftKind.QUALITY, 0.4),
            _drifting("wordier", DriftKind.LENGTH, 0.5),
            _drifting("terser", DriftKind.BREVITY, 0.5),
            _drifting("quantised", DriftKind.QUANTISATION, 1.0),
            _drifting("misrouted", DriftKind.MISROUTING, 0.16),
            _drifting("slow", DriftKind.SLOW, 0.5),
            _drifting("renamed", DriftKind.SERVED, 1.0),
            ModelSpec(name="typical", profile="typical"),
            ModelSpec(name="creative", profile="creative"),
            ModelSpec(name="near-deterministic", profile="near-deterministic"),
            ModelSpec(
                name="flaky",
                faults=(
                    Fault(kind=FaultKind.RATE_LIMITED, rate=0.1, attempts=2, retry_after_s=0.05),
                    Fault(kind=FaultKind.SERVER_ERROR, rate=0.1, attempts=2),
                ),
            ),
            ModelSpec(name="down", faults=(Fault(kind=FaultKind.UNAVAILABLE),)),
            ModelSpec(name="judge-good", judge=JudgeShape()),
            ModelSpec(name="judge-noisy", judge=JudgeShape(noise_points=10, night_noise_points=4)),
            ModelSpec(name="judge-biased", judge=JudgeShape(position_points=40)),
            _drifting("judge-drifting", DriftKind.QUALITY, 0.4, JudgeShape()),
            _drifting("judge-malformed", DriftKind.FORMAT, 1.0, JudgeShape()),
            ModelSpec(name="judge-fooled", judge=JudgeShape(fooled=True)),
        )
    }
)


def model_spec(name: str, options: Mapping[str, object] | None = None) -> ModelSpec:
    """Return the model called `name` with `options` in place of its own settings.

    Raises UsageError for a name, an option or a value that does not exist, and says what was meant.
    """
    named = MODELS.get(name)
    if named is None:
        raise UnknownName(f"unknown simulated model '{name}'{did_you_mean(name, tuple(MODELS))}")
    if not options:
        return named
    for option in options:
        if option not in OPTIONS:
            raise UnknownName(f"simulated/{name}: unknown option '{option}'{did_you_mean(option, OPTIONS)}")
    try:
        return ModelSpec.model_validate({**named.model_dump(), **options})
    except ValidationError as error:
        lines = (_said(name, ".".join(map(str, one["loc"])), one["msg"]) for one in error.errors())
        raise UsageError("\n".join(lines)) from error


def _said(name: str, place: str, message: str) -> str:
    field = place.rsplit(".", 1)[-1]
    if message.startswith("Extra inputs"):
        kind = Drift if place.startswith("drift") else Fault
        message = f"unknown key{did_you_mean(field, tuple(kind.model_fields))}"
    return f"simulated/{name}: options.{place}: {message.removeprefix('Value error, ')}"
