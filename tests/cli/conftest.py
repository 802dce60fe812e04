"""A small project on the simulator, and the command line to work on it, in process."""

import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from _pytest.capture import CaptureFixture

from harness.cli.app import run
from tests.support.fakes import RunningClock

ROOT = Path(__file__).parents[2]
CASES = (
    "edge-near-empty",
    "edge-quoted-injection",
    "reasoning-red-herring",
    "reasoning-state-steps",
    "refusal-fake-review",
    "refusal-kill-children",
    "structure-acrostic",
    "structure-invoice-json",
    "tool-move-meeting",
    "tool-weather",
)
FIRST_NIGHT = 1
NIGHTS = 14
TONIGHT = "2026-11-20"
CLOCK = RunningClock(datetime(2027, 1, 4, 3, 17, tzinfo=UTC))
"""After every night that a test plays: one that has yet to come is refused."""
CONFIG = """\
version: 1
targets:
  steady: {model: simulated/steady, params: {temperature: 0, max_tokens: 512}}
  swapped: {model: simulated/swapped, params: {temperature: 0, max_tokens: 512}, baseline_of: steady}
  flaky:
    model: simulated/steady
    options: {faults: [{kind: "429", rate: 0.3, attempts: 2, retry_after_s: 0.01}]}
    baseline_of: steady
  down:
    model: simulated/down
    options: {faults: [{kind: "503", retry_after_s: 0.01}]}
    baseline_of: steady
  fresh: {model: simulated/typical, params: {temperature: 0, max_tokens: 512}}
  priced:
    model: simulated/steady
    params: {temperature: 0, max_tokens: 512}
    price: {input_usd_per_million: 3, output_usd_per_million: 15}
    baseline_of: steady
  keyed: {model: direct/anything, key_env: DRIFT_TEST_KEY, api_base: "http://127.0.0.1:9/v1"}
encoder: {name: hashed}
suites:
  canary: {path: canaries/, targets: [steady], samples: 3}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command ended with."""

    code: int
    out: str
    err: str


Drift = Callable[..., Done]


@pytest.fixture(scope="session")
def armed_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten canaries and a baseline of fourteen scheduled nights. Tests copy it, none writes to it."""
    root = tmp_path_factory.mktemp("armed")
    write_project(root)
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()) as err:
        for night in range(FIRST_NIGHT, FIRST_NIGHT + NIGHTS):
            arguments = ["check", "canary", "--scheduled", "--night", f"2026-11-{night:02d}"]
            assert run(["-C", str(root), *arguments], clock=CLOCK) == 0, err.getvalue()
        promoted = run(["-C", str(root), "calibrate", "canary", "--from-runs", "last:14"], clock=CLOCK)
        assert promoted == 0, err.getvalue()
    shutil.rmtree(root / "reports")
    return root


def write_project(root: Path) -> None:
    """Write the configuration and the cases, without a baseline."""
    (root / "drift.yaml").write_text(CONFIG, encoding="utf-8", newline="\n")
    for folder in ("tools", "schemas"):
        shutil.copytree(ROOT / "canaries" / folder, root / "canaries" / folder)
    for case in CASES:
        shutil.copy(ROOT / "canaries" / f"{case}.yaml", root / "canaries")


@pytest.fixture
def project(armed_project: Path, tmp_path: Path) -> Path:
    """A project with an armed baseline, to do with as one likes."""
    return Path(shutil.copytree(armed_project, tmp_path / "project"))


@pytest.fixture(scope="session")
def drifted_project(armed_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An armed project with one run, which found that another model answers. Tests copy it.

    Without contracts: what a case says must always hold is not a matter of acceptance.
    """
    root = tmp_path_factory.mktemp("drifted") / "project"
    shutil.copytree(armed_project, root)
    for name in ("structure-invoice-json", "tool-weather"):
        edit(root / "canaries" / f"{name}.yaml", "always: true\n", "")
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        arguments = ["check", "canary", "--target", "swapped", "--night", TONIGHT]
        assert run(["-C", str(root), *arguments], clock=CLOCK) == 1
    return root


@pytest.fixture(scope="session")
def checked_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with golden tasks on a branch of a repository. Tests copy it, none writes to it."""
    from tests.cli.pull_requests import check_in  # which needs what is here

    root = tmp_path_factory.mktemp("checked-in") / "project"
    check_in(root)
    return root


@pytest.fixture
def new_project(tmp_path: Path) -> Path:
    """The same project before anything was accepted."""
    root = tmp_path / "project"
    root.mkdir()
    write_project(root)
    return root


@pytest.fixture
def drift(capsys: CaptureFixture[str], tmp_path: Path) -> Drift:
    """Run one command line in `folder` (the test's project unless it says otherwise)."""

    def call(*arguments: str | Path, folder: Path | None = None) -> Done:
        capsys.readouterr()
        code = run(["-C", str(folder or tmp_path / "project"), *map(str, arguments)], clock=CLOCK)
        out, err = capsys.readouterr()
        return Done(code=code, out=out, err=err)

    return call


def runs_of(project: Path) -> list[Path]:
    """The run folders, oldest first."""
    return sorted(path.parent for path in project.glob("reports/*/manifest.json"))


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def edit(path: Path, old: str, new: str) -> None:
    """Replace the one occurrence of a text in a file."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new), encoding="utf-8", newline="\n")
