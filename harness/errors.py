"""The errors raised on purpose, and the exit code each one ends in.

::

    HarnessError                    70
    ├── InputError                   2   the command line, configuration, a suite or a template is wrong
    │   ├── UsageError               2   … on the command line
    │   ├── DocumentError            2   … in files: one `Problem` for every error found
    │   ├── SetupError               2   … on the machine: an encoder, an extra or a key is missing
    │   └── BudgetError              2   the price is unknown or over the cap; nothing was spent
    ├── MeasurementError             3   too little could be measured to say anything
    ├── RecordError                  4   a baseline, journal or recording
    │   ├── MissingBaseline          4   … is not there
    │   └── DamagedRecord            4   … is cut off, edited, foreign, or of a newer schema
    └── Interrupted            130, 143  by a signal; the run can be resumed

Exit code 1 means one thing, a confirmed regression or drift, so no error carries it.
"""

from dataclasses import dataclass
from typing import ClassVar

MOST_PROBLEMS_SHOWN = 20


class HarnessError(Exception):
    """An error raised on purpose: what is wrong, where, and how to mend it."""

    exit_code: ClassVar[int] = 70


class InputError(HarnessError):
    """What the user gave is wrong; nothing was spent."""

    exit_code = 2


class UsageError(InputError):
    """The command line asks for something that does not exist or does not fit together."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One error in one file. `line` and `column` count from 1; 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return one_line(f"{place}: {self.message}")


def one_line(text: str) -> str:
    """Show what no reader sees, line ends included, as escapes: names in files may be hostile to a CI log."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


class DocumentError(InputError):
    """One or more files are wrong; every problem of every file, at most `MOST_PROBLEMS_SHOWN` printed."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(problems))
        shown = [str(problem) for problem in self.problems[:MOST_PROBLEMS_SHOWN]]
        left = len(self.problems) - len(shown)
        super().__init__("\n".join([*shown, *([f"… and {left} more"] if left else [])]))


class SetupError(InputError):
    """Something this machine should have is missing: an extra, an encoder, a key."""


class BudgetError(InputError):
    """A price is not known, or the estimate is over the cap."""


class MeasurementError(HarnessError):
    """Too little was measured to say anything."""

    exit_code = 3


class RecordError(HarnessError):
    """A baseline, a journal or a recording cannot be used."""

    exit_code = 4


class MissingBaseline(RecordError):
    """Nothing has been accepted for this suite and target."""


class DamagedRecord(RecordError):
    """A record is cut off, edited, foreign, or written by a newer version."""


class Interrupted(HarnessError):
    """A signal stopped the run; everything recorded is on disk."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # 130 or 143: which signal it was
