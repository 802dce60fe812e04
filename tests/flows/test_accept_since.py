"""Which nights an acceptance takes: those since the change, and never one from before."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.batch import Baseline
from harness.core.findings import Outcome
from harness.core.messages import Message, Role
from harness.core.suite import Case
from harness.flows.accept import Wish, accept_run
from harness.flows.baseline_change import Change, Decided, Signature
from harness.flows.promote import promote
from tests.support.fakes import MemoryBaselineStore
from tests.support.nights import CASES, SHOWN, SIGNED, a_night, dates, drifted
from tests.support.records import make_case

ONE, OTHER = CASES[0].id, CASES[1].id
LEARNT = tuple(dates(5))
LATER = Signature(by="Maintainer", at="2026-11-25T08:00:00+00:00", reason="It was tried and is fine.")


def learnt(cases: Sequence[Case] = CASES) -> MemoryBaselineStore:
    store = MemoryBaselineStore()
    promote([a_night(date, cases=cases) for date in LEARNT], "sonnet", store, SIGNED, digests_only=False)
    return store


STORE = learnt()
REFERENCE = STORE.held["canary", "sonnet"]


def night(day: int, kind: str = "drift", *cases: str, **fields: object) -> Decided:
    known: dict[str, dict[str, object]] = {
        "drift": {**drifted(*cases)},
        "quiet": {},
        "untold": {"outcome": Outcome.INCONCLUSIVE},
        "partial": {"stopped": "the time cap was reached"},
    }
    more: dict[str, object] = {"reference": REFERENCE, **known[kind], **fields}
    return a_night(f"2026-11-{day:02d}", **more)  # type: ignore[arg-type]  # fields by name


def accepted(
    *nights: Decided, cases: Sequence[str] = (ONE,), store: MemoryBaselineStore | None = None, **more: object
) -> Baseline:
    """Accept the last of these nights, given oldest first."""
    store = store or learnt()
    accept(store, *nights, cases=cases, **more)
    return store.held["canary", "sonnet"]


def accept(
    store: MemoryBaselineStore, *nights: Decided, cases: Sequence[str] = (ONE,), **more: object
) -> Change:
    *earlier, run = nights
    wish = Wish(run=run, target="sonnet", case_ids=cases, digest=SHOWN, earlier=reversed(earlier))
    return accept_run(replace(wish, **more), store, LATER)  # type: ignore[arg-type]  # fields by name


def days(baseline: Baseline, case_id: str = ONE) -> list[int]:
    return [int(name[-2:]) for name in baseline.cases[case_id].nights()]


def test_the_nights_on_which_the_change_was_seen_are_taken_with_the_run() -> None:
    held = accepted(night(6, "quiet"), night(7, "drift", ONE), night(8, "drift", ONE), night(9, "drift", ONE))
    assert days(held) == [7, 8, 9]
    assert days(held, OTHER) == [1, 2, 3, 4, 5]
    assert [name[:8] for name in held.acceptances[-1].runs] == ["20261107", "20261108", "20261109"]


@settings(max_examples=25)
@given(st.lists(st.sampled_from(["drift", "quiet", "untold", "partial"]), max_size=6))
def test_a_quiet_night_ends_the_change_and_one_that_could_not_tell_is_passed_over(kinds: list[str]) -> None:
    nights = [night(6 + place, kind) for place, kind in enumerate(kinds)]
    held = accepted(*nights, night(20))
    last_quiet = max((place for place, kind in enumerate(kinds) if kind == "quiet"), default=-1)
    shown = [6 + place for place, kind in enumerate(kinds) if place > last_quiet and kind == "drift"]
    assert days(held) == [*shown, 20]


def test_no_night_is_decided_that_is_not_needed() -> None:
    def earlier() -> Iterator[Decided]:
        yield night(8)
        yield night(7, "quiet")
        pytest.fail("looked further back than the night that was quiet")

    store = learnt()
    wish = Wish(run=night(9), target="sonnet", case_ids=[ONE], digest=SHOWN, earlier=earlier())
    accept_run(wish, store, LATER)
    assert days(store.held["canary", "sonnet"]) == [8, 9]


def test_a_case_begins_with_the_first_finding_of_its_own() -> None:
    nights = night(7, "drift", OTHER), night(8, "drift", ONE), night(9, "drift", OTHER)
    assert days(accepted(*nights)) == [8, 9]
    assert days(accepted(*nights, cases=(OTHER,)), OTHER) == [7, 8, 9]
    assert days(accepted(night(7), night(8), night(9, "drift", ONE))) == [9]


def test_the_whole_suite_begins_on_one_night() -> None:
    held = accepted(
        night(7, "drift", OTHER), night(8, "drift", ONE), night(9), cases=[case.id for case in CASES]
    )
    assert {tuple(days(held, case.id)) for case in CASES} == {(7, 8, 9)}
    assert held.night_count() == 3


def test_since_takes_every_whole_night_of_that_time() -> None:
    nights = night(6, "quiet"), night(7, "untold"), night(8, "partial"), night(9, "quiet"), night(10)
    assert days(accepted(*nights, since="2026-11-07")) == [7, 9, 10]
    assert days(accepted(*nights, since="2026-11-10")) == [10]


def test_an_earlier_change_that_was_accepted_already_is_not_taken_again() -> None:
    store = learnt()
    accept(store, night(7, "drift", ONE))
    since = store.held["canary", "sonnet"]
    held = accepted(
        night(7, "drift", ONE),
        night(8, "drift", ONE, reference=since),
        night(9, "drift", ONE, reference=since),
        store=store,
    )
    assert days(held) == [8, 9]


def test_a_new_question_is_accepted_with_every_night_that_asked_it() -> None:
    asked = CASES[0].model_copy(update={"messages": (Message(role=Role.USER, content="Something else?"),)})
    cases = (asked, *CASES[1:])
    nights = [night(day, "quiet", cases=cases) for day in (7, 8, 9)]
    assert days(accepted(night(6, "quiet"), *nights)) == [7, 8, 9]


def test_a_new_case_is_accepted_with_every_night_since_it_is_asked() -> None:
    cases = (*CASES, make_case("edge-new"))
    nights = [night(day, "quiet", cases=cases) for day in (7, 8, 9)]
    held = accepted(night(6, "quiet"), *nights, cases=("edge-new",))
    assert days(held, "edge-new") == [7, 8, 9]
    assert days(held) == [1, 2, 3, 4, 5]


def test_both_rounds_of_every_night_are_taken() -> None:
    held = accepted(night(7, "drift", ONE, confirm=("sonnet",)), night(8, "drift", ONE, confirm=("sonnet",)))
    rounds = [(s.night[-2:], s.round.value, s.sample) for s in held.cases[ONE].samples]
    assert rounds == sorted(rounds)
    assert len(rounds) == len(set(rounds)) == 2 * 2 * 3


def test_a_part_of_the_suite_asked_by_hand_says_nothing_of_the_rest() -> None:
    run = night(9, "drift", ONE, cases=CASES[:2], scheduled=False)
    held = accepted(run, cases=(ONE, OTHER))
    assert {case.id: len(days(held, case.id)) for case in CASES} == {
        case.id: 1 if case.id in (ONE, OTHER) else 5 for case in CASES
    }
    whole = accepted(night(9, "drift", cases=CASES[:4], scheduled=False), cases=[c.id for c in CASES[:4]])
    assert days(whole, CASES[5].id) == [1, 2, 3, 4, 5], "over a third, and still none of its business"


def test_without_a_baseline_only_the_cases_named_are_accepted() -> None:
    held = accepted(night(9, "quiet", reference=None), store=MemoryBaselineStore())
    assert list(held.cases) == [ONE]


def test_no_night_from_before_a_change_comes_back_when_nights_are_promoted() -> None:
    store = learnt()
    accept(store, night(9, "drift", ONE))
    quiet = [night(day, "quiet", reference=store.held["canary", "sonnet"]) for day in (6, 7, 8, 10, 11)]
    promote(quiet, "sonnet", store, LATER, digests_only=False)
    held = store.held["canary", "sonnet"]
    assert days(held) == [9, 10, 11]
    assert days(held, OTHER) == [1, 2, 3, 4, 5, 6, 7, 8, 10, 11]


def test_digests_of_another_encoder_are_changed_all_or_none() -> None:
    store = MemoryBaselineStore()
    promote([a_night(date) for date in LEARNT], "sonnet", store, SIGNED, digests_only=True)
    held = store.held["canary", "sonnet"]
    store.held["canary", "sonnet"] = held.model_copy(update={"encoder": "another"})
    with pytest.raises(Exception, match="keeps digests only and was measured with another"):
        accept(store, night(9), digests_only=True)
    assert store.saves == 1
    whole = accepted(night(9), cases=[case.id for case in CASES], store=store, digests_only=True)
    assert whole.encoder == night(9).record.manifest.encoder
    assert all(s.answer is None and s.measures for case in whole.cases.values() for s in case.samples)
