"""The product's own decision over a stream of nights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from bench.detection.scoring import FAMILIES, score_batches
from bench.detection.streams import Batches
from bench.detection.suites import Flags, Suite
from harness.core.detection.occasions import Asked, Occasion
from harness.core.detection.question import Question
from harness.core.detection.rule import Ruling, levels_of, rule_on
from harness.core.detection.scores import SignalScores
from harness.core.detection.stray import Stray, strays
from harness.core.policy import Policy
from harness.core.signals import Signal

Held = Callable[[int], Stray | None]
Scorer = Callable[[Suite, Batches, Batches], Sequence[SignalScores]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamBatches:
    """The batches of a stream's nights."""

    baseline: Batches
    first: Batches
    confirm: Batches
    """As many as `first`; read on nights that are screened only."""
    screened_with: int | None = None
    """Samples of a prompt on the first batch, where they are fewer than the confirmation's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nights:
    """What was decided; arrays of shape (nights,)."""

    drift: Flags
    screened: Flags
    rulings: tuple[Mapping[str, Ruling], ...]
    """By signal, night by night."""

    def signals(self, night: int) -> tuple[str, ...]:
        """Return which signals drifted."""
        return tuple(name for name, ruling in self.rulings[night].items() if ruling.drift)


def decide_stream(
    suite: Suite,
    tested: StreamBatches,
    policy: Policy,
    *,
    widened: float = 1.0,
    window: bool = True,
    score: Scorer = score_batches,
) -> Nights:
    """Decide every night of a stream: the confirmation is read where a signal strays, as in a run."""
    few = tested.screened_with
    first = tested.first if few is None else tested.first.first(few)
    held = [
        _Held(signal=one.signal, first=cache(strays(one))) for one in score(suite, tested.baseline, first)
    ]
    alone = [_rule(held, night, policy, widened, window=window) for night in range(len(first))]
    screened = np.array([policy.confirm and any(r.screened for r in found.values()) for found in alone])
    asked_again = np.flatnonzero(screened)
    confirm = score(suite, tested.baseline, tested.confirm.part(asked_again)) if asked_again.size else ()
    again = {one.signal.name: cache(strays(one)) for one in confirm}
    for row, night in enumerate(asked_again):
        confirmed = {name: hold(row) for name, hold in again.items()}
        alone[night] = _rule(held, int(night), policy, widened, window=window, confirmed=confirmed)
    return Nights(
        screened=screened,
        drift=np.array([any(ruling.drift for ruling in found.values()) for found in alone]),
        rulings=tuple(alone),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """One signal's nights, each held against its floor when it is asked for, and once."""

    signal: Signal
    first: Held


def _rule(
    held: Sequence[_Held],
    night: int,
    policy: Policy,
    widened: float,
    *,
    window: bool,
    confirmed: Mapping[str, Stray | None] | None = None,
) -> dict[str, Ruling]:
    levels = levels_of(policy, families=len(FAMILIES), share=1.0)
    earlier = range(night - 1, max(night - policy.window_nights, -1), -1) if window else range(0)
    occasions = [Occasion.TONIGHT]
    occasions += [Occasion.CONFIRM] if confirmed is not None else []
    occasions += [Occasion.EARLIER] * len(earlier)
    asked = (Asked(batch=str(row), occasion=occasion, samples={}) for row, occasion in enumerate(occasions))
    question = Question(asked=tuple(asked), widened=widened)
    found = {}
    for one in held:
        strayed = [one.first(night)]
        strayed += [confirmed.get(one.signal.name)] if confirmed is not None else []
        strayed += [one.first(before) for before in earlier]
        ruling = rule_on(one.signal, dict(enumerate(strayed)), question, levels)
        if ruling is not None:
            found[one.signal.name] = ruling
    return found
