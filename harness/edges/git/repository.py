"""A repository as a project sees it: where a branch started, what changed since, what stood there before.

Paths are relative to the project's folder, which may be any folder of the repository, and have `/` between
their parts. They are the bytes that git holds, read as UTF-8 with `surrogateescape`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from harness.edges.git.blobs import Blobs, read_blobs, write_blobs
from harness.edges.git.changes import ChangeKind, FileChange, decoded, raw_changes
from harness.edges.git.program import MOST_BYTES, Reply, ask_git
from harness.errors import GitFailed, SetupError, UnknownCommit, one_line

_MOST_RENAMES = 200
"""Deleted and added files, each; with more of them, only files of equal content count as renamed."""
_MOST_INDEX_BYTES = 256_000_000
"""Of the names of every file that git tracks: some millions."""
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
_NAMED_SO = ("refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD")
"""What a short name may stand for; git takes the first that there is."""
_SUFFIX = re.compile(r"[~^:]|@\{|\.\.")
ATTRIBUTES = ".gitattributes"
_LEADING = frozenset({"120000", "160000"})
"""Modes of links and submodules."""
_CONVERTING = ("working-tree-encoding", "ident")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository, seen from a project's folder in its work tree."""

    root: Path
    """Of the work tree."""
    project: Path
    shallow: bool
    """The history is cut off, as `git clone --depth` leaves it."""

    @property
    def prefix(self) -> str:
        """The project's folder within the repository: empty, or ending in `/`."""
        inner = self.project.relative_to(self.root).as_posix()
        return "" if inner == "." else f"{inner}/"

    def commit(self, ref: str) -> str:
        """Return the full id of the commit that `ref` names. Raises UsageError for a ref that git does not know."""
        _refuse_option(ref)
        said = self._ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        found = _commit_in(said)
        if found is not None:
            return found
        if ref == "HEAD":
            raise UnknownCommit(f"{self.root} has no commit yet; commit what there is")
        fetch = (
            "git fetch --unshallow origin, or fetch-depth: 0 in CI" if self.shallow else "git fetch origin"
        )
        raise UnknownCommit(
            f"git knows no commit '{one_line(ref)}' in {self.root}; check its name, or fetch it: {fetch}"
        )

    def merge_base(self, ref: str, head: str = "HEAD") -> str:
        """Return the full id of the commit where `head` and `ref` part.

        Raises UsageError for a ref that git does not know, that has two meanings, that shares no commit or several
        (of which whoever dates a commit would choose one), SetupError where the clone is too shallow to tell.
        """
        _refuse_option(ref)
        _refuse_option(head)
        self._refuse_ambiguous(ref)
        said = self._ask("merge-base", "--all", "--end-of-options", ref, head)
        found = said.out.decode("ascii", "replace").split()
        if said.code == 0 and len(found) == 1 and _COMMIT.fullmatch(found[0]):
            return found[0]
        self.commit(ref)
        self.commit(head)
        shown = f"'{one_line(ref)}' and '{one_line(head)}'"
        if len(found) > 1:
            raise UnknownCommit(
                f"{shown} part at {len(found)} commits, for each was merged into the other: "
                f"merge {one_line(ref)} into the branch, or rebase it"
            )
        if said.code != 1:
            raise _failed("merge-base", said)
        if self.shallow:
            raise GitFailed(
                f"where {shown} part is not in this shallow clone; "
                "run git fetch --unshallow origin, or set fetch-depth: 0 in CI"
            )
        raise UnknownCommit(f"{shown} share no commit; name the branch that this one started from")

    def changes(self, base: str) -> tuple[FileChange, ...]:
        """Return how the project's files differ from the commit `base`, sorted by path.

        The files as they lie in the work tree, staged or not. One that git neither tracks nor ignores was added,
        even where it was moved from somewhere else. Raises UsageError for a base that git does not know.
        """
        commit = self._full(base)
        options = ("--no-color", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty", "-M50%")
        place = self._pathspec("")
        said = self._ask("diff", "--raw", "-z", f"-l{_MOST_RENAMES}", *options, commit, "--", *place)
        if said.code != 0:
            self.commit(base)
            raise _failed("diff", said)
        others = self._ask("ls-files", "--others", "--exclude-standard", "-z", "--", *place)
        if others.code != 0:
            raise _failed("ls-files", others)
        found = {change.path: change for change in map(self._from_project, raw_changes(said.out))}
        for name in others.out.split(b"\0")[:-1]:
            path = decoded(name).removeprefix(self.prefix).removesuffix("/")  # a repository within this one
            if path in found:  # out of the index, and still there
                found[path] = FileChange(path=path, before=path, kind=ChangeKind.MODIFIED)
            else:
                found[path] = FileChange(path=path, before=None, kind=ChangeKind.ADDED)
        return tuple(found[path] for path in sorted(found))

    def attributes_changed_above(self, base: str) -> bool:
        """Say whether git's attributes differ from the commit `base` in any folder above the project's.

        They say how the project's files are checked out. Raises UsageError for a base that git does not know.
        """
        above = [folder / ATTRIBUTES for folder in PurePosixPath(self.prefix).parents] if self.prefix else []
        if not above:
            return False
        whole = replace(self, project=self.root)
        names = [path.as_posix() for path in above]
        commit = self._full(base)
        said = self._ask("diff", "--raw", "-z", "--no-color", "--no-ext-diff", commit, "--", *names)
        if said.code != 0:
            self.commit(base)
            raise _failed("diff", said)
        before = whole.read_files(commit, names).files
        return bool(said.out) or any((self.root / name).exists() and name not in before for name in names)

    def untracked(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return those of `paths`, in their order, that are no file of the project that git tracks."""
        said = self._ask(
            "ls-files", "--cached", "-z", "--", *self._pathspec(""), most_bytes=_MOST_INDEX_BYTES
        )
        if said.code != 0:
            raise _failed("ls-files", said)
        tracked = {decoded(name).removeprefix(self.prefix) for name in said.out.split(b"\0")}
        return tuple(path for path in paths if path not in tracked)

    def tracks_below(self, path: str) -> bool:
        """Say whether git tracks any file at or below a path of the project, or a link or submodule on the way to it."""
        return bool(self._staged_about((path,)))

    def links_about(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Return the links and submodules that git tracks at, above or below `paths` of the project, sorted."""
        staged = self._staged_about(paths)
        return tuple(
            sorted(path.removeprefix(self.prefix) for path, mode in staged.items() if mode in _LEADING)
        )

    def converted(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Return those of `paths` of which a checkout holds other letters than git does."""
        names = "".join(f"{self.prefix}{path}\0" for path in paths).encode("utf-8", "surrogateescape")
        if not names:
            return ()
        said = self._ask(
            "check-attr", "-z", "--stdin", *_CONVERTING, lines=names, most_bytes=_MOST_INDEX_BYTES
        )
        if said.code != 0:
            raise _failed("check-attr", said)
        fields = decoded(said.out).split("\0")[:-1]
        found = {
            path.removeprefix(self.prefix)
            for path, _, value in zip(fields[::3], fields[1::3], fields[2::3], strict=True)
            if value not in ("unspecified", "unset")
        }
        return tuple(path for path in paths if path in found)

    def is_submodule(self) -> bool:
        """Say whether another repository holds this one as a submodule."""
        said = self._ask("rev-parse", "--show-superproject-working-tree")
        return said.code != 0 or bool(said.out.strip())

    def read_files(self, commit: str, paths: Iterable[str]) -> Blobs:
        """Return the files at or below `paths` at a commit; a path that is not there gives none.

        `.` is the whole project. Raises UsageError for a commit that git does not know and for a path out of
        the project, DocumentError for more or larger files than are read, SetupError for content that this
        clone has not got.
        """
        named = [self._pathspec(path) for path in paths]
        full = self._full(commit)
        if not named:
            return Blobs(commit=full, files={}, refused=())
        wanted = () if () in named else tuple(dict.fromkeys(path for paths in named for path in paths))
        try:
            return read_blobs(self.root, full, wanted, prefix=self.prefix)
        except SetupError:
            self.commit(commit)  # which may be what is wrong
            raise

    def export(self, commit: str, paths: Iterable[str], into: Path) -> Blobs:
        """Write the files at or below `paths` at a commit below `into`, a new or an empty folder, and return them.

        Raises like `read_files`, and SetupError where they cannot be written.
        """
        blobs = self.read_files(commit, paths)
        write_blobs(blobs, into)
        return blobs

    def _refuse_ambiguous(self, ref: str) -> None:
        """Refuse a short name that a tag and a branch share: whoever adds one of them would choose the commit."""
        name = _SUFFIX.split(ref, maxsplit=1)[0]
        if name in ("", "HEAD") or name.startswith("refs/"):
            return
        possible = [pattern.format(name) for pattern in _NAMED_SO]
        said = self._ask("for-each-ref", "--format=%(refname)", "--", *possible)
        found = [full for full in possible if full in decoded(said.out).split("\n")]
        if len(found) > 1:
            raise UnknownCommit(
                f"'{one_line(ref)}' may be {' or '.join(map(one_line, found))}; write the one that is meant, in full"
            )

    def _staged_about(self, paths: Sequence[str]) -> dict[str, str]:
        """Return the modes of what git tracks at, above or below `paths`, by the repository's names."""
        places = [place for path in paths for place in self._pathspec(path)]
        above = {str(folder) for place in places for folder in PurePosixPath(place).parents} - {"."}
        wanted = dict.fromkeys([*places, *sorted(above)])
        said = self._ask("ls-files", "--stage", "-z", "--", *wanted, most_bytes=_MOST_INDEX_BYTES)
        if said.code != 0:
            raise _failed("ls-files", said)
        lines = (line.partition(b"\t") for line in said.out.split(b"\0")[:-1])
        found = {decoded(name): about[:6].decode("ascii") for about, _, name in lines}
        below = tuple(f"{place.removesuffix('/')}/" for place in places) or ("",)
        return {name: mode for name, mode in found.items() if name in above or f"{name}/".startswith(below)}

    def _ask(self, *arguments: str, lines: bytes = b"", most_bytes: int = MOST_BYTES) -> Reply:
        return ask_git(self.root, *arguments, lines=lines, most_bytes=most_bytes)

    def _full(self, commit: str) -> str:
        return commit if _COMMIT.fullmatch(commit) else self.commit(commit)

    def _pathspec(self, path: str) -> tuple[str, ...]:
        """Return a path of the project as one of the repository; nothing for the repository as a whole."""
        inner = PurePosixPath(path)
        if inner.is_absolute() or ".." in inner.parts or "\0" in path:
            raise UnknownCommit(
                f"'{one_line(path)}' leads out of the project; name a path below {self.project}"
            )
        whole = f"{self.prefix}{inner}" if inner.parts else self.prefix
        return (whole,) if whole else ()

    def _from_project(self, change: FileChange) -> FileChange:
        before = None if change.before is None else change.before.removeprefix(self.prefix)
        return replace(change, path=change.path.removeprefix(self.prefix), before=before)


def open_repository(folder: Path) -> Repository:
    """Open the repository that `folder` lies in. Raises SetupError where there is none, or no git."""
    try:
        project = folder.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name no system takes
        raise GitFailed(f"{folder} is not there, or leads nowhere") from error
    said = ask_git(project, "rev-parse", "--is-inside-work-tree", "--is-shallow-repository", "--show-cdup")
    inside, shallow, up, *_ = (*decoded(said.out).split("\n"), "", "", "")
    if said.code != 0 or inside != "true":
        why = f" ({said.err})" if said.err else ""
        raise GitFailed(f"{project} is not in the work tree of a git repository{why}; git init makes one")
    return Repository(root=(project / up).resolve(), project=project, shallow=shallow == "true")


def _refuse_option(ref: str) -> None:
    if not ref or ref.startswith("-") or not ref.isprintable():
        raise UnknownCommit(f"'{one_line(ref)}' names no commit; name a branch, a tag or a commit id")


def _commit_in(said: Reply) -> str | None:
    found = said.out.decode("ascii", "replace").strip()
    return found if said.code == 0 and _COMMIT.fullmatch(found) else None


def _failed(command: str, said: Reply) -> SetupError:
    return GitFailed(
        f"git {command} failed ({said.err or f'exit code {said.code}'}); run it by hand to see why"
    )
