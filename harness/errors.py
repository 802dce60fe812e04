"""The errors raised on purpose: a code that docs/errors.md explains, and the exit code each one ends in.

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

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

MOST_PROBLEMS_SHOWN = 20


class HarnessError(Exception):
    """An error raised on purpose: what is wrong, where, and how to mend it."""

    exit_code: ClassVar[int] = 70
    code: ClassVar[str] = "internal"

    @property
    def told(self) -> str:
        """What is said on the terminal: the message, and the code by which it is explained."""
        return f"{self or type(self).__name__}  [{self.code}]"


class InputError(HarnessError):
    """What the user gave is wrong; nothing was spent."""

    exit_code = 2
    code = "input"


class UsageError(InputError):
    """The command line asks for what does not fit together."""

    code = "usage"


class UnknownName(UsageError):
    """A suite, target, case, run, incident, format or option of that name does not exist."""

    code = "unknown-name"


class NoProject(UsageError):
    """There is no configuration here to work with."""

    code = "no-project"


class OtherRun(UsageError):
    """A run cannot be gone on with as it was planned: what it asks, or whom, is another now, or it is in use."""

    code = "other-run"


class NotAcceptable(UsageError):
    """A run shows nothing that could become a baseline, or not what was looked at."""

    code = "not-acceptable"


class UntrustedChange(UsageError):
    """A pull request would choose what it is checked by, or with what."""

    code = "untrusted-change"


class UnknownCommit(UsageError):
    """Git knows no such commit, or more than one, or none that both sides share."""

    code = "unknown-commit"


class ProblemCode(StrEnum):
    """What kind of error stands in a file."""

    SYNTAX = "syntax"
    ENCODING = "encoding"
    TOO_LARGE = "too-large"
    YAML_FEATURE = "yaml-feature"
    AMBIGUOUS = "ambiguous-value"
    DUPLICATE_KEY = "duplicate-key"
    UNKNOWN_KEY = "unknown-key"
    MISSING_FIELD = "missing-field"
    INVALID_VALUE = "invalid-value"
    UNKNOWN_NAME = "unknown-name"
    DUPLICATE_CASE = "duplicate-case"
    BAD_RULE = "bad-rule"
    BAD_TEMPLATE = "bad-template"
    UNREADABLE = "unreadable-file"
    OUTSIDE = "outside-project"
    LINK = "link"
    HIDDEN = "hidden-file"
    KEY = "secret-in-file"
    EMPTY_SUITE = "empty-suite"
    MIXED_SUITE = "mixed-suite"
    BAD_LABEL = "bad-label"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One error in one file. `line` and `column` count from 1; 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0
    message: str
    code: ProblemCode = ProblemCode.INVALID_VALUE

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

    code = "document"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__(self._lines(str))

    @property
    def told(self) -> str:
        """The same, and the code of every problem."""
        return self._lines(lambda problem: f"{problem}  [{problem.code}]")

    def _lines(self, shown: Callable[[Problem], str]) -> str:
        left = len(self.problems) - MOST_PROBLEMS_SHOWN
        lines = [shown(problem) for problem in self.problems[:MOST_PROBLEMS_SHOWN]]
        return "\n".join([*lines, *([f"… and {left} more"] if left > 0 else [])])


class SetupError(InputError):
    """Something this machine should have is missing or does not work."""

    code = "setup"


class MissingKey(SetupError):
    """An environment variable that holds a key or an address is not set, or holds none."""

    code = "missing-key"


class MissingPackage(SetupError):
    """A package or a program is not installed, or does not load."""

    code = "missing-package"


class BadTarget(SetupError):
    """A target is configured in a way that its provider does not take."""

    code = "bad-target"


class TargetRejected(SetupError):
    """A provider turned a key or a model's name away for good."""

    code = "target-rejected"


class EncoderUnusable(SetupError):
    """The encoder's weights are missing, are others than those named, or do not load."""

    code = "encoder-unusable"


class GitFailed(SetupError):
    """Git cannot say what is asked of it: no repository, a clone without its history, no right."""

    code = "git-failed"


class UnsafePath(SetupError):
    """A file that drift would read or write is a link, or no regular file."""

    code = "unsafe-path"


class BudgetError(InputError):
    """A price is not known, or the estimate is over the cap."""

    code = "budget"


class MeasurementError(HarnessError):
    """Too little was measured to say anything."""

    exit_code = 3
    code = "not-measured"


class EncoderFailed(MeasurementError):
    """The encoder gave no vector, or none that can be used."""

    code = "encoder-failed"


class CannotWrite(MeasurementError):
    """The disk is full, a right is missing, or a folder stands where a file should be."""

    code = "cannot-write"


class Busy(MeasurementError):
    """Another process has held a lock for too long."""

    code = "busy"


class HistoryUnavailable(MeasurementError):
    """The database of incidents cannot be used."""

    code = "history-unavailable"


class GitHubFailed(MeasurementError):
    """GitHub did not answer, or refused."""

    code = "github-failed"


class NotDelivered(MeasurementError):
    """A message did not go through: the other side is away, refused it, or is no place to send one to."""

    code = "not-delivered"


class HeartbeatFailed(MeasurementError):
    """Nobody took the word that a scheduled run sent; that changes no verdict."""

    code = "heartbeat-failed"


class RecordError(HarnessError):
    """A baseline, a journal or a recording cannot be used."""

    exit_code = 4
    code = "record"


class MissingBaseline(RecordError):
    """Nothing has been accepted for this suite and target, or a recording is not there."""

    code = "missing-baseline"


class DamagedRecord(RecordError):
    """A record is cut off, edited or foreign."""

    code = "damaged-record"


class OtherVersion(DamagedRecord):
    """A record was written by another version of drift."""

    code = "other-version"


class BadRecording(DamagedRecord):
    """Recorded answers are not what they should be, or belong to another suite."""

    code = "bad-recording"


class Interrupted(HarnessError):
    """A signal stopped the run; everything recorded is on disk."""

    code = "interrupted"

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # 130 or 143: which signal it was
