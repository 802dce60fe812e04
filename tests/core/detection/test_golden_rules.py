"""Test the rule of the PR check: what it calls, what it runs again, and what must not change its mind."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.core.detection.golden_rules import (
    GoldenTests,
    TaskTest,
    judge_tasks,
    needs_escalation,
    plain_rules,
)
from harness.core.detection.golden_runs import GoldenLevels, TaskRuns, Unclear
from harness.core.stats.exact import fisher_p_once_failed, stratified_p

ONCE = GoldenLevels(escalate_to=0)
"""Nothing is run again."""


def runs(text: str) -> tuple[bool, ...]:
    """Read runs from x (failed) and . (passed)."""
    return tuple(mark == "x" for mark in text)


def make_task(
    case: str = "task", reference: str = "." * 12, first: str = "...", further: str = "", **fields: bool
) -> TaskRuns:
    return TaskRuns(case=case, reference=runs(reference), first=runs(first), further=runs(further), **fields)


def quiet(count: int, reference: str = "." * 12, first: str = "...", further: str = "") -> list[TaskRuns]:
    return [make_task(f"quiet-{n}", reference, first, further) for n in range(count)]


def test_of(tests: GoldenTests, case: str = "task") -> TaskTest:
    return next(test for test in tests.tasks if test.case == case)


test_of.__test__ = False  # type: ignore[attr-defined]

RUNS = st.text("x.", min_size=5, max_size=14)
FIRST = st.text("x.", min_size=1, max_size=4)


@st.composite
def some_tasks(draw: st.DrawFn, least: int = 1, most: int = 6) -> list[TaskRuns]:
    return [
        make_task(
            f"task-{n}",
            draw(RUNS),
            draw(FIRST),
            draw(st.text("x.", max_size=5)),
            always=draw(st.booleans()),
        )
        for n in range(draw(st.integers(least, most)))
    ]


# --- tasks ----------------------------------------------------------------------------------------------


def test_a_task_that_breaks_is_called_among_twenty() -> None:
    tests = judge_tasks([make_task(first="xxx", further="xxxxx"), *quiet(19)])
    assert test_of(tests).regressed
    assert tests.failed
    assert [test.case for test in tests.tasks if test.regressed] == ["task"]


def test_a_task_that_flakes_once_is_not() -> None:
    tests = judge_tasks([make_task(first="x..", further="....."), *quiet(19)])
    assert not tests.failed
    assert test_of(tests).p_value == 1.0


def test_a_task_that_failed_as_often_before_is_not() -> None:
    tests = judge_tasks([make_task(reference="xxxxxx......", first="xx.", further="x.x.x"), *quiet(19)])
    assert not tests.failed


def test_a_task_whose_first_runs_passed_has_p_of_one_whatever_came_after() -> None:
    tests = judge_tasks([make_task(first="...", further="xxxxx")])
    assert (test_of(tests).p_value, test_of(tests).regressed) == (1.0, False)


@given(some_tasks())
def test_p_values_are_fishers_given_the_selection_and_adjusted_over_what_could_be_told(
    tasks: list[TaskRuns],
) -> None:
    levels = GoldenLevels(full_runs=5)
    found = {test.case: test for test in judge_tasks(tasks, levels).tasks}
    family = []
    for task in tasks:
        if not any(task.first):
            assert found[task.case].p_value == 1.0
            continue
        p_value = found[task.case].p_value
        assert p_value == fisher_p_once_failed(task.counts, len(task.first))
        if fisher_p_once_failed(task.counts.worst, len(task.first)) <= levels.task:
            family.append(task.case)
    wanted = scipy.stats.false_discovery_control([found[case].p_value for case in family]) if family else ()
    assert [found[case].adjusted for case in family] == pytest.approx(list(wanted))
    assert all(found[case].regressed == (found[case].adjusted <= levels.task) for case in family)
    assert {case for case, test in found.items() if test.regressed} <= set(family)


@given(some_tasks(), st.integers(0, 5), st.integers(0, 3))
def test_a_failure_more_never_clears_the_task_that_failed(
    tasks: list[TaskRuns], place: int, run: int
) -> None:
    place %= len(tasks)
    task = tasks[place]
    first = list(task.first)
    first[run % len(first)] = True
    worse = [*tasks]
    worse[place] = replace(task, first=tuple(first))
    before, after = (judge_tasks(some).tasks[place] for some in (tasks, worse))
    assert before.p_value is not None
    assert after.p_value is not None
    assert after.p_value <= before.p_value
    assert after.broken_contract >= before.broken_contract
    if any(task.first):
        # Where it was tested before, it is tested still, and over no more tasks.
        assert after.regressed >= before.regressed or test_family(tasks) != test_family(worse)
    assert after.improved <= before.improved


def test_family(tasks: Sequence[TaskRuns]) -> int:
    return sum(
        any(task.first) and fisher_p_once_failed(task.counts.worst, len(task.first)) <= 0.05 for task in tasks
    )


test_family.__test__ = False  # type: ignore[attr-defined]


@given(some_tasks(least=2), st.randoms(use_true_random=False))
def test_the_order_of_tasks_and_of_runs_changes_nothing(tasks: list[TaskRuns], random: object) -> None:
    def shuffled(values: Sequence[object]) -> list[object]:
        turned = list(values)
        random.shuffle(turned)  # type: ignore[attr-defined]
        return turned

    turned = [
        replace(
            task,
            reference=tuple(shuffled(task.reference)),
            first=tuple(shuffled(task.first)),
            further=tuple(shuffled(task.further)),
        )
        for task in shuffled(tasks)
    ]  # fmt: skip
    before, after = judge_tasks(tasks), judge_tasks(turned)  # type: ignore[arg-type]
    assert {test.case: test for test in after.tasks} == {test.case: test for test in before.tasks}
    assert set(needs_escalation(turned)) == set(needs_escalation(tasks))  # type: ignore[arg-type]
    assert (after.suite is None) == (before.suite is None)
    if before.suite is not None and after.suite is not None:
        assert after.suite.p_value == pytest.approx(before.suite.p_value)
        assert (after.suite.failed, after.suite.visible) == (before.suite.failed, before.suite.visible)


def test_tasks_are_given_back_in_the_order_given() -> None:
    tasks = [make_task("b"), make_task("a", first="xxx", further="xxxxx"), make_task("c", reference="...")]
    assert [test.case for test in judge_tasks(tasks).tasks] == ["b", "a", "c"]


# --- few runs -------------------------------------------------------------------------------------------


def test_under_five_reference_runs_a_task_is_unclear_and_in_no_test() -> None:
    young = make_task("young", reference="....", first="xxx", further="xxxxx")
    others = [make_task(first="x..", further="xx..."), *quiet(5, first="x..", further=".....")]
    tests = judge_tasks([young, *others])
    assert test_of(tests, "young").unclear is Unclear.FEW_REFERENCE
    assert test_of(tests, "young").p_value is test_of(tests, "young").visible is None
    assert not test_of(tests, "young").regressed
    assert (tests.suite, tests.tasks[1:]) == (judge_tasks(others).suite, judge_tasks(others).tasks)


def test_under_twelve_reference_runs_levels_are_halved() -> None:
    # Of the four failures of 20 runs, all in the last 8: p = .0361 given that a first run of 1 failed.
    full = make_task(reference="." * 12, first="x", further="xxx....")
    assert 0.025 < (test_of(judge_tasks([full])).p_value or 0) <= 0.05
    assert test_of(judge_tasks([full])).regressed
    assert not test_of(judge_tasks([full], GoldenLevels(full_runs=13))).regressed


def test_the_level_of_the_suite_falls_with_the_share_of_tasks_that_have_few_reference_runs() -> None:
    few = quiet(5, reference="." * 10)
    assert judge_tasks(few).suite.level == pytest.approx(0.0075)  # type: ignore[union-attr]
    mixed = [*quiet(4), make_task(reference="." * 10)]
    assert judge_tasks(mixed).suite.level == pytest.approx(0.0135)  # type: ignore[union-attr]


def test_a_task_without_an_answer_is_unclear_and_in_no_test() -> None:
    tests = judge_tasks([make_task(first=""), *quiet(4)])
    assert test_of(tests).unclear is Unclear.NO_RUNS
    assert tests.suite is not None
    assert tests.suite.tasks == 4
    assert judge_tasks([make_task(first="")]).suite is None
    assert judge_tasks([]) == GoldenTests(suite=None, tasks=())


# --- contracts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "first", "further", "broken"),
    [
        ("." * 12, "xx.", "xxx..", True),
        ("." * 12, "xx.", "xx...", False),  # 4 of 8 is no majority
        ("." * 11 + "x", "xxx", "xxxxx", False),  # it never held
        ("..", "xxx", "xxxxx", True),  # a contract needs no floor
        ("", "xxx", "xxxxx", False),  # but something to have held in
        ("." * 12, "xxx", "", False),  # not run again
        ("." * 12, "xxx", "xxx", True),  # two of the eight calls gave no answer
    ],
)
def test_a_contract_is_broken_that_held_and_breaks_in_most_of_eight_runs(
    reference: str, first: str, further: str, broken: bool
) -> None:
    task = make_task(reference=reference, first=first, further=further, always=True)
    assert test_of(judge_tasks([task, *quiet(19)])).broken_contract == broken
    assert not test_of(judge_tasks([replace(task, always=False), *quiet(19)])).broken_contract


def test_without_running_again_a_contract_breaks_over_most_runs_but_never_over_one() -> None:
    assert test_of(judge_tasks([make_task(first="xx.", always=True)], ONCE)).broken_contract
    assert not test_of(judge_tasks([make_task(first="x", always=True)], ONCE)).broken_contract


def test_a_contract_that_could_not_be_run_again_is_unclear() -> None:
    tests = judge_tasks([make_task(first="xx.", always=True), *quiet(19)])
    assert test_of(tests).unclear is Unclear.NOT_RUN_AGAIN
    assert not tests.failed


# --- the suite ------------------------------------------------------------------------------------------


def a_stray(again: str) -> list[TaskRuns]:
    """Make a suite that fails 5 of its first 60 runs and never did before; `again` are every task's further runs."""
    return [
        *(make_task(f"worse-{n}", first="x..", further=again) for n in range(5)),
        *quiet(15, further=again),
    ]


def test_a_suite_that_strays_is_run_again_as_a_whole() -> None:
    tasks = a_stray("")
    assert needs_escalation(tasks) == tuple(task.case for task in tasks)
    suite = judge_tasks(tasks).suite
    assert suite is not None
    assert (suite.strayed, suite.unclear, suite.failed) == (True, True, False)


def test_a_suite_that_strayed_fails_where_all_its_runs_say_so() -> None:
    suite = judge_tasks(a_stray("x....")).suite
    assert suite is not None
    assert (suite.strayed, suite.unclear, suite.failed) == (True, False, True)
    assert suite.p_value == stratified_p(task.counts for task in a_stray("x...."))
    assert suite.candidate_rate == pytest.approx((5 + 20) / 160)


def test_a_suite_that_strayed_by_chance_does_not_fail() -> None:
    reference = "x" + "." * 11
    tasks = [replace(task, reference=runs(reference)) for task in a_stray(".....")]
    strayed = [replace(task, first=runs("xx.")) if any(task.first) else task for task in tasks]
    suite = judge_tasks(strayed).suite
    assert suite is not None
    assert (suite.strayed, suite.unclear, suite.failed) == (True, False, False)
    assert stratified_p(task.first_counts for task in strayed) <= 0.1


def test_runs_of_tasks_that_failed_alone_are_kept_out_of_the_suites_test() -> None:
    tasks = [make_task(first="x..", further="xxxxx"), *quiet(19)]
    suite = judge_tasks(tasks).suite
    assert suite is not None
    assert not suite.strayed
    assert suite.p_value == stratified_p(task.first_counts for task in tasks)


def test_with_nothing_run_again_the_first_runs_decide_at_once() -> None:
    suite = judge_tasks(a_stray(""), ONCE).suite
    assert suite is not None
    assert (suite.strayed, suite.unclear) == (False, False)
    assert suite.failed == (suite.p_value <= GoldenLevels().suite)
    assert needs_escalation(a_stray(""), ONCE) == ()


def test_in_fast_mode_there_is_no_test_over_the_suite() -> None:
    assert judge_tasks(quiet(20, first="x")).suite is None
    assert needs_escalation(quiet(20, first=".")) == ()
    assert judge_tasks([*quiet(19, first="."), make_task(first="..")]).suite is not None


@given(some_tasks(), st.integers(0, 5), st.integers(0, 3))
def test_a_failure_more_never_raises_the_p_of_the_suites_first_runs(
    tasks: list[TaskRuns], place: int, run: int
) -> None:
    place %= len(tasks)
    first = list(tasks[place].first)
    first[run % len(first)] = True
    worse = [*tasks]
    worse[place] = replace(tasks[place], first=tuple(first))
    before, after = (judge_tasks(some, ONCE).suite for some in (tasks, worse))
    if before is not None and after is not None:
        assert after.p_value <= before.p_value * (1 + 1e-9)


# --- better ---------------------------------------------------------------------------------------------


@given(some_tasks())
def test_with_the_sides_changed_over_what_failed_is_what_improved(tasks: list[TaskRuns]) -> None:
    level = GoldenLevels(escalate_to=0, full_runs=1, fewest_runs=1)
    swapped = [replace(task, reference=task.first, first=task.reference, further=()) for task in tasks]
    here = judge_tasks([replace(task, further=()) for task in tasks], level).suite
    there = judge_tasks(swapped, level).suite
    assume(here is not None and there is not None)
    assert here is not None
    assert there is not None
    assert (here.failed, here.improved) == (there.improved, there.failed)
    assert not (here.failed and here.improved)


def test_a_task_that_never_passed_and_now_does_improved() -> None:
    tests = judge_tasks([make_task(reference="x" * 12), *quiet(19)])
    assert test_of(tests).improved
    assert not tests.failed
    assert sum(test.improved for test in tests.tasks) == 1


def test_runs_made_because_a_task_failed_do_not_count_as_an_improvement() -> None:
    task = make_task(reference="x" * 12, first="xxx", further="." * 9)
    assert not test_of(judge_tasks([task], GoldenLevels(escalate_to=12))).improved


# --- running again --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "first", "further", "again"),
    [
        ("." * 12, "..x", "", True),
        ("." * 12, "...", "", False),
        ("." * 12, "x..", "xxxx", True),
        ("." * 12, "x..", "xxxxx", False),  # it has its eight
        ("x" * 12, "xxx", "", False),  # no worse is possible
        ("xxxxxxxxx...", "xxx", "", False),  # 8 of 8 would still have p = .19
        ("xxxxxx......", "xxx", "", True),
        ("....", "xxx", "", False),  # not tested at all
        ("." * 12, "", "", False),
        ("." * 12, "x..", "....", False),  # one run more cannot call it
    ],
)
def test_what_failed_and_can_still_be_called_is_run_again(
    reference: str, first: str, further: str, again: bool
) -> None:
    task = make_task(reference=reference, first=first, further=further)
    others = quiet(19, reference="x..........." if "x" in reference else "." * 12)
    assert needs_escalation([task, *others]) == (("task",) if again else ())


def test_a_contract_is_run_again_however_few_its_reference_runs() -> None:
    assert needs_escalation([make_task(reference="..", first="x..", always=True), *quiet(5)]) == ("task",)


def test_what_failed_and_was_not_run_again_is_unclear_not_stable() -> None:
    tests = judge_tasks([make_task(first="x.."), *quiet(19)])
    assert test_of(tests).unclear is Unclear.NOT_RUN_AGAIN
    enough = judge_tasks([make_task(first="x..", further="x.."), *quiet(19)])
    assert test_of(enough).unclear is None


def test_what_is_called_by_its_first_runs_needs_no_others() -> None:
    called = test_of(judge_tasks([make_task(first="xxx"), *quiet(19)]))
    assert (called.regressed, called.unclear) == (True, None)


@given(some_tasks())
def test_what_was_run_again_is_not_asked_for_again(tasks: list[TaskRuns]) -> None:
    again = set(needs_escalation(tasks))
    run = [
        replace(task, further=(*task.further, *[False] * (8 - task.runs))) if task.case in again else task
        for task in tasks
    ]
    assert needs_escalation(run) == ()
    assert all(test.unclear is not Unclear.NOT_RUN_AGAIN for test in judge_tasks(run).tasks)
    suite = judge_tasks(run).suite
    assert suite is None or not suite.unclear


# --- plain rules ----------------------------------------------------------------------------------------


def test_plain_rules_call_whatever_passed_and_fails() -> None:
    tasks = [
        make_task("once", first="x.."),
        make_task("later", first="..x"),
        make_task("most", first=".xx"),
        make_task("flaky", reference="xxxxxx......", first="xxx"),
        make_task("fine"),
        make_task("lost", first=""),
    ]
    found = plain_rules(tasks)
    assert found.one_run == ("once",)
    assert found.any_run == ("once", "later", "most")
    assert found.most_runs == ("most",)


# --- how often --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("samples", "rate"), [(1, 0.3), (1, 0.1), (3, 0.3), (3, 0.1)])
def test_tasks_that_did_not_change_are_called_no_more_often_than_the_level(samples: int, rate: float) -> None:
    rng = np.random.default_rng([9, samples])
    prs, called = 400, 0
    for _ in range(prs):
        drawn = rng.random((20, 20)) < rate
        tasks = [
            TaskRuns(
                case=str(n),
                reference=tuple(row[:12].tolist()),
                first=tuple(row[12 : 12 + samples].tolist()),
                further=tuple(row[12 + samples :].tolist()) if row[12 : 12 + samples].any() else (),
            )
            for n, row in enumerate(drawn)
        ]
        called += any(test.regressed for test in judge_tasks(tasks).tasks)
    assert called <= scipy.stats.binom.isf(1e-3, prs, GoldenLevels().task)
