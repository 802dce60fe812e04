"""A fake for every port: what flows need from outside, without a model, a disk, a network or a wait.

Time stands still until it is told to move. `run_virtually` tells it: whenever nothing is left to do but
wait, the clock jumps to the next timer, so a night of timeouts takes a millisecond.
"""

import asyncio
import hashlib
import selectors
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.core.assembly import assemble
from harness.core.batch import Baseline
from harness.core.plan import Request
from harness.core.replies import Answer, Failure, FailureKind, Usage
from harness.core.run import JournalState, Manifest, RunEnd, RunRecord
from harness.core.suite import Price, Target
from harness.errors import MeasurementError, UsageError
from harness.ports import Encoder, ProviderTraits, Vectors

T = TypeVar("T")
Reply = Answer | Failure
Script = Callable[[Request, int], "Reply | Awaitable[Reply]"]
"""(request, attempt counted from 1) to what comes back."""
STUCK_AFTER_S = 10.0
FREE = Price(input_usd_per_million=0, output_usd_per_million=0)


class ManualClock:
    """A clock that moves when told. The wall can jump, as it does at 3 a.m.; the monotonic scale cannot."""

    def __init__(self, start: datetime = datetime(2026, 11, 21, 3, 17, tzinfo=UTC)) -> None:
        self._wall = start
        self._seconds = 1000.0

    def now(self) -> datetime:
        """Return the wall's time."""
        return self._wall

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._seconds += seconds
        self._wall += timedelta(seconds=seconds)

    def jump(self, seconds: float) -> None:
        """Set the wall forward or back."""
        self._wall += timedelta(seconds=seconds)


class RunningClock:
    """A clock that goes by itself and was set to another date, for what tells two runs by their time."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._began = time.monotonic()

    def now(self) -> datetime:
        """Return the time, as it would be there."""
        return self._start + timedelta(seconds=time.monotonic() - self._began)

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""
        return time.monotonic()


class _JumpingSelector(selectors.DefaultSelector):  # type: ignore[misc,valid-type]  # a class chosen by the platform
    clock: ManualClock

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            ready = super().select(STUCK_AFTER_S)
            if not ready:
                raise RuntimeError("every task waits, and nothing can ever wake one: a deadlock")
            return ready
        self.clock.advance(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a `ManualClock`."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        selector = _JumpingSelector()
        selector.clock = clock
        super().__init__(selector)

    def time(self) -> float:
        """Return the clock's monotonic time."""
        return self._clock.monotonic()


def run_virtually(work: Coroutine[Any, Any, T], clock: ManualClock) -> T:
    """Run to the end; `asyncio.sleep` and timeouts cost no time. Fails where a task is left behind."""

    async def alone() -> T:
        result = await work
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert not left, f"left behind: {left}"
        return result

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(alone())


def answered(text: str = "Yes.", **fields: object) -> Answer:
    """Make an answer of ten tokens to ten tokens."""
    known: dict[str, object] = {"usage": Usage(input_tokens=10, output_tokens=10)}
    return Answer.model_validate({"text": text, **known, **fields})


def failed(kind: FailureKind, **fields: object) -> Failure:
    """Make a failure."""
    return Failure.model_validate({"kind": kind, **fields})


async def later(seconds: float, reply: Reply) -> Reply:
    """Reply after a while."""
    await asyncio.sleep(seconds)
    return reply


async def never() -> Reply:
    """Reply never."""
    return await asyncio.get_running_loop().create_future()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One HTTP request that a provider would have made."""

    key: str
    attempt: int
    at: float
    deadline_s: float


@dataclass(kw_only=True)
class ScriptedProvider:
    """Replies by a script, and remembers what it was asked, when, and how many ran at once."""

    script: Script
    traits: ProviderTraits = field(
        default_factory=lambda: ProviderTraits(name="scripted", version="1", concurrency=4)
    )
    prices: Price | None = FREE
    log: list[str] = field(default_factory=list)
    """What happened, in order; hand the same list to a `MemoryJournal`."""
    asked: list[Asked] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    prepared: int = 0
    closed: int = 0
    close_error: Exception | None = None
    close_takes_s: float = 0.0

    def attempts(self) -> Counter[str]:
        """Count the requests by key."""
        return Counter(asked.key for asked in self.asked)

    def check(self) -> None:
        """Find nothing wrong."""

    async def prepare(self) -> None:
        """Count."""
        self.prepared += 1

    async def complete(self, request: Request, *, deadline_s: float) -> Reply:
        """Reply as the script says."""
        assert not self.closed, "asked after it was closed"
        attempt = self.attempts()[request.key] + 1
        at = asyncio.get_running_loop().time()
        self.asked.append(Asked(key=request.key, attempt=attempt, at=at, deadline_s=deadline_s))
        self.log.append(f"ask {request.key}")
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            reply = self.script(request, attempt)
            return reply if isinstance(reply, Answer | Failure) else await reply
        finally:
            self.running -= 1

    def price(self, target: Target) -> Price | None:
        """Return the same price for every target."""
        return self.prices

    async def aclose(self) -> None:
        """Count, take a while, and fail where told to."""
        self.closed += 1
        await asyncio.sleep(self.close_takes_s)
        if self.close_error is not None:
            raise self.close_error


@dataclass(kw_only=True)
class MemoryJournal:
    """Keeps what it was told in order; fails from a given line on, where told to."""

    log: list[str] = field(default_factory=list)
    completions: dict[str, Reply] = field(default_factory=dict)
    intents: list[str] = field(default_factory=list)
    end: RunEnd | None = None
    closed: bool = False
    fails_at: int | None = None
    takes_s: float = 0.0

    async def _later(self, note: Callable[[], None], *, fails: bool) -> None:
        await asyncio.sleep(self.takes_s)
        if fails:
            raise MeasurementError("cannot write the journal: No space left on device")
        note()

    def intend(self, key: str) -> Awaitable[None]:
        """Note that a call leaves."""
        return self._write(f"intend {key}", lambda: self.intents.append(key))

    def record(self, key: str, completion: Reply) -> Awaitable[None]:
        """Note what it gave."""

        def note() -> None:
            assert key not in self.completions, "recorded twice"
            self.completions[key] = completion

        return self._write(f"record {key}", note)

    def finish(self, end: RunEnd) -> Awaitable[None]:
        """Note the end."""

        def note() -> None:
            self.end = end

        return self._write("end", note)

    def close(self) -> None:
        """Note that."""
        self.closed = True

    def _write(self, line: str, note: Callable[[], None]) -> Awaitable[None]:
        fails = self.fails_at is not None and len(self.log) >= self.fails_at
        if not fails:
            self.log.append(line)
        return self._later(note, fails=fails)

    def state(self) -> JournalState:
        """Return what a reader would find."""
        waiting = [key for key in self.intents if key not in self.completions]
        return JournalState(completions=dict(self.completions), in_flight=sorted(waiting), end=self.end)


@dataclass(kw_only=True)
class MemoryBaselineStore:
    """Keeps baselines by suite and target."""

    held: dict[tuple[str, str], Baseline] = field(default_factory=dict)
    saves: int = 0

    def names(self) -> tuple[tuple[str, str], ...]:
        """List them."""
        return tuple(sorted(self.held))

    def load(self, suite: str, target: str) -> Baseline | None:
        """Return one, or None."""
        return self.held.get((suite, target))

    def save(self, baseline: Baseline) -> bool:
        """Keep one; say whether it is another one now."""
        self.saves += 1
        changed = self.held.get((baseline.suite, baseline.target)) != baseline
        self.held[baseline.suite, baseline.target] = baseline
        return changed

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep nobody away: there is nobody else."""
        yield


@dataclass(kw_only=True)
class MemoryRunStore:
    """Keeps runs."""

    manifests: dict[str, Manifest] = field(default_factory=dict)
    references: dict[str, Mapping[str, Baseline]] = field(default_factory=dict)
    stale: dict[str, Mapping[str, str]] = field(default_factory=dict)
    journals: dict[str, MemoryJournal] = field(default_factory=dict)
    files: dict[tuple[str, str], str] = field(default_factory=dict)
    kept_vectors: dict[str, Mapping[str, Vectors]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def names(self) -> tuple[str, ...]:
        """List the runs."""
        return tuple(sorted(self.manifests))

    def resolve(self, named: str) -> str:
        """Return the run meant."""
        found = [name for name in self.names() if name.startswith(named)]
        if named == "last" and self.manifests:
            return self.names()[-1]
        if len(found) != 1:
            raise UsageError(f"no run is called '{named}'")
        return found[0]

    def manifest(self, run: str) -> Manifest:
        """Return what a run set out to do."""
        return self.manifests[run]

    def journal(self, run: str, *, state: JournalState | None = None) -> MemoryJournal:
        """Open a run's journal."""
        return self.journals.setdefault(run, MemoryJournal())

    def journal_state(self, run: str) -> JournalState:
        """Return what a run's journal holds."""
        return self.journals[run].state() if run in self.journals else JournalState()

    def path(self, run: str, name: str) -> Path:
        """Name a place."""
        return Path("memory") / run / name

    def create(
        self, manifest: Manifest, references: Mapping[str, Baseline], stale: Mapping[str, str]
    ) -> Manifest:
        """Keep a new run."""
        assert manifest.run not in self.manifests, "made twice"
        self.manifests[manifest.run] = manifest
        self.references[manifest.run] = references
        self.stale[manifest.run] = stale
        return manifest

    def write(self, run: str, name: str, text: str) -> Path:
        """Keep a rendering."""
        self.files[run, name] = text
        return self.path(run, name)

    def write_vectors(self, run: str, vectors: Mapping[str, Vectors]) -> None:
        """Keep vectors."""
        self.kept_vectors[run] = vectors

    def load(self, run: str) -> RunRecord:
        """Put a run together."""
        state = self.journal_state(run)
        return assemble(
            self.manifests[run],
            state.completions,
            state.end,
            self.references[run],
            self.stale[run],
            self.kept_vectors.get(run, {}),
        )

    def response_ids(self) -> set[str]:
        """Return the ids seen."""
        return set(self.seen)


@dataclass(kw_only=True)
class DigestEncoder:
    """Gives every text a unit vector drawn from its digest; two texts are as good as unrelated."""

    digest: str = "fake:1"
    dimension: int = 16
    asked: list[str] = field(default_factory=list)
    prepared: int = 0
    error: Exception | None = None

    def prepare(self) -> None:
        """Count, and fail where told to."""
        self.prepared += 1
        if self.error is not None:
            raise self.error

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Draw."""
        if self.error is not None:
            raise self.error
        self.asked.extend(texts)
        drawn = [
            np.random.default_rng(
                int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")
            ).normal(size=self.dimension)
            for text in texts
        ]
        held = np.array(drawn, dtype=np.float32).reshape(len(texts), self.dimension)
        unit: Vectors = (held / np.linalg.norm(held, axis=1, keepdims=True)).astype(np.float32)
        return unit


@dataclass(kw_only=True)
class MemoryVectors:
    """Keeps vectors by digest."""

    kept: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def vectors(self, texts: Mapping[str, str], encoder: Encoder) -> Mapping[str, Vectors]:
        """Encode what is missing."""
        missing = [key for key in sorted(texts) if key not in self.kept]
        if missing:
            self.kept.update(zip(missing, encoder.encode([texts[key] for key in missing]), strict=True))
        return {key: self.kept[key] for key in texts}


@dataclass(kw_only=True)
class NotedProgress:
    """Remembers what it was told."""

    rounds: list[tuple[int, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def started(self, calls: int, note: str) -> None:
        """Note a round."""
        self.rounds.append((calls, note))

    def finished_call(self, request: Request, completion: Reply) -> None:
        """Note a call."""
        self.calls.append(request.key)

    def note(self, text: str) -> None:
        """Note a note."""
        self.notes.append(text)
