"""Faults as they happen on the wire: the simulator's server fails by a schedule, and counts what it answered."""

import asyncio
import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from harness.core.replies import Answer
from harness.simulator.server import Call, ServerSettings, running_server
from harness.simulator.spec import Fault, FaultKind
from tests.faults.invariants import PRICE, Night, evidence, night_of, on_disk, reality
from tests.faults.schedules import KINDS
from tests.faults.stages import CANARIES, ROOT
from tests.support.fakes import RunningClock
from tests.support.faults import BEHAVIOUR, TURNED_AWAY, UNBILLED, Played, play

BASELINE_NIGHTS, QUIET = 6, date(2026, 11, 16)
CHECKED, SOAKED = 4, 60
TARGET = (
    "{{model: direct/steady, api_base: '{address}/v1', key_env: TEST_KEY, "
    "params: {{temperature: 0, max_tokens: 256}}, price: {{input_usd_per_million: 1, output_usd_per_million: 2}}}}"
)
_ROUNDING_USD = 1e-6
_STRIDE = 5
"""Has no factor in common with the number of kinds."""


@dataclass(slots=True, kw_only=True)
class Wire:
    """A server, what strikes its calls, and what it said."""

    night: date
    fault: Fault | None = None
    rate: float = 0.0
    first: int = 1
    seed: int = 0
    port: int = 0
    """A baseline is of one endpoint: whoever serves next takes the port of the one before."""
    address: str = ""
    said: list[tuple[Answer, Fault | None]] = field(default_factory=list)

    def strike(self, call: Call) -> Fault | None:
        """Strike a share of the calls from one on; the same ones whatever their order."""
        place = f"{self.seed}:{call.question}:{call.sample}:{call.attempt}"
        struck = call.number >= self.first and random.Random(place).random() < self.rate
        return self.fault if struck else None

    def hear(self, call: Call, answer: Answer, fault: Fault | None) -> None:
        """Note what a model said."""
        self.said.append((answer, fault))


@contextmanager
def serving(wire: Wire) -> Iterator[Wire]:
    """Serve in a thread while the block runs."""
    settings = ServerSettings(
        today=lambda: wire.night,
        port=wire.port,
        run=f"{wire.seed}-{wire.night}",
        options={"latency_ms": 0},
        strike=wire.strike,
        spoken=wire.hear,
    )
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with running_server(settings) as address:
            wire.address, wire.port = address, int(address.rpartition(":")[2])
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(20)
    try:
        yield wire
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


def ask(root: Path, wire: Wire, *more: str) -> Played:
    """Check the suite against a server."""
    text = f"version: 1\ntargets:\n  steady: {TARGET.format(address=wire.address)}\n"
    text += "suites:\n  canary: {path: canaries/, targets: [steady], samples: 3}\n"
    text += "limits: {timeout_s: 1.5, concurrency: 10}\n"
    (root / "drift.yaml").write_text(text, encoding="utf-8")
    clock = RunningClock(datetime(2026, 12, 1, wire.night.day % 24, tzinfo=UTC))
    night = ("--night", wire.night.isoformat())
    return play(root, "check", "canary", *night, *more, clock=clock, virtual=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """A project, and the port that its baseline was gathered at."""

    root: Path
    port: int

    def night(self, folder: Path, wire: Wire) -> tuple[Night, Wire]:
        """Play a night on a copy, and read what it left behind."""
        root = Path(shutil.copytree(self.root, folder / "project"))
        wire.port = self.port
        with serving(wire):
            played = ask(root, wire)
        return night_of(root, played), wire


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Learnt]:
    """A project with a baseline of a server that never fails."""
    root = tmp_path_factory.mktemp("learnt") / "project"
    for folder in ("tools", "schemas"):
        shutil.copytree(ROOT / "canaries" / folder, root / "canaries" / folder)
    for name in CANARIES:
        shutil.copy(ROOT / "canaries" / f"{name}.yaml", root / "canaries")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TEST_KEY", "a-key-of-nobody-0123456789")
        port = 0
        for day in range(1, BASELINE_NIGHTS + 1):
            with serving(Wire(night=date(2026, 11, day), port=port)) as wire:
                port = wire.port
                done = ask(root, wire, "--scheduled")
                assert done.code == 0, done
        clock = RunningClock(datetime(2026, 12, 2, tzinfo=UTC))
        done = play(root, "calibrate", "canary", "--from-runs", "last:14", clock=clock, virtual=False)
        assert done.code == 0, done
        shutil.rmtree(root / "reports")
        yield Learnt(root=root, port=port)


def drawn(number: int) -> Wire:
    """Draw what strikes; the same number always gives the same."""
    rng = random.Random(number)
    wait = rng.choice((None, 0.0, 0.05))
    return Wire(
        night=QUIET,
        fault=Fault(kind=KINDS[_STRIDE * number % len(KINDS)], retry_after_s=wait),
        rate=rng.choice((1.0, 0.5, 0.2)),
        first=rng.choice((1, 8)),
        seed=number,
    )


def violations(night: Night, wire: Wire) -> Iterator[str]:
    """Yield what does not hold of a night over the wire."""
    struck = {fault.kind for _, fault in wire.said if fault is not None}
    if night.played.code not in (0, 1, 2, 3) or "Traceback" in night.played.err:
        yield f"exit {night.played.code}: {night.played.err[-800:]}"
    if night.played.code == 2 and not struck & TURNED_AWAY:
        yield f"exit 2, and nobody was turned away: {night.played.err}"
    yield from evidence(night)
    yield from on_disk(night)
    if not struck & BEHAVIOUR:
        yield from reality(night)
    kept = {one.response_id for one in night.journal.completions.values() if isinstance(one, Answer)}
    healthy = {answer.response_id for answer, fault in wire.said if fault is None}
    if lost := healthy - kept:
        yield f"answered, and not in the journal: {lost}"
    caused = sum(
        (answer.usage.input_tokens or 0) * PRICE["input"]
        + (answer.usage.output_tokens or 0) * PRICE["output"]
        for answer, fault in wire.said
        if fault is None or fault.kind not in UNBILLED
    )
    if (end := night.journal.end) is not None and (end.cost_usd or 0) < caused - _ROUNDING_USD:
        yield f"${end.cost_usd} recorded, ${caused:.6f} caused"


def test_the_night_is_quiet_as_long_as_nothing_fails(learnt: Learnt, tmp_path: Path) -> None:
    night, wire = learnt.night(tmp_path, Wire(night=QUIET))
    assert night.played.code == 0, night.played
    assert list(violations(night, wire)) == []


@pytest.mark.parametrize(
    "number",
    [*range(CHECKED), *(pytest.param(number, marks=pytest.mark.soak) for number in range(CHECKED, SOAKED))],
)
def test_faults_on_the_wire_keep_every_promise(learnt: Learnt, tmp_path: Path, number: int) -> None:
    night, wire = learnt.night(tmp_path, drawn(number))
    assert list(violations(night, wire)) == []


def test_every_kind_of_fault_comes_over_the_wire() -> None:
    kinds = {wire.fault.kind for wire in map(drawn, range(SOAKED)) if wire.fault is not None}
    assert kinds == set(FaultKind)
