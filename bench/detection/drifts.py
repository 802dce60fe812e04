"""Drifts with a size: what share of a prompt's replies comes from where, from their first night on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from bench.detection.suites import Floats, Kind, Pool, Prompt, Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where one prompt's replies come from on a night."""

    usual: Floats
    """Shape (answers,), the sum 1."""
    other: Floats
    """Likewise; drawn from with probability `share`."""
    share: float = 0.0
    longer: float = 0.0
    """Added to the log length."""

    @property
    def likely(self) -> Floats:
        """Return how likely each answer is, a night's own effect apart."""
        return np.asarray((1.0 - self.share) * self.usual + self.share * self.other)


Sources = tuple[Source, ...]
"""One of every prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A change of a target, night by night."""

    title: str
    sources: Callable[[Suite, int, np.random.Generator], Sources]
    """From a suite, nights since the first one drifted (0 on it), and randomness that is the same every night."""
    nights: int = 5
    """Within how many nights it should be seen."""
    channel: str | None = None
    """The one signal that moves, where a test that knows it is simple."""


def quiet(suite: Suite) -> Sources:
    """Return what an unchanged target answers from."""
    return tuple(_unchanged(prompt) for prompt in suite.prompts)


def _unchanged(prompt: Prompt) -> Source:
    return Source(usual=prompt.usual, other=prompt.pools[Pool.OTHER])


def _only(kinds: tuple[Kind, ...], change: Callable[[Prompt, Source], Source]) -> Callable[..., Sources]:
    def sources(suite: Suite, _night: int, _rng: np.random.Generator) -> Sources:
        return tuple(
            change(prompt, source) if prompt.kind in kinds else source
            for prompt, source in zip(suite.prompts, quiet(suite), strict=True)
        )

    return sources


def _from_pool(pool: Pool, share: float) -> Callable[[Prompt, Source], Source]:
    def change(prompt: Prompt, source: Source) -> Source:
        return replace(source, other=prompt.pools[pool], share=share)

    return change


def _refusing(points: float) -> Callable[[Prompt, Source], Source]:
    """Raise the share of refusals by `points`, at most to 1."""

    def change(prompt: Prompt, source: Source) -> Source:
        complying = float(prompt.usual[~prompt.refused].sum())
        share = min(1.0, points / complying) if complying > 0 else 1.0
        return replace(source, other=prompt.pools[Pool.REFUSING], share=share)

    return change


def _complying(prompt: Prompt, source: Source) -> Source:
    usual = np.where(prompt.refused, 0.0, prompt.usual)
    return replace(source, usual=usual / usual.sum())


def _wrong(points: float) -> Callable[[Prompt, Source], Source]:
    """Turn right answers wrong until the share of right ones has fallen by `points`, or is 0."""

    def change(prompt: Prompt, source: Source) -> Source:
        right = float(prompt.usual[prompt.score > 0.5].sum())
        share = min(1.0, points / right) if right > 0 else 1.0
        return replace(source, other=prompt.pools[Pool.WRONG], share=share)

    return change


def _longer(by: float) -> Callable[[Prompt, Source], Source]:
    return lambda _prompt, source: replace(source, longer=by)


def _one_broken(suite: Suite, _night: int, rng: np.random.Generator) -> Sources:
    broken = int(rng.choice(suite.of(Kind.STRUCTURE)))
    return tuple(
        replace(source, other=suite.prompts[n].pools[Pool.BROKEN], share=1.0) if n == broken else source
        for n, source in enumerate(quiet(suite))
    )


def _coarser(suite: Suite, _night: int, rng: np.random.Generator) -> Sources:
    """Disturb all log weights a little, for good, and let a few new answers in."""
    found = []
    for prompt, source in zip(suite.prompts, quiet(suite), strict=True):
        there = prompt.usual > 0
        weights = np.where(there, prompt.usual * np.exp(0.5 * rng.normal(size=there.size)), 0.0)
        found.append(replace(source, usual=weights / weights.sum(), share=0.04))
    return tuple(found)


def _ramp(suite: Suite, night: int, _rng: np.random.Generator) -> Sources:
    share = 0.4 * min(1.0, (night + 1) / 14)
    return tuple(replace(source, share=share) for source in quiet(suite))


_EVERY = tuple(Kind)
_CHECKED = (Kind.STRUCTURE, Kind.TOOL)

DRIFTS: Mapping[str, Drift] = {
    "swap": Drift(title="another model", sources=_only(_EVERY, _from_pool(Pool.OTHER, 1.0))),
    "format25": Drift(
        title="format +25 points", sources=_only(_CHECKED, _from_pool(Pool.BROKEN, 0.25)), channel="format"
    ),
    "quality40": Drift(
        title="quality -40, reasoning", sources=_only((Kind.REASONING,), _wrong(0.4)), channel="quality"
    ),
    "quality20": Drift(
        title="quality -20, reasoning", sources=_only((Kind.REASONING,), _wrong(0.2)), channel="quality"
    ),
    "refusal60": Drift(
        title="refusals +60, edge",
        sources=_only((Kind.EDGE,), _refusing(0.6)),
        channel="refusal",
    ),
    "refusal30": Drift(
        title="refusals +30, edge",
        sources=_only((Kind.EDGE,), _refusing(0.3)),
        channel="refusal",
    ),
    "refusal15": Drift(
        title="refusals +15 everywhere",
        sources=_only(_EVERY, _refusing(0.15)),
        channel="refusal",
    ),
    "misroute": Drift(title="16 % of calls misrouted", sources=_only(_EVERY, _from_pool(Pool.OTHER, 0.16))),
    "ramp": Drift(title="misrouting grows to 40 % in 14 nights", sources=_ramp, nights=14),
    "length": Drift(title="replies 15 % longer", sources=_only(_EVERY, _longer(0.14)), channel="length"),
    "vanish": Drift(title="refusals vanish", sources=_only((Kind.EDGE,), _complying), channel="refusal"),
    "one": Drift(title="one prompt of 20 breaks its format", sources=_one_broken, channel="format"),
    "coarse": Drift(title="quantisation", sources=_coarser),
}
