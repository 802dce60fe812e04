"""Test that every completion lands with its target, case, sample and round, and nothing is made up."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core import assembly, plan
from harness.core.assembly import assemble
from harness.core.plan import Round, make_plan, planned_requests
from harness.core.replies import Answer, Failure
from harness.core.run import Manifest, RunRecord
from harness.errors import DamagedRecord
from tests.support.fakes import answered
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


def test_a_target_that_was_never_asked_has_no_batch() -> None:
    only = {key: value for key, value in all_calls().items() if key.startswith("gpt:")}
    assert set(record_of(only).batches) == {"gpt"}


def test_the_samples_of_a_batch_carry_the_run_they_are_from() -> None:
    for name, batch in record_of(all_calls()).batches.items():
        assert (batch.suite, batch.target, batch.night, batch.run) == (
            "canary", name, MANIFEST.night, MANIFEST.run,
        )  # fmt: skip


# --- without the plan ------------------------------------------------------------------------------


def manifest_of(samples: tuple[int | None, ...], *, targets: tuple[str, ...], usual: int) -> Manifest:
    cases = tuple(make_case(f"edge-{number:02d}", samples=own) for number, own in enumerate(samples))
    made = make_record(Night(cases=cases, targets=targets, samples=1, nights=0)).manifest
    return made.model_copy(update={"samples": usual})


@settings(max_examples=60, deadline=None)
@given(
    own=st.lists(st.none() | st.integers(1, 4), min_size=1, max_size=7),
    targets=st.lists(st.sampled_from(["one", "two", "three"]), min_size=1, max_size=3, unique=True),
    usual=st.integers(1, 4),
    block=st.integers(1, 4),
    seed=st.integers(0, 2**32),
)
def test_any_part_of_a_plan_comes_back_in_its_order(
    own: list[int | None], targets: list[str], usual: int, block: int, seed: int
) -> None:
    manifest = manifest_of(tuple(own), targets=tuple(targets), usual=usual)
    manifest = manifest.model_copy(update={"escalate_to": 5, "base_cases": manifest.suite.cases})
    named = {target.name: target.target for target in manifest.targets}
    with pytest.MonkeyPatch.context() as patch:
        for module in (assembly, plan):
            patch.setattr(module, "CASES_A_BLOCK", block)
        requests = [
            request
            for round_ in Round
            for request in planned_requests(
                manifest.suite.cases, named, samples=usual, round_=round_, further_to=5
            )
        ]
        rng = random.Random(seed)
        kept = rng.sample(requests, rng.randint(0, len(requests)))
        said: dict[str, Answer | Failure] = {request.key: answered(request.key) for request in kept}
        record = assemble(manifest, said, None, {}, {}, {})
    expected: dict[str, dict[str, list[tuple[Round, int, str]]]] = {}
    for request in requests:
        if request.key in said:
            found = expected.setdefault(request.target_name, {}).setdefault(request.case.id, [])
            found.append((request.round, request.sample, request.key))
    assert {
        target: {
            case: [(s.round, s.number, s.answer.text if s.answer else "") for s in samples]
            for case, samples in batch.samples.items()
        }
        for target, batch in record.batches.items()
    } == expected
    assert [[*batch.samples] for batch in record.batches.values()] == [
        [*expected[target]] for target in targets if target in expected
    ]


def test_a_plan_of_any_size_costs_only_what_was_answered() -> None:
    manifest = manifest_of((None,), targets=("one",), usual=10**9)
    target = manifest.targets[0]
    first = next(
        planned_requests(manifest.suite.cases, {"one": target.target}, samples=1, round_=Round.FIRST)
    )
    record = assemble(manifest, {first.key: answered("here")}, None, {}, {}, {})
    assert len(record.batches["one"].samples["edge-00"]) == 1


@pytest.mark.parametrize("key", ["", ":", "x", "a:b:c:d:e:f:g", "one:first:edge-00:0:0", "\ud800:::::"])
def test_a_call_that_was_never_planned_is_damage(key: str) -> None:
    manifest = manifest_of((None,), targets=("one",), usual=3)
    with pytest.raises(DamagedRecord, match="does not plan"):
        assemble(manifest, {key: answered("x")}, None, {}, {}, {})
