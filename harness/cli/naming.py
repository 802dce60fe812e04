"""Cases that a command line names."""

import fnmatch
from collections.abc import Sequence

from harness.errors import UsageError
from harness.registry import did_you_mean


def ids_named(ids: Sequence[str], globs: Sequence[str], where: str) -> tuple[str, ...]:
    """Return the ids that any of `globs` names, each once, sorted. Raises UsageError for a glob that names none."""
    for glob in globs:
        if not fnmatch.filter(ids, glob):
            raise UsageError(f"no case of {where} matches '{glob}'{did_you_mean(glob, tuple(ids))}")
    return tuple(sorted({case_id for glob in globs for case_id in fnmatch.filter(ids, glob)}))
