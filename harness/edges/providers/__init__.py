"""Who answers requests, by name. Nothing here imports a provider."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Protocol

from harness.core.suite import Target
from harness.edges.redaction import Redactor
from harness.ports import Provider
from harness.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a provider may need to know of the project and the run; each takes what it uses."""

    root: Path
    environment: Mapping[str, str]
    redactor: Redactor
    night: date
    run: str
    max_response_bytes: int


class ProviderFactory(Protocol):
    """A provider's class."""

    def build(self, targets: Sequence[Target], surroundings: Surroundings) -> Provider:
        """Make the provider of `targets`, all of which are its own."""
        ...


PROVIDERS: Registry[ProviderFactory] = Registry(
    kind="provider",
    group="harness.providers",
    table={
        "litellm": "harness.edges.providers.litellm:LiteLLMProvider",
        "direct": "harness.edges.providers.direct:DirectProvider",
        "simulated": "harness.edges.providers.simulated:SimulatedProvider",
        "recorded": "harness.edges.providers.recorded:RecordedProvider",
    },
)


def provider_name(target: Target) -> str:
    """Name the provider that calls a target: the one its model begins with, else LiteLLM."""
    return _named_by(target.model.partition("/")[0])


@cache
def _named_by(prefix: str) -> str:
    return prefix if PROVIDERS.knows(prefix) else "litellm"
