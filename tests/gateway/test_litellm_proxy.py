"""Nights through a real LiteLLM proxy, which stands in front of two simulators and knows a fallback and a cache.

`make test-gateway` installs the proxy, in an environment of its own, and runs this.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from harness.cli.app import run

ROOT = Path(__file__).resolve().parents[2]
PROXY = ROOT / os.environ.get("DRIFT_TEST_GATEWAY", ".venv-gateway") / "bin" / "litellm"
KEY = "sk-gateway-of-the-test-0123456789"
PARAMS = (
    "params: {temperature: 0, max_tokens: 256}, price: {input_usd_per_million: 1, output_usd_per_million: 2}"
)
GATEWAY, PLAIN = "options: {gateway: true}", "options: {extra_body: {cache: {no-cache: true}}}"
# Without `gateway`, drift does not forbid the fallback: so it is an answer, and its header has to tell.
TARGETS = {
    "proxied": "model: litellm_proxy/first",
    "openai": f"model: openai/first, {GATEWAY}",
    "direct": f"model: direct/first, {GATEWAY}",
    "openai-unbidden": f"model: openai/first, {PLAIN}",
    "direct-unbidden": f"model: direct/first, {PLAIN}",
    "openai-cached": "model: openai/first",
    "direct-cached": "model: direct/first",
}
REFUSAL = "I can't help with that."

pytestmark = [
    pytest.mark.gateway,
    pytest.mark.skipif(
        not PROXY.exists(), reason="no LiteLLM proxy; `make test-gateway` installs it and runs this"
    ),
]


@contextmanager
def started(command: Sequence[str | Path], *, log: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended again; what it says goes into `log`."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "SYSTEMROOT") if name in os.environ}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=output,
            env={**kept, **more},
            cwd=log.parent,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)


@contextmanager
def simulator(log: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "harness", "simulate", "--port", "0", "--latency-ms", "0"]
    with started([*command, "--night", "2026-11-21"], log=log) as process:
        wait_until(lambda: "listening on " in log.read_text(encoding="utf-8"), process, log)
        yield log.read_text(encoding="utf-8").split("listening on ")[1].split()[0]


def wait_until(done: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(2400):
        if done():
            return
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
        time.sleep(0.1)  # another program starts: there is nothing else to wait for
    pytest.fail(log.read_text(encoding="utf-8", errors="replace")[-2000:])


class Refusing(ThreadingHTTPServer):
    """Declines as OpenAI does, with a refusal and no content; or fails. Counts what it is asked."""

    status = 200
    asked = 0


class RefusingHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Refusing)
        self.rfile.read(int(self.headers["content-length"]))
        server.asked += 1
        message = {"role": "assistant", "content": None, "refusal": REFUSAL}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 9, "completion_tokens": 8, "total_tokens": 17}
        answer = {"id": f"chatcmpl-{server.asked}", "object": "chat.completion", "created": 1, "model": "gpt"}
        error = {"error": {"message": "The service is unavailable.", "type": "server_error", "code": None}}
        said = {**answer, "choices": [choice], "usage": usage} if server.status == 200 else error
        body = json.dumps(said).encode()
        self.send_response(server.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: object) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class Gateway:
    url: str
    first: str
    """The simulator behind the alias `first`."""
    refusing: Refusing
    process: subprocess.Popen[bytes]

    @contextmanager
    def behaving(self, **switched: object) -> Iterator[None]:
        """Switch a drift or a fault of the first deployment on, for a while."""
        post(f"{self.first}/drift", {"model": "steady", **switched})
        try:
            yield
        finally:
            request = urllib.request.Request(f"{self.first}/drift", method="DELETE")
            urllib.request.urlopen(request).read()


def post(url: str, body: Mapping[str, object], key: str = "") -> Mapping[str, str]:
    """Post JSON; return the response's headers."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers, method="POST")
    with urllib.request.urlopen(request) as response:
        response.read()
        return {name.lower(): value for name, value in response.headers.items()}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    refusing = Refusing(("127.0.0.1", 0), RefusingHandler)
    threading.Thread(target=refusing.serve_forever, daemon=True).start()
    with simulator(folder / "first.log") as first, simulator(folder / "other.log") as other, refusing:
        refuser = f"http://127.0.0.1:{refusing.server_address[1]}"
        # What a call costs here is the gateway's own opinion, and a strange one.
        cost = {"input_cost_per_token": 0.5, "output_cost_per_token": 2.0}
        behind = [("first", "steady", first), ("other", "typical", other), ("refuser", "gpt", refuser)]
        config = {
            "model_list": [
                {
                    "model_name": alias,
                    "litellm_params": {
                        "model": f"openai/{model}",
                        "api_base": f"{url}/v1",
                        "api_key": "none",
                        **cost,
                    },
                }
                for alias, model, url in behind
            ],
            "litellm_settings": {"cache": True, "cache_params": {"type": "local"}},
            "router_settings": {
                "num_retries": 2,
                "disable_cooldowns": True,
                "fallbacks": [{"first": ["other"]}],
            },
            "general_settings": {"master_key": KEY},
        }
        (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
        port, log = free_port(), folder / "proxy.log"
        command = [PROXY, "--config", folder / "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
        offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True"}
        with started([*command, "--telemetry", "False"], log=log, **offline) as process:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: answers(f"{url}/health/readiness"), process, log)
            yield Gateway(url, first, refusing, process)
        refusing.shutdown()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@dataclass(frozen=True, slots=True)
class Project:
    root: Path

    def drift(self, *arguments: str) -> int:
        return run(["-q", "-C", str(self.root), *arguments])

    def verdict(self) -> dict[str, Any]:
        return dict(json.loads(self._newest("verdict.json")))

    def completions(self) -> list[dict[str, Any]]:
        """What came back in the newest run, round by round."""
        lines = [json.loads(line) for line in self._newest("journal.jsonl").splitlines()]
        return [found for line in lines if (found := find(line, "completion")) is not None]

    def _newest(self, name: str) -> str:
        folder = sorted(path for path in (self.root / "reports").iterdir() if path.is_dir())[-1]
        return (folder / name).read_text(encoding="utf-8")


def find(value: object, key: str) -> Any:
    """Return what stands under a key, however deep; None where it does not."""
    if not isinstance(value, dict):
        return None
    if key in value:
        return value[key]
    return next((found for one in value.values() if (found := find(one, key)) is not None), None)


def project(root: Path, gateway: Gateway) -> Project:
    root.mkdir(exist_ok=True)
    reach = f"api_base: '{gateway.url}/v1', key_env: GATEWAY_KEY"
    targets = "".join(f"  {name}: {{{model}, {reach}, {PARAMS}}}\n" for name, model in TARGETS.items())
    (root / "drift.yaml").write_text(
        f"version: 1\ntargets:\n{targets}"
        "suites:\n  canary: {path: canaries/, targets: [proxied], samples: 2}\n"
        "limits: {max_cost_usd: 2.00}\n",
        encoding="utf-8",
    )
    for path in (ROOT / "canaries").rglob("*"):
        if path.is_file():
            place = root / path.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    return Project(root)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_KEY", KEY)


@pytest.fixture(scope="module")
def accepted(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose baselines were taken through the proxy."""
    found = project(tmp_path_factory.mktemp("shop"), gateway)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEWAY_KEY", KEY)
        for target in ("proxied", "direct", "openai-unbidden", "direct-unbidden"):
            assert found.drift("calibrate", "canary", "--target", target, "--nights", "6") == 0
    return found


def kinds(found: Project) -> set[str]:
    return {one["kind"] if one["type"] == "failure" else "answer" for one in found.completions()}


def test_the_proxy_is_the_locked_library(gateway: Gateway) -> None:
    asked = {"model": "first", "messages": [{"role": "user", "content": "Who are you?"}]}
    assert post(f"{gateway.url}/v1/chat/completions", asked, KEY)["x-litellm-version"] == version("litellm")


@pytest.mark.parametrize("target", ["proxied", "direct"])
def test_a_night_through_the_proxy_is_quiet_and_a_swap_behind_it_is_not(
    accepted: Project, gateway: Gateway, target: str
) -> None:
    assert accepted.drift("check", "canary", "--target", target) == 0
    (found,) = accepted.verdict()["targets"]
    assert found["coverage"]["answered"] == found["coverage"]["planned"] > 0
    assert found["state"] == "provisional"
    assert kinds(accepted) == {"answer"}
    with gateway.behaving(drift={"kind": "swap"}):
        assert accepted.drift("check", "canary", "--target", target) == 1


def test_what_the_gateway_says_a_call_costs_is_not_believed(accepted: Project, gateway: Gateway) -> None:
    asked = {"model": "first", "messages": [{"role": "user", "content": "What does it cost?"}]}
    headers = post(f"{gateway.url}/v1/chat/completions", asked, KEY)
    assert float(headers["x-litellm-response-cost-original"]) > 1
    assert accepted.drift("check", "canary", "--target", "direct") == 0
    assert 0 < accepted.verdict()["run_end"]["cost_usd"] < 0.1


@pytest.mark.parametrize("target", ["openai-unbidden", "direct-unbidden"])
def test_another_models_answers_are_no_drift_and_no_pass(
    accepted: Project, gateway: Gateway, target: str
) -> None:
    assert accepted.drift("check", "canary", "--target", target) == 0
    with gateway.behaving(faults={"kind": "503"}):
        assert accepted.drift("check", "canary", "--target", target) == 3
        assert kinds(accepted) == {"fallback"}, "asked once, and never taken for an answer"
        assert {one["attempts"] for one in accepted.completions()} == {1}
        assert accepted.verdict()["outcome"] == "inconclusive"
    assert accepted.drift("check", "canary", "--target", target) == 0, "as soon as the first is back"


@pytest.mark.parametrize("target", ["proxied", "direct"])
def test_where_drift_forbids_the_fallback_the_outage_is_an_outage(
    accepted: Project, gateway: Gateway, target: str
) -> None:
    with gateway.behaving(faults={"kind": "503"}):
        assert accepted.drift("check", "canary", "--target", target, "--samples", "1") == 3
    assert kinds(accepted) == {"server_error"}
    # Three requests a call are drift's own; one that the gateway repeated would not be counted.
    assert {one["attempts"] for one in accepted.completions()} == {3}
    assert accepted.verdict()["outcome"] == "inconclusive"


@pytest.mark.parametrize("model", ["litellm_proxy/refuser", "direct/refuser"])
def test_the_gateway_repeats_nothing_by_itself(gateway: Gateway, tmp_path: Path, model: str) -> None:
    found = asking(model, tmp_path, gateway)
    gateway.refusing.status, gateway.refusing.asked = 503, 0
    try:
        assert found.drift("check", "canary", "--samples", "1") == 3
    finally:
        gateway.refusing.status = 200
    assert gateway.refusing.asked == sum(one["attempts"] for one in found.completions()) > 0


@pytest.mark.parametrize("target", ["openai", "direct"])
def test_answers_out_of_its_cache_are_no_samples(gateway: Gateway, tmp_path: Path, target: str) -> None:
    """Also where no run of this project has seen their ids: another one filled the cache."""
    project(tmp_path / "one", gateway).drift("check", "canary", "--target", f"{target}-cached")
    two = project(tmp_path / "two", gateway)
    assert two.drift("check", "canary", "--target", f"{target}-cached") == 3, "not even while it learns"
    assert kinds(two) == {"replayed"}
    assert two.drift("check", "canary", "--target", target) == 0, "which is told not to use its cache"
    assert kinds(two) == {"answer"}
    ids = [one["response_id"] for one in two.completions()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("model", ["litellm_proxy/refuser", "direct/refuser"])
def test_a_refusal_comes_through(gateway: Gateway, tmp_path: Path, model: str) -> None:
    found = asking(model, tmp_path, gateway)
    found.drift("check", "canary", "--samples", "1")
    assert {one["refusal"] for one in found.completions()} == {REFUSAL}


def asking(model: str, root: Path, gateway: Gateway) -> Project:
    """A project whose only target of the suite is this model."""
    found = project(root, gateway)
    config = (root / "drift.yaml").read_text(encoding="utf-8")
    asks = config.replace(TARGETS["proxied"], f"model: {model}, {GATEWAY}")
    (root / "drift.yaml").write_text(asks, encoding="utf-8")
    return found


def test_a_key_that_it_does_not_know_ends_the_run_at_once(
    accepted: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_KEY", "sk-not-the-key-of-the-test-01234")
    assert accepted.drift("check", "canary", "--target", "direct") == 2
    assert kinds(accepted) == {"authentication"}


@pytest.mark.parametrize("target", ["proxied", "direct"])
def test_a_proxy_that_is_down_is_neither_drift_nor_a_pass(
    accepted: Project, gateway: Gateway, target: str
) -> None:
    """The last test of this file: it ends the proxy."""
    gateway.process.terminate()
    gateway.process.wait(timeout=30)
    assert accepted.drift("check", "canary", "--target", target, "--samples", "1") == 3
    assert kinds(accepted) == {"transport"}
