"""Verdicts that run folders hold: what was decided at the time."""

from pathlib import Path

from harness.core.verdict import Verdict
from harness.edges.stores.untrusted_json import parse_untrusted

SCHEMA_VERSION = Verdict.model_fields["schema_version"].default
_OF_THE_RENDERING = ("outcome", "exit_code", "run_end", "in_words")
"""What the file holds beside the verdict itself."""


def read_verdict(path: Path) -> Verdict | None:
    """Return the verdict in a `verdict.json`, or None where there is none that this version can read.

    None is no error: whatever a run gathered lies beside it, and can be decided again.
    """
    try:
        content = parse_untrusted(path.read_bytes())
        if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
            return None
        return Verdict.model_validate({k: v for k, v in content.items() if k not in _OF_THE_RENDERING})
    except (OSError, ValueError):
        return None
