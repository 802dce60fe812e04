"""Pull requests on a real git repository, each a story: what is changed, and what the check says of it."""

import json
import os
import shutil

import pytest

from tests.cli.conftest import Drift, runs_of
from tests.cli.pull_requests import NO_EXCEPTIONS, REASON, TASKS, Check, Project, accept
from tests.cli.pull_requests import check as check
from tests.cli.pull_requests import project as project


class TestShards:
    """A check that several machines share."""

    def test_what_is_merged_and_gone_on_with_says_what_one_machine_says(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        assert check().code == 1
        undivided = project.verdict()
        parts = []
        for number in (1, 2):
            assert check("--shard", f"{number}/2").code == 0
            parts.append(runs_of(project.root)[-1])
        merged = drift("merge", *parts, "--format", "text")
        assert (merged.code, "support-refund-late" in merged.err) == (3, True), merged.err
        said = " ".join(merged.out.split())
        assert "The shards are merged, and what follows them has yet to be asked" in said
        assert project.verdict()["exit_code"] == 3
        name = runs_of(project.root)[-1].name
        assert f"--since main --resume {name}" in merged.err
        assert check("--resume", name).code == 1
        assert _without_its_name(project.verdict()) == _without_its_name(undivided)


def _without_its_name(verdict: dict[str, object]) -> dict[str, object]:
    """Leave out what a verdict holds of the run that it is of, and not of its answers."""
    text = json.dumps(verdict).replace(str(verdict["run"]), "RUN")
    told = dict(json.loads(text))
    for name in ("shown", "run_end"):
        del told[name]
    return told


class TestPrompts:
    """A change of a prompt file."""

    def test_nothing_changed_asks_nothing(self, project: Project, check: Check) -> None:
        done = check()
        assert (done.code, "nothing was asked" in done.out) == (0, True)
        assert not runs_of(project.root)

    def test_a_change_elsewhere_asks_nothing(self, project: Project, check: Check) -> None:
        (project.root / "README.md").write_text("New.\n", encoding="utf-8")
        assert check().code == 0
        assert not runs_of(project.root)

    def test_a_rule_that_is_gone_fails_and_names_the_task(self, project: Project, check: Check) -> None:
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        done = check()
        assert (done.code, project.regressed()) == (1, ["support-refund-late"])
        assert "support-refund-late" in done.out

    def test_it_is_told_from_a_model_that_moved_by_asking_with_the_old_prompt(
        self, project: Project, check: Check
    ) -> None:
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        check()
        (late,) = [task for task in project.target()["tasks"] if task["outcome"] == "regressed"]
        assert (late["base_runs"], late["base_failed"]) == (8, 0)

    def test_once_accepted_with_a_reason_it_is_an_accepted_change(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        check()
        accept(project, drift)
        done = check()
        assert (done.code, project.problems()) == (0, [])
        changes = {change["case"]: change for change in project.target()["accepted"]}
        assert changes["support-refund-late"]["would_be"] == "regressed"
        assert changes["support-refund-late"]["reason"] == REASON

    def test_a_baseline_edited_by_hand_instead_is_refused(self, project: Project, check: Check) -> None:
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        project.edit("baselines/golden/steady/support-refund-late.jsonl", "deny", "approve")
        done = check()
        assert (done.code, "edited or damaged" in done.err) == (4, True)

    def test_an_edit_without_effect_still_has_to_be_accepted(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        project.edit("prompts/support.md", "13. Keep", "13. Always keep")
        done = check()
        assert (done.code, project.regressed(), project.problems()) == (4, [], ["missing_baseline"])
        accept(project, drift)
        assert check().code == 0

    def test_a_prompt_file_with_another_name_is_the_same_prompt(self, project: Project, check: Check) -> None:
        (project.root / "prompts" / "support.md").rename(project.root / "prompts" / "help.md")
        for task in TASKS:
            project.edit(f"golden/{task}.yaml", "prompts/support.md", "prompts/help.md")
        project.commit()
        assert check().code == 0
        assert not runs_of(project.root)

    def test_after_a_squash_merge_the_next_branch_starts_clean(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        check()
        accept(project, drift)
        project.commit()
        project.git("switch", "-q", "main")
        project.git("merge", "--squash", "-q", "change")
        project.commit("Generous refunds (#1)")
        project.git("switch", "-qc", "next")
        assert check().code == 0
        project.drop_line("prompts/support.md", "11. Give no legal")
        assert (check().code, project.regressed()) == (1, ["support-legal-advice"])

    def test_what_main_changed_since_is_not_the_branchs_doing(self, project: Project, check: Check) -> None:
        project.git("switch", "-q", "main")
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        project.commit("Somebody else's.")
        project.git("switch", "-q", "change")
        assert check().code == 0
        assert not runs_of(project.root)

    def test_a_template_that_is_wrong_is_found_before_anything_is_asked(
        self, project: Project, check: Check
    ) -> None:
        project.edit("prompts/support.md", NO_EXCEPTIONS, "4. {{ customer_name }}")
        done = check()
        assert (done.code, "prompts/support.md:" in done.err) == (2, True)


class TestGoalPosts:
    """A change of what is measured, and of how."""

    def test_a_looser_rule_does_not_let_a_broken_prompt_pass(self, project: Project, check: Check) -> None:
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        path = project.root / "golden" / "support-refund-late.yaml"
        head, _, tail = path.read_text(encoding="utf-8").partition("expect:\n")
        rest = tail[tail.index("rubric:") :]
        path.write_text(f"{head}expect: {{length: {{min: 1}}}}\n{rest}", encoding="utf-8")
        assert check().code == 1
        under_base = self.under_base(project)
        assert under_base["regressed"] == ["support-refund-late"]

    @staticmethod
    def under_base(project: Project) -> dict[str, object]:
        found = project.target()["under_base"]
        assert isinstance(found, dict)
        return found

    def test_a_task_that_is_deleted_fails_until_that_is_accepted(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        (project.root / "golden" / "support-german.yaml").unlink()
        assert check().code == 1
        accept(project, drift, "support-german", reason="We no longer answer in German.")
        assert check().code == 0

    def test_a_suite_that_moves_to_easier_tasks_loses_its_tasks(self, project: Project, check: Check) -> None:
        (project.root / "golden").rename(project.root / "easy")
        project.edit("drift.yaml", "path: golden/", "path: easy/")
        assert check().code in (1, 2)

    def test_a_new_task_needs_a_baseline(self, project: Project, check: Check, drift: Drift) -> None:
        source = (project.root / "golden" / "support-german.yaml").read_text(encoding="utf-8")
        copy = source.replace("id: support-german", "id: support-german-too")
        (project.root / "golden" / "support-german-too.yaml").write_text(copy, encoding="utf-8")
        assert (check().code, project.problems()) == (4, ["missing_baseline"])
        accept(project, drift)
        assert check().code == 0


class TestBaselines:
    """A change of what was accepted."""

    def test_a_baseline_that_changes_by_itself_is_refused(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        shutil.rmtree(project.root / "baselines")
        assert drift("calibrate", "golden").code == 0
        assert (check().code, project.problems()) == (4, ["unexplained_baseline"])

    def test_more_runs_of_the_same_are_welcome(self, project: Project, check: Check, drift: Drift) -> None:
        assert drift("calibrate", "golden", "--samples", "3").code == 0
        assert check().code == 0

    def test_a_provisional_baseline_gates(self, project: Project, check: Check, drift: Drift) -> None:
        project.edit("prompts/support.md", "13. Keep", "13. Always keep")
        check()
        shown = str(project.verdict()["shown"])[:8]
        run_name = runs_of(project.root)[-1].name
        done = drift(
            "accept", run_name, "--case", "*", "--reason", REASON, "--digest", shown, "--provisional"
        )
        assert done.code == 0
        lines = (project.root / "baselines/golden/steady/support-german.jsonl").read_text(encoding="utf-8")
        assert len(lines.splitlines()) == 3

    def test_without_yes_nobody_pays_for_more_runs(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        project.edit("prompts/support.md", "13. Keep", "13. Always keep")
        check()
        shown, before = str(project.verdict()["shown"])[:8], len(runs_of(project.root))
        run_name = runs_of(project.root)[-1].name
        done = drift("accept", run_name, "--case", "*", "--reason", REASON, "--digest", shown)
        assert (done.code, "--yes" in done.err, len(runs_of(project.root))) == (2, True, before)


class TestConfiguration:
    """A change of who is asked, and of what it takes to pass."""

    def test_another_model_is_not_tested_and_says_how_it_is(self, project: Project, check: Check) -> None:
        project.edit("drift.yaml", "simulated/steady", "simulated/swapped")
        done = check()
        assert (done.code, project.problems()) == (3, ["config_changed"])
        assert "--trust-head" in done.out + done.err + json.dumps(project.target())
        assert check("--trust-head").code in (1, 4)

    def test_nothing_is_sent_where_a_pull_request_says(self, project: Project, check: Check) -> None:
        project.edit(
            "drift.yaml",
            "model: simulated/steady, ",
            'model: direct/x, key_env: PATH, api_base: "http://127.0.0.1:9/v1", ',
        )
        project.edit("prompts/support.md", "13. Keep", "13. Always keep")
        assert check().code == 4
        assert project.target()["served"] == ["simulated-steady"]

    def test_looser_gates_do_not_let_a_broken_prompt_pass(self, project: Project, check: Check) -> None:
        with (project.root / "drift.yaml").open("a", encoding="utf-8") as file:
            file.write("gates: {regression: warn, inconclusive: warn, stale_baseline: warn}\n")
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        assert check().code == 1

    def test_a_fork_without_keys_is_not_evaluated_and_never_green(
        self, project: Project, check: Check, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project.git("switch", "-q", "main")
        project.edit(
            "drift.yaml", "model: simulated/steady, ", "model: simulated/steady, key_env: GOLDEN_KEY, "
        )
        project.commit("Keys.")
        project.git("switch", "-qC", "fork")
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        monkeypatch.delenv("GOLDEN_KEY", raising=False)
        done = check()
        assert (done.code == 3, "not evaluated" in done.out + done.err) == (True, True)
        assert project.target()["coverage"]["measured"] == 0  # type: ignore[call-overload]

    def test_a_prompt_outside_the_project_is_refused(self, project: Project, check: Check) -> None:
        os.symlink("/etc/hostname", project.root / "prompts" / "stolen.md")
        project.edit("golden/support-german.yaml", "prompts/support.md", "prompts/stolen.md")
        assert check().code == 2

    @pytest.mark.parametrize("ignored", [False, True])
    @pytest.mark.parametrize(
        "path", ["prompts/left.md", "golden/tools/left.json", "golden/schemas/left.json"]
    )
    def test_a_file_that_is_no_part_of_the_repository_is_not_read(
        self, project: Project, check: Check, path: str, ignored: bool
    ) -> None:
        (project.root / path).write_text('"tJQqW3 left in the checkout"', encoding="utf-8")
        task = "golden/support-warranty-brief.yaml"
        if path.startswith("prompts"):
            project.edit(task, "prompts/support.md", path)
        else:
            field = "tools: [{0}]\n" if "tools" in path else "expect:\n  json_schema: {0}\n"
            lines = (project.root / task).read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if not line.startswith(("tools:", "expect:", " "))]
            line = field.format(path.removeprefix("golden/"))
            (project.root / task).write_text("".join(kept) + line, encoding="utf-8", newline="\n")
        if ignored:
            (project.root / ".git" / "info" / "exclude").write_text("left.*\n", encoding="utf-8")
        done = check()
        assert (done.code, "git does not track" in done.err) == (2, True), done.err
        assert "tJQqW3" not in done.out + done.err
        assert not runs_of(project.root)

    def test_a_merge_base_without_the_suite_needs_trust(self, project: Project, drift: Drift) -> None:
        project.git("switch", "-q", "--orphan", "empty")
        (project.root / "README.md").write_text("Nothing yet.\n", encoding="utf-8")
        project.commit("Nothing.")
        project.git("switch", "-qc", "first")
        project.git("checkout", "-q", "change", "--", ".")
        done = drift("check", "golden", "--since", "empty")
        assert (done.code, "--trust-head" in done.err) == (2, True)
        project.commit("The suite and its baseline.")
        done = drift("check", "golden", "--since", "empty", "--trust-head")
        assert (done.code, project.problems()) == (0, []), done.out + done.err

    def test_a_merge_base_with_a_broken_task_says_whose_it_is(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        project.git("switch", "-q", "main")
        task = "golden/support-german.yaml"
        project.edit(task, "task: ", "tsk: ")
        project.commit()
        project.git("switch", "-qC", "change")
        project.edit(task, "tsk: ", "task: ")
        project.commit()
        done = check()
        assert (done.code, "as the merge base has it" in done.err, task in done.err) == (2, True, True)
        assert check("--trust-head").code == 0

    def test_canaries_are_no_golden_tasks_whatever_changed(self, project: Project, drift: Drift) -> None:
        (project.root / "canaries").mkdir()
        (project.root / "canaries" / "one.yaml").write_text("prompt: Say yes.\n", encoding="utf-8")
        with (project.root / "drift.yaml").open("a", encoding="utf-8") as file:
            file.write("  canary: {path: canaries/, targets: [steady]}\n")
        project.commit()
        for ref in ("HEAD", "main"):
            done = drift("check", "canary", "--since", ref)
            assert (done.code, "no golden suite" in done.err or "knows no suite" in done.err) == (2, True)


def test_a_model_that_moved_is_not_blamed_on_the_prompt(project: Project, drift: Drift) -> None:
    project.git("switch", "-q", "main")
    project.edit(
        "drift.yaml",
        "max_tokens: 512}}",
        'max_tokens: 512}, options: {drift: [{kind: quality, size: 1.0, start: "2027-01-01",'
        " cases: [support-refund-late.3]}]}}",
    )
    shutil.rmtree(project.root / "baselines")
    assert drift("calibrate", "golden", "--night", "2026-12-20").code == 0
    project.commit("A model that is about to change.")
    project.git("switch", "-qC", "change")
    project.edit("prompts/support.md", "13. Keep", "13. Always keep")
    done = drift("check", "golden", "--since", "main")
    assert done.code == 3, done.out
    assert "model_moved" in project.problems()


def test_the_same_run_decides_the_same_again(project: Project, check: Check, drift: Drift) -> None:
    project.drop_line("prompts/support.md", NO_EXCEPTIONS)
    check()
    first = project.verdict()
    done = drift("report", runs_of(project.root)[-1].name, "--format", "json")
    again = json.loads(done.out)
    again = again.get("verdict", again)
    assert (done.code, again["shown"], again["targets"]) == (1, first["shown"], first["targets"])
