"""What is said of a golden run: the same parts as of a night, in a pull request's words."""

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from harness.core.decision import decide
from harness.core.golden_records import Gated, GateProblem
from harness.core.messages import ToolCall
from harness.core.policy import Policy
from harness.core.replies import Answer
from harness.core.run import PullRequest, RunRecord
from harness.core.suite import Case
from harness.core.verdict import Verdict
from harness.reporting import html, text
from harness.reporting.escape import columns
from harness.reporting.golden_words import mend_text, p_text
from harness.reporting.model import ChangeKind, ReportView, Status
from harness.reporting.prompt_change import LINES_SHOWN, file_change
from harness.reporting.view import make_view
from tests.support.golden import (
    BAD,
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
from tests.support.golden_judged import hostile_run, judged
from tests.support.records import make_record, make_verdict

TASKS = tuple(graded_task(f"task-{n}", owner="@acme/support") for n in range(6))
OLD = {case.id: accepted_runs(case, said(0, 12)) for case in TASKS}
ALL_GOOD = {case.id: said(0, 3) for case in TASKS}
QUIET = PullRun(cases=TASKS, first=ALL_GOOD, reference=baseline_of(OLD))
EDITED = tuple(case.model_copy(update={"prompt": OTHER_PROMPT}) for case in TASKS)
RUN = PullRun(
    cases=EDITED,
    first=ALL_GOOD,
    reference=baseline_of(OLD),
    proposed=baseline_of(OLD),
    base_cases=TASKS,
    pull=PULL,
)
BREAKS: Mapping[str, list[Answer]] = {**ALL_GOOD, "task-2": said(3, 3)}


def broken(run: PullRun, base_failed: int = 0) -> PullRun:
    """Break task-2 in every run; with the merge base's prompt so many of 8."""
    return replace(
        run, first=BREAKS, further={"task-2": said(5, 5)}, base_prompt={"task-2": said(base_failed, 8)}
    )


def accepted(run: PullRun, cases: tuple[Case, ...] = EDITED, failures: int = 0) -> PullRun:
    """Let the pull request bring a baseline in which task-2 fails so often."""
    new = {
        case.id: accepted_runs(case, said(failures if case.id == "task-2" else 0, 12), run="new")
        for case in cases
    }
    assert run.reference is not None
    signed = (*run.reference.acceptances, acceptance(*new, reason="A kinder tone"))
    return replace(run, proposed=baseline_of(new, *signed))


def shown(run: PullRun) -> tuple[RunRecord, Verdict, ReportView]:
    record = golden_record(run)
    verdict = decide(record)
    return record, verdict, make_view(record, verdict)


def words(run: PullRun) -> str:
    """Return what a terminal is told, on one line."""
    record, verdict, _ = shown(run)
    return " ".join(text.render(record, verdict).split())


EVERY = {
    "quiet": QUIET,
    "regressed": broken(RUN),
    "moved": broken(RUN, base_failed=8),
    "not accepted": RUN,
    "no baseline": replace(QUIET, reference=None),
    "accepted": accepted(broken(RUN), failures=12),
    "accepted, does no harm": accepted(RUN),
    "not reproduced": accepted(broken(RUN)),
    "unexplained": accepted(replace(RUN, cases=TASKS), TASKS, failures=12),
    "outage": replace(QUIET, first={}),
    "cut short": replace(QUIET, stopped="the budget"),
    "not evaluated": replace(RUN, first={}, stopped="not evaluated: KEY is not set, as in a fork"),
    "retargeted": replace(
        RUN,
        pull=PullRequest(
            ref="main", base="1" * 40, changed=("drift.yaml",), config_changed=("targets.steady",)
        ),
    ),
    "deleted": replace(
        RUN, pull=PullRequest(ref="main", base="1" * 40, changed=("golden/gone.yaml",), deleted=("gone",))
    ),
    "strict": replace(
        QUIET,
        first={**ALL_GOOD, "task-2": said(1, 3)},
        further={"task-2": said(0, 5)},
        policy=Policy(plain_rules=True),
    ),
    "flaky": replace(QUIET, first={**ALL_GOOD, "task-2": said(1, 3)}, further={"task-2": said(0, 5)}),
}


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("quiet", Status.STABLE, 0),
        ("flaky", Status.STABLE, 0),
        ("regressed", Status.REGRESSED, 1),
        ("deleted", Status.REGRESSED, 1),
        ("strict", Status.PLAIN, 1),
        ("moved", Status.MOVED, 3),
        ("outage", Status.INCONCLUSIVE, 3),
        ("cut short", Status.INCONCLUSIVE, 3),
        ("not accepted", Status.NOT_ACCEPTED, 4),
        ("no baseline", Status.NOT_ACCEPTED, 4),
        ("not reproduced", Status.REGRESSED, 1),
        ("unexplained", Status.REFUSED, 4),
        ("accepted", Status.ACCEPTED, 0),
        ("accepted, does no harm", Status.STABLE, 0),
    ],
)
def test_the_word_is_one_that_goes_with_the_exit_code(name: str, status: Status, code: int) -> None:
    _, verdict, view = shown(EVERY[name])
    assert (view.status, verdict.exit_code) == (status, code)


@pytest.mark.parametrize("name", EVERY)
def test_no_word_of_nights_is_said_of_a_golden_run(name: str) -> None:
    record, verdict, _ = shown(EVERY[name])
    told = text.render(record, verdict)
    assert not re.search(r"LEARNING|QUIET|\bDRIFT\b|tonight|\bnights?\b|usual answer", told)
    page = re.sub(
        r"<script.*?</script>|<style.*?</style>|<dialog.*?</dialog>",
        "",
        html.render(record, verdict),
        flags=re.DOTALL,
    )
    seen = re.sub(r"<[^>]+>", " ", page)
    assert not re.search(r"tonight|\d+ nights?\b|usual answer|LEARNING", seen)


@pytest.mark.parametrize("name", ["not evaluated", "retargeted"])
def test_what_was_not_asked_was_not_evaluated_and_is_not_to_be_accepted(name: str) -> None:
    record, verdict, view = shown(EVERY[name])
    assert verdict.exit_code in (3, 4)
    assert (view.status, view.word) == (Status.NOT_EVALUATED, "Not evaluated")
    assert view.next_step is not None
    assert view.next_step.command is not None
    assert view.next_step.command.text.startswith("drift check golden --since ")
    if name == "not evaluated":
        assert not view.queue
        assert "drift accept" not in text.render(record, verdict)
        assert "plain rules" not in text.render(record, verdict)


@pytest.mark.parametrize("name", EVERY)
def test_a_terminal_gets_at_most_eighty_columns(name: str) -> None:
    record, verdict, _ = shown(EVERY[name])
    assert max(columns(line) for line in text.render(record, verdict).splitlines()) <= text.WIDTH


@pytest.mark.parametrize("name", [name for name in EVERY if name not in ("quiet", "flaky")])
def test_green_is_only_for_what_is_complete(name: str) -> None:
    record, verdict, view = shown(EVERY[name])
    assert not view.complete
    assert 'class="top t-good"' not in html.render(record, verdict)


def test_a_complete_pass_is_green_and_asks_for_nothing() -> None:
    record, verdict, view = shown(QUIET)
    assert (view.complete, view.word, view.qualifier, view.next_step) == (True, "Passes", "", None)
    assert 'class="top t-good"' in html.render(record, verdict)


@pytest.mark.parametrize(
    "change",
    [
        {"reference": baseline_of({case.id: accepted_runs(case, said(0, 6)) for case in TASKS})},
        {"cases": tuple(graded_task(case.id, rubric="Be kind, and say so.") for case in TASKS)},
        {"first": {**ALL_GOOD, "task-2": said(0, 2)}},
    ],
    ids=["six accepted runs", "a rubric that nobody judges by", "a reply is missing"],
)
def test_a_pass_with_something_missing_says_so_and_is_not_green(change: dict[str, object]) -> None:
    _, verdict, view = shown(replace(QUIET, **change))  # type: ignore[arg-type]
    assert verdict.exit_code == 0
    assert not view.complete
    assert view.qualifier


def test_a_regression_names_counts_chance_prompt_and_owner() -> None:
    told = words(broken(RUN))
    assert told.count("REGRESSED") == 1
    assert "task-2: regressed, failed 0/12 → 8/8 (p < .0001). Failed 8 of 8 runs, and 0 of 12 before" in told
    assert "with the merge base's prompt 0/8 runs failed. Owner @acme/support." in told
    assert "so it is the prompt" in told


def test_it_says_what_it_is_held_against_and_why_these_tasks_were_asked() -> None:
    pull = PullRequest(ref="origin/main", base="abc1234" * 6, changed=("prompts/support.md",), untouched=14)
    told = words(replace(RUN, pull=pull))
    assert "merge base abc1234 (origin/main)" in told
    assert "6 of 20 tasks were asked, because prompts/support.md changed" in told
    assert "Held against the accepted baseline" in words(QUIET)


def test_baselines_are_counted_and_not_listed_among_the_changed_files() -> None:
    pull = PullRequest(ref="m", base="0" * 40, changed=("baselines/a", "baselines/b", "prompts/p.md"))
    assert "because prompts/p.md and 2 files of baselines/ changed" in words(replace(RUN, pull=pull))


def test_the_command_that_mends_it_can_be_copied() -> None:
    _, verdict, view = shown(RUN)
    assert view.next_step is not None
    assert view.next_step.command is not None
    command = view.next_step.command.text
    assert command == f"drift accept {verdict.run} --case '*' --reason \"…\" --digest {verdict.shown[:8]}"
    assert "DIGEST" not in words(RUN)
    record = golden_record(RUN)
    lines = text.render(record, verdict).splitlines()
    start = next(n for n, line in enumerate(lines) if "drift accept" in line)
    pasted = " ".join(line.strip().removesuffix("\\").strip() for line in lines[start:])
    assert command in pasted
    assert lines[start].endswith("\\") or command in lines[start]


def test_one_task_of_several_is_accepted_by_name() -> None:
    cases = (EDITED[0], *TASKS[1:])
    _, _, view = shown(replace(RUN, cases=cases))
    assert view.next_step is not None
    assert view.next_step.command is not None
    assert "--case task-0 " in view.next_step.command.text


def test_a_ref_cannot_leave_the_command_that_names_it() -> None:
    pull = PullRequest(ref="m; rm -rf ~", base="1" * 40, changed=("d",), config_changed=("targets.steady",))
    _, _, view = shown(replace(RUN, pull=pull))
    assert view.next_step is not None
    assert view.next_step.command is not None
    assert view.next_step.command.text == "drift check golden --since 'm; rm -rf ~' --trust-head"


def test_a_pull_requests_run_is_gone_on_with_as_one() -> None:
    answers = {case_id: given for case_id, given in RUN.first.items() if case_id != "task-0"}
    pull = PullRequest(ref="origin/main", base="1" * 40, changed=("d",), trust_head=True)
    _, verdict, view = shown(replace(RUN, pull=pull, first=answers))
    assert view.next_step is not None
    assert view.next_step.command is not None
    assert view.next_step.command.text == (
        f"drift check golden --since origin/main --trust-head --resume {verdict.run} --only-errors"
    )


def test_a_problem_without_a_command_says_what_to_do() -> None:
    told = words(broken(RUN, base_failed=8))
    assert "the model moved, not the prompt" in told
    assert "nightly canary" in told
    assert "so it is not the prompt" in told


def test_a_mend_has_the_digest_that_accept_asks_for() -> None:
    _, verdict, _ = shown(RUN)
    gated = Gated(problem=GateProblem.MISSING_BASELINE, because="b", mend="drift accept R --digest DIGEST")
    assert mend_text(gated, verdict) == f"drift accept R --digest {verdict.shown[:8]}"


def test_what_was_accepted_shows_reason_name_date_and_what_it_would_have_been() -> None:
    told = words(EVERY["accepted"])
    assert (
        told.startswith("steady 18/18 measured")
        and "ACCEPTED CHANGE steady changed as accepted in task-2" in told
    )
    assert "task-2: ACCEPTED CHANGE" in told
    assert (
        "Accepted by tester on 20 Nov 2026: “A kinder tone.” Without that it would have been a regression"
        in told
    )
    assert (
        "ACCEPTED CHANGE in task-0, task-1, task-3 and 2 more tasks, which would have passed without it"
        in told
    )


def test_what_does_no_harm_is_still_said_to_be_accepted() -> None:
    record, verdict, view = shown(EVERY["accepted, does no harm"])
    assert "accepted" in view.qualifier
    for said_ in (text.render(record, verdict), html.render(record, verdict)):
        assert "ACCEPTED CHANGE" in said_
        assert "A kinder tone" in " ".join(said_.split())


def test_a_pull_request_that_changes_its_own_rules_gets_both_verdicts() -> None:
    lax = tuple(
        case.model_copy(update={"expect": graded_task("x", expect={"length": {"max": 500}}).expect})
        if case.id == "task-2"
        else case
        for case in TASKS
    )
    told = words(broken(replace(RUN, cases=lax)))
    assert "changes how task-2 is graded" in told
    assert "by the merge base's a regression in task-2" in told


def test_a_task_that_is_gone_is_a_row_and_has_no_evidence() -> None:
    _, _, view = shown(EVERY["deleted"])
    row = next(row for row in view.queue if row.case == "gone")
    assert (row.status, row.detail, row.counts) == (Status.REGRESSED, None, None)
    assert "gone" in row.why


def test_a_task_that_only_warns_is_shown_as_such() -> None:
    warns = tuple(graded_task(case.id, severity="warn") if case.id == "task-2" else case for case in TASKS)
    _, verdict, view = shown(broken(replace(QUIET, cases=warns)))
    assert (verdict.exit_code, view.status, view.word) == (0, Status.WARNED, "Regressed, only warns")
    assert next(row for row in view.queue if row.case == "task-2").kind == "warn"


@pytest.mark.parametrize(
    ("name", "said_"),
    [
        ("quiet", "plain rules would have passed it too"),
        ("flaky", "plain rules would have failed it: any pass to fail (task-2: "),
        ("regressed", "plain rules would have failed it too: any pass to fail (task-2: "),
        ("not accepted", "plain rules would have passed it"),
        ("strict", "plain rules fail it, and decide under this policy: any pass to fail"),
    ],
)
def test_what_the_plain_rules_would_have_said_stands_beside_the_verdict(name: str, said_: str) -> None:
    assert said_ in words(EVERY[name])
    record, verdict, view = shown(EVERY[name])
    assert "lain rules" in html.render(record, verdict)
    assert any(fact.title == "Plain rules" for fact in view.facts)


def test_a_night_says_what_the_plain_rules_would_have_said_in_one_line() -> None:
    record = make_record()
    verdict = decide(record)
    told = " ".join(text.render(record, verdict).split())
    assert "plain rules would have" in told
    assert "plain rules would have" in html.render(record, verdict)
    silent = make_verdict(record)
    assert "plain rules" not in text.render(record, silent)


def test_it_says_how_much_could_have_been_seen() -> None:
    told = words(QUIET)
    assert re.search(
        r"could have seen: one task failing \d+ points more often, all tasks together \d+ points", told
    )


def test_a_slow_task_shows_both_medians() -> None:
    slow = [task_answer(GOOD, latency_ms=2500 + n) for n in range(3)]
    more = [task_answer(GOOD, latency_ms=2500 + n) for n in range(5)]
    told = words(replace(QUIET, first={**ALL_GOOD, "task-2": slow}, further={"task-2": more}))
    assert "latency 1,000 → 2,50" in told


class TestDetail:
    """The evidence of the task that broke."""

    def row(self) -> tuple[RunRecord, Verdict, ReportView]:
        return shown(broken(RUN))

    def test_the_rule_that_broke_comes_first_with_its_counts(self) -> None:
        _, _, view = self.row()
        detail = view.queue[0].detail
        assert detail is not None
        rule = detail.rules[0]
        assert (rule.name, rule.reference, rule.base_prompt, rule.candidate) == (
            "not contains “approved”",
            "12/12",
            "8/8",
            "0/8",
        )
        assert rule.broken and BAD in rule.because

    def test_a_failing_answer_stands_beside_an_accepted_one(self) -> None:
        _, _, view = self.row()
        detail = view.queue[0].detail
        assert detail is not None and detail.reply is not None
        assert detail.reply.reference is not None and detail.reply.candidate is not None
        assert (detail.reply.reference.text, detail.reply.candidate.text) == (GOOD, BAD)

    def test_runs_with_the_merge_bases_prompt_are_no_answers_of_the_head(self) -> None:
        _, _, view = self.row()
        row = view.queue[0]
        assert len(row.grid.candidate) == 8
        assert row.detail is not None
        assert [(runs.name, runs.failed) for runs in row.detail.runs] == [
            ("Accepted runs", "0/12"),
            ("With the merge base's prompt", "0/8"),
            ("Now", "8/8"),
        ]

    def test_the_conversation_is_told_with_its_calls(self) -> None:
        called = task_answer(BAD).model_copy(
            update={"tool_calls": (ToolCall(name="lookup", arguments={"id": 8812}),)}
        )
        run = broken(RUN)
        record, verdict, view = shown(replace(run, first={**BREAKS, "task-2": [called] * 3}))
        detail = view.queue[0].detail
        assert detail is not None
        said_ = [(line.role, line.text.text) for line in detail.conversation]
        assert said_[0] == ("prompt", OTHER_PROMPT.rendered)
        assert ("answers", BAD) in said_
        assert ("calls", 'lookup({"id":8812})') in said_
        assert "lookup(" in html.render(record, verdict)

    def test_the_change_of_the_prompt_file_is_shown_line_by_line(self) -> None:
        record, verdict, view = self.row()
        change = view.changes[0]
        assert change.path == OTHER_PROMPT.path
        assert {line.kind for line in change.lines} == {ChangeKind.OUT, ChangeKind.IN}
        assert "What the pull request changes" in html.render(record, verdict)

    def test_what_the_judge_said_is_shown_in_both_orders(self) -> None:
        cases = tuple(
            case.model_copy(update={"rubric": "Cites the window and stays polite."}) for case in EDITED
        )
        record = golden_record(broken(replace(RUN, cases=cases)))
        record = replace(record, judged={"steady": judged("task-2", BAD)})
        verdict = decide(record)
        detail = make_view(record, verdict).queue[0].detail
        assert detail is not None
        assert [opinion.side for opinion in detail.opinions] == ["Reference", "Candidate"]
        assert detail.opinions[1].outcome == "worse than the reference, both orders agree"
        page = html.render(record, verdict)
        for said_ in ("30 of 100", "It promises money", "Candidate first: prefers the reference"):
            assert said_ in page

    def test_a_void_judge_says_why_it_does_not_count(self) -> None:
        cases = tuple(case.model_copy(update={"rubric": "Cites the window, politely."}) for case in EDITED)
        record = golden_record(broken(replace(RUN, cases=cases)))
        void = judged("task-2", BAD).model_copy(update={"void": "anchor-1 moved by 30 points"})
        record = replace(record, judged={"steady": void})
        assert "anchor-1 moved by 30 points" in html.render(record, decide(record))


def test_hostile_texts_run_nothing_on_the_page() -> None:
    record, verdict = hostile_run()
    page = html.render(record, verdict)
    assert page.count("<script") == 1
    assert not re.search(r"<(img|iframe|svg onload)", page)
    assert " style=" not in page
    assert not re.search(r"<[a-z][^>]*\son[a-z]+=", page)
    assert not re.search("[\x00-\x08\x0b\x1b\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)
    assert len(page.encode()) < 2_000_000


def test_hostile_texts_tell_a_terminal_and_a_log_nothing() -> None:
    record, verdict = hostile_run()
    told = text.render(record, verdict)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", told)
    assert not re.search(r"(?m)^\s*::", told)
    assert "##[" not in told
    assert max(columns(line) for line in told.splitlines()) <= text.WIDTH


def test_a_page_is_the_same_bytes_for_the_same_run() -> None:
    record, verdict = hostile_run()
    assert html.render(record, verdict) == html.render(record, verdict)


class TestFileChange:
    """Line differences, bounded."""

    def test_only_what_changed_is_shown_with_its_surroundings(self) -> None:
        before = [f"line {n}" for n in range(40)]
        change = file_change("p.md", before, [*before[:20], "new", *before[21:]])
        assert change.summary == "1 line out, 1 line in"
        assert [line.text for line in change.lines if line.kind is ChangeKind.OUT] == ["line 20"]
        assert len(change.lines) == 8

    def test_a_rewritten_file_is_cut(self) -> None:
        change = file_change("p.md", ["a"] * 9_000, ["b"] * 9_000)
        assert len(change.lines) == LINES_SHOWN + 1
        assert "not shown" in change.lines[-1].text

    def test_an_equal_file_has_no_lines(self) -> None:
        assert file_change("p.md", ["a"], ["a"]).summary == "line ends only"


@pytest.mark.parametrize(
    ("p_value", "written"), [(None, ""), (1e-9, "p < .0001"), (0.0123, "p = .012"), (1.0, "p = 1")]
)
def test_a_p_value_has_two_digits_and_an_end(p_value: float | None, written: str) -> None:
    assert p_text(p_value) == written
