"""The project's configuration: the only place that names models, endpoints, key variables and gates."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from harness.core.canonical import Record
from harness.core.policy import Gates, Limits, Policy
from harness.core.suite import Identifier, Target


class EncoderSpec(Record):
    """What turns a text into a vector. The library's own `hashed` needs nothing; others need an extra or a key."""

    name: str = "hashed"
    """hashed, sentence-transformers/MODEL, or litellm/PROVIDER/MODEL."""
    revision: str | None = None
    """Commit of the weights; needed for sentence-transformers."""
    path: str | None = None
    """Folder with the weights, where they do not come from a hub; file hashes are checked all the same."""
    key_env: str | None = None
    api_base: str | None = None

    @property
    def kind(self) -> str:
        """Name of the encoder that reads this."""
        return self.name.split("/", 1)[0]


class SuiteSpec(Record):
    """Where a suite's cases are, and who answers them."""

    path: str
    """Folder below the project's root."""
    targets: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    samples: Annotated[int, Field(ge=1, le=50)] = 3


class StoreSpec(Record):
    """What a baseline keeps of the answers."""

    text: Literal["full", "digest"] = "full"


class Config(Record):
    """`drift.yaml`."""

    version: Literal[1]
    targets: Annotated[Mapping[Identifier, Target], Field(min_length=1)]
    suites: Annotated[Mapping[Identifier, SuiteSpec], Field(min_length=1)]
    encoder: EncoderSpec = EncoderSpec()
    policy: Literal["standard"] = "standard"
    gates: Gates = Gates()
    limits: Limits = Limits()
    store: StoreSpec = StoreSpec()

    @model_validator(mode="after")
    def _names_exist(self) -> "Config":
        for name, target in self.targets.items():
            if target.baseline_of is not None and target.baseline_of not in self.targets:
                raise ValueError(
                    f"target '{name}' compares with '{target.baseline_of}', which is not a target"
                )
        for name, suite in self.suites.items():
            for target_name in suite.targets:
                if target_name not in self.targets:
                    raise ValueError(f"suite '{name}' names the target '{target_name}', which is not defined")
        return self

    def decision_policy(self) -> Policy:
        """Gather everything that decides."""
        return Policy(name=self.policy, gates=self.gates, limits=self.limits)
