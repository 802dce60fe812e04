"""A disk that fails at the n-th thing it is asked to do below a folder: open, write, sync, rename or make a folder.

SQLite is not seen: it has its own ways to the disk, and a history that cannot be written changes no verdict.
"""

import builtins
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass(slots=True, kw_only=True)
class Disk:
    """Counts what it is asked, and fails where told to."""

    root: Path
    fails_at: int | None
    error: int
    for_good: bool
    """Fails from there on, as a full disk does; else once."""
    asked: int = 0

    @property
    def failed(self) -> bool:
        """Say whether it came to that."""
        return self.fails_at is not None and self.asked >= self.fails_at

    def ask(self, path: object) -> None:
        """Count one thing. Raises OSError where this is the one."""
        name = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
        if not str(name).startswith(str(self.root)):
            return
        self.asked += 1
        if self.failed and (self.for_good or self.asked == self.fails_at):
            raise OSError(self.error, os.strerror(self.error), str(name))


def _counted(disk: Disk) -> type[io.FileIO]:
    class Counted(io.FileIO):
        def write(self, content: Any) -> int:
            disk.ask(self.name)
            return super().write(content)

        def fileno(self) -> int:
            disk.ask(self.name)  # whoever writes wants the number to sync it
            return super().fileno()

    return Counted


@contextmanager
def failing(disk: Disk) -> Iterator[Disk]:
    """Let this be the disk."""
    plain_open, plain_os_open = io.open, os.open
    counted = _counted(disk)

    def opened(file: Any, mode: str = "r", buffering: int = -1, *more: Any, **named: Any) -> Any:
        below = isinstance(file, str | os.PathLike) and str(os.fspath(file)).startswith(str(disk.root))
        if not below or "b" not in mode or not set(mode) & set("wxa+"):
            return plain_open(file, mode, buffering, *more, **named)
        if named.get("opener") is None:
            disk.ask(file)
        raw = counted(file, mode.replace("b", ""), opener=named.get("opener"))
        return raw if buffering == 0 else io.BufferedWriter(raw)

    def os_opened(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & _WRITES:
            disk.ask(path)
        return plain_os_open(path, flags, *more, **named)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(io, "open", opened)
        patched.setattr(builtins, "open", opened)
        patched.setattr(os, "open", os_opened)
        for name in ("replace", "rename", "mkdir"):
            patched.setattr(os, name, _asking(disk, getattr(os, name)))
        yield disk


def _asking(disk: Disk, plain: Callable[..., None]) -> Callable[..., None]:
    def call(path: Any, *more: Any, **named: Any) -> None:
        disk.ask(path)
        plain(path, *more, **named)

    return call
