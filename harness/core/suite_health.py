"""What the cases of a suite have shown so far: which earn their price, and which want looking at. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from harness.core.canonical import Record
from harness.core.incidents import Incident
from harness.core.suite import Case, Suite

FEWEST_TO_MOVE = 14
"""Nights of one and the same answer before a case is said never to move: as many as arm a baseline."""
FEWEST_TO_FAIL = 5
FAILS_IN = 0.9
"""Share of its nights."""
ALIKE = 0.9
"""Cosine of the vectors of two questions, from which they count as alike."""
SAME = 0.999
"""Cosine from which two questions are one, however their answers move."""
TOGETHER = 0.8
"""Correlation, over the nights, of how far two cases' answers lie from their usual ones."""
REVIEW_DAYS = {True: 31, False: 92}
"""How long a golden task, and a canary, may go without a review: a month, and a quarter."""


class HealthKind(StrEnum):
    """What may be wrong with a case."""

    NEVER_MOVES = "never moves"
    ALWAYS_FAILS = "always fails"
    DUPLICATE = "duplicate"
    OVERDUE = "review overdue"
    ROTATION = "rotation"


class HealthFinding(Record):
    """One thing to look at, and what to do about it."""

    kind: HealthKind
    cases: tuple[str, ...]
    because: str
    mend: str


class CaseHealth(Record):
    """What one case has shown."""

    case: str
    nights: int
    """On which it was asked as today and answered."""
    answers: int
    texts: int
    """Different answers."""
    broken_nights: int | None
    """Nights on which most answers broke a rule; None for a case without rules."""
    incidents: int
    """Incidents among whose cases it was."""
    alone: int
    """Incidents that it was the only case of."""
    review_by: str


class SuiteHealth(Record):
    """What a suite has shown."""

    suite: str
    nights: int
    """Batches that there are to judge by, of all targets."""
    first: str | None
    last: str | None
    incidents: int
    cases: tuple[CaseHealth, ...]
    findings: tuple[HealthFinding, ...]
    unmeasured: tuple[str, ...] = ()
    """What could not be looked at, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseNight:
    """A case's answers of one batch."""

    target: str
    night: str
    run: str
    texts: tuple[str, ...]
    """Digests of the answers; empty where none came back."""
    broken: float | None
    """Share of the answers that break a rule, 0..1; None without rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Two cases whose questions are alike."""

    first: str
    second: str
    similarity: float
    """Cosine of their questions."""
    together: float | None
    """Correlation of how their answers moved; None where neither ever did, or too few nights have both."""
    still: bool = False
    """Neither ever moved."""


def examine(
    suite: Suite,
    nights: Mapping[str, Sequence[CaseNight]],
    incidents: Sequence[Incident],
    alike: Sequence[Alike],
    today: date,
    *,
    unmeasured: Sequence[str] = (),
    further: Sequence[HealthFinding] = (),
) -> SuiteHealth:
    """Say what each case has shown in `nights` (by case id) and in `incidents`, and what wants looking at."""
    batches = {(one.target, one.run): one.night for found in nights.values() for one in found}
    dates = sorted(batches.values())
    findings = [finding for case in suite.cases for finding in _of_case(case, nights.get(case.id, ()), today)]
    return SuiteHealth(
        suite=suite.name,
        nights=len(batches),
        first=dates[0] if dates else None,
        last=dates[-1] if dates else None,
        incidents=len(incidents),
        cases=tuple(_shown(case, nights.get(case.id, ()), incidents) for case in suite.cases),
        findings=tuple(
            sorted(
                (*further, *findings, *_duplicates(alike)),
                key=lambda one: (_ORDER.index(one.kind), one.cases),
            )
        ),
        unmeasured=tuple(unmeasured),
    )


_ORDER = (
    HealthKind.ROTATION,
    HealthKind.ALWAYS_FAILS,
    HealthKind.DUPLICATE,
    HealthKind.NEVER_MOVES,
    HealthKind.OVERDUE,
)


def question_text(case: Case) -> str:
    """Return what a case asks, as a text to compare with other cases' texts."""
    if case.input is not None:
        said = [turn.model_dump(mode="json") for turn in case.input.turns]
        return "\n".join([case.task or "", *map(str, said), str(dict(case.input.vars))])
    return "\n".join(message.content for message in case.messages)


def alike_questions(
    vectors: Mapping[str, NDArray[np.float32]], threshold: float = ALIKE
) -> Iterator[tuple[str, str, float]]:
    """Yield the pairs of cases whose questions' unit vectors have a cosine of `threshold` or more, with it."""
    names = sorted(vectors)
    if len(names) < 2:
        return
    held = np.stack([vectors[name] for name in names])
    for place, name in enumerate(names[:-1]):
        cosines = held[place + 1 :] @ held[place]
        for other in np.flatnonzero(cosines >= threshold):
            yield name, names[place + 1 + int(other)], float(cosines[other])


def moved_together(
    first: Sequence[CaseNight], second: Sequence[CaseNight], vectors: Mapping[str, NDArray[np.float32]]
) -> tuple[float | None, bool]:
    """Correlate how far two cases' answers lie from their usual ones, over the batches that both have.

    Pearson's r; None with fewer than `FEWEST_TO_FAIL` batches, without vectors, or where one never moved. Beside it
    whether neither ever moved, over enough batches.
    """
    one, two = _distances(first, vectors), _distances(second, vectors)
    shared = sorted(one.keys() & two.keys())
    if len(shared) < FEWEST_TO_FAIL:
        return None, False
    left, right = (np.array([side[key] for key in shared]) for side in (one, two))
    flat = [float(side.std()) < 1e-6 for side in (left, right)]
    if any(flat):
        return None, all(flat)
    return float(np.corrcoef(left, right)[0, 1]), False


def _distances(
    nights: Sequence[CaseNight], vectors: Mapping[str, NDArray[np.float32]]
) -> dict[tuple[str, str], float]:
    """Return, by target and run, one minus the cosine of a batch's mean answer and the target's mean of all."""
    means: dict[tuple[str, str], NDArray[np.float32]] = {}
    for night in nights:
        held = [vectors[text] for text in night.texts if text in vectors]
        if held:
            means[night.target, night.run] = np.mean(held, axis=0)
    found = {}
    for target in {target for target, _ in means}:
        of_target = {key: mean for key, mean in means.items() if key[0] == target}
        usual = np.mean(list(of_target.values()), axis=0)
        for key, mean in of_target.items():
            scale = float(np.linalg.norm(usual) * np.linalg.norm(mean)) or 1.0
            found[key] = 1.0 - float(usual @ mean) / scale
    return found


def _shown(case: Case, nights: Sequence[CaseNight], incidents: Sequence[Incident]) -> CaseHealth:
    answered = [night for night in nights if night.texts]
    graded = [night.broken for night in answered if night.broken is not None]
    return CaseHealth(
        case=case.id,
        nights=len(answered),
        answers=sum(len(night.texts) for night in answered),
        texts=len({text for night in answered for text in night.texts}),
        broken_nights=sum(share > 0.5 for share in graded) if graded else None,
        incidents=sum(case.id in one.cases for one in incidents),
        alone=sum(one.cases == (case.id,) for one in incidents),
        review_by=case.review_by,
    )


def _of_case(case: Case, nights: Sequence[CaseNight], today: date) -> Iterator[HealthFinding]:
    answered = [night for night in nights if night.texts]
    graded = [night.broken for night in answered if night.broken is not None]
    failing = sum(share > 0.5 for share in graded)
    if len(graded) >= FEWEST_TO_FAIL and failing >= FAILS_IN * len(graded):
        yield HealthFinding(
            kind=HealthKind.ALWAYS_FAILS,
            cases=(case.id,),
            because=f"its rules break on {failing} of {len(graded)} nights, so a further break shows nothing",
            mend="mend the rules in `expect` if they ask too much; else ask something that the model can do",
        )
    elif _never_moves(answered):
        same = sum(len(night.texts) for night in answered)
        yield HealthFinding(
            kind=HealthKind.NEVER_MOVES,
            cases=(case.id,),
            because=f"one and the same answer, {same} times in {len(answered)} nights: only a gross change would move it",
            mend="keep it if it guards a contract (`always: true`); else ask for more, in a new case that `replaces` it",
        )
    yield from _review(case, today)


def _never_moves(nights: Sequence[CaseNight]) -> bool:
    by_target: dict[str, list[CaseNight]] = {}
    for night in nights:
        by_target.setdefault(night.target, []).append(night)
    if max(map(len, by_target.values()), default=0) < FEWEST_TO_MOVE:
        return False
    return all(len({text for night in found for text in night.texts}) == 1 for found in by_target.values())


def _review(case: Case, today: date) -> Iterator[HealthFinding]:
    due, days = date.fromisoformat(case.review_by), REVIEW_DAYS[case.is_task]
    often = "monthly" if case.is_task else "quarterly"
    what = "golden tasks" if case.is_task else "canaries"
    next_date = (today + timedelta(days=days)).isoformat()
    if due < today:
        yield HealthFinding(
            kind=HealthKind.OVERDUE,
            cases=(case.id,),
            because=f"was to be reviewed by {case.review_by}; {what} are reviewed {often}",
            mend=f"ask whether it still earns its place, then set review_by to {next_date} or earlier",
        )


def _duplicates(alike: Sequence[Alike]) -> Iterator[HealthFinding]:
    for pair in alike:
        together = pair.together is not None and pair.together >= TOGETHER
        if not (pair.still or together or pair.similarity >= SAME):
            continue
        moved = (
            "and neither answer ever moved"
            if pair.still
            else f"and the answers move together (r = {pair.together:.2f}, from {TOGETHER} on)"
            if together
            else "which is one question asked twice"
        )
        yield HealthFinding(
            kind=HealthKind.DUPLICATE,
            cases=(pair.first, pair.second),
            because=f"the questions are alike (cosine {pair.similarity:.2f}, from {ALIKE} on), {moved}",
            mend="keep the one that found more incidents, and let another question take the other's place",
        )
