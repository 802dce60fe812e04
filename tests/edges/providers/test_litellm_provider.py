"""What is particular to LiteLLM: it is late, it is silent, and it is checked before the first paid call."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.core.suite import Target
from harness.edges.providers.litellm import LiteLLMProvider
from harness.edges.redaction import Redactor
from harness.errors import SetupError
from tests.contract.providers import CASE, ENVIRONMENT, make_request, make_target
from tests.support.model_server import ModelServer, Play

ROOT = Path(__file__).parents[3]

# Any connection outside loopback, and any look-up of a name, ends the process with an error.
GUARD = """
import asyncio, os, socket, sys, warnings
warnings.simplefilter("error", ResourceWarning)

def refuse(event, args):
    if event == "socket.getaddrinfo" and args[0] not in ("127.0.0.1", "localhost", None):
        os.write(2, f"LOOKED UP {args[0]}\\n".encode()); os._exit(9)
    if event == "socket.connect" and isinstance(args[1], tuple) and args[1][0] not in ("127.0.0.1", "::1"):
        os.write(2, f"CONNECTED TO {args[1]}\\n".encode()); os._exit(9)

sys.addaudithook(refuse)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def provider(*targets: Target) -> LiteLLMProvider:
    return LiteLLMProvider(environment=ENVIRONMENT, redactor=Redactor(ENVIRONMENT), targets=targets)


def run(script: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-X", "dev", "-c", GUARD + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        timeout=100,
    )


def test_calls_touch_loopback_only_and_leave_nothing_open(server: ModelServer, tmp_path: Path) -> None:
    server.play(Play.ANSWER)
    (tmp_path / ".env").write_text("STOLEN=1\nLITELLM_LOG=DEBUG\n", encoding="utf-8")
    script = """
        from harness.edges.providers.litellm import LiteLLMProvider
        from harness.edges.redaction import Redactor
        from harness.core.suite import Price
        assert "litellm" not in sys.modules, "imported before it is needed"

        from tests.contract.providers import CASE, ENVIRONMENT, make_request, make_target
        from types import SimpleNamespace

        async def main():
            server = SimpleNamespace(url=os.environ["SERVER"])
            targets = [make_target(route, server) for route in ("openai", "anthropic", "gemini")]
            provider = LiteLLMProvider(environment=ENVIRONMENT, redactor=Redactor(ENVIRONMENT), targets=targets)
            assert provider.price(targets[0]) is not None
            assert "litellm" not in sys.modules, "a price needs no import"
            await provider.prepare()
            for target in targets:
                print((await provider.complete(make_request(target), deadline_s=20)).text)
            await provider.aclose()

        asyncio.run(main())
        assert "STOLEN" not in os.environ, "a .env file in the working directory was loaded"
    """
    done = run(script, tmp_path, SERVER=server.url, OPENAI_LOG="debug", ANTHROPIC_LOG="debug")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["Paris."] * 3
    assert CASE.messages[-1].content not in done.stderr, "an SDK printed the request"
    assert "Unclosed" not in done.stderr, done.stderr
    assert "never awaited" not in done.stderr, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert len(server.requests) == 3, "a warm-up must not be a request"


def test_the_module_loads_without_litellm(tmp_path: Path) -> None:
    script = """
        from harness.edges.providers import PROVIDERS
        PROVIDERS.load("litellm"), PROVIDERS.load("direct"), PROVIDERS.load("recorded")
        assert "litellm" not in sys.modules
    """
    done = run(script, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"key_env": "ABSENT_KEY"}, "ABSENT_KEY"),
        ({"options": {"gatewy": True}}, "did you mean 'gateway'"),
        ({"params": {"num_retries": 3}}, "num_retries"),
        ({"params": {"no_such_parameter_reasoning": 1, "logit_bias": "x"}}, None),
        ({"model": "nosuchprovider/x"}, "nosuchprovider"),
    ],
)
async def test_a_target_that_cannot_work_is_found_before_the_first_call(
    server: ModelServer, fields: dict[str, object], said: str | None
) -> None:
    server.play(Play.ANSWER)
    subject = provider(make_target("openai", server, **fields))
    if said is None:
        await subject.prepare()
    else:
        with pytest.raises(SetupError, match=said):
            await subject.prepare()
    await subject.aclose()
    assert not server.requests


async def test_a_parameter_that_the_model_does_not_take_is_an_error_and_not_dropped(
    server: ModelServer,
) -> None:
    subject = provider(make_target("anthropic", server, params={"max_tokens": 16, "frequency_penalty": 1.0}))
    with pytest.raises(SetupError, match="frequency_penalty"):
        await subject.prepare()
    await subject.aclose()


async def test_a_key_that_happens_to_be_in_the_process_is_not_sent_to_a_strange_address(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "ambient-key-000000")
    server.play(Play.ANSWER)
    target = make_target("openai", server, key_env=None)
    subject = provider(target)
    await subject.complete(make_request(target), deadline_s=20)
    await subject.aclose()
    assert [received.key for received in server.requests] == ["none"]


async def test_keys_under_the_names_that_litellm_reads_are_handed_over(server: ModelServer) -> None:
    server.play(Play.ANSWER)
    environment = {"AZURE_API_KEY": "azure-key-123456", "AZURE_API_VERSION": "2024-10-21"}
    target = Target(
        model="azure/my-deployment", env=tuple(environment), api_base=server.url, params={"max_tokens": 16}
    )
    subject = LiteLLMProvider(environment=environment, redactor=Redactor(environment), targets=(target,))
    await subject.prepare()
    reply = await subject.complete(make_request(target), deadline_s=20)
    await subject.aclose()
    assert reply.type == "answer", reply
    assert server.requests[0].headers["api-key"] == "azure-key-123456"
    assert "api-version=2024-10-21" in server.requests[0].path
    assert reply.latency_ms is not None
