"""Baselines in git: canonical JSON, a sample a line, written whole and checked to the byte.

::

    baselines/<suite>/<target>/
        identity.json        identities of the cases, encoder, schema, sha256 of every other file and of itself
        <case>.jsonl         a sample a line
        acceptances.jsonl    who accepted what, when and why
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import ValidationError

from harness.core.batch import Acceptance, Baseline, CaseBaseline, CaseIdentity, StoredSample
from harness.core.canonical import canonical_record, digest, text_digest
from harness.errors import DamagedRecord, MeasurementError, UsageError

SCHEMA_VERSION = 1
LOCK_TIMEOUT_S = 30.0
IDENTITY = "identity.json"
ACCEPTANCES = "acceptances.jsonl"


class FileBaselineStore:
    """Reads and writes the folder `baselines/`."""

    def __init__(
        self,
        folder: Path,
        *,
        lock: Path,
        redact: Callable[[str], str],
        lock_timeout_s: float = LOCK_TIMEOUT_S,
    ) -> None:
        self._lock_timeout_s = lock_timeout_s
        self._folder = folder
        self._lock = lock
        self._redact = redact

    def names(self) -> tuple[tuple[str, str], ...]:
        """List (suite, target) of every baseline."""
        return tuple(
            sorted(
                {(path.parent.parent.name, path.parent.name) for path in self._folder.glob("[!.]*/[!.]*/*")}
            )
        )

    def load(self, suite: str, target: str) -> Baseline | None:
        """Return the baseline, or None where nothing was accepted. Raises DamagedRecord."""
        folder = self._folder / suite / target
        if not folder.exists() and _set_aside(folder).exists():
            with self._locked():
                _recover(folder)
        if not (folder / IDENTITY).exists():
            if folder.exists() and any(folder.iterdir()):
                raise DamagedRecord(f"{folder}: {IDENTITY} is missing; restore it with git checkout")
            return None
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
        return parse_baseline(files, folder=str(folder), suite=suite, target=target)

    def save(self, baseline: Baseline) -> bool:
        """Write a baseline whole or not at all; say whether anything changed. One writer at a time."""
        folder = self._folder / baseline.suite / baseline.target
        files = baseline_files(baseline, self._redact)
        with self._locked():
            _recover(folder)
            if folder.exists() and {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == files:
                return False
            self._swap(folder, files)
        return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes away: who looks between the two renames of another would put the old one back."""
        try:
            self._lock.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._lock, timeout=self._lock_timeout_s):
                yield
        except Timeout as error:
            raise MeasurementError(
                f"another process has held {self._lock} for {self._lock_timeout_s:.0f} s; when it is done, run again"
            ) from error
        except OSError as error:
            raise MeasurementError(
                f"{self._folder} cannot be read or written: {error.strerror}; the baseline is as it was"
            ) from error

    def _swap(self, folder: Path, files: dict[str, bytes]) -> None:
        fresh, old = folder.with_name(f".{folder.name}.new"), _set_aside(folder)
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            for name, content in files.items():
                with (fresh / name).open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            if folder.exists():
                shutil.rmtree(old, ignore_errors=True)
                folder.rename(old)
            fresh.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            shutil.rmtree(fresh, ignore_errors=True)
            _recover(folder)
            raise MeasurementError(
                f"cannot write {folder}: {error.strerror}; the baseline is as it was"
            ) from error


def _set_aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def _recover(folder: Path) -> None:
    """Put back what a crash between the two renames left aside."""
    old = _set_aside(folder)
    if old.exists() and not folder.exists():
        old.rename(folder)


def baseline_files(baseline: Baseline, redact: Callable[[str], str] = lambda text: text) -> dict[str, bytes]:
    """Serialise a baseline: file name to content. The same baseline gives the same bytes.

    Raises UsageError for a case whose file would be the list of acceptances.
    """
    files = {
        f"{case_id}.jsonl": _lines(_sample_line(s, redact) for s in sorted(case.samples, key=_place))
        for case_id, case in baseline.cases.items()
    }
    if ACCEPTANCES in files:
        raise UsageError(
            f"a case cannot be called 'acceptances', because {ACCEPTANCES} has a meaning already"
        )
    files[ACCEPTANCES] = _lines(redact(canonical_record(one)) for one in baseline.acceptances)
    identity: dict[str, object] = {
        "schema_version": SCHEMA_VERSION,
        "suite": baseline.suite,
        "target": baseline.target,
        "encoder": baseline.encoder,
        "cases": {case_id: case.identity.model_dump() for case_id, case in baseline.cases.items()},
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    identity["sum"] = digest(identity)
    files[IDENTITY] = (json.dumps(identity, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    return files


def parse_baseline(files: dict[str, bytes], *, folder: str, suite: str, target: str) -> Baseline:
    """Read a baseline from its files, from a folder or from git blobs. Raises DamagedRecord."""
    identity = _identity(files[IDENTITY], f"{folder}/{IDENTITY}")
    if identity.get("suite") != suite or identity.get("target") != target:
        raise DamagedRecord(
            f"{folder}/{IDENTITY}: belongs to {identity.get('suite')}/{identity.get('target')}"
        )
    listed = dict(identity["files"])  # type: ignore[call-overload]  # its sum was checked
    for name in sorted(set(listed) | set(files) - {IDENTITY}):
        if name not in files:
            raise DamagedRecord(f"{folder}/{name}: missing; restore it with git checkout")
        if name not in listed:
            raise DamagedRecord(f"{folder}/{name}: not part of the baseline; remove it")
        if hashlib.sha256(files[name]).hexdigest() != listed[name]:
            raise DamagedRecord(f"{folder}/{name}: {_how_damaged(files[name])}; restore it with git checkout")
    try:
        cases = {
            case_id: CaseBaseline(
                identity=CaseIdentity.model_validate(case_identity),
                samples=tuple(
                    StoredSample.model_validate(json.loads(line))
                    for line in files[f"{case_id}.jsonl"].splitlines()
                ),
            )
            for case_id, case_identity in dict(identity["cases"]).items()  # type: ignore[call-overload]
        }
        acceptances = tuple(
            Acceptance.model_validate(json.loads(line)) for line in files[ACCEPTANCES].splitlines()
        )
        return Baseline(
            suite=suite, target=target, encoder=str(identity["encoder"]), cases=cases, acceptances=acceptances
        )
    except (ValidationError, KeyError, ValueError, TypeError) as error:
        raise DamagedRecord(
            f"{folder}: written by another version of drift; use that one, or accept anew"
        ) from error


def _identity(content: bytes, name: str) -> dict[str, object]:
    try:
        identity = json.loads(content)
        claimed = identity.pop("sum")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise DamagedRecord(f"{name}: {_how_damaged(content)}; restore it with git checkout") from error
    version = identity.get("schema_version")
    if version != SCHEMA_VERSION:
        raise DamagedRecord(
            f"{name}: schema {version}, this drift reads {SCHEMA_VERSION}; use the version that wrote it"
        )
    if digest(identity) != claimed or _canonical_identity(identity, claimed) != content:
        raise DamagedRecord(f"{name}: edited by hand; restore it with git checkout")
    return dict(identity)


def _canonical_identity(identity: dict[str, object], claimed: str) -> bytes:
    whole = {**identity, "sum": claimed}
    return (json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _how_damaged(content: bytes) -> str:
    if b"<<<<<<<" in content or b">>>>>>>" in content:
        return "holds merge-conflict markers"
    if content and not content.endswith(b"\n"):
        return "cut off"
    return "not what was accepted (edited or damaged)"


def _lines(lines: Iterable[str]) -> bytes:
    # A lone surrogate, which UTF-8 cannot hold, becomes the JSON escape that it came as.
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def _sample_line(sample: StoredSample, redact: Callable[[str], str]) -> str:
    line = canonical_record(sample)
    kept = redact(line)
    if kept == line or sample.answer is None:
        return kept
    # The text on file is another one now, and its digest is what finds its vector.
    changed = StoredSample.model_validate(json.loads(kept))
    assert changed.answer is not None
    measured = text_digest(changed.answer.measured_text)
    return canonical_record(changed.model_copy(update={"text_digest": measured}))


def _place(sample: StoredSample) -> tuple[str, str, str, int]:
    return sample.night, sample.run, sample.round.value, sample.sample
