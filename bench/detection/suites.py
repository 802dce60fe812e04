"""Suites that never were: prompts with their distinct answers, how likely each is, and what it measures.

An answer is 64 symbols, a unit vector, a length, and whether it refuses, breaks its format and is right. A
prompt's answers share a beginning and part somewhere, as the replies of one model do. Beside the answers of
every day a prompt has pools that only a drift draws from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SYMBOLS, LETTERS, AXES = 64, 50, 24
RIGHT, WRONG = 0.9, 0.25
"""Mean score that the judge gives."""


class Kind(StrEnum):
    """What a prompt is for."""

    STRUCTURE = "structure"
    EDGE = "edge"
    REASONING = "reasoning"
    TOOL = "tool"
    AMBIGUOUS = "ambiguous"


class Pool(StrEnum):
    """Answers that only a drift draws from."""

    OTHER = "other"
    """What another model says."""
    BROKEN = "broken"
    REFUSING = "refusing"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How much a model differs from itself."""

    title: str
    short: int
    """Distinct answers to a prompt with a short reply."""
    long: int
    gap: float
    """How much the answers' log weights differ: the share of the most common one."""
    night: float
    """Standard deviation of a night's effect on the log weights."""
    surest: float
    """Where the answers are few: how much the log weight of one of them is raised at most."""
    length_sd: float
    """Of the log lengths of a prompt's answers."""
    modal: tuple[float, float] | None = None
    """Least and largest share of the most common answer, where the gap does not set it."""
    judged: bool = True
    """A judge scores the reasoning prompts; else checks that pass or fail do, and count as format."""


PROFILES: Mapping[str, Profile] = {
    "steady": Profile(
        title="near-deterministic", short=2, long=5, gap=2.0, night=3.0, surest=16.0, length_sd=0.12
    ),
    "zero": Profile(title="temperature 0", short=3, long=34, gap=0.75, night=1.5, surest=6.0, length_sd=0.25),
    "one": Profile(
        title="temperature 1", short=22, long=400, gap=0.8, night=0.25, surest=0.0, length_sd=0.28
    ),
    "still": Profile(
        title="hardly moves",
        short=3,
        long=5,
        gap=1.0,
        night=0.0,
        surest=0.0,
        length_sd=0.2,
        modal=(0.97, 0.9995),
        judged=False,
    ),
}

LAYOUTS: Mapping[str, tuple[int, int, int, int, int]] = {
    "5-4-5-3-3": (5, 4, 5, 3, 3),
    "4-each": (4, 4, 4, 4, 4),
}
"""Prompts of every kind, in the order of `Kind`."""
_SHORT = {Kind.STRUCTURE: 2, Kind.EDGE: 1, Kind.REASONING: 2, Kind.TOOL: 20, Kind.AMBIGUOUS: 1}
"""Of every kind, how many ask for a short reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One prompt and its answers; arrays have shape (answers, …)."""

    kind: Kind
    usual: Floats
    """How likely each answer is on an ordinary day; 0 for those of the pools."""
    pools: Mapping[Pool, Floats]
    symbols: NDArray[np.int8]
    vectors: Floats
    length: Floats
    """log(1 + characters)."""
    refused: Flags
    invalid: Flags
    score: Floats
    """What a judge without noise gives."""

    @property
    def checked(self) -> bool:
        """Say whether a rule of the prompt can be broken."""
        return self.kind in (Kind.STRUCTURE, Kind.TOOL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Prompts that are asked every night."""

    profile: Profile
    prompts: tuple[Prompt, ...]

    def of(self, kind: Kind) -> NDArray[np.intp]:
        """Return which prompts are of `kind`."""
        return np.array([n for n, prompt in enumerate(self.prompts) if prompt.kind is kind], dtype=np.intp)


def make_suite(profile: Profile, layout: str, rng: np.random.Generator) -> Suite:
    """Draw a suite of 20 prompts."""
    prompts = []
    for kind, count in zip(Kind, LAYOUTS[layout], strict=True):
        prompts += [_make_prompt(profile, kind, rng, short=number < _SHORT[kind]) for number in range(count)]
    return Suite(profile=profile, prompts=tuple(prompts))


def _make_prompt(profile: Profile, kind: Kind, rng: np.random.Generator, *, short: bool) -> Prompt:
    usual_count = profile.short if short else profile.long
    extra = min(usual_count, 12)
    sizes = {None: usual_count, Pool.OTHER: usual_count} | dict.fromkeys(list(Pool)[1:], extra)
    start, spans = 0, {}
    for name, size in sizes.items():
        spans[name] = slice(start, start + size)
        start += size
    weights = {name: _weights(profile, kind, size, rng) for name, size in sizes.items()}
    refused, invalid, wrong = np.zeros((3, start), dtype=np.bool_)
    for name in (None, Pool.OTHER):
        span, other = spans[name], name is Pool.OTHER
        if kind is Kind.EDGE:
            refused[span] = _marked(weights[name], rng.uniform(0.08, 0.6), rng, both=True)
        if kind in (Kind.STRUCTURE, Kind.TOOL):
            often = rng.uniform(0.05, 0.35) if other else rng.uniform(0.0, 0.06)
            invalid[span] = _marked(weights[name], often, rng, both=False)
        if kind is Kind.REASONING:
            often = rng.uniform(0.05, 0.5) if rng.random() < 0.75 else 0.0
            wrong[span] = _marked(weights[name], often, rng, both=False)
    refused[spans[Pool.REFUSING]] = True
    invalid[spans[Pool.BROKEN]] = kind in (Kind.STRUCTURE, Kind.TOOL)
    wrong[spans[Pool.WRONG]] = True
    wrong |= refused
    score = np.clip(np.where(wrong, WRONG, RIGHT) + rng.normal(0.0, 0.04, start), 0.0, 1.0)

    def spread_out(name: Pool | None) -> Floats:
        whole = np.zeros(start)
        whole[spans[name]] = weights[name]
        return whole

    other = np.zeros(start, dtype=np.bool_)
    other[spans[Pool.OTHER]] = True
    return Prompt(
        kind=kind,
        usual=spread_out(None),
        pools={Pool.OTHER: _overlapping(spread_out(Pool.OTHER), spread_out(None), 0.35 if short else 0.03)}
        | {pool: spread_out(pool) for pool in list(Pool)[1:]},
        symbols=_symbols(usual_count, start, rng),
        vectors=_vectors(start, refused, other, rng),
        length=_lengths(profile, start, other, rng, short=short),
        refused=refused,
        invalid=invalid,
        score=score,
    )


def _weights(profile: Profile, kind: Kind, size: int, rng: np.random.Generator) -> Floats:
    """Return how likely `size` answers are, the sum 1."""
    weights = np.exp(profile.gap * rng.normal(size=size))
    if profile.modal is not None:
        least, most = (1.0 - share for share in profile.modal)
        off = np.exp(rng.uniform(np.log(most), np.log(least)))
        rest = weights[1:] / weights[1:].sum()
        return np.concatenate([[1.0 - off], off * rest])
    if size <= 5 and kind is not Kind.EDGE:
        weights[0] *= np.exp(rng.uniform(0.0, profile.surest))
    return np.asarray(weights / weights.sum())


def _marked(weights: Floats, share: float, rng: np.random.Generator, *, both: bool) -> Flags:
    """Choose answers that together weigh about `share`; with `both`, never none and never all. Weights are scaled to fit."""
    marked = np.zeros(weights.size, dtype=np.bool_)
    if share <= 0 or weights.size < 2:
        return marked
    order = rng.permutation(weights.size)
    if weights.max() > 0.9:
        # What hardly moves shows an event in its rare answers only.
        marked[np.argmin(weights)] = True
        return marked
    reached = np.cumsum(weights[order])
    count = int(np.searchsorted(reached, share, side="right"))
    if both:
        count = min(max(count, 1), weights.size - 1)
    marked[order[:count]] = True
    if both:
        weights[marked] *= share / weights[marked].sum()
        weights[~marked] *= (1.0 - share) / weights[~marked].sum()
    return marked


def _overlapping(other: Floats, usual: Floats, share: float) -> Floats:
    """Give another model a share of the answers that both give."""
    return np.asarray((1.0 - share) * other + share * usual)


def _symbols(usual: int, count: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """Return answers that share a beginning; those of the pools part from it sooner."""
    first = rng.integers(LETTERS, size=SYMBOLS)
    parts = rng.integers(4, SYMBOLS, size=count)
    parts[usual:] = rng.integers(2, SYMBOLS // 2, size=count - usual)
    own = rng.integers(LETTERS, size=(count, SYMBOLS))
    return np.where(np.arange(SYMBOLS) < parts[:, None], first, own).astype(np.int8)


def _vectors(count: int, refused: Flags, other: Flags, rng: np.random.Generator) -> Floats:
    def unit() -> Floats:
        drawn = rng.normal(size=AXES)
        return np.asarray(drawn / np.linalg.norm(drawn))

    reach = 0.4 * np.exp(rng.normal(0.0, 0.3)) * np.exp(rng.normal(0.0, 0.2, size=(count, 1)))
    vectors = unit() + reach * rng.normal(size=(count, AXES)) / np.sqrt(AXES)
    vectors = vectors + 0.7 * refused[:, None] * unit() + 0.45 * other[:, None] * unit()
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _lengths(profile: Profile, count: int, other: Flags, rng: np.random.Generator, *, short: bool) -> Floats:
    middle = rng.normal(3.1, 0.2) if short else rng.normal(6.3, 0.08)
    lengths = middle + profile.length_sd * rng.normal(size=count) + rng.normal(0.0, 0.25) * other
    # A text has whole characters.
    return np.asarray(np.log1p(np.maximum(np.round(np.expm1(lengths)), 1.0)))
