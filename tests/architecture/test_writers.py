"""What leaves drift leaves through few doors, and each of them takes secrets out: a new sink cannot go around them."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.edges.sinks.github import GitHub
from harness.wiring import Workshop

PACKAGE = Path(__file__).parents[2] / "harness"
DOORS = {
    "__main__.py": "names the kind of a bug and its place, nothing else; replaces streams that were closed",
    "cli/session.py": "the terminal; what it is given is redacted where it is made",
    "edges/git/blobs.py": "a private folder for the merge base's files, gone before the command ends",
    "edges/git/program.py": "a private file for what git is asked",
    "edges/stores/atomic.py": "whole files; the stores redact what they hand over",
    "edges/stores/baselines.py": "baselines; redacts",
    "edges/stores/journal.py": "answers as they come; redacts",
    "edges/stores/response_ids.py": "digests of response ids",
    "edges/stores/run_files.py": "packs a run's reference, which the run store redacts",
    "edges/stores/safe_paths.py": "opens files for the stores",
    "edges/stores/vectors.py": "numbers by digest",
    "wiring/files.py": "what is rendered, redacted by `Outputs`; a new project's files",
}
"""Modules that may open a file for writing, and why nothing secret leaves there."""
_NETWORK = {
    "aiohttp",
    "apprise",
    "httpx",
    "prometheus_client",
    "requests",
    "socket",
    "smtplib",
    "http",
    "ftplib",
    "websockets",
}
NETWORK = {
    "edges/encoders/weights.py": "names the errors of a download",
    "edges/providers/direct.py": "asks models; what fails is redacted",
    "edges/providers/litellm_library.py": "asks models through LiteLLM; what fails is redacted",
    "edges/providers/metering.py": "counts what LiteLLM sends",
    "edges/sinks/apprise.py": "redacts; reaches the network through apprise",
    "edges/sinks/github.py": "redacts",
    "edges/sinks/prometheus.py": "pushes figures and the names of suites, targets and signals; redacts what fails",
    "edges/sinks/webhook.py": "redacts",
    "edges/sinks/heartbeat.py": "says outcome and exit code; what fails is redacted",
    "simulator/server.py": "answers on loopback",
    "simulator/wire_faults.py": "the same",
}
"""Modules that may reach the network by themselves."""
TERMINAL = {"cli/session.py", "cli/app.py", "cli/progress.py", "__main__.py"}


def _calls(source: str) -> Iterator[tuple[int, str, ast.Call]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            yield node.lineno, name, node


def _writes(source: str) -> Iterator[int]:
    """Yield the lines where a file is opened for writing, or written at once."""
    for line, name, node in _calls(source):
        texts = [
            value.value
            for value in [*node.args, *(keyword.value for keyword in node.keywords)]
            if isinstance(value, ast.Constant) and isinstance(value.value, str)
        ]
        is_open = name in ("open", "fdopen") and any(
            text and set(text) <= set("rwaxbt+U") and set(text) & set("wax+") for text in texts
        )
        dumps = ast.unparse(node.func) in ("json.dump", "pickle.dump", "yaml.dump")
        if is_open or dumps or name in _AT_ONCE:
            yield line


_AT_ONCE = {
    *("write_text", "write_bytes", "mkstemp", "NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile"),
    *(
        "copyfile",
        "copytree",
        "copy2",
        "savez",
        "savez_compressed",
        "tofile",
        "memmap",
        "FileHandler",
    ),
}


def _prints(source: str) -> Iterator[int]:
    for line, name, node in _calls(source):
        text = ast.unparse(node)
        if (
            name == "print"
            or text.startswith(("sys.stdout", "sys.stderr", "write(sys."))
            or "os.write(" in text
        ):
            yield line


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize(
    "line",
    [
        "Path('x').write_text('y')",
        "open('x', 'w')",
        "path.open('ab')",
        "open(path, mode='x')",
        "json.dump(value, file)",
        "numpy.savez(path, a)",
    ],
)
def test_the_rule_finds_what_it_looks_for(line: str) -> None:
    assert list(_writes(line)) == [1]


@pytest.mark.parametrize("line", ["print('x')", "sys.stdout.write('x')", "write(sys.stderr, 'x')"])
def test_the_rule_of_the_terminal_finds_what_it_looks_for(line: str) -> None:
    assert list(_prints(line)) == [1]


def test_files_are_written_by_few_modules() -> None:
    found = {}
    for path in _modules():
        name = path.relative_to(PACKAGE).as_posix()
        if lines := list(_writes(path.read_text(encoding="utf-8"))):
            found[name] = lines
    unknown = {name: lines for name, lines in found.items() if name not in DOORS}
    assert not unknown, "write through a store or `wiring/files.py`, which redact"


def test_the_terminal_is_written_by_the_command_line_alone() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in _modules()
        if list(_prints(path.read_text(encoding="utf-8")))
    }
    assert found <= TERMINAL


def test_the_network_is_reached_by_few_modules() -> None:
    found = set()
    for path in _modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            named += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.partition(".")[0] in _NETWORK or name.startswith("urllib.request") for name in named):
                found.add(path.relative_to(PACKAGE).as_posix())
    assert found == NETWORK.keys()


def test_what_is_sent_to_github_passes_what_hides_secrets() -> None:
    assert "redact" in inspect.signature(GitHub).parameters


def test_the_stores_of_a_project_are_made_with_what_hides_its_secrets() -> None:
    source = inspect.getsource(Workshop)
    for store in ("FileRunStore(", "FileBaselineStore("):
        after = source.partition(store)[2].split("\n", 1)[0]
        assert "redact=" in after, store
