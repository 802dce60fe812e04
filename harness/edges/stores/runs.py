"""Run folders: all of a run, written once.

::

    reports/<run>/
        manifest.json         what the run set out to do; written before the first call
        reference.json.gz     what it compares with: baselines, and the nights before it
        journal.jsonl         every call, and how the run ended
        vectors.npz           vectors of the texts that were compared
        verdict.json, report.html, …   renderings
    reports/response-ids.txt  ids of answers seen so far; can be rebuilt from the journals

A run is named by the name of its folder; one that lies outside `reports/`, such as a download, by the whole
path of its folder, which is read like any other.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from harness.core.assembly import assemble
from harness.core.batch import Baseline
from harness.core.judges import read_judge
from harness.core.measures import Vectors
from harness.core.run import Earlier, JournalState, Manifest, RunRecord
from harness.edges.stores.atomic import write_whole
from harness.edges.stores.joined import join_journals
from harness.edges.stores.journal import JournalWriter, read_journal
from harness.edges.stores.response_ids import seen_response_ids
from harness.edges.stores.run_files import (
    MOST_MANIFEST_BYTES,
    check_rules,
    pack_reference,
    read_manifest,
    read_reference,
    sealed,
)
from harness.edges.stores.run_vectors import load_vectors, save_vectors
from harness.edges.stores.safe_paths import inside, size_of
from harness.edges.stores.untrusted_json import holds_too_much
from harness.edges.stores.verdicts import was_decided
from harness.errors import CannotWrite, DamagedRecord, OtherRun, UnknownName, UsageError

MANIFEST = "manifest.json"
REFERENCE = "reference.json.gz"
JOURNAL = "journal.jsonl"
VECTORS = "vectors.npz"
VERDICT = "verdict.json"
RESPONSE_IDS = "response-ids.txt"
LOCK = ".journal.lock"
_MOST_AT_ONCE = 1000
"""Runs of one suite that may begin in the same moment."""
THINNED = "thinned.json"
"""There where `drift prune` took the answers out."""


class FileRunStore:
    """Reads and writes `reports/`, below the folder that it lies in. Everything it writes passes `redact`.

    Whatever it reads may come from a stranger: a link out of the project, or a pipe in the place of a file,
    raises SetupError.
    """

    def __init__(self, folder: Path, *, redact: Callable[[str], str]) -> None:
        self.folder = folder
        self._redact = redact

    def create(
        self,
        manifest: Manifest,
        references: Mapping[str, Baseline],
        stale: Mapping[str, str],
        earlier: Earlier | None = None,
    ) -> Manifest:
        """Make the folder of a new run, with what it sets out to do; return that, under the name it got.

        Where a run has the name already, which began in the same moment, a number is put behind it.

        Raises UsageError where a reader would refuse it as too large, MeasurementError where the disk does not
        take it; nothing was asked.
        """
        planned = self._planned(manifest)
        if len(planned) > MOST_MANIFEST_BYTES:
            raise UsageError(
                f"the suite '{manifest.suite.name}' takes {len(planned):,} bytes, at most {MOST_MANIFEST_BYTES:,} "
                "fit into one run; split it"
            )
        if holds_too_much(planned):
            raise UsageError(
                f"the suite '{manifest.suite.name}' holds more values than a run's reader takes; split it"
            )
        reference = pack_reference(references, stale, earlier or Earlier())
        try:
            inside(self.folder.parent, self.folder).mkdir(parents=True, exist_ok=True)
            folder = _new_folder(self.folder, manifest.run)
        except OSError as error:
            raise CannotWrite(
                f"cannot make {self.folder / manifest.run}: {error.strerror}; nothing was asked"
            ) from error
        if folder.name != manifest.run:
            manifest = manifest.model_copy(update={"run": folder.name})
            planned = self._planned(manifest)
        write_whole(folder / REFERENCE, reference, root=self.folder.parent)
        write_whole(folder / MANIFEST, planned, root=self.folder.parent)
        return manifest

    def journal(self, run: str, *, state: JournalState | None = None) -> JournalWriter:
        """Open a run's journal for writing; with the `state` of an earlier attempt, after its last whole line.

        Raises UsageError where another process writes it, and MeasurementError where the disk does not take it.
        """
        # Not thread-local: the journal is closed by another thread than it is opened by.
        lock = FileLock(inside(self._root(run), self.folder / run) / LOCK, thread_local=False)
        in_use = f"run {run} is being written by another process; wait for it, or stop it first"
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise OtherRun(in_use) from error
        except OSError as error:
            raise CannotWrite(f"cannot lock run {run}: {error.strerror}") from error
        keep = state.good_bytes if state else None
        try:
            if state is not None and self.journal_state(run).good_bytes != keep:
                raise OtherRun(in_use)
            return JournalWriter(self.folder / run / JOURNAL, redact=self._redact, keep_bytes=keep, lock=lock)
        except BaseException:
            lock.release()
            raise

    def journal_state(self, run: str) -> JournalState:
        """Read a run's journal; an empty one where the run was killed before its first call.

        Raises DamagedRecord, also where it lacks the end of which the run's verdict was made.
        """
        path, root = self.folder / run / JOURNAL, self._root(run)
        state = JournalState() if size_of(path) is None else read_journal(path, root)
        if not state.ended_before and was_decided(self.folder / run / VERDICT, root):
            raise DamagedRecord(
                f"{path}: emptied or cut off, for {VERDICT} was made of more than it holds; restore it, or start a new run"
            )
        return state

    def join_journals(self, run: str, parts: Sequence[str]) -> None:
        """Begin the journal of a new run with every line of other runs' journals. Raises DamagedRecord."""
        journals = [(self.folder / part / JOURNAL, self._root(part)) for part in parts]
        into = self.folder / run / JOURNAL
        join_journals(into, journals, root=self._root(run), redact=self._redact)

    def path(self, run: str, name: str) -> Path:
        """Return where a run keeps one of its files."""
        return self.folder / run / name

    def write(self, run: str, name: str, text: str) -> Path:
        """Write one file of a run and return its path."""
        path = self.folder / run / name
        write_whole(path, self._written(text), root=self._root(run))
        return path

    def _planned(self, manifest: Manifest) -> bytes:
        return sealed(self._written(manifest.model_dump_json(indent=1) + "\n"))

    def _written(self, text: str) -> bytes:
        return self._redact(text).encode("utf-8", "replace")

    def write_vectors(self, run: str, vectors: Vectors) -> None:
        """Keep the vectors that a decision used, so that it can be made again anywhere."""
        save_vectors(self.folder / run / VECTORS, vectors, root=self._root(run))

    def names(self) -> tuple[str, ...]:
        """List the runs, oldest first: a run's name begins with its time. Raises SetupError."""
        inside(self.folder.parent, self.folder)
        return tuple(sorted(path.parent.name for path in self.folder.glob(f"*/{MANIFEST}")))

    def resolve(self, named: str) -> str:
        """Return the name of the run meant: a name, the unique start of one, a folder, or `last`.

        For a folder outside `reports/`, its whole path. Raises UsageError.
        """
        path = Path(named)
        if (path / MANIFEST).exists():
            # Not resolved, so that a link among the runs is refused like one that is found by its name.
            place = Path(os.path.abspath(path))  # noqa: PTH100  # Path.absolute keeps ".."
            real = place.resolve()
            if place.parent == self.folder:
                return place.name
            return real.name if real.parent == self.folder.resolve() else str(real)
        names = self.names()
        if named == "last":
            if not names:
                raise UnknownName(f"no run in {self.folder}; make one with `drift check SUITE`")
            return names[-1]
        found = [name for name in names if name.startswith(named)]
        if len(found) == 1:
            return found[0]
        if named in found:
            return named
        which = "no run is called" if not found else f"{len(found)} runs begin with"
        raise UnknownName(f"{which} '{named}' in {self.folder}")

    def manifest(self, run: str) -> Manifest:
        """Read what a run set out to do. Raises UsageError where it is not there, DamagedRecord."""
        return read_manifest(self.folder / run / MANIFEST, self._root(run))

    def load(self, run: str) -> RunRecord:
        """Read all of a run. Raises UsageError where it is not there, DamagedRecord."""
        folder, root = self.folder / run, self._root(run)
        manifest = self.manifest(run)
        if size_of(folder / THINNED) is not None:
            raise DamagedRecord(
                f"run {run} was thinned by `drift prune`: what was decided is in its verdict.json, and its answers are gone"
            )
        check_rules(manifest, folder / MANIFEST)
        reference = read_reference(folder / REFERENCE, root)
        state, kept = self.journal_state(run), folder / VECTORS
        vectors = {} if size_of(kept) is None else load_vectors(kept, root)
        record = assemble(
            manifest,
            state.completions,
            state.end,
            reference.baselines,
            reference.stale,
            vectors,
            reference.earlier,
        )
        return read_judge(record, state.completions)

    def response_ids(self) -> set[str]:
        """Return the ids of all answers in earlier runs, however these ended."""
        journals = {run: self.folder / run / JOURNAL for run in self.names()}
        return seen_response_ids(self.folder / RESPONSE_IDS, journals, root=self.folder.parent)

    def _root(self, run: str) -> Path:
        """Return what a run's files may not lead out of: the project, or a folder that was named itself."""
        if Path(run).is_absolute():
            return Path(run)
        inside(self.folder.parent, self.folder)
        return self.folder.parent


def _new_folder(folder: Path, run: str) -> Path:
    """Make the folder of a run that nobody else has made, under its name or the next one. Raises OSError."""
    for number in range(1, _MOST_AT_ONCE + 1):
        place = folder / (run if number == 1 else f"{run}-{number}")
        try:
            place.mkdir()
        except FileExistsError:
            if number == _MOST_AT_ONCE:
                raise
        else:
            return place
    raise AssertionError("unreachable")
