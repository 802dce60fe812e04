"""What flows need from outside. Concrete parts live in `harness.edges` and are chosen in `harness.wiring`."""

from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from harness.core.batch import Baseline
from harness.core.history import NightEntry
from harness.core.incident_news import Notice, Told
from harness.core.incidents import Accepted, Incident
from harness.core.mutes import Mute
from harness.core.plan import Request
from harness.core.replies import Answer, Failure
from harness.core.run import Earlier, JournalState, Manifest, RunEnd, RunRecord
from harness.core.suite import Price, Target

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTraits:
    """What a flow must know of a provider."""

    name: str
    version: str
    """Recorded with the run; a changed one is a named confounder."""
    concurrency: int = 20
    """Calls at once to start with, where the configuration says `auto`."""
    latency_at_transport: bool = True
    """False where latency includes waiting inside the client."""
    replays: bool = False
    """True where the same response id may rightly come back: recorded answers."""
    costs: bool = True
    """False where a call is free, so that no price is needed."""


@runtime_checkable
class Provider(Protocol):
    """Answers requests. One call of `complete` is one attempt: retries belong to the flow."""

    @property
    def traits(self) -> ProviderTraits:
        """Describe the provider."""
        ...

    def check(self) -> None:
        """Check at once what can be checked without an import or a call: settings, keys, files.

        Raises SetupError, UsageError or RecordError.
        """
        ...

    async def prepare(self) -> None:
        """Do what is slow and free before the first call: checks, imports, warm-up. Raises what `check` raises."""
        ...

    async def complete(self, request: Request, *, deadline_s: float) -> Answer | Failure:
        """Ask once and return within `deadline_s` seconds; never raise for a failed call."""
        ...

    def price(self, target: Target) -> Price | None:
        """Return the known price of a target, or None: unknown is never zero."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class Encoder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def digest(self) -> str:
        """Identify model, revision and preprocessing: vectors of two digests are never compared."""
        ...

    def prepare(self) -> None:
        """Do what is slow before the first text: imports, weights. Runs in a thread. Raises SetupError."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 vectors of shape (len(texts), dimension), each of length 1. Raises MeasurementError."""
        ...


class BaselineStore(Protocol):
    """Keeps what was accepted."""

    def names(self) -> tuple[tuple[str, str], ...]:
        """List (suite, target) of every baseline."""
        ...

    def load(self, suite: str, target: str) -> Baseline | None:
        """Return the baseline, or None where nothing was accepted. Raises DamagedRecord."""
        ...

    def save(self, baseline: Baseline) -> bool:
        """Write a baseline whole or not at all; say whether anything changed."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Keep every other writer away while a baseline is loaded, changed and saved."""
        ...


class MuteStore(Protocol):
    """Keeps who muted which incident, until when and why."""

    def all(self) -> tuple[Mute, ...]:
        """Return every mute and every end of one, oldest first. Raises DamagedRecord."""
        ...

    def add(self, mute: Mute) -> Path:
        """Add one at the end; return the file. Raises DamagedRecord, MeasurementError."""
        ...


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """Return the current UTC time."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never jumps."""
        ...


class Progress(Protocol):
    """Told how a run goes."""

    def started(self, calls: int, note: str) -> None:
        """Begin a round of `calls` calls."""
        ...

    def finished_call(self, request: Request, completion: Answer | Failure) -> None:
        """Report one call."""
        ...

    def note(self, text: str) -> None:
        """Say something once."""
        ...


class Journal(Protocol):
    """Makes a run's calls durable. What is awaited is done when the line is on disk.

    Lines are written in the order of the calls to these methods, not in the order of the awaits.
    """

    def intend(self, key: str) -> Awaitable[None]:
        """Write down that a call is about to leave."""
        ...

    def record(self, key: str, completion: Answer | Failure) -> Awaitable[None]:
        """Write down what a call gave."""
        ...


class RunJournal(Journal, Protocol):
    """A run's journal, which its flow opens and closes."""

    def finish(self, end: RunEnd) -> Awaitable[None]:
        """Write down how the run ended."""
        ...

    def close(self) -> None:
        """Write what is pending and close the file."""
        ...


class RunStore(Protocol):
    """Keeps runs."""

    def names(self) -> tuple[str, ...]:
        """List the runs, oldest first."""
        ...

    def resolve(self, named: str) -> str:
        """Return the name of the run meant: a name, the start of one, a folder, or `last`. Raises UsageError."""
        ...

    def manifest(self, run: str) -> Manifest:
        """Read what a run set out to do. Raises DamagedRecord."""
        ...

    def journal(self, run: str, *, state: JournalState | None = None) -> RunJournal:
        """Open a run's journal for writing; with the `state` of an earlier attempt, after its last whole line."""
        ...

    def journal_state(self, run: str) -> JournalState:
        """Read a run's journal. Raises DamagedRecord."""
        ...

    def path(self, run: str, name: str) -> Path:
        """Return where a run keeps one of its files."""
        ...

    def create(
        self,
        manifest: Manifest,
        references: Mapping[str, Baseline],
        stale: Mapping[str, str],
        earlier: Earlier | None = None,
    ) -> Manifest:
        """Make a new run, with what it sets out to do and what it compares with."""
        ...

    def join_journals(self, run: str, parts: Sequence[str]) -> None:
        """Begin the journal of a new run with every line of other runs' journals. Raises DamagedRecord."""
        ...

    def write(self, run: str, name: str, text: str) -> Path:
        """Write one rendering of a run and return where it is."""
        ...

    def write_vectors(self, run: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep the vectors that a decision used."""
        ...

    def load(self, run: str) -> RunRecord:
        """Read all of a run. Raises DamagedRecord."""
        ...

    def response_ids(self) -> set[str]:
        """Return the ids of all answers in earlier runs, however these ended."""
        ...


class VectorCache(Protocol):
    """Keeps vectors by the digest of their text."""

    def vectors(self, texts: Mapping[str, str], encoder: Encoder) -> Mapping[str, NDArray[np.float32]]:
        """Return the vectors of `texts` (digest to text), encoding each text that is not kept yet once."""
        ...


class HistoryStore(Protocol):
    """Keeps what is remembered of every run. An index: it can be made again from the run folders.

    Every method raises MeasurementError where the store is locked or cannot be reached, DamagedRecord where it
    is damaged or of another schema, and SetupError where it lies behind a link. None may change a verdict.
    """

    def record(self, entries: Sequence[NightEntry], accepted: Sequence[Accepted]) -> None:
        """Add the entries of one run, and derive incidents again for every suite and target named; all or nothing.

        What was recorded of the same run and target before is replaced. `accepted` is all that the baselines of
        these targets hold of acceptances; without entries it tells the store of a new one.
        """
        ...

    def rebuild(self, entries: Sequence[NightEntry], accepted: Sequence[Accepted]) -> None:
        """Replace all that is kept by these, whatever state it is in."""
        ...

    def nights(
        self,
        suite: str | None = None,
        target: str | None = None,
        *,
        last: int | None = None,
        since: str | None = None,
    ) -> tuple[NightEntry, ...]:
        """Return the nights that count, from `since` on, at most `last` of each track; by track, oldest first."""
        ...

    def pull_requests(self, since: str | None = None) -> tuple[NightEntry, ...]:
        """Return the runs on pull requests from the date `since` on; by suite and target, oldest first."""
        ...

    def incidents(self, suite: str | None = None, target: str | None = None) -> tuple[Incident, ...]:
        """Return all incidents, open and closed; by suite and target, oldest first."""
        ...


@runtime_checkable
class Notifier(Protocol):
    """Delivers messages."""

    @property
    def destination(self) -> str:
        """Name where messages go, by a variable's name and never by the address; what was told is remembered by it."""
        ...

    def deliver(self, notice: Notice) -> None:
        """Deliver one message, and return once the other side took it. Raises MeasurementError."""
        ...


class ToldStore(Protocol):
    """Remembers what was told, so that nobody is told twice."""

    def told(self, sink: str) -> tuple[Told, ...]:
        """Return what was told through a sink, oldest first; what cannot be read was not told."""
        ...

    def record(self, told: Told) -> None:
        """Write down that a message was delivered; it is on disk when this returns. Raises MeasurementError."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Keep every other teller away between reading what was told and writing down what is."""
        ...
