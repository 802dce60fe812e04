"""Test what a batch and a baseline hold, and how their nights are counted."""

from typing import Any

import pytest
from pydantic import ValidationError

from harness.core.batch import Baseline, Batch, CaseBaseline, Sample, StoredMeasures, StoredSample, stored
from harness.core.canonical import text_digest
from harness.core.plan import Round
from harness.core.replies import Transcript, Turn
from tests.support.records import Night, make_answer, make_cases, make_failure, make_record

MEASURES = StoredMeasures(refusal="complied", invalid=None, quality=None, length=1.5)


def line(night: str, run: str = "r", *, burst: bool = False) -> StoredSample:
    return stored(make_answer("hi"), night=night, run=run, sample=0, burst=burst)


def baseline_of(**cases: list[StoredSample]) -> Baseline:
    (known,) = make_record(Night(cases=make_cases(1), nights=1)).references.values()
    (one,) = known.cases.values()
    held = {
        name: CaseBaseline(identity=one.identity, samples=tuple(samples)) for name, samples in cases.items()
    }
    return known.model_copy(update={"cases": held})


def test_a_failed_sample_has_no_answer_and_no_stand_in_for_one() -> None:
    failed, came = (
        Sample(number=0, reply=make_failure()),
        Sample(number=0, reply=Transcript(turns=(Turn(answer=make_answer("")),))),
    )
    assert (failed.answer, came.failure) == (None, None)
    assert failed.failure is not None
    assert came.answer is not None


def test_a_round_keeps_its_own_samples_and_no_empty_case() -> None:
    record = make_record(Night(cases=make_cases(2), confirm=("sonnet",)))
    batch = record.batches["sonnet"]
    rounds = [batch.of_round(round_) for round_ in Round]
    assert [sum(map(len, one.samples.values())) for one in rounds] == [6, 6, 0, 0]
    assert rounds[2].samples == {}
    assert all(s.round is Round.CONFIRM for samples in rounds[1].samples.values() for s in samples)


def test_a_night_has_one_spelling() -> None:
    with pytest.raises(ValidationError):
        Batch(suite="s", target="t", night="20261121", run="r", samples={})


def test_a_stored_line_is_addressed_by_what_is_measured() -> None:
    kept = stored(make_answer("hi \n"), night="2026-10-01", run="r", sample=2, burst=False)
    assert kept.text_digest == text_digest("hi")
    assert StoredSample.model_validate_json(kept.model_dump_json()) == kept


def test_a_line_without_an_answer_and_without_measures_is_refused() -> None:
    fields: dict[str, Any] = {"night": "2026-10-01", "run": "r", "sample": 0, "text_digest": "0" * 64}
    with pytest.raises(ValidationError, match="needs its measures"):
        StoredSample(**fields)
    assert StoredSample(**fields, measures=MEASURES).answer is None


def test_a_burst_has_many_batches_and_is_one_night() -> None:
    lines = [line("2026-10-01", f"r.{place:02d}", burst=True) for place in range(14)]
    held = baseline_of(a=lines)
    assert len(held.cases["a"].nights()) == 14
    assert held.night_count() == 1


def test_two_runs_of_one_real_night_are_one_batch() -> None:
    held = baseline_of(a=[line("2026-10-01", "r1"), line("2026-10-01", "r2"), line("2026-10-02")])
    assert held.cases["a"].nights() == ("2026-10-01", "2026-10-02")


def test_a_baseline_has_as_many_nights_as_its_poorest_case() -> None:
    many = [line(f"2026-10-{day:02d}") for day in range(1, 15)]
    assert baseline_of(a=many, b=many[:3]).night_count() == 3
    assert baseline_of(a=many, b=[]).night_count() == 0
    assert baseline_of().night_count() == 0


def test_the_digest_of_a_baseline_sees_every_line() -> None:
    one, other = baseline_of(a=[line("2026-10-01")]), baseline_of(a=[line("2026-10-02")])
    assert one.digest == baseline_of(a=[line("2026-10-01")]).digest
    assert len({one.digest, other.digest, baseline_of(b=[line("2026-10-01")]).digest}) == 3


def test_an_acceptance_needs_a_reason() -> None:
    (known,) = make_record(Night(cases=make_cases(1))).references.values()
    fields = known.acceptances[0].model_dump()
    with pytest.raises(ValidationError):
        type(known.acceptances[0]).model_validate({**fields, "reason": "fine"})
