"""The machine: clock, environment variables, versions."""

import os
import platform
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


def versions() -> Mapping[str, str]:
    """Return the versions of what decides a run."""
    found = {"drift": __version__, "python": platform.python_version()}
    for package in ("litellm", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
