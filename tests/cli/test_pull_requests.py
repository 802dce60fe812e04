"""Pull requests on a real git repository, each a story: what is changed, and what the check says of it."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
import yaml

from harness.cli.app import run
from harness.core.batch import Acceptance, CaseBaseline
from harness.core.canonical import text_digest
from harness.core.replies import Answer
from harness.edges.stores.baselines import FileBaselineStore
from tests.cli.conftest import CLOCK, ROOT, Done, Drift, runs_of

TASKS = (
    "support-refund-late",
    "support-refund-agreed",
    "support-german",
    "support-legal-advice",
    "support-internal-note",
    "support-warranty-brief",
)
CONFIG = """\
version: 1
targets:
  steady: {model: simulated/steady, params: {temperature: 0, max_tokens: 512}}
suites:
  golden: {path: golden/, targets: [steady], samples: 3, affects: ["prompts/**"]}
"""
NO_EXCEPTIONS = "4. The return window has no exceptions"
"""The rule without which support-refund-late gives money away."""
REASON = "Refunds are generous from now on."


@dataclass(frozen=True)
class Project:
    """A project in a repository of its own."""

    root: Path

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, message: str = "A change.") -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", message)

    def edit(self, path: str, before: str, after: str) -> None:
        place = self.root / path
        text = place.read_text(encoding="utf-8")
        assert before in text
        place.write_text(text.replace(before, after), encoding="utf-8", newline="\n")

    def drop_line(self, path: str, start: str) -> None:
        place = self.root / path
        lines = place.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(start)]
        assert len(kept) == len(lines) - 1
        place.write_text("".join(kept), encoding="utf-8", newline="\n")

    def verdict(self) -> dict[str, object]:
        text = (runs_of(self.root)[-1] / "verdict.json").read_text(encoding="utf-8")
        found = json.loads(text)
        return dict(found.get("verdict", found))

    def target(self) -> dict[str, list[dict[str, object]]]:
        targets = self.verdict()["targets"]
        assert isinstance(targets, list)
        return dict(targets[0])

    def regressed(self) -> list[object]:
        return [task["case"] for task in self.target()["tasks"] if task["outcome"] == "regressed"]

    def problems(self) -> list[object]:
        return [gated["problem"] for gated in self.target()["gated"]]


@pytest.fixture(scope="session")
def checked_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six tasks of the support prompt with 12 accepted runs, on a branch of a repository. Tests copy it."""
    root = tmp_path_factory.mktemp("checked-in") / "project"
    for folder in ("schemas", "tools"):
        shutil.copytree(ROOT / "golden" / folder, root / "golden" / folder)
    for task in TASKS:
        shutil.copy(ROOT / "golden" / f"{task}.yaml", root / "golden")
    shutil.copytree(ROOT / "prompts", root / "prompts")
    (root / "drift.yaml").write_text(CONFIG, encoding="utf-8", newline="\n")
    (root / ".gitignore").write_text("reports/\n.drift/\n", encoding="utf-8", newline="\n")
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()) as err:
        code = run(["-C", str(root), "calibrate", "golden", "--night", "2026-12-20"], clock=CLOCK)
        assert code == 0, err.getvalue()
    shutil.rmtree(root / "reports")
    project = Project(root)
    project.git("init", "-q", "-b", "main", ".")
    project.git("config", "user.name", "Tester")
    project.git("config", "user.email", "tester@example.org")
    project.commit("The suite and its baseline.")
    project.git("switch", "-qc", "change")
    return root


@pytest.fixture
def project(checked_in: Path, tmp_path: Path) -> Project:
    return Project(Path(shutil.copytree(checked_in, tmp_path / "project", symlinks=True)))


Check = Callable[..., Done]


@pytest.fixture
def check(drift: Drift) -> Check:
    return lambda *arguments: drift("check", "golden", "--since", "main", *arguments)


def accept(project: Project, drift: Drift, *cases: str, reason: str = REASON) -> Done:
    """Accept what the last run showed."""
    shown = str(project.verdict()["shown"])[:8]
    named = [part for case in cases or ("*",) for part in ("--case", case)]
    done = drift(
        "accept", runs_of(project.root)[-1].name, *named, "--reason", reason, "--digest", shown, "--yes"
    )
    assert done.code == 0, done.err
    return done


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


class TestTheAuthorsMeans:
    """What a branch can bring beside files: history, attributes, runs, names of variables."""

    def test_of_several_merge_bases_the_author_chooses_none(self, project: Project, check: Check) -> None:
        project.git("switch", "-qc", "first", "main")
        (project.root / "notes.md").write_text("First.\n", encoding="utf-8")
        project.commit("First.")
        crossed = project.git("rev-parse", "HEAD")
        project.git("switch", "-q", "main")
        (project.root / "prompts" / "support.md").open("a", encoding="utf-8").write("Be kind.\n")
        project.commit("A rule more.")
        rule = project.git("rev-parse", "HEAD")
        project.git("merge", "-q", "--no-ff", "-m", "Merged.", "first")
        project.git("switch", "-qC", "change", crossed)
        project.git("merge", "-q", "-s", "ours", "-m", "Crossed.", rule)
        done = check()
        assert (done.code, "part at 2 commits" in done.err) == (2, True), done.out + done.err

    @pytest.mark.parametrize("with_link", [True, False])
    def test_prompts_out_of_sight_are_not_gone(self, project: Project, check: Check, with_link: bool) -> None:
        shutil.copytree(project.root / "prompts", project.root / "copies")
        for task in TASKS:
            project.edit(f"golden/{task}.yaml", "prompts/support.md", "copies/support.md")
        project.git("rm", "-rq", "prompts")
        if with_link:
            os.symlink("deploy/prompts", project.root / "prompts")
            project.git("add", "-A")
        else:
            commit = project.git("rev-parse", "HEAD")
            project.git("add", "-A")
            project.git("update-index", "--add", "--cacheinfo", f"160000,{commit},prompts")
            (project.root / "prompts").mkdir()
        project.git("commit", "-qm", "Moved.")
        done = check()
        assert (done.code, "names copies/support.md now while prompts/support.md" in done.err) == (2, True)

    def test_the_order_of_a_tools_keys_is_what_a_model_reads(self, project: Project, check: Check) -> None:
        (tool,) = {tool for task in TASKS for tool in _tools_of(project, task)} & {"tools/issue_refund.json"}
        place = project.root / "golden" / tool
        value = json.loads(place.read_text(encoding="utf-8"))
        fields = value["parameters"]["properties"]
        assert len(fields) > 1
        value["parameters"]["properties"] = dict(reversed(fields.items()))
        place.write_text(json.dumps(value), encoding="utf-8")
        check()
        assert runs_of(project.root)

    @pytest.mark.parametrize("attribute", ["working-tree-encoding=UTF-16", "ident"])
    def test_what_is_tested_is_what_is_merged(self, project: Project, check: Check, attribute: str) -> None:
        (project.root / ".gitattributes").write_text(f"prompts/* {attribute}\n", encoding="utf-8")
        project.git("add", ".gitattributes")
        done = check()
        assert (done.code, "make prompts/support.md another text" in done.err) == (2, True), done.err

    def test_a_run_that_came_with_the_branch_is_not_gone_on_with(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        assert check().code == 1
        run = runs_of(project.root)[-1].name
        assert check("--resume", "last").code == 1
        project.git("add", "-f", "reports")
        for named in ("last", run, str(project.root / "reports" / run)):
            done = check("--resume", named)
            assert (done.code, "is a run that git tracks" in done.err) == (2, True), named

    def test_the_head_does_not_choose_what_is_hidden_from_the_reader(
        self, project: Project, check: Check, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_HEAD_REF", "regressed")
        monkeypatch.setenv("GITHUB_ACTOR", "REGRESSED")
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        unused = "  unused: {model: simulated/steady, env: [GITHUB_HEAD_REF, GITHUB_ACTOR]}\nsuites:"
        project.edit("drift.yaml", "suites:", unused)
        done = check()
        assert (done.code, "REGRESSED" in done.out) == (1, True)
        assert project.regressed() == ["support-refund-late"]
        assert '"regressed"' in check("--format", "json").out


def _tools_of(project: Project, task: str) -> list[str]:
    text = (project.root / "golden" / f"{task}.yaml").read_text(encoding="utf-8")
    return [str(name) for name in (yaml.safe_load(text).get("tools") or []) if isinstance(name, str)]


class TestWhatElseABranchBrings:
    """Files beside tasks and prompts that decide what passes, tonight or the next time."""

    @staticmethod
    def on_main(project: Project, *edits: tuple[str, str, str]) -> None:
        project.git("switch", "-q", "main")
        for edit in edits:
            project.edit(*edit)
        project.commit()
        project.git("switch", "-qC", "change")

    @staticmethod
    def gitlink(project: Project, place: str) -> None:
        """Put a repository of its own where a folder stood, as a submodule is."""
        project.git("rm", "-rq", "--cached", "--ignore-unmatch", place)
        commit = TestWhichProject.repository(project.root / place).git("rev-parse", "HEAD")
        project.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{place}")
        project.git("commit", "-qm", "A submodule.")

    @pytest.mark.parametrize("how", ["added", "changed", "deleted", "moved"])
    def test_a_past_for_a_target_that_is_not_asked_is_refused(
        self, project: Project, check: Check, how: str
    ) -> None:
        self.on_main(project, ("drift.yaml", "suites:", "  other: {model: simulated/steady}\nsuites:"))
        past = project.root / "baselines" / "golden" / "other"
        shutil.copytree(past.with_name("steady"), past)
        if how != "added":
            self.on_main(project)
            assert check().code == 0
        if how == "changed":
            project.edit("baselines/golden/other/support-german.jsonl", "0", "1")
        elif how == "deleted":
            shutil.rmtree(past)
        elif how == "moved":
            past.rename(past.with_name("later"))
        for committed in (False, True):
            if committed:
                project.commit()
            done = check()
            assert (done.code, "baselines/golden/other" in done.err) == (2, True), done.out
            assert "calibrate and check that target" in done.err
            assert "--trust-head" in done.err

    def test_who_asks_that_target_too_or_trusts_the_head_may_bring_it(
        self, project: Project, check: Check
    ) -> None:
        self.on_main(
            project,
            ("drift.yaml", "suites:", "  other: {model: simulated/steady, baseline_of: steady}\nsuites:"),
        )
        project.edit("prompts/support.md", "13. Keep", "13. Always keep")
        past = project.root / "baselines" / "golden" / "other"
        shutil.copytree(past.with_name("steady"), past)
        assert check("--target", "other").code == 2  # which is held against the other's
        assert check("--trust-head").code == 4
        shutil.rmtree(past)
        project.edit("baselines/golden/steady/identity.json", "{", "{ ")
        assert "does not ask that target" not in check("--target", "other").err

    @pytest.mark.parametrize("named", ["tapes/a.jsonl", "tapes/link.jsonl", "tapes/../tapes/first/a.jsonl"])
    @pytest.mark.parametrize("judge", [False, True])
    def test_recorded_answers_are_not_the_branchs_to_change(
        self, project: Project, check: Check, judge: bool, named: str
    ) -> None:
        tapes = project.root / "tapes"
        project.git("switch", "-q", "main")
        tapes.mkdir()
        (tapes / "a.jsonl").write_text("{}\n", encoding="utf-8")
        (tapes / "b.jsonl").write_text("{}\n", encoding="utf-8")
        (tapes / "first").symlink_to(".")
        (tapes / "link.jsonl").symlink_to("second.jsonl")
        (tapes / "second.jsonl").symlink_to("a.jsonl")
        one = f"  one: {{model: recorded/{named}}}\njudge: {{target: one}}\nsuites:"
        if judge:
            self.on_main(project, ("drift.yaml", "suites:", one))
        else:
            self.on_main(project, ("drift.yaml", "simulated/steady", f"recorded/{named}"))
        (tapes / "b.jsonl").write_text("[]\n", encoding="utf-8")
        assert check().code == 0
        changes = [
            (tapes / "a.jsonl").unlink,
            lambda: (tapes / "a.jsonl").write_text("[]\n", encoding="utf-8"),
        ]
        for change in changes:
            change()
            done = check()
            assert (done.code, "tapes/a.jsonl changed" in done.err) == (2, True), done.out
            assert "--trust-head" in done.err
        assert "nothing was asked" not in check("--trust-head").out
        if "link" in named:
            project.git("checkout", "-q", "--", "tapes/a.jsonl")
            (tapes / "second.jsonl").unlink()
            (tapes / "second.jsonl").symlink_to("b.jsonl")
            done = check()
            assert (done.code, "tapes/second.jsonl" in done.err) == (2, True), done.out

    @pytest.mark.parametrize("place", ["reports", "reports/RUN"])
    def test_a_run_in_a_submodule_is_not_gone_on_with(
        self, project: Project, check: Check, place: str
    ) -> None:
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        project.commit()
        assert check().code == 1
        assert check("--resume", "last").code == 1
        self.gitlink(project, place.replace("RUN", runs_of(project.root)[-1].name))
        done = check("--resume", "last")
        assert (done.code, "is a run that git tracks" in done.err) == (2, True), done.out

    @pytest.mark.parametrize(
        "place", ["baselines", "baselines/golden", "baselines/golden/steady", "golden", "golden/tools"]
    )
    @pytest.mark.parametrize("linked", [False, True])
    def test_a_folder_that_becomes_a_submodule_or_a_link_is_refused(
        self, project: Project, check: Check, place: str, linked: bool
    ) -> None:
        if linked:
            (project.root / place).rename(project.root / "elsewhere")
            (project.root / place).symlink_to(
                os.path.relpath(project.root / "elsewhere", (project.root / place).parent)
            )
            project.commit()
        else:
            self.gitlink(project, place)
        done = check()
        assert (done.code, f"{place} is a link or a submodule" in done.err) == (2, True), done.err

    def test_an_encoder_that_measured_nothing_is_refused(self, project: Project, check: Check) -> None:
        store = FileBaselineStore(
            project.root / "baselines", lock=project.root / ".drift" / "lock", redact=str
        )
        known = store.load("golden", "steady")
        assert known is not None
        store.save(known.model_copy(update={"encoder": "another-one"}))
        done = check()
        assert (done.code, "baselines/golden/steady/identity.json" in done.err) == (2, True), done.out

    @pytest.mark.parametrize("path", ["prompts/support.md", "golden/tools/issue_refund.json"])
    def test_a_pointer_of_git_lfs_is_no_prompt(self, project: Project, check: Check, path: str) -> None:
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n"
        (project.root / path).write_text(pointer, encoding="utf-8")
        done = check()
        assert (done.code, f"{path} is a pointer of Git LFS" in done.err) == (2, True), done.out
        assert "git lfs pull" in done.err


class TestWhichProject:
    """A head that would put another project in the place of the one that is checked."""

    @pytest.fixture
    def outer(self, checked_in: Path, tmp_path: Path) -> Project:
        """A repository with the project in `bots/shop`, and another one at its root."""
        root = tmp_path / "project"
        for place in (root, root / "bots" / "shop"):
            shutil.copytree(checked_in, place, ignore=shutil.ignore_patterns(".git"))
        return self.repository(root)

    @staticmethod
    def repository(root: Path) -> Project:
        made = Project(root)
        made.git("init", "-q", "-b", "main", ".")
        made.git("config", "user.name", "Tester")
        made.git("config", "user.email", "tester@example.org")
        made.commit("All of it.")
        made.git("switch", "-qc", "change")
        return made

    @staticmethod
    def beside(project: Project) -> Project:
        """The project once more in `fork`, its prompt broken in the place that is checked."""
        ignored = shutil.ignore_patterns(".git", "fork")
        shutil.copytree(project.root, project.root / "fork", ignore=ignored)
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        return Project(project.root / "fork")

    def test_a_configuration_that_is_a_link_is_refused(self, project: Project, check: Check) -> None:
        self.beside(project)
        (project.root / "drift.yaml").unlink()
        (project.root / "drift.yaml").symlink_to("fork/drift.yaml")
        project.commit()
        for named in ((), ("--trust-head",)):
            done = check(*named)
            assert (done.code, "is a link" in done.err) == (2, True)

    def test_a_configuration_in_a_submodule_behind_a_link_is_refused(
        self, project: Project, check: Check
    ) -> None:
        fork = self.beside(project)
        self.repository(fork.root)
        (project.root / "drift.yaml").unlink()
        (project.root / "drift.yaml").symlink_to("fork/drift.yaml")
        project.commit()
        assert check().code == 2

    @pytest.mark.parametrize("how", ["-C", "PWD", "--config"])
    def test_a_folder_that_is_a_link_is_refused(
        self, outer: Project, drift: Drift, monkeypatch: pytest.MonkeyPatch, how: str
    ) -> None:
        shop = outer.root / "bots" / "shop"
        shop.rename(outer.root / "bots" / "real")
        shop.symlink_to("real")
        outer.commit()
        named: tuple[str, ...] = ("-C", str(shop))
        if how == "PWD":
            monkeypatch.chdir(shop)
            monkeypatch.setenv("PWD", str(shop))
            named = ()
        elif how == "--config":
            named = ("-C", str(outer.root), "--config", "bots/shop/drift.yaml")
        err = StringIO()
        with redirect_stderr(err):
            code = run([*named, "check", "golden", "--since", "main"], clock=CLOCK)
        assert (code, "is a link" in err.getvalue()) == (2, True)

    def test_a_folder_that_is_a_submodule_is_refused(self, outer: Project, drift: Drift) -> None:
        shop = outer.root / "bots" / "shop"
        outer.git("rm", "-rq", "--cached", "bots/shop")
        inner = self.repository(shop)
        head = inner.git("rev-parse", "HEAD")
        outer.git("update-index", "--add", "--cacheinfo", f"160000,{head},bots/shop")
        outer.git("commit", "-qm", "A submodule.")
        done = drift("check", "golden", "--since", "main", folder=shop)
        assert (done.code, "submodule" in done.err) == (2, True)

    def test_a_configuration_that_is_gone_does_not_lead_to_the_one_above(
        self, outer: Project, drift: Drift
    ) -> None:
        shop = outer.root / "bots" / "shop"
        Project(shop).drop_line("prompts/support.md", NO_EXCEPTIONS)
        (shop / "drift.yaml").unlink()
        done = drift("check", "golden", "--since", "main", folder=shop)
        assert (done.code, "keeps its drift.yaml at bots/shop/drift.yaml" in done.err) == (2, True)

    def test_a_configuration_that_is_new_does_not_hide_the_one_above(
        self, project: Project, drift: Drift
    ) -> None:
        shutil.copy(project.root / "drift.yaml", project.root / "prompts")
        shutil.copytree(project.root / "golden", project.root / "prompts" / "golden")
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        done = drift("check", "golden", "--since", "main", folder=project.root / "prompts")
        assert done.code == 2
        assert "keeps its drift.yaml at drift.yaml" in done.err

    def test_a_link_above_the_repository_is_nobodys_doing(
        self, project: Project, drift: Drift, tmp_path: Path
    ) -> None:
        (tmp_path / "short").symlink_to(project.root)
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        assert drift("check", "golden", "--since", "main", folder=tmp_path / "short").code == 1

    def test_a_configuration_that_is_named_is_read_at_the_merge_base_too(
        self, project: Project, drift: Drift
    ) -> None:
        project.git("switch", "-q", "main")
        (project.root / "drift.yaml").rename(project.root / "other.yaml")
        project.commit()
        project.git("switch", "-qC", "change")
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        assert drift("--config", "other.yaml", "check", "golden", "--since", "main").code == 1

    @pytest.mark.parametrize("edited", [False, True])
    def test_an_unknown_suite_is_never_green(self, project: Project, drift: Drift, edited: bool) -> None:
        if edited:
            (project.root / "README.md").write_text("New.\n", encoding="utf-8")
        done = drift("check", "goldne", "--since", "main")
        assert (done.code, "unknown suite 'goldne'" in done.err) == (2, True)

    def test_a_suite_that_becomes_a_submodule_is_not_unchanged(self, project: Project, check: Check) -> None:
        project.git("switch", "-q", "main")
        project.git("rm", "-rq", "--cached", "golden")
        self.repository(project.root / "golden")
        project.commit()
        project.git("switch", "-qC", "change")
        inner = Project(project.root / "golden")
        inner.edit("support-german.yaml", "id: support-german", "severity: warn\nid: support-german")
        inner.commit()
        assert check().code not in (0, 70)


class TestCopies:
    """A task that turns away from the file that it is about."""

    @pytest.fixture
    def copied(self, project: Project) -> Project:
        shutil.copy(project.root / "prompts" / "support.md", project.root / "prompts" / "support_golden.md")
        for task in TASKS:
            project.edit(f"golden/{task}.yaml", "prompts/support.md", "prompts/support_golden.md")
        project.git("add", "-A")
        return project

    @pytest.mark.parametrize("affects", [True, False])
    def test_an_edited_original_is_refused(self, copied: Project, check: Check, affects: bool) -> None:
        if not affects:
            copied.git("stash", "-qu")
            copied.git("switch", "-q", "main")
            copied.edit("drift.yaml", ', affects: ["prompts/**"]', "")
            copied.commit()
            copied.git("switch", "-qC", "change")
            copied.git("stash", "pop", "-q")
        copied.drop_line("prompts/support.md", NO_EXCEPTIONS)
        done = check()
        said = "golden/support-refund-late.yaml names prompts/support_golden.md now while prompts/support.md"
        assert (done.code, said in done.err) == (2, True)
        assert not runs_of(copied.root)

    def test_who_trusts_the_head_may_do_it(self, copied: Project, check: Check) -> None:
        copied.drop_line("prompts/support.md", NO_EXCEPTIONS)
        assert check("--trust-head").code == 0
        assert len(runs_of(copied.root)) == 1

    def test_a_copy_leaves_the_original_untested(self, copied: Project, check: Check) -> None:
        done = check()
        assert (done.code, "nothing would test that any more" in done.err) == (2, True)


class TestLooserRules:
    """Every other part of drift.yaml that decides."""

    @pytest.mark.parametrize(
        ("part", "before", "after"),
        [
            ("suites.golden.samples", "samples: 3", "samples: 1"),
            ("suites.golden.escalate_to", "samples: 3", "samples: 3, escalate_to: 3"),
            ("suites.golden.baseline_runs", "samples: 3", "samples: 3, baseline_runs: 3"),
            ("suites.golden.affects", ', affects: ["prompts/**"]', ""),
            ("suites.golden.path", "path: golden/", "path: easy"),
            ("suites.golden", "  golden: {", "  other: {"),
            ("gates.regression", "suites:", "gates: {regression: warn}\nsuites:"),
            ("limits.min_coverage", "suites:", "limits: {min_coverage: 0.1}\nsuites:"),
            ("policy", "suites:", "policy: strict\nsuites:"),
            ("judge", "suites:", "judge: {target: steady}\nsuites:"),
            ("store.text", "suites:", "store: {text: digest}\nsuites:"),
            ("targets.steady", "temperature: 0,", "temperature: 0.0,"),
        ],
    )
    def test_a_looser_configuration_is_named_and_not_passed(
        self, project: Project, check: Check, part: str, before: str, after: str
    ) -> None:
        project.edit("drift.yaml", before, after)
        done = check()
        assert (done.code, project.problems()) == (3, ["config_changed"])
        (gated,) = project.target()["gated"]
        assert f"drift.yaml changes {part};" in str(gated["because"])

    def test_the_judges_target_is_one_of_the_parts(self, project: Project, check: Check) -> None:
        project.git("switch", "-q", "main")
        project.edit(
            "drift.yaml", "suites:", "  one: {model: simulated/steady}\njudge: {target: one}\nsuites:"
        )
        project.commit()
        project.git("switch", "-qC", "change")
        project.edit("drift.yaml", "one: {model: simulated/steady}", "one: {model: simulated/swapped}")
        assert check().code == 3
        (gated,) = project.target()["gated"]
        assert "drift.yaml changes targets.one;" in str(gated["because"])

    def test_what_the_suite_does_not_use_changes_nothing(self, project: Project, check: Check) -> None:
        project.edit("drift.yaml", "suites:", "  new: {model: simulated/swapped}\nsuites:")
        project.edit("drift.yaml", "path: golden/,", "path: ./golden,")
        with (project.root / "drift.yaml").open("a", encoding="utf-8") as file:
            file.write("  canary: {path: canaries, targets: [new]}\n")
        assert check().code == 0
        assert not runs_of(project.root)


class TestSpelling:
    """Names that are not as the check would write them."""

    @pytest.mark.parametrize("path", ["./golden/", "golden//", "././golden"])
    def test_a_suites_folder_may_be_spelled_otherwise(
        self, project: Project, check: Check, path: str
    ) -> None:
        project.git("switch", "-q", "main")
        project.edit("drift.yaml", "path: golden/", f"path: {path}")
        project.commit()
        project.git("switch", "-qC", "change")
        source = (project.root / "golden" / "support-german.yaml").read_text(encoding="utf-8")
        copy = source.replace("id: support-german", "id: support-german-too")
        (project.root / "golden" / "support-german-too.yaml").write_text(copy, encoding="utf-8")
        assert check().code == 4

    @pytest.mark.parametrize("glob", ["./shared/**", "shared/", "shared/*"])
    def test_a_glob_may_be_spelled_otherwise(self, project: Project, check: Check, glob: str) -> None:
        project.git("switch", "-q", "main")
        project.edit("drift.yaml", '"prompts/**"', f'"{glob}"')
        project.commit()
        project.git("switch", "-qC", "change")
        (project.root / "shared").mkdir()
        (project.root / "shared" / "policy.md").write_text("New.\n", encoding="utf-8")
        assert check().code == 0
        assert len(runs_of(project.root)) == 1

    @pytest.mark.parametrize("path", ["../golden", "golden/../golden", "/golden", '""'])
    def test_a_folder_that_leads_out_is_refused(self, project: Project, check: Check, path: str) -> None:
        project.edit("drift.yaml", "path: golden/", f"path: {path}")
        done = check()
        assert (done.code, "drift.yaml:5:" in done.err) == (2, True)

    def test_a_file_name_that_is_no_utf_8_is_no_crash(self, project: Project, check: Check) -> None:
        project.edit("prompts/support.md", "13. Keep", "13. Always keep")
        (project.root / os.fsdecode(b"golden/n\xff.txt")).write_text("1\n", encoding="utf-8")
        assert check().code == 4
        project.commit()
        assert check().code == 4

    def test_a_number_that_is_written_otherwise_is_asked(self, project: Project, check: Check) -> None:
        project.edit(
            "golden/support-refund-late.yaml", "delivered_days_ago: 41,", "delivered_days_ago: 41.0,"
        )
        assert check().code != 0
        assert len(runs_of(project.root)) == 1


class TestGit:
    """What git itself can be made to say."""

    def test_a_tag_called_like_the_branch_is_refused(self, project: Project, check: Check) -> None:
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        project.commit()
        project.git("tag", "main")
        done = check()
        assert (done.code, "refs/tags/main or refs/heads/main" in done.err) == (2, True)

    def test_attributes_above_the_project_ask_everything(
        self, checked_in: Path, tmp_path: Path, drift: Drift
    ) -> None:
        root = tmp_path / "outer"
        inner = root / "bots" / "shop"
        shutil.copytree(checked_in, inner, ignore=shutil.ignore_patterns(".git"))
        outer = TestWhichProject.repository(root)
        (root / "bots" / ".gitattributes").write_text("*.md text eol=lf\n", encoding="utf-8")
        assert drift("check", "golden", "--since", "main", folder=inner).code == 0
        assert len(runs_of(inner)) == 1
        outer.commit()
        assert drift("check", "golden", "--since", "main", folder=inner).code == 0
        assert len(runs_of(inner)) == 2


class TestDamagedMergeBase:
    """A baseline that is damaged where everybody starts from."""

    PATH = "baselines/golden/steady/support-refund-late.jsonl"

    @pytest.fixture
    def damaged(self, project: Project) -> Project:
        project.git("switch", "-q", "main")
        project.edit(self.PATH, "deny", "approve")
        project.commit("Edited by hand.")
        project.git("switch", "-qC", "change")
        return project

    def repair(self, project: Project) -> None:
        project.git("checkout", "-q", "main~1", "--", "baselines")
        project.commit("As it was.")

    def test_it_is_said_where_it_is_and_how_to_mend_it(self, damaged: Project, check: Check) -> None:
        damaged.drop_line("prompts/support.md", NO_EXCEPTIONS)
        base = damaged.git("rev-parse", "main")
        done = check()
        assert (done.code, self.PATH in done.err, base[:12] in done.err) == (4, True, True)
        assert ("--trust-head" in done.err, "drift-" in done.err) == (True, False)

    def test_the_pull_request_that_repairs_it_can_be_checked(self, damaged: Project, check: Check) -> None:
        self.repair(damaged)
        assert check().code == 4
        done = check("--trust-head")
        assert done.code == 0, done.err

    def test_a_repair_hides_no_regression(self, damaged: Project, check: Check) -> None:
        self.repair(damaged)
        damaged.drop_line("prompts/support.md", NO_EXCEPTIONS)
        assert check("--trust-head").code == 1


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


def test_a_project_below_the_repositorys_root_is_checked_from_there(
    checked_in: Path, tmp_path: Path, drift: Drift
) -> None:
    root = tmp_path / "outer"
    inner = Path(shutil.copytree(checked_in, root / "bots" / "shop", ignore=shutil.ignore_patterns(".git")))
    outer = Project(root)
    outer.git("init", "-q", "-b", "main", ".")
    outer.git("config", "user.name", "Tester")
    outer.git("config", "user.email", "tester@example.org")
    outer.commit("All of it.")
    outer.git("switch", "-qc", "change")
    Project(inner).drop_line("prompts/support.md", NO_EXCEPTIONS)
    assert drift("check", "golden", "--since", "main", folder=inner).code == 1


def test_the_same_run_decides_the_same_again(project: Project, check: Check, drift: Drift) -> None:
    project.drop_line("prompts/support.md", NO_EXCEPTIONS)
    check()
    first = project.verdict()
    done = drift("report", runs_of(project.root)[-1].name, "--format", "json")
    again = json.loads(done.out)
    again = again.get("verdict", again)
    assert (done.code, again["shown"], again["targets"]) == (1, first["shown"], first["targets"])


class TestHiddenRegressions:
    """What an author can write into the own pull request to hide what it breaks."""

    LATE = "support-refund-late"
    TASK = f"golden/{LATE}.yaml"
    AT = "2026-12-21T10:00:00+00:00"

    @staticmethod
    def on_main(project: Project, *edits: tuple[str, str, str]) -> None:
        project.git("switch", "-q", "main")
        for edit in edits:
            project.edit(*edit)
        project.commit()
        project.git("switch", "-qC", "change")

    def bring(self, project: Project, cases: Mapping[str, CaseBaseline], incident: str | None = None) -> None:
        """Write a baseline as the product would, signed by whoever."""
        store = FileBaselineStore(
            project.root / "baselines", lock=project.root / ".drift" / "lock", redact=str
        )
        known = store.load("golden", "steady")
        assert known is not None
        signed = Acceptance(
            at=self.AT,
            by="The Boss",
            reason="More runs of the same.",
            cases=tuple(cases),
            runs=("20261221T100000Z-golden-beef",),
            verdict="stable",
            shown="0" * 64,
            incident=incident,
        )
        changed = {
            "cases": {**known.cases, **cases},
            "acceptances": (*known.acceptances, signed),
        }
        store.save(known.model_copy(update=changed))

    def invented(self, project: Project, runs: int, **fields: object) -> CaseBaseline:
        """The task's baseline with so many runs more, whose answers are what somebody wrote."""
        store = FileBaselineStore(
            project.root / "baselines", lock=project.root / ".drift" / "lock", redact=str
        )
        baseline = store.load("golden", "steady")
        assert baseline is not None
        known = baseline.cases[self.LATE]
        made = []
        for number in range(runs):
            line = known.samples[number % len(known.samples)]
            assert line.answer is not None
            answer = Answer.model_validate({**line.answer.model_dump(), **fields})
            digest = text_digest(answer.measured_text)
            made.append(
                line.model_copy(
                    update={"run": "forged", "sample": number, "answer": answer, "text_digest": digest}
                )
            )
        return known.model_copy(update={"samples": (*known.samples, *made)})

    def told(self, done: Done) -> str:
        return " ".join((done.out + done.err).split())

    def test_fewer_rules_do_not_hide_what_the_merge_bases_rules_are_asked_too_seldom(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        self.on_main(
            project,
            (self.TASK, "severity: block", "samples: 1\nseverity: block"),
            (self.TASK, "always: true", ""),
        )
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        path = project.root / self.TASK
        head, _, tail = path.read_text(encoding="utf-8").partition("expect:\n")
        path.write_text(f"{head}{tail[tail.index('rubric:') :]}", encoding="utf-8")
        assert (check().code, self.regressed_by_base(project)) == (1, [self.LATE])
        accept(project, drift)
        done = check()
        assert (done.code, self.regressed_by_base(project)) == (0, [self.LATE])
        assert f"by the merge base's a regression in {self.LATE}" in self.told(done)

    @staticmethod
    def regressed_by_base(project: Project) -> object:
        found = project.target()["under_base"]
        assert isinstance(found, dict)
        return found["regressed"]

    def test_a_space_in_the_question_does_not_hide_a_broken_prompt(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        project.edit(self.TASK, "I just don't like it.", "I just don't like it. ")
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        done = check()
        assert (done.code, "no longer asks what the merge base asks" in self.told(done)) == (1, True)
        accept(project, drift)
        done = check()
        changes = {change["case"]: change["would_be"] for change in project.target()["accepted"]}
        assert (done.code, changes[self.LATE]) == (0, "regressed")
        assert "the merge base's question was not asked" in self.told(done)
        assert "by the merge base's a pass" not in self.told(done)

    def test_a_typo_in_a_question_can_be_mended_with_a_reason(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        project.edit(self.TASK, "I just don't like it.", "I just do not like it.")
        assert check().code == 1
        accept(project, drift, self.LATE, reason="A typo in the question.")
        done = check()
        assert (done.code, project.problems()) == (0, [])
        assert "ACCEPTED CHANGE" in done.out

    def test_invented_runs_of_the_same_do_not_come_back(self, project: Project, check: Check) -> None:
        usage = {"input_tokens": 10, "output_tokens": 100_000}
        self.bring(project, {self.LATE: self.invented(project, 200, latency_ms=900_000.0, usage=usage)})
        assert (check().code, project.problems()) == (4, ["unexplained_baseline"])
        project.git("checkout", "-q", "--", "baselines")
        self.bring(project, {self.LATE: self.invented(project, 12, latency_ms=900_000.0, usage=usage)})
        assert (check().code, project.problems()) == (4, ["not_reproduced"])

    def test_runs_that_were_really_added_are_an_accepted_change(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        assert drift("calibrate", "golden", "--samples", "3").code == 0
        done = check()
        assert (done.code, {change["added"] for change in project.target()["accepted"]}) == (0, {3})
        assert "3 runs added to its baseline" in self.told(done)

    def test_an_invented_incident_explains_no_failing_baseline(self, project: Project, check: Check) -> None:
        known = self.invented(project, 8, text='{"decision": "approve"}')
        lines = (*known.samples[:4], *known.samples[12:])
        self.bring(project, {self.LATE: known.model_copy(update={"samples": lines})}, incident="20261101-x")
        assert (check().code, project.problems()) == (4, ["not_reproduced"])

    def test_a_signature_for_nothing_is_refused(self, project: Project, check: Check) -> None:
        self.bring(project, {self.LATE: self.invented(project, 0)})
        assert (check().code, project.problems()) == (4, ["unexplained_baseline"])
