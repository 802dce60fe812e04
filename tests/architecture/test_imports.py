"""What a command may import: nobody waits four seconds for LiteLLM to read a help text."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from harness.cli.app import COMMANDS, run

ROOT = Path(__file__).parents[2]
HEAVY = ("litellm", "torch", "sentence_transformers", "transformers", "scipy.stats", "sklearn", "openai")
"""Seconds each. `aiohttp` and `jinja2` belong to the edge or format that needs them."""
PROGRAM = """\
import sys
from harness.cli.app import run
code = run(sys.argv[1:])
sys.stderr.write("\\nMODULES " + str(code) + " " + " ".join(sorted(sys.modules)))
"""


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A project of two cases with a baseline and a run, and the digest that accepts the run."""
    root = tmp_path_factory.mktemp("imports")
    (root / "canaries" / "tools").mkdir(parents=True)
    for name in ("edge-near-empty.yaml", "tool-weather.yaml", "tools/get_weather.json"):
        shutil.copy(ROOT / "canaries" / name, root / "canaries" / name)
    for folder in ("probes", "golden", "prompts"):
        shutil.copytree(ROOT / folder, root / folder)
    shutil.copy(ROOT / "drift.yaml", root)
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()):
        assert run(["-C", str(root), "calibrate", "canary", "--nights", "6", "--night", "2026-11-01"]) == 0
        run(["-C", str(root), "check", "canary", "--night", "2026-11-20", "--target", "swapped"])
        out.truncate(0)
        run(["-C", str(root), "--json", "report", "last"])
    yield root, json.loads(out.getvalue().lstrip("\0"))["shown"]


def imported(root: Path, *arguments: str) -> tuple[int, set[str]]:
    """Run a command in a process of its own; return its exit code and what it imported."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "-C", str(root), *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    code, *modules = done.stderr.rpartition("MODULES ")[2].split()
    assert modules, done.stderr
    return int(code), set(modules)


@pytest.mark.parametrize(
    "arguments",
    [
        ("validate",),
        ("report", "last"),
        ("compare", "last", "last"),
        ("review", "last"),
        ("baseline", "list"),
        ("history",),
        ("dashboard",),
        ("init", "elsewhere"),
        ("accept", "last", "--case", "*", "--baseline-of", "steady", "--reason", "It is fine.", "--digest"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_command_that_asks_no_model_imports_nothing_heavy(
    decided: tuple[Path, str], arguments: tuple[str, ...]
) -> None:
    root, digest = decided
    more = (digest,) if arguments[-1] == "--digest" else ()
    code, modules = imported(root, *arguments, *more)
    assert code != 2, "the command did not do its work"
    assert modules.isdisjoint(HEAVY), modules.intersection(HEAVY)
    assert "harness.core.suite" in modules


def test_a_run_on_the_simulator_imports_no_provider_but_its_own(decided: tuple[Path, str]) -> None:
    _, modules = imported(decided[0], "check", "canary", "--night", "2026-11-21")
    assert modules.isdisjoint(HEAVY)
    assert "harness.edges.providers.simulated" in modules
    assert "harness.edges.providers.litellm" not in modules


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)], ids=" ".join)
def test_the_help_imports_next_to_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    _, modules = imported(tmp_path, *arguments)
    assert modules.isdisjoint(
        (*HEAVY, "pydantic", "numpy", "scipy", "jsonschema", "aiohttp", "asyncio", "yaml")
    )
    commands = {entry.place.partition(":")[0] for entry in COMMANDS.values()}
    assert modules.isdisjoint(commands)


def test_a_run_leaves_to_the_time_of_its_calls_what_renders_and_decides_it() -> None:
    later = ("jinja2", "harness.reporting.model", "harness.core.canary_mode", "harness.core.golden.mode")
    program = f"import sys, harness.cli.check; print([name for name in {later!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
