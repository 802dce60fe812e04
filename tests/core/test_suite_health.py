"""What cases have shown: each finding appears where it is true, and nowhere else."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest

from harness.core.canonical import text_digest
from harness.core.incidents import Incident
from harness.core.suite import Suite
from harness.core.suite_health import (
    ALIKE,
    Alike,
    CaseNight,
    HealthKind,
    alike_questions,
    examine,
    moved_together,
)
from harness.reporting.escape import columns
from harness.reporting.suite_health_text import WIDTH, suite_health_text
from tests.reporting.test_hostile_output import for_a_terminal
from tests.support.cases import unit_vectors
from tests.support.history import night_of
from tests.support.hostile import HOSTILE
from tests.support.records import make_case

TODAY = date(2026, 11, 21)


def nights(texts: Sequence[str], *, broken: float | None = 0.0, target: str = "sonnet") -> list[CaseNight]:
    """Make a night for each text."""
    return [
        CaseNight(
            target=target,
            night=night_of(number),
            run=f"run-{number:03d}",
            texts=(text_digest(text),) * 3,
            broken=broken,
        )
        for number, text in enumerate(texts)
    ]


def kinds(found: Sequence[CaseNight], **fields: object) -> list[HealthKind]:
    """Name what is found of one case."""
    suite = Suite(name="canary", cases=(make_case("one", **fields),))
    return [one.kind for one in examine(suite, {"one": found}, (), (), TODAY).findings]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ("a" * 14, [HealthKind.NEVER_MOVES]),
        ("a" * 13, []),
        ("a" * 13 + "b", []),
        ("", []),
    ],
)
def test_a_case_never_moves_where_enough_nights_gave_one_answer(
    texts: str, expected: list[HealthKind]
) -> None:
    assert kinds(nights(texts)) == expected


def test_each_target_may_have_its_own_answer_that_never_moves() -> None:
    assert kinds([*nights("a" * 14), *nights("b" * 14, target="gpt")]) == [HealthKind.NEVER_MOVES]
    assert kinds([*nights("a" * 14), *nights("bc" * 7, target="gpt")]) == []


@pytest.mark.parametrize(
    ("broken", "held", "expected"),
    [(5, 0, True), (4, 0, False), (18, 2, True), (17, 3, False)],
)
def test_a_case_always_fails_where_nearly_every_night_breaks_it(
    broken: int, held: int, expected: bool
) -> None:
    found = [
        *nights("ab" * (broken // 2) + "a" * (broken % 2), broken=1.0),
        *nights("abcdefgh"[:held], broken=0.0),
    ]
    assert (HealthKind.ALWAYS_FAILS in kinds(found)) is expected


def test_a_case_without_rules_never_fails() -> None:
    assert kinds(nights("ab" * 10, broken=None)) == []


def test_a_review_is_overdue_from_the_day_after() -> None:
    assert kinds([], review_by="2026-11-21") == []
    assert kinds([], review_by="2026-11-20") == [HealthKind.OVERDUE]


def incident(*cases: str) -> Incident:
    """Make an incident of some cases."""
    return Incident(
        id="canary-sonnet-20261101",
        suite="canary",
        target="sonnet",
        opened="2026-11-01",
        last_drift="2026-11-01",
        signals=("refusal",),
        cases=cases,
        runs=(),
        compared_with=None,
    )


def test_each_case_has_its_share_of_the_incidents() -> None:
    suite = Suite(name="canary", cases=(make_case("one"), make_case("two")))
    found = examine(suite, {}, (incident("one"), incident("one", "two"), incident()), (), TODAY)
    assert [(case.incidents, case.alone) for case in found.cases] == [(2, 1), (1, 0)]
    assert found.incidents == 3


def test_alike_questions_are_those_from_the_threshold_on() -> None:
    angle = np.arccos(ALIKE)
    vectors = {
        name: np.array([np.cos(turn), np.sin(turn)], dtype=np.float32)
        for name, turn in (("a", 0.0), ("b", angle - 0.01), ("c", -angle - 0.01))
    }
    assert [(one, two) for one, two, _ in alike_questions(vectors)] == [("a", "b")]


def test_answers_move_together_where_they_leave_their_usual_ones_on_the_same_nights() -> None:
    texts = ("usual one", "other one", "usual two", "other two")
    vectors = unit_vectors(texts, dimension=16)
    one, same, opposite = (
        nights([first if night in (3, 7) else second for night in range(12)])
        for first, second in (("other one", "usual one"), ("other two", "usual two"), ("usual two",) * 2)
    )
    together, still = moved_together(one, same, vectors)
    assert together == pytest.approx(1.0, abs=1e-3)
    assert not still
    assert moved_together(one, opposite, vectors) == (None, False)
    assert moved_together(opposite, opposite, vectors) == (None, True)
    assert moved_together(one[:4], same[:4], vectors) == (None, False)
    apart = nights([("other two" if night in (5, 9) else "usual two") for night in range(12)])
    moved, _ = moved_together(one, apart, vectors)
    assert moved is not None
    assert moved < 0


@pytest.mark.parametrize(
    ("together", "still", "expected"),
    [(0.9, False, True), (0.5, False, False), (None, False, False), (None, True, True)],
)
def test_a_duplicate_has_a_question_alike_and_answers_that_move_with_the_other(
    together: float | None, still: bool, expected: bool
) -> None:
    suite = Suite(name="canary", cases=(make_case("one"), make_case("two")))
    for similarity, found in ((0.95, expected), (1.0, True)):
        pair = Alike(first="one", second="two", similarity=similarity, together=together, still=still)
        findings = examine(suite, {}, (), (pair,), TODAY).findings
        assert [one.cases for one in findings] == ([("one", "two")] if found else [])


@pytest.mark.parametrize("evil", HOSTILE)
def test_the_text_fits_a_terminal_and_stays_text(evil: str) -> None:
    name = "a" * 64
    suite = Suite(
        name="canary", cases=(make_case(name, review_by="2026-01-01"), make_case("b", review_by="2026-01-01"))
    )
    pair = Alike(first="b", second=name, similarity=0.99, together=0.9)
    health = examine(suite, {name: nights("a" * 20)}, (incident("b"),), (pair,), TODAY, unmeasured=(evil,))
    text = suite_health_text(health)
    assert all(columns(line) <= WIDTH for line in text.splitlines())
    for_a_terminal(text, "")
    for kind in (HealthKind.DUPLICATE, HealthKind.NEVER_MOVES, HealthKind.OVERDUE):
        assert kind.value.upper() in text
