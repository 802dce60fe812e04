"""What a determined tester would write by hand: every parser reads it or refuses it, and says so decently."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import partial
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import pytest

from harness.cli.app import run
from harness.errors import HarnessError
from tests.fuzz import documents, inputs
from tests.fuzz.families import BY_PARSER, MANIFESTS, Inputs
from tests.fuzz.parsers import PARSERS
from tests.fuzz.watched import watchdog, wrong_with_message, wrong_with_parser

NAMES = tuple(PARSERS)
OPENING = tuple(name for name, parser in PARSERS.items() if parser.opens)
SHARES = {"texts": 8, "large": 50, "cut": 15, "values": 151, "deep": 16}
"""Of each kind one in so many is tried in a check, others for each parser; all of them in a soak."""


Tried: TypeAlias = Iterator[tuple[str, inputs.Content]]


def failures(name: str, tried: Tried) -> list[str]:
    """What is wrong with how a parser takes each input."""
    return [f"{label}: {wrong}" for label, make in tried if (wrong := wrong_with_parser(name, make()))]


def shared(name: str, kind: str, tried: Tried) -> Tried:
    """Some of the inputs of a kind, others for each parser."""
    return islice(tried, NAMES.index(name) % SHARES[kind], None, SHARES[kind])


def given(contents: Inputs) -> Tried:
    for label, content in contents.items():
        yield label, lambda content=content: content


def cut_and_turned(name: str) -> Tried:
    for number, seed in enumerate(PARSERS[name].seeds()[:4]):
        for label, content in inputs.spoilt(seed):
            yield f"document {number} {label}", lambda content=content: content


def with_every_value(name: str) -> Tried:
    """Put every hostile value in the place of every value, and leave every value out."""
    for number, seed in enumerate(PARSERS[name].seeds()[:3]):
        whole = inputs.parsed(seed)
        if whole is None:
            continue
        for path in inputs.places(whole):
            if not path:
                continue
            yield f"document {number} without {path}", partial(_without, whole, path)
            for place, value in enumerate(inputs.VALUES):
                yield f"document {number}, value {place} at {path}", partial(_with, whole, path, value)


def _without(whole: object, path: tuple[str | int, ...]) -> bytes:
    return inputs.written(inputs.without(whole, path))


def _with(whole: object, path: tuple[str | int, ...], value: object) -> bytes:
    return inputs.written(inputs.with_value(whole, path, value))


def nearly_too_deep() -> Tried:
    for levels in inputs.NEAR_THE_LIMIT:
        for content in inputs.near_the_limit(levels):
            yield f"{levels} levels", lambda content=content: content


@pytest.mark.parametrize("name", NAMES)
def test_what_is_valid_is_read(name: str) -> None:
    (seed, *_) = PARSERS[name].seeds()
    assert wrong_with_parser(name, seed) is None


@pytest.mark.parametrize("name", NAMES)
def test_no_text_ends_in_a_bug(name: str) -> None:
    assert failures(name, shared(name, "texts", iter(inputs.TEXTS.items()))) == []


@pytest.mark.parametrize("name", BY_PARSER)
def test_nothing_made_for_a_parser_ends_in_a_bug(name: str) -> None:
    assert failures(name, given(BY_PARSER[name])) == []


def test_no_manifest_ends_in_a_bug() -> None:
    assert failures("manifest", iter(MANIFESTS.items())) == []


@pytest.mark.parametrize("name", NAMES)
def test_nothing_large_ends_in_a_bug(name: str) -> None:
    assert failures(name, shared(name, "large", iter(inputs.UNITS.items()))) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_document_that_is_cut_off_or_turned_round_ends_in_a_bug(name: str) -> None:
    assert failures(name, shared(name, "cut", cut_and_turned(name))) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_value_in_any_place_ends_in_a_bug(name: str) -> None:
    assert failures(name, islice(shared(name, "values", with_every_value(name)), 25)) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_nests_nearly_too_deeply_for_a_parser_in_c_ends_in_no_bug(name: str) -> None:
    assert failures(name, shared(name, "deep", nearly_too_deep())) == []


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_all_that_ends_in_a_bug(name: str) -> None:
    assert failures(name, iter(inputs.TEXTS.items())) == []
    assert failures(name, iter(inputs.UNITS.items())) == []
    assert failures(name, cut_and_turned(name)) == []
    assert failures(name, islice(with_every_value(name), 0, 30_000, 7)) == []
    assert failures(name, nearly_too_deep()) == []


# --- what is no file ------------------------------------------------------------------------------


def _socket(path: Path) -> None:
    held = socket.socket(socket.AF_UNIX)
    before = Path.cwd()
    os.chdir(path.parent)  # a socket's path may have a hundred characters
    try:
        held.bind(path.name)
    finally:
        os.chdir(before)
        held.close()


def _hole(size: int, path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def _unreadable(path: Path) -> None:
    path.write_bytes(b"{}")
    path.chmod(0)


PLACES: Mapping[str, Callable[[Path], object]] = {
    "a named pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a socket": _socket,
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to its folder": lambda path: path.symlink_to("."),
    "a link to zeros": lambda path: path.symlink_to("/dev/zero"),
    "a link to a terminal": lambda path: path.symlink_to("/dev/tty"),
    "a link to standard input": lambda path: path.symlink_to("/dev/stdin"),
    "a link to the kernel's memory": lambda path: path.symlink_to("/proc/self/mem"),
    "a link to the environment": lambda path: path.symlink_to("/proc/self/environ"),
    "a link out": lambda path: path.symlink_to("/etc/passwd"),
    "a hole of 8 GB": partial(_hole, 8_000_000_000),
    "a file that nobody may read": _unreadable,
    "nothing": lambda path: None,
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such places here")
@pytest.mark.parametrize("name", OPENING)
def test_what_is_no_file_is_refused_at_once(name: str) -> None:
    found = {
        label: wrong
        for label, place in PLACES.items()
        if (wrong := wrong_with_parser(name, place)) is not None
    }
    assert found == {}


# --- memory ---------------------------------------------------------------------------------------

MOST_MEGABYTES = 200
"""That reading something may take beside what is loaded already."""
_IN_A_CHILD = """
import resource, sys
from tests.fuzz import inputs
from tests.fuzz.families import BY_PARSER
from tests.fuzz.watched import wrong_with_parser
wanted = {
    "case": ["the same key 180,000 times", "the same question 200,000 times"],
    "schema": ["lists behind one another", "numbers behind one another", "objects behind one another"],
    "recording": ["a line of a million lists", "a line of a million objects"],
    "response, direct": ["100,000 choices", "100,000 calls"],
    "labels": ["5,000 wrong lines"],
}
units = ["lists in a list", "objects in a list", "a mapping of 100,000 lines", "an object of 100,000 names"]
own = [(parser, BY_PARSER[parser][name]) for parser, names in wanted.items() for name in names]
own += [(name, inputs.UNITS[unit]()) for name in ("case", "verdict") for unit in units]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name, content in own:
    wrong = wrong_with_parser(name, content)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(name, len(content), (after - before) // 1024, wrong)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory in other units")
def test_no_bomb_fills_the_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _IN_A_CHILD], capture_output=True, text=True, cwd=documents.ROOT, timeout=100
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) == 18, done.stderr
    assert all(line.endswith(" None") for line in lines), done.stdout
    assert max(int(line.split()[-2]) for line in lines) < MOST_MEGABYTES, done.stdout


# --- the history as a database --------------------------------------------------------------------

_NIGHTS_OF = "CREATE VIEW drift_runs AS SELECT 1 AS scheduled, 'a' AS suite, 'b' AS target, 'c' AS run, "
DATABASES: Mapping[str, tuple[str, ...]] = {
    "a night that is a number": ("UPDATE drift_runs SET entry = 5",),
    "a night that is bytes": ("UPDATE drift_runs SET entry = X'ff00'",),
    "a night that is no UTF-8": ("UPDATE drift_runs SET entry = CAST(X'ff80' AS TEXT)",),
    "a night that nests": (f"UPDATE drift_runs SET entry = '{'[' * 100_000}'",),
    "a night that is nothing": (
        "DROP TABLE drift_runs",
        "CREATE TABLE drift_runs(suite, target, run, scheduled, entry)",
        "INSERT INTO drift_runs VALUES ('a', 'b', 'c', 1, NULL)",
    ),
    "an incident that is a list": ("INSERT INTO drift_incidents VALUES ('a', 'b', 'c', 'd', NULL, '[]')",),
    "a newer schema": ("UPDATE drift_schema SET version = 99",),
    "a schema that steers": (
        "DROP TABLE drift_schema",
        "CREATE TABLE drift_schema(version)",
        "INSERT INTO drift_schema VALUES ('\x1b[2J\n::error::')",
    ),
    "no schema": ("DELETE FROM drift_schema",),
    "other columns": ("DROP TABLE drift_runs", "CREATE TABLE drift_runs(x)"),
    "no table": ("DROP TABLE drift_incidents",),
    "nights without end": (
        "DROP TABLE drift_runs",
        _NIGHTS_OF + "x AS entry FROM (WITH RECURSIVE c(x) AS (SELECT '{}' UNION ALL SELECT x FROM c) SELECT x FROM c)",
    ),
    "work without end": (
        "DROP TABLE drift_runs",
        _NIGHTS_OF + "x AS entry FROM (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
        "SELECT x FROM c) WHERE x < 0",
    ),
    "a night of 900 MB": ("DROP TABLE drift_runs", _NIGHTS_OF + "zeroblob(900000000) AS entry"),
    "a trigger": (
        "CREATE TRIGGER t AFTER INSERT ON drift_runs BEGIN DELETE FROM drift_runs; END",
    ),
}  # fmt: skip


@pytest.mark.parametrize("label", DATABASES)
def test_a_history_of_somebody_else_is_read_or_refused(label: str) -> None:
    def place(path: Path) -> None:
        import sqlite3

        path.write_bytes(documents.history_bytes())
        with sqlite3.connect(path) as connection:
            for statement in DATABASES[label]:
                connection.execute(statement)
        connection.close()

    assert wrong_with_parser("history", place) is None


# --- the command line -----------------------------------------------------------------------------


def drift(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run a command line: its exit code, what it said, and what it said beside that."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err, watchdog():
        code = run(["-C", str(folder), *arguments])
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project that can be checked."""
    (tmp_path / "drift.yaml").write_text(documents.CONFIG, encoding="utf-8")
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "a.yaml").write_text(documents.CASE, encoding="utf-8")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "p.md").write_text(documents.PROMPT, encoding="utf-8")
    return tmp_path


def wrong_ending(ended: tuple[int, str, str], *codes: int) -> str | None:
    code, out, err = ended
    if code not in codes:
        return f"exit {code}: {err[:200]}"
    return f"said {out[:100]!r}" if out.strip() else wrong_with_message(err.rstrip("\n"))


def sample(of: Inputs, number: int) -> Iterator[tuple[str, bytes]]:
    return islice(of.items(), 0, None, max(1, len(of) // number))


REFUSED = (
    "nothing",
    "UTF-16",
    "half a character",
    "an anchor",
    "two documents",
    "a key as a value",
    "a bomb of aliases",
)


@pytest.mark.parametrize("label", REFUSED)
@pytest.mark.parametrize("place", ["drift.yaml", "suite/a.yaml"])
@pytest.mark.parametrize("command", [("validate",), ("check", "canary")])
def test_a_broken_file_ends_each_command_in_2(
    project: Path, label: str, place: str, command: tuple[str, ...]
) -> None:
    (project / place).write_bytes(inputs.TEXTS[label]())
    assert wrong_ending(drift(project, *command), 2) is None


def test_cases_made_by_hand_end_a_validation_in_0_or_2(project: Path) -> None:
    found = {}
    for label, content in sample(BY_PARSER["case"], 40):
        (project / "suite" / "a.yaml").write_bytes(content)
        code, out, err = drift(project, "validate")
        if (code, bool(err)) != (0, False) and (
            wrong := wrong_ending((code, out if code else "", err), 0, 2)
        ):
            found[label] = wrong
    assert found == {}


def test_a_damaged_record_ends_in_4(project: Path) -> None:
    found = {}
    for label in ("nothing", "merge markers", "NaN", "a list", "nested 1000 closed", "UTF-16", "every byte"):
        for name in ("identity.json", documents.SAMPLES):
            folder = project / "baselines" / "canary" / "steady"
            folder.mkdir(parents=True, exist_ok=True)
            for kept, content in documents.baseline_bytes().items():
                (folder / kept).write_bytes(content)
            (folder / name).write_bytes(inputs.TEXTS[label]())
            for command in (("check", "canary"), ("baseline", "show", "canary", "steady")):
                if wrong := wrong_ending(drift(project, *command), 4):
                    found[label, name, command] = wrong
    assert found == {}


ARGUMENTS: tuple[tuple[str, ...], ...] = (
    *((), ("",), (" ",), ("-",), ("--",), ("---",), ("\x1b[2J",), ("\udcff",), ("x" * 100_000,)),
    *(("check", ""), ("check", ".."), ("check", "canary", "canary"), ("check", "\udcff"), ("check", "\x1b[2J")),
    *(("check", "canary", "--night", night) for night in ("", "x", "0000-00-00", "2027-02-30", "99999-01-01", "\udcff")),
    *(("check", "canary", "--target", "x" * 5_000), ("check", "canary", "--target", ""), ("check", "canary", "--case", "[")),
    *(("check", "canary", "--nosuch"), ("check", "--night"), ("chekc",), ("x" * 5_000, "y"), ("--color", "\x1b[2J", "validate")),
    *(("report", "\udcff"), ("report", "../.."), ("report", ""), ("report", "\x1b[2J")),
    *(("review", "nosuch"), ("accept", "nosuch", "--reason", "x"), ("accept", "", "--reason", ""), ("history", "nosuch")),
    *(("compare", "a", "b"), ("compare", "\udcff", "\udcff"), ("compare", "baseline:\udcff", "baseline:"), ("compare", "x.jsonl?a=b", "y.jsonl")),
    *(("validate", "nosuch"), ("validate", "\udcff"), ("validate", "/"), ("validate", "/dev/zero"), ("validate", "suite/../..")),
    *(("notify", "github-pr", "x.json", "--pr", value) for value in ("0", "-1", "x", "9" * 5_000, "1.5", "")),
    *(("notify", "github-issue", "x.json", "--label", value) for value in ("", "a,b", "\x1b", "x" * 51)),
    *(("schema", "nosuch"), ("schema", ""), ("judge", "calibrate", "\udcff"), ("judge", "calibrate", "/dev/zero"), ("baseline", "show", "../..", "x")),
)  # fmt: skip


def test_no_command_line_ends_in_a_bug(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_EVENT_PATH"):
        monkeypatch.delenv(name, raising=False)
    found = {}
    for arguments in ARGUMENTS:
        try:
            code, out, err = drift(project, *arguments)
        except Exception as error:  # noqa: BLE001  # to be told, with the arguments
            found[arguments] = f"{type(error).__name__}: {str(error)[:200]}"
            continue
        if code not in (2, 3, 4) or out.strip() or "Traceback" in err:
            found[arguments] = f"exit {code}: {out[:100]!r} {err[:100]!r}"
    assert found == {}, found


def test_arguments_that_are_no_text_are_refused_by_the_process_itself(project: Path) -> None:
    for arguments in ([b"check", b"\xff\xfe"], [b"validate", b"\xc3\x28"]):
        done = subprocess.run(
            [os.fsencode(sys.executable), b"-m", b"harness", *arguments], capture_output=True, cwd=project
        )
        assert (done.returncode, done.stdout) == (2, b""), done.stderr
        assert b"Traceback" not in done.stderr and b"internal error" not in done.stderr


def test_an_unexpected_error_would_be_seen() -> None:
    def broken() -> None:
        raise KeyError("x")

    from tests.fuzz.watched import wrong_with

    assert wrong_with(broken) is not None
    for said in ("", f"x {documents.KEY}", "\x1b[2J", "a\n" * 30, "Traceback"):
        with suppress(HarnessError):
            assert wrong_with_message(said) is not None
