"""What GitHub answers, read without trusting its shape."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.errors import GitHubFailed

Json = Mapping[str, Any]


def text_of(thing: Json, key: str) -> str:
    """Return a text of an answer, empty where it is none."""
    value = thing.get(key)
    return value if isinstance(value, str) else ""


def number_of(thing: Json, key: str = "id") -> int:
    """Return a number of an answer. Raises MeasurementError."""
    value = thing.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise GitHubFailed(f"GitHub's answer has no {key}")
    return value


APP_LOGIN = "github-actions[bot]"


def is_ours(thing: Json, marker: str, authors: Sequence[str]) -> bool:
    """Say whether a comment or an issue begins with the marker and was written by one of `authors`.

    The marker alone proves nothing: anybody can write it, and have it quoted in the middle of somebody's text.
    """
    user = thing.get("user")
    login = text_of(user, "login") if isinstance(user, dict) else ""
    return login in authors and text_of(thing, "body").startswith(marker)
