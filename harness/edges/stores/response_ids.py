"""The ids of all answers in earlier runs, read from their journals as far as they have not been read before.

`response-ids.txt` is an index, safe to delete: JSON lines, an id as text, and behind a run's ids how far its
journal was read. A journal only ever grows, so what a killed or failed run recorded is found by whoever
looks next, and a cut-off index only means that a journal is read again.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from harness.core.canonical import canonical_json
from harness.edges.stores.journal import response_ids_from
from harness.edges.stores.safe_paths import open_to_append, regular_file, size_of

MOST_INDEX_BYTES = 256_000_000


@dataclass(slots=True, kw_only=True)
class _Index:
    ids: set[str] = field(default_factory=set)
    read: dict[str, int] = field(default_factory=dict)
    """Bytes of each run's journal whose ids are here."""


def seen_response_ids(index: Path, journals: Mapping[str, Path], *, root: Path) -> set[str]:
    """Return the ids in all `journals` (run to path) and those that the index remembers of runs now gone.

    Reads what is new since the last time, and adds it to the index where that can be written. Raises
    SetupError for a link or a pipe in the place of a file, DamagedRecord for an index that is too large.
    """
    known = _read(index, root)
    added: list[object] = []
    for run, path in journals.items():
        size, start = size_of(path), known.read.get(run, 0)
        if size is None or size == start:
            continue
        with suppress(FileNotFoundError):  # removed meanwhile
            found = response_ids_from(path, root, start=start if start < size else 0)
            if found.end != start:
                added += [*sorted(found.ids - known.ids), {"run": run, "bytes": found.end}]
                known.ids |= found.ids
    if added:
        # What cannot be written is only read again next time.
        with suppress(OSError):
            _append(index, root, added)
    return known.ids


def _read(index: Path, root: Path) -> _Index:
    found = _Index()
    try:
        content = regular_file(index, root, MOST_INDEX_BYTES)
    except FileNotFoundError:
        return found
    for line in content.decode("utf-8", "replace").split("\n"):
        match _value(line):
            case str() as name if name:
                found.ids.add(name)
            case {"run": str() as run, "bytes": int() as size} if size >= 0:
                found.read[run] = size
    return found


def _value(line: str) -> object:
    # A line that was cut off, or written by hand, stands for no id of a provider's.
    with suppress(ValueError, RecursionError):
        return json.loads(line)
    return None


def _append(index: Path, root: Path, entries: Iterable[object]) -> None:
    # One write, and a line end before it: neither another process nor a line cut off before can tear an id.
    lines = "".join(f"{canonical_json(entry)}\n" for entry in entries)
    with open_to_append(index, root) as file:
        file.write(f"\n{lines}".encode("utf-8", "backslashreplace"))
