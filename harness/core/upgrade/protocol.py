"""When a new model may be promoted: after fourteen clean nights in a row against the baseline that was accepted."""

from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum

from harness.core.batch import Acceptance, Baseline
from harness.core.canonical import Record
from harness.core.history import NightEntry, counted, instant
from harness.core.incidents import Incident

CLEAN_NIGHTS = 14
MOST_DAYS_OLD = 7
"""Of the last clean night: what was clean before says nothing of what the model does now."""


class Standing(StrEnum):
    """How far a new model is."""

    READY = "ready"
    WAITING = "waiting"
    DRIFTED = "drifted"
    """An incident is open."""


class Promotion(Record):
    """The nights of one suite since its baseline was accepted from a comparison."""

    suite: str
    target: str
    replaces: str
    accepted_at: str
    standing: Standing
    clean: int
    """Clean nights in a row, the last ones."""
    nights: int
    """Nights that ran since."""
    untold: int
    """Of them, that could not tell: they neither count nor reset."""
    resets: tuple[str, ...]
    """Nights that drifted, so that counting began anew."""
    incidents: tuple[str, ...]
    """Open ones."""
    last_night: str | None
    last_clean: str | None = None
    is_old: bool = False
    """The last clean night is over `MOST_DAYS_OLD` days ago."""


def upgrade_acceptance(baseline: Baseline) -> Acceptance | None:
    """Return the last acceptance of a baseline that came from a comparison of two targets."""
    return next((one for one in reversed(baseline.acceptances) if one.upgrade_from is not None), None)


def promotion_of(
    baseline: Baseline,
    target: str,
    entries: Sequence[NightEntry],
    incidents: Sequence[Incident],
    *,
    cases: int,
    today: date,
) -> Promotion | None:
    """Count the clean nights of a target's full suite, which has `cases` cases; None where nothing was accepted.

    `target` may be one that is compared with another's baseline, for which it was accepted; not the one it replaces.

    A night is clean where enough of it was measured and it did not drift. One that could not tell, that is still
    learning, that asked a part of the suite or that awaits its confirmation neither counts nor resets; a drift
    resets, whatever the gates make of it. Only nights that were held against the accepted baseline, or one that
    grew from it, are looked at, and none that a wrong clock dated after tomorrow. `today` is the date in UTC.
    """
    accepted = upgrade_acceptance(baseline)
    if accepted is None or accepted.upgrade_from in (None, target):
        return None
    assert accepted.upgrade_from is not None
    tomorrow = (today + timedelta(days=1)).isoformat()
    since = instant(accepted.at)
    nights = [
        entry
        for entry in counted(entries)
        if entry.suite == baseline.suite
        and entry.target == target
        and entry.night <= tomorrow
        and entry.accepted_at is not None
        and instant(entry.accepted_at) >= since
    ]
    clean, untold, resets = 0, 0, []
    last_clean: str | None = None
    for entry in sorted(nights, key=lambda one: one.night):
        if entry.drift or (entry.measured and not entry.quiet):
            clean = 0
            resets.append(entry.night)
        elif entry.quiet and entry.suite_cases >= cases:
            clean, last_clean = clean + 1, entry.night
        else:
            untold += 1
    still = tuple(
        one.id
        for one in incidents
        if one.closed is None and one.suite == baseline.suite and one.target == target
    )
    oldest = (today - timedelta(days=MOST_DAYS_OLD)).isoformat()
    is_old = last_clean is not None and last_clean < oldest
    standing = Standing.WAITING
    if still:
        standing = Standing.DRIFTED
    elif clean >= CLEAN_NIGHTS and not is_old:
        standing = Standing.READY
    return Promotion(
        suite=baseline.suite,
        target=target,
        replaces=accepted.upgrade_from,
        accepted_at=accepted.at,
        standing=standing,
        clean=clean,
        nights=len(nights),
        untold=untold,
        resets=tuple(resets),
        incidents=still,
        last_night=max((entry.night for entry in nights), default=None),
        last_clean=last_clean,
        is_old=is_old,
    )
