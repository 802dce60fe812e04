"""How far a new model is on its way to promotion, in words."""

from collections.abc import Iterator, Sequence

from harness.core.upgrade.protocol import CLEAN_NIGHTS, MOST_DAYS_OLD, Promotion, Standing
from harness.reporting.counting import listed, many
from harness.reporting.escape import log_safe, one_line, wrap
from harness.reporting.wording import night_text

_WIDTH = 77
_NIGHTS_NAMED = 3


def promotion_text(promotions: Sequence[Promotion]) -> Iterator[str]:
    """Say of every suite and target how many clean nights there are, at most 80 columns a line."""
    for one in promotions:
        head = f"{one_line(one.target, 40)} in {one_line(one.suite, 40)}, in the place of {one_line(one.replaces, 40)}"
        for line in (head, *_said(one)):
            yield from map(log_safe, wrap(line, _WIDTH, start="" if line is head else "  ", indent="  "))


def _said(one: Promotion) -> Iterator[str]:
    yield f"accepted on {night_text(one.accepted_at)}; {one.clean} of {CLEAN_NIGHTS} clean nights in a row"
    if one.untold:
        yield f"{many(one.untold, 'night')} could not tell, or not of the whole suite: neither counted nor reset"
    if one.resets:
        named = [night_text(night, year=False) for night in one.resets[-_NIGHTS_NAMED:]]
        more = f", {len(one.resets) - len(named)} more before" if len(one.resets) > len(named) else ""
        yield f"drift began the count anew on {listed(named)}{more}"
    match one.standing:
        case Standing.DRIFTED:
            yield f"NOT YET: {listed([one_line(incident, 80) for incident in one.incidents])} is open; look at it first"
        case Standing.READY:
            yield f"IT MAY BE PROMOTED: {many(one.clean, 'clean night')} in a row, the last on {night_text(one.last_clean or '')}"
        case Standing.WAITING if one.clean >= CLEAN_NIGHTS:
            yield (
                f"NOT YET: the last clean night was {night_text(one.last_clean or '')}, over {MOST_DAYS_OLD} days ago; one "
                "more says what it does now"
            )
        case Standing.WAITING:
            left = CLEAN_NIGHTS - one.clean
            last = (
                f"; the last night was {night_text(one.last_night)}"
                if one.last_night
                else "; none has run yet"
            )
            yield f"NOT YET: {many(left, 'more clean night')}{last}"
