"""Phrase-level and structural differences, bounded in time whatever a model says."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.core.canonical import canonical_json

TOKEN_CAP = 2_000
"""Words of one side that are compared; past it only the common beginning and end are found."""
EDIT_CAP = 500
"""Edits that are looked for. Myers' search costs the square of it, so two unrelated texts stay cheap."""
ROW_CAP = 120
"""Rows of a structural difference."""
DEPTH_CAP = 12
"""Levels that a structural difference opens; deeper values are shown as they stand."""

_TOKEN = re.compile(r"\s+|\w+|[^\w\s]")
_SHORT = 8
"""An equal run of fewer characters between two changes reads as part of one changed phrase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A run that both sides share, or a phrase in which they differ; either side of it may be empty."""

    equal: bool
    reference: str
    candidate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseDiff:
    """Two texts cut into runs: joining one side of all segments gives that text back."""

    segments: tuple[Segment, ...]
    coarse: bool
    """True where the middle was too long or too different to look into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureRow:
    """One path of a JSON value on both sides; None where it is not present."""

    path: str
    reference: str | None
    candidate: str | None
    depth: int

    @property
    def equal(self) -> bool:
        """Tell whether both sides hold the same."""
        return self.reference == self.candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureDiff:
    """Two JSON values path by path."""

    rows: tuple[StructureRow, ...]
    rows_left_out: int


def phrase_diff(reference: str, candidate: str) -> PhraseDiff:
    """Compare two texts word by word and join what changed into phrases.

    Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), after the common beginning and end
    are taken off, with caps on words and on edits.
    """
    before, after = _TOKEN.findall(reference), _TOKEN.findall(candidate)
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    middle_before, middle_after = before[start : len(before) - end], after[start : len(after) - end]
    matches: list[tuple[int, int]] | None = None
    if len(middle_before) <= TOKEN_CAP and len(middle_after) <= TOKEN_CAP:
        matches = _matches(middle_before, middle_after)
    segments = [
        _segment(before[:start], before[:start], equal=True),
        *_runs(middle_before, middle_after, matches or []),
        _segment(before[len(before) - end :], after[len(after) - end :], equal=True),
    ]
    return PhraseDiff(segments=tuple(_phrases(segments)), coarse=matches is None)


def structure_diff(reference: object, candidate: object, shorten: int = 300) -> StructureDiff:
    """Compare two JSON values by path; values are canonical JSON cut to `shorten` characters."""
    rows: list[StructureRow] = []
    left_out = 0
    for path, depth, old, new in _paths(reference, candidate):
        if len(rows) < ROW_CAP:
            rows.append(
                StructureRow(
                    path=path, depth=depth, reference=_value(old, shorten), candidate=_value(new, shorten)
                )
            )
        else:
            left_out += 1
    return StructureDiff(rows=tuple(rows), rows_left_out=left_out)


def parse_structure(text: str, most: int = 20_000) -> Mapping[str, object] | Sequence[object] | None:
    """Return the JSON object or array that `text` is, or None where it is something else or longer than `most`."""
    if len(text) > most or not text.lstrip().startswith(("{", "[")):
        return None
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


class _Absent:
    """Stands for a path that one side does not have."""


_ABSENT = _Absent()


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _common(before: Sequence[str], after: Sequence[str]) -> int:
    shorter = min(len(before), len(after))
    return next((i for i in range(shorter) if before[i] != after[i]), shorter)


def _matches(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]] | None:
    """Pair equal tokens along a shortest edit script, or return None past the cap on edits."""
    frontier = {1: 0}
    steps: list[dict[int, int]] = []
    for edits in range(min(len(before) + len(after), EDIT_CAP) + 1):
        steps.append(frontier)
        reached: dict[int, int] = {}
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and frontier.get(k - 1, -1) < frontier.get(k + 1, -1))
            x = frontier[k + 1] if down else frontier[k - 1] + 1
            y = x - k
            while x < len(before) and y < len(after) and before[x] == after[y]:
                x, y = x + 1, y + 1
            reached[k] = x
            if x >= len(before) and y >= len(after):
                return _walk_back(steps, len(before), len(after))
        frontier = reached
    return None


def _walk_back(steps: Sequence[Mapping[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for edits in range(len(steps) - 1, -1, -1):
        frontier, k = steps[edits], x - y
        down = k == -edits or (k != edits and frontier.get(k - 1, -1) < frontier.get(k + 1, -1))
        from_k = k + 1 if down else k - 1
        from_x = frontier.get(from_k, 0) if edits else 0
        from_y = from_x - from_k if edits else 0
        while x > from_x and y > from_y:
            x, y = x - 1, y - 1
            pairs.append((x, y))
        x, y = from_x, from_y
    return pairs[::-1]


def _runs(
    before: Sequence[str], after: Sequence[str], matches: Sequence[tuple[int, int]]
) -> Iterator[Segment]:
    x = y = 0
    for match_x, match_y in matches:
        if match_x > x or match_y > y:
            yield _segment(before[x:match_x], after[y:match_y], equal=False)
        yield _segment([before[match_x]], [after[match_y]], equal=True)
        x, y = match_x + 1, match_y + 1
    yield _segment(before[x:], after[y:], equal=False)


def _segment(before: Sequence[str], after: Sequence[str], *, equal: bool) -> Segment:
    return Segment(equal=equal, reference="".join(before), candidate="".join(after))


def _phrases(segments: Sequence[Segment]) -> Iterator[Segment]:
    """Join neighbours of a kind, and swallow short equal runs between two changes."""
    runs = list(_joined(iter(segments)))
    last = len(runs) - 1
    swallowed = _joined(
        Segment(equal=False, reference=run.reference, candidate=run.candidate)
        if run.equal
        and 0 < place < last
        and len(run.reference.strip()) < _SHORT
        and "\n" not in run.reference
        else run
        for place, run in enumerate(runs)
    )
    yield from _joined(part for run in swallowed for part in ((run,) if run.equal else _without_margins(run)))


def _without_margins(run: Segment) -> Iterator[Segment]:
    """Take the spaces that both sides begin or end with out of a changed phrase."""
    before, after = run.reference, run.candidate
    start = min(_common(before, after), len(before) - len(before.lstrip()))
    before, after = before[start:], after[start:]
    end = min(_common(before[::-1], after[::-1]), len(before) - len(before.rstrip()))
    yield _segment([run.reference[:start]], [run.candidate[:start]], equal=True)
    changed = Segment(equal=False, reference=before[: len(before) - end], candidate=after[: len(after) - end])
    if changed.reference or changed.candidate:
        yield changed
    yield _segment([before[len(before) - end :]], [after[len(after) - end :]], equal=True)


def _joined(segments: Iterator[Segment]) -> Iterator[Segment]:
    kind: bool | None = None
    before: list[str] = []
    after: list[str] = []
    for segment in segments:
        if not segment.reference and not segment.candidate:
            continue
        if kind is not None and segment.equal is not kind:
            yield _segment(before, after, equal=kind)
            before, after = [], []
        kind = segment.equal
        before.append(segment.reference)
        after.append(segment.candidate)
    if kind is not None:
        yield _segment(before, after, equal=kind)


def _paths(reference: object, candidate: object) -> Iterator[tuple[str, int, object, object]]:
    waiting: list[tuple[str, int, object, object]] = [("", 0, reference, candidate)]
    while waiting:
        path, depth, old, new = waiting.pop()
        old_parts, new_parts = _parts(old), _parts(new)
        settled = depth > 0 and _same(old, new)
        if settled or old_parts is None or new_parts is None or depth == DEPTH_CAP:
            yield path.removeprefix(".") or "value", max(depth - 1, 0), old, new
            continue
        waiting.extend(
            (path + name, depth + 1, old_parts.get(name, _ABSENT), new_parts.get(name, _ABSENT))
            for name in reversed(dict.fromkeys((*old_parts, *new_parts)))
        )


def _same(one: object, other: object) -> bool:
    if one is _ABSENT or other is _ABSENT:
        return one is other
    return canonical_json(one) == canonical_json(other)


def _parts(value: object) -> Mapping[str, object] | None:
    if isinstance(value, Mapping):
        return {f".{name}": part for name, part in value.items()}
    if isinstance(value, list | tuple):
        return {f"[{place}]": part for place, part in enumerate(value)}
    return None


def _value(value: object, most: int) -> str | None:
    if value is _ABSENT:
        return None
    text = canonical_json(value)
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"
