"""The n-th write fails, for every n: old files stay whole, it is said plainly, and the same command succeeds afterwards."""

import errno
import gzip
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from harness.edges.stores.baselines import FileBaselineStore
from harness.edges.stores.journal import read_journal
from tests.faults.broken_disk import Disk, failing
from tests.faults.schedules import QUIET_NIGHTS
from tests.faults.stages import TONIGHT, clock_at, run_of
from tests.support.faults import Played, Schedule, play

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)
NIGHTLY = ("check", "canary", "--scheduled", "--night")
CHANGED = Schedule(drift=({"kind": "length", "size": 0.9},))
"""A change that breaks no contract, so that it can be accepted."""
LABELS = [
    {"id": "good", "answer": "It names the answer and each step of it.", "label": "pass"},
    {"id": "bad", "answer": "No.", "label": "fail"},
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that writes, and the exit codes with which it may end."""

    arguments: tuple[str, ...]
    healthy: int = 0
    hour: int = 9

    @property
    def asks(self) -> bool:
        """Say whether it makes a run."""
        return self.arguments[0] == "check" or "--night" in self.arguments


@pytest.fixture(scope="module")
def furnished(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a quiet night, and one that drifted."""
    root = tmp_path_factory.mktemp("furnished") / "project"
    shutil.copytree(template, root)
    quiet = play(root, *NIGHTLY, QUIET_NIGHTS[0], clock=clock_at())
    clock = clock_at(TONIGHT.replace(hour=5))
    changed = play(root, *NIGHTLY, QUIET_NIGHTS[1], clock=clock, schedule=CHANGED)
    assert (quiet.code, changed.code) == (0, 1), changed
    lines = [json.dumps({"task": "Answer.", "rubric": 'Names the "answer".', **one}) for one in LABELS]
    (root / "labels.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return root


def command_of(root: Path, name: str) -> Command:
    run = run_of(root).name
    shown = json.loads((run_of(root) / "verdict.json").read_text(encoding="utf-8"))["shown"][:12]
    why = ("--digest", shown, "--reason", "Longer answers are wanted now.")
    return {
        "check": Command(arguments=("check", "canary", "--target", "tonight", "--night", "2026-11-20")),
        "calibrate": Command(arguments=("calibrate", "canary", "--from-runs", "last:14")),
        "gather": Command(arguments=("calibrate", "canary", "--night", "2026-11-20")),
        "accept": Command(arguments=("accept", run, "--case", "*", *why)),
        "rebuild": Command(arguments=("history", "rebuild")),
        "report": Command(
            arguments=("report", run, "--format", "markdown", "--out", str(root / "out")), healthy=1
        ),
        "judge": Command(arguments=("judge", "calibrate", "labels.jsonl")),
    }[name]


def run_command(root: Path, command: Command) -> Played:
    return play(root, *command.arguments, clock=clock_at(TONIGHT.replace(hour=command.hour)))


def baseline_of(root: Path) -> dict[str, bytes]:
    """Return the files of all baselines, as whoever reads them next finds them."""
    store = FileBaselineStore(root / "baselines", lock=root / ".drift" / "baselines.lock", redact=str)
    for suite in ("canary", "judged", "golden"):
        assert store.load(suite, "steady") is not None
    paths = sorted(path.relative_to(root) for path in root.glob("baselines/*/[!.]*/*"))
    return {str(path): (root / path).read_bytes() for path in paths}


def what_is_wrong(
    root: Path, furnished: Path, command: Command, disk: Disk, after: dict[str, bytes]
) -> Iterator[str]:
    """Run the command on a disk that fails, and again on one that does not."""
    before = baseline_of(furnished)
    with failing(disk):
        played = run_command(root, command)
    if not disk.failed:
        return
    if played.code not in (command.healthy, 2, 3, 4) or "Traceback" in played.err:
        yield f"exit {played.code}: {played.err[-600:]}"
    said = os.strerror(disk.error)
    if played.code != command.healthy and said not in played.err:
        yield f"exit {played.code} without a word of the disk: {played.err}"
    if played.code == command.healthy and disk.for_good and disk.asked == disk.fails_at == 1:
        yield "nothing was written, and nothing was said"
    if baseline_of(root) not in (before, after):
        yield "the baseline is neither the old one nor the new one"
    yield from _torn(root)
    # The same time, which acceptances keep; a run needs another one for its name.
    again = run_command(root, replace(command, hour=11) if command.asks else command)
    if again.code == 2 and "--resume" in again.err:
        # What was paid for is not asked again: it says so, and how to go on.
        again = play(
            root, *command.arguments[:2], "--resume", "last", clock=clock_at(TONIGHT.replace(hour=9))
        )
    if again.code != command.healthy:
        yield f"afterwards: exit {again.code}: {again.err[-600:]}"
    found = baseline_of(root)
    if found != after and not (command.asks and _sizes(found) == _sizes(after)):
        yield "afterwards: another baseline"
    verified = play(root, "baseline", "verify", clock=clock_at())
    if verified.code != 0:
        yield f"afterwards: {verified.err}"


def _sizes(baseline: dict[str, bytes]) -> dict[str, int]:
    """Count the lines of every file: a run by another name has other names in them."""
    return {name: content.count(b"\n") for name, content in baseline.items()}


def _torn(root: Path) -> Iterator[str]:
    for path in (*root.glob("reports/*/*.json"), *root.glob("reports/*/*.json.gz")):
        content = path.read_bytes()
        try:
            json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
        except (ValueError, OSError, EOFError) as error:
            yield f"{path.name} is torn: {error}"
    for path in root.glob("reports/*/report.html"):
        if b"</html>" not in path.read_bytes():
            yield "the page is torn"
    for path in root.glob("reports/*/journal.jsonl"):
        read_journal(path)


CHECKED = ("check", "accept", "report")
COMMANDS = ("check", "calibrate", "gather", "accept", "rebuild", "report", "judge")


@pytest.mark.parametrize(
    ("name", "step"),
    [
        *((name, 0) for name in CHECKED),
        *(pytest.param(name, 1, marks=pytest.mark.soak) for name in COMMANDS),
    ],
)
def test_whichever_write_fails_nothing_is_torn_and_the_command_succeeds_afterwards(
    furnished: Path, tmp_path: Path, name: str, step: int
) -> None:
    """Try every step-th write; 0 tries a few."""
    root = tmp_path / "project"
    shutil.copytree(furnished, root)
    command = command_of(root, name)
    counting = Disk(root=root, fails_at=None, error=0, for_good=False)
    with failing(counting):
        healthy = run_command(root, command)
    assert healthy.code == command.healthy, healthy.err
    after = baseline_of(root)
    wrong: dict[int, list[str]] = {}
    for number in range(1, counting.asked + 1, step or max(1, counting.asked // 3)):
        shutil.rmtree(root)
        shutil.copytree(furnished, root)
        disk = Disk(root=root, fails_at=number, error=ERRORS[number % 3], for_good=number % 2 == 0)
        if found := list(what_is_wrong(root, furnished, command, disk, after)):
            wrong[number] = found
    assert not wrong
