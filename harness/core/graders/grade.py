"""What a grader says of one answer, and how a rule that cannot work is reported."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import re2

from harness.core.replies import Answer

_QUIET = re2.Options()
_QUIET.log_errors = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """One rule applied to one answer."""

    grader: str
    holds: bool
    because: str
    """What was found, for a person; may quote the model."""


Grading: TypeAlias = Callable[[Answer], tuple[Grade, ...]]
"""The rules of one case, compiled: one answer in, its grades out."""


class BadRule(ValueError):
    """A rule that cannot work, such as a pattern that does not compile. `path` leads to it inside `expect`."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


def compile_pattern(pattern: str, path: tuple[str | int, ...]) -> "re2._Regexp[str]":
    """Compile an RE2 pattern, which matches in time linear in the text. Raises BadRule."""
    try:
        return re2.compile(pattern, _QUIET)
    except re2.error as error:
        reason = error.args[0] if error.args else "unknown error"
        said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise BadRule(
            path, f"not an RE2 pattern ({said}); RE2 has no lookaround and no backreferences"
        ) from error


def quote(text: str, limit: int = 80) -> str:
    """Quote the beginning of a text on one line."""
    flat = " ".join(text.split())
    return f"“{flat}”" if len(flat) <= limit else f"“{flat[: limit - 1]}…”"
