"""The machine: clock, environment variables, versions."""

import os
import platform
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness import __version__
from harness.edges.stores.safe_paths import open_regular
from harness.errors import UsageError, one_line

_MOST_ENV_BYTES = 1_000_000


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
    lines = _env_lines(env_file)
    added = {}
    for number, line in enumerate(lines, start=1):
        stripped = line.strip().removeprefix("export ").strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, value = stripped.partition("=")
        if not equals:
            raise UsageError(f"{one_line(str(env_file))}:{number}: expected NAME=value")
        added[name.strip()] = value.strip().strip("'\"")
    return {**os.environ, **added}


def _env_lines(env_file: Path) -> list[str]:
    shown = one_line(str(env_file))
    try:
        real = env_file.resolve(strict=True)
        with open_regular(real, real.parent) as file:
            content = file.read(_MOST_ENV_BYTES + 1)
        if len(content) <= _MOST_ENV_BYTES:
            return content.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown}: not UTF-8; save the file as UTF-8") from error
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name no system takes
        reason = error.strerror if isinstance(error, OSError) else "its path leads nowhere"
        raise UsageError(f"{shown}: cannot be read ({reason}); check --env-file") from error
    raise UsageError(f"{shown}: larger than {_MOST_ENV_BYTES:,} bytes; name a file of NAME=value lines")


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
