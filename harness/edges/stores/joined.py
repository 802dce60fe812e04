"""The journals of several runs as the beginning of one: line by line, as they were written."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness.edges.stores.atomic import write_whole
from harness.edges.stores.journal import read_journal
from harness.edges.stores.safe_paths import open_regular, size_of
from harness.errors import DamagedRecord

MOST_JOINED_BYTES = 2_000_000_000


def join_journals(
    into: Path, journals: Sequence[tuple[Path, Path]], *, root: Path, redact: Callable[[str], str]
) -> None:
    """Write all whole lines of `journals`, each with what it may not lead out of, to `into`.

    They are checked first: a line that does not add up raises DamagedRecord, and so does one that holds what this
    project keeps secret, which its writer would have taken out.
    """
    lines = b"".join(line for path, own_root in journals for line in _lines(path, own_root, redact))
    write_whole(into, lines, root=root)


def _lines(path: Path, root: Path, redact: Callable[[str], str]) -> Iterator[bytes]:
    if size_of(path) is None:
        return
    whole = read_journal(path, root).good_bytes
    if whole > MOST_JOINED_BYTES:
        raise DamagedRecord(f"{path}: larger than any journal that can be merged; start a new run")
    with open_regular(path, root) as file:
        while whole > 0:
            line = file.readline(whole)
            whole -= len(line)
            text = line.decode("utf-8", "replace")
            if not line or redact(text) != text:
                raise DamagedRecord(
                    f"{path}: holds what this project keeps secret, or changed while it was read; merge it again, "
                    "or start a new run"
                )
            yield line
