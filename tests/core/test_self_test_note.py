"""What a verdict says of a gate that cries wolf."""

from dataclasses import replace

import pytest

from harness.core.batch import Baseline
from harness.core.decision import decide
from harness.core.policy import Policy
from harness.core.run import RunRecord
from harness.core.self_test import OVER_FROM, WITHIN_UP_TO, Interval, a_year
from tests.support.records import make_record
from tests.support.self_tests import make_self_test


def with_test(record: RunRecord, **fields: object) -> RunRecord:
    (name, baseline) = next(iter(record.references.items()))
    tested: Baseline = baseline.model_copy(update={"self_test": make_self_test(baseline, **fields)})
    return replace(record, references={name: tested})


def notes(record: RunRecord) -> list[str]:
    return [said for said in decide(record).targets[0].confounders if "cry wolf" in said]


def test_a_gate_over_its_budget_is_named_beside_every_verdict() -> None:
    (said,) = notes(with_test(make_record()))
    assert said == (
        "On its own nights this gate would cry wolf about 9.4 nights a year (95 %: 3.2 to 21), over its budget "
        "of 2.7: `drift calibrate canary --aa` says what to do."
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"over_budget": OVER_FROM - 0.01},
        {"over_budget": WITHIN_UP_TO},
        {"samples": "0" * 64},
        {"policy": Policy(alpha=0.05)},
    ],
)
def test_one_that_is_not_known_to_be_over_it_is_not(fields: dict[str, object]) -> None:
    assert notes(with_test(make_record(), **fields)) == []


def test_a_note_changes_no_verdict() -> None:
    plain, noted = decide(make_record()).targets[0], decide(with_test(make_record())).targets[0]
    assert plain.outcome == noted.outcome
    assert plain.readings == noted.readings


def test_a_rate_is_written_with_its_limits() -> None:
    rate = Interval(value=2.1, low=1.2, high=13.44)
    assert a_year(rate, "and target") == "2.1 nights a year and target (95 %: 1.2 to 13)"
    assert a_year(rate) == "2.1 nights a year (95 %: 1.2 to 13)"
