"""What a grader says of one answer, and how a rule that cannot work is reported."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import re2

from harness.core.graders.effort import Effort
from harness.core.graders.submission import Submission

MOST_PATTERN_STEPS = 5_000
"""Instructions of one pattern, so that an answer of 20 kB can always be checked."""
_QUIET = re2.Options()
_QUIET.log_errors = False
_QUIET.never_capture = True  # nobody asks for groups, and to find them RE2 needs a slower machine
_QUIET.max_mem = 1 << 18  # beyond it a pattern is refused, in a few milliseconds
_MOST_READ_TO_QUOTE = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """One rule applied to one answer."""

    grader: str
    holds: bool
    because: str
    """What was found, for a person; may quote the model."""


Grading: TypeAlias = Callable[[Submission], tuple[Grade, ...]]
"""The rules of one case, compiled: one answer in, its grades out. A rule too large to check does not hold."""


class BadRule(ValueError):
    """A rule that cannot work, such as a pattern that does not compile. `path` leads to it inside `expect`."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A compiled pattern, and what it costs on one byte."""

    compiled: "re2._Regexp[bytes]"
    steps: int

    def found_in(self, text: str | bytes, effort: Effort) -> bool:
        """Say whether it is found anywhere in `text`. Raises TooLarge."""
        content = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
        effort.spend(self.steps * (len(content) + 1))
        return self.compiled.search(content) is not None


def compile_pattern(pattern: str, path: tuple[str | int, ...]) -> Pattern:
    """Compile an RE2 pattern, which matches in time linear in the text. Raises BadRule."""
    try:
        compiled = re2.compile(pattern.encode("utf-8"), _QUIET)
    except UnicodeEncodeError as error:
        raise BadRule(path, "a pattern cannot hold half a character: write it whole") from error
    except re2.error as error:
        reason = error.args[0] if error.args else "unknown error"
        said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise BadRule(
            path, f"not an RE2 pattern ({said}); RE2 has no lookaround and no backreferences"
        ) from error
    steps = max(1, compiled.programsize)
    if steps > MOST_PATTERN_STEPS:
        raise BadRule(
            path,
            f"a pattern of {steps:,} steps, {MOST_PATTERN_STEPS:,} are allowed: repeat less, "
            "above all of a class such as \\pL",
        )
    return Pattern(compiled=compiled, steps=steps)


def quote(text: str, limit: int = 80) -> str:
    """Quote the beginning of a text on one line."""
    flat = " ".join(text[:_MOST_READ_TO_QUOTE].split())
    short = len(flat) <= limit and len(text) <= _MOST_READ_TO_QUOTE
    return f"“{flat}”" if short else f"“{flat[: limit - 1]}…”"
