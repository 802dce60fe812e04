"""What is said of a judge's agreement, and the advice that follows from it."""

import numpy as np
import pytest

from harness.core.judging.agreement import Agreement, Disagreement, Graded, kappa_of
from harness.core.judging.records import Judged
from harness.reporting.agreement import agreement_text
from tests.support.judges import judged_by


def found(both_pass: int, both_fail: int, people: int = 0, judge: int = 0, **fields: object) -> Agreement:
    """Make an agreement of a table."""
    known: dict[str, object] = {
        "labels": both_pass + both_fail + people + judge,
        "no_verdict": 0,
        "no_content": 0,
        "pass_mark": 60,
        "both_pass": both_pass,
        "both_fail": both_fail,
        "only_people_pass": people,
        "only_judge_passes": judge,
        "kappa": kappa_of(np.array([[both_fail, judge], [people, both_pass]])),
        "graded": None,
        "disagreements": (),
    }
    return Agreement.model_validate(known | fields)


GOOD_JUDGE = judged_by("judge-good")


def text(agreement: Agreement, judged: Judged = GOOD_JUDGE) -> str:
    """Render."""
    return agreement_text("gpt (openai/gpt-5.2)", agreement, judged)


@pytest.mark.parametrize(
    ("agreement", "advice"),
    [
        (found(40, 40, 3, 3), "well enough to be listened to"),
        (found(4, 3, 1, 1), "Too few labels to tell"),
        (found(20, 20, 20, 20), "It does not agree with people"),
        (found(20, 0), "Label answers of both kinds"),
        (found(0, 0, labels=5, no_verdict=5), "Label answers of both kinds"),
    ],
)
def test_the_advice_follows_from_the_interval(agreement: Agreement, advice: str) -> None:
    assert text(agreement).splitlines()[-1].startswith(("It ", "Too few", "Label")) and advice in text(
        agreement
    )


def test_a_judge_that_drifted_is_not_praised() -> None:
    said = text(found(40, 40, 3, 3), judged_by("judge-drifting"))
    assert "VOID   the judge drifted" in said and "These figures do not count" in said
    assert "listened to" not in said


def test_the_table_adds_up_and_names_its_columns() -> None:
    said = text(found(28, 23, 3, 5)).splitlines()
    assert said[0] == "judge gpt (openai/gpt-5.2): 59 labels, 59 compared"
    assert said[1].split() == ["judge", "passes", "judge", "fails", "(from", "60", "points)"]
    assert said[2].split()[2:] == ["28", "3"] and said[3].split()[2:] == ["5", "23"]
    assert said[4].startswith("agree on 51 of 59 (86%)   Cohen's kappa 0.73 (0.52 to 0.87, 95 %)")


def test_scores_of_people_are_compared_as_scores() -> None:
    graded = Graded(n=9, kappa=None, mean_difference=-12.4, mean_distance=15.2)
    assert "9 scores of people: weighted kappa cannot be told" in text(found(5, 4, graded=graded))
    assert "12 points more strict on average, 15 off" in text(found(5, 4, graded=graded))


def test_few_disagreements_are_shown_the_rest_is_counted_and_none_steers_the_terminal() -> None:
    apart = tuple(
        Disagreement(id=f"::n{n}\u202e", label="pass", score=3, rationale="##[error]\nx\x1b[2J")
        for n in range(7)
    )
    said = text(found(5, 4, 7, disagreements=apart))
    assert said.count("people pass, judge 3") == 5 and "and 2 more, see --json" in said
    assert "\x1b" not in said and "\u202e" not in said and "##[" not in said
    assert not any(line.lstrip().startswith("::") for line in said.splitlines())
