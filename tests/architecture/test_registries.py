"""Every part has a name in its table, every name has a part, and listing names loads nothing."""

import ast
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from harness.cli.app import COMMANDS
from harness.cli.output import FILE_NAMES
from harness.core.graders import GRADERS
from harness.core.signals import SIGNALS, Signal
from harness.edges.encoders import ENCODERS
from harness.edges.providers import PROVIDERS
from harness.edges.sinks import NOTIFIERS
from harness.edges.stores.history import HISTORY_STORES
from harness.errors import SetupError, UsageError
from harness.ports import Provider
from harness.registry import Registry
from harness.reporting import FORMATS

ROOT = Path(__file__).parents[2]
HEAVY = ("litellm", "torch", "sentence_transformers", "scipy.stats", "jinja2", "aiohttp")
PROVIDER_METHODS = {name for name in vars(Provider) if not name.startswith("_")}


def defines(name: str) -> Callable[[ast.Module], set[str]]:
    """Find the top-level definition called `name`."""

    def find(module: ast.Module) -> set[str]:
        found: set[str] = set()
        for node in module.body:
            match node:
                case ast.FunctionDef(name=defined):
                    found.add(defined)
                case ast.Assign(targets=targets):
                    found |= {target.id for target in targets if isinstance(target, ast.Name)}
                case ast.AnnAssign(target=ast.Name(id=assigned)):
                    found.add(assigned)
        return found & {name}

    return find


def classes_with(methods: set[str]) -> Callable[[ast.Module], set[str]]:
    """Find the top-level classes that have all of `methods`."""

    def find(module: ast.Module) -> set[str]:
        return {
            node.name
            for node in module.body
            if isinstance(node, ast.ClassDef)
            and methods
            <= {part.name for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)}
        }

    return find


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A table, the folder of its parts, and what makes a module there a part: all else is support."""

    registry: Registry[Any]
    folder: str
    parts_of: Callable[[ast.Module], set[str]]


KINDS = {
    "signal": Kind(registry=SIGNALS, folder="core/signals", parts_of=defines("SIGNAL")),
    "grader": Kind(registry=GRADERS, folder="core/graders", parts_of=defines("compile_rules")),
    "provider": Kind(registry=PROVIDERS, folder="edges/providers", parts_of=classes_with(PROVIDER_METHODS)),
    "encoder": Kind(registry=ENCODERS, folder="edges/encoders", parts_of=defines("build")),
    "history store": Kind(
        registry=HISTORY_STORES, folder="edges/stores/history", parts_of=defines("open_history")
    ),
    "notifier": Kind(registry=NOTIFIERS, folder="edges/sinks", parts_of=defines("open_notifier")),
    "format": Kind(registry=FORMATS, folder="reporting", parts_of=defines("render")),
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
each_name = pytest.mark.parametrize(
    ("registry", "name"), [(k.registry, n) for k in KINDS.values() for n in k.registry.names()]
)


@each_kind
def test_every_part_is_named_and_every_name_has_its_part(kind: Kind) -> None:
    found = {
        f"harness.{kind.folder.replace('/', '.')}.{path.stem}:{part}"
        for path in (ROOT / "harness" / kind.folder).glob("*.py")
        for part in kind.parts_of(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set(kind.registry.table.values())
    assert found, "the rule finds no part at all"


@each_name
def test_every_name_loads(registry: Registry[Any], name: str) -> None:
    if registry is NOTIFIERS and name == "apprise" and find_spec("apprise") is None:
        pytest.skip("apprise is not installed: pip install 'drift-harness[notify]'")
    assert callable(registry.load(name)) or isinstance(registry.load(name), Signal)


def test_a_signals_name_is_the_one_it_is_listed_under() -> None:
    assert [SIGNALS.load(name).name for name in SIGNALS.names()] == list(SIGNALS.names())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads(name: str) -> None:
    module, _, attribute = COMMANDS[name].place.partition(":")
    assert callable(getattr(import_module(module), attribute))


def test_every_command_is_listed() -> None:
    modules = {
        f"harness.cli.{path.stem}"
        for path in (ROOT / "harness" / "cli").glob("*.py")
        if ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")), clean=True).startswith("`drift ")  # type: ignore[union-attr]
    }
    assert modules == {entry.place.partition(":")[0] for entry in COMMANDS.values()}


def test_every_format_has_a_file_name_of_its_own() -> None:
    assert tuple(FILE_NAMES) == FORMATS.names()
    assert len(set(FILE_NAMES.values())) == len(FILE_NAMES)


def test_listing_names_imports_no_part() -> None:
    tables = "core.signals:SIGNALS core.graders:GRADERS edges.providers:PROVIDERS edges.encoders:ENCODERS reporting:FORMATS"
    program = (
        "import sys; from importlib import import_module\n"
        f"tables = [getattr(import_module('harness.' + m), a) for m, a in (t.split(':') for t in {tables!r}.split())]\n"
        "names = [(t.names(), t.knows('hashed'), t.unknown('x')) for t in tables]\n"
        "parts = {p.partition(':')[0] for t in tables for p in t.table.values()}\n"
        f"print(sorted(parts & set(sys.modules)), [m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[] []\n"


@pytest.mark.parametrize(
    ("registry", "typo", "meant"),
    [(ENCODERS, "hashd", "hashed"), (PROVIDERS, "litelm", "litellm"), (FORMATS, "htlm", "html")],
)
def test_an_unknown_name_says_what_is_meant(registry: Registry[Any], typo: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"unknown {registry.kind} '{typo}', did you mean '{meant}'\\?"):
        registry.load(typo)
    with pytest.raises(UsageError, match=f"there are: {', '.join(registry.names())}"):
        registry.load("zzzzzzzz")


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installed package that adds an encoder, and marks in `sys` that it was imported."""
    (tmp_path / "third_party_part.py").write_text(
        "import sys\nsys.third_party_loaded = True\nclass Holder:\n    part = 'the part'\n", encoding="utf-8"
    )
    (tmp_path / "third_party_broken.py").write_text("import nowhere_to_be_found\n", encoding="utf-8")
    info = tmp_path / "third_party-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(
        "[harness.encoders]\nthirdly = third_party_part:Holder [extra]\nbroken = third_party_broken:part\n"
        "hashed = third_party_part:Holder\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delattr(sys, "third_party_loaded", raising=False)
    monkeypatch.delitem(sys.modules, "third_party_part", raising=False)
    return "thirdly"


def test_a_third_partys_part_loads_only_when_it_is_named(third_party: str) -> None:
    assert third_party not in ENCODERS.names()
    ENCODERS.load("hashed")
    assert ENCODERS.knows(third_party)
    with pytest.raises(UsageError):
        ENCODERS.load("thirdli")
    assert not hasattr(sys, "third_party_loaded")
    assert ENCODERS.load(third_party).part == "the part"  # type: ignore[attr-defined]
    assert hasattr(sys, "third_party_loaded")


def test_a_third_party_never_takes_the_place_of_a_part_of_ours(third_party: str) -> None:
    assert ENCODERS.load("hashed").__module__ == "harness.edges.encoders.hashed"


def test_a_part_that_needs_what_is_not_installed_says_so(third_party: str) -> None:
    with pytest.raises(SetupError, match="encoder 'broken' needs the package 'nowhere_to_be_found'"):
        ENCODERS.load("broken")
