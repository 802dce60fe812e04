"""Verdicts that run folders hold: what was decided at the time."""

from pathlib import Path

from harness.core.run import RunEnd
from harness.core.verdict import Verdict
from harness.edges.stores.safe_paths import regular_file
from harness.edges.stores.untrusted_json import parse_untrusted
from harness.errors import DamagedRecord

MOST_VERDICT_BYTES = 128_000_000
SCHEMA_VERSION = Verdict.model_fields["schema_version"].default
_OF_THE_RENDERING = ("outcome", "exit_code", "run_end", "in_words")
"""What the file holds beside the verdict itself."""


def was_decided(path: Path, root: Path) -> bool:
    """Say whether a run's `verdict.json`, below `root`, was made of that run, and when it had come to its end.

    False where there is none, or where nobody can read it. Raises SetupError for a link, a pipe or a device.
    """
    try:
        content = parse_untrusted(regular_file(path, root, MOST_VERDICT_BYTES))
    except (OSError, ValueError, DamagedRecord):
        return False
    if not isinstance(content, dict):
        return False
    return content.get("run") == path.parent.name and content.get("run_end") is not None


def read_verdict(path: Path, root: Path) -> Verdict | None:
    """Return the verdict in a `verdict.json` below `root`, or None where there is none that this version can read.

    None is no error: whatever a run gathered lies beside it, and can be decided again. Raises SetupError for a
    link, a pipe or a device.
    """
    try:
        content = parse_untrusted(regular_file(path, root, MOST_VERDICT_BYTES))
        if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
            return None
        return Verdict.model_validate({k: v for k, v in content.items() if k not in _OF_THE_RENDERING})
    except (OSError, ValueError, DamagedRecord):
        return None


def read_run_end(path: Path, root: Path) -> RunEnd | None:
    """Return how a run ended, as its `verdict.json` says it, or None where it does not. Raises SetupError for a link."""
    try:
        content = parse_untrusted(regular_file(path, root, MOST_VERDICT_BYTES))
        end = content.get("run_end") if isinstance(content, dict) else None
        return None if end is None else RunEnd.model_validate(end)
    except (OSError, ValueError, DamagedRecord):
        return None
