"""Test that every completion lands with its target, case, sample and round, and nothing is made up."""

import random

from harness.core.assembly import assemble
from harness.core.plan import Round, make_plan
from harness.core.replies import Answer, Failure
from harness.core.run import Manifest, RunRecord
from tests.support.records import Night, make_answer, make_case, make_cases, make_failure, make_record

NIGHT = Night(cases=(*make_cases(3), make_case("six", samples=6)), targets=("sonnet", "gpt"))
MANIFEST: Manifest = make_record(NIGHT).manifest


def all_calls() -> dict[str, Answer | Failure]:
    """Answer every planned call with its own address."""
    targets = {target.name: target.target for target in MANIFEST.targets}
    return {
        request.key: make_answer(f"{request.target_name}/{request.case.id}/{round_}/{request.sample}")
        for round_ in (Round.FIRST, Round.CONFIRM)
        for request in make_plan(MANIFEST.suite.cases, targets, samples=3, round_=round_).requests
    }


def record_of(completions: dict[str, Answer | Failure]) -> RunRecord:
    return assemble(MANIFEST, completions, None, {}, {}, {})


def said(record: RunRecord) -> set[tuple[str, str]]:
    """Pair each sample's place in the record with what it says."""
    return {
        (f"{name}/{case}/{s.round}/{s.number}", s.answer.text if s.answer else "failed")
        for name, batch in record.batches.items()
        for case, samples in batch.samples.items()
        for s in samples
    }


def test_every_completion_lands_where_it_was_asked() -> None:
    found = said(record_of(all_calls()))
    assert len(found) == 2 * 2 * (3 * 3 + 6)
    assert all(place == text for place, text in found)


def test_the_order_of_completions_does_not_matter() -> None:
    calls = list(all_calls().items())
    random.Random(1).shuffle(calls)
    assert record_of(dict(calls)) == record_of(all_calls())


def test_a_call_that_was_not_made_is_no_sample_and_a_failed_one_is_no_answer() -> None:
    calls = all_calls()
    gone, failed, *_ = calls
    del calls[gone]
    calls[failed] = make_failure()
    record = record_of(calls)
    samples = [s for b in record.batches.values() for found in b.samples.values() for s in found]
    assert len(samples) == len(all_calls()) - 1
    assert [s.answer for s in samples if s.failure] == [None]


def test_a_target_that_was_never_asked_has_no_batch_and_a_strange_key_none_either() -> None:
    only = {key: value for key, value in all_calls().items() if key.startswith("gpt:")}
    assert set(record_of(only).batches) == {"gpt"}
    assert record_of({"gpt:first:other:0:0:0": make_answer("hi")}).batches == {}


def test_the_samples_of_a_batch_carry_the_run_they_are_from() -> None:
    for name, batch in record_of(all_calls()).batches.items():
        assert (batch.suite, batch.target, batch.night, batch.run) == (
            "canary", name, MANIFEST.night, MANIFEST.run,
        )  # fmt: skip
