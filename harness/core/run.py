"""All that a run gathered: enough to decide and to render it again, anywhere, without a call."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.core.batch import Baseline, Batch
from harness.core.canonical import Record
from harness.core.judging.records import Judged
from harness.core.past import PastNight
from harness.core.policy import Policy
from harness.core.replies import Answer, Failure
from harness.core.shard import Shard
from harness.core.suite import Case, Suite, Target
from harness.core.upgrade_records import UpgradeSides
from harness.core.verdict import OpenIncident

SCHEMA_VERSION = 2
"""2: a manifest holds a sum over its own bytes."""


class RunKind(StrEnum):
    """Why a run was made."""

    CHECK = "check"
    CALIBRATE = "calibrate"
    AGREE = "agree"
    """Two targets side by side; nothing is compared with a baseline."""
    UPGRADE = "upgrade"
    """Two targets beside each other."""


class RunTarget(Record):
    """One target of a run, and whose baseline it is compared with."""

    name: str
    target: Target
    baseline_of: str
    provider: str
    provider_version: str
    latency_at_transport: bool = True


class JudgeSetup(Record):
    """Who judges a run, as the trusted configuration says."""

    name: str
    """Of the target."""
    target: Target
    both_orders: bool
    anchors: int


class PullRequest(Record):
    """What a run on a pull request is compared with, and what the pull request changes."""

    ref: str
    """As it was named, such as origin/main."""
    base: str
    """Commit of the merge base: targets, gates and limits, references and rules come from it."""
    changed: tuple[str, ...]
    """Files that differ from the merge base and have to do with the suite."""
    config_changed: tuple[str, ...] = ()
    """Targets of the suite that drift.yaml defines otherwise than the merge base does."""
    trust_head: bool = False
    """Targets, gates and limits come from the head: only for a maintainer's own run."""
    untouched: int = 0
    """Tasks that nothing in the pull request has to do with, so that they were not asked."""
    deleted: tuple[str, ...] = ()
    """Tasks that the merge base has and the head has not."""

    @property
    def options(self) -> str:
        """Return what names it on the command line."""
        return f"--since {shlex.quote(self.ref)}{' --trust-head' if self.trust_head else ''}"


def resume_command(kind: RunKind, suite: str, run: str, pull: PullRequest | None) -> str:
    """Return the command that goes on with a run."""
    if kind is RunKind.AGREE:
        return f"drift agree --suite {shlex.quote(suite)} --resume {shlex.quote(run)}"
    if kind is RunKind.UPGRADE:
        return f"drift upgrade --resume {shlex.quote(run)}"
    since = [pull.options] if pull is not None else []
    return " ".join(["drift", kind, shlex.quote(suite), *since, "--resume", shlex.quote(run)])


class Manifest(Record):
    """What a run set out to do, and with what. Written before the first call."""

    schema_version: int = SCHEMA_VERSION
    run: str
    kind: RunKind
    suite: Suite
    targets: tuple[RunTarget, ...]
    samples: int
    night: str
    """UTC date that the run counts for."""
    scheduled: bool
    """Only scheduled runs are nights; a run by hand never becomes part of a window or a baseline of nights."""
    started_at: str
    """UTC, ISO 8601."""
    plan: str
    """Digest of the plan; a resumed run must have the same."""
    encoder: str
    """Digest of the encoder."""
    encoder_name: str
    policy: Policy
    commit: str | None = None
    versions: Mapping[str, str] = Field(default_factory=dict)
    """Of drift, Python, and what calls the models."""
    estimate_usd: float | None = None
    confirm: bool = True
    escalate_to: Annotated[int, Field(ge=1, le=100)] | None = None
    """Of a golden suite: so many runs of a task before it is called broken."""
    base_cases: tuple[Case, ...] = ()
    """Of a pull request: the tasks as the merge base has them, prompt files and rules."""
    pull: PullRequest | None = None
    judge: JudgeSetup | None = None
    """None where no case has a rubric, or nobody is configured to judge."""
    upgrade: UpgradeSides | None = None
    """Of a comparison of two targets; its cases may be from several suites."""
    shard: Shard | None = None
    """The part of `suite` that is asked; `suite` and `plan` are those of the whole run."""
    merged: tuple[str, ...] = ()
    """The shards that a merged run is made of."""

    @property
    def resumed_by(self) -> str:
        """Return the command that goes on with the run."""
        return resume_command(self.kind, self.suite.name, self.run, self.pull)


class RunEnd(Record):
    """How a run ended. Absent while it runs, and after a kill."""

    finished_at: str
    duration_s: float
    cost_usd: float | None = None
    stopped: str | None = None
    """Why it ended early: a signal, the budget, the time cap."""
    possibly_billed_twice: tuple[str, ...] = ()
    """Keys of calls that were in flight when an earlier attempt was killed."""


class LostNight(Record):
    """A night that could not be read, so that it decides nothing."""

    run: str
    night: str | None
    """None where not even that can be read."""
    why: str
    """What is wrong, in which file, and how to mend it."""


class Earlier(Record):
    """What a run takes over from the nights before it, by target name, so that it can be decided again anywhere."""

    windows: Mapping[str, tuple[Batch, ...]] = Field(default_factory=dict)
    """Measured nights, the latest first."""
    awaited: Mapping[str, Batch] = Field(default_factory=dict)
    """A night that strayed and that this run confirms."""
    incidents: Mapping[str, OpenIncident] = Field(default_factory=dict)
    """The drift that was open when the run began."""
    proposed: Mapping[str, Baseline] = Field(default_factory=dict)
    """Of a pull request: the baselines that it brings."""
    lost: Mapping[str, tuple[LostNight, ...]] = Field(default_factory=dict)
    """Nights that would have decided with this one, or may have drifted, and could not be read; the latest first."""
    past: Mapping[str, tuple[PastNight, ...]] = Field(default_factory=dict)
    """The last month as it was decided at the time, oldest first: drawn, and never decided with."""


@dataclass(slots=True, kw_only=True)
class JournalState:
    """What a journal holds."""

    completions: dict[str, Answer | Failure] = field(default_factory=dict)
    in_flight: list[str] = field(default_factory=list)
    """Keys of calls that left and whose completion was never written."""
    repeated: list[str] = field(default_factory=list)
    """Keys of calls that left again after an earlier attempt was killed: possibly billed twice."""
    end: RunEnd | None = None
    """None where calls left after the last end, too."""
    ended_before: bool = False
    """Any attempt came to its end."""
    good_bytes: int = 0
    """Size without a cut-off last line."""


@dataclass(frozen=True, kw_only=True)  # no slots, which would leave no room for what is worked out once
class RunRecord:
    """A run folder, read."""

    manifest: Manifest
    end: RunEnd | None
    batches: Mapping[str, Batch]
    """By target name; samples of all rounds."""
    references: Mapping[str, Baseline]
    """By target name; a target without a baseline has none."""
    stale: Mapping[str, str]
    """Targets whose baseline could not be compared, with the reason."""
    vectors: Mapping[str, NDArray[np.float32]]
    """Unit vectors by digest of the measured text."""
    earlier: Earlier = field(default_factory=Earlier)
    """The nights before this one that it is decided with."""
    judged: Mapping[str, Judged] = field(default_factory=dict)
    """What a judge said, by target name."""

    @cached_property
    def cases(self) -> Mapping[str, Case]:
        """The cases by id."""
        return {case.id: case for case in self.manifest.suite.cases}
