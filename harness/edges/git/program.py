"""The git program, run where a stranger's branch may be checked out.

What a checkout can bring must not run and must not decide: no hook, no fsmonitor, no external diff, no network,
and no repository that lies in the tree as plain files. The user's own configuration stays in force, the
machine's included: it says which folders are safe, and how files are stored (LFS, line ends).
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from tempfile import TemporaryFile
from threading import Event, Timer
from typing import IO

from harness.errors import CannotWrite, GitFailed, MissingPackage, SetupError, one_line

MOST_SECONDS = 60
MOST_BYTES = 32_000_000
"""Of what git prints, where the caller knows no better."""

_CONFIGURED = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
    "submodule.recurse=false",
)
_SET = {
    "LC_ALL": "C",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
# Nothing else: no key goes to a filter, and the GIT_DIR or GIT_INDEX_FILE of a hook means another repository.
_KEPT = (
    *("HOME", "XDG_CONFIG_HOME", "USER", "LOGNAME", "SUDO_UID", "TMPDIR"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DEVELOPER_DIR"),
    *("SYSTEMROOT", "USERPROFILE", "HOMEDRIVE", "HOMEPATH", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA"),
    *("TEMP", "TMP", "PATHEXT", "COMSPEC"),
    *("GIT_EXEC_PATH", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM"),
    *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_COUNT"),
)
_KEPT_PREFIXES = ("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What git said, and how it ended."""

    code: int
    out: bytes
    err: str
    """Its first 2,000 bytes, on one line."""


def ask_git(folder: Path, *arguments: str, lines: bytes = b"", most_bytes: int = MOST_BYTES) -> Reply:
    """Run git in `folder`, with `lines` on its standard input.

    Raises SetupError where git is missing, does not trust the folder's owner, takes over `MOST_SECONDS`, or
    says more than `most_bytes`.
    """
    configured = [part for setting in _CONFIGURED for part in ("-c", setting)]
    command = ["git", "--no-pager", "-C", str(folder), *configured, *arguments]
    # Files, because two pipes that are both full wait for each other for ever.
    with _scratch() as asked, _scratch() as errors:
        asked.write(lines)
        asked.seek(0)
        source = asked if lines else DEVNULL
        try:
            process = Popen(command, stdin=source, stdout=PIPE, stderr=errors, env=_environment(os.environ))
        except (FileNotFoundError, PermissionError) as error:
            raise MissingPackage("git is not installed, or not on PATH: install it") from error
        out, in_time = _output(process, most_bytes)
        errors.seek(0)
        err = one_line(errors.read(2_000).decode("utf-8", "replace").strip())
    if not in_time:
        raise GitFailed(f"git {arguments[0]} took over {MOST_SECONDS} s in {folder}; run it there to see why")
    if len(out) > most_bytes:
        raise GitFailed(
            f"git {arguments[0]} says more than {most_bytes:,} bytes in {folder}; "
            "list in .gitignore what does not belong in the repository"
        )
    if process.returncode and "safe.directory" in err:
        raise GitFailed(
            f"{folder} belongs to another user, so git does not read it; where you trust it, run "
            f"git config --global --add safe.directory {folder}"
        )
    return Reply(code=process.returncode, out=out, err=err)


def _scratch() -> IO[bytes]:
    try:
        return TemporaryFile()
    except OSError as error:
        raise CannotWrite(
            f"no folder for temporary files can be written ({error.strerror}); make room, or name one in TMPDIR"
        ) from error


def git_output(folder: Path, *arguments: str) -> str | None:
    """Return what git says in `folder`, or None where it has nothing to say."""
    with suppress(SetupError):
        said = ask_git(folder, *arguments)
        if said.code == 0:
            return said.out.decode("utf-8", "surrogateescape").strip()
    return None


def who(folder: Path) -> str:
    """Return who git says is working here."""
    name, email = git_output(folder, "config", "user.name"), git_output(folder, "config", "user.email")
    return f"{name} <{email}>" if name and email else name or "unknown"


def _output(process: Popen[bytes], most_bytes: int) -> tuple[bytes, bool]:
    """Return at most one byte more than `most_bytes`, and whether git ended in time."""
    late = Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = Timer(MOST_SECONDS, stop)
    timer.start()
    with process:
        try:
            assert process.stdout is not None
            out = process.stdout.read(most_bytes + 1)
            if len(out) > most_bytes:
                process.kill()
            process.wait()
        finally:
            timer.cancel()
            process.kill()
    return out, not late.is_set()


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in environment.items()
        if name.upper() in _KEPT or name.upper().startswith(_KEPT_PREFIXES)
    }
    # A relative entry would look for git, and for its filters, in the checkout.
    entries = environment.get("PATH", os.defpath).split(os.pathsep)
    path = os.pathsep.join(entry for entry in entries if Path(entry).is_absolute())
    return {**kept, "PATH": path, **_SET}
