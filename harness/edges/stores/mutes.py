"""Mutes in git: `baselines/mutes.jsonl`, canonical JSON, a mute a line, each with its own sum, read strictly."""

from collections.abc import Callable, Mapping
from pathlib import Path

from harness.core.canonical import canonical_json, digest
from harness.core.mutes import SCHEMA_VERSION, Mute
from harness.edges.stores.atomic import write_whole
from harness.edges.stores.safe_paths import inside, regular_file
from harness.edges.stores.untrusted_json import parse_untrusted
from harness.errors import CannotWrite, DamagedRecord, OtherVersion, one_line
from harness.ports import BaselineStore

NAME = "mutes.jsonl"
MOST_BYTES = 4_000_000
_RESTORE = "restore it with git checkout"


class FileMuteStore:
    """Reads and adds to `baselines/mutes.jsonl`, behind the same lock as the baselines beside it."""

    def __init__(self, folder: Path, baselines: BaselineStore, redact: Callable[[str], str]) -> None:
        self._path = folder / NAME
        self._root = folder.parent
        self._baselines = baselines
        self._redact = redact

    def all(self) -> tuple[Mute, ...]:
        """Return every line, in the order of the file. Raises DamagedRecord, SetupError for a link."""
        return tuple(
            _mute(line, f"{self._path}:{number}")
            for number, line in enumerate(self._content().split(b"\n")[:-1], start=1)
        )

    def add(self, mute: Mute) -> Path:
        """Add a line; return the file. Raises DamagedRecord where what is there cannot be read, MeasurementError."""
        said = {"reason": self._redact(mute.reason), "by": self._redact(mute.by)}
        mute = mute.model_copy(update=said)
        line = canonical_json(_summed(mute)).encode("utf-8", "backslashreplace") + b"\n"
        _mute(line[:-1], "the new line")
        with self._baselines.locked():
            self.all()
            inside(self._root, self._path.parent)
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise CannotWrite(f"cannot make {self._path.parent}: {error.strerror}") from error
            write_whole(self._path, self._content() + line, root=self._root)
        return self._path

    def _content(self) -> bytes:
        try:
            content = regular_file(self._path, self._root, MOST_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return b""
        if content and not content.endswith(b"\n"):
            raise DamagedRecord(f"{self._path}: cut off; {_RESTORE}")
        return content


def _summed(mute: Mute) -> Mapping[str, object]:
    held = mute.model_dump(mode="json")
    return {**held, "sum": digest(held)}


def _mute(line: bytes, place: str) -> Mute:
    if line.startswith((b"<<<<<<<", b"=======", b">>>>>>>")):
        raise DamagedRecord(f"{place}: holds merge-conflict markers; keep the lines of both sides")
    try:
        held = parse_untrusted(line)
        if not isinstance(held, dict):
            raise TypeError("not an object")
        claimed = held.pop("sum")
        if held.get("schema_version") != SCHEMA_VERSION:
            raise OtherVersion(
                f"{place}: schema {one_line(str(held.get('schema_version'))[:20])}, this drift reads "
                f"{SCHEMA_VERSION}; use the version that wrote it"
            )
        mute = Mute.model_validate(held)
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedRecord(f"{place}: no mute ({one_line(str(error))[:120]}); {_RESTORE}") from error
    written = canonical_json(_summed(mute)).encode("utf-8", "backslashreplace")
    if digest(held) != claimed or written != line:
        raise DamagedRecord(f"{place}: edited by hand; {_RESTORE}, and use `drift mute`")
    return mute
