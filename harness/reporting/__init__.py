"""Reports: one view of a run and its verdict, and one renderer per format."""

from collections.abc import Callable

from harness.core.run import RunRecord
from harness.core.verdict import Verdict
from harness.registry import Registry

__all__ = ["FORMATS"]

FORMATS: Registry[Callable[[RunRecord, Verdict], str]] = Registry(
    kind="format",
    group="harness.formats",
    table={
        "text": "harness.reporting.text:render",
        "json": "harness.reporting.json_format:render",
        "html": "harness.reporting.html:render",
        "markdown": "harness.reporting.markdown:render",
    },
)
