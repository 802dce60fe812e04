"""Two people accept at once: both acceptances are there afterwards."""

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

from harness.core.findings import Outcome
from harness.edges.stores.baselines import FileBaselineStore
from harness.flows.accept import Wish, accept_run
from harness.flows.promote import promote
from tests.support.nights import CASES, SHOWN, SIGNED, a_night, dates

TIMES = 8


def store_in(root: Path) -> FileBaselineStore:
    return FileBaselineStore(root / "baselines", lock=root / "lock", redact=str)


def accept_again_and_again(root: Path, case_id: str, start: Barrier) -> None:
    runs = [a_night(date, outcome=Outcome.REGRESSED) for date in dates(TIMES, first=9)]
    start.wait(60)
    for run in runs:
        wish = Wish(run=run, target="sonnet", case_ids=[case_id], digest=SHOWN)
        assert accept_run(wish, store_in(root), SIGNED).written


def test_of_two_acceptances_at_once_none_is_lost(tmp_path: Path) -> None:
    promote([a_night(date) for date in dates(5)], "sonnet", store_in(tmp_path), SIGNED, digests_only=False)
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    ids = [case.id for case in CASES[:2]]
    people = [
        context.Process(target=accept_again_and_again, args=(tmp_path, case_id, start)) for case_id in ids
    ]
    for person in people:
        person.start()
    for person in people:
        person.join(60)
        assert person.exitcode == 0
    held = store_in(tmp_path).load("canary", "sonnet")
    assert held is not None
    assert len(held.acceptances) == 1 + 2 * TIMES
    last = f"2026-11-{8 + TIMES:02d}"
    assert [held.cases[case_id].nights() for case_id in ids] == [(last,), (last,)]
