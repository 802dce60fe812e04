"""How far a judge agrees with people: Cohen's kappa with an interval, and weighted kappa for graded labels."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.core.canonical import Record, text_digest
from harness.core.judging.planning import JudgeItem
from harness.core.judging.prompts import readable
from harness.core.judging.records import Judged, JudgedText, Standing

PASS_MARK = 60.0
"""Points from which on an answer passes, where nothing else is said."""
BANDS = 5
"""Of 20 points each, for graded labels."""
MOST_DISAGREEMENTS = 20
_DRAWS = 20_000
_SEED = 20260917
_LEVEL = 0.95

Floats: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = NDArray[np.int64]
Points = Annotated[int, Field(ge=0, le=100)]


class Label(Record):
    """What a person says of one answer."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    task: Annotated[str, Field(min_length=1, max_length=20_000)]
    rubric: Annotated[str, Field(min_length=1, max_length=20_000)]
    answer: str
    label: Literal["pass", "fail"] | Points
    """pass, fail, or a score from 0 to 100."""
    reference: str | None = None
    """Another answer to compare with, to see whether the judge goes by the order."""

    def passes(self, pass_mark: float) -> bool:
        """Say whether the person passes the answer."""
        return self.label >= pass_mark if isinstance(self.label, int) else self.label == "pass"


class Kappa(Record):
    """Agreement beyond chance, -1..1; 0 is chance, 1 is always."""

    value: float
    low: float
    high: float
    """Limits of the 95 % interval."""
    n: int


class Graded(Record):
    """How the judge's scores compare with people's."""

    n: int
    kappa: Kappa | None
    """Quadratically weighted, over bands of 20 points; None where all lies in one band."""
    mean_difference: float
    """Judge less person, in points: above 0 the judge is more lenient."""
    mean_distance: float
    """Mean absolute difference, in points."""


class Disagreement(Record):
    """An answer that the judge and the person see differently."""

    id: str
    label: str | int
    score: float
    rationale: str | None


class Agreement(Record):
    """How far a judge agrees with people's labels."""

    labels: int
    no_verdict: int
    """Labels on which the judge gave none."""
    no_content: int
    """Answers that no judge sees."""
    pass_mark: float
    both_pass: int
    both_fail: int
    only_people_pass: int
    only_judge_passes: int
    kappa: Kappa | None
    """None where people or judge never differ, so that agreement beyond chance cannot be told."""
    graded: Graded | None
    """None where no label is a score."""
    disagreements: tuple[Disagreement, ...]
    """The furthest apart first, at most `MOST_DISAGREEMENTS`."""

    @property
    def compared(self) -> int:
        """Labels that the judge gave a verdict on."""
        return self.both_pass + self.both_fail + self.only_people_pass + self.only_judge_passes


def label_items(labels: Sequence[Label]) -> tuple[JudgeItem, ...]:
    """Return what a judge has to look at; a reference that is the answer itself says nothing."""
    return tuple(
        JudgeItem(
            case=label.id,
            task=label.task,
            rubric=label.rubric,
            reference=None
            if label.reference is None or _same(label.reference, label.answer)
            else label.reference,
            candidates=(label.answer,),
        )
        for label in labels
    )


def agreement(labels: Sequence[Label], judged: Judged, *, pass_mark: float = PASS_MARK) -> Agreement:
    """Compare what a judge said of every labelled answer with its label."""
    cases = {case.case: case for case in judged.cases}
    found = [(label, cases[label.id].text(text_digest(label.answer))) for label in labels]
    seen = [(label, text) for label, text in found if text.standing is not Standing.NO_CONTENT]
    compared = [(label, text.score) for label, text in seen if text.score is not None]
    table = np.zeros((2, 2), dtype=np.int64)
    for label, score in compared:
        table[int(label.passes(pass_mark)), int(score >= pass_mark)] += 1
    return Agreement(
        labels=len(labels),
        no_verdict=len(seen) - len(compared),
        no_content=len(found) - len(seen),
        pass_mark=pass_mark,
        both_pass=int(table[1, 1]),
        both_fail=int(table[0, 0]),
        only_people_pass=int(table[1, 0]),
        only_judge_passes=int(table[0, 1]),
        kappa=kappa_of(table),
        graded=_graded([(label.label, score) for label, score in compared if isinstance(label.label, int)]),
        disagreements=_disagreements(seen, pass_mark),
    )


def kappa_of(table: Counts) -> Kappa | None:
    """Return kappa of a square table of counts, people by rows and judge by columns; None where it is not defined.

    Cohen, "A coefficient of agreement for nominal scales", 1960; for more than two classes, in order, with
    quadratic weights (Cohen 1968, "Weighted kappa"). The interval is a Bayesian bootstrap (Rubin 1981): the cells'
    probabilities are drawn from a Dirichlet distribution with the counts and one further label, spread evenly over
    all cells (Perks' prior), and kappa's 2.5 % and 97.5 % quantiles taken. The large-sample error of Fleiss, Cohen and
    Everitt (1969) would be 0 for ten labels in perfect agreement; this is not. Fixed seed.
    """
    value = float(_kappas(table.astype(np.float64)[None])[0])
    if not np.isfinite(value):
        return None
    rng = np.random.default_rng(_SEED)
    cells = table.size
    drawn = rng.dirichlet(table.reshape(-1) + 1 / cells, size=_DRAWS).reshape(-1, *table.shape)
    tail = (1 - _LEVEL) / 2
    low, high = np.nanquantile(_kappas(drawn), [tail, 1 - tail])
    return Kappa(
        value=round(value, 6),
        low=round(min(float(low), value), 6),
        high=round(max(float(high), value), 6),
        n=int(table.sum()),
    )


def _kappas(tables: Floats) -> Floats:
    """Return 1 - observed / expected disagreement of each table of shape (n, k, k); NaN where none is expected."""
    classes = np.arange(tables.shape[1])
    weights = np.square(classes[:, None] - classes[None, :]).astype(np.float64)
    total = tables.sum(axis=(1, 2))
    expected = tables.sum(axis=2)[:, :, None] * tables.sum(axis=1)[:, None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        observed_share = (weights * tables).sum(axis=(1, 2)) / total
        expected_share = (weights * expected).sum(axis=(1, 2)) / total**2
        return np.asarray(np.where(expected_share > 0, 1 - observed_share / expected_share, np.nan))


def _graded(pairs: Sequence[tuple[int, float]]) -> Graded | None:
    if not pairs:
        return None
    table = np.zeros((BANDS, BANDS), dtype=np.int64)
    for label, score in pairs:
        table[_band(label), _band(score)] += 1
    differences = np.array([score - label for label, score in pairs])
    return Graded(
        n=len(pairs),
        kappa=kappa_of(table),
        mean_difference=round(float(differences.mean()), 3),
        mean_distance=round(float(np.abs(differences).mean()), 3),
    )


def _band(points: float) -> int:
    return min(BANDS - 1, int(points * BANDS // 100))


def _disagreements(seen: Sequence[tuple[Label, JudgedText]], pass_mark: float) -> tuple[Disagreement, ...]:
    apart = [
        (_distance(label, text.score, pass_mark), label, text)
        for label, text in seen
        if text.score is not None and label.passes(pass_mark) != (text.score >= pass_mark)
    ]
    apart.sort(key=lambda one: (-one[0], one[1].id))
    return tuple(
        Disagreement(id=label.id, label=label.label, score=text.score or 0.0, rationale=text.rationale)
        for _, label, text in apart[:MOST_DISAGREEMENTS]
    )


def _distance(label: Label, score: float, pass_mark: float) -> float:
    return abs(score - (label.label if isinstance(label.label, int) else pass_mark))


def _same(one: str, other: str) -> bool:
    return readable(one) == readable(other)
