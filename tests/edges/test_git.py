"""Real repositories, made by real git, also by somebody who wishes us ill."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.edges.git import (
    Blobs,
    ChangeKind,
    FileChange,
    Repository,
    blobs,
    git_output,
    open_repository,
    program,
    who,
)
from harness.errors import DocumentError, SetupError, UsageError

ADDED, MODIFIED, DELETED = ChangeKind.ADDED, ChangeKind.MODIFIED, ChangeKind.DELETED
RENAMED, TYPE = ChangeKind.RENAMED, ChangeKind.TYPE
LONG = "".join(f"A line that is like no other, number {number}.\n" for number in range(20))


class Tree:
    """A work tree with its repository, written by hand and by git."""

    def __init__(self, root: Path, *options: str) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *options)

    def git(self, *arguments: str | bytes, stdin: bytes = b"") -> str:
        named = (
            "-c",
            "user.name=Ada",
            "-c",
            "user.email=ada@example.test",
            "-c",
            "protocol.file.allow=always",
        )
        done = subprocess.run(["git", "-C", self.root, *named, *arguments], input=stdin, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: Mapping[str, str | bytes] | None = None) -> str:
        self.write(files or {})
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "A commit.")
        return self.git("rev-parse", "HEAD")

    def commit_entries(self, *entries: tuple[str, bytes, bytes]) -> str:
        """Commit a tree of `mode, name, object id` that no git would make itself."""
        raw = b"".join(
            mode.encode() + b" " + name + b"\0" + bytes.fromhex(blob.decode()) for mode, name, blob in entries
        )
        tree = self.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=raw)
        return self.git("commit-tree", "-m", "A tree.", tree)

    def blob(self, content: bytes) -> bytes:
        return self.git("hash-object", "-w", "--stdin", stdin=content).encode()

    def open(self, folder: str = ".") -> Repository:
        return open_repository(self.root / folder)


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A repository of three files, checked out on a branch called `topic`."""
    made = Tree(tmp_path / "tree")
    made.commit(
        {"drift.yaml": "suites: {}\n", "prompts/support.md": LONG, "golden/refund.yaml": "id: refund\n"}
    )
    made.git("checkout", "-q", "-b", "topic")
    return made


def change(path: str, kind: ChangeKind, before: str | None = None) -> FileChange:
    return FileChange(path=path, before=None if kind is ADDED else before or path, kind=kind)


class TestOpening:
    def test_a_folder_within_is_opened_with_its_place(self, tree: Tree) -> None:
        inner = tree.open("prompts")
        assert (inner.root, inner.project, inner.prefix) == (tree.root, tree.root / "prompts", "prompts/")
        assert (tree.open().root, tree.open().prefix, tree.open().shallow) == (tree.root, "", False)

    def test_a_folder_with_a_line_end_in_its_name_is_opened(self, tmp_path: Path) -> None:
        made = Tree(tmp_path / "a\nb" / "c\n")
        made.commit({"d\n/x": "1"})
        assert made.open("d\n").prefix == "d\n/"
        assert made.open("d\n").root == tmp_path / "a\nb" / "c\n"

    def test_a_linked_work_tree_is_opened(self, tree: Tree, tmp_path: Path) -> None:
        tree.git("worktree", "add", "-q", str(tmp_path / "linked"), "main")
        linked = open_repository(tmp_path / "linked")
        (linked.root / "drift.yaml").write_text("suites: {a: {}}\n")
        assert linked.root == tmp_path / "linked"
        assert linked.changes(linked.merge_base("topic")) == (change("drift.yaml", MODIFIED),)

    def test_a_folder_outside_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(
            SetupError, match=r"is not in the work tree of a git repository .*git init makes one"
        ):
            open_repository(tmp_path)

    def test_the_repository_itself_is_no_work_tree(self, tree: Tree) -> None:
        with pytest.raises(SetupError, match="is not in the work tree"):
            tree.open(".git")

    def test_a_folder_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SetupError, match="is not there"):
            open_repository(tmp_path / "gone")

    def test_a_missing_git_is_said(self, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tree.root))
        with pytest.raises(SetupError, match="git is not installed"):
            tree.open()

    def test_a_git_in_the_checkout_is_not_run(self, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
        tree.write({"git": "#!/bin/sh\ntouch ran\n"})
        (tree.root / "git").chmod(0o755)
        monkeypatch.chdir(tree.root)
        monkeypatch.setenv("PATH", f".{os.pathsep}{os.pathsep}{os.environ['PATH']}")
        assert tree.open().root == tree.root
        assert not (tree.root / "ran").exists()

    def test_the_repository_of_a_hook_is_not_taken_for_this_one(
        self, tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = Tree(tmp_path / "other")
        other.commit({"x": "1"})
        monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
        monkeypatch.setenv("GIT_WORK_TREE", str(other.root))
        monkeypatch.setenv("GIT_INDEX_FILE", str(other.root / ".git" / "index"))
        assert tree.open().root == tree.root
        assert tree.open().changes("HEAD") == ()

    def test_a_repository_of_somebody_else_names_the_command(
        self, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # What git itself has for testing this; it stands for a folder with another owner.
        monkeypatch.setattr(program, "_SET", {**program._SET, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})
        with pytest.raises(SetupError, match=r"git config --global --add safe\.directory"):
            tree.open()

    def test_a_folder_called_safe_by_the_user_is_opened(
        self, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(program, "_SET", {**program._SET, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", "*")
        assert tree.open().root == tree.root


class TestMergeBase:
    def test_it_is_where_the_branch_started(self, tree: Tree) -> None:
        start = tree.git("rev-parse", "main")
        tree.commit({"a": "1"})
        tree.git("checkout", "-q", "main")
        tree.commit({"b": "1"})
        tree.git("checkout", "-q", "topic")
        repository = tree.open("prompts")
        assert repository.merge_base("main") == start
        assert repository.merge_base("topic", head="main") == start

    def test_a_branch_behind_main_starts_at_its_own_head(self, tree: Tree) -> None:
        head = tree.git("rev-parse", "HEAD")
        tree.git("checkout", "-q", "main")
        tree.commit({"prompts/support.md": "Other.\n"})
        tree.git("checkout", "-q", "topic")
        repository = tree.open()
        assert repository.merge_base("main") == head
        assert repository.changes(head) == ()

    def test_after_a_squash_merge_the_branch_shows_its_own_changes(self, tree: Tree) -> None:
        start = tree.git("rev-parse", "HEAD")
        tree.commit({"prompts/support.md": f"{LONG}More.\n"})
        tree.git("checkout", "-q", "main")
        tree.git("merge", "-q", "--squash", "topic")
        tree.commit({"unrelated": "1"})
        tree.git("checkout", "-q", "topic")
        repository = tree.open()
        assert repository.merge_base("main") == start
        assert repository.changes(start) == (change("prompts/support.md", MODIFIED),)

    def test_main_merged_into_the_branch_moves_the_base(self, tree: Tree) -> None:
        tree.commit({"a": "1"})
        tree.git("checkout", "-q", "main")
        newest = tree.commit({"prompts/support.md": "Other.\n"})
        tree.git("checkout", "-q", "topic")
        tree.git("merge", "-q", "--no-ff", "-m", "Merge.", "main")
        repository = tree.open()
        assert repository.merge_base("main") == newest
        assert repository.changes(newest) == (change("a", ADDED),)

    def test_the_merge_commit_that_a_forge_checks_out_is_compared_with_main(self, tree: Tree) -> None:
        tree.commit({"a": "1"})
        tree.git("checkout", "-q", "main")
        newest = tree.commit({"b": "1"})
        tree.git("merge", "-q", "--no-ff", "-m", "Merge.", "topic")
        tree.git("checkout", "-q", "--detach", "HEAD")
        tree.git("branch", "-f", "main", newest)
        repository = tree.open()
        assert repository.merge_base("main") == newest
        assert repository.changes(newest) == (change("a", ADDED),)

    def test_a_detached_head_works(self, tree: Tree) -> None:
        start = tree.git("rev-parse", "HEAD")
        tree.git("checkout", "-q", "--detach")
        tree.commit({"a": "1"})
        assert tree.open().merge_base("main") == start

    def test_histories_without_a_common_commit_are_refused(self, tree: Tree) -> None:
        tree.git("checkout", "-q", "--orphan", "alone")
        tree.commit({"a": "1"})
        with pytest.raises(UsageError, match="'main' and 'HEAD' share no commit"):
            tree.open().merge_base("main")

    def test_a_shallow_clone_says_how_to_deepen_it(self, tree: Tree, tmp_path: Path) -> None:
        tree.commit({"a": "1"})
        tree.git("checkout", "-q", "main")
        tree.commit({"b": "1"})
        source = f"file://{tree.root}"
        tree.git(
            "clone",
            "-q",
            "--depth",
            "1",
            "--no-single-branch",
            "-b",
            "topic",
            source,
            str(tmp_path / "clone"),
        )
        shallow = open_repository(tmp_path / "clone")
        assert shallow.shallow
        with pytest.raises(SetupError, match="git fetch --unshallow origin, or set fetch-depth: 0"):
            shallow.merge_base("origin/main")

    def test_a_shallow_clone_of_one_branch_says_so_too(self, tree: Tree, tmp_path: Path) -> None:
        tree.git("clone", "-q", "--depth", "1", "-b", "topic", f"file://{tree.root}", str(tmp_path / "clone"))
        with pytest.raises(
            UsageError,
            match=r"git knows no commit 'origin/main'.*git fetch --unshallow origin.*fetch-depth: 0",
        ):
            open_repository(tmp_path / "clone").merge_base("origin/main")

    @pytest.mark.parametrize("head", ["HEAD", "gone"])
    @pytest.mark.parametrize("ref", ["gone", "main~40", "0" * 40, "main..topic", "^main", "HEAD:drift.yaml"])
    def test_an_unknown_ref_is_named(self, tree: Tree, ref: str, head: str) -> None:
        repository = tree.open()
        with pytest.raises(UsageError, match=r"git knows no commit '.*'.*git fetch origin"):
            repository.merge_base(ref, head)
        with pytest.raises(UsageError):
            repository.commit(ref)

    @pytest.mark.parametrize("ref", ["", "-q", "--all", "--output=x", "a\nb", "a\0b", "\x1b[2J"])
    def test_what_could_be_an_option_or_steer_a_terminal_is_no_ref(self, tree: Tree, ref: str) -> None:
        repository = tree.open()
        for ask in (repository.commit, repository.merge_base, repository.changes):
            with pytest.raises(UsageError, match="names no commit") as caught:
                ask(ref)
            assert str(caught.value).isprintable()
        with pytest.raises(UsageError, match="names no commit"):
            repository.read_files(ref, ["."])

    def test_a_repository_without_a_commit_is_told(self, tmp_path: Path) -> None:
        repository = Tree(tmp_path / "new").open()
        with pytest.raises(UsageError, match="has no commit yet"):
            repository.merge_base("HEAD")

    def test_a_branch_wins_over_nothing_and_a_tag_leads_to_its_commit(self, tree: Tree) -> None:
        tree.git("tag", "-a", "-m", "A tag.", "v1")
        assert tree.open().commit("v1") == tree.open().commit("main") == tree.git("rev-parse", "main")

    @pytest.mark.parametrize("other", ["refs/tags/main", "refs/remotes/main", "refs/remotes/main/HEAD"])
    @pytest.mark.parametrize("ref", ["main", "main~0", "main^{commit}", "main@{0}"])
    def test_a_name_with_two_meanings_is_refused(self, tree: Tree, ref: str, other: str) -> None:
        tree.git("update-ref", other, "HEAD")
        with pytest.raises(
            UsageError, match=r"may be refs/.* or refs/.*; write the one that is meant, in full"
        ):
            tree.open().merge_base(ref)
        for full in ("refs/heads/main", other, tree.git("rev-parse", "refs/heads/main"), "HEAD"):
            assert tree.open().merge_base(full) == tree.git("rev-parse", "HEAD")

    def test_names_that_only_begin_alike_are_told_apart(self, tree: Tree) -> None:
        tree.git("tag", "other/main")
        tree.git("update-ref", "refs/remotes/origin/main", "HEAD")
        assert tree.open().merge_base("main") == tree.open().merge_base("origin/main")


class TestPlace:
    def test_a_submodule_is_known_as_one(self, tree: Tree, tmp_path: Path) -> None:
        other = Tree(tmp_path / "other")
        other.commit({"inside.md": "1\n"})
        tree.git("submodule", "--quiet", "add", str(other.root), "lib")
        assert (tree.open().is_submodule(), tree.open("lib").is_submodule()) == (False, True)

    def test_a_clone_that_lies_in_another_is_no_submodule(self, tree: Tree) -> None:
        Tree(tree.root / "clone").commit({"a": "1"})
        assert not tree.open("clone").is_submodule()

    @pytest.mark.parametrize("name", [".gitattributes", "apps/.gitattributes"])
    def test_attributes_above_the_project_are_seen(self, tree: Tree, name: str) -> None:
        base = tree.commit({"apps/bot/a.md": "a\n", "apps/other/.gitattributes": "* text\n"})
        inner = tree.open("apps/bot")
        tree.write({"apps/other/.gitattributes": "* -text\n", "apps/bot/.gitattributes": "* -text\n"})
        assert not inner.attributes_changed_above(base)
        tree.write({name: "* text\n"})
        assert inner.attributes_changed_above(base)
        added = tree.commit()
        assert (inner.attributes_changed_above(base), inner.attributes_changed_above(added)) == (True, False)
        (tree.root / name).unlink()
        assert inner.attributes_changed_above(added)
        assert not tree.open().attributes_changed_above(added)


class TestChanges:
    def test_every_kind_is_found(self, tree: Tree) -> None:
        base = tree.commit({"a.md": "a\n", "b.md": "b\n", "c.md": LONG, "d.md": "d\n"})
        (tree.root / "b.md").unlink()
        tree.git("mv", "c.md", "moved.md")
        (tree.root / "d.md").unlink()
        (tree.root / "d.md").symlink_to("a.md")
        tree.commit({"a.md": "other\n", "new.md": "new\n", "moved.md": f"{LONG}One more line.\n"})
        assert tree.open().changes(base) == (
            change("a.md", MODIFIED),
            change("b.md", DELETED),
            change("d.md", TYPE),
            change("moved.md", RENAMED, before="c.md"),
            change("new.md", ADDED),
        )

    def test_the_work_tree_counts_as_it_is(self, tree: Tree) -> None:
        base = tree.commit({"staged.md": "1\n", "unstaged.md": "1\n", "back.md": "1\n", "gone.md": "all\n"})
        tree.write({".gitignore": "ignored\n", "staged.md": "2\n", "back.md": "2\n", "meant.md": "0\n"})
        tree.git("add", ".gitignore", "staged.md", "back.md")
        tree.git("add", "-N", "meant.md")
        tree.write({"unstaged.md": "2\n", "back.md": "1\n", "new/un.md": "1\n", "ignored": "1\n"})
        (tree.root / "gone.md").unlink()
        assert tree.open().changes(base) == (
            change(".gitignore", ADDED),
            change("gone.md", DELETED),
            change("meant.md", ADDED),
            change("new/un.md", ADDED),
            change("staged.md", MODIFIED),
            change("unstaged.md", MODIFIED),
        )

    def test_a_file_taken_out_of_the_index_but_still_there_was_modified(self, tree: Tree) -> None:
        tree.git("rm", "-q", "--cached", "prompts/support.md")
        assert tree.open().changes("HEAD") == (change("prompts/support.md", MODIFIED),)

    def test_a_file_that_was_only_touched_is_no_change(self, tree: Tree) -> None:
        os.utime(tree.root / "drift.yaml", (1, 1))
        assert tree.open().changes("main") == ()

    def test_both_sides_of_a_conflict_are_one_change(self, tree: Tree) -> None:
        tree.commit({"drift.yaml": "suites: {a: {}}\n"})
        tree.git("checkout", "-q", "main")
        base = tree.commit({"drift.yaml": "suites: {b: {}}\n"})
        with pytest.raises(AssertionError):
            tree.git("merge", "-q", "topic")
        assert tree.open().changes(base) == (change("drift.yaml", MODIFIED),)

    @pytest.mark.parametrize(
        "name",
        [
            b"a\nb.md",
            b"\"quoted\" 'twice'.md",
            "grüße-\u202e-\U0001f600.md".encode(),
            b"-rf",
            b"--output=x",
            b"a\tb\x1b[2J",
            b":(glob)**",
            b"*",
            b"back\\slash",
            b" ",
            b"latin-\xe9.md",
        ],
    )
    def test_odd_names_come_back_whole(self, tree: Tree, name: bytes) -> None:
        base = tree.git("rev-parse", "HEAD")
        path = os.fsdecode(name)
        tree.write({path: "1\n"})
        repository = tree.open()
        assert repository.changes(base) == (change(path, ADDED),)
        first = tree.commit()
        assert repository.changes(base) == (change(path, ADDED),)
        (tree.root / path).write_text("2\n")
        assert repository.changes(first) == (change(path, MODIFIED),)
        assert repository.read_files(first, [path]).files == ({path: b"1\n"} if b"\\" not in name else {})

    def test_a_project_in_a_folder_sees_itself_alone(self, tree: Tree) -> None:
        base = tree.commit({"apps/bot/a.md": LONG, "apps/bot/b.md": "b\n", "apps/botany/x.md": "x\n"})
        tree.git("mv", "apps/bot/a.md", "apps/bot/c.md")
        tree.write(
            {"apps/bot/b.md": "2\n", "apps/botany/x.md": "2\n", "apps/y.md": "1\n", "drift.yaml": "2\n"}
        )
        tree.write({"apps/bot/new.md": "1\n"})
        assert tree.open("apps/bot").changes(base) == (
            change("b.md", MODIFIED),
            change("c.md", RENAMED, before="a.md"),
            change("new.md", ADDED),
        )

    def test_what_moves_over_the_border_comes_or_goes(self, tree: Tree) -> None:
        base = tree.commit({"apps/bot/a.md": LONG, "b.md": LONG.upper()})
        tree.git("mv", "apps/bot/a.md", "a.md")
        tree.git("mv", "b.md", "apps/bot/b.md")
        assert tree.open("apps/bot").changes(base) == (change("a.md", DELETED), change("b.md", ADDED))

    def test_links_and_submodules_are_changes_and_are_not_entered(self, tree: Tree, tmp_path: Path) -> None:
        other = Tree(tmp_path / "other")
        other.commit({"inside.md": "1\n"})
        base = tree.git("rev-parse", "HEAD")
        tree.git("submodule", "--quiet", "add", str(other.root), "lib")
        (tree.root / "link.md").symlink_to("/etc/passwd")
        first = tree.commit()
        repository = tree.open()
        assert repository.changes(base) == (
            change(".gitmodules", ADDED),
            change("lib", ADDED),
            change("link.md", ADDED),
        )
        (tree.root / "lib" / "inside.md").write_text("2\n")
        assert repository.changes(first) == ()

    def test_a_submodule_that_says_not_to_look_is_seen_all_the_same(self, tree: Tree, tmp_path: Path) -> None:
        other = Tree(tmp_path / "other")
        other.commit({"inside.md": "1\n"})
        tree.git("submodule", "--quiet", "add", str(other.root), "lib")
        with (tree.root / ".gitmodules").open("a") as file:
            file.write("\tignore = all\n")
        base = tree.commit()
        newer = other.commit({"inside.md": "2\n"})
        tree.git("-C", str(tree.root / "lib"), "pull", "-q")
        assert tree.git("-C", str(tree.root / "lib"), "rev-parse", "HEAD") == newer
        assert tree.open().changes(base) == (change("lib", MODIFIED),)

    def test_a_repository_within_the_work_tree_is_one_addition(self, tree: Tree) -> None:
        Tree(tree.root / "vendor").commit({"x": "1"})
        assert tree.open().changes("HEAD") == (change("vendor", ADDED),)

    def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(self, tree: Tree) -> None:
        (tree.root / "drift.yaml").unlink()
        os.mkfifo(tree.root / "drift.yaml")
        assert [found.path for found in tree.open().changes("HEAD")] == ["drift.yaml"]

    def test_the_users_settings_change_nothing(self, tree: Tree, tmp_path: Path) -> None:
        base = tree.commit({"sub/a.md": LONG})
        tree.git("mv", "sub/a.md", "sub/b.md")
        (tmp_path / "order").write_text("*.zzz\n")
        for name, value in {
            "diff.renames": "false",
            "diff.relative": "true",
            "diff.ignoreSubmodules": "all",
            "diff.orderFile": str(tmp_path / "order"),
            "diff.noprefix": "true",
            "color.ui": "always",
            "core.quotePath": "true",
            "core.pager": "touch paged",
            "status.showUntrackedFiles": "no",
        }.items():
            tree.git("config", name, value)
        tree.write({"sub/c.md": "1\n"})
        assert tree.open("sub").changes(base) == (
            change("b.md", RENAMED, before="a.md"),
            change("c.md", ADDED),
        )

    def test_an_unknown_base_is_named(self, tree: Tree) -> None:
        with pytest.raises(UsageError, match="git knows no commit 'eeeeee"):
            tree.open().changes("e" * 40)

    def test_more_than_fits_is_refused_and_not_kept(
        self, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tree.write({f"many/{number}": "" for number in range(200)})
        monkeypatch.setitem(Repository._ask.__kwdefaults__, "most_bytes", 1_000)
        with pytest.raises(SetupError, match=r"says more than 1,000 bytes.*\.gitignore"):
            tree.open().changes("HEAD")


class TestFiles:
    def test_files_are_read_as_they_were(self, tree: Tree) -> None:
        base = tree.commit({"prompts/data": bytes(range(256)), "prompts/empty": "", "other": "1"})
        tree.commit({"prompts/data": "changed", "prompts/new": "1"})
        read = tree.open().read_files(base, ["prompts", "golden/refund.yaml", "gone", "prompts/data"])
        assert read == Blobs(
            commit=base,
            files={
                "golden/refund.yaml": b"id: refund\n",
                "prompts/data": bytes(range(256)),
                "prompts/empty": b"",
                "prompts/support.md": LONG.encode(),
            },
            refused=(),
        )

    def test_the_whole_project_is_a_dot(self, tree: Tree) -> None:
        assert set(tree.open().read_files("main", ["."]).files) == {
            "drift.yaml",
            "prompts/support.md",
            "golden/refund.yaml",
        }
        assert set(tree.open("prompts").read_files("main", [".", "gone"]).files) == {"support.md"}
        assert tree.open().read_files("main", []).files == {}

    def test_a_project_in_a_folder_reads_its_own(self, tree: Tree) -> None:
        tree.commit({"apps/bot/drift.yaml": "inner\n", "apps/bot/prompts/a.md": "a\n"})
        read = tree.open("apps/bot").read_files("HEAD", ["drift.yaml", "./prompts/"])
        assert read.files == {"drift.yaml": b"inner\n", "prompts/a.md": b"a\n"}

    @pytest.mark.parametrize("path", ["../drift.yaml", "/etc/passwd", "a/../../b", "//x", "a\0b"])
    def test_a_path_that_leads_out_is_refused(self, tree: Tree, path: str) -> None:
        with pytest.raises(UsageError, match="leads out of the project"):
            tree.open("prompts").read_files("HEAD", [path])

    def test_a_path_is_a_name_and_no_pattern(self, tree: Tree) -> None:
        tree.commit({"*": "star", "a.md": "a"})
        assert tree.open().read_files("HEAD", ["*", ":/", "[a].md"]).files == {"*": b"star"}

    def test_links_and_submodules_are_named_and_not_followed(self, tree: Tree) -> None:
        (tree.root / "golden" / "link.yaml").symlink_to("/etc/passwd")
        (tree.root / "tools").symlink_to("prompts")
        tree.git("update-index", "--add", "--cacheinfo", f"160000,{tree.git('rev-parse', 'HEAD')},golden/lib")
        tree.git("add", "-A", "golden/link.yaml", "tools")
        tree.git("commit", "-q", "-m", "Links.")
        read = tree.open().read_files("HEAD", ["golden", "tools"])
        assert read.files == {"golden/refund.yaml": b"id: refund\n"}
        assert read.refused == ("golden/lib", "golden/link.yaml", "tools")

    def test_what_a_replacement_says_is_not_believed(self, tree: Tree) -> None:
        blob = tree.git("rev-parse", "HEAD:drift.yaml")
        tree.git("replace", blob, tree.blob(b"forged").decode())
        assert tree.open().read_files("HEAD", ["drift.yaml"]).files == {"drift.yaml": b"suites: {}\n"}

    def test_large_files_are_refused_before_they_are_read(
        self, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tree.commit({"golden/large.yaml": "x" * 2_000, "golden/larger.yaml": "x" * 3_000})
        monkeypatch.setattr(blobs, "MOST_FILE_BYTES", 1_999)
        with pytest.raises(DocumentError) as caught:
            tree.open().read_files("HEAD", ["."])
        assert [problem.file for problem in caught.value.problems] == [
            "golden/large.yaml",
            "golden/larger.yaml",
        ]
        assert "has 2,000 bytes" in caught.value.problems[0].message

    @pytest.mark.parametrize("limit", ["MOST_FILES", "MOST_TOTAL_BYTES"])
    def test_too_much_is_refused(self, tree: Tree, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
        monkeypatch.setattr(blobs, limit, 2)
        with pytest.raises(DocumentError, match=r"3 files of .* bytes are too many"):
            tree.open().read_files("HEAD", ["."])
        assert tree.open().read_files("HEAD", ["gone"]).files == {}

    def test_a_commit_that_is_not_there_is_named(self, tree: Tree) -> None:
        with pytest.raises(UsageError, match="git knows no commit 'eeeeee"):
            tree.open().read_files("e" * 40, ["."])

    def test_a_partial_clone_fetches_nothing_and_says_so(self, tree: Tree, tmp_path: Path) -> None:
        tree.git("config", "uploadpack.allowFilter", "true")
        tree.commit({"drift.yaml": "other\n"})
        clone = str(tmp_path / "clone")
        tree.git("clone", "-q", "--filter=blob:none", f"file://{tree.root}", clone)
        with pytest.raises(SetupError, match="clone again, as a whole"):
            open_repository(tmp_path / "clone").read_files("HEAD~1", ["drift.yaml"])

    def test_a_damaged_repository_is_no_answer(self, tree: Tree) -> None:
        blob = tree.git("rev-parse", "HEAD:drift.yaml")
        (tree.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
        with pytest.raises(SetupError, match="git cannot read the files of"):
            tree.open().read_files("HEAD", ["drift.yaml"])

    def test_thousands_of_files_take_two_processes_and_no_deadlock(self, tree: Tree) -> None:
        tree.commit({f"golden/{number:05}.yaml": f"id: {number}\n" * 40 for number in range(3_000)})
        read = tree.open().read_files("HEAD", ["golden"])
        assert len(read.files) == 3_001
        assert read.files["golden/02999.yaml"] == b"id: 2999\n" * 40


class TestExport:
    def test_files_land_in_a_private_folder(self, tree: Tree, tmp_path: Path) -> None:
        base = tree.commit({"run.sh": "#!/bin/sh\n"})
        (tree.root / "run.sh").chmod(0o755)
        base = tree.commit({"prompts/deep/a.md": "a\n"})
        tree.commit({"drift.yaml": "changed\n"})
        written = tree.open().export(base, ["."], tmp_path / "base")
        found = {
            path.relative_to(tmp_path / "base").as_posix(): path for path in (tmp_path / "base").rglob("*")
        }
        assert {name: path.read_bytes() for name, path in found.items() if path.is_file()} == written.files
        assert written.files["drift.yaml"] == b"suites: {}\n"
        assert (tmp_path / "base").stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in found.values()} == {0o600, 0o700}
        assert found["run.sh"].stat().st_mode & 0o777 == 0o600

    def test_an_empty_folder_becomes_private(self, tree: Tree, tmp_path: Path) -> None:
        (tmp_path / "base").mkdir(mode=0o755)
        tree.open("prompts").export("HEAD", ["support.md"], tmp_path / "base")
        assert (tmp_path / "base" / "support.md").read_text() == LONG
        assert (tmp_path / "base").stat().st_mode & 0o777 == 0o700

    def test_a_folder_in_use_or_behind_a_link_is_refused(self, tree: Tree, tmp_path: Path) -> None:
        (tmp_path / "used").mkdir()
        (tmp_path / "used" / "mine").write_text("mine")
        (tmp_path / "empty").mkdir()
        (tmp_path / "link").symlink_to("empty")
        for name in ("used", "link", "used/mine", "no/such/folder"):
            with pytest.raises(SetupError, match="cannot write"):
                tree.open().export("HEAD", ["."], tmp_path / name)
        assert list((tmp_path / "empty").iterdir()) == []

    @pytest.mark.parametrize(
        "name",
        [
            b"..",
            b".",
            b".git",
            b".GIT",
            b".git ",
            b".git.",
            b"git~1",
            b"GIT~2",
            b".g\xe2\x80\x8cit",
            b".git::$DATA",
            b"a\\b",
        ],
    )
    def test_a_name_that_leads_out_is_never_written(self, tree: Tree, tmp_path: Path, name: bytes) -> None:
        content = tree.blob(b"forged")
        inner = tree.git(
            "hash-object",
            "-w",
            "-t",
            "tree",
            "--literally",
            "--stdin",
            stdin=b"100644 x\0" + bytes.fromhex(content.decode()),
        )
        commit = tree.commit_entries(("100644", b"good", content), ("40000", name, inner.encode()))
        (tmp_path / "in").mkdir()
        written = tree.open().export(commit, ["."], tmp_path / "in" / "base")
        assert written.files == {"good": b"forged"}
        assert written.refused == (f"{os.fsdecode(name)}/x",)
        assert [path.name for path in (tmp_path / "in").rglob("*")] == ["base", "good"]

    def test_a_name_with_a_slash_is_never_written_outside(self, tree: Tree, tmp_path: Path) -> None:
        commit = tree.commit_entries(("100644", b"../../escaped", tree.blob(b"forged")))
        assert tree.open().export(commit, ["."], tmp_path / "base").refused == ("../../escaped",)
        assert not (tmp_path.parent / "escaped").exists()

    def test_two_entries_of_one_name_are_one_file(self, tree: Tree, tmp_path: Path) -> None:
        commit = tree.commit_entries(("100644", b"a", tree.blob(b"1")), ("100644", b"a", tree.blob(b"2")))
        assert tree.open().export(commit, ["."], tmp_path / "base").files == {"a": b"2"}

    def test_a_file_that_is_a_folder_as_well_is_refused(self, tree: Tree, tmp_path: Path) -> None:
        content = tree.blob(b"1")
        inner = tree.git(
            "hash-object",
            "-w",
            "-t",
            "tree",
            "--literally",
            "--stdin",
            stdin=b"100644 x\0" + bytes.fromhex(content.decode()),
        )
        commit = tree.commit_entries(("100644", b"a", content), ("40000", b"a", inner.encode()))
        with pytest.raises(SetupError, match="cannot write"):
            tree.open().export(commit, ["."], tmp_path / "base")


class TestHostileRepository:
    def test_no_program_runs_that_a_configuration_names(self, tree: Tree, tmp_path: Path) -> None:
        marker = tmp_path / "ran"
        script = tmp_path / "script"
        script.write_text(f"#!/bin/sh\ntouch {marker}\n")
        script.chmod(0o755)
        base = tree.commit({".gitattributes": "*.md diff=bad\n", "a.md": LONG})
        for name in (
            "diff.external",
            "diff.bad.textconv",
            "diff.bad.command",
            "core.fsmonitor",
            "core.pager",
            "core.sshCommand",
            "core.askPass",
            "core.editor",
        ):
            tree.git("config", name, str(script))
        tree.git("config", "core.hooksPath", str(tmp_path / "hooks"))
        (tmp_path / "hooks").mkdir()
        for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction", "post-checkout"):
            shutil.copy(script, tmp_path / "hooks" / hook)
            shutil.copy(script, tree.root / ".git" / "hooks" / hook)
        os.utime(tree.root / "drift.yaml", (1, 1))
        tree.write({"a.md": f"{LONG}More.\n", "new.md": "1\n"})
        marker.unlink(missing_ok=True)
        repository = tree.open()
        assert repository.changes(repository.merge_base("main"))
        repository.export(base, ["."], tmp_path / "base")
        assert git_output(tree.root, "status", "--porcelain")
        assert not marker.exists()

    def test_the_marker_would_have_been_seen(self, tree: Tree, tmp_path: Path) -> None:
        tree.git("config", "core.fsmonitor", f"touch {tmp_path / 'ran'};")
        tree.git("status")
        assert (tmp_path / "ran").exists()

    def test_a_repository_of_plain_files_is_not_taken_for_one(self, tree: Tree, tmp_path: Path) -> None:
        bare = tree.root / "golden" / "bare"
        tree.git("init", "-q", "--bare", str(bare))
        tree.git("-C", str(bare), "config", "core.fsmonitor", f"touch {tmp_path / 'ran'}")
        tree.git("-C", str(bare), "config", "core.worktree", str(tree.root))
        tree.git("-C", str(bare), "config", "core.bare", "false")
        with pytest.raises(SetupError, match="not in the work tree"):
            tree.open("golden/bare")
        assert tree.open().changes("HEAD")
        assert not (tmp_path / "ran").exists()

    def test_keys_are_not_handed_to_filters(
        self, tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MODEL_API_KEY", "a-key")
        tree.commit({".gitattributes": "*.md filter=own\n", "a.md": "1\n"})
        tree.git("config", "filter.own.clean", f"env > {tmp_path / 'environment'}; cat")
        tree.write({"a.md": "2\n"})
        assert tree.open().changes("HEAD") == (change("a.md", MODIFIED),)
        assert "MODEL_API_KEY" not in (tmp_path / "environment").read_text()

    def test_a_filter_that_hangs_is_stopped(self, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
        tree.commit({".gitattributes": "*.md filter=own\n", "a.md": "1\n"})
        tree.git("config", "filter.own.clean", "exec sleep 30")
        tree.write({"a.md": "2\n"})
        monkeypatch.setattr(program, "MOST_SECONDS", 0.3)
        start = time.monotonic()
        with pytest.raises(SetupError, match="git diff took over"):
            tree.open().changes("HEAD")
        assert time.monotonic() - start < 10


def test_who_works_here_is_what_git_says(tree: Tree) -> None:
    assert who(tree.root) == "unknown"
    tree.git("config", "user.name", "Grace")
    assert who(tree.root) == "Grace"
    tree.git("config", "user.email", "grace@example.test")
    assert who(tree.root) == "Grace <grace@example.test>"
    assert git_output(tree.root, "rev-parse", "HEAD") == tree.git("rev-parse", "HEAD")
    assert git_output(tree.root / "gone", "rev-parse", "HEAD") is None


def test_nothing_changed_is_known_at_once(tree: Tree) -> None:
    tree.commit({f"prompts/{number}.md": LONG for number in range(500)})
    program_text = (
        "import resource, sys; from pathlib import Path; from harness.edges.git import open_repository\n"
        f"repository = open_repository(Path({str(tree.root)!r}))\n"
        "assert repository.changes(repository.merge_base('topic')) == ()\n"
        "used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]\n"
        "print(sum(each.ru_utime + each.ru_stime for each in used))"
    )
    done = subprocess.run([sys.executable, "-c", program_text], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.6, "CPU seconds, Python's start included"
