"""Cases and dates that a command line names."""

import fnmatch
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from harness.errors import UnknownName, UsageError
from harness.registry import did_you_mean

EARLIEST_NIGHT = date(2000, 1, 1)

MOST_USD = 1_000_000
"""What a run may be allowed to cost; infinity is no cap."""


def ids_named(ids: Sequence[str], globs: Sequence[str], where: str) -> tuple[str, ...]:
    """Return the ids that any of `globs` names, each once, sorted. Raises UsageError for a glob that names none."""
    for glob in globs:
        if not fnmatch.filter(ids, glob):
            raise UnknownName(f"no case of {where} matches '{glob}'{did_you_mean(glob, tuple(ids))}")
    return tuple(sorted({case_id for glob in globs for case_id in fnmatch.filter(ids, glob)}))


def date_named(named: str, option: str) -> date:
    """Read the date that an option names. Raises UsageError."""
    try:
        return date.fromisoformat(named)
    except ValueError as error:
        raise UsageError(f"{option} '{named}' is not a date such as 2026-11-21") from error


def night_named(named: str | None, now: datetime) -> str | None:
    """Return the night that `--night` names, or None where it names none.

    At `now`, in UTC, it may be tomorrow where somebody is. A night that has yet to come would be the last one for
    years: raises UsageError.
    """
    if named is None:
        return None
    today = now.date()
    night, tomorrow = date_named(named, "--night"), today + min(timedelta(days=1), date.max - today)
    if not EARLIEST_NIGHT <= night <= tomorrow:
        raise UsageError(
            f"--night {night} is not a night of {EARLIEST_NIGHT} to {tomorrow}, which is tomorrow (UTC); "
            "leave it out for tonight's"
        )
    return night.isoformat()
