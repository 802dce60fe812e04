"""Pull requests that change what decides: rules written looser, names spelled otherwise, tasks that turn away."""

import os
import shutil

import pytest

from tests.cli.conftest import runs_of
from tests.cli.pull_requests import NO_EXCEPTIONS, TASKS, Check, Project
from tests.cli.pull_requests import check as check
from tests.cli.pull_requests import project as project


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
