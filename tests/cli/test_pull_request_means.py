"""What a branch can bring beside tasks and prompts, and what the check says of that."""

import json
import os
import shutil

import pytest
import yaml

from harness.edges.stores.baselines import FileBaselineStore
from tests.cli.conftest import Drift, runs_of
from tests.cli.pull_requests import NO_EXCEPTIONS, TASKS, Check, Project, on_main, repository
from tests.cli.pull_requests import check as check
from tests.cli.pull_requests import project as project


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
    def gitlink(project: Project, place: str) -> None:
        """Put a repository of its own where a folder stood, as a submodule is."""
        project.git("rm", "-rq", "--cached", "--ignore-unmatch", place)
        commit = repository(project.root / place).git("rev-parse", "HEAD")
        project.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{place}")
        project.git("commit", "-qm", "A submodule.")

    @pytest.mark.parametrize("how", ["added", "changed", "deleted", "moved"])
    def test_a_past_for_a_target_that_is_not_asked_is_refused(
        self, project: Project, check: Check, how: str
    ) -> None:
        on_main(project, ("drift.yaml", "suites:", "  other: {model: simulated/steady}\nsuites:"))
        past = project.root / "baselines" / "golden" / "other"
        shutil.copytree(past.with_name("steady"), past)
        if how != "added":
            on_main(project)
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
        on_main(
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
            on_main(project, ("drift.yaml", "suites:", one))
        else:
            on_main(project, ("drift.yaml", "simulated/steady", f"recorded/{named}"))
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
