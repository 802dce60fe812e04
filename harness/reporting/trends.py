"""The last thirty nights of every signal: values on a calendar, and what changed around the model meanwhile."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise

from harness.core.batch import Baseline
from harness.core.findings import Outcome
from harness.core.night_facts import asked_of
from harness.core.past import PAST_DAYS, PastNight
from harness.core.run import RunRecord
from harness.core.verdict import SignalReading, TargetVerdict, Verdict
from harness.reporting.counting import many
from harness.reporting.course import course_of, course_status
from harness.reporting.escape import one_line
from harness.reporting.model import Happening, HappeningKind, Status, Trend, TrendColumn
from harness.reporting.natural import floor_of, in_unit, natural_scale
from harness.reporting.wording import night_text, signal_named, signal_title

FEWEST_POINTS = 3
"""With fewer nights than these, tonight included, a line says nothing that its tile does not."""
MOST_HAPPENINGS = 12
_Served = tuple[str, frozenset[str], frozenset[str], frozenset[str]]
"""A night, and what it was served by: models, fingerprints, libraries."""


def trends(record: RunRecord, verdict: Verdict) -> tuple[TrendColumn, ...]:
    """Make a column of every target of which there are enough nights. Linear in nights and samples."""
    days = _days(verdict.night)
    if not days:
        return ()
    columns = (_column(record, target, days) for target in verdict.targets)
    return tuple(column for column in columns if column.rows)


def _column(record: RunRecord, target: TargetVerdict, days: Sequence[str]) -> TrendColumn:
    past = record.earlier.past.get(target.target, ())
    place = {day: number for number, day in enumerate(days)}
    # A night that was still learning had nothing to tell.
    told = {day for reading in target.readings for day in reading.dates}
    untold = {
        night.night
        for night in past
        if night.outcome is Outcome.INCONCLUSIVE and night.accepted_at and night.night not in told
    }
    if target.outcome is Outcome.INCONCLUSIVE:
        untold.add(days[-1])
    rows = tuple(
        row
        for reading in target.readings
        if (signal := signal_named(reading.signal)) is None or signal.decides
        if (row := _trend(target, reading, past, place)) is not None
    )
    found = _happenings(record, target, past, days) if rows else ()
    return TrendColumn(
        target=target.target,
        rows=rows,
        happenings=found[-MOST_HAPPENINGS:],
        untold=tuple(sorted(place[night] for night in untold if night in place)),
        first=night_text(days[0]),
        last=night_text(days[-1]),
    )


def _trend(
    target: TargetVerdict, reading: SignalReading, past: Sequence[PastNight], place: Mapping[str, int]
) -> Trend | None:
    values: list[float | None] = [None] * len(place)
    for night in past:
        for point in night.readings:
            if point.signal == reading.signal and night.night in place:
                values[place[night.night]] = point.tonight
    # What the baseline holds was measured tonight, by tonight's rules.
    for night_name, value in zip(reading.dates, reading.nights, strict=False):
        if night_name in place:
            values[place[night_name]] = value
    values[-1] = reading.tonight
    known = [value for value in values if value is not None]
    if len(known) < FEWEST_POINTS:
        return None
    scale = natural_scale([reading])
    status = course_status(course_of(target, reading), reading)
    floor = floor_of(reading)
    said = f"{signal_title(reading.signal)}, {target.target}: {many(len(known), 'night')} of the last {len(place)}"
    if floor is not None:
        out = sum(not (floor.low or 0) <= value <= floor.high for value in known)
        said += (
            f", {out} outside the range of the baseline" if out else ", all within the range of the baseline"
        )
    return Trend(
        name=signal_title(reading.signal),
        values=tuple(values),
        floor=floor,
        low=min([scale.low, *known]),
        high=max([scale.high, *known]),
        value=in_unit(reading.tonight, reading) if reading.tonight is not None else "–",
        status=status if reading.tonight is not None else Status.INCONCLUSIVE,
        label=said,
    )


def _happenings(
    record: RunRecord, target: TargetVerdict, past: Sequence[PastNight], days: Sequence[str]
) -> tuple[Happening, ...]:
    place = {day: number for number, day in enumerate(days)}
    baseline = record.references.get(target.target)
    found: list[tuple[str, HappeningKind, str]] = []
    served = {night: one for one in _served_by(baseline) for night in [one[0]]}
    for night in past:
        libraries = served.get(night.night, ("", frozenset(), frozenset(), frozenset[str]()))[3]
        served[night.night] = (
            night.night,
            frozenset(night.served),
            frozenset(night.fingerprints),
            libraries,
        )
    served[days[-1]] = (
        days[-1],
        frozenset(target.served),
        frozenset(target.fingerprints),
        _libraries_now(record, target.target),
    )
    found.extend(_changes([served[night] for night in sorted(served)]))
    found.extend(_asked_otherwise(record, target.target, past, days[-1]))
    found.extend(
        (one.at[:10], HappeningKind.BASELINE, "baseline accepted")
        for one in (baseline.acceptances if baseline is not None else ())
    )
    return tuple(
        Happening(place=place[night], kind=kind, when=night_text(night), what=what)
        for night, kind, what in sorted(set(found))
        if night in place
    )


def _changes(nights: Iterable[_Served]) -> Iterator[tuple[str, HappeningKind, str]]:
    """Yield what a night has that no night before it had."""
    seen: tuple[set[str], ...] = (set(), set(), set())
    kinds = (HappeningKind.MODEL, HappeningKind.FINGERPRINT, HappeningKind.LIBRARY)
    for night, *sets in nights:
        for before, now, kind in zip(seen, sets, kinds, strict=True):
            new = now - before
            if new and before:
                names = one_line(", ".join(sorted(new)), 60)
                yield night, kind, names if kind is HappeningKind.LIBRARY else f"{_NOUNS[kind]} {names}"
            before |= now


def _asked_otherwise(
    record: RunRecord, name: str, past: Sequence[PastNight], tonight: str
) -> Iterator[tuple[str, HappeningKind, str]]:
    """Yield the nights that asked something else than the night before them, as far as that is remembered."""
    nights = [(night.night, night.asked) for night in past] + [(tonight, asked_of(name, record.manifest))]
    known = [(night, asked) for night, asked in nights if asked is not None]
    for (_, before), (night, now) in pairwise(known):
        if now != before:
            yield night, HappeningKind.PROMPT, "other cases, prompts or parameters"


_NOUNS = {HappeningKind.MODEL: "model served", HappeningKind.FINGERPRINT: "fingerprint"}


def _served_by(baseline: Baseline | None) -> Iterator[_Served]:
    """Yield what the nights of a baseline were served by; a burst has none."""
    found: dict[str, tuple[set[str], set[str], set[str]]] = {}
    for case in baseline.cases.values() if baseline is not None else ():
        for sample in case.samples:
            models, prints, libraries = found.setdefault(sample.night, (set(), set(), set()))
            if sample.made_by:
                libraries.add(sample.made_by)
            if sample.answer is not None:
                models |= {sample.answer.model_served} if sample.answer.model_served else set()
                prints |= {sample.answer.system_fingerprint} if sample.answer.system_fingerprint else set()
    for night, (models, prints, libraries) in sorted(found.items()):
        yield night, frozenset(models), frozenset(prints), frozenset(libraries)


def _libraries_now(record: RunRecord, name: str) -> frozenset[str]:
    found = [f"{one.provider} {one.provider_version}" for one in record.manifest.targets if one.name == name]
    return frozenset(found)


def _days(night: str) -> tuple[str, ...]:
    """Return the dates up to `night`; nothing where that is no date."""
    try:
        last = date.fromisoformat(night)
        return tuple((last - timedelta(days=back)).isoformat() for back in range(PAST_DAYS, -1, -1))
    except (ValueError, OverflowError):
        return ()
