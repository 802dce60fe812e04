"""The rule: screen, confirm, follow. From how far a signal strayed on each batch to what is said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.core.detection.night import Tail, tail_of, weakest_without_one
from harness.core.detection.occasions import Occasion
from harness.core.detection.question import Question
from harness.core.detection.stray import Stray
from harness.core.policy import Policy
from harness.core.signals import Signal

FAMILIES = 7
"""Signals that share a night's level, where none is kept from deciding and log-probabilities are not asked for."""
ONE_NIGHT = 1.0
SAME_NIGHT = 0.75
"""A batch and its confirmation share their night's load, replicas and batching."""
TWO_NIGHTS = 0.5
LEANING = 0.05
"""A confirmation that does not lean the way of the batch it confirms, at this p-value, confirms nothing."""
SPREADING = 0.02
"""Nor does one that hangs on a single case: both batches have to lean at this p-value without any one of them."""
LASTING = 0.01
"""Several nights that do not lean, at this p-value, without any one of them have not lasted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """What one signal over one group of cases may spend a night."""

    screen: float
    drift: float
    confirm: bool
    """False where a single batch decides, at the level of drift."""
    window: int
    """Nights whose mean is tested too."""


def levels_of(policy: Policy, *, families: int, share: float) -> Levels:
    """Share a night's levels among the signals that may decide, and among the groups of cases by their size (0..1)."""
    part = share / max(1, families)
    return Levels(
        screen=policy.screen * part,
        drift=policy.alpha * part,
        confirm=policy.confirm,
        window=policy.window_nights,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """A batch and the later one that confirms it."""

    strayed: Tail
    """The batch alone."""
    again: Tail
    """The later one alone."""
    pooled: Tail
    without_one: Tail | None = None
    """Both together without the case that they hang on most; None where no other can show it, or nothing hangs on it."""

    def holds(self, levels: Levels) -> bool:
        """Say whether the later batch confirms.

        Both together are drift, the later one leans the same way by itself, and so do both without any one case.
        A night's load or replica turns single cases, and its confirmation shares it: what hangs on one has to last.
        """
        return (
            self.strayed.p_value <= levels.screen
            and self.pooled.p_value <= levels.drift
            and self.again.p_value <= LEANING
            and self.again.upwards == self.strayed.upwards
            and (self.without_one is None or self.without_one.p_value <= SPREADING)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the rule says of one signal tonight."""

    levels: Levels
    tonight: Tail
    confirmed: Confirmation | None
    """None where no second batch measured the signal."""
    awaited: Confirmation | None
    """An earlier night's batch with tonight as its confirmation; None where none waits for one."""
    window: Tail | None
    """The mean of the last nights; None before there are enough."""
    asked_again: bool
    """A second batch was asked for and came."""
    without_night: Tail | None = None
    """The window without the night that it hangs on most; None where it is no drift with it either."""

    @property
    def screened(self) -> bool:
        """Say whether tonight asks for a confirmation."""
        return self.tonight.p_value <= (self.levels.screen if self.levels.confirm else self.levels.drift)

    @property
    def deciding(self) -> Tail | None:
        """Return what makes it drift, or None where it is none."""
        if not self.levels.confirm and self.screened:
            return self.tonight
        for confirmation in (self.confirmed, self.awaited):
            if confirmation is not None and confirmation.holds(self.levels):
                return confirmation.pooled
        if self.window is not None and self.window.p_value <= self.levels.drift:
            lasted = self.without_night is None or self.without_night.p_value <= LASTING
            return self.window if lasted else None
        return None

    @property
    def drift(self) -> bool:
        """Say whether it is drift."""
        return self.deciding is not None

    @property
    def lasting(self) -> bool:
        """Say whether it is the last nights together that decided."""
        return self.window is not None and self.deciding is self.window

    @property
    def unanswered(self) -> bool:
        """Say whether a second batch was asked for, came, and did not measure this signal."""
        return self.screened and self.levels.confirm and self.asked_again and self.confirmed is None


def rule_on(
    signal: Signal, held: Mapping[int, Stray | None], question: Question, levels: Levels
) -> Ruling | None:
    """Apply the rule to one signal; `held` is how far it strayed in each row of `question.asked`.

    None where tonight did not measure it.
    """

    def strays_of(rows: Sequence[int]) -> list[Stray]:
        return [stray for row in rows if (stray := held.get(row)) is not None]

    def tail(rows: Sequence[int], share: float) -> Tail | None:
        found = strays_of(rows)
        return tail_of(signal, found, share, question.widened) if rows and len(found) == len(rows) else None

    def confirmation(before: Sequence[int], after: Sequence[int], share: float) -> Confirmation | None:
        strayed, again = tail(before, ONE_NIGHT), tail(after, ONE_NIGHT)
        pooled = tail((*before, *after), share)
        if strayed is None or again is None or pooled is None:
            return None
        both = Confirmation(strayed=strayed, again=again, pooled=pooled)
        if not both.holds(levels):
            return both
        rest = weakest_without_one(signal, strays_of((*before, *after)), share, question.widened)
        return replace(both, without_one=rest)

    def without_night(rows: Sequence[int]) -> Tail | None:
        found = strays_of(rows)
        rests = [[*found[:place], *found[place + 1 :]] for place in range(len(found))]
        tails = [tail_of(signal, rest, 1.0 / len(rest), question.widened) for rest in rests if rest]
        return max(tails, key=lambda one: one.p_value, default=None)

    tonight, confirm = question.rows(Occasion.TONIGHT), question.rows(Occasion.CONFIRM)
    alone = tail(tonight, ONE_NIGHT)
    if alone is None:
        return None
    before = (*question.rows(Occasion.AWAITED), *question.rows(Occasion.EARLIER))
    last = (*tonight, *before)[: levels.window]
    window = tail(last, 1.0 / len(last)) if len(last) == levels.window else None
    return Ruling(
        levels=levels,
        tonight=alone,
        confirmed=confirmation(tonight, confirm, SAME_NIGHT),
        awaited=confirmation(question.rows(Occasion.AWAITED), tonight, TWO_NIGHTS),
        window=window,
        asked_again=bool(confirm),
        without_night=without_night(last) if window is not None and window.p_value <= levels.drift else None,
    )
