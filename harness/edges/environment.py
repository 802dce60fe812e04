"""The machine: clock, environment variables, git, versions."""

import os
import platform
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness import __version__
from harness.errors import UsageError


class SystemClock:
    """Wall time in UTC for names and nights, monotonic time for durations."""

    def now(self) -> datetime:
        """Return the current UTC time."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds on a clock that never jumps."""
        return time.monotonic()


def read_environment(env_file: Path | None) -> Mapping[str, str]:
    """Return the environment, with what `env_file` adds; a `.env` is read only when named."""
    if env_file is None:
        return dict(os.environ)
    try:
        lines = env_file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"{env_file}: cannot be read ({error.strerror}); check --env-file") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{env_file}: not UTF-8; save the file as UTF-8") from error
    added = {}
    for number, line in enumerate(lines, start=1):
        stripped = line.strip().removeprefix("export ").strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, value = stripped.partition("=")
        if not equals:
            raise UsageError(f"{env_file}:{number}: expected NAME=value")
        added[name.strip()] = value.strip().strip("'\"")
    return {**os.environ, **added}


def proxy_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Return ``user:password`` of every proxy variable that holds one, by the variable's name."""
    found = {}
    for name, value in environment.items():
        userinfo, at, _ = value.rpartition("@")
        if name.lower().endswith("_proxy") and name.lower() != "no_proxy" and at:
            found[name] = userinfo.rpartition("//")[2]
    return found


def git_output(root: Path, *arguments: str) -> str | None:
    """Return what git says in `root`, or None where it has nothing to say."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def who(root: Path) -> str:
    """Return who git says is working here."""
    name, email = git_output(root, "config", "user.name"), git_output(root, "config", "user.email")
    return f"{name} <{email}>" if name and email else name or "unknown"


def versions() -> Mapping[str, str]:
    """Return the versions of what decides a run."""
    found = {"drift": __version__, "python": platform.python_version()}
    for package in ("litellm", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def git_blobs(root: Path, ref: str, folder: str) -> dict[str, bytes]:
    """Return the files of `folder` (relative to `root`) at `ref`, by name; empty where there are none.

    Raises UsageError for a ref that git does not know.
    """
    commit = git_output(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if commit is None:
        raise UsageError(f"git knows no '{ref}' in {root}")
    listed = git_output(root, "ls-tree", "--name-only", commit, f"./{folder}/") or ""
    files = {}
    for path in listed.splitlines():
        shown = subprocess.run(
            ["git", "-C", str(root), "show", f"{commit}:./{path}"],
            capture_output=True,
            check=False,
            timeout=30,
        )
        if shown.returncode == 0:
            files[Path(path).name] = shown.stdout
    return files
