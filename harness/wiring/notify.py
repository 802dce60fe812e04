"""Parts that tell GitHub: the client, and what a workflow says about itself."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.core.verdict import Verdict
from harness.edges.environment import SystemClock, read_environment
from harness.edges.redaction import Redactor
from harness.edges.sinks.github import GitHub
from harness.edges.sinks.github_address import API_URL, api_address, repository_named, token_checked
from harness.edges.sinks.github_comment import Kept, keep_comment
from harness.edges.sinks.github_issue import IssueWish, keep_issue
from harness.edges.stores.safe_paths import regular_file
from harness.edges.stores.untrusted_json import parse_untrusted
from harness.edges.stores.verdicts import read_verdict
from harness.errors import HarnessError, MissingKey, OtherVersion, UsageError
from harness.ports import Clock

__all__ = [
    "MOST_NUMBER",
    "GitHub",
    "IssueWish",
    "Kept",
    "Redactor",
    "Where",
    "keep_comment",
    "keep_issue",
    "open_github",
    "plain_redactor",
    "pull_request_number",
    "surroundings",
    "verdict_file",
]

_MOST_EVENT_BYTES = 20_000_000
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")
MOST_NUMBER = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where to write; None is what the workflow's own environment says."""

    repository: str | None = None
    api_url: str | None = None
    token_env: str
    """Name of the variable that holds the token."""


def open_github(where: Where, environment: Mapping[str, str], clock: Clock, redactor: Redactor) -> GitHub:
    """Make the client. Raises UsageError for what is not there or no good; a value is never shown."""
    name = where.token_env
    if not _VARIABLE.match(name) or Redactor({}).redact(name) != name:
        raise UsageError("--token-env takes the name of a variable, never the token itself")
    if not environment.get(where.token_env):
        raise MissingKey(f"{where.token_env} is not set; it has to hold a token that may write")
    token = token_checked(environment[where.token_env], where.token_env)
    repository = where.repository or environment.get("GITHUB_REPOSITORY")
    if not repository:
        raise UsageError("which repository? Give --repo owner/name, or set GITHUB_REPOSITORY")
    hidden = Redactor({where.token_env: token})
    return GitHub(
        repository=repository_named(repository),
        token=token,
        clock=clock,
        redact=_both(redactor.redact_values, hidden.redact_values),
        api_url=api_address(where.api_url or environment.get("GITHUB_API_URL") or API_URL),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a command that needs no project works with."""

    environment: Mapping[str, str]
    clock: Clock


def surroundings(folder: Path, env_file: Path | None, clock: Clock | None) -> Around:
    """Read the environment. Raises UsageError for a file that cannot be read."""
    environment = read_environment(folder / env_file if env_file else None)
    return Around(environment=environment, clock=clock or SystemClock())


def plain_redactor() -> Redactor:
    """Make what knows no configured secret; the token is taken out in any case."""
    return Redactor({})


def _both(first: Callable[[str], str], second: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: second(first(text))


def pull_request_number(environment: Mapping[str, str]) -> int:
    """Return the number of the pull request whose event started this workflow. Raises UsageError.

    The file is GitHub's, and what it says of a title or a branch is a stranger's: only the number is read.
    """
    path = environment.get("GITHUB_EVENT_PATH")
    unknown = "which pull request? Give --pr NUMBER; the event that started this workflow names none"
    if not path:
        raise UsageError(unknown)
    try:
        event = parse_untrusted(regular_file(Path(path), Path(path).parent, _MOST_EVENT_BYTES))
    except (OSError, ValueError, HarnessError) as error:
        raise UsageError(f"{unknown}: GITHUB_EVENT_PATH cannot be read") from error
    pull = event.get("pull_request") if isinstance(event, dict) else None
    number = pull.get("number") if isinstance(pull, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < MOST_NUMBER:
        raise UsageError(unknown)
    return number


def verdict_file(path: Path) -> Verdict:
    """Read a `verdict.json` that lies anywhere. Raises DamagedRecord."""
    verdict = read_verdict(path, path.parent)
    if verdict is None:
        raise OtherVersion(f"{path}: is no verdict that this version can read; give a verdict.json, or a run")
    return verdict
