"""Whether two targets answer a case alike: calls, structured answers, refusals and texts, each by its own measure. Pure.

What a side says counts where it says it itself: a field, a stance or a call is a side's own where at least two thirds
of its replies have it. Where a side differs from itself, nothing can be told of that. Texts are compared by a kernel:
how much less alike two replies are across the sides than within a side, by a permutation test over the replies.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from harness.core.canonical import Record, canonical_json
from harness.core.graders.json_answer import NotJson, read_json
from harness.core.measures import MeasuredCase, MeasuredSample, Vectors
from harness.core.replies import Answer
from harness.core.signals.embedding import embedding_gram
from harness.core.signals.signal import Floats
from harness.core.signals.string import hamming_gram
from harness.core.stats.permutation import TIE

LEVEL = 0.05
SMALLEST_SHIFT = 0.1
"""Of a kernel, 0..1: two sides whose replies are less apart than this answer alike, however sure that is."""
OWN_SHARE = 2 / 3
FEWEST_REPLIES = 3
"""A side, to say anything: of two replies that are alike nobody knows what the third one says."""
FEWEST_TEXTS = 4
"""A side, to say that texts are alike: with fewer, no permutation test could have said that they are not."""
MOST_FIELDS = 200
_MOST_LABELLINGS = 1_000
_NOTHING = "nothing"


class Alike(StrEnum):
    """What is said of a case, or of one thing about it."""

    DISAGREE = "disagree"
    COULD_NOT_TELL = "could not tell"
    AGREE = "agree"


class Aspect(Record):
    """One thing in which two sides were compared."""

    what: str
    """call, structure, refusal, rules or text."""
    says: Alike
    because: str
    p_value: float | None = None
    """Of texts."""


class CaseAlike(Record):
    """What is said of one case."""

    case: str
    says: Alike
    n_reference: int
    n_candidate: int
    aspects: tuple[Aspect, ...]


class AgreementResult(Record):
    """Two targets, case by case."""

    schema_version: int = 1
    reference: str
    candidate: str
    cases: tuple[CaseAlike, ...]

    @property
    def exit_code(self) -> int:
        """1 where a case disagrees, else 3 where one could not be told or none was asked, else 0."""
        said = {case.says for case in self.cases}
        if Alike.DISAGREE in said:
            return 1
        return 0 if said == {Alike.AGREE} else 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One case, both sides' answers beside what they measure."""

    measured: MeasuredCase
    reference: Sequence[Answer]
    candidate: Sequence[Answer]


def say_alike(said: Said, vectors: Vectors, names: tuple[str, str], *, seed: int) -> CaseAlike:
    """Compare one case. Deterministic in `seed`; fewer than `FEWEST_REPLIES` a side tell nothing."""
    sides = said.reference, said.candidate
    aspects: tuple[Aspect, ...] = ()
    if min(map(len, sides)) >= FEWEST_REPLIES:
        aspects = tuple(_aspects(said, vectors, names, seed))
    worst = min((aspect.says for aspect in aspects), key=_FROM_WORST.index, default=Alike.COULD_NOT_TELL)
    return CaseAlike(
        case=said.measured.case.id,
        says=worst,
        n_reference=len(said.reference),
        n_candidate=len(said.candidate),
        aspects=aspects,
    )


_FROM_WORST = tuple(Alike)


def _aspects(said: Said, vectors: Vectors, names: tuple[str, str], seed: int) -> Iterator[Aspect]:
    measured = said.measured
    stances = [_stances(side) for side in (measured.reference, measured.candidate)]
    if any("declines" in side for side in stances):
        own = [_own(side) for side in stances]
        refusal = _own_and_other("refusal", own, names)
        yield refusal
        # Two that decline say the same, in whatever words; and where one does, its words are beside the point. Two
        # that answer, now and then a reply apart, have still to say the same.
        if refusal.says is Alike.DISAGREE or own == ["declines", "declines"]:
            return
    broken = [
        [sample.measures.invalid for sample in side if sample.measures.invalid is not None]
        for side in (measured.reference, measured.candidate)
    ]
    if all(broken):
        yield _own_and_other(
            "rules", [_own(["breaks" if value else "keeps" for value in side]) for side in broken], names
        )
    calls = [[_calls(answer) for answer in side] for side in (said.reference, said.candidate)]
    if any(reply for side in calls for reply in side):
        yield _fields("call", calls, names)
        return
    read = [[_structure(answer) for answer in side] for side in (said.reference, said.candidate)]
    if any(reply is not None for side in read for reply in side):
        yield _structured(read, names)
        return
    yield _texts(measured, vectors, names, seed)


def _stances(side: Sequence[MeasuredSample]) -> list[str]:
    refused = [sample.measures.refused for sample in side]
    return ["declines" if value else "answers" for value in refused if value is not None]


def _own(values: Sequence[str]) -> str | None:
    """Return what at least two thirds of a side's replies have; None where they have nothing in common."""
    if not values:
        return None
    value, count = Counter(values).most_common(1)[0]
    return value if count >= OWN_SHARE * len(values) - 1e-9 else None


def _own_and_other(what: str, own: Sequence[str | None], names: tuple[str, str]) -> Aspect:
    if None in own:
        varies = " and ".join(name for name, value in zip(names, own, strict=True) if value is None)
        return Aspect(what=what, says=Alike.COULD_NOT_TELL, because=f"{varies} differs from itself")
    says = Alike.AGREE if own[0] == own[1] else Alike.DISAGREE
    if says is Alike.AGREE:
        return Aspect(what=what, says=says, because=f"both: {own[0]}")
    return Aspect(what=what, says=says, because=f"{names[0]}: {own[0]}, {names[1]}: {own[1]}")


def _calls(answer: Answer) -> dict[str, str]:
    """Return a reply's tool calls by path: the names, and every argument."""
    found: dict[str, str] = {}
    for place, call in enumerate(answer.tool_calls):
        found[f"call {place + 1}"] = call.name
        found |= _leaves(call.arguments, f"call {place + 1} {call.name}")
    return found


def _structure(answer: Answer) -> dict[str, str] | None:
    """Return a reply's JSON by path; None for a reply that is no object and no list."""
    value = read_json(answer.text)
    return None if isinstance(value, NotJson) or not isinstance(value, dict | list) else _leaves(value, "$")


def _leaves(value: object, path: str) -> dict[str, str]:
    """Return every value that holds no other, as canonical JSON, by its path; at most `MOST_FIELDS`."""
    found: dict[str, str] = {}
    waiting: list[tuple[str, object]] = [(path, value)]
    while waiting and len(found) < MOST_FIELDS:
        where, one = waiting.pop()
        if isinstance(one, Mapping) and one:
            waiting.extend((f"{where}.{key}", inner) for key, inner in reversed(list(one.items())))
        elif isinstance(one, list | tuple) and one:
            waiting.extend((f"{where}[{n}]", inner) for n, inner in reversed(list(enumerate(one))))
        else:
            # 500 and 500.0 are one number, as in the graders.
            number = isinstance(one, int | float) and not isinstance(one, bool) and float(one) == one
            found[where] = (
                repr(float(one)) if number and isinstance(one, int | float) else canonical_json(one)
            )
    return found


def _structured(read: Sequence[Sequence[dict[str, str] | None]], names: tuple[str, str]) -> Aspect:
    form = _own_and_other(
        "structure",
        [_own(["no JSON" if reply is None else "JSON" for reply in side]) for side in read],
        names,
    )
    if form.says is not Alike.AGREE:
        return form
    return _fields("structure", [[reply for reply in side if reply is not None] for side in read], names)


def _fields(what: str, sides: Sequence[Sequence[dict[str, str]]], names: tuple[str, str]) -> Aspect:
    """Compare field by field; a field in which a side differs from itself tells nothing."""
    paths = list(dict.fromkeys(path for side in sides for reply in side for path in reply))
    own = {path: [_own([reply.get(path, _NOTHING) for reply in side]) for side in sides] for path in paths}
    differ = [
        path for path, (one, other) in own.items() if one is not None and other is not None and one != other
    ]
    if differ:
        one, other = own[differ[0]]
        more = f", and {len(differ) - 1} more" if len(differ) > 1 else ""
        return Aspect(
            what=what,
            says=Alike.DISAGREE,
            because=f"{_short(differ[0])}: {names[0]} {_short(one)}, {names[1]} {_short(other)}{more}",
        )
    vague = [path for path, values in own.items() if None in values]
    if 2 * len(vague) > len(paths):
        return Aspect(
            what=what,
            says=Alike.COULD_NOT_TELL,
            because=f"{len(vague)} of {len(paths)} fields vary within a side",
        )
    beside = f"; {len(vague)} vary within a side" if vague else ""
    return Aspect(
        what=what,
        says=Alike.AGREE,
        because=f"{len(paths) - len(vague)} of {len(paths)} fields are the same{beside}",
    )


def _texts(measured: MeasuredCase, vectors: Vectors, names: tuple[str, str], seed: int) -> Aspect:
    samples = [sample.measures for sample in measured.samples]
    split, total = len(measured.reference), len(samples)
    # Neither side is the baseline, so a kernel's width is taken over both.
    gram, kernel = embedding_gram(samples, total, vectors), "meaning"
    if gram is None:
        gram, kernel = hamming_gram(samples, total, vectors), "wording"
    if gram is None:
        return Aspect(what="text", says=Alike.COULD_NOT_TELL, because="the texts could not be measured")
    shift = _shift(gram, np.arange(total) < split)
    how = f"{shift:.2f} further apart in {kernel} than replies of one side"
    if shift <= 0:
        how = f"as alike in {kernel} as one side's"
    if min(split, total - split) < FEWEST_TEXTS:
        more = "too few replies to be sure, ask for more --samples"
        return Aspect(what="text", says=Alike.COULD_NOT_TELL, because=f"{how}; {more}")
    if shift < SMALLEST_SHIFT:
        return Aspect(what="text", says=Alike.AGREE, because=how)
    p_value = _p_value(gram, split, shift, seed)
    if p_value <= LEVEL:
        return Aspect(what="text", says=Alike.DISAGREE, because=f"{names[1]} is {how}", p_value=p_value)
    # So far apart is not alike, and chance may do as much: more replies tell.
    because = f"{names[1]} is {how}, and chance may do as much; ask for more --samples"
    return Aspect(what="text", says=Alike.COULD_NOT_TELL, because=because, p_value=p_value)


def _shift(gram: Floats, is_reference: NDArray[np.bool_]) -> float:
    """Return the mean likeness within a side, over both sides, less that across them."""
    one, other = np.flatnonzero(is_reference), np.flatnonzero(~is_reference)
    within = [_pairs(gram[np.ix_(side, side)]) for side in (one, other)]
    return sum(within) / 2 - float(gram[np.ix_(one, other)].mean())


def _pairs(block: Floats) -> float:
    size = block.shape[0]
    return float((block.sum() - np.trace(block)) / (size * (size - 1)))


def _p_value(gram: Floats, split: int, observed: float, seed: int) -> float:
    """Return the share of labellings under which the sides are as far apart; exact where there are few."""
    total = gram.shape[0]
    if comb(total, split) <= _MOST_LABELLINGS:
        every = [
            _shift(gram, np.isin(np.arange(total), chosen)) for chosen in combinations(range(total), split)
        ]
        return sum(value >= observed - TIE for value in every) / len(every)
    rng = np.random.default_rng(seed)
    drawn = (_shift(gram, rng.permutation(total) < split) for _ in range(_MOST_LABELLINGS - 1))
    return (1 + sum(value >= observed - TIE for value in drawn)) / _MOST_LABELLINGS


def _short(text: str | None, most: int = 60) -> str:
    said = text or ""
    return said if len(said) <= most else f"{said[:most]}…"
