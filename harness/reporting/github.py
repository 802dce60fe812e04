"""Annotations for GitHub Actions: workflow commands on stdout, at most ten of a kind, on the prompt's lines.

Only the commands written here are commands: what a model or a stranger wrote never begins a line, and what is put
into a command is escaped as the runner reads it back.
"""

from collections.abc import Iterator

from harness.core.run import RunRecord
from harness.core.verdict import Verdict
from harness.reporting.escape import log_safe, one_line, visible
from harness.reporting.points import Level, Place, Point, points_of
from harness.reporting.text import render as render_text

MOST_OF_A_KIND = 10
"""As many as GitHub shows of one step."""
_LONGEST = 1_000
_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def render(record: RunRecord, verdict: Verdict) -> str:
    """Render the summary for a log, and under it the annotations."""
    lines = "".join(f"{line}\n" for line in annotations(points_of(verdict, record.manifest)))
    return log_safe(visible(render_text(record, verdict))) + lines


def annotations(points: tuple[Point, ...]) -> Iterator[str]:
    """Write points as workflow commands; where there are too many of a kind, the last says how many more."""
    for level in Level:
        found = [point for point in points if point.level is level]
        shown = found if len(found) <= MOST_OF_A_KIND else found[: MOST_OF_A_KIND - 1]
        yield from (_command(point) for point in shown)
        if len(shown) < len(found):
            yield f"::{_COMMANDS[level]} title=drift::{len(found) - len(shown):,} more of this kind in the report"


def _command(point: Point) -> str:
    where = [part for part in (point.target, point.case) if part]
    properties = {"title": " ".join(["drift", point.rule.value, *where]), **_position(point)}
    written = ",".join(f"{name}={_escaped(value, 200, _PROPERTY)}" for name, value in properties.items())
    said = f"{point.message} {point.mend}".strip()
    return f"::{_COMMANDS[point.level]} {written}::{_escaped(said, _LONGEST, _DATA)}"


def _position(point: Point) -> dict[str, str]:
    place = point.place or (Place(path=point.task_file) if point.task_file else None)
    if place is None:
        return {}
    found = {"file": place.path}
    if place.line is not None:
        found["line"] = str(place.line)
    if place.end_line is not None:
        found["endLine"] = str(place.end_line)
    return found


def _escaped(text: str, most: int, table: dict[int, str]) -> str:
    return log_safe(one_line(text, most)).translate(table)
