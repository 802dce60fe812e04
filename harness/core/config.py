"""The project's configuration: the only place that names models, endpoints, key variables and gates."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from harness.core.canonical import Record
from harness.core.judging.anchors import FEWEST_ANCHORS, MOST_ANCHORS
from harness.core.policy import Gates, Limits, Policy, Severities
from harness.core.suite import Identifier, Target, VariableName


def _below_the_root(text: str) -> str:
    """Spell a path, or a glob of paths, as git does: without `./`, a doubled or a last slash."""
    path = PurePosixPath(text)
    if not text or path.is_absolute() or ".." in path.parts:
        raise ValueError("expected a path below the project's root, such as golden/, without '..'")
    return path.as_posix()


ProjectPath = Annotated[str, AfterValidator(_below_the_root)]


class EncoderSpec(Record):
    """What turns a text into a vector. The library's own `hashed` needs nothing; others need an extra or a key."""

    name: str = "hashed"
    """hashed, sentence-transformers/MODEL, or litellm/PROVIDER/MODEL."""
    revision: str | None = None
    """Commit of the weights; needed for sentence-transformers."""
    path: str | None = None
    """Folder with the weights, where they do not come from a hub; file hashes are checked all the same."""
    key_env: VariableName | None = None
    api_base: str | None = None

    @property
    def kind(self) -> str:
        """Name of the encoder that reads this."""
        return self.name.split("/", 1)[0]


class SuiteSpec(Record):
    """Where a suite's cases are, and who answers them."""

    path: ProjectPath
    """Folder below the project's root."""
    targets: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    samples: Annotated[int, Field(ge=1, le=50)] = 3
    escalate_to: Annotated[int, Field(ge=1, le=50)] = 8
    """Of a golden suite: runs of a task that failed once, before it is called broken."""
    baseline_runs: Annotated[int, Field(ge=1, le=50)] = 12
    """Of a golden suite: runs of a task that make a full baseline."""
    affects: tuple[ProjectPath, ...] = ()
    """Of a golden suite: globs of further files and folders whose change runs all of its tasks."""


class JudgeConfig(Record):
    """Who scores answers against rubrics."""

    target: Identifier
    """Best of another family than the targets it judges."""
    both_orders: bool = True
    """Whether pairs are compared both ways round; where the two disagree it is a tie."""
    anchors: Annotated[int, Field(ge=FEWEST_ANCHORS, le=MOST_ANCHORS)] = MOST_ANCHORS
    """Frozen answers that are judged in every run, to see whether the judge moved."""


class StoreSpec(Record):
    """What a baseline keeps of the answers."""

    text: Literal["full", "digest"] = "full"


class HistorySpec(Record):
    """Where nights and incidents are remembered; without it in `reports/history.sqlite`."""

    url_env: VariableName | None = None
    """Name of the environment variable that holds the database's URL, such as postgresql://USER:PASSWORD@HOST/NAME."""


class WebhookSpec(Record):
    """Where incidents are posted to; names of environment variables, never their values."""

    url_env: VariableName
    """Holds the address; https, or this machine."""
    secret_env: VariableName | None = None
    """Holds what messages are signed with."""


class AppriseSpec(Record):
    """Whom apprise tells of incidents."""

    url_env: VariableName
    """Holds one or more apprise URLs, apart by spaces or lines."""


class NotifySpec(Record):
    """Who is told of incidents."""

    webhook: WebhookSpec | None = None
    apprise: AppriseSpec | None = None

    def secret_names(self) -> Iterator[str]:
        """Name the variables whose values are never shown."""
        if self.webhook is not None:
            yield self.webhook.url_env
            if self.webhook.secret_env is not None:
                yield self.webhook.secret_env
        if self.apprise is not None:
            yield self.apprise.url_env


class HeartbeatSpec(Record):
    """Who waits for a word after every scheduled run, and raises the alarm where none comes."""

    url_env: VariableName | None = None
    """Name of the environment variable that holds the URL: who knows it can send the word."""
    failures: bool = False
    """Whether a scheduled run that measured nothing is told, too: to the same URL with /fail at its end."""


class Config(Record):
    """`drift.yaml`."""

    version: Literal[1]
    targets: Annotated[Mapping[Identifier, Target], Field(min_length=1)]
    suites: Annotated[Mapping[Identifier, SuiteSpec], Field(min_length=1)]
    judge: JudgeConfig | None = None
    encoder: EncoderSpec = EncoderSpec()
    policy: Literal["standard", "strict"] = "standard"
    gates: Gates = Gates()
    severities: Severities = Severities()
    limits: Limits = Limits()
    store: StoreSpec = StoreSpec()
    history: HistorySpec = HistorySpec()
    notify: NotifySpec = NotifySpec()
    heartbeat: HeartbeatSpec = HeartbeatSpec()

    def unknown_targets(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield every name that stands for no target, after its place in the file."""
        if self.judge is not None and self.judge.target not in self.targets:
            yield ("judge", "target"), self.judge.target
        for name, target in self.targets.items():
            if target.baseline_of is not None and target.baseline_of not in self.targets:
                yield ("targets", name, "baseline_of"), target.baseline_of
        for name, suite in self.suites.items():
            for index, target_name in enumerate(suite.targets):
                if target_name not in self.targets:
                    yield ("suites", name, "targets", index), target_name

    def repeated_targets(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield every target that a suite names again, after its place in the file."""
        for name, suite in self.suites.items():
            for index, target_name in enumerate(suite.targets):
                if target_name in suite.targets[:index]:
                    yield ("suites", name, "targets", index), target_name

    def decision_policy(self) -> Policy:
        """Gather everything that decides."""
        return Policy(
            name=self.policy,
            plain_rules=self.policy == "strict",
            gates=self.gates,
            severities=self.severities,
            limits=self.limits,
        )
