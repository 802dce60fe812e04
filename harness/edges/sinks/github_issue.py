"""One issue of a drift: made once, kept up to date, closed on recovery, reopened and never made twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from harness.edges.sinks.github import GitHub, Unclear
from harness.edges.sinks.github_answers import Json, is_ours, number_of, text_of
from harness.edges.sinks.github_comment import Kept, authors_of, is_newer
from harness.errors import GitHubFailed

_MOST_ROUNDS = 3
MOST_LOOKED_AT = 2_000
"""Issues without the label, the newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueWish:
    """What an issue is to be."""

    marker: str
    title: str
    body: str
    is_open: bool
    recovered: str
    """The comment that goes with closing it."""
    label: str


def keep_issue(github: GitHub, wish: IssueWish, *, author: str | None = None) -> Kept:
    """Bring the one issue that begins with the marker to what it is to be. Raises MeasurementError.

    Of several, as two runs at once may leave behind, the oldest stays and the others are closed.
    """
    authors = authors_of(github, author)
    for _ in range(_MOST_ROUNDS):
        found = _ours(github, wish, authors)
        if found:
            return _settle(github, found, wish)
        if not wish.is_open:
            return Kept.NOTHING
        try:
            new = {"title": wish.title, "body": wish.body, "labels": [wish.label]}
            github.make("/issues", new)
            # Not looked for again: GitHub's lists lag behind. Two made at once become one on the next night.
            return Kept.MADE
        except Unclear:
            continue
    raise GitHubFailed("whether the issue was made is not known; run it again, it is looked for first")


def _ours(github: GitHub, wish: IssueWish, authors: Sequence[str]) -> list[Json]:
    """Find our issues by their label; before one is made also without it, for GitHub drops labels in silence."""
    labelled = github.pages("/issues", state="all", labels=wish.label)
    found = [one for one in labelled if _is_issue(one) and is_ours(one, wish.marker, authors)]
    if not found and wish.is_open:
        newest = github.pages("/issues", state="all", sort="created", direction="desc")
        found = [
            one
            for one in islice(newest, MOST_LOOKED_AT)
            if _is_issue(one) and is_ours(one, wish.marker, authors)
        ]
    return sorted(found, key=lambda one: number_of(one, "number"))


def _is_issue(one: Json) -> bool:
    """Tell an issue from a pull request, which GitHub lists as one, too."""
    return "pull_request" not in one


def _settle(github: GitHub, found: Sequence[Json], wish: IssueWish) -> Kept:
    first = found[0]
    place = f"/issues/{number_of(first, 'number')}"
    for other in found[1:]:
        if text_of(other, "state") == "open":
            github.change(
                f"/issues/{number_of(other, 'number')}", {"state": "closed", "state_reason": "not_planned"}
            )
    if is_newer(text_of(first, "body"), wish.body):
        return Kept.NEWER
    was_open = text_of(first, "state") == "open"
    if not wish.is_open:
        if not was_open:
            return Kept.UNCHANGED
        # Closed first: a comment that fails leaves no issue open, and none is written twice.
        github.change(place, {"state": "closed", "state_reason": "completed", "body": wish.body})
        github.make(f"{place}/comments", {"body": wish.recovered})
        return Kept.CLOSED
    if not was_open:
        github.change(
            place, {"state": "open", "state_reason": "reopened", "title": wish.title, "body": wish.body}
        )
        return Kept.REOPENED
    if text_of(first, "body").rstrip() == github.redact(wish.body).rstrip():
        return Kept.UNCHANGED
    github.change(place, {"title": wish.title, "body": wish.body})
    return Kept.UPDATED
