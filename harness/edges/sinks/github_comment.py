"""One comment of a pull request that is kept up to date."""

import re
from collections.abc import Sequence
from enum import StrEnum

from harness.edges.sinks.github import GitHub, Gone, Unclear
from harness.edges.sinks.github_answers import APP_LOGIN, Json, is_ours, number_of, text_of
from harness.errors import GitHubFailed

_RUN = re.compile(r"<!-- drift-run:([0-9]{8}T[0-9]{6}Z-[A-Za-z0-9._-]+) -->")
_MOST_ROUNDS = 3


class Kept(StrEnum):
    """What became of a comment or an issue."""

    MADE = "made"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    NEWER = "left alone: it is of a newer run"
    NOTHING = "nothing to say"
    REOPENED = "reopened"
    CLOSED = "closed"


def authors_of(github: GitHub, author: str | None) -> tuple[str, ...]:
    """Return who our comments and issues are by: `author`, else the token's user, else GitHub's own app."""
    return (author or github.login() or APP_LOGIN,)


def keep_comment(
    github: GitHub, number: int, marker: str, body: str, *, author: str | None = None, make: bool = True
) -> Kept:
    """Make the one comment that begins with `marker` say `body`, making it where it is not there and `make`.

    Several of ours, as two runs at once may leave behind, become one. Raises MeasurementError.
    """
    authors = authors_of(github, author)
    made = False
    for _ in range(_MOST_ROUNDS):
        found = _ours(github, number, marker, authors)
        if found:
            try:
                kept = _settle(github, found, body)
            except Gone:  # deleted since it was found
                continue
            return Kept.MADE if made and kept is Kept.UNCHANGED else kept
        if not make:
            return Kept.NOTHING
        try:
            github.make(f"/issues/{number}/comments", {"body": body})
            made = True
        except Unclear:
            continue
    if made and _ours(github, number, marker, authors):
        return Kept.MADE
    raise GitHubFailed(f"the comment of #{number} was not there again and again; it was not written")


def run_of(body: str) -> str | None:
    """Return the run that a text was written for; its name begins with its time."""
    found = _RUN.search(body[:1_000])
    return found[1] if found else None


def is_newer(there: str, ours: str) -> bool:
    """Say whether a text that is there is of a later run than ours."""
    before, now = run_of(there), run_of(ours)
    return before is not None and now is not None and before[:16] > now[:16]


def _ours(github: GitHub, number: int, marker: str, authors: Sequence[str]) -> list[Json]:
    found = [one for one in github.pages(f"/issues/{number}/comments") if is_ours(one, marker, authors)]
    return sorted(found, key=number_of)


def _settle(github: GitHub, found: Sequence[Json], body: str) -> Kept:
    """Bring the oldest of our comments up to date, and take the others away. Raises Gone."""
    first = found[0]
    newest = max((text_of(one, "body") for one in found), key=lambda text: run_of(text) or "")
    newer = is_newer(newest, body)
    wanted = newest if newer else body
    kept = Kept.NEWER if newer else Kept.UNCHANGED
    # GitHub gives line ends back as they were sent, and drops those at the end.
    if text_of(first, "body").rstrip() != github.redact(wanted).rstrip():
        github.change(f"/issues/comments/{number_of(first)}", {"body": wanted})
        kept = kept if newer else Kept.UPDATED
    for other in found[1:]:
        github.delete(f"/issues/comments/{number_of(other)}")
    return kept
