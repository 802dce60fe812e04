"""From measures to all that a night is decided by, each case read once for all signals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.core.detection.occasions import Asked
from harness.core.detection.readings import CaseValues, SampleValues, case_values
from harness.core.detection.scores import Column, SignalScores, column_of, read_case, side_by_side
from harness.core.measures import Comparison
from harness.core.signals import Signal
from harness.core.signals.signal import Floats, Gram

Rows = Mapping[int, tuple[SignalScores, int]]
"""By row of what was asked: the scores it is in, and its row there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What the signals make of both sides."""

    values: Mapping[str, SampleValues]
    """By signal: what is shown."""
    scores: Sequence[Mapping[str, Rows]]
    """By group of cases and signal: what decides."""


def gather(
    signals: Sequence[Signal], comparison: Comparison, groups: Sequence[Comparison], asked: Sequence[Asked]
) -> Gathered:
    """Read every case of `comparison`, and score those of each group over the nights that the group shares.

    One case after the other, so that the likeness of its samples is worked out once and not kept.
    """
    plans = _plans(asked)
    nights = [sorted({s.batch for m in group.cases for s in m.reference}) for group in groups]
    group_of = {m.case.id: place for place, group in enumerate(groups) for m in group.cases}
    shown: dict[str, list[CaseValues]] = {signal.name: [] for signal in signals}
    columns: dict[tuple[int, str, int], list[Column]] = {}
    for measured in comparison.cases:
        place, known = group_of[measured.case.id], dict[Gram, Floats | None]()
        for signal in signals:
            read = read_case(signal, measured, comparison.vectors, known)
            shown[signal.name].append(case_values(signal, measured, read))
            if read is None or not signal.decides or not signal.may_gate(measured.case):
                continue
            for plan, rows in enumerate(plans):
                column = column_of(signal, read, nights[place], [asked[row] for row in rows])
                if column is not None:
                    columns.setdefault((place, signal.name, plan), []).append(column)
    return Gathered(
        values={
            signal.name: SampleValues(
                signal=signal, target=comparison.target, cases=tuple(shown[signal.name])
            )
            for signal in signals
        },
        scores=[
            {signal.name: _rows(signal, columns, place, plans, len(nights[place])) for signal in signals}
            for place in range(len(groups))
        ],
    )


def _plans(asked: Sequence[Asked]) -> list[list[int]]:
    """Sort the batches into those with equally many samples of every case."""
    plans: dict[tuple[tuple[str, int], ...], list[int]] = {}
    for row, batch in enumerate(asked):
        plans.setdefault(tuple(sorted(batch.samples.items())), []).append(row)
    return list(plans.values())


def _rows(
    signal: Signal,
    columns: Mapping[tuple[int, str, int], Sequence[Column]],
    place: int,
    plans: Sequence[Sequence[int]],
    nights: int,
) -> Rows:
    found = {}
    for plan, rows in enumerate(plans):
        scores = side_by_side(signal, columns.get((place, signal.name, plan), ()), nights)
        if scores is not None:
            found.update({row: (scores, at) for at, row in enumerate(rows)})
    return found
