"""Test that what is measured depends on the answer alone, and that missing stays missing."""

import math
from collections import Counter
from collections.abc import ValuesView

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.batch import Batch, Sample, StoredMeasures, StoredSample, stored
from harness.core.canonical import text_digest
from harness.core.graders.refusal import Refusal
from harness.core.measures import batch_name, compare_with_baseline, measure_stored, measurer
from harness.core.messages import ToolCall
from harness.core.plan import Round
from harness.core.replies import Answer, Failure, FinishReason
from tests.support.cases import DECLINE
from tests.support.records import Night, make_answer, make_case, make_cases, make_failure, make_record

TWO_RULES = {"checks": [{"contains": "blue"}, {"not_contains": "red"}]}
ANY_ANSWER = st.builds(
    make_answer,
    st.text(max_size=30) | st.sampled_from(["", '{"a": 1}', '\ufeff{"a": 1}', '[["f",{}]]', DECLINE]),
    tool_calls=st.sampled_from([(), (ToolCall(name="f", arguments={}),), (ToolCall(name="f", raw="{"),)]),
    finish_reason=st.sampled_from(FinishReason),
    refusal=st.sampled_from([None, "", "I can't."]),
)
EVERY_GRADER = make_case(
    "a",
    expect={"calls": {"items": [{"name": "f"}]}, "json_schema": {"type": "object"}, "length": {"max": 20}},
)


@settings(deadline=None)
@given(st.lists(ANY_ANSWER, min_size=1, max_size=5))
def test_an_answer_measures_the_same_whatever_was_measured_before(answers: list[Answer]) -> None:
    together = measurer(EVERY_GRADER)
    for answer in answers:
        assert together(answer) == measurer(EVERY_GRADER)(answer)


def test_a_call_that_was_made_is_not_one_that_was_written_down() -> None:
    measure = measurer(make_case("a", expect={"calls": {"items": [{"name": "f"}]}}))
    made, written = make_answer("", tool_calls=(ToolCall(name="f", arguments={}),)), make_answer('[["f",{}]]')
    assert made.measured_text == written.measured_text
    assert (measure(made).invalid, measure(written).invalid) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("text", "invalid", "quality"), [("blue", 0, 1), ("blue red", 1, 0.5), ("red", 1, 0), ("", 1, 0.5)]
)
def test_format_is_any_rule_broken_and_quality_the_share_that_holds(
    text: str, invalid: float, quality: float
) -> None:
    found = measurer(make_case("a", expect=TWO_RULES))(make_answer(text))
    assert (found.invalid, found.quality) == (invalid, quality)


def test_a_case_without_rules_measures_no_format_and_one_rule_is_no_quality() -> None:
    bare = measurer(make_case("a"))(make_answer("x"))
    assert (bare.invalid, bare.quality) == (None, None)
    one = measurer(make_case("a", expect={"checks": [{"contains": "x"}]}))(make_answer("x"))
    assert (one.invalid, one.quality) == (0.0, None)


@given(st.text(), st.text())
def test_length_grows_with_the_characters_measured(one: str, other: str) -> None:
    measure = measurer(make_case("a"))
    short, long = sorted((make_answer(one), make_answer(other)), key=lambda a: len(a.measured_text))
    assert measure(short).length <= measure(long).length
    assert measure(short).length == pytest.approx(math.log(1 + len(short.measured_text)))


@pytest.mark.parametrize(("says", "refused"), [("refused", 1.0), ("complied", 0.0), ("missing", None)])
def test_an_empty_answer_is_a_value_and_counts_as_the_case_says(says: str, refused: float | None) -> None:
    found = measurer(make_case("a", expect={"empty": says}))(make_answer(""))
    assert (found.refusal, found.refused) == (Refusal.EMPTY, refused)
    assert (found.text, found.length, found.digest) == ("", 0.0, text_digest(""))


def test_a_filtered_answer_counts_as_refused_and_a_plain_one_does_not() -> None:
    measure = measurer(make_case("a"))
    blocked = make_answer("Here it is", finish_reason=FinishReason.CONTENT_FILTER)
    assert measure(blocked).refused == measure(make_answer(DECLINE)).refused == 1.0
    assert measure(make_answer("Here it is.")).refused == 0.0
    assert measure(make_answer("", tool_calls=(ToolCall(name="f", arguments={}),))).refused == 0.0


@pytest.mark.parametrize(
    ("refusal", "refused"),
    [
        ("refused", 1.0),
        ("partial", 1.0),
        ("blocked", 1.0),
        ("complied", 0.0),
        ("unclear", None),
        ("empty", 1.0),
    ],
)
def test_what_is_kept_as_a_digest_keeps_its_measures_and_has_no_text(
    refusal: str, refused: float | None
) -> None:
    kept = StoredMeasures(refusal=refusal, invalid=1.0, quality=0.25, length=2.5)
    line = StoredSample(night="2026-10-01", run="r", sample=4, text_digest=text_digest("gone"), measures=kept)
    case = make_case("a", expect=TWO_RULES)
    (found,) = measure_stored(case, (line,), measurer(case))
    m = found.measures
    assert (m.text, m.digest, m.refused) == (None, text_digest("gone"), refused)
    assert (m.invalid, m.quality, m.length) == (1.0, 0.25, 2.5)
    assert (found.batch, found.number) == ("2026-10-01", 4)


def test_stored_replies_are_measured_again_under_todays_rules() -> None:
    record = make_record(Night(cases=make_cases(1), nights=2))
    (known,) = record.references["sonnet"].cases.values()
    for rule, invalid in (({"contains": "step"}, 0.0), ({"contains": "never said"}, 1.0)):
        case = make_case("a", expect={"checks": [rule]})
        found = measure_stored(case, known.samples, measurer(case))
        assert {sample.measures.invalid for sample in found} == {invalid}


# --- two sides --------------------------------------------------------------------------------------


def sides_of(
    night: Night, rounds: tuple[Round, ...] = (Round.FIRST,), *, without: str | None = None
) -> dict[str, tuple[int, int]]:
    record = make_record(night)
    known = {k: c for k, c in record.references["sonnet"].cases.items() if k != without}
    batches = [record.batches["sonnet"].of_round(round_) for round_ in rounds]
    found = compare_with_baseline("sonnet", night.cases, known, batches, {})
    return {m.case.id: (len(m.reference), len(m.candidate)) for m in found.cases}


def test_a_case_without_a_baseline_or_without_an_answer_is_not_compared() -> None:
    one, two, three = (case.id for case in make_cases(3))

    def lose_two(case: str, target: str, night: int, sample: int) -> Answer | Failure:
        return make_failure() if case == two and night < 0 else make_answer("hi")

    night = Night(cases=make_cases(3), nights=5, answers=lose_two)
    assert sides_of(night, without=one) == {three: (15, 3)}


def test_failed_calls_are_no_samples() -> None:
    def lose_one(case: str, target: str, night: int, sample: int) -> Answer | Failure:
        return make_failure() if sample == 1 else make_answer("hi")

    night = Night(cases=make_cases(1), nights=5, answers=lose_one)
    assert list(sides_of(night).values()) == [(10, 2)]


def test_every_batch_keeps_its_name_on_its_samples() -> None:
    night = Night(cases=make_cases(1), nights=2, confirm=("sonnet",))
    record = make_record(night)
    batches = [record.batches["sonnet"].of_round(round_) for round_ in (Round.FIRST, Round.CONFIRM)]
    known = record.references["sonnet"].cases
    (found,) = compare_with_baseline("sonnet", night.cases, known, batches, {}).cases
    assert Counter(s.batch for s in found.candidate) == {batch_name(batch): 3 for batch in batches}
    assert len({batch_name(batch) for batch in batches}) == 2
    assert not {s.batch for s in found.reference} & {s.batch for s in found.candidate}
    assert sides_of(night) == {found.case.id: (6, 3)}


def test_a_batch_is_named_once_however_many_cases_it_has() -> None:
    class Counting(dict[str, tuple[Sample, ...]]):
        looked_through = 0

        def values(self) -> ValuesView[tuple[Sample, ...]]:
            self.looked_through += 1
            return super().values()

    night = Night(cases=make_cases(30), nights=2)
    record = make_record(night)
    samples = Counting(record.batches["sonnet"].samples)
    batch = Batch.model_construct(**{**dict(record.batches["sonnet"]), "samples": samples})
    known = record.references["sonnet"].cases
    assert len(compare_with_baseline("sonnet", night.cases, known, [batch], {}).cases) == 30
    assert samples.looked_through == 1


def test_a_case_that_only_the_confirmation_answered_is_not_compared() -> None:
    def lose_first(case: str, target: str, night: int, sample: int) -> Answer | Failure:
        return make_failure() if night == -1 else make_answer("hi")

    night = Night(cases=make_cases(1), nights=2, confirm=("sonnet",), answers=lose_first)
    assert sides_of(night, (Round.FIRST, Round.CONFIRM)) == {}


def test_a_confirmation_in_the_baseline_is_known_as_one() -> None:
    case = make_case("a")
    lines = [
        stored(make_answer("hi"), night="2026-10-01", run="r", sample=0, burst=False).model_copy(
            update={"round": round_}
        )
        for round_ in Round
    ]
    found = measure_stored(case, lines, measurer(case))
    assert [sample.again for sample in found] == [round_ is not Round.FIRST for round_ in Round]
    assert {sample.batch for sample in found} == {"2026-10-01"}
