"""Who answers requests, by name. Nothing here imports a provider."""

from collections.abc import Callable

from harness.ports import Provider
from harness.registry import Registry

PROVIDERS: Registry[Callable[..., Provider]] = Registry(
    kind="provider",
    group="harness.providers",
    table={
        "litellm": "harness.edges.providers.litellm:LiteLLMProvider",
        "direct": "harness.edges.providers.direct:DirectProvider",
        "simulated": "harness.edges.providers.simulated:SimulatedProvider",
        "recorded": "harness.edges.providers.recorded:RecordedProvider",
    },
)
