"""What decides: the false-alarm budget, gates and coverage."""

from typing import Annotated, Literal

from pydantic import Field

from harness.core.canonical import Record, digest
from harness.core.suite import Share


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


class Policy(Record):
    """How findings become a verdict."""

    name: str = "standard"
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.01
    """False alarms a night, per target, over all signals."""
    permutations: Annotated[int, Field(ge=99, le=99_999)] = 999
    learning_below: Annotated[int, Field(ge=1)] = 5
    """Fewer baseline nights than this give no verdict."""
    armed_from: Annotated[int, Field(ge=1)] = 14
    confirm: bool = True
    gates: Gates = Gates()
    limits: Limits = Limits()

    @property
    def digest(self) -> str:
        """Digest of everything that decides."""
        return digest(self.model_dump(mode="json"))
