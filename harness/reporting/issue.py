"""The issue that one drift keeps, from the night it was found to the night it is over. Pure."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from harness.core.findings import Outcome
from harness.core.verdict import BaselineState, State, TargetVerdict, Verdict, enough_measured
from harness.core.wording import target_headline
from harness.reporting.comment import assembled, issue_marker, run_marker
from harness.reporting.escape import log_safe, one_line
from harness.reporting.markdown_text import code, fenced, inline
from harness.reporting.points import Level, Point, target_code

_MOST_TITLE = 120


class Stand(StrEnum):
    """What a run says of a drift."""

    OPEN = "open"
    OVER = "over"
    UNKNOWN = "unknown"
    """Too little was measured, or it is not decided yet: nothing is opened, and nothing is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueText:
    """What the issue of one suite and target is to say."""

    target: str
    stand: Stand
    marker: str
    title: str
    body: str
    recovered: str
    """The comment that closes it."""


def issue_texts(verdict: Verdict, points: tuple[Point, ...] = ()) -> tuple[IssueText, ...]:
    """Say for each target of a run what its issue should be."""
    return tuple(_issue(verdict, target, points) for target in verdict.targets)


def stand_of(target: TargetVerdict, verdict: Verdict) -> Stand:
    """Say whether a drift is open after a run, over, or not known."""
    if target.awaiting_confirmation:
        return Stand.UNKNOWN
    if target_code(target, verdict) == 1:
        return Stand.OPEN
    open_still = target.incident is not None and not target.incident.recovered
    # A run by hand reads no history, so it does not know which drift is open.
    told = (
        (verdict.scheduled or bool(target.tasks))
        and target.outcome in (Outcome.STABLE, Outcome.IMPROVED)
        and target_code(target, verdict) == 0
        and target.baseline is BaselineState.PRESENT
        and (target.state is not State.LEARNING or bool(target.tasks))
        and not target.cut_short
        and enough_measured(target.coverage, verdict.policy)
    )
    return Stand.OVER if told and not open_still else Stand.UNKNOWN


def _issue(verdict: Verdict, target: TargetVerdict, points: tuple[Point, ...]) -> IssueText:
    own = issue_marker(verdict.suite, target.target)
    name = f"{one_line(verdict.suite, 64)} on {one_line(target.target, 64)}"
    run = code(one_line(verdict.run, 200))
    said = f"Quiet again in run {run}: {inline(one_line(target_headline(target), 600))}"
    return IssueText(
        target=target.target,
        stand=stand_of(target, verdict),
        marker=own,
        # A title is no Markdown, but mentions and references count in it.
        title=one_line(f"Drift: {name}", _MOST_TITLE).replace("@", "(at)").replace("#", ""),
        body=assembled([f"{own}\n{run_marker(verdict.run)}"], _blocks(verdict, target, points)),
        recovered=f"{log_safe(said)}\n",
    )


def _blocks(verdict: Verdict, target: TargetVerdict, points: tuple[Point, ...]) -> Iterator[str]:
    yield f"**{inline(one_line(target_headline(target), 1_000))}**"
    incident = target.incident
    if incident is not None:
        yield (
            f"Incident {code(incident.id)}, open since {inline(incident.opened[:10])}; "
            f"{incident.quiet_nights} quiet nights since it drifted last."
        )
    mine = [p for p in points if p.target == target.target and p.level is not Level.NOTE]
    shown = [f"- {code(p.case or 'the suite')}: {inline(one_line(p.message, 400))}" for p in mine[:40]]
    if len(mine) > len(shown):
        shown.append(f"- and {len(mine) - len(shown)} more, in the report")
    if shown:
        yield "\n".join(shown)
    yield "What to do: read the report of the run, then accept what is meant, with a reason, or mend it."
    yield fenced(f"drift review {shlex.quote(verdict.run)}", 400)
    yield f"Last run {code(verdict.run)}, night {inline(verdict.night[:10])}. This issue is updated, and closed on recovery."
