"""Log-probabilities of a simulated model: a hidden vocabulary, its logits tonight, and the noise of a call."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nsmallest
from random import Random
from typing import NamedTuple

from harness.core.replies import TokenLogprob
from harness.simulator.chance import generator
from harness.simulator.tokens import TOKEN_CHARS

END = "<end>"
VOCABULARY = tuple(
    f"{gap}{first}{second}" for gap in ("", " ") for first in "bcdfghjklmnprstvwyz" for second in "aeiouy"
)[:200]
"""What a model might say and hardly ever does, beside the tokens that its answers go on with."""

_REST = 0.002
"""Probability of the whole vocabulary: a real model has a little mass everywhere."""
_REST_DEVIATION = 2.0
_QUANTISATION_DEVIATION = 0.15
_LEAST_SHARE = 1e-9
_DECIMALS = 7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenModel:
    """What a model may say to one question tonight, as logits of tokens."""

    pool: tuple[tuple[str, float], ...]
    """Every text that it may say, with its share over all nights."""
    place: tuple[str, ...]
    """What chance belongs to: the seed, the case, and which model it is."""
    night: str
    call_deviation: float
    """Standard deviation that each call adds to each logit."""
    night_deviation: float
    """Standard deviation that a night adds, the same for all of its calls."""
    quantisation: float
    """Size of the drift, 0..1: it moves every logit by the same amount on all nights."""

    def logprobs(
        self, text: str, *, call: str, top: int, positions: int | None = None
    ) -> tuple[TokenLogprob, ...]:
        """Return the log-probabilities of the tokens of `text`, with the `top` most likely tokens of each.

        `text` is one of the pool's, whole or cut between tokens. The probability of a token is that of the
        texts in the pool that go on with it, among those that began alike. `positions` keeps the first few.
        """
        starts = range(0, len(text), TOKEN_CHARS)[:positions]
        return tuple(self._position(text, start, call, top) for start in starts)

    def _position(self, text: str, start: int, call: str, top: int) -> TokenLogprob:
        names, logits = _tonight(self, text[:start])
        rng = generator(*self.place, "call", self.night, call, text[:start])
        noisy = _noisy(logits, self.call_deviation, rng)
        said = text[start : start + TOKEN_CHARS]
        total = math.log(math.fsum(map(math.exp, noisy)))
        known = dict(zip(names, noisy, strict=True))
        best = nsmallest(top, known.items(), key=lambda item: (-item[1], item[0]))
        return TokenLogprob(
            token=said,
            logprob=_rounded(known.get(said, math.log(_LEAST_SHARE)) - total),
            top=tuple((name, _rounded(logit - total)) for name, logit in best),
        )


class _Logits(NamedTuple):
    names: tuple[str, ...]
    values: tuple[float, ...]


# Log-probabilities of whole answers have a position for every four characters: kept within 50 MB.
@lru_cache(4096)
def _tonight(model: TokenModel, begun: str) -> _Logits:
    """Return the logits of the token that comes after `begun`, before the noise of a call.

    The vocabulary stands first, so that a token gets the same noise whatever else may be said.
    """
    rest = generator(*model.place, "vocabulary", begun)
    weights = [math.exp(rest.gauss(0, _REST_DEVIATION)) for _ in VOCABULARY]
    masses = {name: _REST * w / sum(weights) for name, w in zip(VOCABULARY, weights, strict=True)}
    for name, share in _following(model.pool, begun):
        masses[name] = masses.get(name, 0.0) + (1 - _REST) * share
    names = (*VOCABULARY, *sorted(masses.keys() - set(VOCABULARY)))
    logits = tuple(math.log(masses[name]) for name in names)
    moved = generator(*model.place, "quantisation", begun)
    logits = _noisy(logits, _QUANTISATION_DEVIATION * model.quantisation, moved)
    shared = generator(*model.place, "night", model.night, begun)
    return _Logits(names, _noisy(logits, model.night_deviation, shared))


def _following(pool: Sequence[tuple[str, float]], begun: str) -> tuple[tuple[str, float], ...]:
    """Return the tokens that texts of the pool go on with after `begun`, and their shares, which sum to 1.

    Empty where what began so has no share at all: a night may say what on average is never said.
    """
    end = len(begun) + TOKEN_CHARS
    alive = [(text[len(begun) : end] or END, share) for text, share in pool if text.startswith(begun)]
    total = math.fsum(share for _, share in alive)
    return tuple((token, share / total) for token, share in alive if share > 0) if total > 0 else ()


def _noisy(logits: Sequence[float], deviation: float, rng: Random) -> tuple[float, ...]:
    return tuple(logit + deviation * rng.gauss(0, 1) for logit in logits)


def _rounded(logprob: float) -> float:
    return min(0.0, round(logprob, _DECIMALS))
