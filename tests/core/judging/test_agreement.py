"""Agreement with people: kappa against other implementations and a published table, and an honest interval."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from harness.core.judging.agreement import Label, agreement, kappa_of, label_items
from harness.core.judging.planning import plan_judging
from harness.core.judging.reading import judged
from harness.simulator.spec import model_spec
from tests.support.judges import BAD, GOOD, HALF, RUBRIC, make_options, replies


def make_label(label_id: str, answer: str, label: object, **fields: object) -> Label:
    """Label an answer to the refund question."""
    known = {"id": label_id, "task": "Answer it.", "rubric": RUBRIC, "answer": answer, "label": label}
    return Label.model_validate(known | fields)


def test_kappa_is_that_of_a_published_table() -> None:
    """Fleiss, "Statistical Methods for Rates and Proportions", chapter 13: 100 diagnoses by two raters.

    The table's "psychotic" against the rest: 80 by each rater, 75 by both.
    """
    found = kappa_of(np.array([[75, 5], [5, 15]]))
    assert found is not None and found.value == pytest.approx((0.90 - 0.68) / (1 - 0.68), abs=1e-6)


@given(st.lists(st.integers(0, 12), min_size=4, max_size=4), st.booleans())
def test_kappa_agrees_with_another_implementation(counts: list[int], swap: bool) -> None:
    table = np.array(counts).reshape(2, 2)
    people = np.repeat([0, 0, 1, 1], counts)
    judge = np.repeat([0, 1, 0, 1], counts)
    found = kappa_of(table.T if swap else table)
    if found is None:
        assert len(set(people)) < 2 and len(set(judge)) < 2 and (people == judge).all()
        return
    expected = cohen_kappa_score(*((judge, people) if swap else (people, judge)))
    assert found.value == pytest.approx(expected, abs=1e-6)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.n == sum(counts)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=40))
def test_weighted_kappa_agrees_with_another_implementation(pairs: list[tuple[int, int]]) -> None:
    table = np.zeros((5, 5), dtype=np.int64)
    for pair in pairs:
        table[pair] += 1
    found = kappa_of(table)
    if found is not None:
        one, other = zip(*pairs, strict=True)
        expected = cohen_kappa_score(one, other, weights="quadratic", labels=range(5))
        assert found.value == pytest.approx(expected, abs=1e-6)


def test_ten_labels_in_perfect_agreement_are_not_certain() -> None:
    ten, hundred = kappa_of(np.array([[5, 0], [0, 5]])), kappa_of(np.array([[50, 0], [0, 50]]))
    assert ten is not None and hundred is not None
    assert ten.value == hundred.value == ten.high == 1
    assert 0.4 < ten.low < 0.7 < 0.9 < hundred.low < 1


@pytest.mark.parametrize("table", [[[7, 0], [0, 0]], [[0, 0], [0, 9]], [[0, 0], [0, 0]]])
def test_where_all_is_alike_agreement_cannot_be_told(table: list[list[int]]) -> None:
    assert kappa_of(np.array(table)) is None


@pytest.mark.parametrize(("accuracy", "people_pass"), [(0.9, 0.5), (0.8, 0.5), (0.85, 0.8)])
@pytest.mark.parametrize("labels", [30, 100])
def test_the_interval_holds_the_truth_as_often_as_it_says(
    accuracy: float, people_pass: float, labels: int
) -> None:
    shares = np.outer([1 - people_pass, people_pass], [1, 1]) * np.where(np.eye(2), accuracy, 1 - accuracy)
    expected = (shares.sum(axis=0) * shares.sum(axis=1)).sum()
    truth = (np.trace(shares) - expected) / (1 - expected)
    rng = np.random.default_rng(7)
    found = [kappa_of(rng.multinomial(labels, shares.ravel()).reshape(2, 2)) for _ in range(200)]
    covered = [one is not None and one.low <= truth <= one.high for one in found]
    assert 0.90 <= np.mean(covered) <= 0.99


def agreed(*labels: Label, model: str = "judge-good", **fields: float):  # type: ignore[no-untyped-def]
    """Have a simulated judge look at labelled answers."""
    plan = plan_judging(label_items(labels), make_options(model))
    return agreement(labels, judged(plan, replies(plan, model_spec(model))), **fields)


def test_labels_and_scores_are_put_side_by_side() -> None:
    found = agreed(
        make_label("a", GOOD, "pass"),
        make_label("b", BAD, "fail"),
        make_label("c", f"{BAD} Really.", "pass"),
        make_label("d", f"{GOOD} Thanks.", "fail"),
        make_label("e", HALF, 80),
        make_label("f", ":", "fail"),
    )
    assert (found.labels, found.compared, found.no_content, found.no_verdict) == (6, 5, 1, 0)
    assert (found.both_pass, found.both_fail, found.only_people_pass, found.only_judge_passes) == (2, 1, 1, 1)
    assert [one.id for one in found.disagreements] == ["c", "d"]
    assert found.graded is not None and (found.graded.n, found.graded.mean_difference) == (1, -13)
    assert found.graded.kappa is not None and found.graded.kappa.value == 0


def test_the_pass_mark_decides_what_passes() -> None:
    labels = (make_label("a", HALF, "pass"), make_label("b", BAD, "fail"))
    assert agreed(*labels).both_pass == 1
    assert agreed(*labels, pass_mark=70.0).only_people_pass == 1


def test_a_judge_that_gives_no_verdict_agrees_with_nobody() -> None:
    found = agreed(make_label("a", GOOD, "pass"), make_label("b", BAD, "fail"), model="judge-malformed")
    assert (found.compared, found.no_verdict, found.kappa, found.graded) == (0, 2, None, None)


def test_a_reference_equal_to_the_answer_is_no_reference() -> None:
    items = label_items(
        [
            make_label("a", GOOD, "pass", reference=f"{GOOD}\u200b"),
            make_label("b", GOOD, "pass", reference=BAD),
        ]
    )
    assert [item.reference for item in items] == [None, BAD]


@pytest.mark.parametrize(
    ("label", "mark", "passes"),
    [("pass", 60, True), ("fail", 60, False), (60, 60, True), (59, 60, False), (0, 0, True)],
)
def test_a_score_passes_from_the_mark_on(label: object, mark: float, passes: bool) -> None:
    assert make_label("a", "x", label).passes(mark) is passes
