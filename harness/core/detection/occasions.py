"""The occasions that a decision tests, and the cases that can be judged together."""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.core.measures import Comparison, MeasuredCase

FEWEST_NIGHTS = 5
SHARED_NIGHTS = 0.8
"""A case is judged with others when it has this share of their nights."""
MOST_SEARCHED = 50
"""Groups that are looked for, and sets of nights among which the best is: a baseline may hold one for every case."""


class Occasion(StrEnum):
    """Which part an occasion has in the decision."""

    TONIGHT = "tonight"
    CONFIRM = "confirm"
    AWAITED = "awaited"
    """An earlier night that strayed and has not been confirmed yet; tonight does it."""
    EARLIER = "earlier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One batch tested, and how many samples of each case were planned for it."""

    batch: str
    """The label that its samples carry."""
    occasion: Occasion
    samples: Mapping[str, int]


def groups(comparison: Comparison) -> tuple[Comparison, ...]:
    """Sort cases into groups that share their baseline nights, the largest first.

    The pooled statistics need nights that the cases have in common. A case accepted anew has few of them:
    it is judged in a group of its own, with the cases accepted beside it, until it shares enough.
    """
    alike: dict[frozenset[str], list[MeasuredCase]] = {}
    for measured in comparison.cases:
        alike.setdefault(frozenset(s.batch for s in measured.reference), []).append(measured)
    place = {measured.case.id: number for number, measured in enumerate(comparison.cases)}
    found = []
    for shared, sets in _shared_nights({own: len(cases) for own, cases in alike.items()}):
        members = sorted((m for own in sets for m in alike[own]), key=lambda m: place[m.case.id])
        once = shared - _copies(members, shared)
        found.append(
            Comparison(
                target=comparison.target,
                cases=tuple(_only_nights(m, once) for m in members),
                vectors=comparison.vectors,
            )
        )
    return tuple(sorted(found, key=lambda group: -len(group.cases)))


def _shared_nights(
    counted: Mapping[frozenset[str], int],
) -> Iterator[tuple[frozenset[str], tuple[frozenset[str], ...]]]:
    """Yield the nights that a group shares, with the sets of nights that belong to it, by how many cases have each.

    After `MOST_SEARCHED` groups cases share a group only where their nights are the same.
    """
    left, named = dict(counted), {own: tuple(sorted(own)) for own in counted}
    for _ in range(MOST_SEARCHED):
        if not left:
            return
        shared = _most_shared(left, named)
        members = tuple(own for own in left if _belongs(own, shared))
        yield shared, members
        gone = set(members)
        left = {own: count for own, count in left.items() if own not in gone}
    for own in left:
        yield own, (own,)


def _most_shared(
    counted: Mapping[frozenset[str], int], named: Mapping[frozenset[str], tuple[str, ...]]
) -> frozenset[str]:
    def covered(shared: frozenset[str]) -> tuple[int, int, tuple[str, ...]]:
        cells = sum(count * len(own & shared) for own, count in counted.items() if _belongs(own, shared))
        return cells, len(shared), named[shared]

    commonest = heapq.nlargest(MOST_SEARCHED, counted, key=lambda own: (counted[own], named[own]))
    return max(commonest, key=covered)


def _belongs(own: frozenset[str], shared: frozenset[str]) -> bool:
    common = len(own & shared)
    return common >= SHARED_NIGHTS * len(shared) and common >= min(FEWEST_NIGHTS, len(shared))


def _copies(members: Sequence[MeasuredCase], nights: frozenset[str]) -> frozenset[str]:
    """Return the nights that repeat an earlier one to the letter, in a suite whose nights mostly differ.

    The same night entered twice, under two dates, would make each half of the other's surprise. Where most
    nights are alike, because the suite hardly moves, being alike proves nothing.
    """
    said: dict[str, list[tuple[str, int, str]]] = {night: [] for night in nights}
    for measured in members:
        for sample in measured.reference:
            if sample.batch in said:
                said[sample.batch].append((measured.case.id, sample.number, sample.measures.digest))
    first: dict[tuple[tuple[str, int, str], ...], str] = {}
    for night in sorted(nights):
        first.setdefault(tuple(sorted(said[night])), night)
    if 2 * len(first) <= len(nights):
        return frozenset()
    return nights - frozenset(first.values())


def _only_nights(measured: MeasuredCase, shared: frozenset[str]) -> MeasuredCase:
    return MeasuredCase(
        case=measured.case,
        reference=tuple(sample for sample in measured.reference if sample.batch in shared),
        candidate=measured.candidate,
    )
