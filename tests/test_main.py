"""The outermost entry point: exit code 1 means a confirmed regression, whatever else goes wrong."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

SECRET = "a-value-nobody-should-see-1234"
HIDE_APP = "import sys\nsys.modules['harness.cli.app'] = None\n"
POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="pipes and signals of POSIX")


def replace_app(body: str) -> str:
    """Return a sitecustomize in which the command line is `body`: the function `run`."""
    return (
        "import sys, types\n"
        "app = types.ModuleType('harness.cli.app')\n"
        f"exec({body!r}, app.__dict__)\n"
        "sys.modules['harness.cli.app'] = app\n"
    )


def drift(
    *arguments: str | Path, shim: str | None = None, folder: Path, extra: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run drift in a process of its own; `shim` runs when Python starts."""
    environment = {**os.environ, "DRIFT_TEST_KEY": SECRET, "DRIFT_TRACEBACK": "", **(extra or {})}
    if shim is not None:
        (folder / "shim").mkdir(exist_ok=True)
        (folder / "shim" / "sitecustomize.py").write_text(shim, encoding="utf-8")
        environment["PYTHONPATH"] = os.pathsep.join((str(folder / "shim"), os.environ.get("PYTHONPATH", "")))
    return subprocess.run(
        [sys.executable, "-m", "harness", *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("shim", "name"),
    [
        (HIDE_APP, "ModuleNotFoundError"),
        (replace_app(f"def run(_): raise RuntimeError({SECRET!r})"), "RuntimeError"),
        (replace_app("import asyncio\ndef run(_): raise asyncio.CancelledError"), "CancelledError"),
        (
            replace_app("def run(_): raise BaseExceptionGroup('', [KeyboardInterrupt()])"),
            "BaseExceptionGroup",
        ),
        (replace_app("def run(_): raise SystemExit(1)"), "SystemExit"),
        (replace_app("def run(_): raise SystemExit('no')"), "SystemExit"),
        (replace_app("def run(_): return run(_)"), "RecursionError"),
    ],
)
def test_what_nobody_expected_is_a_bug_and_never_a_regression(tmp_path: Path, shim: str, name: str) -> None:
    done = drift("check", shim=shim, folder=tmp_path)
    assert done.returncode == 70
    assert f"internal error: {name}" in done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr + done.stdout
    assert done.stdout == ""


def test_a_module_that_cannot_be_compiled_is_a_bug(tmp_path: Path) -> None:
    (tmp_path / "shim" / "broken").mkdir(parents=True)
    (tmp_path / "shim" / "broken" / "app.py").write_text("x = (\n", encoding="utf-8")
    shim = (
        "import harness.cli\nharness.cli.__path__.insert(0, __file__.replace('sitecustomize.py', 'broken'))\n"
    )
    done = drift("--help", shim=shim, folder=tmp_path)
    assert (done.returncode, "internal error: SyntaxError" in done.stderr) == (70, True), done


def test_the_traceback_is_shown_when_asked_for(tmp_path: Path) -> None:
    shim = replace_app("def run(_): raise RuntimeError('here')")
    done = drift("check", shim=shim, folder=tmp_path, extra={"DRIFT_TRACEBACK": "1"})
    assert done.returncode == 70
    assert "Traceback" in done.stderr
    assert "RuntimeError: here" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("chekc",), "unknown command 'chekc', did you mean 'check'?"),
        (("--nosuch",), "No such option: --nosuch"),
        (("check", "--nigth", "x"), "--night"),
        (("baseline", "lsit"), "list"),
        (("report", "a", "b"), "unexpected extra argument"),
        (("--color", "blue", "check"), "auto, always or never"),
        (("accept",), "Missing"),
    ],
)
def test_a_mistaken_command_line_is_2_and_says_what_is_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    from harness.cli.app import run

    assert run(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert (out, said in err) == ("", True), err


@pytest.mark.parametrize("arguments", [(), ("baseline",)])
def test_no_command_shows_the_help_and_nothing_empty_after_it(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    from harness.cli.app import run

    assert run(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert "Usage:" in out + err
    assert not (out + err).rstrip().endswith("drift:")


def test_the_module_and_the_command_are_one(tmp_path: Path) -> None:
    done = drift("--version", folder=tmp_path)
    assert (done.returncode, done.stdout.startswith("drift ")) == (0, True)


def test_an_interrupt_is_130(tmp_path: Path) -> None:
    done = drift("check", shim=replace_app("def run(_): raise KeyboardInterrupt"), folder=tmp_path)
    assert (done.returncode, done.stderr) == (130, "")


@POSIX_ONLY
def test_a_real_interrupt_ends_in_130_and_says_how_to_go_on(tmp_path: Path) -> None:
    config = (
        "version: 1\n"
        "targets: {slow: {model: simulated/steady, options: {sleep: true, latency_ms: 60000}}}\n"
        "suites: {canary: {path: canaries/, targets: [slow]}}\n"
    )
    (tmp_path / "drift.yaml").write_text(config, encoding="utf-8")
    (tmp_path / "canaries").mkdir()
    case = 'id: one\nkind: edge\nwhy: One question is enough.\nreview_by: "2027-01-01"\n'
    (tmp_path / "canaries" / "one.yaml").write_text(
        f"{case}messages: [{{role: user, content: Say hello.}}]\n", encoding="utf-8"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "-v", "check"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "calls" in process.stderr.readline()
    journal = None
    while process.poll() is None and not (journal and journal.stat().st_size):
        journal = next(iter(tmp_path.glob("reports/*/journal.jsonl")), None)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "drift check" in err
    assert "--resume" in err
    assert "Traceback" not in err


@POSIX_ONLY
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("session.put('x' * 1_000_000); return 1", 1),
        ("session.put('x'); return 1", 1),
        ("session.put('x' * 1_000_000); return 3", 3),
        ("print('x' * 1_000_000); return 0", 141),
        ("from rich.console import Console\n    Console().print('x')\n    return 0", 141),
    ],
)
def test_a_reader_that_goes_away_changes_no_verdict(tmp_path: Path, body: str, code: int) -> None:
    # The verdict of a command whose output nobody reads to the end is its own; only help, which is
    # printed by a library, ends as in any other program: 128 + SIGPIPE.
    run = (
        "def run(_):\n"
        "    from pathlib import Path\n"
        "    from harness.cli.session import Session\n"
        "    session = Session(folder=Path(), config=None, env_file=None, color='auto', quiet=False,"
        " verbose=False, json=False, no_input=True)\n"
        f"    {body}\n"
    )
    (tmp_path / "sitecustomize.py").write_text(replace_app(run), encoding="utf-8")
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "harness"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))},
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (code, "")


@POSIX_ONLY
@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
def test_streams_that_are_closed_from_the_start_change_nothing(tmp_path: Path, closed: str) -> None:
    command = f'"$0" -m harness schema {closed}; echo "code $?" >"$1"'
    subprocess.run(["sh", "-c", command, sys.executable, tmp_path / "code"], cwd=tmp_path, check=True)
    assert (tmp_path / "code").read_text() == "code 0\n"


@POSIX_ONLY
def test_the_help_for_an_impatient_reader_is_not_1(tmp_path: Path) -> None:
    command = 'set -o pipefail; "$0" -m harness --help | true; echo "code $?" >"$1"'
    subprocess.run(["bash", "-c", command, sys.executable, tmp_path / "code"], cwd=tmp_path, check=True)
    assert (tmp_path / "code").read_text() in ("code 141\n", "code 0\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this machine has no /dev/full")
def test_a_full_disk_behind_stdout_is_no_bug_of_drift(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "harness", "schema"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    assert "cannot write to <stdout>: No space left on device" in done.stderr
