"""What every command shares: the global options and where its output goes."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from harness.errors import CannotWrite

if TYPE_CHECKING:
    from harness.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The global options. Data goes to stdout, everything else to stderr."""

    folder: Path
    """With every link followed."""
    config: Path | None
    env_file: Path | None
    color: str
    quiet: bool
    verbose: bool
    json: bool
    no_input: bool
    clock: "Clock | None" = None
    """Where time comes from; None is the machine."""
    named_folder: Path | None = None
    """The folder as it was named, its links not followed; None is `folder`."""

    @property
    def colored(self) -> bool:
        """Say whether the terminal wants colour; NO_COLOR is honoured."""
        if self.color != "auto":
            return self.color == "always"
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return sys.stdout.isatty() and not plain

    def say(self, text: str) -> None:
        """Write a message to stderr, unless asked to be quiet."""
        if not self.quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Write a message to stderr that nobody may miss."""
        write(sys.stderr, f"{text}\n")

    def asks(self, question: str) -> bool:
        """Ask a person yes or no; where nobody can answer, no."""
        if self.no_input or not sys.stdin.isatty():
            return False
        write(sys.stderr, f"{question} [y/N] ")
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def put(self, text: str) -> None:
        """Write data to stdout, at once: who reads a pipe may wait for it. Raises MeasurementError."""
        write(sys.stdout, text if text.endswith("\n") else f"{text}\n")


def write(stream: TextIO, text: str) -> None:
    """Write to a standard stream; once its reader has gone away (`| head -1`), to nowhere.

    A command goes on to its own exit code: neither a reader that has seen enough nor a full disk behind
    stderr changes a verdict. Raises MeasurementError where what is behind stdout does not take it.
    """
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if stream is not sys.stderr and not isinstance(error, BrokenPipeError):
            raise CannotWrite(f"cannot write to {stream.name}: {error.strerror}") from error
