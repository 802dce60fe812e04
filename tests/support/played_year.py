"""Real nights by a script: a provider that changes, fails and takes a model away, and the people who answer it.

The provider is the simulator behind real HTTP, switched on the nights that a `Script` names, as providers do: nobody
tells the project. Everything else goes through the command line, on a clock that moves when it is told.
"""

import asyncio
import json
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Collection, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from harness.cli.app import run
from harness.simulator.server import ServerSettings, running_server
from tests.cli.conftest import ROOT, Done
from tests.support.fakes import ManualClock
from tests.support.receiver import Receiver

FIRST = date(2026, 1, 1)
OLD, OTHER, NEXT = "sonnet", "gpt", "sonnet-next"
MODELS = {OLD: "steady", OTHER: "near-deterministic", NEXT: "swapped"}
CASES = (
    "edge-quoted-injection",
    "reasoning-red-herring",
    "refusal-fake-review",
    "refusal-kill-children",
    "structure-acrostic",
    "tool-move-meeting",
)
ACCEPTED = "The provider announced it, and we read what changed."
MUTED = "The provider confirmed it and rolls back this week."
UPGRADED = "It reasons better, and the parser takes its answers."
TARGET = (
    "  {name}: {{model: direct/{model}, api_base: '{url}/v1', params: {{temperature: 0, max_tokens: 512}}, "
    "price: {{input_usd_per_million: 1, output_usd_per_million: 2}}}}\n"
)


@dataclass(frozen=True, kw_only=True)
class Incident:
    """What is to be found, and until when. Nights are counted from 1."""

    target: str
    opened: int
    closed: int
    because: str

    @property
    def id(self) -> str:
        return f"canary-{self.target}-{date_of(self.opened).replace('-', '')}"

    def fails(self, night: int) -> bool:
        """Say whether it fails a night that nobody muted: a night on which it is found quiet again does not."""
        return self.opened <= night < self.closed or (self.because == "accepted" and night == self.closed)


@dataclass(frozen=True, kw_only=True)
class Script:
    """What happens on which night, counted from 1. A pair is the first night and the last."""

    nights: int
    outages: tuple[tuple[int, int], ...]
    recovers: tuple[int, int]
    """`OLD` declines everything, and stops by itself."""
    swapped: int
    """Another model answers as `OTHER` from this night on …"""
    accepted: int
    """… which is accepted after this night …"""
    relearnt: int
    """… and whose nights are made a baseline after this one."""
    declines: tuple[int, int]
    """`OTHER` declines everything, and stops by itself …"""
    muted: int
    """… after it was muted on the day after this night."""
    upgraded: int
    """After this night `NEXT` is compared with `OLD`, accepted and asked beside it."""
    promoted: int
    """After this night the real nights of `NEXT` become its baseline; 0 for never."""
    gone: int
    """The provider no longer knows `OLD` on this night. After it the suite does not ask it any more …"""
    forgotten: int
    """… and after this one it is no target any more."""
    incidents: tuple["Incident", ...]
    seed: int = 0

    def is_out(self, night: int) -> bool:
        return any(first <= night <= last for first, last in self.outages)

    def code(self, night: int) -> int:
        """Return what a night is to end with."""
        if self.is_out(night):
            return 3
        if night == self.gone:
            return 2
        failing = [one for one in self.incidents if one.fails(night)]
        covered = [one for one in failing if one.opened == self.declines[0] and night > self.muted]
        return int(len(failing) > len(covered))


def date_of(night: int) -> str:
    """Return the date of a night, counted from 1."""
    return (FIRST + timedelta(days=night - 1)).isoformat()


@contextmanager
def providing(clock: ManualClock, seed: int) -> Iterator[str]:
    """Run a provider on loopback whose nights are the clock's."""
    settings = ServerSettings(
        today=lambda: clock.now().date(), run=f"year-{seed}", options={"latency_ms": 0, "seed": seed}
    )
    ready, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()
    found: list[str] = []

    async def serve() -> None:
        async with running_server(settings) as address:
            found.append(address)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(20)
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


@dataclass(kw_only=True)
class Played:
    """A project, and what came of its nights."""

    root: Path
    provider: str
    receiver: Receiver
    clock: ManualClock
    script: Script
    codes: list[int] = field(default_factory=list)
    """The exit code of every night."""
    said: list[str] = field(default_factory=list)
    """The first lines of every night, for whoever looks at a failure."""
    standing: dict[int, tuple[int, int]] = field(default_factory=dict)
    """The exit codes of `drift gate` and `drift status` on the nights that are looked at."""
    seconds: list[float] = field(default_factory=list)
    """CPU seconds of every night's check, the provider's included."""
    targets: list[str] = field(default_factory=lambda: [OLD, OTHER])
    known: list[str] = field(default_factory=lambda: list(MODELS))

    def drift(self, *arguments: str) -> Done:
        """Run a command."""
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(["-C", str(self.root), *arguments], clock=self.clock)
        return Done(code=code, out=out.getvalue(), err=err.getvalue())

    def done(self, *arguments: str) -> Done:
        """Run a command that has to work."""
        found = self.drift(*arguments)
        assert found.code == 0, f"{arguments}: exit {found.code}\n{found.out}\n{found.err}"
        return found

    def facts(self, *arguments: str) -> Any:
        """Return what a command says as JSON, whatever its exit code."""
        return json.loads(self.drift("--json", *arguments).out)

    def play(self, looked_at: Collection[int]) -> None:
        """Play every night of the script, each followed by what people do about it."""
        self.write_project()
        for night in range(1, self.script.nights + 1):
            self.provide(night)
            began = time.process_time()
            done = self.drift("check", "canary", "--scheduled", "--night", date_of(night))
            self.seconds.append(time.process_time() - began)
            self.codes.append(done.code)
            self.said.append(f"{night} {date_of(night)} exit {done.code}\n{done.out}{done.err}")
            self.done("notify", "webhook", "last")
            if night in looked_at:
                self.standing[night] = self.drift("gate").code, self.drift("status").code
            self.clock.advance(6 * 3600)
            self.answer(night)
            self.clock.advance(18 * 3600)

    def provide(self, night: int) -> None:
        """Have the provider do what the script says."""
        script = self.script
        drifts: dict[str, list[dict[str, object]]] = {name: [] for name in MODELS}
        faults: dict[str, list[dict[str, object]]] = {name: [] for name in MODELS}
        if script.recovers[0] <= night <= script.recovers[1]:
            drifts[OLD].append({"kind": "refusal"})
        if night >= script.swapped:
            drifts[OTHER].append({"kind": "swap"})
        if script.declines[0] <= night <= script.declines[1]:
            drifts[OTHER].append({"kind": "refusal"})
        if night >= script.gone:
            faults[OLD].append({"kind": "unknown_model"})
        for name in MODELS:
            if script.is_out(night):
                faults[name] = [{"kind": "503", "retry_after_s": 0.001}]
            options = {"seed": script.seed, "latency_ms": 0, "faults": faults[name]}
            if drifts[name] or name != NEXT:
                options["drift"] = drifts[name]
            body = json.dumps({"model": MODELS[name], **options}).encode()
            with urllib.request.urlopen(f"{self.provider}/drift", data=body) as answer:
                answer.read()

    def answer(self, night: int) -> None:
        """Do what people do on the day after a night."""
        script = self.script
        if night == 14:
            self.done("calibrate", "canary", "--from-runs", "last:14")
            self.commit("The first baseline")
        if night == script.accepted:
            named = self.open_incident(OTHER)
            shown = self.facts("report", "last")["shown"]
            self.done("accept", "--incident", named, "--digest", shown, "--reason", ACCEPTED)
            self.commit("The swap is accepted")
        if night == script.relearnt:
            self.done("calibrate", "canary", "--target", OTHER, "--from-runs", "last:14")
        if night == script.muted:
            until = date_of(script.declines[1] + 20)
            self.done("mute", self.open_incident(OTHER), "--until", until, "--reason", MUTED)
            self.commit("Muted")
        if night == script.upgraded:
            self.upgrade()
        if night == script.promoted:
            nights = f"last:{script.promoted - script.upgraded}"
            self.done("calibrate", "canary", "--target", NEXT, "--from-runs", nights)
        if night == script.gone:
            self.ask([name for name in self.targets if name != OLD])
        if night == script.forgotten:
            self.known.remove(OLD)
            self.ask(self.targets)

    def upgrade(self) -> None:
        """Compare, accept, and ask the new model beside the old one."""
        compared = self.drift("upgrade", "--from", OLD, "--to", NEXT)
        assert compared.code in (0, 1), compared.out + compared.err
        shown = self.facts("report", "last")["shown"]
        self.done("accept", "last", "--target", NEXT, "--digest", shown, "--reason", UPGRADED)
        self.ask([*self.targets, NEXT])

    def open_incident(self, target: str) -> str:
        """Name the incident of a target that is open."""
        known = self.facts("history", "--target", target)["incidents"]
        (found,) = (one["id"] for one in known if one["closed"] is None)
        return str(found)

    def ask(self, targets: list[str]) -> None:
        """Write which targets the suite asks."""
        self.targets = targets
        lines = "".join(
            TARGET.format(name=name, model=MODELS[name], url=self.provider) for name in self.known
        )
        (self.root / "drift.yaml").write_text(
            f"version: 1\ntargets:\n{lines}encoder: {{name: hashed}}\nsuites:\n"
            f"  canary: {{path: canaries/, targets: [{', '.join(targets)}], samples: 2}}\n"
            "notify: {webhook: {url_env: HOOK}}\n",
            encoding="utf-8",
        )

    def write_project(self) -> None:
        """Write a small suite into a repository of its own."""
        for folder in ("tools", "schemas"):
            shutil.copytree(ROOT / "canaries" / folder, self.root / "canaries" / folder)
        for case in CASES:
            shutil.copy(ROOT / "canaries" / f"{case}.yaml", self.root / "canaries")
        self.ask(self.targets)
        (self.root / ".gitignore").write_text("reports/\n.drift/\n", encoding="utf-8")
        self._git("init", "-q", "-b", "main", "--template=", ".")
        self.commit("A suite")

    def commit(self, message: str) -> None:
        """Commit all there is."""
        self._git("add", "-A")
        self._git("commit", "-q", "-m", message)

    def _git(self, *arguments: str) -> None:
        identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org", "-c", "core.fsync=none")
        subprocess.run(["git", *identity, *arguments], cwd=self.root, check=True, capture_output=True)


def played(root: Path, receiver: Receiver, script: Script, looked_at: Collection[int]) -> Played:
    """Play a script in an empty folder."""
    clock = ManualClock(datetime(FIRST.year, FIRST.month, FIRST.day, 3, 17, tzinfo=UTC))
    with providing(clock, script.seed) as provider:
        made = Played(root=root, provider=provider, receiver=receiver, clock=clock, script=script)
        made.play(looked_at)
    return made
