"""Files that people write, and files written for them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core.policy import Policy
from harness.edges.files.project import config_path, load_project
from harness.edges.files.schemas import SCHEMAS, json_schema
from harness.edges.files.strict_yaml import read_yaml
from harness.edges.files.suites import load_case, load_suite
from harness.edges.files.validation import build
from harness.edges.stores.atomic import write_whole
from harness.errors import DocumentError, Problem, UsageError
from harness.registry import did_you_mean


def read_policy(folder: Path, path: Path) -> Policy:
    """Read a policy file, named as seen from `folder`. Raises DocumentError."""
    resolved = _resolved(folder, path)
    root = folder if resolved.is_relative_to(folder.resolve()) else Path(resolved.anchor)
    return build(read_yaml(resolved, root=root), Policy)


def schema_kinds() -> tuple[str, ...]:
    """List the kinds of file that have a JSON Schema."""
    return tuple(SCHEMAS)


def schema_text(kind: str) -> str:
    """Return the JSON Schema of one kind of file. Raises UsageError."""
    if kind not in SCHEMAS:
        raise UsageError(f"unknown schema '{kind}'{did_you_mean(kind, schema_kinds())}")
    return json.dumps(json_schema(kind), indent=1, ensure_ascii=False) + "\n"


def write_file(path: Path, text: str) -> None:
    """Write a file whole, its folder included. Raises UsageError where a folder of its path is a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{error.filename} is not a folder, so {path} cannot be written") from error
    write_whole(path, text.encode("utf-8", "replace"))


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
        suites = _suites_said(own)
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
