"""Reports: one view of a run and its verdict, and one renderer per format."""

from collections.abc import Callable

from harness.core.run import RunRecord
from harness.core.verdict import Verdict
from harness.registry import Registry

__all__ = ["COLOURED", "FORMATS"]

FORMATS: Registry[Callable[[RunRecord, Verdict], str]] = Registry(
    kind="format",
    group="harness.formats",
    table={
        "text": "harness.reporting.text:render",
        "json": "harness.reporting.json_format:render",
        "html": "harness.reporting.html:render",
        "markdown": "harness.reporting.markdown:render",
        "comment": "harness.reporting.comment:render",
        "junit": "harness.reporting.junit:render",
        "sarif": "harness.reporting.sarif:render",
        "github": "harness.reporting.github:render",
    },
)
COLOURED: Registry[Callable[[RunRecord, Verdict], str]] = Registry(
    kind="format in colour",
    group="harness.coloured_formats",
    table={"text": "harness.reporting.text:render_in_colour"},
)
"""What is written otherwise on a terminal that wants colour."""
