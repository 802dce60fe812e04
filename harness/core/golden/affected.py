"""Which tasks a pull request has to do with. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from harness.core.canonical import canonical_json
from harness.core.suite import Case, Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Repointed:
    """A task that names another prompt file now, while the one that it was about is still there."""

    case: str
    before: str
    now: str | None
    """None where the task names no prompt file any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """What a pull request's changes mean for a suite."""

    cases: tuple[Case, ...]
    """The head's tasks that have to be asked."""
    base_cases: tuple[Case, ...]
    """The same tasks as the merge base has them."""
    deleted: tuple[str, ...]
    files: tuple[str, ...]
    """The changed files that have to do with the suite."""
    untouched: int
    """Tasks that need not be asked."""
    repointed: tuple[Repointed, ...]
    """Tasks that would leave a change of their prompt file untested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Where a suite's files are, as seen from the project's root."""

    suite: str
    """Folder of the tasks."""
    baselines: str
    """Folder of the suite's baselines."""
    globs: tuple[str, ...]
    """Further files whose change runs every task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The files that differ from the merge base, as seen from the project's root."""

    paths: tuple[str, ...]
    """By the names they have and had, sorted."""
    gone: AbstractSet[str] = frozenset()
    """Those of them that the head no longer has."""


def concerns(path: str, place: str) -> bool:
    """Say whether a changed path is a file or folder, below it, or a link or submodule on the way to it."""
    return place == "." or f"{path}/".startswith(f"{place}/") or place.startswith(f"{path}/")


def is_named_by(path: str, glob: str) -> bool:
    """Say whether a glob names a path, or a folder that it is in."""
    return fnmatchcase(path, glob) or fnmatchcase(path, f"{glob}/*")


def affected_by(
    changed: Changed, head: Suite, base: Suite | None, watched: Watched, *, everything: bool = False
) -> Affected:
    """Sort the head's tasks into those that a change of `paths` has to do with and the others.

    A task is compared with what the merge base has, with its prompt file, tools and schema in it: a comment or a
    file's new name changes nothing, unless the old one is still there with other content. A changed baseline runs
    its tasks, and what the globs name runs all, as does `everything`.
    """
    before = {case.id: case for case in base.cases} if base is not None else {}
    now_named, once_named = _prompts_of(head.cases), _prompts_of(before.values())
    suite = [path for path in changed.paths if concerns(path, watched.suite)]
    baselines = [path for path in changed.paths if concerns(path, watched.baselines)]
    others = [
        path
        for path in changed.paths
        if path not in suite
        and not _is_prompt(path, now_named)
        # What only the merge base's tasks name is compared with nothing, where it is still there.
        and not (_is_prompt(path, once_named) and path in changed.gone)
        and any(is_named_by(path, glob) for glob in watched.globs)
    ]
    prompts = [path for path in changed.paths if _is_prompt(path, now_named | once_named)]
    repointed = tuple(_repointed(head.cases, before, changed.gone))
    strays = {one.case for one in repointed}
    accepted = {_stem(path) for path in baselines}
    everything = (
        everything or bool(others) or (bool(baselines) and not accepted & {case.id for case in head.cases})
    )
    chosen = tuple(
        case
        for case in head.cases
        if everything or case.id in accepted or case.id in strays or not _same(case, before.get(case.id))
    )
    return Affected(
        cases=chosen,
        base_cases=tuple(before[case.id] for case in chosen if case.id in before),
        deleted=tuple(sorted(before.keys() - {case.id for case in head.cases})),
        files=tuple(sorted({*suite, *prompts, *baselines, *others})),
        untouched=len(head.cases) - len(chosen),
        repointed=repointed,
    )


def _repointed(
    cases: Iterable[Case], before: Mapping[str, Case], gone: AbstractSet[str]
) -> Iterator[Repointed]:
    for case in cases:
        was, now = _prompt_of(before.get(case.id)), _prompt_of(case)
        if was is not None and was != now and was not in gone:
            yield Repointed(case=case.id, before=was, now=now)


def _prompts_of(cases: Iterable[Case]) -> frozenset[str]:
    return frozenset(path for path in map(_prompt_of, cases) if path is not None)


def _prompt_of(case: Case | None) -> str | None:
    """Return where a task's prompt file is, as git spells it."""
    return None if case is None or case.prompt is None else PurePosixPath(case.prompt.path).as_posix()


def _is_prompt(path: str, named: AbstractSet[str]) -> bool:
    return path in named or any(name.startswith(f"{path}/") for name in named)


def _same(case: Case, before: Case | None) -> bool:
    """Compare tasks as they are written: 9 is not 9.0 to a model, and true is not 1."""
    return before is not None and _written(case) == _written(before)


def _written(case: Case) -> str:
    """Serialise a task whose prompt file has no name: where it lies changes no answer. The order of keys may."""
    fields = case.model_dump(mode="json")
    if case.prompt is not None:
        fields["prompt"] = {**fields["prompt"], "path": ""}
    return canonical_json([json.dumps(fields), case.question, case.ruler])


def _stem(path: str) -> str:
    """Return the task that a baseline file is of, or what it is called otherwise."""
    return path.rpartition("/")[2].removesuffix(".jsonl")
