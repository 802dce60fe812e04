"""Which nights may become part of a baseline."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.findings import Outcome
from harness.core.incidents import QUIET_NIGHTS
from harness.core.run import RunKind
from harness.flows.baseline_change import Decided
from harness.flows.nights import newest_quiet_nights, quiet_nights
from harness.flows.promote import add_batch, promote
from tests.support.fakes import MemoryBaselineStore
from tests.support.nights import CASES, SIGNED, a_night, dates, drifted


def nights_of(kinds: str) -> list[Decided]:
    """A night a letter: q quiet, d drift, u could not tell."""
    known = {"q": {}, "d": drifted(), "u": {"outcome": Outcome.INCONCLUSIVE}}
    return [
        a_night(date, **known[kind])  # type: ignore[arg-type]  # fields by name
        for date, kind in zip(dates(len(kinds)), kinds, strict=True)
    ]


def kept(kinds: str) -> str:
    found = {run.verdict.night for run in quiet_nights(nights_of(kinds), "sonnet")}
    return "".join("+" if date in found else "." for date in dates(len(kinds)))


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ("qqq", "+++"),
        ("quq", "+.+"),
        ("qdq", "+.."),
        (f"qd{'q' * QUIET_NIGHTS}qq", f"+.{'.' * QUIET_NIGHTS}++"),
        (f"qd{'q' * (QUIET_NIGHTS - 1)}uqq", f"+.{'.' * (QUIET_NIGHTS - 1)}..+"),
        (f"qdqqd{'q' * QUIET_NIGHTS}q", f"+....{'.' * QUIET_NIGHTS}+"),
    ],
)
def test_no_night_of_an_incident_is_promoted_quiet_or_not(kinds: str, expected: str) -> None:
    assert kept(kinds) == expected


def test_the_first_quiet_night_after_a_change_was_accepted_counts() -> None:
    store = MemoryBaselineStore()
    promote([a_night(date) for date in dates(5)], "sonnet", store, SIGNED, digests_only=False)
    before = store.held["canary", "sonnet"]
    acceptance = before.acceptances[-1].model_copy(
        update={"at": "2026-11-22T09:00:00+00:00", "verdict": "regressed"}
    )
    after = before.model_copy(update={"acceptances": (*before.acceptances, acceptance)})
    runs = [
        a_night("2026-11-06", reference=before),
        a_night("2026-11-07", reference=before, **drifted()),  # type: ignore[arg-type]  # fields by name
        a_night("2026-11-08", reference=before),
        a_night("2026-11-09", reference=after),
    ]
    assert [run.verdict.night for run in quiet_nights(runs, "sonnet")] == ["2026-11-06", "2026-11-09"]


@given(st.text(alphabet="qqqqdu", max_size=28), st.integers(min_value=1, max_value=6))
def test_looking_back_no_further_than_needed_finds_the_same_nights(kinds: str, most: int) -> None:
    runs = nights_of(kinds)
    found = newest_quiet_nights(reversed(runs), "sonnet", most)
    assert found == quiet_nights(runs, "sonnet")[-most:]


def test_a_year_of_nights_is_not_decided_for_two() -> None:
    asked = []

    def newest_first() -> Iterator[Decided]:
        for run in reversed(nights_of("q" * 28)):
            asked.append(run)
            yield run

    assert len(newest_quiet_nights(newest_first(), "sonnet", 2)) == 2
    assert len(asked) == QUIET_NIGHTS + 2


def test_a_batch_of_some_cases_changes_these_and_no_other() -> None:
    store = MemoryBaselineStore()
    promote([a_night(date) for date in dates(3)], "sonnet", store, SIGNED, digests_only=False)
    run = a_night("2026-11-09", cases=CASES[:2], scheduled=False, kind=RunKind.CALIBRATE)
    change = add_batch(run, "sonnet", store, SIGNED, digests_only=False)
    assert change.cases == tuple(sorted(case.id for case in CASES[:2]))
    held = store.held["canary", "sonnet"]
    assert [len(held.cases[case.id].nights()) for case in CASES] == [4, 4, 3, 3, 3, 3]


def test_every_line_says_what_made_it() -> None:
    store = MemoryBaselineStore()
    promote([a_night("2026-11-01")], "sonnet", store, SIGNED, digests_only=False)
    held = store.held["canary", "sonnet"]
    assert {s.made_by for case in held.cases.values() for s in case.samples} == {"litellm 1.105.3"}
