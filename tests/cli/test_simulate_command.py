"""`drift simulate`: a server that says when it is ready and stops when told to."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Drift


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server on a free port, and its address."""
    # Somebody's PYTHONUNBUFFERED would do the flush that is tested here.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "harness", "simulate", "--port", "0", "--latency-ms", "0"]
    process = subprocess.Popen(
        [*command, "--night", "2026-11-21"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    # A pipe: without a flush the line would stay inside, and this test would hang.
    line = process.stdout.readline()
    try:
        yield process, line.removeprefix("listening on ").strip()
    finally:
        process.kill()
        process.wait()


def ask(address: str, **body: object) -> dict[str, object]:
    request = urllib.request.Request(
        f"{address}/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        return dict(json.loads(response.read()))


@pytest.mark.timeout(30)
@pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGINT for one process")
def test_it_answers_over_http_until_it_is_interrupted(server: tuple[subprocess.Popen[str], str]) -> None:
    process, address = server
    assert address.startswith("http://127.0.0.1:")
    answer = ask(address, model="steady", messages=[{"role": "user", "content": "Say hello."}])
    assert answer["object"] == "chat.completion"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_mistakes_are_said_before_it_listens(tmp_path: Path, drift: Drift) -> None:
    for arguments, said in (
        (("--host", "0.0.0.0"), "can be reached from other machines"),
        (("--night", "tomorrow"), "is not a date such as"),
        (("--port", "70000"), "--port"),
    ):
        done = drift("simulate", *arguments, folder=tmp_path)
        assert (done.code, said in done.err) == (2, True), done
        assert done.out == ""
