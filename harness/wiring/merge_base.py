"""A project as its merge base has it, read from git's own objects: nothing of a pull request's checkout is in it."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from harness.core.batch import Baseline
from harness.core.golden.affected import Changed
from harness.core.suite import Suite
from harness.edges.files.named_files import files_named_in
from harness.edges.files.project import Project, config_path, find_config, load_project
from harness.edges.files.suites import case_files, load_suite
from harness.edges.git import Blobs, ChangeKind, Repository, open_repository
from harness.edges.git.blobs import write_blobs
from harness.edges.git.repository import ATTRIBUTES
from harness.edges.stores.baselines import FileBaselineStore
from harness.errors import DamagedRecord, DocumentError, UntrustedChange, one_line
from harness.ports import BaselineStore
from harness.wiring.branch_files import WHERE_TRUSTED, refuse_pointers, some


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two states of a project, and what differs."""

    root: Path
    """Of the project."""
    config: str
    """The configuration, as seen from the root."""
    commit: str
    """The merge base."""
    changed: Changed
    rewritten: bool
    """Git's own attributes changed: what a file holds differs, while git calls it the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a pull request brings, where somebody trusts it."""

    project: Project
    baselines: BaselineStore


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeBase:
    """What a pull request is compared with."""

    ref: str
    commit: str
    changed: Changed
    project: Project
    suite: Suite | None
    """None where the merge base does not have the suite."""
    baselines: BaselineStore


def compare_since(folder: Path, named_folder: Path, named_config: Path | None, ref: str) -> Comparison:
    """Compare the project that a command works on with its merge base.

    Both are read in the repository that `named_folder` lies in, or the folder of the configuration where one is
    named: no link, no submodule and no other `drift.yaml` may put another project in its place. Raises
    UsageError, SetupError.
    """
    _refuse_links(named_folder)
    if named_config is not None:
        _refuse_links(named_folder / named_config)
    found = folder / named_config if named_config is not None else find_config(folder)
    _refuse_links(found)
    config = config_path(folder, named_config)
    start = folder if named_config is None else config.parent
    repository = open_repository(start)
    if repository.is_submodule():
        raise UntrustedChange(
            f"{repository.root} is a submodule, and its own history says nothing of the pull request; "
            f"keep {config.name} in the repository that is checked"
        )
    if not config.is_relative_to(repository.root):
        raise UntrustedChange(
            f"{config} is outside of the repository {repository.root}; run drift in the project's folder"
        )
    commit = repository.merge_base(ref)
    _refuse_another_place(repository, commit, start, config)
    own = open_repository(config.parent)
    paths: set[str] = set()
    gone: set[str] = set()
    for change in own.changes(commit):
        paths.add(change.path)
        if change.before is not None:
            paths.add(change.before)
        if change.kind is ChangeKind.DELETED:
            gone.add(change.path)
        elif change.before not in (None, change.path):
            gone.add(str(change.before))
    # What became a link or a submodule is only out of sight here.
    gone = {
        path
        for path in gone
        if not (own.project / path).exists() and paths.isdisjoint(map(str, PurePosixPath(path).parents))
    }
    rewritten = any(path.rpartition("/")[2] == ATTRIBUTES for path in paths)
    return Comparison(
        root=own.project,
        config=config.name,
        commit=commit,
        changed=Changed(paths=tuple(sorted(paths)), gone=frozenset(gone)),
        rewritten=rewritten or own.attributes_changed_above(commit),
    )


def refuse_run_of_branch(comparison: Comparison, folder: Path) -> None:
    """Refuse to go on with a run that came with the branch: its answers are the author's. Raises UsageError."""
    place = folder.resolve()
    if not place.is_relative_to(comparison.root):
        return
    inner = place.relative_to(comparison.root).as_posix()
    if open_repository(comparison.root).tracks_below(inner):
        raise UntrustedChange(
            f"{one_line(inner)} is a run that git tracks, so it may have come with the pull request: start a new run; "
            f"{WHERE_TRUSTED}"
        )


def refuse_foreign_files(comparison: Comparison, cases: Sequence[str], named: Sequence[str]) -> None:
    """Refuse tasks that name files, as seen from the project's root, which git does not track, converts or has not fetched.

    What else lies in the checkout was put there by somebody else, and a task would send it to a model and
    into the report. And what is tested has to be what is merged. Raises UsageError.
    """
    refuse_pointers(comparison.root, (*cases, *named))
    repository = open_repository(comparison.root)
    converted = repository.converted((*cases, *named))
    if converted:
        raise UntrustedChange(
            f"git attributes (working-tree-encoding, ident) make {some(converted)} another text here than in the "
            f"repository, so another one would be tested than is merged: take them out; {WHERE_TRUSTED}"
        )
    found = repository.untracked(named)
    if found:
        raise UntrustedChange(
            f"a task names {some(found)}, which git does not track, so it "
            f"is no part of the pull request: run git add where it belongs to it; {WHERE_TRUSTED}"
        )


@contextmanager
def open_merge_base(
    comparison: Comparison, ref: str, suite: str, *, trusted: Head | None
) -> Iterator[MergeBase]:
    """Write the merge base's side of a suite into a private folder for as long as it is needed.

    What is damaged or not there yet is read from a head that is trusted, or refused. Raises UsageError where the
    merge base has no configuration, DocumentError for what cannot be read there.
    """
    repository, commit = open_repository(comparison.root), comparison.commit
    with TemporaryDirectory(prefix="drift-") as made:
        place = Path(made)
        found = dict(repository.read_files(commit, [comparison.config]).files)
        if comparison.config in found:
            project = load_project(_written(place / "config", commit, found), Path(comparison.config))
        elif trusted is not None:
            project = trusted.project
        else:
            raise UntrustedChange(
                f"the merge base with {ref} has no {comparison.config}, so nothing says which models may be asked; "
                f"{WHERE_TRUSTED}"
            )
        spec = project.config.suites.get(suite)
        if spec is not None:
            found |= repository.read_files(commit, [spec.path, f"baselines/{suite}"]).files
            tasks = _written(place / "tasks", commit, found)
            found |= repository.read_files(commit, _named_by(tasks / spec.path, tasks)).files
        root = _written(place / "project", commit, found)
        has_suite = spec is not None and (root / spec.path).is_dir()
        yield MergeBase(
            ref=ref,
            commit=commit,
            changed=comparison.changed,
            project=project,
            suite=_suite_there(suite, spec.path, root, trusted) if spec is not None and has_suite else None,
            baselines=_BaselinesThere(
                FileBaselineStore(root / "baselines", lock=place / "baselines.lock", redact=str),
                root=root,
                commit=commit,
                instead=trusted.baselines if trusted is not None else None,
            ),
        )


def _suite_there(name: str, path: str, root: Path, trusted: Head | None) -> Suite | None:
    """Load the merge base's suite; one that cannot be read is none, where the head is trusted to mend it."""
    try:
        return load_suite(name, root / path, root=root)
    except DocumentError as error:
        if trusted is not None:
            return None
        message = f"as the merge base has it, {{}}; {WHERE_TRUSTED} in the pull request that mends it"
        problems = (replace(one, message=message.format(one.message)) for one in error.problems)
        raise DocumentError(tuple(problems)) from error


def _named_by(folder: Path, root: Path) -> tuple[str, ...]:
    return files_named_in(case_files(folder, root=root), root=root)


def _written(folder: Path, commit: str, files: dict[str, bytes]) -> Path:
    write_blobs(Blobs(commit=commit, files=files, refused=()), folder)
    return folder


@dataclass(frozen=True, slots=True)
class _BaselinesThere:
    """The merge base's baselines, for reading."""

    store: FileBaselineStore
    _: KW_ONLY
    root: Path
    commit: str
    instead: BaselineStore | None

    def names(self) -> tuple[tuple[str, str], ...]:
        return self.store.names()

    def load(self, suite: str, target: str) -> Baseline | None:
        try:
            return self.store.load(suite, target)
        except DamagedRecord as error:
            if self.instead is not None:
                return self.instead.load(suite, target)
            said = str(error).replace(f"{self.root}/", "").partition("; ")[0]
            raise DamagedRecord(
                f"at the merge base {self.commit[:12]}, {said}: nothing can be held against it; repair "
                f"baselines/{suite}/{target} in a pull request, which somebody who trusts it checks against the "
                "baseline that it brings, with --trust-head"
            ) from error

    def save(self, baseline: Baseline) -> bool:
        return self.store.save(baseline)

    def locked(self) -> AbstractContextManager[None]:
        return self.store.locked()


def _refuse_links(place: Path) -> None:
    """Refuse a link in a repository on the way to `place`: it would say which project is checked."""
    for step in (place, *place.parents):
        try:
            linked = step.is_symlink()
            holder = step.parent.resolve() if linked else step.parent
        except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name no system takes
            raise UntrustedChange(f"{one_line(str(step))} leads nowhere") from error
        if linked and any((folder / ".git").exists() for folder in (holder, *holder.parents)):
            raise UntrustedChange(
                f"{one_line(str(step))} is a link, which would choose the project that is checked; put the file or "
                "folder itself in its place, or name the place it leads to"
            )


def _refuse_another_place(repository: Repository, commit: str, start: Path, config: Path) -> None:
    """Refuse a configuration that is not the one that the merge base would be checked with."""
    whole = replace(repository, project=repository.root)
    place = config.relative_to(repository.root).as_posix()
    inner = start.relative_to(repository.root)
    folders = (inner, *inner.parents)
    nearest = [(folder / config.name).as_posix() for folder in folders]
    there = whole.read_files(commit, nearest)
    kept = next((path for path in nearest if path in there.files or path in there.refused), None)
    if kept is not None and kept != place:
        raise UntrustedChange(
            f"the merge base keeps its {config.name} at {one_line(kept)}, and the head at {one_line(place)}: another "
            f"project would be checked; keep it there, or name the one that is meant with --config"
        )
