"""Both models are asked the same question one right after the other, and neither is always first."""

from collections import Counter

from harness.core.plan import Round, make_plan
from harness.core.suite import Target
from harness.core.upgrade.planning import first_plan, paired_plan
from tests.support.records import make_cases
from tests.support.upgrades import task

TARGETS = {"a": Target(model="x/a"), "b": Target(model="x/b")}


def test_pairs_are_adjacent_and_each_side_is_first_half_of_the_time() -> None:
    cases = make_cases(6)
    requests = paired_plan(cases, (), TARGETS, samples=8, seed="run").requests
    assert len(requests) == 6 * 8 * 2
    firsts: Counter[tuple[str, str]] = Counter()
    for one, other in zip(requests[::2], requests[1::2], strict=True):
        assert (one.case.id, one.sample) == (other.case.id, other.sample)
        assert {one.target_name, other.target_name} == {"a", "b"}
        firsts[one.case.id, one.target_name] += 1
    assert set(firsts.values()) == {4}


def test_the_order_is_the_runs_own() -> None:
    cases = make_cases(6)
    plans = [paired_plan(cases, (), TARGETS, samples=2, seed=seed) for seed in ("run", "run", "other")]
    keys = [[request.key for request in plan.requests] for plan in plans]
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]
    assert sorted(keys[0]) == sorted(keys[2])


def test_it_asks_what_every_run_asks() -> None:
    cases = make_cases(3)
    usual = make_plan(cases, TARGETS, samples=3)
    paired = first_plan(cases, TARGETS, samples=3, paired=True, seed="run")
    assert {request.key for request in paired.requests} == {request.key for request in usual.requests}
    assert first_plan(cases, TARGETS, samples=3) == usual


def test_all_four_cells_of_a_replay_stand_together() -> None:
    cases = (task("task-0"), task("task-1"))
    requests = paired_plan(cases, cases[:1], TARGETS, samples=4, seed="run").requests
    assert len(requests) == 4 * (4 + 2)
    place = 0
    firsts: Counter[tuple[str, Round]] = Counter()
    while place < len(requests):
        size = 4 if requests[place].case.id == "task-0" else 2
        together = requests[place : place + size]
        assert len({(one.case.id, one.sample) for one in together}) == 1
        assert len({(one.target_name, one.round) for one in together}) == size
        if size == 4:
            firsts[together[0].target_name, together[0].round] += 1
        place += size
    assert len(firsts) == 4, "every cell is first once in four samples"
