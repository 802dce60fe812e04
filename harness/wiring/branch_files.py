"""What a branch brings beside tasks and prompts, and what nothing tonight can prove: refused, with what to do instead."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath, PurePosixPath

from harness.core.batch import Baseline
from harness.core.config import Config
from harness.core.golden.affected import concerns
from harness.edges.git import open_repository
from harness.edges.providers import provider_name
from harness.errors import UntrustedChange, one_line
from harness.ports import BaselineStore

WHERE_TRUSTED = "where the head is trusted, add --trust-head"
_MOST_NAMED = 5
"""Files, in one message."""
_MOST_LINKS = 40
"""On the way to one file; a system follows no more."""
_POINTER = b"version https://git-lfs.github.com/spec/"
"""How a file begins that Git LFS has not fetched."""


def some(paths: Sequence[str]) -> str:
    """Name the first of several paths, and say how many more there are."""
    more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    return f"{', '.join(map(one_line, paths[:_MOST_NAMED]))}{more}"


def owners_of(config: Config, targets: Iterable[str]) -> tuple[str, ...]:
    """Name the targets whose baselines these are held against."""
    known = [config.targets[name].baseline_of or name for name in targets if name in config.targets]
    return tuple(dict.fromkeys(known))


def refuse_hidden_places(root: Path, places: Sequence[str]) -> None:
    """Refuse a link or a submodule at, above or below the folders that a check reads. Raises UsageError.

    The merge base would hold nothing there that the next pull request could be compared with.
    """
    places = [place for place in places if PurePosixPath(place).parts]
    found = open_repository(root).links_about(places)
    if found:
        raise UntrustedChange(
            f"{some(found)} is a link or a submodule where {' or '.join(map(one_line, places))} is read, so what it "
            f"holds is no part of the pull request: keep plain files there; {WHERE_TRUSTED}"
        )


def refuse_pointers(root: Path, paths: Sequence[str]) -> None:
    """Refuse files, as seen from the root, of which Git LFS has only left the pointer. Raises UsageError."""
    found = [path for path in paths if _is_pointer(root / path)]
    if found:
        raise UntrustedChange(
            f"{some(found)} is a pointer of Git LFS and not the file itself, so another text would be tested than is "
            "meant: fetch it with git lfs pull (lfs: true for actions/checkout)"
        )


def refuse_unasked_pasts(changed: Sequence[str], suite: str, owners: Sequence[str]) -> None:
    """Refuse baselines of targets that this check holds nothing against. Raises UsageError."""
    parts = [PurePosixPath(path).parts for path in changed]
    names = {inner[2] for inner in parts if len(inner) > 3 and inner[:2] == ("baselines", suite)}
    found = [f"baselines/{suite}/{name}" for name in sorted(names - {*owners})]
    if found:
        raise UntrustedChange(
            f"{some(found)} changed, and this check does not ask that target, so nothing tonight can prove it: "
            f"calibrate and check that target (--target); {WHERE_TRUSTED}"
        )


def changed_recordings(
    root: Path, config: Config, targets: Iterable[str], changed: Sequence[str]
) -> tuple[str, ...]:
    """Return the changed paths that say what recorded targets, or the judge, answer."""
    names = [*targets, *([config.judge.target] if config.judge is not None else ())]
    places = {
        place
        for name in dict.fromkeys(names)
        if name in config.targets and provider_name(config.targets[name]) == "recorded"
        for place in _way_to(root, config.targets[name].options.get("path") or _rest(config, name))
    }
    return tuple(path for path in changed if any(concerns(path, place) for place in places))


def refuse_recordings(found: Sequence[str]) -> None:
    """Refuse answers that came with the branch. Raises UsageError."""
    if found:
        raise UntrustedChange(
            f"{some(found)} changed, which a target or the judge answers from: the branch would say what is answered; "
            f"take it back; {WHERE_TRUSTED}"
        )


def refuse_other_encoder(
    changed: Sequence[str],
    suite: str,
    owners: Sequence[str],
    *,
    before: BaselineStore,
    now: BaselineStore,
    encoder: str,
) -> None:
    """Refuse a baseline that says another encoder measured it, where none did. Raises UsageError, DamagedRecord.

    Golden tasks are all measured by one `encoder`, and the same answers by the one that they were measured by.
    """
    for owner in owners:
        place = f"baselines/{suite}/{owner}"
        if not any(concerns(path, place) for path in changed):
            continue
        old, new = before.load(suite, owner), now.load(suite, owner)
        if old is None or new is None or old.encoder == new.encoder:
            continue
        if new.encoder != encoder or _samples_of(old) == _samples_of(new):
            raise UntrustedChange(
                f"{place}/identity.json names another encoder, which measured none of its answers: take it "
                f"back; {WHERE_TRUSTED}"
            )


def _samples_of(baseline: Baseline) -> dict[str, object]:
    return {case_id: case.samples for case_id, case in baseline.cases.items()}


def _rest(config: Config, name: str) -> str:
    return config.targets[name].model.partition("/")[2]


def _is_pointer(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(_POINTER)) == _POINTER
    except (OSError, ValueError):  # loading the suite says so
        return False


def _way_to(root: Path, named: object) -> Iterator[str]:
    """Yield a file as seen from the root, and every link that is followed on the way to it."""
    if not isinstance(named, str) or "\0" in named:  # the provider says so
        return
    place, ahead, links = root, list(reversed(PurePath(named).parts)), 0
    while ahead and links <= _MOST_LINKS:
        part = ahead.pop()
        place = place.parent if part == ".." else place / part
        try:
            onward = place.readlink().parts if place.is_symlink() else None
        except OSError:  # a name no system takes
            return
        if onward is not None:
            if place.is_relative_to(root):
                yield place.relative_to(root).as_posix()
            place, links = place.parent, links + 1
            ahead.extend(reversed(onward))
    if place.is_relative_to(root):
        yield place.relative_to(root).as_posix()
