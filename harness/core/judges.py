"""Judges by name, loaded where a run has one: most have none."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from harness.core.replies import Answer, Failure
from harness.core.run import RunRecord
from harness.registry import Registry

JudgeReader: TypeAlias = Callable[[RunRecord, Mapping[str, Answer | Failure]], RunRecord]
"""Reads out of a run's calls what the judge said; the record comes back with it."""

JUDGES: Registry[JudgeReader] = Registry(
    kind="judge", group="harness.judges", table={"llm": "harness.core.judged_runs:with_judged"}
)


def read_judge(record: RunRecord, completions: Mapping[str, Answer | Failure]) -> RunRecord:
    """Return a record with what its judge said, where it has one."""
    return record if record.manifest.judge is None else JUDGES.load("llm")(record, completions)
