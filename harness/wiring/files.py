"""Files that people write, and files written for them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core.judging.agreement import Label
from harness.core.judging.family import kin_of_judge
from harness.core.policy import Policy
from harness.edges.files import labels
from harness.edges.files.project import config_path, load_project
from harness.edges.files.schemas import SCHEMAS, json_schema
from harness.edges.files.secrets import looks_like_secret
from harness.edges.files.strict_yaml import read_yaml
from harness.edges.files.suites import load_case, load_suite
from harness.edges.files.validation import build
from harness.edges.stores.atomic import write_whole
from harness.edges.stores.safe_paths import first_link, work_tree
from harness.errors import DocumentError, Problem, UnknownName, UsageError
from harness.registry import did_you_mean


def read_policy(folder: Path, path: Path) -> Policy:
    """Read a policy file, named as seen from `folder`. Raises DocumentError."""
    resolved = _resolved(folder, path)
    root = folder if resolved.is_relative_to(folder.resolve()) else Path(resolved.anchor)
    return build(read_yaml(resolved, root=root), Policy)


def read_labels(folder: Path, path: Path) -> tuple[Label, ...]:
    """Read people's labels for a judge, in a file named as seen from `folder`. Raises DocumentError, UsageError."""
    resolved = _resolved(folder, path)
    root = folder if resolved.is_relative_to(folder.resolve()) else Path(resolved.anchor)
    return labels.read_labels(resolved, root=root)


def warnings(folder: Path, config: Path | None) -> tuple[str, ...]:
    """Say what is right and yet unwise in a configuration without errors."""
    project = load_project(folder, config)
    judge = project.config.judge
    if judge is None:
        return ()
    judged = {name for suite in project.config.suites.values() for name in suite.targets}
    targets = {name: target for name, target in project.config.targets.items() if name in judged}
    model = project.config.targets[judge.target].model
    return tuple(
        f"the judge '{judge.target}' ({model}) and the target '{name}' ({targets[name].model}) are of one family: "
        "judges score their own kin too well; name a judge of another family"
        for name in kin_of_judge(project.config.targets[judge.target], targets)
    )


def schema_kinds() -> tuple[str, ...]:
    """List the kinds of file that have a JSON Schema."""
    return tuple(SCHEMAS)


def schema_text(kind: str) -> str:
    """Return the JSON Schema of one kind of file. Raises UsageError."""
    if kind not in SCHEMAS:
        raise UnknownName(f"unknown schema '{kind}'{did_you_mean(kind, schema_kinds())}")
    return json.dumps(json_schema(kind), indent=1, ensure_ascii=False) + "\n"


def write_file(path: Path, text: str) -> None:
    """Write a file whole, its folder included. Raises UsageError where a folder of its path is a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{error.filename} is not a folder, so {path} cannot be written") from error
    write_whole(path, text.encode("utf-8", "replace"))


def output_folder(folder: Path, named: Path) -> Path:
    """Return the folder to write into, named as seen from `folder`.

    Raises UsageError for a file, and where a link of the work tree is on the way: a branch chose where it leads.
    """
    place = folder / named
    try:
        link = first_link(work_tree(folder), Path.cwd() / place)
        is_file = place.exists() and not place.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name no system takes
        raise UsageError(f"--out {place} leads nowhere; name a folder") from error
    if link is not None:
        raise UsageError(f"--out {link}: is a link of the work tree; delete it, or name a folder elsewhere")
    if is_file:
        raise UsageError(f"--out {place} is a file; name a folder")
    return place


def append_text(path: Path, text: str) -> None:
    """Add to the end of a file that a runner named. Raises OSError."""
    with path.open("a", encoding="utf-8", errors="replace", newline="\n") as file:
        file.write(text)


def write_new_files(root: Path, files: Mapping[str, str]) -> tuple[str, ...]:
    """Write the files that are not there yet; return the names of those that are."""
    kept = tuple(name for name in files if (root / name).exists())
    for name, text in files.items():
        if name not in kept:
            write_file(root / name, text)
    return kept


def check_files(folder: Path, config: Path | None, paths: Sequence[Path]) -> int:
    """Read the configuration and all cases below `paths`, else of every suite; return how many files are right.

    Raises DocumentError with every problem of every file.
    """
    own = config_path(folder, config)
    problems: list[Problem] = []
    suites: Mapping[str, str] = {}
    checked = 1
    try:
        suites = {name: spec.path for name, spec in load_project(folder, config).config.suites.items()}
    except DocumentError as error:
        problems.extend(error.problems)
        # What was refused for looking like a key is not named again.
        suites = {name: path for name, path in _suites_said(own).items() if not looks_like_secret(path)}
    resolved = [_resolved(folder, path) for path in paths]
    for path in resolved:
        if not path.is_dir() and path != own:
            checked += 1
            try:
                load_case(path, root=own.parent)
            except DocumentError as error:
                problems.extend(error.problems)
    folders = [path for path in resolved if path.is_dir()]
    for path in folders if paths else dict.fromkeys(own.parent / named for named in suites.values()):
        try:
            checked += len(load_suite("suite", path, root=own.parent).cases)
        except DocumentError as error:
            problems.extend(error.problems)
    if problems:
        raise DocumentError(tuple(problems))
    return checked


def _resolved(folder: Path, path: Path) -> Path:
    """Return where a path leads, as seen from `folder`. Raises UsageError where that is nowhere."""
    try:
        return (folder / path).resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name no system takes
        raise UsageError(f"{folder / path} is not there, or leads nowhere") from error


def _suites_said(config: Path) -> Mapping[str, str]:
    """Return the suites' folders in a configuration that has errors, as far as it can be read."""
    try:
        match read_yaml(config, root=config.parent).value:
            case {"suites": dict() as suites}:
                return {
                    name: spec["path"]
                    for name, spec in suites.items()
                    if isinstance(spec, dict) and isinstance(spec.get("path"), str)
                }
    except DocumentError:
        pass  # it has no suites that can be read, and its problem is known
    return {}


def is_a_file(path: Path) -> bool:
    """Say whether a file is there, whatever the name is: one that no system takes names none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
