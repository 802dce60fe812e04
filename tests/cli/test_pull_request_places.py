"""Which project of a repository a check reads, and what git itself can be made to say."""

import shutil
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import pytest

from harness.cli.app import run
from tests.cli.conftest import CLOCK, Drift, runs_of
from tests.cli.pull_requests import NO_EXCEPTIONS, Check, Project, repository
from tests.cli.pull_requests import check as check
from tests.cli.pull_requests import project as project


class TestWhichProject:
    """A head that would put another project in the place of the one that is checked."""

    @pytest.fixture
    def outer(self, checked_in: Path, tmp_path: Path) -> Project:
        """A repository with the project in `bots/shop`, and another one at its root."""
        root = tmp_path / "project"
        for place in (root, root / "bots" / "shop"):
            shutil.copytree(checked_in, place, ignore=shutil.ignore_patterns(".git"))
        return repository(root)

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
        repository(fork.root)
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
        inner = repository(shop)
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
        repository(project.root / "golden")
        project.commit()
        project.git("switch", "-qC", "change")
        inner = Project(project.root / "golden")
        inner.edit("support-german.yaml", "id: support-german", "severity: warn\nid: support-german")
        inner.commit()
        assert check().code not in (0, 70)


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
        outer = repository(root)
        (root / "bots" / ".gitattributes").write_text("*.md text eol=lf\n", encoding="utf-8")
        assert drift("check", "golden", "--since", "main", folder=inner).code == 0
        assert len(runs_of(inner)) == 1
        outer.commit()
        assert drift("check", "golden", "--since", "main", folder=inner).code == 0
        assert len(runs_of(inner)) == 2


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
