"""The word after a scheduled run: to a real server, and never at the cost of the verdict."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.edges.sinks.heartbeat import send_heartbeat
from harness.errors import HeartbeatFailed, MissingKey
from tests.cli.conftest import Drift, edit, runs_of
from tests.cli.test_nights_together import night

TOKEN = "ping-token-4f1c0de9"
VARIABLE = "DRIFT_TEST_HEARTBEAT"


class Waiting(ThreadingHTTPServer):
    """Takes words, and answers as it is told to."""

    daemon_threads = True
    status = 200
    got: list[tuple[str, str, str]]


class _Handler(BaseHTTPRequestHandler):
    server: Waiting

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.got.append((self.command, self.path, body))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Waiting]:
    """A server on loopback."""
    waiting = Waiting(("127.0.0.1", 0), _Handler)
    waiting.got = []
    thread = threading.Thread(target=waiting.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield waiting
    waiting.shutdown()
    waiting.server_close()


@pytest.fixture
def told(project: Path, server: Waiting, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose nights send a word to the server."""
    edit(project / "drift.yaml", "version: 1\n", f"version: 1\nheartbeat: {{url_env: {VARIABLE}}}\n")
    monkeypatch.setenv(VARIABLE, f"http://127.0.0.1:{server.server_port}/{TOKEN}")
    return project


def test_a_night_that_measured_something_sends_its_word_and_keeps_the_url_to_itself(
    told: Path, server: Waiting, drift: Drift
) -> None:
    done = night(drift, "2026-11-15")
    assert done.code == 0
    assert server.got == [("POST", f"/{TOKEN}", "drift canary 2026-11-15 stable exit 0\n")]
    held = [path.read_bytes() for path in runs_of(told)[0].rglob("*") if path.is_file()]
    assert TOKEN not in done.out + done.err
    assert not any(TOKEN.encode() in content for content in held)
    assert drift("check", "canary").code == 0
    assert len(server.got) == 1, "a run by hand is no night"


def test_an_outage_while_there_is_no_baseline_yet_sends_no_word_and_opens_no_gate(
    told: Path, server: Waiting, drift: Drift
) -> None:
    down = 'model: simulated/down, options: {faults: [{kind: "503", rate: 0.9, retry_after_s: 0.01}]}'
    edit(told / "drift.yaml", "  fresh: {model: simulated/typical,", f"  fresh: {{{down},")
    done = night(drift, "2026-11-16", "--target", "fresh")
    assert "LEARNING" in done.out or "COULD NOT TELL" in done.out
    assert server.got == []
    assert drift("gate", "--target", "fresh", "--max-age", "300d").code == 3
    assert "could not tell" in drift("status", "--target", "fresh", "--max-age", "300d").out


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_answer_that_is_no_yes_is_said_and_changes_nothing(
    told: Path, server: Waiting, drift: Drift, status: int
) -> None:
    server.status = status
    done = night(drift, "2026-11-15")
    assert (done.code, f"HTTP {status}" in done.err, TOKEN in done.err) == (0, True, False)
    assert len(server.got) == 1, "no redirect is followed"


def test_a_night_that_measured_nothing_sends_no_word_or_a_word_of_failure(
    told: Path, server: Waiting, drift: Drift
) -> None:
    assert night(drift, "2026-11-15", "--target", "down").code == 3
    assert server.got == []
    edit(told / "drift.yaml", f"{{url_env: {VARIABLE}}}", f"{{url_env: {VARIABLE}, failures: true}}")
    assert night(drift, "2026-11-16", "--target", "down").code == 3
    assert [(path, body[-8:]) for _, path, body in server.got] == [(f"/{TOKEN}/fail", " exit 3\n")]


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "no url", "https://", "https://[::1", "http://a\x00b"])
def test_what_is_no_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(MissingKey) as raised:
        send_heartbeat(url, "x", name=VARIABLE, failed=False, redact=str)
    assert (
        str(raised.value)
        == f"{VARIABLE} holds no https:// URL; a heartbeat goes over TLS, or to this machine"
    )


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1/x"])
def test_a_url_that_is_none_or_that_nobody_answers_costs_a_note_and_no_more(
    told: Path, drift: Drift, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv(VARIABLE, url)
    done = night(drift, "2026-11-15")
    assert (done.code, VARIABLE in done.err, "the verdict stands" in done.err) == (0, True, True)
    assert url == "" or url not in done.err


def test_a_server_that_never_answers_is_not_waited_for() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as silent:  # nobody serves
        url = f"http://127.0.0.1:{silent.server_port}/{TOKEN}"
        with pytest.raises(HeartbeatFailed, match="ReadTimeout") as raised:
            send_heartbeat(url, "x", name=VARIABLE, failed=False, redact=str, timeout_s=0.05)
    assert TOKEN not in str(raised.value)


def test_the_doctor_says_before_a_night_that_nobody_would_be_told(
    told: Path, drift: Drift, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"heartbeat: {VARIABLE} is set" in drift("doctor").out
    monkeypatch.delenv(VARIABLE)
    assert f"heartbeat: {VARIABLE} is not set" in drift("doctor").out


def test_over_the_network_a_heartbeat_needs_tls() -> None:
    with pytest.raises(MissingKey, match="https"):
        send_heartbeat("http://192.0.2.1/x", "x", name=VARIABLE, failed=False, redact=str)
