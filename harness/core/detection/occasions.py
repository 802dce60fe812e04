"""The occasions that a decision tests, and the cases that can be judged together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.core.measures import Comparison, MeasuredCase

FEWEST_NIGHTS = 5
SHARED_NIGHTS = 0.8
"""A case is judged with others when it has this share of their nights."""


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
    nights = {m.case.id: frozenset(s.batch for s in m.reference) for m in comparison.cases}
    left = list(comparison.cases)
    found = []
    while left:
        shared = _most_shared([nights[m.case.id] for m in left])
        members = [m for m in left if _belongs(nights[m.case.id], shared)]
        once = shared - _copies(members, shared)
        found.append(
            Comparison(
                target=comparison.target,
                cases=tuple(_only_nights(m, once) for m in members),
                vectors=comparison.vectors,
            )
        )
        left = [m for m in left if not _belongs(nights[m.case.id], shared)]
    return tuple(sorted(found, key=lambda group: -len(group.cases)))


def _most_shared(sets: Sequence[frozenset[str]]) -> frozenset[str]:
    def covered(shared: frozenset[str]) -> tuple[int, int, tuple[str, ...]]:
        cells = sum(len(own & shared) for own in sets if _belongs(own, shared))
        return cells, len(shared), tuple(sorted(shared))

    return max(dict.fromkeys(sets), key=covered)


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
