"""Faults by a schedule: who is struck, on which case, which attempt, from which call on; and a stage to play it on.

`ScheduledProvider` answers as the built-in simulator does, and fails as the schedule that is being played says. It is
a provider of a third party, found by its entry point. `play` runs a command line in virtual time: whatever waits only
moves the clock, so that a night of timeouts takes no longer than a quiet one.
"""

import asyncio
import contextlib
import hashlib
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path

from harness.cli.app import run
from harness.core.config import EncoderSpec
from harness.core.plan import Request
from harness.core.replies import Answer, Failure
from harness.core.suite import Price, Target
from harness.edges.encoders.hashed import HashedEncoder
from harness.edges.providers import Surroundings
from harness.edges.providers.simulated import SimulatedProvider
from harness.errors import MeasurementError
from harness.ports import Clock, ProviderTraits, Vectors
from harness.simulator.faults import NEVER_ANSWERS, failure, spoilt
from harness.simulator.spec import Fault, FaultKind
from tests.faults.virtual_time import loops_on
from tests.support.fakes import ManualClock

PREFIX = "scheduled"
BEHAVIOUR = frozenset({FaultKind.EMPTY_TEXT, FaultKind.CONTENT_FILTER, FaultKind.CONTENT_FILTER_400})
"""Faults that are what the model says: they change a valid sample."""
TURNED_AWAY = frozenset({FaultKind.UNAUTHORIZED, FaultKind.UNKNOWN_MODEL})
UNBILLED = frozenset(
    {
        FaultKind.RATE_LIMITED,
        FaultKind.QUOTA,
        FaultKind.SERVER_ERROR,
        FaultKind.UNAVAILABLE,
        FaultKind.OVERLOADED,
        *TURNED_AWAY,
    }
)
"""Faults for which no answer was made, so that nobody is charged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One kind of fault, and the calls that it strikes: those that meet every condition."""

    kind: FaultKind
    targets: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    rounds: tuple[str, ...] = ()
    attempts: int | None = None
    """Only the first so many of a call."""
    first: int = 1
    """Attempts count over all targets of the run, from 1."""
    last: int | None = None
    rate: float = 1.0
    retry_after_s: float | None = None

    def fault(self, seed: int, asked: "Asked") -> Fault | None:
        """Return the fault where it strikes this attempt."""
        misses = (
            (self.targets and asked.target not in self.targets)
            or (self.cases and asked.case not in self.cases)
            or (self.rounds and asked.round not in self.rounds)
            or (self.attempts is not None and asked.attempt > self.attempts)
            or not self.first <= asked.number <= (self.last or asked.number)
            or _chance(seed, self.kind, asked.key, asked.attempt) >= self.rate
        )
        return None if misses else Fault(kind=self.kind, retry_after_s=self.retry_after_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What goes wrong, and what the model has become. The first strike that meets an attempt decides."""

    seed: int = 0
    strikes: tuple[Strike, ...] = ()
    drift: tuple[Mapping[str, object], ...] = ()
    """Of every model but a judge: the provider changed it without a word."""
    encoder_down: bool = False

    @property
    def kinds(self) -> frozenset[FaultKind]:
        """Every kind of fault that may strike."""
        return frozenset(strike.kind for strike in self.strikes)

    def fault(self, asked: "Asked") -> Fault | None:
        """Return what strikes an attempt, or None."""
        found = (strike.fault(self.seed, asked) for strike in self.strikes)
        return next((fault for fault in found if fault is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One attempt of a call, as the provider saw it."""

    target: str
    case: str
    round: str
    key: str
    attempt: int
    number: int


@dataclass(slots=True, kw_only=True)
class Told:
    """What became of an attempt."""

    asked: Asked
    began: int
    """Place among all beginnings and ends."""
    ended: int | None = None
    """None where the caller went away before."""
    fault: FaultKind | None = None
    completion: Answer | Failure | None = None
    healthy: Answer | None = None
    """What the model says tonight, whether or not it arrives."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """The schedule that is played, and all that was asked while it was."""

    schedule: Schedule = field(default_factory=Schedule)
    told: list[Told] = field(default_factory=list)
    ticks: int = 0
    attempts: Counter[str] = field(default_factory=Counter)

    def tick(self) -> int:
        """Count a beginning or an end."""
        self.ticks += 1
        return self.ticks

    def begin(self, request: Request) -> Told:
        """Note an attempt that begins."""
        self.attempts[request.key] += 1
        told = Told(
            asked=Asked(
                target=request.target_name,
                case=request.case.id,
                round=request.round,
                key=request.key,
                attempt=self.attempts[request.key],
                number=len(self.told) + 1,
            ),
            began=self.tick(),
        )
        self.told.append(told)
        return told


_stage = Stage()


class ScheduledProvider:
    """Answers `scheduled/NAME` targets as `simulated/NAME` would, as far as the stage's schedule lets it."""

    def __init__(self, inner: SimulatedProvider) -> None:
        self._inner = inner

    @classmethod
    def build(cls, targets: Sequence[Target], surroundings: Surroundings) -> "ScheduledProvider":
        """Make the provider of `targets`."""
        return cls(SimulatedProvider.build(targets, surroundings))

    @property
    def traits(self) -> ProviderTraits:
        """Describe the provider: its calls cost what the target says."""
        return ProviderTraits(name=PREFIX, version="1")

    def check(self) -> None:
        """Check the targets. Raises UsageError."""
        self._inner.check()

    async def prepare(self) -> None:
        """Check the targets and read the answer data. Raises UsageError."""
        await self._inner.prepare()

    def price(self, target: Target) -> Price | None:
        """Return the price of a target: what it says itself."""
        return target.price

    async def complete(self, request: Request, *, deadline_s: float) -> Answer | Failure:
        """Answer once, or fail as the schedule says."""
        stage = _stage
        told = stage.begin(request)
        fault = stage.schedule.fault(told.asked)
        told.fault = fault.kind if fault else None
        said = await self._inner.complete(_drifted(request, stage.schedule), deadline_s=deadline_s)
        assert isinstance(said, Answer), said
        told.healthy = said
        failed = failure(fault) if fault else None
        if failed is not None and fault is not None and fault.kind in NEVER_ANSWERS:
            await asyncio.sleep(deadline_s)
        told.completion = failed or (spoilt(said, fault) if fault else said)
        told.ended = stage.tick()
        return told.completion

    async def aclose(self) -> None:
        """Nothing is held."""


class ScheduledEncoder(HashedEncoder):
    """The built-in encoder, as long as the schedule lets it work."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode. Raises MeasurementError."""
        if _stage.schedule.encoder_down:
            raise MeasurementError("the encoder is down; start it and run again")
        return super().encode(texts)


def build_encoder(
    spec: EncoderSpec, *, environment: Mapping[str, str], redact: Callable[[str], str] = str
) -> ScheduledEncoder:
    """Make the encoder; it has nothing to set."""
    return ScheduledEncoder()


def _drifted(request: Request, schedule: Schedule) -> Request:
    if not schedule.drift or "judge" in request.target.model:
        return request
    options = {**request.target.options, "drift": list(schedule.drift)}
    return replace(request, target=request.target.model_copy(update={"options": options}))


def _chance(*place: object) -> float:
    return int.from_bytes(hashlib.sha256(repr(place).encode()).digest()[:7], "big") / 2**56


def write_entry_point(folder: Path) -> Path:
    """Write what makes `scheduled/NAME` a provider, once `folder` is on the path of imports."""
    made = folder / "scheduled_provider-1.dist-info"
    made.mkdir(parents=True)
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: scheduled-provider\nVersion: 1\n")
    (made / "entry_points.txt").write_text(
        f"[harness.providers]\n{PREFIX} = {__name__}:ScheduledProvider\n"
        f"[harness.encoders]\n{PREFIX} = {__name__}:build_encoder\n"
    )
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What a command ended with, and what its provider was asked."""

    code: int
    out: str
    err: str
    stage: Stage


def play(
    root: Path, *arguments: str, clock: Clock, schedule: Schedule | None = None, virtual: bool = True
) -> Played:
    """Run one command line in `root` under a schedule. What it does not expect becomes exit code 70."""
    global _stage  # one command runs at a time
    _stage = stage = Stage(schedule=schedule or Schedule())
    out, err = StringIO(), StringIO()
    named = clock if isinstance(clock, ManualClock) and virtual else None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), loops_on(named):
        try:
            code = run(["-q", "-C", str(root), *arguments], clock=clock)
        except Exception as error:  # noqa: BLE001  # as the outermost entry point does
            err.write("".join(traceback.format_exception(error)))
            code = 70
    return Played(code=code, out=out.getvalue(), err=err.getvalue(), stage=stage)
