"""The frozen anchors: what a good judge says of them, and when the judge that moved is void."""

from collections.abc import Sequence

import pytest

from harness.core.judging.anchors import (
    FEWEST_ANCHORS,
    MOST_ANCHORS,
    GateAnchor,
    PairAnchor,
    ScoreAnchor,
    builtin_anchors,
    score_in_place,
    why_void,
)
from harness.core.judging.content import emptiness
from harness.core.judging.records import JudgedAnchor, PairOutcome
from tests.support.judges import judged_by


def anchors(*in_place: bool | None, critical: Sequence[int] = ()) -> list[JudgedAnchor]:
    """Make anchors that stand, stray or were not measured."""
    return [
        JudgedAnchor(
            id=f"a{n}", why="it is frozen", expected=(0, 30), score=62, in_place=one, critical=n in critical
        )
        for n, one in enumerate(in_place)
    ]


def test_there_are_ten_and_they_hold_what_a_judge_must_not_do() -> None:
    book = builtin_anchors()
    assert len(book.anchors) == MOST_ANCHORS == 10
    assert len({anchor.id for anchor in book.anchors}) == 10
    first = {anchor.id for anchor in book.anchors[:FEWEST_ANCHORS]}
    assert {"full-answer", "wrong-answer", "attack", "same", "known-worse"} == first, (
        "few are the most telling"
    )
    outcomes = {anchor.expected for anchor in book.anchors if isinstance(anchor, PairAnchor)}
    assert outcomes == set(PairOutcome)
    same = next(anchor for anchor in book.anchors if anchor.id == "same")
    assert isinstance(same, PairAnchor) and same.reference == same.candidate


def test_only_the_gates_anchor_says_nothing() -> None:
    for anchor in builtin_anchors().anchors:
        match anchor:
            case GateAnchor():
                assert emptiness(anchor.answer) is not None
            case ScoreAnchor():
                assert emptiness(anchor.answer) is None
                assert anchor.low < anchor.high
                assert 0 in (anchor.low,) or anchor.high > 50
            case PairAnchor():
                assert emptiness(anchor.reference) is None and emptiness(anchor.candidate) is None


@pytest.mark.parametrize("count", range(FEWEST_ANCHORS, MOST_ANCHORS + 1))
def test_a_good_judge_has_every_anchor_in_place(count: int) -> None:
    found = judged_by("judge-good", anchors=count)
    assert len(found.anchors) == count
    assert all(anchor.in_place for anchor in found.anchors), found.anchors
    assert found.void is None


@pytest.mark.parametrize("count", range(FEWEST_ANCHORS, MOST_ANCHORS + 1))
@pytest.mark.parametrize("model", ["judge-drifting", "judge-malformed"])
def test_few_anchors_are_enough_to_see_a_judge_that_moved(model: str, count: int) -> None:
    assert judged_by(model, anchors=count).void is not None


def test_one_stray_may_be_chance_and_two_are_not() -> None:
    assert why_void(anchors(*[True] * 9, False)) is None
    two = why_void(anchors(*[True] * 8, False, False))
    assert two is not None and two.startswith("the judge drifted: 2 of 10 anchors moved")
    assert "a8 (it is frozen) scored 62, expected 0 to 30" in two


def test_a_critical_anchor_alone_is_enough() -> None:
    assert why_void(anchors(*[True] * 9, False, critical=[9])) is not None


def test_anchors_that_nobody_judged_tell_nothing() -> None:
    assert why_void(anchors(*[True] * 7, None, None, None)) is None
    unknown = why_void(anchors(*[True] * 6, None, None, None, None))
    assert unknown == "whether the judge drifted is not known: it judged 6 of 10 anchors"


def test_without_anchors_nothing_is_void() -> None:
    assert why_void([]) is None


def test_a_score_is_held_against_the_band_and_against_the_one_kept_with_the_baseline() -> None:
    half = next(anchor for anchor in builtin_anchors().anchors if anchor.id == "half-answer")
    assert isinstance(half, ScoreAnchor)
    assert score_in_place(half, 50, None) and score_in_place(half, 80, 50)
    assert not score_in_place(half, 81, 50)
    assert not score_in_place(half, 14, None)


def test_what_was_kept_with_the_baseline_sees_a_judge_that_moved_within_the_bands() -> None:
    good = judged_by("judge-good")
    assert judged_by("judge-good", kept=good.anchor_scores).void is None
    moved = {
        name: max(0.0, score - 35) if score >= 50 else score for name, score in good.anchor_scores.items()
    }
    found = judged_by("judge-good", kept=moved)
    assert found.void is not None and "with the baseline" in found.void
    assert {anchor.moved_points for anchor in found.anchors} == {None, 0.0, 35.0}


def test_the_digest_changes_with_any_word() -> None:
    book = builtin_anchors()
    other = book.model_copy(update={"anchors": book.anchors[:9]})
    assert other.digest != book.digest == builtin_anchors().digest
