from dataclasses import replace

import pytest

from harness.core.decision import decide
from harness.core.findings import Outcome
from harness.core.golden_records import GateProblem
from harness.core.policy import Policy
from harness.core.replies import Answer
from harness.core.run import PullRequest
from harness.core.suite import Case
from harness.core.verdict import TargetVerdict, Verdict
from tests.support.golden import (
    GOOD,
    OTHER_PROMPT,
    PULL,
    PullRun,
    acceptance,
    accepted_runs,
    baseline_of,
    golden_record,
    graded_task,
    said,
    task_answer,
)

TASKS = tuple(graded_task(f"task-{n}") for n in range(6))
OLD = {case.id: accepted_runs(case, said(0, 12)) for case in TASKS}
SIGNED = baseline_of(OLD).acceptances
ALL_GOOD = {case.id: said(0, 3) for case in TASKS}
QUIET = PullRun(cases=TASKS, first=ALL_GOOD, reference=baseline_of(OLD))
EDITED = tuple(case.model_copy(update={"prompt": OTHER_PROMPT}) for case in TASKS)
"""The tasks of a head that changed the prompt file."""


def ruling(wanted: PullRun) -> tuple[Verdict, TargetVerdict]:
    verdict = decide(golden_record(wanted))
    return verdict, verdict.targets[0]


def broken(run: PullRun, task: str = "task-2") -> PullRun:
    """Break one task in all of its runs."""
    return replace(run, first={**run.first, task: said(3, 3)}, further={task: said(5, 5)})


def problems(target: TargetVerdict) -> list[GateProblem]:
    return [gated.problem for gated in target.gated]


def test_what_passes_as_it_did_is_quiet() -> None:
    verdict, target = ruling(QUIET)
    assert (verdict.exit_code, target.outcome, target.findings) == (0, Outcome.STABLE, ())


def test_a_broken_task_is_a_regression_that_is_named() -> None:
    verdict, target = ruling(broken(QUIET))
    assert verdict.exit_code == 1
    assert [f.case for f in target.findings if f.outcome is Outcome.REGRESSED and f.case] == ["task-2"]


def test_one_failed_run_of_a_task_that_then_passes_is_noise() -> None:
    flaky = replace(QUIET, first={**ALL_GOOD, "task-2": said(1, 3)}, further={"task-2": said(0, 5)})
    verdict, target = ruling(flaky)
    assert (verdict.exit_code, target.outcome) == (0, Outcome.STABLE)
    assert any(rule.fails for rule in target.plain)


def test_a_failure_that_was_not_run_again_could_not_be_told() -> None:
    verdict, target = ruling(replace(QUIET, first={**ALL_GOOD, "task-2": said(1, 3)}))
    assert (verdict.exit_code, target.outcome) == (3, Outcome.INCONCLUSIVE)


def test_a_task_that_only_warns_fails_nothing() -> None:
    warns = tuple(graded_task(case.id, severity="warn") if case.id == "task-2" else case for case in TASKS)
    verdict, target = ruling(broken(replace(QUIET, cases=warns)))
    assert (verdict.exit_code, target.outcome) == (0, Outcome.REGRESSED)


def test_a_contract_that_breaks_in_most_runs_is_a_regression_of_its_own() -> None:
    contract = tuple(graded_task(case.id, always=True) if case.id == "task-2" else case for case in TASKS)
    run = replace(
        QUIET, cases=contract, first={**ALL_GOOD, "task-2": said(2, 3)}, further={"task-2": said(3, 5)}
    )
    assert ruling(run)[0].exit_code == 1


def test_an_outage_is_no_pass_and_no_regression() -> None:
    verdict, target = ruling(replace(QUIET, first={}))
    assert (verdict.exit_code, target.outcome) == (3, Outcome.INCONCLUSIVE)


def test_a_run_that_stopped_early_could_not_tell() -> None:
    assert ruling(replace(QUIET, stopped="the budget"))[0].exit_code == 3


def test_without_a_baseline_there_is_nothing_to_pass() -> None:
    verdict, target = ruling(replace(QUIET, reference=None))
    assert (verdict.exit_code, problems(target)) == (4, [GateProblem.MISSING_BASELINE])


def test_fewer_than_five_accepted_runs_tell_nothing_of_a_task() -> None:
    few = baseline_of({case.id: accepted_runs(case, said(0, 4)) for case in TASKS})
    assert ruling(replace(QUIET, reference=few))[0].exit_code == 3


def test_a_slow_answer_is_a_regression_only_beyond_its_gate_and_its_noise() -> None:
    def timed(latency_ms: float) -> Verdict:
        slow = [task_answer(GOOD, latency_ms=latency_ms + n) for n in range(3)]
        more = [task_answer(GOOD, latency_ms=latency_ms + n) for n in range(5)]
        run = replace(QUIET, first={**ALL_GOOD, "task-2": slow}, further={"task-2": more})
        return ruling(run)[0]

    assert timed(1990).exit_code == 0
    assert timed(2500).exit_code == 1


class TestPullRequest:
    """A pull request that changed the prompt file, against its merge base."""

    RUN = PullRun(
        cases=EDITED,
        first=ALL_GOOD,
        reference=baseline_of(OLD),
        proposed=baseline_of(OLD),
        base_cases=TASKS,
        pull=PULL,
    )

    def accepted(self, cases: tuple[Case, ...] = EDITED, failures: int = 0) -> PullRun:
        new = {case.id: accepted_runs(case, said(failures, 12), run="new") for case in cases}
        known = self.RUN.reference
        assert known is not None
        signed = (*known.acceptances, acceptance(*new, reason="A kinder tone."))
        return replace(self.RUN, proposed=baseline_of(new, *signed))

    def test_a_change_that_nobody_accepted_lacks_its_baseline(self) -> None:
        verdict, target = ruling(self.RUN)
        assert (verdict.exit_code, problems(target)) == (4, [GateProblem.MISSING_BASELINE])
        assert "drift accept" in target.gated[0].mend

    def test_a_change_that_was_accepted_and_does_no_harm_passes(self) -> None:
        verdict, target = ruling(self.accepted())
        assert (verdict.exit_code, target.gated) == (0, ())
        assert {change.case for change in target.accepted} == {case.id for case in TASKS}

    def test_a_regression_is_worse_than_a_missing_baseline(self) -> None:
        verdict, target = ruling(broken(self.RUN))
        assert (verdict.exit_code, problems(target)) == (1, [GateProblem.MISSING_BASELINE])

    def test_a_regression_that_was_accepted_shows_as_such_and_passes(self) -> None:
        run = broken(self.accepted())
        assert run.proposed is not None
        worse = accepted_runs(EDITED[2], said(12, 12), run="new")
        run = replace(
            run, proposed=run.proposed.model_copy(update={"cases": {**run.proposed.cases, "task-2": worse}})
        )
        verdict, target = ruling(run)
        assert verdict.exit_code == 0
        change = next(change for change in target.accepted if change.case == "task-2")
        assert (change.would_be, change.reason) == (Outcome.REGRESSED, "A kinder tone.")

    def test_what_was_accepted_has_to_come_back(self) -> None:
        verdict, target = ruling(broken(self.accepted()))
        assert verdict.exit_code == 1
        assert GateProblem.NOT_REPRODUCED in problems(target)

    def test_a_baseline_made_bad_on_purpose_does_not_come_back_either(self) -> None:
        verdict, target = ruling(self.accepted(failures=12))
        assert (verdict.exit_code, GateProblem.NOT_REPRODUCED in problems(target)) == (4, True)

    def test_tasks_that_fail_as_often_with_the_old_prompt_are_the_models_doing(self) -> None:
        run = replace(broken(self.accepted()), base_prompt={"task-2": said(8, 8)})
        verdict, target = ruling(run)
        assert (verdict.exit_code, target.outcome) == (3, Outcome.CHANGED)
        assert GateProblem.MODEL_MOVED in problems(target)

    def test_tasks_that_pass_with_the_old_prompt_are_the_prompts_doing(self) -> None:
        run = replace(broken(self.RUN), base_prompt={"task-2": said(0, 8)})
        assert ruling(run)[0].exit_code == 1

    def test_a_baseline_that_moves_by_itself_is_refused(self) -> None:
        moved = {case.id: accepted_runs(case, said(6, 12), run="new") for case in TASKS}
        run = replace(
            self.RUN,
            cases=TASKS,
            proposed=baseline_of(moved, *SIGNED, acceptance(*moved, reason="No reason at all.")),
        )
        verdict, target = ruling(run)
        assert (verdict.exit_code, problems(target)) == (4, [GateProblem.UNEXPLAINED_BASELINE])

    def test_more_runs_of_the_same_are_no_move(self) -> None:
        more = {
            case.id: OLD[case.id].model_copy(
                update={
                    "samples": (
                        *OLD[case.id].samples,
                        *accepted_runs(case, said(0, 3), run="more").samples,
                    )
                }
            )
            for case in TASKS
        }
        run = replace(
            self.RUN,
            cases=TASKS,
            proposed=baseline_of(more, *SIGNED, acceptance(*more, reason="More.......")),
        )
        assert ruling(run)[0].exit_code == 0

    def test_an_acceptance_that_names_an_incident_explains_a_moved_baseline(self) -> None:
        moved = {case.id: accepted_runs(case, said(0, 12), run="new") for case in TASKS}
        run = replace(
            self.RUN,
            cases=TASKS,
            proposed=baseline_of(moved, *SIGNED, acceptance(*moved, incident="canary-1")),
        )
        assert ruling(run)[0].exit_code == 0

    def test_a_task_that_is_gone_is_a_regression_until_somebody_accepts_it(self) -> None:
        pull = PULL.model_copy(update={"deleted": ("task-5",)})
        run = replace(self.RUN, cases=TASKS[:5], base_cases=TASKS[:5], pull=pull)
        verdict, target = ruling(run)
        assert verdict.exit_code == 1
        assert [f.case for f in target.findings] == ["task-5"]
        assert target.under_base is not None
        kept = {case_id: case for case_id, case in OLD.items() if case_id != "task-5"}
        settled = replace(
            run, proposed=baseline_of(kept, *SIGNED, acceptance("task-5", reason="It tests nothing."))
        )
        verdict, target = ruling(settled)
        assert (verdict.exit_code, [change.case for change in target.accepted]) == (0, ["task-5"])

    def test_a_looser_rule_does_not_hide_a_regression_of_the_merge_bases_rules(self) -> None:
        loose = tuple(graded_task(case.id, expect={"checks": [{"contains": ""}]}) for case in TASKS)
        run = broken(replace(self.RUN, cases=loose))
        verdict, target = ruling(run)
        assert verdict.exit_code == 1
        assert target.under_base is not None
        assert target.under_base.regressed == ("task-2",)
        assert all(task.outcome is not Outcome.REGRESSED for task in target.tasks)

    def test_an_old_acceptance_explains_no_new_baseline(self) -> None:
        forged = {case.id: accepted_runs(case, said(0, 12), run="new") for case in EDITED}
        verdict, target = ruling(replace(self.RUN, proposed=baseline_of(forged, *SIGNED)))
        assert (verdict.exit_code, problems(target)) == (4, [GateProblem.UNEXPLAINED_BASELINE])

    def test_a_rewritten_history_of_acceptances_is_refused(self) -> None:
        new = acceptance(*OLD, reason="It was always so.")
        verdict, target = ruling(replace(self.RUN, cases=TASKS, proposed=baseline_of(OLD, new)))
        assert (verdict.exit_code, problems(target)) == (4, [GateProblem.UNEXPLAINED_BASELINE])

    def test_a_baseline_that_is_gone_is_refused(self) -> None:
        verdict, target = ruling(replace(self.RUN, cases=TASKS, proposed=None))
        assert (verdict.exit_code, problems(target)) == (4, [GateProblem.UNEXPLAINED_BASELINE])

    def test_the_baseline_of_a_task_that_is_not_asked_does_not_change_either(self) -> None:
        cases = dict(OLD)
        cases["task-5"] = accepted_runs(TASKS[5], said(12, 12))
        signed = (*SIGNED, acceptance("task-0", reason="More of it."))
        run = replace(self.RUN, cases=TASKS[:1], base_cases=TASKS[:1], proposed=baseline_of(cases, *signed))
        verdict, target = ruling(run)
        # Nor is anything explained by an acceptance whose own task has the baseline it had.
        assert (verdict.exit_code, target.gated[0].cases) == (4, ("task-0", "task-5"))

    @pytest.mark.parametrize("runs", [1, 3, 4])
    def test_a_few_passing_runs_are_no_baseline_of_what_fails(self, runs: int) -> None:
        run = broken(self.accepted())
        assert run.proposed is not None
        lie = accepted_runs(EDITED[2], said(0, runs), run="new")
        cases = {**run.proposed.cases, "task-2": lie}
        verdict, target = ruling(replace(run, proposed=run.proposed.model_copy(update={"cases": cases})))
        assert verdict.exit_code == 1
        assert GateProblem.NOT_REPRODUCED in problems(target)

    def test_added_runs_that_fail_more_often_are_no_more_of_the_same(self) -> None:
        worse = {
            case.id: OLD[case.id].model_copy(
                update={
                    "samples": (*OLD[case.id].samples, *accepted_runs(case, said(12, 12), run="bad").samples)
                }
            )
            for case in TASKS
        }
        signed = (*SIGNED, acceptance(*worse, reason="More runs of it."))
        verdict, target = ruling(replace(self.RUN, cases=TASKS, proposed=baseline_of(worse, *signed)))
        assert (verdict.exit_code, problems(target)) == (4, [GateProblem.UNEXPLAINED_BASELINE])

    def test_what_an_accepted_task_would_be_is_said_by_the_stricter_rules(self) -> None:
        loose = tuple(
            graded_task(case.id, expect={"checks": [{"contains": ""}]}, prompt=OTHER_PROMPT) for case in TASKS
        )
        run = self.accepted(cases=loose)
        assert run.proposed is not None
        cases = {**run.proposed.cases, "task-2": accepted_runs(loose[2], said(12, 12), run="new")}
        run = replace(run, cases=loose, proposed=run.proposed.model_copy(update={"cases": cases}))
        verdict, target = ruling(broken(run))
        assert target.under_base is not None
        assert (verdict.exit_code, target.under_base.outcome) == (0, Outcome.REGRESSED)
        change = next(change for change in target.accepted if change.case == "task-2")
        assert change.would_be is Outcome.REGRESSED

    def test_a_task_that_warns_now_and_blocked_before_still_blocks(self) -> None:
        warns = tuple(graded_task(case.id, severity="warn", prompt=OTHER_PROMPT) for case in TASKS)
        assert ruling(broken(replace(self.RUN, cases=warns)))[0].exit_code == 1

    def test_a_prompt_that_makes_answers_long_is_not_the_models_doing(self) -> None:
        def wordy(tokens: int, runs: int) -> list[Answer]:
            return [task_answer(GOOD, tokens=tokens + n % 2) for n in range(runs)]

        run = replace(
            self.RUN,
            first={**ALL_GOOD, "task-2": wordy(40, 3)},
            further={"task-2": wordy(40, 5)},
        )
        assert ruling(replace(run, base_prompt={"task-2": wordy(10, 8)}))[0].exit_code == 1
        moved = ruling(replace(run, base_prompt={"task-2": wordy(40, 8)}))[1]
        assert GateProblem.MODEL_MOVED in problems(moved)

    def test_one_answer_to_the_old_prompt_clears_nobody(self) -> None:
        run = replace(broken(self.RUN), base_prompt={"task-2": said(0, 1)})
        assert ruling(run)[0].exit_code == 1

    def test_a_warning_does_not_hide_what_could_not_be_told(self) -> None:
        mixed = tuple(
            graded_task(case.id, severity="warn") if case.id == "task-2" else case for case in TASKS
        )
        few = {**OLD, "task-0": accepted_runs(TASKS[0], said(0, 4))}
        run = broken(replace(QUIET, cases=mixed, reference=baseline_of(few)))
        assert ruling(run)[0].exit_code == 3

    def test_another_target_is_not_tested_and_says_how_it_is(self) -> None:
        pull = PULL.model_copy(update={"config_changed": ("targets.steady",)})
        verdict, target = ruling(replace(self.accepted(), pull=pull))
        assert (verdict.exit_code, problems(target)) == (3, [GateProblem.CONFIG_CHANGED])
        assert "--trust-head" in target.gated[0].mend


@pytest.mark.parametrize(("strict", "code"), [(False, 0), (True, 1)])
def test_the_plain_rules_decide_only_where_the_policy_says_so(strict: bool, code: int) -> None:
    flaky = replace(
        QUIET,
        first={**ALL_GOOD, "task-2": said(1, 3)},
        further={"task-2": said(0, 5)},
        policy=Policy(plain_rules=strict),
    )
    assert ruling(flaky)[0].exit_code == code


def test_the_order_of_tasks_changes_no_verdict() -> None:
    run = broken(QUIET)
    turned = replace(run, cases=tuple(reversed(TASKS)))
    one, other = ruling(run)[1], ruling(turned)[1]
    assert one.outcome is other.outcome
    assert {task.case: task for task in one.tasks} == {task.case: task for task in other.tasks}


def test_a_pull_request_record_survives_its_file() -> None:
    assert PullRequest.model_validate_json(PULL.model_dump_json()) == PULL
