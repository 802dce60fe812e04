"""A new provider is one file and one line in the table."""

import sys
from datetime import date
from pathlib import Path

import pytest

from harness.core.suite import Target
from harness.edges.providers import PROVIDERS, Surroundings, provider_name
from harness.edges.redaction import Redactor
from harness.errors import HarnessError
from harness.ports import Provider


@pytest.fixture
def surroundings(tmp_path: Path) -> Surroundings:
    return Surroundings(
        root=tmp_path,
        environment={},
        redactor=Redactor({}),
        night=date(2026, 10, 1),
        run="r",
        max_response_bytes=1000,
    )


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("anthropic/x", "litellm"),
        ("openai/gpt-5.2", "litellm"),
        ("litellm/x", "litellm"),
        ("simulated/steady", "simulated"),
        ("direct/x", "direct"),
        ("recorded/x", "recorded"),
    ],
)
def test_the_beginning_of_a_model_names_its_provider(model: str, provider: str) -> None:
    assert provider_name(Target(model=model)) == provider


@pytest.mark.parametrize("name", PROVIDERS.names())
def test_every_provider_is_made_in_the_same_way_and_finds_an_unknown_option_without_a_call(
    name: str, surroundings: Surroundings
) -> None:
    target = Target(model=f"{name}/steady", options={"no_such_option": 1})
    provider = PROVIDERS.load(name).build((target,), surroundings)
    assert isinstance(provider, Provider)
    with pytest.raises(HarnessError, match="no_such_option"):
        provider.check()


def test_a_recording_that_is_not_there_is_found_without_a_call(surroundings: Surroundings) -> None:
    provider = PROVIDERS.load("recorded").build((Target(model="recorded/nowhere.jsonl"),), surroundings)
    with pytest.raises(HarnessError, match="no such recording"):
        provider.check()


def test_a_third_party_adds_one_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "another_provider-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: another-provider\nVersion: 1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(
        "[harness.providers]\nanother = another_provider:Another\n", encoding="utf-8"
    )
    (tmp_path / "another_provider.py").write_text("class Another: pass\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert provider_name(Target(model="another/model")) == "another"
    assert "another_provider" not in sys.modules, "named, and not yet imported"
