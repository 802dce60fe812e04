"""What decides: the false-alarm budget, gates and coverage."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from harness.core.canonical import Record, digest
from harness.core.suite import CaseKind, Share

IncidentSeverity: TypeAlias = Literal["P0", "P1", "P2", "P3"]
"""How urgent a drift is: P0 wakes somebody, P3 is read some day."""
FROM_MOST_URGENT = ("P0", "P1", "P2", "P3")
OF_THE_MAKING = frozenset(
    {
        "name",
        "confirm_after",
        "limits.max_cost_usd",
        "limits.max_minutes",
        "limits.concurrency",
        "limits.timeout_s",
        "limits.max_response_bytes",
    }
)
"""Fields that hold while a run is made, and decide nothing of it afterwards."""


class Gates(Record):
    """What a finding does to the exit code."""

    regression: Literal["fail", "warn"] = "fail"
    inconclusive: Literal["fail", "warn"] = "fail"
    stale_baseline: Literal["fail", "warn"] = "fail"
    undirected_drift: Literal["fail", "warn"] = "fail"
    latency_ratio: Annotated[float, Field(gt=1)] = 2.0
    tokens_ratio: Annotated[float, Field(gt=1)] = 2.0
    judge_drop_points: Annotated[float, Field(gt=0, le=100)] = 20


class Limits(Record):
    """What a run may cost and take, and how much of it must come back."""

    max_cost_usd: Annotated[float, Field(ge=0)] = 2.00
    max_minutes: Annotated[float, Field(gt=0)] = 20
    min_coverage: Share = 2 / 3
    """Share of calls that must give an answer; text such as 2/3 is read as a fraction."""
    min_cases: Share = 3 / 4
    """Share of cases that must have at least one answer."""
    concurrency: Literal["auto"] | Annotated[int, Field(ge=1, le=1000)] = "auto"
    timeout_s: Annotated[float, Field(gt=0)] = 120
    """Total deadline of one call, its retries included."""
    max_response_bytes: Annotated[int, Field(ge=1000)] = 4_000_000


class KindSeverities(Record):
    """How urgent a drift is that is seen in cases of a kind; None leaves it to what drifted."""

    structure: IncidentSeverity | None = None
    refusal: IncidentSeverity | None = None
    reasoning: IncidentSeverity | None = None
    tool: IncidentSeverity | None = None
    edge: IncidentSeverity | None = None


class Severities(Record):
    """How urgent an incident is, by what drifted."""

    contract: IncidentSeverity = "P0"
    """A broken contract."""
    regression: IncidentSeverity = "P1"
    """A change for the worse."""
    undirected: IncidentSeverity = "P2"
    """A change without a direction."""
    warned: IncidentSeverity = "P3"
    """What the gates only warn of."""
    kinds: KindSeverities = KindSeverities()
    """Instead of these, where the cases named are of such a kind."""

    def of_kind(self, kind: CaseKind) -> IncidentSeverity | None:
        """Return what a kind of case says by itself; None where it says nothing."""
        return getattr(self.kinds, kind.value, None)


class Policy(Record):
    """How findings become a verdict."""

    name: str = "standard"
    plain_rules: bool = False
    """Whether the plain rules fail a run, too: over 30 % of hashes, any pass to fail, any ratio over its gate, any drop
    over its gate. They know no noise, and alarm on it. `policy: strict` in drift.yaml."""
    alpha: Annotated[float, Field(ge=1e-6, lt=0.5)] = 0.0075
    """Level of a night's drift, per target and over all signals: tonight with its confirmation, and the window."""
    screen: Annotated[float, Field(ge=1e-6, lt=1)] = 0.15
    """Level at which a confirmation is asked for, over all signals; about half as many nights ask."""
    window_nights: Annotated[int, Field(ge=2, le=30)] = 5
    """Measured nights, tonight included, whose mean is tested too."""
    learning_below: Annotated[int, Field(ge=1)] = 5
    """Fewer baseline nights than this give no verdict."""
    armed_from: Annotated[int, Field(ge=1)] = 14
    confirm: bool = True
    """False where a single batch decides, at the level of drift."""
    confirm_after: Annotated[str, Field(pattern=r"^(now|next-run|[1-9][0-9]{0,2}[mh])$")] = "now"
    """When what strayed is asked again: now, at least so long after (90m, 1h), or by the next scheduled run."""
    suite_level: Annotated[float, Field(ge=1e-6, lt=0.5)] = 0.015
    """Of a golden suite: level of the test over all tasks."""
    task_level: Annotated[float, Field(ge=1e-6, lt=0.5)] = 0.05
    """Of a golden suite: false discovery rate over the tasks."""
    gates: Gates = Gates()
    severities: Severities = Severities()
    limits: Limits = Limits()

    @property
    def confirm_after_minutes(self) -> int:
        """Return how long a confirmation has to wait; 0 where it need not."""
        if self.confirm_after in ("now", "next-run"):
            return 0
        return int(self.confirm_after[:-1]) * (60 if self.confirm_after.endswith("h") else 1)

    @property
    def digest(self) -> str:
        """Digest of everything that decides."""
        return digest(self.model_dump(mode="json"))

    def deciding(self) -> Mapping[str, object]:
        """Return the fields that decide, by dotted name: equal ones decide every run alike."""
        held = _flat(self.model_dump(mode="json"))
        return {name: value for name, value in held.items() if name not in OF_THE_MAKING}

    def differences(self, ours: "Policy") -> tuple[str, ...]:
        """Name every field that decides and is another one in `ours`, with both values."""
        here = ours.deciding()
        return tuple(
            f"{name} {value} (here {here[name]})"
            for name, value in self.deciding().items()
            if value != here[name]
        )


def _flat(values: Mapping[str, object], path: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in values.items():
        found |= _flat(value, f"{path}{name}.") if isinstance(value, Mapping) else {path + name: value}
    return found
