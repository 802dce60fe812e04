"""Run folders: all of a run, written once.

::

    reports/<run>/
        manifest.json         what the run set out to do; written before the first call
        reference.json.gz     the baselines it compares with
        journal.jsonl         every call, and how the run ended
        vectors.npz           vectors of the texts that were compared
        verdict.json, report.html, …   renderings
    reports/response-ids.txt  ids of answers seen so far; can be rebuilt from the journals
"""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from harness.core.assembly import assemble
from harness.core.batch import Baseline
from harness.core.canonical import canonical_json
from harness.core.measures import Vectors
from harness.core.replies import Answer
from harness.core.run import SCHEMA_VERSION, JournalState, Manifest, RunRecord
from harness.edges.stores.atomic import write_whole
from harness.edges.stores.journal import JournalWriter, read_journal
from harness.edges.stores.vectors import load_vectors, save_vectors
from harness.errors import DamagedRecord, MeasurementError, UsageError

MANIFEST = "manifest.json"
REFERENCE = "reference.json.gz"
JOURNAL = "journal.jsonl"
VECTORS = "vectors.npz"
RESPONSE_IDS = "response-ids.txt"
LOCK = ".journal.lock"


class FileRunStore:
    """Reads and writes `reports/`. Everything it writes passes `redact`."""

    def __init__(self, folder: Path, *, redact: Callable[[str], str]) -> None:
        self.folder = folder
        self._redact = redact

    def create(
        self, manifest: Manifest, references: Mapping[str, Baseline], stale: Mapping[str, str]
    ) -> None:
        """Make the folder of a new run, with what it sets out to do."""
        folder = self.folder / manifest.run
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise MeasurementError(f"cannot make {folder}: {error.strerror}; nothing was asked") from error
        held = {
            "references": {name: baseline.model_dump(mode="json") for name, baseline in references.items()},
            "stale": dict(stale),
        }
        write_whole(
            folder / REFERENCE,
            gzip.compress(canonical_json(held).encode("utf-8", "backslashreplace"), mtime=0),
        )
        self.write(manifest.run, MANIFEST, manifest.model_dump_json(indent=1) + "\n")

    def journal(self, run: str, *, state: JournalState | None = None) -> JournalWriter:
        """Open a run's journal for writing; with the `state` of an earlier attempt, after its last whole line.

        Raises UsageError where another process writes it, and MeasurementError where the disk does not take it.
        """
        # Not thread-local: the journal is closed by another thread than it is opened by.
        lock = FileLock(self.folder / run / LOCK, thread_local=False)
        in_use = f"run {run} is being written by another process; wait for it, or stop it first"
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise UsageError(in_use) from error
        except OSError as error:
            raise MeasurementError(f"cannot lock run {run}: {error.strerror}") from error
        keep = state.good_bytes if state else None
        try:
            if state is not None and self.journal_state(run).good_bytes != keep:
                raise UsageError(in_use)
            return JournalWriter(self.folder / run / JOURNAL, redact=self._redact, keep_bytes=keep, lock=lock)
        except BaseException:
            lock.release()
            raise

    def journal_state(self, run: str) -> JournalState:
        """Read a run's journal; an empty one where the run was killed before its first call."""
        path = self.folder / run / JOURNAL
        return read_journal(path) if path.exists() else JournalState()

    def path(self, run: str, name: str) -> Path:
        """Return where a run keeps one of its files."""
        return self.folder / run / name

    def write(self, run: str, name: str, text: str) -> Path:
        """Write one file of a run and return its path."""
        path = self.folder / run / name
        write_whole(path, self._redact(text).encode("utf-8", "replace"))
        return path

    def write_vectors(self, run: str, vectors: Vectors) -> None:
        """Keep the vectors that a decision used, so that it can be made again anywhere."""
        save_vectors(self.folder / run / VECTORS, vectors)

    def latest(self, suite: str | None = None) -> str:
        """Name the newest run, of `suite` where one is given. Raises UsageError where there is none."""
        for run in reversed(self.names()):
            if suite is None or self.manifest(run).suite.name == suite:
                return run
        raise UsageError(f"no run in {self.folder}; make one with `drift check {suite or 'SUITE'}`")

    def names(self) -> tuple[str, ...]:
        """List the runs, oldest first: a run's name begins with its time."""
        return tuple(sorted(path.parent.name for path in self.folder.glob(f"*/{MANIFEST}")))

    def resolve(self, named: str) -> str:
        """Return the name of the run meant: a name, the unique start of one, a folder, or `last`."""
        path = Path(named)
        if (path / MANIFEST).exists():
            self.folder = path.resolve().parent
            return path.resolve().name
        if named == "last":
            return self.latest()
        found = [name for name in self.names() if name.startswith(named)]
        if len(found) == 1:
            return found[0]
        if named in found:
            return named
        which = "no run is called" if not found else f"{len(found)} runs begin with"
        raise UsageError(f"{which} '{named}' in {self.folder}")

    def manifest(self, run: str) -> Manifest:
        """Read what a run set out to do. Raises DamagedRecord."""
        path = self.folder / run / MANIFEST
        try:
            content = json.loads(path.read_bytes())
            if content.get("schema_version") != SCHEMA_VERSION:
                raise DamagedRecord(
                    f"{path}: schema {content.get('schema_version')}, this drift reads {SCHEMA_VERSION}; use the version that wrote it"
                )
            manifest = Manifest.model_validate(content)
        except (OSError, ValueError, AttributeError) as error:
            raise DamagedRecord(
                f"{path}: cannot be read as a manifest ({type(error).__name__}); restore it, or start a new run"
            ) from error
        if manifest.run != run:
            raise DamagedRecord(
                f"{path}: belongs to run {manifest.run}; give the folder that name, or restore the file"
            )
        return manifest

    def load(self, run: str) -> RunRecord:
        """Read all of a run. Raises DamagedRecord."""
        manifest, state, folder = self.manifest(run), self.journal_state(run), self.folder / run
        references, stale = _read_reference(folder / REFERENCE)
        vectors = load_vectors(folder / VECTORS) if (folder / VECTORS).exists() else {}
        return assemble(manifest, state.completions, state.end, references, stale, vectors)

    def response_ids(self) -> set[str]:
        """Return the ids of all answers in earlier runs."""
        path = self.folder / RESPONSE_IDS
        if path.exists():
            return {name for name in path.read_text(encoding="utf-8", errors="replace").split("\n") if name}
        found = set(self._ids_in_journals())
        if found:
            self._append_ids(found)
        return found

    def remember_response_ids(self, record: RunRecord) -> None:
        """Add a run's answers to those seen."""
        answers = (s.answer for b in record.batches.values() for found in b.samples.values() for s in found)
        self._append_ids({answer.response_id for answer in answers if answer and answer.response_id})

    def _append_ids(self, ids: set[str]) -> None:
        path = self.folder / RESPONSE_IDS
        try:
            with path.open("a", encoding="utf-8", errors="replace", newline="\n") as file:
                file.write("".join(f"{name}\n" for name in sorted(ids) if "\n" not in name))
        except OSError as error:
            raise MeasurementError(
                f"cannot write {path}: {error.strerror}; it can be deleted, and is made again from the journals"
            ) from error

    def _ids_in_journals(self) -> Iterator[str]:
        for run in self.names():
            for completion in self.journal_state(run).completions.values():
                if isinstance(completion, Answer) and completion.response_id:
                    yield completion.response_id


def _read_reference(path: Path) -> tuple[dict[str, Baseline], dict[str, str]]:
    try:
        held = json.loads(gzip.decompress(path.read_bytes()))
        return {name: Baseline.model_validate(value) for name, value in held["references"].items()}, dict(
            held["stale"]
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zlib.error) as error:
        raise DamagedRecord(
            f"{path}: cannot be read as the run's reference; restore it, or start a new run"
        ) from error
