"""The journal of a run: append-only JSON lines, durable in groups, readable after a kill at any byte.

A line is ``{"sum":"<16 hex>","body":{…}}``, the sum being the start of the sha256 of the body's bytes. A
last line without its end is what a kill leaves, and is dropped; anything else that does not add up is
damage.
"""

import asyncio
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

from filelock import BaseFileLock
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from harness.core.canonical import canonical_json
from harness.core.replies import Answer, Completion, Failure
from harness.core.run import JournalState, RunEnd
from harness.core.slimming import slim_completion
from harness.edges.stores.safe_paths import open_regular, open_to_append
from harness.edges.stores.untrusted_json import parse_untrusted
from harness.errors import CannotWrite, DamagedRecord, MeasurementError, OtherVersion

MOST_LINE_BYTES = 32_000_000
"""Eight times the largest response that a run takes by default."""
_HEAD = '{"sum":"'
_SUM = 16
_BODY = '","body":'
_COMPLETION: TypeAdapter[Answer | Failure] = TypeAdapter(Completion)


def read_journal(path: Path, root: Path | None = None) -> JournalState:
    """Read a journal below `root`, else below its own folder.

    Raises DamagedRecord, with the line, for anything but a cut-off last line, and SetupError for what is no
    regular file.
    """
    state = JournalState()
    waiting: set[str] = set()
    with open_regular(path, root or path.parent) as file:
        for number, line in enumerate(_lines(file), start=1):
            body = _checked_body(line)
            if body is None:
                if not line.endswith(b"\n") and len(line) <= MOST_LINE_BYTES:
                    break
                raise DamagedRecord(f"{path}:{number}: {_what_is_wrong(line)}")
            try:
                _apply(state, waiting, parse_untrusted(body))
            except (ValidationError, KeyError, ValueError, TypeError, RecursionError) as error:
                raise OtherVersion(
                    f"{path}:{number}: written by another version of drift; use that one"
                ) from error
            state.good_bytes += len(line)
    state.in_flight = sorted(waiting)
    return state


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseIds:
    """The response ids that a journal holds from one place on, and where its last whole line ends."""

    ids: frozenset[str]
    end: int


def response_ids_from(path: Path, root: Path, *, start: int) -> ResponseIds:
    """Read the ids that were written after byte `start`, where a line begins. A damaged line has none.

    Raises SetupError for what is no regular file, and OSError.
    """
    ids: set[str] = set()
    with open_regular(path, root) as file:
        file.seek(start)
        for line in _lines(file):
            if not line.endswith(b"\n"):
                break
            start += len(line)
            body = _checked_body(line) if b'"response_id":' in line else None
            with suppress(ValueError, KeyError, TypeError):
                found = parse_untrusted(body)["completion"]["response_id"] if body else None  # type: ignore[index]  # what it is not is caught
                if found and isinstance(found, str):
                    ids.add(found)
    return ResponseIds(ids=frozenset(ids), end=start)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.readline(MOST_LINE_BYTES + 1), b"")


def _what_is_wrong(line: bytes) -> str:
    if len(line) > MOST_LINE_BYTES:
        return f"a line of over {MOST_LINE_BYTES:,} bytes, which drift never writes; restore the file or start a new run"
    return "the line does not match its sum; restore the file or start a new run"


def _apply(state: JournalState, waiting: set[str], body: object) -> None:
    if not isinstance(body, dict):
        raise TypeError("a line is an object")
    match body["t"]:
        case "intent":
            key = str(body["key"])
            if key in waiting:
                state.repeated.append(key)
            waiting.add(key)
            state.end = None
        case "completion":
            key = str(body["key"])
            completion = state.completions[key] = _COMPLETION.validate_python(body["completion"])
            slim_completion(completion)
            waiting.discard(key)
        case "end":
            state.end = RunEnd.model_validate(body["end"])
            state.ended_before = True
        case other:
            raise ValueError(f"unknown line type {other}")


def _checked_body(line: bytes) -> bytes | None:
    start = len(_HEAD) + _SUM + len(_BODY)
    if len(line) <= start + 1 or not line.endswith(b"}\n"):
        return None
    body = line[start:-2]
    return body if line.startswith(_line_start(body)) else None


def _line(body: bytes) -> bytes:
    return _line_start(body) + body + b"}\n"


def _line_start(body: bytes) -> bytes:
    return f"{_HEAD}{_sum(body)}{_BODY}".encode()


def _sum(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:_SUM]


def _dumped(completion: Answer | Failure) -> str:
    try:
        return completion.model_dump_json(exclude_none=True)
    except PydanticSerializationError:
        # Half a surrogate pair, which a model may well say; the slow way writes it.
        return canonical_json(completion.model_dump(mode="json", exclude_none=True))


class JournalWriter:
    """Appends lines from the event loop; a thread writes and syncs them, many with one sync.

    The thread does nothing else, or it would compete with the loop for the interpreter. After a write that
    failed it writes nothing more, so that nothing can follow half a line.
    """

    def __init__(
        self,
        path: Path,
        *,
        redact: Callable[[str], str],
        keep_bytes: int | None = None,
        lock: BaseFileLock | None = None,
        sync: Callable[[int], None] = os.fsync,
    ) -> None:
        """Open for appending. `lock` is held already, and is let go by `close`. Raises MeasurementError."""
        self._redact = redact
        self._sync = sync
        self._lock = lock
        self._failed: BaseException | None = None
        self._path = path
        try:
            # Unbuffered: what a failed write left over must not be written later.
            self._file = open_to_append(path, path.parent)
            if keep_bytes is not None:
                self._file.truncate(keep_bytes)
        except OSError as error:
            raise self._unwritable(error) from error
        self._guard = threading.Lock()
        self._pending: list[tuple[bytes, asyncio.Future[None]]] = []
        self._wakes: SimpleQueue[None] = SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._write_groups, name="drift-journal", daemon=True)
        self._thread.start()

    def intend(self, key: str) -> asyncio.Future[None]:
        """Write down that a call is about to leave; done when it is on disk."""
        return self._append(f'{{"t":"intent","key":{json.dumps(key)}}}')

    def record(self, key: str, completion: Answer | Failure) -> asyncio.Future[None]:
        """Write down what a call gave; done when it is on disk."""
        dumped = _dumped(completion)
        if len(dumped) > MOST_LINE_BYTES // 4:  # a character takes four bytes at most
            raise MeasurementError(
                f"{self._path}: an answer of {len(dumped):,} characters is too long to be kept; lower limits.max_response_bytes"
            )
        return self._append(f'{{"t":"completion","key":{json.dumps(key)},"completion":{dumped}}}')

    def finish(self, end: RunEnd) -> asyncio.Future[None]:
        """Write down how the run ended."""
        return self._append(f'{{"t":"end","end":{end.model_dump_json(exclude_none=True)}}}')

    def close(self) -> None:
        """Write what is pending and close the file."""
        with self._guard:
            self._closing = True
        self._wake()
        self._thread.join()
        # Whatever counted was synced before.
        with suppress(OSError):
            self._file.close()
        if self._lock is not None:
            self._lock.release()

    def _append(self, body: str) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        line = self._safe_line(body)
        with self._guard:
            if self._closing:
                raise MeasurementError(f"{self._path} is closed")
            if not self._pending:
                # After this turn of the loop: all that the turn appends goes to disk with one sync.
                loop.call_soon(self._wake)
            self._pending.append((line, done))
        return done

    def _wake(self) -> None:
        self._wakes.put(None)

    def _write_groups(self) -> None:
        while self._pending or not self._closing:
            self._wakes.get()
            with self._guard:
                group, self._pending = self._pending, []
            if not group:
                continue
            if self._failed is None:
                try:
                    self._write(b"".join(line for line, _ in group))
                except OSError as error:
                    self._failed = self._unwritable(error)
                except BaseException as error:  # noqa: BLE001  # a dead thread would leave the run waiting for ever
                    self._failed = error
            waiting = [done for _, done in group]
            # A loop that was closed meanwhile has nobody left to tell.
            with suppress(RuntimeError):
                waiting[0].get_loop().call_soon_threadsafe(_settle, waiting, self._failed)

    def _write(self, lines: bytes) -> None:
        left = memoryview(lines)
        while left:
            left = left[self._file.write(left) :]
        self._sync(self._file.fileno())

    def _safe_line(self, body: str) -> bytes:
        # A lone surrogate, which UTF-8 cannot hold, becomes the JSON escape that it came as.
        return _line(self._redact(body).encode("utf-8", "backslashreplace"))

    def _unwritable(self, error: OSError) -> MeasurementError:
        return CannotWrite(
            f"cannot write {self._path}: {error.strerror}; what it held is untouched, and the run can be resumed"
        )


def _settle(waiting: list[asyncio.Future[None]], problem: BaseException | None) -> None:
    for done in waiting:
        if done.done():
            continue
        if problem is None:
            done.set_result(None)
        else:
            done.set_exception(problem)
            # Who wanted to know may have been stopped by another line's failure; asyncio would print this one's.
            done.exception()
