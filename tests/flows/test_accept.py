from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.batch import Baseline, CaseBaseline
from harness.core.findings import Outcome
from harness.core.messages import Message, Role
from harness.core.plan import Round
from harness.core.run import RunKind
from harness.core.suite import CaseKind
from harness.core.verdict import BaselineState, State, TargetVerdict, Verdict
from harness.edges.stores.baselines import FileBaselineStore
from harness.errors import UsageError
from harness.flows.accept import Wish, accept_run
from harness.flows.baseline_change import Decided, Signature
from harness.flows.nights import first_of_each_night, is_quiet_night
from harness.flows.promote import burst, promote
from tests.support.fakes import MemoryBaselineStore
from tests.support.nights import CASES, SHOWN, SIGNED, a_night, dates
from tests.support.records import (
    make_case,
)


def promoted(store: MemoryBaselineStore, *runs: Decided, digests_only: bool = False) -> Baseline:
    promote(runs, "sonnet", store, SIGNED, digests_only=digests_only)
    return store.held["canary", "sonnet"]


def nights_of(baseline: Baseline) -> Mapping[str, tuple[str, ...]]:
    return {case: held.nights() for case, held in baseline.cases.items()}


# --- who may become part of a baseline -------------------------------------------------------------

NOT_QUIET = {
    "by hand": a_night("2026-11-02", scheduled=False),
    "cut short": a_night("2026-11-02", stopped="the time cap was reached"),
    "killed": a_night("2026-11-02", finished=False),
    "regressed": a_night("2026-11-02", outcome=Outcome.REGRESSED),
    "changed": a_night("2026-11-02", outcome=Outcome.CHANGED),
    "awaiting confirmation": a_night("2026-11-02", outcome=Outcome.INCONCLUSIVE, awaiting_confirmation=True),
    "half down": a_night("2026-11-02", silent=[case.id for case in CASES[:3]]),
    "could not tell": a_night("2026-11-02", outcome=Outcome.INCONCLUSIVE),
}


@pytest.mark.parametrize("why", NOT_QUIET)
def test_a_night_that_is_not_quiet_never_becomes_the_norm(why: str) -> None:
    assert not is_quiet_night(NOT_QUIET[why], "sonnet")
    store = MemoryBaselineStore()
    with pytest.raises(UsageError, match="none of the 1 runs"):
        promoted(store, NOT_QUIET[why])
    assert store.saves == 0
    held = promoted(store, a_night("2026-11-01"), NOT_QUIET[why], a_night("2026-11-03"))
    assert set(nights_of(held).values()) == {("2026-11-01", "2026-11-03")}


@pytest.mark.parametrize(
    "fields",
    [
        {"state": State.LEARNING},
        {"baseline": BaselineState.STALE},
        {"baseline": BaselineState.MISSING, "state": State.LEARNING},
        {"kind": RunKind.CALIBRATE},
    ],
    ids=["learning", "stale", "no baseline", "gathered for a baseline"],
)
def test_a_night_without_a_verdict_is_quiet_where_none_could_be_given(fields: dict[str, object]) -> None:
    assert is_quiet_night(a_night("2026-11-01", outcome=Outcome.INCONCLUSIVE, **fields), "sonnet")


def test_a_night_of_another_target_is_not_this_ones() -> None:
    assert not is_quiet_night(a_night("2026-11-01"), "gpt")


def test_the_first_scheduled_run_of_a_night_counts_and_a_quiet_second_does_not_replace_it() -> None:
    by_hand = a_night("2026-11-01", hour=1, scheduled=False)
    first, second = a_night("2026-11-01"), a_night("2026-11-01", hour=5)
    assert first_of_each_night([second, a_night("2026-10-31"), first, by_hand])[1] is first
    held = promoted(MemoryBaselineStore(), second, first, by_hand)
    assert {s.run for case in held.cases.values() for s in case.samples} == {first.record.manifest.run}
    bad = a_night("2026-11-01", outcome=Outcome.REGRESSED)
    with pytest.raises(UsageError):
        promoted(MemoryBaselineStore(), bad, second)


# --- promote ---------------------------------------------------------------------------------------


def test_nights_already_held_stay_as_they_are() -> None:
    store = MemoryBaselineStore()
    before = promoted(store, *(a_night(date) for date in dates(3)))
    other = a_night("2026-11-02", hour=4, silent=[CASES[0].id])
    after = promoted(store, other, a_night("2026-11-04"))
    assert set(nights_of(after).values()) == {tuple(dates(4))}
    for name, case in before.cases.items():
        assert after.cases[name].samples[: len(case.samples)] == case.samples


def test_the_order_in_which_runs_are_given_does_not_matter() -> None:
    runs = [a_night(date) for date in dates(4)]
    one, other = promoted(MemoryBaselineStore(), *runs), promoted(MemoryBaselineStore(), *reversed(runs))
    assert one == other


def test_nothing_new_writes_nothing() -> None:
    store = MemoryBaselineStore()
    promoted(store, a_night("2026-11-01"))
    change = promote([a_night("2026-11-01", hour=4)], "sonnet", store, SIGNED, digests_only=False)
    assert not change.written
    assert store.saves == 1


def test_a_confirmation_is_no_part_of_a_night() -> None:
    held = promoted(MemoryBaselineStore(), a_night("2026-11-01", confirm=("sonnet",)))
    assert {s.round for case in held.cases.values() for s in case.samples} == {Round.FIRST}


def test_a_changed_question_starts_its_case_anew_and_no_other() -> None:
    store = MemoryBaselineStore()
    promoted(store, *(a_night(date) for date in dates(3)))
    asked = CASES[0].model_copy(update={"messages": (Message(role=Role.USER, content="Something else?"),)})
    held = promoted(store, a_night("2026-11-04", cases=(asked, *CASES[1:])))
    found = nights_of(held)
    assert found.pop(CASES[0].id) == ("2026-11-04",)
    assert set(found.values()) == {tuple(dates(4))}
    assert held.cases[CASES[0].id].identity.question == asked.question


def test_nights_that_asked_the_old_question_are_not_added_to_the_new_one() -> None:
    asked = CASES[0].model_copy(update={"messages": (Message(role=Role.USER, content="Something else?"),)})
    new = a_night("2026-11-02", cases=(asked, *CASES[1:]))
    held = promoted(MemoryBaselineStore(), a_night("2026-11-01"), new)
    assert nights_of(held)[CASES[0].id] == ("2026-11-02",)


def test_a_case_that_is_gone_leaves_the_baseline_and_a_new_one_joins() -> None:
    store = MemoryBaselineStore()
    promoted(store, a_night("2026-11-01"))
    added = make_case("edge-new", CaseKind.EDGE)
    held = promoted(store, a_night("2026-11-02", cases=(*CASES[1:], added)))
    assert CASES[0].id not in held.cases
    assert nights_of(held)["edge-new"] == ("2026-11-02",)


def test_digests_keep_measures_and_no_text() -> None:
    held = promoted(MemoryBaselineStore(), a_night("2026-11-01"), digests_only=True)
    samples = [s for case in held.cases.values() for s in case.samples]
    assert all(s.answer is None and s.measures is not None and len(s.text_digest) == 64 for s in samples)


# --- bursts ----------------------------------------------------------------------------------------


def an_evening(nights: int = 4, **fields: object) -> Decided:
    cases = tuple(case.model_copy(update={"samples": 3 * nights}) for case in CASES)
    return a_night("2026-11-01", cases=cases, kind=RunKind.CALIBRATE, **fields)  # type: ignore[arg-type]


def burst_in(store: MemoryBaselineStore, nights: int = 4, **fields: object) -> Baseline:
    burst(an_evening(nights, **fields), "sonnet", store, SIGNED, nights=nights, digests_only=False)
    return store.held["canary", "sonnet"]


@pytest.mark.parametrize("nights", [2, 5, 14, 28])
def test_a_burst_is_cut_into_batches_of_equal_size(nights: int) -> None:
    for case in burst_in(MemoryBaselineStore(), nights).cases.values():
        sizes: dict[str, int] = {}
        for sample in case.samples:
            assert sample.burst
            sizes[sample.batch] = sizes.get(sample.batch, 0) + 1
        assert list(sizes.values()) == [3] * nights
        runs = [sample.run for sample in sorted(case.samples, key=lambda s: s.sample)]
        assert runs == sorted(runs), "batches follow one another in time"
        assert runs[0].endswith(".00")
        assert runs[-1].endswith(f".{nights - 1:02d}")


def test_a_burst_counts_as_one_night() -> None:
    assert burst_in(MemoryBaselineStore()).night_count() == 1


def test_a_burst_never_replaces_real_nights() -> None:
    store = MemoryBaselineStore()
    promoted(store, a_night("2026-11-01"))
    with pytest.raises(UsageError, match="real nights"):
        burst_in(store)


def test_a_burst_of_an_outage_is_refused() -> None:
    store = MemoryBaselineStore()
    with pytest.raises(UsageError, match="came back"):
        burst_in(store, silent=[case.id for case in CASES[:4]])
    with pytest.raises(UsageError, match="did not finish"):
        burst_in(store, stopped="the time cap was reached")
    assert store.saves == 0


def test_a_burst_leaves_out_a_case_without_an_answer() -> None:
    held = burst_in(MemoryBaselineStore(), silent=[CASES[0].id])
    assert CASES[0].id not in held.cases
    assert all(case.samples for case in held.cases.values())


def test_a_burst_is_replaced_by_real_nights_and_not_before_there_are_enough() -> None:
    store = MemoryBaselineStore()
    before = burst_in(store)
    nights = [a_night(date) for date in dates(5, first=2)]
    with pytest.raises(UsageError, match="5 real nights replace it; there are 4"):
        promoted(store, *nights[:4])
    assert store.held["canary", "sonnet"] == before
    held = promoted(store, *nights)
    assert set(nights_of(held).values()) == {tuple(dates(5, first=2))}
    assert not any(s.burst for case in held.cases.values() for s in case.samples)


# --- accept ----------------------------------------------------------------------------------------


def with_baseline() -> MemoryBaselineStore:
    store = MemoryBaselineStore()
    promoted(store, *(a_night(date) for date in dates(5)))
    return store


def accepted(
    store: MemoryBaselineStore, run: Decided, *cases: str, digest: str = SHOWN[:8], target: str = "sonnet"
) -> Baseline:
    accept_run(Wish(run=run, target=target, case_ids=cases, digest=digest), store, SIGNED)
    return store.held["canary", "sonnet"]


TONIGHT = a_night("2026-11-09", outcome=Outcome.REGRESSED, confirm=("sonnet",))


@pytest.mark.parametrize("digest", ["", "5f1c2e9", "5f1c2e91", "5F1C2E90", SHOWN + "0"])
def test_a_digest_that_is_not_the_one_shown_accepts_nothing(digest: str) -> None:
    store = with_baseline()
    with pytest.raises(UsageError, match="not the digest of what this run shows"):
        accepted(store, TONIGHT, CASES[0].id, digest=digest)
    assert store.saves == 1


@pytest.mark.parametrize("digest", [SHOWN[:8], SHOWN[:20], SHOWN])
def test_eight_digits_or_more_of_what_was_shown_will_do(digest: str) -> None:
    assert nights_of(accepted(with_baseline(), TONIGHT, CASES[0].id, digest=digest))[CASES[0].id] == (
        "2026-11-09",
    )


@pytest.mark.parametrize("reason", ["", "fine", "  fine     ", "123456789"])
def test_a_reason_has_ten_characters(reason: str) -> None:
    with pytest.raises(UsageError, match="--reason needs 10"):
        Signature(by="x", at="2026-11-21", reason=reason)
    Signature(by="x", at="2026-11-21", reason="1234567890")


@pytest.mark.parametrize(
    "run",
    [
        a_night("2026-11-09", stopped="the next call could have passed the cost cap"),
        a_night("2026-11-09", finished=False),
        a_night("2026-11-09", silent=[case.id for case in CASES[:3]]),
    ],
    ids=["stopped", "killed", "half down"],
)
def test_a_partial_or_failed_run_is_never_accepted(run: Decided) -> None:
    store = with_baseline()
    with pytest.raises(UsageError, match="partial or failed"):
        accepted(store, run, CASES[5].id)
    assert store.saves == 1


def test_a_case_that_did_not_answer_cannot_be_accepted() -> None:
    store = with_baseline()
    run = a_night("2026-11-09", silent=[CASES[0].id])
    with pytest.raises(UsageError, match=f"no answer to {CASES[0].id}"):
        accepted(store, run, CASES[0].id)
    held = accepted(MemoryBaselineStore(), run, *(case.id for case in CASES[1:]))
    assert CASES[0].id not in held.cases, "an empty case would break every later night"


@pytest.mark.parametrize("named", [("nobody",), (CASES[0].id, "nobody")])
def test_an_unknown_case_or_target_is_said(named: tuple[str, ...]) -> None:
    store = with_baseline()
    with pytest.raises(UsageError, match=r"no such case in run .*: nobody"):
        accepted(store, TONIGHT, *named)
    with pytest.raises(UsageError, match="no target 'gpt'"):
        accepted(store, TONIGHT, CASES[0].id, target="gpt")
    assert store.saves == 1


def test_only_the_cases_named_change() -> None:
    store = with_baseline()
    before = store.held["canary", "sonnet"]
    after = accepted(store, TONIGHT, CASES[0].id, CASES[1].id)
    for case in CASES:
        changed = case.id in (CASES[0].id, CASES[1].id)
        assert (after.cases[case.id] != before.cases[case.id]) is changed
    assert nights_of(after)[CASES[0].id] == ("2026-11-09",)
    assert after.acceptances[:-1] == before.acceptances
    assert after.acceptances[-1].cases == tuple(sorted((CASES[0].id, CASES[1].id)))
    assert after.acceptances[-1].verdict == "regressed"
    assert after.acceptances[-1].shown == SHOWN


def test_accepting_takes_both_rounds_because_both_were_shown() -> None:
    held = accepted(with_baseline(), TONIGHT, CASES[0].id)
    assert {s.round for s in held.cases[CASES[0].id].samples} == {Round.FIRST, Round.CONFIRM}


@pytest.mark.parametrize(("named", "anew"), [(2, False), (3, True), (6, True)])
def test_over_a_third_of_the_suite_starts_its_baseline_anew(named: int, anew: bool) -> None:
    held = accepted(with_baseline(), TONIGHT, *(case.id for case in CASES[:named]))
    assert (set(nights_of(held).values()) == {("2026-11-09",)}) is anew
    assert len(held.cases) == len(CASES)


def test_naming_a_case_twice_does_not_make_it_two() -> None:
    held = accepted(with_baseline(), TONIGHT, *[CASES[0].id] * 5)
    assert nights_of(held)[CASES[5].id] == tuple(dates(5))


@pytest.mark.parametrize("named", [1, 6])
def test_accepting_the_same_again_writes_nothing(named: int, tmp_path: Path) -> None:
    store = FileBaselineStore(tmp_path / "baselines", lock=tmp_path / "lock", redact=str)
    promote([a_night(date) for date in dates(5)], "sonnet", store, SIGNED, digests_only=False)
    ids = [case.id for case in CASES[:named]]
    written = [
        accept_run(Wish(run=TONIGHT, target="sonnet", case_ids=ids, digest=SHOWN), store, SIGNED).written
        for _ in range(2)
    ]
    held = store.load("canary", "sonnet")
    assert held is not None
    assert written == [True, False]
    assert len(held.acceptances) == 2


def test_a_target_with_another_ones_baseline_changes_that_one_only_when_it_is_named() -> None:
    store = with_baseline()
    record = TONIGHT.record
    (target,) = record.manifest.targets
    swapped = target.model_copy(update={"name": "swapped", "baseline_of": "sonnet"})
    run = Decided(
        record=replace(
            record,
            manifest=record.manifest.model_copy(update={"targets": (swapped,)}),
            batches={"swapped": record.batches["sonnet"]},
        ),
        verdict=_renamed(TONIGHT.verdict, "swapped"),
    )
    wish = Wish(run=run, target="swapped", case_ids=[CASES[0].id], digest=SHOWN)
    for refused in (wish, replace(wish, baseline_of="gpt")):
        with pytest.raises(UsageError, match="compared with the baseline of 'sonnet'"):
            accept_run(refused, store, SIGNED)
    assert store.saves == 1
    change = accept_run(replace(wish, baseline_of="sonnet"), store, SIGNED)
    assert change.target == "sonnet"
    assert set(store.held) == {("canary", "sonnet")}


def _renamed(verdict: Verdict, name: str) -> Verdict:
    (target,) = verdict.targets
    renamed: TargetVerdict = target.model_copy(update={"target": name})
    return verdict.model_copy(update={"targets": (renamed,)})


def test_every_stored_case_has_its_identity() -> None:
    held = promoted(MemoryBaselineStore(), a_night("2026-11-01"))
    assert all(isinstance(case, CaseBaseline) and case.identity.question for case in held.cases.values())
    assert {k: v.identity.question for k, v in held.cases.items()} == {c.id: c.question for c in CASES}
