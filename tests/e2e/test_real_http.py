"""The whole command over real HTTP through LiteLLM, against the simulator's server on loopback."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli.app import run

CANARIES = Path(__file__).resolve().parents[2] / "canaries"
PRICE = "price: {input_usd_per_million: 1, output_usd_per_million: 2}"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A simulator of its own, as `drift simulate` starts it."""
    command = [
        sys.executable,
        "-m",
        "harness",
        "simulate",
        "--port",
        "0",
        "--latency-ms",
        "0",
        "--night",
        "2026-11-21",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().strip().removeprefix("listening on ")
    process.terminate()
    process.wait(timeout=10)


def project(root: Path, server: str) -> list[str]:
    """A project that asks the same simulated model over three dialects and two client libraries."""
    params = "params: {temperature: 0, max_tokens: 256}"
    (root / "drift.yaml").write_text(
        "version: 1\n"
        "targets:\n"
        f"  openai: {{model: openai/steady, api_base: '{server}/v1', key_env: TEST_KEY, {params}, {PRICE}}}\n"
        f"  anthropic: {{model: anthropic/steady, api_base: '{server}', key_env: TEST_KEY, {params}, {PRICE}}}\n"
        f"  gemini: {{model: gemini/steady, api_base: '{server}/v1beta', key_env: TEST_KEY, {params}, {PRICE}}}\n"
        f"  direct: {{model: direct/steady, api_base: '{server}/v1', key_env: TEST_KEY, {params}, {PRICE}}}\n"
        "suites:\n"
        f"  canary: {{path: canaries/, targets: [openai], samples: 2}}\n",
        encoding="utf-8",
    )
    _copy(CANARIES, root / "canaries")
    return ["-q", "-C", str(root)]


def _copy(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())


def switch(server: str, body: dict[str, object]) -> None:
    data = json.dumps(body).encode()
    request = urllib.request.Request(f"{server}/drift", data=data, method="POST")
    urllib.request.urlopen(request).read()


def newest(root: Path, name: str) -> str:
    folder = sorted(path for path in (root / "reports").iterdir() if path.is_dir())[-1]
    return (folder / name).read_text(encoding="utf-8")


def test_a_week_of_real_calls_and_a_silent_swap(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "sk-test-0123456789abcdef0123456789abcdef"
    monkeypatch.setenv("TEST_KEY", secret)
    drift = project(tmp_path, server)
    assert run([*drift, "calibrate", "canary", "--nights", "6"]) == 0
    assert run([*drift, "check", "canary"]) == 0
    verdict = json.loads(newest(tmp_path, "verdict.json"))
    assert verdict["targets"][0]["coverage"]["answered"] == verdict["targets"][0]["coverage"]["planned"]
    assert verdict["targets"][0]["state"] == "provisional"
    switch(server, {"model": "steady", "drift": {"kind": "swap"}})
    try:
        assert run([*drift, "check", "canary"]) == 1
    finally:
        switch(server, {"model": "steady", "drift": []})
    assert run([*drift, "check", "canary"]) == 0, "it recovers as soon as the model does"
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), f"{path} holds the key"
    assert secret not in capsys.readouterr().out


@pytest.mark.parametrize("target", ["openai", "anthropic", "gemini", "direct"])
def test_every_dialect_answers_every_canary(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.setenv("TEST_KEY", "test-key-of-no-one")
    assert run([*project(tmp_path, server), "check", "canary", "--target", target, "--samples", "1"]) == 0
    found = json.loads(newest(tmp_path, "verdict.json"))["targets"][0]
    assert found["coverage"]["answered"] == found["coverage"]["planned"]
    assert found["served"] == ["simulated-steady"]
    completions = [
        line for line in newest(tmp_path, "journal.jsonl").splitlines() if '"t":"completion"' in line
    ]
    assert sum('"tool_calls":[{' in line for line in completions) >= 3
    assert all('"latency_ms"' in line and '"usage"' in line for line in completions)
